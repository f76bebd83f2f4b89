# Compiler, flags and optional libraries. CC, CPPFLAGS, CFLAGS, LDFLAGS and LDLIBS belong to the
# user (GNU Coding Standards): the flags that the program needs are kept apart and joined at the
# end.
#
# SANITIZE=address,undefined (or thread) makes an instrumented build; mk/run.mk uses it. PROFILE=1
# makes a build for perf, in a directory of its own: leaf functions have frames too, and no call
# is turned into a jump, so that each caller is on the stack. Inlining is not changed, because
# that would profile a different program.

CFLAGS ?= $(if $(SANITIZE),-O1,-O2) -g

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
    -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wimplicit-fallthrough

# Frame pointers are kept for flame graphs of a running server.
BASE_CFLAGS = -std=gnu11 -D_GNU_SOURCE -pthread -fPIE -fno-omit-frame-pointer
BASE_LDFLAGS = -pthread -pie -Wl,--as-needed

ifneq ($(filter-out 0,$(PROFILE)),)
BUILD := $(BUILD)/profile
BASE_CFLAGS += -mno-omit-leaf-frame-pointer -fno-optimize-sibling-calls
endif

ifdef SANITIZE
BASE_CFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
else
BASE_CFLAGS += -fstack-protector-strong
# _FORTIFY_SOURCE is refused by glibc without optimisation.
BASE_CFLAGS += $(if $(filter-out -O0,$(filter -O%,$(CFLAGS))),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
BASE_CFLAGS += $(if $(filter-out 0,$(WERROR)),-Werror)
BASE_LDFLAGS += -Wl,-z,relro -Wl,-z,now
endif

# --- optional libraries -------------------------------------------------------------------------
# SWITCH:pkg-config module:least version. A module that pkg-config finds defines
# SLUICE_HAVE_<MODULE>=1 and is linked (--as-needed drops a library that nothing calls). SWITCH=0
# builds without it.

OPTIONAL = URING:liburing:2.3 SSL:openssl:3.0.0 ZLIB:zlib:1.2.11 BROTLI:libbrotlienc:1.0.7 \
    ZSTD:libzstd:1.4.5

PKG_CONFIG ?= pkg-config
upper = $(shell printf '%s' '$(1)' | tr 'a-z.-' 'A-Z__')
probe = $(shell { $(PKG_CONFIG) $(1); } 2>/dev/null)

# $(call take_optional,SWITCH,module,version)
define take_optional
ifneq ($$($(1)),0)
ifeq ($$(call probe,--exists '$(2) >= $(3)' && echo yes),yes)
FOUND += $(2)
OPTIONAL_CFLAGS += -DSLUICE_HAVE_$(call upper,$(2))=1 $$(call probe,--cflags $(2))
OPTIONAL_LDLIBS += $$(call probe,--libs $(2))
endif
endif
endef

# Targets that compile nothing themselves need no probing of libraries and flags.
COMPILES := $(filter-out clean help format uninstall serve precompress test faults asan tsan quick debug coverage \
    fuzz fuzz-run lint instructions bench bench-tls bench-drain report flamegraph attack soak,$(or $(MAKECMDGOALS),all))
ifneq ($(COMPILES),)
$(foreach library,$(OPTIONAL),$(eval $(call take_optional,$(word 1,$(subst :, ,$(library))),$(word 2,$(subst :, ,$(library))),$(word 3,$(subst :, ,$(library))))))
endif

# --- optimising across files --------------------------------------------------------------------
# Most functions on the path of a request are called once, from another file: link-time optimisation
# saves one instruction in eight. The objects of core/ and servers/ hold machine code as well, for
# the tests, which replace functions between files. Only gcc makes such objects; with other
# compilers, and with LTO=0, the servers are linked like the tests.

# The flags $(1), if the compiler links a program with them and without a warning.
links_with = $(shell printf 'int main(void) { return 0; }\n' | \
    $(CC) $(CFLAGS) $(1) -Werror -x c - -o /dev/null 2>/dev/null && printf '%s' '$(1)')

ifeq ($(SANITIZE)$(filter 0,$(LTO)),)
LTO_CFLAGS := $(if $(COMPILES),$(call links_with,-flto=auto -ffat-lto-objects))
endif
LTO_OFF = $(if $(LTO_CFLAGS),-fno-lto)

CRITERION_CFLAGS = $(call probe,--cflags criterion)
CRITERION_LIBS   = $(or $(call probe,--libs criterion),-lcriterion)

ALL_CFLAGS  = $(WARNINGS) $(BASE_CFLAGS) $(OPTIONAL_CFLAGS) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(BASE_LDFLAGS) $(LDFLAGS)
ALL_LDLIBS  = $(OPTIONAL_LDLIBS) $(LDLIBS)
