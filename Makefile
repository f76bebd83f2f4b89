# Sluice: a static web server for Linux, four programs from one core.
#
#   make            builds the programs into build/ and needs only a C compiler
#   make serve      builds and serves sample-site/ on http://127.0.0.1:8080
#   make test       builds and runs every test
#   make help       lists all targets and what can be set
#
# Everything is built by this one set of rules; a variant (asan, tsan, CI's compilers) is the same
# rules with another BUILD directory and other flags. See mk/ for the targets around the build.

# Variables for the command line.
BUILD   = build
PORT    = 8080
ROOT    = sample-site
THREADS =
TEST    =

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

include mk/flags.mk

# --- what is built -------------------------------------------------------------------------------

CORE_SRC   := $(sort $(wildcard core/*/*.c))
SERVER_SRC := $(sort $(wildcard servers/*.c))
UNIT_SRC   := $(sort $(wildcard tests/support/*.c tests/unit/*/*.c))
E2E_SRC    := $(sort $(wildcard tests/e2e/*.c))
PLAIN_SRC  := $(sort $(wildcard tests/plain/*.c))
FAULTS_SRC := $(sort $(wildcard tests/faults/*.c))
BENCH_SRC  := $(sort $(wildcard bench/*.c))
ATTACK_SRC := $(sort $(wildcard bench/attackers/*.c))

object = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

LIB     := $(BUILD)/libsluice.a
SERVERS := $(patsubst servers/%.c,$(BUILD)/%,$(subst _,-,$(SERVER_SRC)))
UNIT    := $(if $(UNIT_SRC),$(BUILD)/tests/unit)
E2E     := $(if $(E2E_SRC),$(BUILD)/tests/e2e)
PLAIN   := $(if $(PLAIN_SRC),$(BUILD)/tests/plain)
FAULTS  := $(if $(FAULTS_SRC),$(BUILD)/tests/faults)

# --- how it is built ----------------------------------------------------------------------------

.PHONY: all servers check-programs plain-program faults-program clean help FORCE

## all: build the programs (the default)
all: servers
servers: $(SERVERS)
check-programs: $(SERVERS) $(UNIT) $(E2E) $(FAULTS)
plain-program: $(PLAIN)
faults-program: $(FAULTS)

say = @$(if $(V),:,printf '  %-4s %s\n' $(1) $(2))
run = $(if $(V),,@)

# Includes are written from core/ ("http/plan.h"), those of the tests' helpers from tests/.
INCLUDES = -Icore
$(BUILD)/obj/tests/%.o: INCLUDES = -Icore -Itests $(CRITERION_CFLAGS)

# The sources of the servers can be optimised across files.
$(BUILD)/obj/core/%.o $(BUILD)/obj/servers/%.o: LTO_FLAGS = $(LTO_CFLAGS)

# Compiler, flags and lists of sources of the last build: a change rebuilds the files they affect.
define remember
@mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(1))' >$@
endef
$(BUILD)/obj/flags: FORCE
	$(call remember,$(CC) $(ALL_CFLAGS) $(LTO_CFLAGS))
$(BUILD)/obj/links: FORCE
	$(call remember,$(CC) $(AR) $(ALL_LDFLAGS) $(UNIT_LDFLAGS) $(ALL_LDLIBS) $(CORE_SRC) $(UNIT_SRC) $(E2E_SRC) $(PLAIN_SRC) $(FAULTS_SRC))

$(BUILD)/obj/%.o: %.c $(BUILD)/obj/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(run)$(CCACHE) $(CC) $(INCLUDES) $(ALL_CFLAGS) $(LTO_FLAGS) -MMD -MP -c $< -o $@

$(LIB): $(call object,$(CORE_SRC)) $(BUILD)/obj/links
	$(call say,AR,$@)
	$(run)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

LINK = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) $(ALL_LDLIBS)

# The status page is a part of its object, which the assembler makes of files (.incbin).
$(BUILD)/obj/core/admin/admin_page.o: $(wildcard core/admin/page/*)
$(BUILD)/obj/core/admin/admin_page.o: LTO_FLAGS =

define server_rule
$(BUILD)/$(subst _,-,$(basename $(notdir $(1)))): $(call object,$(1)) $(LIB) $(BUILD)/obj/links
	$$(call say,LD,$$@)
	$$(run)$$(LINK) $$(LTO_CFLAGS) -o $$@
endef
$(foreach source,$(SERVER_SRC),$(eval $(call server_rule,$(source))))

# Calls that tests can make fail, and count: tests/support/faults_*.c have a __wrap_ of each.
WRAPPED      = __poll_chk __pread_chk __read_chk __recv_chk accept4 aligned_alloc bind calloc clock_gettime \
    close connect epoll_create1 epoll_ctl epoll_wait eventfd fchmod fcntl fdopendir flock fopen fork \
    fstat fstatat fsync futimens getaddrinfo getifaddrs getpeername getrandom getrlimit getsockname getsockopt \
    io_uring_queue_init_params io_uring_register_buf_ring io_uring_register_ring_fd \
    io_uring_submit io_uring_submit_and_get_events io_uring_submit_and_wait_timeout ioctl listen \
    malloc memfd_create mmap nanosleep open openat poll pread preadv2 pthread_create read readdir readv \
    realloc recv rename renameat sched_getaffinity send sendfile sendmsg setrlimit setsockopt shutdown signalfd \
    socket socketpair stat statx strdup syscall unlink unlinkat write writev
# The functions of core/system/uring.h that a unit test can replace: tests/support/uring_script.c.
URING_WRAPPED = uring_ask_accept uring_ask_cancel uring_ask_poll uring_ask_poll_multishot \
    uring_ask_receive uring_ask_send uring_begin uring_fini uring_init uring_wait
FAULTS_LDFLAGS = $(WRAPPED:%=-Wl,--wrap=%)
UNIT_LDFLAGS   = $(FAULTS_LDFLAGS) $(URING_WRAPPED:%=-Wl,--wrap=%)
WRAPPERS     = $(wildcard tests/support/faults*.c)

$(BUILD)/tests/unit: $(call object,$(UNIT_SRC)) $(LIB) $(BUILD)/obj/links
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(run)$(LINK) $(LTO_OFF) $(UNIT_LDFLAGS) $(CRITERION_LIBS) -o $@

$(BUILD)/tests/e2e: $(call object,$(E2E_SRC)) $(LIB) $(BUILD)/obj/links
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(run)$(LINK) $(LTO_OFF) $(CRITERION_LIBS) -o $@

$(BUILD)/tests/plain: $(call object,$(PLAIN_SRC) tests/support/tls_rig.c) $(LIB) $(BUILD)/obj/links
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(run)$(LINK) $(LTO_OFF) -o $@

$(BUILD)/tests/faults: $(call object,$(FAULTS_SRC) $(WRAPPERS)) $(LIB) $(BUILD)/obj/links
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(run)$(LINK) $(LTO_OFF) $(FAULTS_LDFLAGS) -o $@

-include $(patsubst %.o,%.d,$(call object,$(CORE_SRC) $(SERVER_SRC) $(UNIT_SRC) $(E2E_SRC) $(PLAIN_SRC) $(FAULTS_SRC)))

# --- around the build ---------------------------------------------------------------------------

include mk/run.mk mk/develop.mk mk/measure.mk mk/bench.mk mk/fuzz.mk mk/lint.mk mk/manual.mk mk/install.mk

## clean: remove build/ (or BUILD)
clean:
	rm -rf $(BUILD)

## help: show this list
help:
	@sed -n 's/^## \([a-z_.-]*\): /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-21s %s\n", $$1, $$2}'
	@printf '\nVariables: %s\n' 'CC CFLAGS CPPFLAGS LDFLAGS PREFIX DESTDIR BUILD=directory'
	@printf '           %s\n' 'V=1 (show every command)  WERROR=1 (fail on warnings)  CCACHE=ccache' \
	    'PORT= ROOT= THREADS= (make serve)  ROOT= (make precompress)' \
	    'TEST=suite or TEST=suite/name* (make test, quick, coverage, asan, tsan)' \
	    'QUICK=1 PIECE= ARGS= (make bench)  QUICK=1 ARGS= (make attack)  MINUTES= ARGS= (make soak)' \
	    'PROFILE=1 (every call on the stack, for perf; in build/profile)' \
	    '$(foreach library,$(OPTIONAL),$(firstword $(subst :, ,$(library)))=0 (without that library)) OPTIONAL= (without any)' \
	    'LTO=0 (no optimisation across files: links faster)'
