/* files: ROOT as a map from paths to resources: safe look-up, cached, never stale unknowingly.
 *
 * Where a path stands for nothing, the site's page for that comes along.
 *
 * One worker's. What is cached is served without a look at its path until `valid_ms`, or up to half of that
 * less, have passed since the file was last seen; then it is looked at again first. What would make the
 * caller wait (a cold directory, a cold page) is done by a job, and the caller is told to come back: PENDING.
 * ROOT is an unresolved path and re-opened when it comes to mean another directory. */
#ifndef SLUICE_FILES_H
#define SLUICE_FILES_H

#include "cache.h"
#include "counters.h"
#include "date.h"
#include "fills.h"
#include "folders.h"
#include "site.h"

struct files;

/* What a site answers with when there is nothing at a path. */
enum files_page {
    FILES_PAGE_ERROR,    /* the page for people who took a wrong turn */
    FILES_PAGE_FALLBACK, /* the page whose script knows the route */
    FILES_PAGE_COUNT,
};

struct files_config {
    const char *root; /* absolute; *borrowed* */
    struct fetch_site fetch;
    struct site_config site;
    struct str pages[FILES_PAGE_COUNT]; /* paths below ROOT; absent: there is none */
    struct cache_limits cache;
    uint64_t valid_ms;
    struct counters *counters;
};

/* Returns 0 or a negative errno. *Gives*: files_destroy. */
int files_create(struct files **ret, const struct files_config *config);

/* Nobody waits any more, and all resources that were given have been dropped. */
void files_destroy(struct files *files);

enum files_result { FILES_READY, FILES_PENDING };

/* What there is at PATH, and if that is nothing, the site's PAGE.
 * READY: *RET is *given*; its resource is NULL only when memory is out. PENDING: WAITER, *borrowed* until
 * it is ready or cancelled, has been queued; when files_collect has named it, look up the same with the
 * same WAITER again: it will be READY, or PENDING once more. */
enum files_result files_lookup(struct files *files, const struct path *path, enum files_page page,
                               const struct date_now *now, struct files_waiter *waiter,
                               struct found *ret);

/* What is sent from a descriptor would show what the file is now, under the validators of what it was. So
 * before BODY, which is of FOUND, is used, this is asked. False: it has changed, as far as can be told in
 * each turn of the loop; FOUND is no longer good, and is to be dropped and looked up once more. */
bool files_confirm(const struct found *found, struct blob *body, const struct date_now *now);

/* Whether LENGTH bytes of FILE, from FIRST, can be sent without a wait for a disk, as far as can be told.
 * If not, a job reads them, and WAITER, which waits for nothing, has been queued: it will be named like
 * one that waits for a look-up. FILE is *pinned* meanwhile. */
bool files_warm(struct files *files, struct blob *file, uint64_t first, uint64_t length,
                const struct date_now *now, struct files_waiter *waiter);

/* Forgets WAITER's look-up and what it may have brought. No effect if there is none. */
void files_cancel(struct files_waiter *waiter);

/* Whether a look-up is under way; files_destroy would wait for it. Safe from any thread. */
bool files_busy(const struct files *files);

/* Readable when there is something for files_collect. */
int files_fd(const struct files *files);

/* Finishes the look-ups that jobs have done: calls WAKE for each waiter that is now ready. */
void files_collect(struct files *files, const struct date_now *now,
                   void (*wake)(void *context, struct files_waiter *waiter), void *context);

struct cache_usage files_usage(const struct files *files);

#endif
