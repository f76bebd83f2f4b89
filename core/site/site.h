/* site: the state that a site adds to its files: its settings, and the header rules of a file in
 * ROOT.
 *
 * The rules come from the command line and from that file, which is read again when it has changed
 * and which is never served itself. site_resource makes resources with them. Belongs to one worker.
 * Does no I/O: the caller fetches the file. */
#ifndef SLUICE_SITE_H
#define SLUICE_SITE_H

#include "site/fetch.h"
#include "site/site_settings.h"

/* Where mistakes in a site's rules file are reported: FUNCTION is called for each line that is not a
 * rule, and with line 0 when the file as a whole can't be used. NULL: they are not reported. */
struct site_report {
    void (*function)(void *context, const struct rules_mistake *mistake);
    void *context;
};

struct site;

/* A site without rules of a file yet. *Borrows* SETTINGS. NULL: out of memory. *Gives*: site_destroy. */
struct site *site_create(const struct site_settings *settings, struct site_report report);
void site_destroy(struct site *site);

/* Whether PATH is a file that tells about the site and is never served. */
bool site_is_private(const struct site *site, const struct path *path);

/* Where the site's rules are, below ROOT; NULL: nowhere. */
const struct path *site_rules_path(const struct site *site);

/* What they were when last taken; NULL: not known well enough to tell a change. */
const struct fetch_state *site_rules_known(const struct site *site);

/* Takes over the rules in FETCHED, which is what there is at their path. True if any have changed:
 * what site_resource_make has made is then out of date. Without memory the old ones go on. */
bool site_take_rules(struct site *site, const struct fetched *fetched);

/* Whether a path may have fields of its own even if there is nothing to be served. */
bool site_has_rules(const struct site *site);

/* What the site was created with. *Borrowed*. */
const struct site_settings *site_settings(const struct site *site);

enum { SITE_RULE_SETS = 2 };

/* Sets RET to the site's rules, in the order in which they apply: those of the file in ROOT, then
 * those of the command line. NULL: there are none. *Borrowed* until site_take_rules. */
void site_rule_sets(const struct site *site, const struct rules *ret[static SITE_RULE_SETS]);

#endif
