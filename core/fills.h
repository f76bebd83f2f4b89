/* fills: look-ups that jobs do, and who waits for them.
 *
 * Of one worker; a fill's path and what it has found belong to the job's thread until it is collected.
 * Whoever looks for the same path below the same ROOT meanwhile waits for the same fill. */
#ifndef SLUICE_FILLS_H
#define SLUICE_FILLS_H

#include "fetch.h"
#include "jobs.h"
#include "resource.h"

/* Somebody who may have to wait for a look-up; embedded in the waiter, zero at first. */
struct files_waiter {
    struct files_waiter *next;
    struct fill *fill;        /* what is waited for; NULL: nothing */
    struct resource *ready;   /* what was waited for, pinned, until it is taken */
    struct resource *missing; /* while the page is looked up: that there is nothing at the path */
    bool rules_seen;          /* it has waited for the site's rules */
};

/* A look-up that a job does; or the reading of part of a file, so that it can be sent without a wait. */
struct fill {
    struct job job;
    struct fill *next;
    struct files_waiter *waiters;
    const struct fetch_site *site;
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

struct fills {
    struct jobs *jobs;
    struct fill *under_way;
};

/* Returns 0 or a negative errno. *Gives*: fills_fini. */
int fills_init(struct fills *fills);

/* Waits for what is running and forgets the rest. Nobody waits any more. No effect on zeros. */
void fills_fini(struct fills *fills);

/* The look-up of PATH below ROOT that is under way, or NULL. */
struct fill *fills_find(const struct fills *fills, const struct blob *root,
                        const struct path *path);

/* Has a job look PATH up below ROOT, which it *pins*, as fetch does; SITE is *borrowed*. NULL when no more
 * can be taken. */
struct fill *fills_start(struct fills *fills, struct blob *root, const struct path *path,
                         const struct fetch_site *site, const struct fetch_state *known,
                         uint64_t now_ms);

/* Has a job read LENGTH bytes, at least 1, of FILE, which it *pins*, from FIRST. NULL when no more can be
 * taken. What it brings is nothing but the wait. */
struct fill *fills_start_reading(struct fills *fills, struct blob *file, uint64_t first,
                                 uint64_t length);

/* Queues WAITER, *borrowed* until it is woken or has gone. */
void fill_await(struct fill *fill, struct files_waiter *waiter);

/* Whether WAITER is as it was at first: it waits for nothing, and nothing has been kept for it. */
static inline bool files_waiter_is_unused(const struct files_waiter *waiter)
{
    return !waiter->fill && !waiter->ready && !waiter->missing && !waiter->rules_seen;
}

/* Takes WAITER out of what it waits for, if anything. */
void fill_leave(struct files_waiter *waiter);

/* One that its job is done with, off the list, *given*; NULL: there is none. Call it until then. What has
 * turned out to take long goes on as a lengthy job. */
struct fill *fills_collect(struct fills *fills, struct job **rest);

/* Wakes all that wait for FILL, each with a pin on READY unless that is NULL, and frees it. */
void fill_finish(struct fill *fill, struct resource *ready,
                 void (*wake)(void *context, struct files_waiter *waiter), void *context);

#endif
