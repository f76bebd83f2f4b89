# Fuzzing: each tests/fuzz/fuzz_<target>.c is a libFuzzer program (this needs clang) and runs for
# FUZZ_SECONDS, after the inputs that once broke it, tests/fuzz/regressions/<target>/, were
# replayed. It starts from the seeds in tests/fuzz/corpus/<target>/ and keeps new inputs in BUILD.
# A crash writes its input to tests/fuzz/regressions/<target>/; commit it along with the fix.

.PHONY: fuzz fuzz-programs fuzz-run

FUZZ_SECONDS = 15
FUZZ_CC      = clang
FUZZ_FLAGS   = -max_len=4096 -timeout=5 -rss_limit_mb=4096 -print_final_stats=1
FUZZ         = $(BUILD)/fuzz
FUZZ_SRC     = $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_TARGETS = $(if $(TEST),$(TEST),$(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC)))

# The unit tests' connection without a socket, for fuzz_session, and their TLS, for fuzz_tls_stream;
# tests/fuzz/stand_in replaces Criterion.
FUZZ_SHARED = tests/support/session_driver.c tests/support/session_site.c tests/support/tls_rig.c

## fuzz: run every fuzz target for FUZZ_SECONDS (15), or TEST=target alone; needs clang
fuzz:
	@CC='$(FUZZ_CC)' tools/install-deps build sanitize optional
	$(again) BUILD=$(FUZZ) CC=$(FUZZ_CC) SANITIZE=fuzzer-no-link,address,undefined URING=0 \
	    CRITERION_CFLAGS=-Itests/fuzz/stand_in fuzz-programs
	$(again) -k fuzz-run
	@rmdir --ignore-fail-on-non-empty tests/fuzz/regressions

fuzz-programs: $(FUZZ_TARGETS:%=$(BUILD)/fuzz_%)

$(BUILD)/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(call object,$(FUZZ_SHARED)) $(LIB) \
    $(BUILD)/obj/links
	$(call say,LD,$@)
	$(run)$(LINK) -fsanitize=fuzzer -o $@

.SECONDARY: $(call object,$(FUZZ_SRC) $(FUZZ_SHARED))
-include $(patsubst %.o,%.d,$(call object,$(FUZZ_SRC)))

fuzz-run: $(FUZZ_TARGETS:%=fuzz-run-%)

# One line for each target; libFuzzer's own output only if it fails.
fuzz-run-%:
	@target=$* status=0; \
	    program=$(FUZZ)/fuzz_$$target found=$(FUZZ)/corpus/$$target log=$(FUZZ)/$$target.log; \
	    seeds=tests/fuzz/corpus/$$target broke=tests/fuzz/regressions/$$target; \
	    mkdir -p "$$found" "$$broke"; \
	    if $(SANITIZERS) $(NOASLR)"$$program" -runs=0 -artifact_prefix=$(FUZZ)/ "$$broke" >"$$log" 2>&1 && \
	        $(SANITIZERS) $(NOASLR)"$$program" -max_total_time=$(FUZZ_SECONDS) $(FUZZ_FLAGS) \
	            -artifact_prefix="$$broke/" "$$found" "$$seeds" >"$$log" 2>&1; \
	    then verdict=ok; else verdict=FAILED status=1; cat "$$log"; fi; \
	    rmdir --ignore-fail-on-non-empty "$$broke"; \
	    printf '%-6s %-16s %10s inputs\n' $$verdict $$target \
	        "$$(sed -n 's/^stat::number_of_executed_units: *//p' "$$log")"; \
	    exit $$status
