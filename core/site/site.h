/* site: one host's tree in one worker: its directory, its header rules, its entries in the cache.
 *
 * The settings say what is served; they are immutable and shared by all workers. The directory is
 * followed when ROOT comes to mean another one (a release is switched by a symbolic link). The
 * rules are those of the settings and those of a file in ROOT, which is read again when it has
 * changed and is never served itself. site_resource makes resources with them; store decides when
 * to check what. Belongs to one worker. */
#ifndef SLUICE_SITE_H
#define SLUICE_SITE_H

#include "site/cache.h"
#include "site/fetch.h"
#include "site/site_settings.h"
#include "site/site_share.h"

/* Where mistakes in a site's rules file are reported: FUNCTION is called for each line that is not
 * a rule, and with line 0 when the file as a whole can't be used. NULL: they are not reported. */
struct site_report {
    void (*function)(void *context, const struct problem *problem);
    void *context;
};

struct site {
    uint32_t references; /* the store's, and one of each look-up under way; of one thread */
    bool removed;        /* the store has no such site any more; it has no settings then */
    const struct site_settings *settings; /* *borrowed*; a reload replaces them by equal ones */
    struct site_report report;
    struct cache_group entries;
    const struct mime *mime; /* the types that its entries were made with */

    struct site_share *share;         /* a reference */
    struct site_counts_place *counts; /* of this worker, in SHARE; NULL: a site without a store */
    struct root *root; /* that ROOT means, when last seen; pinned; NULL: not opened yet */
    uint64_t root_seen_ms;
    bool root_overdue;          /* it has to be checked whenever it was seen */
    struct lookup *root_lookup; /* store: the job that checks it, or NULL */

    struct rules *rules;     /* of the file in ROOT; NULL: none */
    struct blob *rules_text; /* that they were made of; pinned */
    bool rules_known_set;    /* RULES_KNOWN shows each later change of the file */
    struct fetch_state rules_known;
    const char *reported;          /* of the file as a whole; NULL: nothing is wrong */
    uint64_t rules_fresh_until_ms; /* store: when the file has to be checked again */
    bool rules_overdue;            /* store: it has to be checked now */
    struct lookup *rules_lookup;   /* store: the job that checks it, or NULL */

    uint32_t number;       /* index of its settings; a reload may change it */
    uint64_t shared_state; /* store: its word in changes, when last compared */

    struct resource *shared_404; /* for paths that are never served, without rules; or NULL */
};

/* The site with SETTINGS, which it *borrows*, and SHARE, which it *refs*. It has no directory yet,
 * and no rules of a file. NULL: out of memory. *Gives* one reference: site_drop. */
struct site *site_create(const struct site_settings *settings, struct site_share *share,
                         struct site_report report);

/* Adds a reference. Returns SITE. */
struct site *site_pin(struct site *site);

/* Drops a reference; the last frees SITE, of which no entry is left in a cache. No effect on
 * NULL. */
void site_drop(struct site *site);

static inline const struct site_settings *site_settings(const struct site *site)
{
    return site->settings;
}

/* --- The directory --------------------------------------------------------------------------- */

/* Opens what ROOT means now. 0 or a negative errno. */
int site_open(struct site *site);

/* Checks without a wait what ROOT means at NOW_MS. True: it means another directory, or that can't
 * be said without a wait, so site_find_root and site_take_root are to follow. False: it is the same
 * one; or ROOT means nothing at the moment or can't be opened, so the old directory is served until
 * the next check. */
bool site_must_find_root(struct site *site, uint64_t now_ms);

/* Finds the directory that ROOT means now, however long it takes: *RET, *given* (root_drop).
 * SETTINGS are those of SITE, or were. 0 or a negative errno. Reads what is immutable of SITE only,
 * so a job may call it. */
int site_find_root(const struct site *site, const struct site_settings *settings,
                   struct root **ret);

/* Serves ROOT, which it *takes*, from site_find_root at SEEN_MS; NULL: it failed. Returns the
 * former directory, *given*, if ROOT is another one, else NULL. */
struct root *site_take_root(struct site *site, struct root *root, uint64_t seen_ms);

/* --- The rules ------------------------------------------------------------------------------- */

/* Whether PATH is a file that configures the site, as the rules file does: it is never served. */
bool site_is_private(const struct site *site, const struct path *path);

/* Sets RET to the path of the rules file. False: the site has none. */
bool site_rules_path(const struct site *site, struct path *ret);

/* Its state when the rules were last taken; NULL: not known well enough to show a change. */
const struct fetch_state *site_rules_known(const struct site *site);

/* Takes over the rules in FETCHED, the result for their path. True if any have changed: all
 * resources that were made before are out of date. Out of memory, the old rules stay. */
bool site_take_rules(struct site *site, const struct fetched *fetched);

/* A fingerprint of the directory, the rules and the media types: what all its answers depend on
 * besides files. */
uint64_t site_fingerprint(const struct site *site, uint64_t secret);

/* Whether a path may have header fields of its own even where nothing is served. */
bool site_has_rules(const struct site *site);

/* Whether some of its rules are for some hosts only. */
bool site_has_host_rules(const struct site *site);

enum { SITE_RULE_SETS = 2 };

/* Sets RET to the site's rules, in the order in which they apply: those of the file in ROOT, then
 * those of the settings; NULL in place of absent ones. *Borrowed* until site_take_rules. */
void site_rule_sets(const struct site *site, const struct rules *ret[static SITE_RULE_SETS]);

/* --- Paths ----------------------------------------------------------------------------------- */

/* Sets RET to the file that TEXT names below ROOT. At most PATH_BYTES_MAX of it count. */
void site_path_set(struct path *ret, struct str text);

/* Sets RET to the file NAME in DIRECTORY, a path below ROOT; "": ROOT. Both together have at most
 * PATH_BYTES_MAX - 1 bytes. */
void site_path_set_within(struct path *ret, struct str directory, struct str name);

#endif
