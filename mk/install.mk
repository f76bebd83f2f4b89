# Installation as in the GNU Coding Standards: every directory can be set, and DESTDIR precedes
# each.

PREFIX ?= /usr/local
prefix      = $(PREFIX)
exec_prefix = $(prefix)
bindir      = $(exec_prefix)/bin
datarootdir = $(prefix)/share
docdir      = $(datarootdir)/doc/sluice
unitdir     = $(prefix)/lib/systemd/system
sysusersdir = $(prefix)/lib/sysusers.d
man1dir     = $(datarootdir)/man/man1
bashdir     = $(datarootdir)/bash-completion/completions
zshdir      = $(datarootdir)/zsh/site-functions
fishdir     = $(datarootdir)/fish/vendor_completions.d

INSTALL         = install
INSTALL_PROGRAM = $(INSTALL)
INSTALL_DATA    = $(INSTALL) -m 644

INSTALLED_PROGRAMS = $(addprefix $(DESTDIR)$(bindir)/,$(notdir $(SERVERS)))
INSTALLED_DOCS     = $(addprefix $(DESTDIR)$(docdir)/,$(notdir $(DOCS)))
INSTALLED_MANUAL   = $(addprefix $(DESTDIR)$(man1dir)/,$(notdir $(MAN_PAGES))) \
    $(DESTDIR)$(bashdir)/sluice $(DESTDIR)$(zshdir)/_sluice $(DESTDIR)$(fishdir)/sluice.fish
DOCS               = README.md LICENSE
UNITS              = tools/deploy/sluice.service tools/deploy/sluice.socket
INSTALLED_UNITS    = $(addprefix $(DESTDIR)$(unitdir)/,$(notdir $(UNITS))) \
    $(DESTDIR)$(sysusersdir)/sluice.conf
# The units name the places of a default installation.
SED_UNITS          = sed -e 's,/usr/local/bin/,$(bindir)/,' -e 's,/usr/local/share/doc/sluice/,$(docdir)/,'

.PHONY: install install-strip uninstall

## install: install servers, manual and systemd units under PREFIX (/usr/local), or under DESTDIR
install: $(SERVERS) $(MAN_PAGES) $(COMPLETIONS)
	$(INSTALL) -d $(foreach directory,$(bindir) $(docdir) $(unitdir) $(sysusersdir) $(man1dir) $(bashdir) $(zshdir) $(fishdir),$(DESTDIR)$(directory))
	$(INSTALL_PROGRAM) $(SERVERS) $(DESTDIR)$(bindir)
	$(INSTALL_DATA) $(DOCS) $(DESTDIR)$(docdir)
	for unit in $(UNITS); do \
	    $(SED_UNITS) "$$unit" >$(DESTDIR)$(unitdir)/"$${unit##*/}" && \
	    chmod 644 $(DESTDIR)$(unitdir)/"$${unit##*/}" || exit 1; \
	done
	$(INSTALL_DATA) tools/deploy/sluice.sysusers $(DESTDIR)$(sysusersdir)/sluice.conf
	$(INSTALL_DATA) $(MAN_PAGES) $(DESTDIR)$(man1dir)
	$(INSTALL_DATA) $(BUILD)/completions/sluice.bash $(DESTDIR)$(bashdir)/sluice
	$(INSTALL_DATA) $(BUILD)/completions/_sluice $(DESTDIR)$(zshdir)
	$(INSTALL_DATA) $(BUILD)/completions/sluice.fish $(DESTDIR)$(fishdir)

install-strip:
	+$(MAKE) INSTALL_PROGRAM='$(INSTALL_PROGRAM) -s' install

## uninstall: remove the files that install wrote
uninstall:
	rm -f $(INSTALLED_PROGRAMS) $(INSTALLED_DOCS) $(INSTALLED_UNITS) $(INSTALLED_MANUAL)
	-rmdir $(DESTDIR)$(docdir) 2>/dev/null || :
