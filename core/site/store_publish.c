/* store_publish: from what was fetched to a resource with a lease, in the cache; see
 * store_parts.h. */
#include "http/authority.h"
#include "site/site_resource.h"
#include "site/store_parts.h"

/* On some file systems a directory's times don't show each change: every so often siblings that
 * were absent are looked up whatever the directory's state is. */
enum { FULL_CHECK_EVERY = 32 };

/* How long a response without validators is fresh at most: soon there may be a digest. */
enum { PENDING_MS = 200 };

struct store_step store_step_of(struct store *store, struct site *site, const struct path *path,
                                const struct date_now *now)
{
    struct store_step step = {
        .store = store,
        .site = site,
        .path = path,
        .now = now,
        .key = cache_key_of(store->cache, &site->entries, path),
    };
    step.ticket = changes_begin(store->shared->changes, step.key.hash);
    return step;
}

/* The state of the directory of STEP's path, and in *RET_SEEN_MS when it was seen. */
static uint64_t directory_state(const struct store_step *step, uint64_t *ret_seen_ms)
{
    struct directory_query query = {
        .root = step->site->root,
        .path = step->path,
        .now = step->now,
        .age_ms_max = store_directory_ms(step->site),
    };
    return directory_states_get(&step->store->directories, &query, ret_seen_ms);
}

/* The state of the directory, for a file that was seen without siblings at SEEN_MS. 0 if that was
 * not just now: an entry that was added since might be part of the state already. */
static uint64_t state_without_siblings(const struct store_step *step, uint64_t seen_ms)
{
    enum { RECENT_MS = (ROOT_SETTLED_SECONDS - 1) * 1000 }; /* states compare whole seconds */

    uint64_t directory_seen_ms;
    return step->now->ms - seen_ms < RECENT_MS ? directory_state(step, &directory_seen_ms) : 0;
}

/* The state of the file that ENTRY was made of. */
static struct fetch_state state_of(const struct cache_entry *entry)
{
    return (struct fetch_state){
        .plain = entry->identity,
        .siblings = entry->siblings,
        .hashed = entry->hashed,
    };
}

struct store_known store_known_state(const struct store_step *step)
{
    struct store_known known = {.seen_ms = step->now->ms};
    struct cache_entry *entry = cache_find(step->store->cache, &step->key);
    if (!entry || !entry->settled)
        return known;
    known.set = true;
    known.state = state_of(entry);
    uint64_t seen_ms;
    bool trusted = ++entry->revalidations % FULL_CHECK_EVERY != 0;
    /* When another worker has seen a change, it may be younger than the directory's known state. */
    if (trusted && lease_is_newest(entry->resource->lease) && entry->folder != 0 &&
        entry->folder == directory_state(step, &seen_ms)) {
        known.state.alone = true;
        known.seen_ms = seen_ms;
    }
    return known;
}

/* Until when a resource seen at SEEN_MS is fresh. It is not fresher than ROOT, and not fresh
 * while the site has to be checked. Entries that were read together are to be revalidated one by
 * one: the hash takes up to a quarter off. */
static uint64_t fresh_until(const struct store_step *step, uint64_t seen_ms)
{
    uint64_t valid_ms = step->site->settings->cache_valid_ms;
    if (step->site->root_overdue || step->site->rules_overdue)
        return 0;
    if (seen_ms > step->site->root_seen_ms)
        seen_ms = step->site->root_seen_ms;
    return seen_ms + valid_ms - step->key.hash % (valid_ms / 4 + 1);
}

/* Publishes to the other workers that the path is in the state that FETCHED says, unless that is
 * a passing failure. False: a newer state may have been published meanwhile, so this one gets no
 * lease. */
static bool announce(const struct store_step *step, const struct fetched *fetched,
                     struct changes_mark *ret)
{
    const struct store *store = step->store;
    if (fetched->kind == FETCH_REFUSED && fetched->status >= HTTP_INTERNAL_ERROR)
        return false;
    uint64_t fingerprint = fetched_fingerprint(fetched, store->secret);
    return changes_publish(&step->ticket, step->key.hash, fingerprint, ret);
}

/* Gives LEASE, of what was seen at SEEN_MS and published with MARK, its time. */
static void grant(const struct store_step *step, uint64_t seen_ms, const struct changes_mark *mark,
                  struct lease *lease)
{
    lease->published = mark->word;
    lease->seen = mark->seen;
    lease->fresh_until_ms = fresh_until(step, seen_ms);
}

