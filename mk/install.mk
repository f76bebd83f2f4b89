# Installation as in the GNU Coding Standards: every directory can be set, and DESTDIR precedes
# each.

PREFIX ?= /usr/local
prefix      = $(PREFIX)
exec_prefix = $(prefix)
bindir      = $(exec_prefix)/bin
datarootdir = $(prefix)/share
docdir      = $(datarootdir)/doc/sluice

INSTALL         = install
INSTALL_PROGRAM = $(INSTALL)
INSTALL_DATA    = $(INSTALL) -m 644

INSTALLED_PROGRAMS = $(addprefix $(DESTDIR)$(bindir)/,$(notdir $(SERVERS)))
INSTALLED_DOCS     = $(addprefix $(DESTDIR)$(docdir)/,$(notdir $(DOCS)))
DOCS               = README.md LICENSE

.PHONY: install install-strip uninstall

## install: install the servers under PREFIX (/usr/local), or under DESTDIR for packages
install: $(SERVERS)
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(docdir)
	$(INSTALL_PROGRAM) $(SERVERS) $(DESTDIR)$(bindir)
	$(INSTALL_DATA) $(DOCS) $(DESTDIR)$(docdir)

install-strip:
	+$(MAKE) INSTALL_PROGRAM='$(INSTALL_PROGRAM) -s' install

## uninstall: remove the files that install wrote
uninstall:
	rm -f $(INSTALLED_PROGRAMS) $(INSTALLED_DOCS)
	-rmdir $(DESTDIR)$(docdir) 2>/dev/null || :
