/* store_lookup: from a path of a site to what is served for it: from the cache, else by a look-up,
 * here or in a job; with a 404 the page that the site has for it. See store.h. */
#include "site/store_parts.h"

/* --- The path -------------------------------------------------------------------------------- */

/* fetch by the worker itself. When descriptors are out, the cache gives one up and it is tried once
 * more; that may be the one of the entry that KNOWN is from, so then all is read. 0 or an error of
 * fetch. */
static int fetch_here(const struct store_step *step, enum io_mode mode,
                      const struct fetch_state *known, struct fetched *ret)
{
    struct fetch_order order = store_fetch_order(step->store, step->site, step->path, mode);
    order.known = known;
    order.hashed = store_hashed(step);
    int error = fetch(&order, ret);
    if (!error && store_is_out_of_files(ret) && cache_shed_file(step->store->cache)) {
        order.known = NULL;
        error = fetch(&order, ret);
    }
    return error;
}

/* Looks the path up without a wait. False if there would be one. */
static bool lookup_now(const struct store_step *step, const struct store_known *known,
                       struct resource **ret)
{
    struct fetched fetched;
    const struct fetch_state *state = known->set ? &known->state : NULL;
    if (fetch_here(step, IO_WITHOUT_WAITING, state, &fetched) < 0)
        return false;
    *ret = store_publish(step, known->seen_ms, &fetched);
    fetched_fini(&fetched);
    return true;
}

/* Looks the path up, however long it takes. Pinned, *given*; NULL: out of memory. */
static struct resource *lookup_waiting(const struct store_step *step)
{
    struct fetched fetched;
    fetch_here(step, IO_WAITING, NULL, &fetched);
    struct resource *resource = store_publish(step, step->now->ms, &fetched);
    fetched_fini(&fetched);
    return resource;
}

/* Has a job look the path up. NULL when no more can be taken. */
static struct lookup *start_job(const struct store_step *step, struct store_known *known)
{
    struct lookup_order order = {
        .kind = LOOKUP_PATH,
        .site = step->site,
        .sites = step->store->sites,
        .path = step->path,
        .known = known->set ? &known->state : NULL,
        .load = &step->store->shared->load,
        .copy_bytes_max = cache_file_room(step->store->cache),
        .now_ms = step->now->ms,
        .ticket = step->ticket,
        .hashed = store_hashed(step),
    };
    known->state.alone = false; /* it was a moment ago, and a job takes its time */
    return lookups_start(&step->store->lookups, &order);
}

/* Whether WAITER has to wait for the check of the site's root, or for its rules: once for each. */
static bool waits_for_site(const struct site *site, struct lookup_waiter *waiter)
{
    if (site->root_lookup && !waiter->root_seen) {
        waiter->root_seen = true;
        lookup_await(site->root_lookup, waiter);
        return true;
    }
    if (!site->rules_lookup || waiter->rules_seen)
        return false;
    waiter->rules_seen = true;
    lookup_await(site->rules_lookup, waiter);
    return true;
}

/* Looks up a path that is not in the cache, or has to be revalidated. */
static enum store_result lookup_cold(const struct store_step *step, struct lookup_waiter *waiter,
                                     struct resource **ret)
{
    struct store *store = step->store;
    counters_add(store->counters, COUNTER_CACHE_MISSES, 1);
    store_refresh_site(step, waiter);
    if (waits_for_site(step->site, waiter))
        return STORE_PENDING;
    struct lookup *lookup = lookups_find(&store->lookups, step->site, step->path);
    if (!lookup) {
        struct store_known known = store_known_state(step);
        if (lookup_now(step, &known, ret))
            return STORE_READY;
        lookup = start_job(step, &known);
    }
    if (!lookup) {
        *ret = lookup_waiting(step);
        return STORE_READY;
    }
    lookup_await(lookup, waiter);
    return STORE_PENDING;
}

