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

INSTALL         = install
INSTALL_PROGRAM = $(INSTALL)
INSTALL_DATA    = $(INSTALL) -m 644

INSTALLED_PROGRAMS = $(addprefix $(DESTDIR)$(bindir)/,$(notdir $(SERVERS)))
INSTALLED_DOCS     = $(addprefix $(DESTDIR)$(docdir)/,$(notdir $(DOCS)))
DOCS               = README.md LICENSE
UNITS              = tools/deploy/sluice.service tools/deploy/sluice.socket
INSTALLED_UNITS    = $(addprefix $(DESTDIR)$(unitdir)/,$(notdir $(UNITS))) \
    $(DESTDIR)$(sysusersdir)/sluice.conf
# The units name the places of a default installation.
SED_UNITS          = sed -e 's,/usr/local/bin/,$(bindir)/,' -e 's,/usr/local/share/doc/sluice/,$(docdir)/,'

.PHONY: install install-strip uninstall

## install: install the servers and units for systemd under PREFIX (/usr/local), or under DESTDIR
install: $(SERVERS)
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(docdir) $(DESTDIR)$(unitdir) \
	    $(DESTDIR)$(sysusersdir)
	$(INSTALL_PROGRAM) $(SERVERS) $(DESTDIR)$(bindir)
	$(INSTALL_DATA) $(DOCS) $(DESTDIR)$(docdir)
	for unit in $(UNITS); do \
	    $(SED_UNITS) "$$unit" >$(DESTDIR)$(unitdir)/"$${unit##*/}" && \
	    chmod 644 $(DESTDIR)$(unitdir)/"$${unit##*/}" || exit 1; \
	done
	$(INSTALL_DATA) tools/deploy/sluice.sysusers $(DESTDIR)$(sysusersdir)/sluice.conf

install-strip:
	+$(MAKE) INSTALL_PROGRAM='$(INSTALL_PROGRAM) -s' install

## uninstall: remove the files that install wrote
uninstall:
	rm -f $(INSTALLED_PROGRAMS) $(INSTALLED_DOCS) $(INSTALLED_UNITS)
	-rmdir $(DESTDIR)$(docdir) 2>/dev/null || :
