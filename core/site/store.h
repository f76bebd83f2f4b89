/* store: the sites of a server as maps from paths to resources: safe look-up, cached, never stale
 * unknowingly.
 *
 * One worker has one store: a cache keyed by site and path, the look-ups under way, one pool of
 * jobs, the sites. A cached resource is served without a check until its lease ends, cache_valid_ms
 * after its file was last seen, or up to a quarter of that earlier; then it is revalidated first.
 * What would make the caller wait (a cold directory, a cold page) is done by a job: PENDING. Where
 * a path names nothing, the site's page for that is found with the 404. ROOT is an unresolved path,
 * followed when it comes to mean another directory. */
#ifndef SLUICE_STORE_H
#define SLUICE_STORE_H

#include "base/date.h"
#include "observe/counters.h"
#include "site/lookups.h"
#include "site/store_shared.h"

struct store;

/* The page that a site sends where there is nothing at a path. The last two are for responses that
 * are the same whatever there is: nothing is looked up, and the resource has the fields of the
 * site's rules for the path, see site_resource_make_bare. */
enum store_page {
    STORE_PAGE_ERROR,     /* the site's page for a 404 */
    STORE_PAGE_FALLBACK,  /* the page of an application, whose script knows the route */
    STORE_PAGE_REFUSED,   /* of a refused request */
    STORE_PAGE_PREFLIGHT, /* of the answer to OPTIONS */
};

struct store_config {
    struct store_sites_config sites;
    struct store_shared *shared; /* of the process; *borrowed*. NULL: this is its only store */
    struct cache_limits cache;
    struct counters *counters;
};

/* Opens the root of each site and reads its rules. Returns 0 or a negative errno. *Gives*:
 * store_destroy. */
int store_create(struct store **ret, const struct store_config *config);

/* No waiter may be left, and all resources that were given have been dropped. No effect on NULL. */
void store_destroy(struct store *store);

/* Serves NEXT, which it *takes*, in place of the sites that it has. A site that NEXT has a former
 * number for moves on with all that it has, and its settings are replaced by the equal ones of
 * NEXT. All leases end, as by store_revalidate. The entries of the sites that are gone go;
 * responses that use them keep their pins. A waiter of a site that is gone is woken without a
 * result when its look-up has finished, and looks again. */
void store_switch(struct store *store, struct store_sites *next);

/* The site with NUMBER, the index of its settings. *Borrowed*. */
struct site *store_site(const struct store *store, uint32_t number);

/* What to look up: PATH of SITE, and if nothing is there, the site's PAGE. */
struct store_query {
    struct site *site;
    const struct path *path;
    enum store_page page;
    const struct date_now *now;
    struct str authority; /* of the request; absent: rules for some hosts do not match */
};

enum store_result { STORE_READY, STORE_PENDING };

/* READY: *RET is *given*; its resource is NULL only when memory is out, or when the site has no
 * rules for a response that is the same whatever there is. PENDING: WAITER, *borrowed*
 * until it is ready or cancelled, has been queued. When store_collect has woken it, repeat the call
 * with the same arguments: READY, or PENDING once more. */
enum store_result store_lookup(struct store *store, const struct store_query *query,
                               struct lookup_waiter *waiter, struct found *ret);

/* sendfile sends the file as it is now, but the fields describe it as it was found. Call this
 * before a BODY of FOUND is used. False: the file has changed (checked once in each turn of the
 * loop); drop FOUND and look it up again. */
bool store_confirm(const struct found *found, struct blob *body, const struct date_now *now);

/* Whether LENGTH bytes of FILE, from FIRST, seem to be in the page cache. If not, a job reads them
 * and WAITER, which waits for nothing, has been queued, to be woken by store_collect. FILE is
 * *pinned* meanwhile. */
bool store_warm(struct store *store, struct blob *file, uint64_t first, uint64_t length,
                const struct date_now *now, struct lookup_waiter *waiter);

/* Takes WAITER out of its look-up and drops what it keeps. No effect if there is neither. */
void store_cancel(struct lookup_waiter *waiter);

/* Whether a look-up is under way, for which store_destroy would wait. Safe from any thread. */
bool store_busy(const struct store *store);

/* Readable when there is something for store_collect. */
int store_fd(const struct store *store);

/* Takes over the results of the jobs that are done. Calls WAKE for each waiter that is now
 * ready. */
void store_collect(struct store *store, const struct date_now *now,
                   void (*wake)(void *context, struct lookup_waiter *waiter), void *context);

/* Takes notice of sites whose root or rules another worker has found changed. Call it in each
 * turn of the loop in which requests are answered, after they were received: answers that are
 * given without store_lookup, because a lease is fresh, are then no older than any that a client
 * may have had before. */
void store_follow_changes(struct store *store);

/* Ends all leases: roots, rules and cached files are checked again before they are served. Where
 * the settings have other media types than before, all resources are made again. */
void store_revalidate(struct store *store);

/* Whether files are kept open, so that store_release_files has to be called from time to time. */
bool store_keeps_files(const struct store *store);

/* Lets go of the descriptors of files that were not looked up since the last call: they keep a
 * deleted file's blocks on the disk, and a medium below ROOT from being unmounted. */
void store_release_files(struct store *store);

struct cache_usage store_usage(const struct store *store);

/* Changes the limits of STORE's cache, see cache.h. */
void store_limit_cache(struct store *store, uint64_t bytes_max, uint32_t entries_max);

#endif
