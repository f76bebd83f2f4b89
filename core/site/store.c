/* store: see store.h. */
#include "site/store.h"

#include "site/site_resource.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* A file of which all is in the page cache is not looked at again for so long. */
enum { WARM_MS = 1000 };

/* Some file systems don't tell by a directory's times what has become of its names: every so
 * often siblings that weren't there are looked for whatever it says. */
enum { FULL_LOOK_EVERY = 32 };

struct store {
    struct store_config config;
    struct cache *cache;
    struct lookups lookups;
    struct directory_states folders;
    struct site *site;
    struct blob *root; /* the directory that ROOT means now */
    uint64_t root_seen_ms;
    struct lookup *rules_lookup; /* the look-up of the site's rules, if a job is doing it */
    uint64_t rules_until_ms;     /* later, the site's rules have to be looked at again */
    struct resource *denial;     /* of what may not be told; made when first needed */
    struct path pages[STORE_PAGE_COUNT];
};

/* --- ROOT ------------------------------------------------------------------------------------ */

/* Opens what ROOT means now. 0 or a negative errno. */
static int open_root(struct store *store)
{
    int fd = root_open(store->config.site->root);
    if (fd < 0)
        return fd;
    struct stat status;
    struct blob_identity identity;
    int error = root_identify(fd, &status, &identity);
    struct blob *root = error ? NULL : blob_create_file(fd, &identity);
    if (!error && !root)
        error = -ENOMEM;
    if (error) {
        close(fd);
        return error;
    }
    blob_drop(store->root);
    store->root = root;
    directory_states_forget(&store->folders);
    return 0;
}

/* How old what is known of directories may be: a part of the time for which files are good. */
static uint64_t directory_ms(const struct store *store)
{
    return store->config.site->cache_valid_ms / 4;
}

/* Follows ROOT to another directory, if that is what its path has come to mean. True if it does. If it means
 * nothing at the moment, or descriptors are out, the old one goes on until the next time. */
static bool follow_root(struct store *store, uint64_t now_ms)
{
    struct stat status;
    const struct blob_identity *identity = &store->root->identity;
    if (stat(store->config.site->root, &status) < 0)
        return false;
    bool same = status.st_dev == identity->device && status.st_ino == identity->inode;
    if (!same && open_root(store) < 0)
        return false;
    store->root_seen_ms = now_ms;
    return !same;
}

/* --- From what was fetched to a resource ------------------------------------------------------ */

/* The resource that FETCHED makes of PATH. *Given*. NULL: out of memory. */
static struct resource *make_resource(struct store *store, const struct path *path,
                                      const struct date_now *now, const struct fetched *fetched)
{
    return site_resource_make(store->site, path, store->config.site->index, fetched, now->seconds);
}

/* Until when what was seen at SEEN_MS is good. ROOT counts as seen, too. What was looked at at once is to be
 * looked at again bit by bit, so by its HASH up to a quarter is left out. */
static uint64_t fresh_until(const struct store *store, uint64_t seen_ms, uint64_t hash)
{
    uint64_t valid_ms = store->config.site->cache_valid_ms;
    if (seen_ms > store->root_seen_ms)
        seen_ms = store->root_seen_ms;
    return seen_ms + valid_ms - hash % (valid_ms / 4 + 1);
}

/* The state of PATH's directory, for what was seen in it at SEEN_MS. A name that has come since would have
 * changed it so lately that it can't be told; if that was not so long ago. */
static uint64_t folder_state(struct store *store, const struct path *path,
                             const struct date_now *now, uint64_t seen_ms)
{
    enum { LATELY_MS = (ROOT_SETTLED_SECONDS - 1) * 1000 }; /* in seconds cut off */

    uint64_t folder_seen_ms;
    if (now->ms - seen_ms >= LATELY_MS)
        return 0;
    return directory_states_get(&store->folders, store->root->fd, path, now, directory_ms(store),
                                &folder_seen_ms);
}

/* Gives what FETCHED at SEEN_MS says about PATH, and keeps it in the cache if it may. Pinned, *given*; NULL:
 * out of memory, or it was unchanged but its entry is gone. */
