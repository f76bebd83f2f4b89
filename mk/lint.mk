# Checks of the sources that do not run them. clang-tidy leaves a stamp for each file without
# findings, so that a second `make lint` checks changed files only.

.PHONY: lint format lint-all lint-layout lint-layers lint-prose lint-cppcheck lint-scripts

C_SRC   = $(CORE_SRC) $(SERVER_SRC) $(BENCH_SRC) $(ATTACK_SRC) $(UNIT_SRC) $(E2E_SRC) $(PLAIN_SRC) $(FAULTS_SRC) $(FUZZ_SRC)
C_HDR   = $(wildcard core/*/*.h servers/*.h bench/*/*.h tests/*/*.h tests/*/*/*.h)
SCRIPTS = $(shell grep -lE '^\#! ?/(usr/)?bin/(env )?(ba)?sh' tools/* tests/*/* .ci/* 2>/dev/null)
TIDIED  = $(patsubst %.c,$(BUILD)/lint/%.tidy,$(C_SRC))

## lint: check layout, layers, prose, clang-tidy, cppcheck and shellcheck
lint:
	$(deps) build test lint
	$(again) -k lint-all
	@printf 'lint: all checks passed (%s C files, %s scripts)\n' $(words $(C_SRC) $(C_HDR)) $(words $(SCRIPTS))

lint-all: lint-layout lint-layers lint-prose lint-cppcheck lint-scripts $(TIDIED)

lint-layout:
	$(call say,FMT,'*.c *.h')
	$(run)clang-format --dry-run -Werror $(C_SRC) $(C_HDR)

lint-layers:
	$(call say,LAYR,'core servers')
	$(run)tools/check-layers --self-test
	$(run)tools/check-layers

lint-prose:
	$(call say,TEXT,'comments documents messages')
	$(run)tools/check-prose --self-test
	$(run)tools/check-prose

lint-cppcheck:
	$(call say,CPPC,'core servers')
	$(run)cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
	    --inline-suppr -D_GNU_SOURCE -Icore $(CORE_SRC) $(SERVER_SRC)

lint-scripts:
	$(call say,SH,'$(SCRIPTS)')
	$(run)shellcheck $(SCRIPTS)

# On stderr clang-tidy only counts the warnings that it has suppressed.
$(BUILD)/lint/%.tidy: %.c $(C_HDR) .clang-tidy tests/unit/.clang-tidy
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(run)clang-tidy --quiet $< -- -Icore -Itests $(CRITERION_CFLAGS) $(ALL_CFLAGS) 2>/dev/null
	@touch $@

## format: rewrite all C sources in the layout of .clang-format
format:
	clang-format -i $(C_SRC) $(C_HDR)
