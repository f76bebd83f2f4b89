# Load tests of the servers, their peers and the practical limit. bench/bench runs each piece.
#
# QUICK=1 takes three minutes, PIECE names one piece (bench/bench --help), ARGS are passed on.

.PHONY: bench bench-tls bench-drain bench-path bench-production report flamegraph bench-programs

PIECE =
ARGS  =
LIMIT = $(BUILD)/bench/limit

LIMIT_TLS = $(BUILD)/bench/limit_tls
TLS_LOAD  = $(BUILD)/bench/tls_load

# Those of TLS need OpenSSL; without it they are left out.
bench-programs: servers $(LIMIT) $(if $(filter openssl,$(FOUND)),$(LIMIT_TLS) $(TLS_LOAD))

$(LIMIT) $(LIMIT_TLS) $(TLS_LOAD): $(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(BUILD)/obj/links
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

## bench-tls: measure HTTPS, of the servers, their peers and the limit (QUICK=1: short)
bench-tls:
	$(deps) build bench $(optional)
	$(again) bench-programs
	$(call measure,$(BUILD),tls)
	$(call measure,$(BUILD),table)

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

## bench-path: download over an emulated path of 100 Mbit/s and 100 ms, on each engine (needs root)
bench-path:
	$(deps) build
	$(again) servers
	@SLUICE_BUILD='$(abspath $(BUILD))' SLUICE_BENCH='$(abspath $(BUILD)/bench)' bench/path $(ARGS)

## bench-drain: count the requests that clients lose in drains, of Sluice and nginx
bench-drain:
	$(deps) build bench $(optional)
	$(again) servers
	@SLUICE_BUILD='$(abspath $(BUILD))' SLUICE_BENCH='$(abspath $(BUILD)/bench)' bench/drain $(ARGS)

## bench-production: measure the cost of access logs, scrapes, many sites, and their reload
bench-production:
	$(deps) build bench $(optional)
	$(again) servers
	@SLUICE_BUILD='$(abspath $(BUILD))' SLUICE_BENCH='$(abspath $(BUILD)/bench)' bench/production $(ARGS)

# --- under attack, and for a long time ----------------------------------------------------------

.PHONY: attack soak attack-programs

MINUTES   = 3
ATTACKER  = $(BUILD)/bench/attacker
HONEST    = $(BUILD)/bench/honest
ATTACKERS = bench/attackers

attack-programs: $(ATTACKER) $(HONEST)

$(ATTACKER): $(call object,$(filter-out $(ATTACKERS)/honest.c,$(ATTACK_SRC))) $(BUILD)/obj/links
$(HONEST): $(call object,$(ATTACKERS)/honest.c $(ATTACKERS)/dial.c) $(BUILD)/obj/links
$(ATTACKER) $(HONEST):
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(run)$(LINK) -o $@

-include $(patsubst %.o,%.d,$(call object,$(ATTACK_SRC)))

# $(call besiege,DIRECTORY OF THE SERVERS,ARGUMENTS,PREFIX)
besiege = @SLUICE_BUILD='$(abspath $(1))' SLUICE_BENCH='$(abspath $(BUILD)/bench)' $(3)bench/attack $(2) $(ARGS)

## attack: attack the servers beside an honest client, and print a table (25 minutes; QUICK=1: half)
attack:
	$(deps) build $(optional)
	$(deps) attack || :
	$(again) servers attack-programs
	$(call besiege,$(BUILD),run $(if $(filter-out 0,$(QUICK)),--quick))

## soak: all clients for MINUTES, then reloads, against servers with sanitizers, on each engine
soak:
	$(deps) build sanitize $(optional)
	$(again) attack-programs
	$(again) BUILD=$(ASAN) SANITIZE=address,undefined servers
	$(call besiege,$(ASAN),soak --minutes $(MINUTES),$(NOASLR))
	$(call besiege,$(ASAN),reloads,$(NOASLR))