static struct resource *publish(struct store *store, const struct path *path,
                                const struct date_now *now, uint64_t seen_ms,
                                const struct fetched *fetched)
{
    struct cache_key key = cache_key_of(store->cache, path);
    struct cache_entry *entry = cache_find(store->cache, &key);
    uint64_t fresh_until_ms = fresh_until(store, seen_ms, key.hash);
    if (fetched->kind == FETCH_UNCHANGED) {
        struct fetch_state state;
        if (!fetched->cacheable || !entry)
            return NULL;
        state = (struct fetch_state){.plain = entry->identity, .siblings = entry->siblings};
        if (!fetch_state_equal(&state, &fetched->state))
            return NULL;
        entry->resource->lease->fresh_until_ms = fresh_until_ms;
        entry->folder = fetched->state.alone ? folder_state(store, path, now, seen_ms) : 0;
        return resource_pin(entry->resource);
    }
    struct resource *resource = make_resource(store, path, now, fetched);
    if (!resource || !fetched->cacheable)
        return resource;
    entry = cache_put(store->cache, &key, resource);
    if (entry) {
        resource->lease->fresh_until_ms = fresh_until_ms;
        entry->identity = fetched->state.plain;
        entry->siblings = fetched->state.siblings;
        if (fetched->kind == FETCH_FILE && fetched->state.alone)
            entry->folder = folder_state(store, path, now, seen_ms);
        entry->settled = fetched->kind == FETCH_FILE && fetched->settled;
    }
    return resource;
}

/* --- Look-ups on the spot ---------------------------------------------------------------------- */

static bool is_out_of_descriptors(const struct fetched *fetched)
{
    return fetched->kind == FETCH_REFUSED && fetched->status == HTTP_UNAVAILABLE;
}

/* fetch, which when descriptors are out takes one from the cache and tries once more. That may be the
 * one of the very entry that KNOWN is from, so then everything is read. */
static int fetch_here(struct store *store, const struct path *path, enum io_mode mode,
                      const struct fetch_state *known, struct fetched *ret)
{
    int error = fetch(store->root->fd, path, store->config.site, mode, known, ret);
    if (!error && is_out_of_descriptors(ret) && cache_shed_file(store->cache))
        error = fetch(store->root->fd, path, store->config.site, mode, NULL, ret);
    return error;
}

/* Looks PATH up however long it takes. Pinned, *given*; NULL: out of memory. */
static struct resource *lookup_waiting(struct store *store, const struct path *path,
                                       const struct date_now *now)
{
    struct fetched fetched;
    fetch_here(store, path, IO_WAITING, NULL, &fetched);
    struct resource *resource = publish(store, path, now, now->ms, &fetched);
    fetched_fini(&fetched);
    return resource;
}

/* --- The site's rules --------------------------------------------------------------------------- */

/* Has a job look PATH up. NULL when no more can be taken. */
static struct lookup *start(struct store *store, const struct path *path, uint64_t now_ms,
                            const struct fetch_state *known)
{
    return lookups_start(&store->lookups, store->root, path, store->config.site, known, now_ms);
}

/* Takes over what FETCHED at SEEN_MS says about the site's rules. All resources are made anew if they have
 * changed. */
static void take_rules(struct store *store, uint64_t seen_ms, const struct fetched *fetched)
{
    if (is_out_of_descriptors(fetched))
        return; /* the old rules go on until it can be known */
    if (site_take_rules(store->site, fetched))
        cache_clear(store->cache);
    store->rules_until_ms = seen_ms + store->config.site->cache_valid_ms;
}

/* Sees to it that the site's rules are no older than anything else. Where that would mean to wait, a job
 * does it: rules_lookup. */
static void refresh_rules(struct store *store, uint64_t now_ms, enum io_mode mode)
{
    struct fetched fetched;
    const struct path *path = site_rules_path(store->site);
    if (!path || now_ms < store->rules_until_ms || store->rules_lookup)
        return;
    const struct fetch_state *known = site_rules_known(store->site);
    if (fetch(store->root->fd, path, store->config.site, mode, known, &fetched) < 0) {
        store->rules_lookup = start(store, path, now_ms, known);
        return;
    }
    take_rules(store, now_ms, &fetched);
    fetched_fini(&fetched);
}

/* --- What jobs bring back ------------------------------------------------------------------------ */

