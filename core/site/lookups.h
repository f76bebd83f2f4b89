/* lookups: look-ups in the file system that jobs do, and the waiters of each.
 *
 * Belongs to one worker. While a job runs, its lookup's path and result belong to the job's thread,
 * until lookups_collect gives it back. A request for a path that is being looked up below the same
 * directory waits for the same lookup. A lookup pins the site and the directory, or the file, that
 * it uses, and holds the settings that it began with; the job reads nothing else of a site. */
#ifndef SLUICE_LOOKUPS_H
#define SLUICE_LOOKUPS_H

#include "http/resource.h"
#include "site/changes.h"
#include "site/fetch.h"
#include "site/store_sites.h"
#include "system/jobs.h"

/* One that may wait for a lookup; embedded in its owner, zero at first. */
struct lookup_waiter {
    struct lookup_waiter *next;
    struct lookup *lookup;    /* that it waits for; NULL: none */
    struct resource *ready;   /* result of the lookup, pinned, until it is taken */
    struct resource *missing; /* the 404 for the path, pinned, while the site's page is looked up */
    bool rules_seen;          /* it has waited for the site's rules */
    bool root_seen;           /* it has waited for the check of the site's root */
    uint32_t site_id;         /* of the site's share: whose results the members above are */
};

enum lookup_kind {
    LOOKUP_PATH,  /* of a path, for a resource */
    LOOKUP_RULES, /* of the site's rules file */
    LOOKUP_ROOT,  /* of the directory that ROOT means */
    LOOKUP_READ,  /* reads part of a file, so that it can be sent without a wait */
};

struct lookup {
    struct job job;
    struct lookup *next;
    struct lookup_waiter *waiters;
    enum lookup_kind kind;
    struct site *site;                    /* pinned; NULL for READ */
    struct store_sites *sites;            /* that keep SETTINGS: a reference; NULL for READ */
    const struct site_settings *settings; /* the site's when it started; NULL for READ */
    struct root *root;                    /* the site's when it started; pinned; NULL for READ */
    struct blob *file;                    /* of READ, pinned; else NULL */
    uint64_t first;                       /* of READ, in bytes */
    uint64_t length;                      /* of READ, in bytes */
    uint64_t started_ms;                  /* not for READ */
    struct changes_ticket ticket;         /* not for READ: taken before it started */
    bool outdated; /* what it finds may be older than what has to be served from now on */
    bool known_set;
    struct fetch_state known;
    struct load_shared *load; /* not for READ */
    uint64_t copy_bytes_max;
    struct hashed_files *hashed; /* as for fetch */
    struct fetched fetched;      /* by the job */
    struct root *found_root;     /* by the job for ROOT: pinned; NULL: none */
    struct path path;
};

/* What to look up: PATH of SITE, for PATH or RULES; for ROOT it means nothing. */
struct lookup_order {
    enum lookup_kind kind;
    struct site *site;
    struct store_sites *sites; /* that SITE is in */
    const struct path *path;
    const struct fetch_state *known; /* as for fetch; may be NULL */
    struct load_shared *load;
    uint64_t copy_bytes_max; /* as for fetch */
    uint64_t now_ms;
    struct changes_ticket ticket;
    struct hashed_files *hashed; /* as for fetch */
};

struct lookups {
    struct jobs *jobs;
    struct lookup *under_way; /* the latest first */
};

/* Returns 0 or a negative errno. *Gives*: lookups_fini. */
int lookups_init(struct lookups *lookups);

/* Waits for the jobs that run and drops the rest. No waiter may be left. No effect on zeros. */
void lookups_fini(struct lookups *lookups);

/* The lookup of PATH that is under way below the directory that SITE serves now, and whose result
 * will be no older than what any worker has answered with; or NULL. */
struct lookup *lookups_find(const struct lookups *lookups, const struct site *site,
                            const struct path *path);

/* Starts a job for ORDER. NULL when no more can be taken. */
struct lookup *lookups_start(struct lookups *lookups, const struct lookup_order *order);

/* Starts a job that reads LENGTH bytes of FILE, which it *pins*, from FIRST. NULL when no more can
 * be taken. Its result is only that the wait is over. */
struct lookup *lookups_start_reading(struct lookups *lookups, struct blob *file, uint64_t first,
                                     uint64_t length);

/* Marks the lookups of SITE that are under way (NULL: all) as outdated: they bring something to
 * their waiters only, and no other waits for them. */
void lookups_outdate(struct lookups *lookups, const struct site *site);

/* Queues WAITER, which waits for no other; *borrowed* until it is woken or leaves. */
void lookup_await(struct lookup *lookup, struct lookup_waiter *waiter);

/* Whether WAITER is as it was at first: it waits for nothing and keeps nothing. */
static inline bool lookup_waiter_is_unused(const struct lookup_waiter *waiter)
{
    return !waiter->lookup && !waiter->ready && !waiter->missing && !waiter->rules_seen &&
           !waiter->root_seen;
}

/* Takes WAITER out of the lookup that it waits for, if any. */
void lookup_leave(struct lookup_waiter *waiter);

/* The next lookup of REST, a list from jobs_collect, whose job is done, *given*; NULL: none is
 * left. Call it until then. */
struct lookup *lookups_collect(struct lookups *lookups, struct job **rest);

/* Wakes all waiters of LOOKUP, each with a pin on READY unless that is NULL, and frees it. */
void lookup_finish(struct lookup *lookup, struct resource *ready,
                   void (*wake)(void *context, struct lookup_waiter *waiter), void *context);

#endif
