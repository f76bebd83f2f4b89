/* store: see store.h. */
#include "base/hash.h"
#include "site/store_parts.h"

#include <errno.h>
#include <stdlib.h>

/* A file that was found to be in the page cache as a whole is not checked again for so long. */
enum { WARM_MS = 1000 };

/* --- Jobs ------------------------------------------------------------------------------------- */

/* The resource that LOOKUP, which is done, brings to its waiters. Pinned, *given*; NULL: each looks
 * again. */
static struct resource *finish(struct store *store, struct lookup *lookup,
                               const struct date_now *now)
{
    struct fetched *fetched = &lookup->fetched;
    if (lookup->kind == LOOKUP_READ || lookup->site->removed)
        return NULL;
    if (lookup->kind == LOOKUP_RULES) {
        store_finish_rules(store, lookup);
        return NULL;
    }
    if (lookup->kind == LOOKUP_ROOT) {
        store_finish_root(store, lookup);
        return NULL;
    }
    if (store_is_out_of_files(fetched) && cache_shed_file(store->cache))
        return NULL;
    struct store_step step = store_step_of(store, lookup->site, &lookup->path, now);
    step.ticket = lookup->ticket;
    if (lookup->outdated || lookup->root != lookup->site->root)
        return store_make(&step, fetched); /* for the waiters alone, and not kept */
    return store_publish(&step, lookup->started_ms, fetched);
}

void store_collect(struct store *store, const struct date_now *now,
                   void (*wake)(void *context, struct lookup_waiter *waiter), void *context)
{
    struct job *done = jobs_collect(store->lookups.jobs);
    struct lookup *lookup;
    while ((lookup = lookups_collect(&store->lookups, &done))) {
        struct resource *resource = finish(store, lookup, now);
        lookup_finish(lookup, resource, wake, context);
        resource_drop(resource);
    }
}

void store_cancel(struct lookup_waiter *waiter)
{
    lookup_leave(waiter);
    resource_drop(waiter->ready);
    resource_drop(waiter->missing);
    waiter->ready = NULL;
    waiter->missing = NULL;
    waiter->rules_seen = waiter->root_seen = false;
}

bool store_warm(struct store *store, struct blob *file, uint64_t first, uint64_t length,
                const struct date_now *now, struct lookup_waiter *waiter)
{
    if (now->ms < file->warm_until_ms || blob_is_copy(file))
        return true;
    if (load_is_warm(file->fd, first, length)) {
        if (first == 0 && length == file->length)
            file->warm_until_ms = now->ms + WARM_MS;
        return true;
    }
    struct lookup *lookup = lookups_start_reading(&store->lookups, file, first, length);
    if (!lookup)
        return true; /* then sending waits for the disk */
    lookup_await(lookup, waiter);
    return false;
}

bool store_busy(const struct store *store)
{
    return jobs_busy(store->lookups.jobs);
}

int store_fd(const struct store *store)
{
    return jobs_fd(store->lookups.jobs);
}

/* --- Beginning and end ----------------------------------------------------------------------- */

struct site *store_site(const struct store *store, uint32_t number)
{
    assert(number < store->sites->count);
    return store->sites->items[number];
}

void store_limit_cache(struct store *store, uint64_t bytes_max, uint32_t entries_max)
{
    cache_limit(store->cache, bytes_max, entries_max);
}

struct cache_usage store_usage(const struct store *store)
{
    return cache_usage(store->cache);
}

bool store_keeps_files(const struct store *store)
{
    return cache_holds_files(store->cache);
}

void store_release_files(struct store *store)
{
    cache_release_files(store->cache);
}

void store_revalidate(struct store *store)
{
    for (uint32_t i = 0; i < store->sites->count; i++)
        store_expire_site(store, store->sites->items[i]);
}

/* Expires the sites whose root or rules another worker has published. */
static void compare_sites(struct store *store)
{
    const struct changes *changes = store->shared->changes;
    for (uint32_t i = 0; i < store->sites->count; i++) {
        struct site *site = store->sites->items[i];
        if (changes_site_word(changes, site->share->state) != site->shared_state)
            store_expire_site(store, site);
    }
}

void store_follow_changes(struct store *store)
{
    uint64_t epoch = atomic_load_explicit(store->epoch_now, memory_order_acquire);
    if (epoch == store->epoch)
        return;
    store->epoch = epoch;
    compare_sites(store);
}

/* 0 or a negative errno. */
static int open_sites(struct store *store)
{
    int error = 0;
    for (uint32_t i = 0; !error && i < store->sites->count; i++) {
        store->sites->items[i]->number = i;
        error = store_open_site(store, store->sites->items[i]);
    }
    return error;
}

static int init(struct store *store, const struct store_config *config)
{
    store->counters = config->counters;
    store->shared = config->shared;
    if (!store->shared) {
        store->shared = store_shared_create(&(struct store_shared_config){
            .store_count = 1,
            .cache_bytes = config->cache.bytes_max,
        });
        store->shared_owned = true;
    }
    if (!store->shared)
        return -ENOMEM;
    const struct changes *changes = store->shared->changes;
    store->epoch_now = changes_epoch(changes);
    store->secret = changes ? changes_secret(changes) : hash_secret(store);
    store->cache = cache_create(&config->cache, store->secret);
    int error = store->cache ? 0 : -ENOMEM;
    if (!error)
        error = lookups_init(&store->lookups);
    return error ? error : open_sites(store);
}

int store_create(struct store **ret, const struct store_config *config)
{
    struct store_sites *sites = store_sites_create(&config->sites);
    struct store *store = sites ? calloc(1, sizeof *store) : NULL;
    if (!store) {
        store_sites_abandon(sites);
        return -ENOMEM;
    }
    store->sites = sites;
    int error = init(store, config);
    if (error)
        store_destroy(store);
    else
        *ret = store;
    return error;
}

void store_destroy(struct store *store)
{
    if (!store)
        return;
    lookups_fini(&store->lookups);
    cache_destroy(store->cache);
    store_sites_abandon(store->sites);
    if (store->shared_owned)
        store_shared_destroy(store->shared);
    free(store);
}