/* What the job of FILL, unlinked, brings to who has waited. Pinned, *given*; NULL: each looks again. */
static struct resource *conclude(struct store *store, struct lookup *lookup,
                                 const struct date_now *now)
{
    struct fetched *fetched = &lookup->fetched;
    if (lookup->length > 0)
        return NULL; /* nothing but the wait */
    bool of_root = lookup->root == store->root;
    if (lookup == store->rules_lookup) {
        store->rules_lookup = NULL;
        if (of_root)
            take_rules(store, lookup->started_ms, fetched);
        return NULL;
    }
    if (!of_root)
        fetched->cacheable = false; /* of a ROOT that is no more: for who has waited, only */
    if (is_out_of_descriptors(fetched) && cache_shed_file(store->cache))
        return NULL;
    return publish(store, &lookup->path, now, lookup->started_ms, fetched);
}

void store_collect(struct store *store, const struct date_now *now,
                   void (*wake)(void *context, struct lookup_waiter *waiter), void *context)
{
    struct job *done = jobs_collect(store->lookups.jobs);
    struct lookup *lookup;
    while ((lookup = lookups_collect(&store->lookups, &done))) {
        struct resource *resource = conclude(store, lookup, now);
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
    waiter->rules_seen = false;
}

bool store_warm(struct store *store, struct blob *file, uint64_t first, uint64_t length,
                const struct date_now *now, struct lookup_waiter *waiter)
{
    if (now->ms < file->warm_until_ms)
        return true;
    if (load_is_warm(file->fd, first, length)) {
        if (first == 0 && length == file->length)
            file->warm_until_ms = now->ms + WARM_MS;
        return true;
    }
    struct lookup *lookup = lookups_start_reading(&store->lookups, file, first, length);
    if (!lookup)
        return true; /* then it is waited for */
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

/* --- The look-up -------------------------------------------------------------------------------- */

/* What must be found again for the entry of KEY, PATH's, to be served on: NULL, or STATE, a copy, since the
 * entry may go meanwhile. If nothing was beside it, its directory says whether that is still so: then what
 * is found is as old as what that says, SEEN_MS. */
static const struct fetch_state *recollect(struct store *store, const struct path *path,
                                           const struct date_now *now, const struct cache_key *key,
                                           struct fetch_state *state, uint64_t *seen_ms)
{
    struct cache_entry *entry = cache_find(store->cache, key);
    if (!entry || !entry->settled)
        return NULL;
    *state = (struct fetch_state){.plain = entry->identity, .siblings = entry->siblings};
    uint64_t folder_seen_ms;
    bool trusted = ++entry->looks % FULL_LOOK_EVERY != 0;
    if (trusted && entry->folder != 0 &&
        entry->folder == directory_states_get(&store->folders, store->root->fd, path, now,
                                              directory_ms(store), &folder_seen_ms)) {
        state->alone = true;
        *seen_ms = folder_seen_ms;
    }
    return state;
}

/* What isn't in the cache, or has to be looked at again. */
static enum store_result lookup_cold(struct store *store, const struct path *path,
                                     const struct date_now *now, const struct cache_key *key,
                                     struct lookup_waiter *waiter, struct resource **ret)
{
    counters_add(store->config.counters, COUNTER_CACHE_MISSES, 1);
    /* For what is looked at again, ROOT needs no look each time; what is new is looked for where it is now. */
    const struct cache_entry *entry = cache_find(store->cache, key);
    bool seen = entry && now->ms - store->root_seen_ms < directory_ms(store);
    if (!seen && follow_root(store, now->ms)) {
        store->rules_until_ms = 0;
        refresh_rules(store, now->ms, IO_WAITING);
    }
    if (!waiter->rules_seen)
        refresh_rules(store, now->ms, IO_WITHOUT_WAITING);
    if (store->rules_lookup && !waiter->rules_seen) {
        waiter->rules_seen = true; /* it waits for them once */
        lookup_await(store->rules_lookup, waiter);
        return STORE_PENDING;
    }
    uint64_t seen_ms = now->ms;
    struct fetch_state state;
    const struct fetch_state *known = recollect(store, path, now, key, &state, &seen_ms);
    struct lookup *lookup = lookups_find(&store->lookups, store->root, path);
    struct fetched fetched;
    if (!lookup) {
        if (fetch_here(store, path, IO_WITHOUT_WAITING, known, &fetched) == 0) {
            *ret = publish(store, path, now, seen_ms, &fetched);
            fetched_fini(&fetched);
            return STORE_READY;
        }
        state.alone = false; /* that was so a moment ago, and a job takes its time */
        lookup = start(store, path, now->ms, known);
    }
    if (!lookup) {
        *ret = lookup_waiting(store, path, now);
        return STORE_READY;
    }
    lookup_await(lookup, waiter);
    return STORE_PENDING;
}

/* What there is at PATH, as store_lookup has it. *RET_CACHED becomes true if it was not looked at. */
static enum store_result lookup_one(struct store *store, const struct path *path,
                                    const struct date_now *now, struct lookup_waiter *waiter,
                                    struct resource **ret, bool *ret_cached)
{
    if (waiter->ready) {
        *ret = waiter->ready;
        waiter->ready = NULL;
        return STORE_READY;
    }
    struct cache_key key = cache_key_of(store->cache, path);
    struct cache_entry *entry = cache_find(store->cache, &key);
    if (entry && lease_is_fresh(entry->resource->lease, now->ms)) {
        counters_add(store->config.counters, COUNTER_CACHE_HITS, 1);
        *ret_cached = true;
        *ret = resource_pin(entry->resource);
        return STORE_READY;
    }
    return lookup_cold(store, path, now, &key, waiter, ret);
}

/* That there is nothing at PATH, as far as anybody is told. Pinned, *given*; NULL: out of memory. */
static struct resource *deny(struct store *store, const struct path *path,
                             const struct date_now *now)
{
    struct fetched nothing = {.kind = FETCH_REFUSED, .status = HTTP_NOT_FOUND};
    if (site_has_rules(store->site))
        return make_resource(store, path, now, &nothing);
    if (!store->denial)
        store->denial = resource_create_refusal(HTTP_NOT_FOUND, STR_ABSENT);
    return store->denial ? resource_pin(store->denial) : NULL;
}

static bool is_missing(const struct resource *resource)
{
    return resource && resource->kind == RESOURCE_REFUSAL && resource->status == HTTP_NOT_FOUND;
}

enum store_result store_lookup(struct store *store, const struct path *path, enum store_page page,
                               const struct date_now *now, struct lookup_waiter *waiter,
                               struct found *ret)
{
    struct found found = {.resource = waiter->missing};
    waiter->missing = NULL;
    if (!found.resource) {
        if (path->closed || site_is_private(store->site, path))
            found.resource = deny(store, path, now);
        else if (lookup_one(store, path, now, waiter, &found.resource, &found.cached) ==
                 STORE_PENDING)
            return STORE_PENDING;
    }
    if (is_missing(found.resource) && store->pages[page].length > 0 &&
        lookup_one(store, &store->pages[page], now, waiter, &found.page, &found.cached) ==
            STORE_PENDING) {
        waiter->missing = found.resource;
        return STORE_PENDING;
    }
    waiter->rules_seen = false;
    found.fallback = page == STORE_PAGE_FALLBACK;
    *ret = found;
    return STORE_READY;
}

bool store_confirm(const struct found *found, struct blob *body, const struct date_now *now)
{
    if (!found->cached || body->fd < 0 || blob_file_unchanged(body, now->turn))
        return true;
    found->resource->lease->fresh_until_ms = 0;
    if (found->page)
        found->page->lease->fresh_until_ms = 0;
    return false;
}

struct cache_usage store_usage(const struct store *store)
{
    return cache_usage(store->cache);
}

/* --- Beginning and end --------------------------------------------------------------------------- */

/* The path below ROOT that TEXT names; the root if it is absent. */
static void set_path(struct path *ret, struct str text)
{
    ret->directory = text.length == 0;
    ret->length = size_min(text.length, PATH_BYTES_MAX);
    *str_put(ret->text, str_first(text, ret->length)) = '\0';
}

int store_create(struct store **ret, const struct store_config *config)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return -ENOMEM;
    store->config = *config;
    set_path(&store->pages[STORE_PAGE_ERROR], config->site->error_page);
    set_path(&store->pages[STORE_PAGE_FALLBACK], config->site->fallback);
    store->cache = cache_create(&config->cache);
    store->site = site_create(config->site, config->report);
    int error = store->cache && store->site ? 0 : -ENOMEM;
    if (!error)
        error = lookups_init(&store->lookups);
    if (!error)
        error = open_root(store);
    if (error) {
        store_destroy(store);
        return error;
    }
    refresh_rules(store, 0, IO_WAITING);
    *ret = store;
    return 0;
}

void store_destroy(struct store *store)
{
    if (!store)
        return;
    lookups_fini(&store->lookups);
    cache_destroy(store->cache);
    site_destroy(store->site);
    blob_drop(store->root);
    resource_drop(store->denial);
    free(store);
}
