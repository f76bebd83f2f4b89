# The man page and the shell completions of sluice, made from its tables of options and commands by
# a program that is linked with them.

MANUAL      := $(BUILD)/manual
MAN_PAGES   := $(BUILD)/man/sluice.1 $(patsubst %,$(BUILD)/man/%.1,simple-server persistent-server pipelined-server)
COMPLETIONS := $(addprefix $(BUILD)/completions/,sluice.bash _sluice sluice.fish)

.PHONY: man completions

## man: write the man pages to build/man
man: $(MAN_PAGES)
## completions: write completion scripts for bash, zsh and fish to build/completions
completions: $(COMPLETIONS)

# Tests read what it writes.
check-programs: $(MANUAL)

$(MANUAL): $(call object,tools/manual.c) $(LIB) $(BUILD)/obj/links
	$(call say,LD,$@)
	$(run)$(LINK) $(LTO_OFF) -o $@

-include $(patsubst %.o,%.d,$(call object,tools/manual.c))

define write_manual
@mkdir -p $(@D)
$(call say,GEN,$@)
$(run)$(MANUAL) $(1) >$@
endef

$(BUILD)/man/sluice.1: docs/sluice.1.in $(MANUAL)
	$(call write_manual,man <$<)
$(BUILD)/man/%-server.1: mk/manual.mk
	@mkdir -p $(@D)
	@printf '.so man1/sluice.1\n' >$@
$(BUILD)/completions/sluice.bash: $(MANUAL)
	$(call write_manual,bash)
$(BUILD)/completions/_sluice: $(MANUAL)
	$(call write_manual,zsh)
$(BUILD)/completions/sluice.fish: $(MANUAL)
	$(call write_manual,fish)