/* The resource of the entry that FETCHED has found unchanged, with a new lease. NULL: it has been
 * evicted or replaced meanwhile. */
static struct resource *renew(const struct store_step *step, uint64_t seen_ms,
                              const struct fetched *fetched)
{
    struct cache_entry *entry = cache_find(step->store->cache, &step->key);
    if (!fetched->cacheable || !entry)
        return NULL;
    struct fetch_state state = state_of(entry);
    if (!fetch_state_equal(&state, &fetched->state))
        return NULL;
    struct changes_mark mark;
    if (announce(step, fetched, &mark)) {
        grant(step, seen_ms, &mark, entry->resource->lease);
        entry->folder = fetched->state.alone ? state_without_siblings(step, seen_ms) : 0;
    }
    return resource_pin(entry->resource);
}

/* Publishes RESOURCE, made of FETCHED, and keeps it in the cache. */
static void keep(const struct store_step *step, uint64_t seen_ms, const struct fetched *fetched,
                 struct resource *resource)
{
    struct changes_mark mark;
    if (!announce(step, fetched, &mark) || !fetched->cacheable)
        return;
    struct cache_entry *entry = cache_put(step->store->cache, &step->key, resource);
    if (!entry)
        return;
    bool file = fetched->kind == FETCH_FILE;
    grant(step, seen_ms, &mark, resource->lease);
    if (fetched->pending && resource->lease->fresh_until_ms > seen_ms + PENDING_MS)
        resource->lease->fresh_until_ms = seen_ms + PENDING_MS;
    entry->identity = fetched->state.plain;
    entry->siblings = fetched->state.siblings;
    entry->hashed = fetched->state.hashed;
    entry->folder = file && fetched->state.alone ? state_without_siblings(step, seen_ms) : 0;
    entry->settled = file && fetched->settled && !fetched->pending;
}

struct resource *store_make(const struct store_step *step, const struct fetched *fetched)
{
    return site_resource_make(step->site, step->path, fetched, step->now->seconds);
}

struct resource *store_publish(const struct store_step *step, uint64_t seen_ms,
                               const struct fetched *fetched)
{
    if (fetched->kind == FETCH_UNCHANGED)
        return renew(step, seen_ms, fetched);
    struct resource *resource = store_make(step, fetched);
    if (resource)
        keep(step, seen_ms, fetched, resource);
    return resource;
}

struct resource *store_refuse(const struct store_step *step)
{
    struct site *site = step->site;
    struct fetched nothing = {.kind = FETCH_REFUSED, .status = HTTP_NOT_FOUND};
    if (site_has_rules(site))
        return store_make(step, &nothing);
    if (!site->shared_404)
        site->shared_404 = resource_create_refusal(HTTP_NOT_FOUND, NULL);
    return site->shared_404 ? resource_pin(site->shared_404) : NULL;
}

/* --- For one request -------------------------------------------------------------------------- */

/* The target of QUERY. Its host is written to HOST. */
static struct site_target target_of(const struct store_query *query,
                                    char host[static AUTHORITY_HOST_BYTES_MAX])
{
    return (struct site_target){query->path, authority_host(query->authority, host)};
}

struct resource *store_make_bare(const struct store_query *query)
{
    char host[AUTHORITY_HOST_BYTES_MAX];
    struct site_target target = target_of(query, host);
    return site_resource_make_bare(query->site, &target,
                                   query->page == STORE_PAGE_PREFLIGHT ? SITE_BARE_PREFLIGHT
                                                                       : SITE_BARE_ERROR);
}

/* Puts ADAPTED, made from *RESOURCE, in its place. */
static void replace(struct resource **resource, struct resource *adapted)
{
    resource_drop(*resource);
    *resource = adapted;
}

void store_adapt(const struct store_query *query, struct found *found)
{
    const struct site *site = query->site;
    char host[AUTHORITY_HOST_BYTES_MAX];
    if (!site_has_rules(site) || !found->resource)
        return;
    struct site_target target = target_of(query, host);
    bool routed = found->fallback && found->page && found->page->kind == RESOURCE_FILE;
    if (routed)
        replace(&found->page, site_resource_make_route(site, &target, found->page));
    else if (site_has_host_rules(site) && site_resource_depends_on_host(site, &target))
        replace(&found->resource, site_resource_make_for_host(site, &target, found->resource));
    if (routed && !found->page)
        replace(&found->resource, NULL);
    if (!found->resource)
        replace(&found->page, NULL);
}
