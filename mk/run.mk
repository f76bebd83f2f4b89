# Running the programs: the sample site, the tests, and the tests under sanitizers.
#
# Each target first has tools/install-deps install missing packages and then calls make again, so
# that the build finds the packages.

.PHONY: serve precompress test faults asan tsan

deps  = @CC='$(CC)' tools/install-deps
# The tests include the optional libraries, unless OPTIONAL= leaves them out.
optional = $(if $(OPTIONAL),optional)
# As many jobs as there are CPUs, unless the caller said -j.
again = +@$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

## serve: build, then serve ROOT (sample-site/) on http://127.0.0.1:PORT
serve:
	$(deps) build
	$(again) servers
	@exec $(BUILD)/pipelined-server $(PORT) $(ROOT) --bind 127.0.0.1 $(if $(THREADS),--threads $(THREADS))

# ROOT must be given: the sample site is in git, its siblings are not.
## precompress: make compressed siblings (.br, .zst, .gz) beside the files of ROOT
precompress:
	$(if $(filter file,$(origin ROOT)),$(error Name the site: make precompress ROOT=directory))
	$(deps) build $(optional)
	$(again) servers
	@$(BUILD)/sluice precompress -- '$(ROOT)'

# The tests run the servers in SLUICE_BUILD and find the tree at SLUICE_TOP. run-tests uses V, too.
# $(call tests,DIRECTORY OF THE SERVERS,COMMANDS,VARIABLES)
tests     = @$(3) V='$(V)' SLUICE_BUILD='$(abspath $(1))' SLUICE_TOP='$(CURDIR)' tools/run-tests $(2)
criterion = $(if $(1),"$(2)$(1) --verbose$(3)$(if $(TEST), --filter '$(FILTER)')")
# End-to-end tests wait most of their time, so several run on each CPU; unit tests wait half of
# theirs.
E2E_JOBS  = $(shell echo " -j$$(($$(nproc) * 3))")
UNIT_JOBS = $(shell echo " -j$$(($$(nproc) * 2))")
# $(call uring,DIRECTORY OF THE SERVERS): before the end-to-end tests, has all servers use io_uring.
uring     = tools/with-io-uring $(1)
# $(call tls,DIRECTORY OF THE SERVERS): the same over TLS; cut: with each byte in a send of its own,
# for the tests in which that matters most.
tls       = tools/with-tls $(1)
CUT       = @(closing|http|pipelining|conditional|ranges|profiles)/*
# TLS on io_uring: the tests in which the engine or the transport matters.
SECURE    = @(closing|draining|http|pipelining|ranges)/*
secure    = $(if $(1),"$(2)$(1) --verbose$(E2E_JOBS) --filter '$(if $(TEST),$(FILTER),$(SECURE))'")
cut       = $(if $(and $(E2E),$(if $(TEST),,1)),"SLUICE_TLS=bytes $(call tls,$(1)) $(2) --verbose$(E2E_JOBS) --filter '$(CUT)'")
FILTER    = $(if $(findstring /,$(TEST)),$(TEST),$(TEST)/*)

# $(call faults,PROGRAM,PREFIX): a sample of the faults. Most of a run is waiting.
faults    = $(if $(1),$(if $(TEST),,"$(2)$(1) --jobs $(FAULT_JOBS)"))
FAULT_JOBS = $(shell echo $$((2 * $$(nproc))))

PYTHON_TESTS = $(if $(TEST),,$(wildcard tests/flask/compare.py tests/bench/*arithmetic.py tests/tools/*_test.py))

## test: build and run every test; the last line is the total
test:
	$(deps) build test $(optional)
	$(again) check-programs
	$(call tests,$(BUILD),$(call criterion,$(UNIT),,$(UNIT_JOBS)) $(call criterion,$(E2E),,$(E2E_JOBS)) \
	    $(call criterion,$(E2E),$(call uring,$(BUILD)) ,$(E2E_JOBS)) \
	    $(call criterion,$(E2E),$(call tls,$(BUILD)) ,$(E2E_JOBS)) \
	    $(call secure,$(E2E),$(call tls,$(BUILD)) $(call uring,$(BUILD)) ) \
	    $(call cut,$(BUILD),$(E2E)) $(call faults,$(FAULTS)) \
	    $(if $(TEST),,"tools/check-wrapped $(LIB) $(WRAPPED)") $(PYTHON_TESTS:%="/usr/bin/python3 %"))

## faults: make every system call and allocation of the servers fail, one run for each failure
faults:
	$(deps) build test $(optional)
	$(again) faults-program
	$(call tests,$(BUILD),"$(FAULTS) --all --jobs $(FAULT_JOBS)",TEST_TIMEOUT=7200)

# Sanitizers map memory at fixed addresses, which may be taken on kernels with much address space
# randomisation. Without it, for the programs and all their children, the addresses are always free.
NOASLR = $(if $(shell setarch -R true 2>/dev/null && echo yes),setarch -R )

SANITIZERS = ASAN_OPTIONS=detect_leaks=1:halt_on_error=1:exitcode=99:detect_stack_use_after_return=1 \
    UBSAN_OPTIONS=halt_on_error=1:exitcode=99:print_stacktrace=1 \
    TSAN_OPTIONS=halt_on_error=1:exitcode=99:second_deadlock_stack=1

ASAN = $(BUILD)/asan
TSAN = $(BUILD)/tsan

## asan: build with the address and undefined-behaviour sanitizers and run the tests
asan:
	$(deps) build test sanitize $(optional)
	$(again) BUILD=$(ASAN) SANITIZE=address,undefined check-programs
	$(call tests,$(ASAN),$(call criterion,$(UNIT:$(BUILD)/%=$(ASAN)/%),$(NOASLR),$(UNIT_JOBS)) \
	    $(call criterion,$(E2E:$(BUILD)/%=$(ASAN)/%),$(NOASLR),$(E2E_JOBS)) \
	    $(call criterion,$(E2E:$(BUILD)/%=$(ASAN)/%),$(call uring,$(ASAN)) $(NOASLR),$(E2E_JOBS)) \
	    $(call faults,$(FAULTS:$(BUILD)/%=$(ASAN)/%),$(NOASLR)),$(SANITIZERS))

# Criterion does not run under the thread sanitizer. Tests of modules with threads have a program of
# their own, tests/plain; the end-to-end tests are not instrumented and start instrumented servers.
## tsan: build the servers with the thread sanitizer and run the tests against them
tsan:
	$(deps) build test sanitize $(optional)
	$(again) $(E2E)
	$(again) BUILD=$(TSAN) SANITIZE=thread servers plain-program
	$(call tests,$(TSAN),$(if $(PLAIN),"$(NOASLR)$(TSAN)/tests/plain") \
	    $(call criterion,$(E2E),$(NOASLR),$(E2E_JOBS)) \
	    $(call criterion,$(E2E),$(call uring,$(TSAN)) $(NOASLR),$(E2E_JOBS)),$(SANITIZERS))
