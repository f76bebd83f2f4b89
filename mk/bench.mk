# Load tests of the servers, their peers and the practical limit. bench/bench runs each piece.
#
# QUICK=1 takes three minutes, PIECE names one piece (bench/bench --help), ARGS are passed on.

.PHONY: bench report flamegraph bench-programs

PIECE =
ARGS  =
LIMIT = $(BUILD)/bench/limit

bench-programs: servers $(LIMIT)

$(LIMIT): $(call object,$(BENCH_SRC)) $(BUILD)/obj/links
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(run)$(LINK) -o $@

-include $(patsubst %.o,%.d,$(call object,$(BENCH_SRC)))

# $(call measure,DIRECTORY OF THE SERVERS,PIECE); the measurement's own files are in $(BUILD)/bench.
measure = @SLUICE_BUILD='$(abspath $(1))' SLUICE_BENCH='$(abspath $(BUILD)/bench)' bench/bench $(2) \
    $(if $(filter-out 0,$(QUICK)),--quick) $(ARGS)

## bench: measure the servers, their peers and the limit, and print a table (QUICK=1: three minutes)
bench:
	$(deps) build bench
	$(again) bench-programs
	$(call measure,$(BUILD),$(or $(PIECE),all))

## report: measure, redraw the report, and list its statements that no longer hold
report:
	$(deps) build bench
	$(again) bench-programs
	$(call measure,$(BUILD),report)

## flamegraph: profile pipelined-server under load, and draw where its time goes
flamegraph:
	$(deps) build bench profile
	$(again) bench-programs
	$(again) PROFILE=1 servers
	$(call measure,$(if $(filter-out 0,$(PROFILE)),$(BUILD),$(BUILD)/profile),flamegraph)
