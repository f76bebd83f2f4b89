/* store: ROOT as a map from paths to resources: safe look-up, cached, never stale unknowingly.
 *
 * Where a path stands for nothing, the site's page for that comes along.
 *
 * One worker's. What is cached is served without a look at its path until `valid_ms`, or up to half of that
 * less, have passed since the file was last seen; then it is looked at again first. What would make the
 * caller wait (a cold directory, a cold page) is done by a job, and the caller is told to come back: PENDING.
 * ROOT is an unresolved path and re-opened when it comes to mean another directory. */
#ifndef SLUICE_STORE_H
#define SLUICE_STORE_H

#include "base/date.h"
#include "observe/counters.h"
#include "site/cache.h"
#include "site/directory_state.h"
#include "site/lookups.h"
#include "site/site.h"

struct store;

/* What a site answers with when there is nothing at a path. */
enum store_page {
    STORE_PAGE_ERROR,    /* the page for people who took a wrong turn */
    STORE_PAGE_FALLBACK, /* the page whose script knows the route */
    STORE_PAGE_COUNT,
};

struct store_config {
    const struct site_settings *site; /* *borrowed* */
    struct site_report report;
    struct cache_limits cache;
    struct counters *counters;
};

/* Returns 0 or a negative errno. *Gives*: store_destroy. */
int store_create(struct store **ret, const struct store_config *config);

/* Nobody waits any more, and all resources that were given have been dropped. */
void store_destroy(struct store *store);

enum store_result { STORE_READY, STORE_PENDING };

/* What there is at PATH, and if that is nothing, the site's PAGE.
 * READY: *RET is *given*; its resource is NULL only when memory is out. PENDING: WAITER, *borrowed* until
 * it is ready or cancelled, has been queued; when store_collect has named it, look up the same with the
 * same WAITER again: it will be READY, or PENDING once more. */
enum store_result store_lookup(struct store *store, const struct path *path, enum store_page page,
                               const struct date_now *now, struct lookup_waiter *waiter,
                               struct found *ret);

/* What is sent from a descriptor would show what the file is now, under the validators of what it was. So
 * before BODY, which is of FOUND, is used, this is asked. False: it has changed, as far as can be told in
 * each turn of the loop; FOUND is no longer good, and is to be dropped and looked up once more. */
bool store_confirm(const struct found *found, struct blob *body, const struct date_now *now);

/* Whether LENGTH bytes of FILE, from FIRST, can be sent without a wait for a disk, as far as can be told.
 * If not, a job reads them, and WAITER, which waits for nothing, has been queued: it will be named like
 * one that waits for a look-up. FILE is *pinned* meanwhile. */
bool store_warm(struct store *store, struct blob *file, uint64_t first, uint64_t length,
                const struct date_now *now, struct lookup_waiter *waiter);

/* Forgets WAITER's look-up and what it may have brought. No effect if there is none. */
void store_cancel(struct lookup_waiter *waiter);

/* Whether a look-up is under way; store_destroy would wait for it. Safe from any thread. */
bool store_busy(const struct store *store);

/* Readable when there is something for store_collect. */
int store_fd(const struct store *store);

/* Finishes the look-ups that jobs have done: calls WAKE for each waiter that is now ready. */
void store_collect(struct store *store, const struct date_now *now,
                   void (*wake)(void *context, struct lookup_waiter *waiter), void *context);

struct cache_usage store_usage(const struct store *store);

#endif
