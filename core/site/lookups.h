/* lookups: look-ups that jobs do, and who waits for them.
 *
 * Of one worker; a lookup's path and what it has found belong to the job's thread until it is collected.
 * Whoever looks for the same path below the same ROOT meanwhile waits for the same lookup. */
#ifndef SLUICE_LOOKUPS_H
#define SLUICE_LOOKUPS_H

#include "http/resource.h"
#include "site/fetch.h"
#include "system/jobs.h"

/* Somebody who may have to wait for a look-up; embedded in the waiter, zero at first. */
struct lookup_waiter {
    struct lookup_waiter *next;
    struct lookup *lookup;    /* what is waited for; NULL: nothing */
    struct resource *ready;   /* what was waited for, pinned, until it is taken */
    struct resource *missing; /* while the page is looked up: that there is nothing at the path */
    bool rules_seen;          /* it has waited for the site's rules */
};

/* A look-up that a job does; or the reading of part of a file, so that it can be sent without a wait. */
struct lookup {
    struct job job;
    struct lookup *next;
    struct lookup_waiter *waiters;
    const struct site_settings *site;
    struct blob *root; /* pinned: the job uses its descriptor; the file itself, if one is read */
    uint64_t first;    /* of the part that is read */
    uint64_t length;   /* 0: a look-up */
    uint64_t started_ms;
    bool known_set;
    struct fetch_state known;
    struct fetched fetched; /* by the job */
    bool too_long;          /* by the job: it takes a lengthy one */
    struct path path;
};

struct lookups {
    struct jobs *jobs;
    struct lookup *under_way;
};

/* Returns 0 or a negative errno. *Gives*: lookups_fini. */
int lookups_init(struct lookups *lookups);

/* Waits for what is running and forgets the rest. Nobody waits any more. No effect on zeros. */
void lookups_fini(struct lookups *lookups);

/* The look-up of PATH below ROOT that is under way, or NULL. */
struct lookup *lookups_find(const struct lookups *lookups, const struct blob *root,
                            const struct path *path);

/* Has a job look PATH up below ROOT, which it *pins*, as fetch does; SITE is *borrowed*. NULL when no more
 * can be taken. */
struct lookup *lookups_start(struct lookups *lookups, struct blob *root, const struct path *path,
                             const struct site_settings *site, const struct fetch_state *known,
                             uint64_t now_ms);

/* Has a job read LENGTH bytes, at least 1, of FILE, which it *pins*, from FIRST. NULL when no more can be
 * taken. What it brings is nothing but the wait. */
struct lookup *lookups_start_reading(struct lookups *lookups, struct blob *file, uint64_t first,
                                     uint64_t length);

/* Queues WAITER, *borrowed* until it is woken or has gone. */
void lookup_await(struct lookup *lookup, struct lookup_waiter *waiter);

/* Whether WAITER is as it was at first: it waits for nothing, and nothing has been kept for it. */
static inline bool lookup_waiter_is_unused(const struct lookup_waiter *waiter)
{
    return !waiter->lookup && !waiter->ready && !waiter->missing && !waiter->rules_seen;
}

/* Takes WAITER out of what it waits for, if anything. */
void lookup_leave(struct lookup_waiter *waiter);

/* One that its job is done with, off the list, *given*; NULL: there is none. Call it until then. What has
 * turned out to take long goes on as a lengthy job. */
struct lookup *lookups_collect(struct lookups *lookups, struct job **rest);

/* Wakes all that wait for FILL, each with a pin on READY unless that is NULL, and frees it. */
void lookup_finish(struct lookup *lookup, struct resource *ready,
                   void (*wake)(void *context, struct lookup_waiter *waiter), void *context);

#endif