/* Looks up the path of STEP. *RET_CACHED becomes true if the result was not checked. */
static enum store_result lookup_one(const struct store_step *step, struct lookup_waiter *waiter,
                                    struct resource **ret, bool *ret_cached)
{
    if (waiter->ready) {
        *ret = waiter->ready;
        waiter->ready = NULL;
        return STORE_READY;
    }
    struct cache_entry *entry = cache_find(step->store->cache, &step->key);
    if (entry && lease_is_fresh(entry->resource->lease, step->now->ms)) {
        counters_add(step->store->counters, COUNTER_CACHE_LOOKUP_HITS, 1);
        *ret_cached = true;
        *ret = resource_pin(entry->resource);
        return STORE_READY;
    }
    return lookup_cold(step, waiter, ret);
}

/* --- The path and the page ------------------------------------------------------------------- */

static bool is_missing(const struct resource *resource)
{
    return resource && resource->kind == RESOURCE_REFUSAL && resource->status == HTTP_NOT_FOUND;
}

/* Looks up the path of QUERY. */
static enum store_result lookup_path(struct store *store, const struct store_query *query,
                                     struct lookup_waiter *waiter, struct found *found)
{
    found->resource = waiter->missing;
    waiter->missing = NULL;
    if (found->resource)
        return STORE_READY;
    struct store_step step = store_step_of(store, query->site, query->path, query->now);
    if (!query->path->closed && !site_is_private(query->site, query->path))
        return lookup_one(&step, waiter, &found->resource, &found->cached);
    found->resource = store_refuse(&step);
    return STORE_READY;
}

/* Sets RET to the page that the site sends for QUERY with MISSING, a 404. False: it has none. */
static bool find_page(const struct store_query *query, const struct resource *missing,
                      struct path *ret)
{
    const struct site_settings *settings = query->site->settings;
    if (query->page == STORE_PAGE_FALLBACK) {
        site_path_set(ret, settings->fallback);
        return settings->fallback.at;
    }
    if (!settings->error_page.at || missing->page_directory < 0)
        return false;
    struct str directory = str_first(path_view(query->path), (size_t)missing->page_directory);
    site_path_set_within(ret, directory, settings->error_page);
    return true;
}

/* Looks up the page that the site sends with the 404 in FOUND, if it has one. */
static enum store_result lookup_page(struct store *store, const struct store_query *query,
                                     struct lookup_waiter *waiter, struct found *found)
{
    struct path path;
    if (!find_page(query, found->resource, &path))
        return STORE_READY;
    struct store_step step = store_step_of(store, query->site, &path, query->now);
    if (lookup_one(&step, waiter, &found->page, &found->cached) == STORE_READY)
        return STORE_READY;
    waiter->missing = found->resource;
    return STORE_PENDING;
}

/* Makes the resource for a response that is the same whatever is at the path of QUERY. */
static enum store_result lookup_bare(struct store *store, const struct store_query *query,
                                     struct lookup_waiter *waiter, struct found *found)
{
    struct site *site = query->site;
    struct store_step step = store_step_of(store, site, query->path, query->now);
    step.without_file = true;
    store_refresh_site(&step, waiter);
    if (waits_for_site(site, waiter))
        return STORE_PENDING;
    found->resource = store_make_bare(query);
    return STORE_READY;
}

static enum store_result lookup(struct store *store, const struct store_query *query,
                                struct lookup_waiter *waiter, struct found *found)
{
    if (query->page == STORE_PAGE_REFUSED || query->page == STORE_PAGE_PREFLIGHT)
        return lookup_bare(store, query, waiter, found);
    if (lookup_path(store, query, waiter, found) == STORE_PENDING ||
        (is_missing(found->resource) && lookup_page(store, query, waiter, found) == STORE_PENDING))
        return STORE_PENDING;
    found->fallback = query->page == STORE_PAGE_FALLBACK;
    store_adapt(query, found);
    return STORE_READY;
}

/* Forgets what WAITER keeps of another site than SITE: a reload has replaced that one. */
static void follow_site(const struct site *site, struct lookup_waiter *waiter)
{
    if (waiter->site_id == site->share->id)
        return;
    store_cancel(waiter);
    waiter->site_id = site->share->id;
}

enum store_result store_lookup(struct store *store, const struct store_query *query,
                               struct lookup_waiter *waiter, struct found *ret)
{
    struct found found = {.resource = NULL};
    store_follow_changes(store);
    follow_site(query->site, waiter);
    if (lookup(store, query, waiter, &found) == STORE_PENDING)
        return STORE_PENDING;
    waiter->rules_seen = waiter->root_seen = false;
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
