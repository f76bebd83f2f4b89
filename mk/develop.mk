# Targets for working on the sources. Each builds in a directory of its own, so that switching
# between them rebuilds nothing. CCACHE=ccache (say, in the environment) puts ccache before every
# compilation.

.PHONY: quick debug coverage

QUICK_BUILD = $(BUILD)/quick
DEBUG    = $(BUILD)/debug
COVERAGE = $(BUILD)/coverage

## quick: build without link-time optimisation and run the unit tests (TEST=suite)
quick:
	$(deps) build test $(optional)
	$(again) BUILD=$(QUICK_BUILD) LTO=0 check-programs
	$(call tests,$(QUICK_BUILD),$(call criterion,$(UNIT:$(BUILD)/%=$(QUICK_BUILD)/%)))

## debug: build the servers for a debugger (-Og -g3) into build/debug
debug:
	$(deps) build
	$(again) BUILD=$(DEBUG) LTO=0 CFLAGS='-Og -g3' CPPFLAGS='$(CPPFLAGS) -DSLUICE_DEBUG=1' servers
	@printf '%s\n' 'Run: gdb -x tools/gdb/sluice.py --args $(DEBUG)/pipelined-server $(PORT) $(ROOT)'

# Counters are atomic, because workers share them; a server writes them when it exits.
## coverage: run the tests and list the lines of core/ that no test reaches (TEST=suite)
coverage:
	$(deps) build test $(optional)
	$(again) BUILD=$(COVERAGE) LTO=0 CFLAGS='-O0 -g --coverage -fprofile-update=atomic' check-programs
	@find $(COVERAGE) -name '*.gcda' -delete
	$(call tests,$(COVERAGE),$(call criterion,$(UNIT:$(BUILD)/%=$(COVERAGE)/%)) \
	    $(call criterion,$(E2E:$(BUILD)/%=$(COVERAGE)/%)) \
	    $(call criterion,$(E2E:$(BUILD)/%=$(COVERAGE)/%),$(call uring,$(COVERAGE)) ))
	@tools/coverage $(COVERAGE)

# The flags of one source, as the rules in the Makefile have them.
flags_of = $(if $(filter tests/fuzz/%,$(1)),-Icore -Itests -Itests/fuzz/stand_in,$(if \
    $(filter tests/%,$(1)),-Icore -Itests $(CRITERION_CFLAGS),-Icore)) $(ALL_CFLAGS)
# An entry for the source $(1); the comma before it, unless it is the first.
define entry
$(if $(filter-out $(firstword $(C_SRC)),$(1)),$(comma))
{"directory": "$(CURDIR)", "file": "$(1)", "command": "$(subst ",\",$(strip $(CC) $(call flags_of,$(1)))) -c $(1)"}
endef
comma := ,

## compile_commands.json: write the compilation database that clangd and clang-tidy read
compile_commands.json: FORCE
	$(file >$@,[$(foreach source,$(C_SRC),$(call entry,$(source)))])
	$(call say,GEN,$@)
