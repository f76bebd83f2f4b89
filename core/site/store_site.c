/* store_site: when the root and the rules of a site are checked again; see store_parts.h. */
#include "site/store_parts.h"

bool store_is_out_of_files(const struct fetched *fetched)
{
    return fetched->kind == FETCH_REFUSED && fetched->status == HTTP_UNAVAILABLE;
}

void store_expire_site(struct store *store, struct site *site)
{
    const struct mime *mime = site->settings->mime;
    if (mime == site->mime)
        cache_expire_group(&site->entries);
    else
        cache_remove_group(store->cache, &site->entries); /* made with other media types */
    site->mime = mime;
    lookups_outdate(&store->lookups, site);
    directory_states_forget(&store->directories, site->root);
    site->root_overdue = true;
    site->rules_overdue = true;
    site->rules_lookup = NULL; /* it may have seen the old ones */
    site->root_lookup = NULL;
    site->shared_state = changes_site_word(store->shared->changes, site->share->state);
}

/* A site that is checked now. */
struct check {
    struct store *store;
    struct site *site;
    uint64_t now_ms;
    struct changes_ticket ticket; /* taken before anything of the site was examined */
};

static struct check begin_check(struct store *store, struct site *site, uint64_t now_ms)
{
    return (struct check){
        .store = store,
        .site = site,
        .now_ms = now_ms,
        .ticket = changes_begin_site(store->shared->changes, site->share->state),
    };
}

/* Publishes the root and the rules that the site of CHECK has now. If another worker has published
 * meanwhile, they are checked once more. */
static void announce(const struct check *check)
{
    struct changes_mark mark;
    uint64_t fingerprint = site_fingerprint(check->site, check->store->secret);
    if (changes_publish_site(&check->ticket, fingerprint, &mark))
        check->site->shared_state = mark.seen;
    else
        store_expire_site(check->store, check->site);
}

/* --- The rules ------------------------------------------------------------------------------- */

/* Takes over the rules in FETCHED, which were seen at SEEN_MS. If they have changed, the site's
 * entries go. False: they could not be known now, so the old ones stay. */
static bool take_rules(struct store *store, struct site *site, uint64_t seen_ms,
                       const struct fetched *fetched)
{
    if (store_is_out_of_files(fetched))
        return false;
    if (site_take_rules(site, fetched))
        cache_remove_group(store->cache, &site->entries);
    site->rules_fresh_until_ms = seen_ms + site->settings->cache_valid_ms;
    site->rules_overdue = false;
    return true;
}

/* Reads the rules for CHECK. In IO_WITHOUT_WAITING a job does it where it would wait: rules_lookup.
 * True if they are known now. */
static bool read_rules(const struct check *check, enum io_mode mode)
{
    struct site *site = check->site;
    struct path path;
    struct fetched fetched;
    if (!site_rules_path(site, &path)) {
        site->rules_overdue = false;
        site->rules_fresh_until_ms = UINT64_MAX;
        return true;
    }
    const struct fetch_state *known = site_rules_known(site);
    struct fetch_order order = store_fetch_order(check->store, site, &path, mode);
    order.known = known;
    if (fetch(&order, &fetched) < 0) {
        struct lookup_order by_job = {
            .kind = LOOKUP_RULES,
            .site = site,
            .sites = check->store->sites,
            .path = &path,
            .known = known,
            .load = order.load,
            .copy_bytes_max = order.copy_bytes_max,
            .now_ms = check->now_ms,
            .ticket = check->ticket,
        };
        site->rules_lookup = lookups_start(&check->store->lookups, &by_job);
        return false;
    }
    site->rules_lookup = NULL; /* if there is one, it may have seen older ones */
    bool taken = take_rules(check->store, site, check->now_ms, &fetched);
    fetched_fini(&fetched);
    return taken;
}

static bool are_rules_due(const struct site *site, uint64_t now_ms, bool waited)
{
    if (site->rules_overdue)
        return !site->rules_lookup || waited;
    return !waited && !site->rules_lookup && now_ms >= site->rules_fresh_until_ms;
}

void store_finish_rules(struct store *store, struct lookup *lookup)
{
    struct site *site = lookup->site;
    if (site->rules_lookup != lookup)
        return; /* of a former root, or from before a change */
    site->rules_lookup = NULL;
    struct check check = {store, site, lookup->started_ms, lookup->ticket};
    if (take_rules(store, site, lookup->started_ms, &lookup->fetched))
        announce(&check);
}

/* --- The root -------------------------------------------------------------------------------- */

int store_open_site(struct store *store, struct site *site)
{
    struct check check = begin_check(store, site, 0);
    int error = site_open(site);
    if (!error && read_rules(&check, IO_WAITING))
        announce(&check);
    return error;
}

/* Serves ROOT, which it *takes* and which was seen at CHECK's time; NULL: it is not known.
 * Publishes it if it is another directory. */
static void take_root(const struct check *check, struct root *root)
{
    struct site *site = check->site;
    struct root *former = site_take_root(site, root, check->now_ms);
    if (!former)
        return;
    directory_states_forget(&check->store->directories, former);
    root_drop(former);
    site->rules_lookup = NULL; /* it reads those of the former root */
    site->rules_overdue = true;
    announce(check);
}

void store_finish_root(struct store *store, struct lookup *lookup)
{
    struct site *site = lookup->site;
    if (site->root_lookup != lookup)
        return; /* from before a change */
    site->root_lookup = NULL;
    struct check check = {store, site, lookup->started_ms, lookup->ticket};
    struct root *found = lookup->found_root;
    lookup->found_root = NULL;
    take_root(&check, found);
}

/* Checks what ROOT means. Where that takes a wait, a job does it: root_lookup. A file system that
 * hangs keeps one job, and what is fresh is served meanwhile. */
static void follow_root(const struct check *check)
{
    struct site *site = check->site;
    struct path none;
    struct root *root = NULL;
    if (site->root_lookup || !site_must_find_root(site, check->now_ms))
        return;
    site_path_set(&none, STR(""));
    struct lookup_order order = {
        .kind = LOOKUP_ROOT,
        .site = site,
        .sites = check->store->sites,
        .path = &none,
        .now_ms = check->now_ms,
        .ticket = check->ticket,
    };
    site->root_lookup = lookups_start(&check->store->lookups, &order);
    if (!site->root_lookup && site_find_root(site, site->settings, &root) == 0)
        take_root(check, root);
}

/* Whether ROOT need not be checked for STEP: it was a moment ago, and the path has an entry or
 * needs none. */
static bool is_root_known(const struct store_step *step)
{
    const struct site *site = step->site;
    return (step->without_file || cache_find(step->store->cache, &step->key)) &&
           !site->root_overdue && step->now->ms - site->root_seen_ms < store_directory_ms(site);
}

void store_refresh_site(const struct store_step *step, const struct lookup_waiter *waiter)
{
    struct site *site = step->site;
    const bool waited = waiter->rules_seen;
    struct check check = begin_check(step->store, site, step->now->ms);
    if (changes_site_word(check.ticket.changes, site->share->state) != site->shared_state)
        store_expire_site(step->store, site);
    if (!waiter->root_seen && !is_root_known(step))
        follow_root(&check);
    if (site->root_lookup && !waiter->root_seen)
        return; /* WAITER waits for that first */
    if (!are_rules_due(site, check.now_ms, waited))
        return;
    /* A site that has been waited for may have other rules: they are read at once. */
    if (read_rules(&check, waited ? IO_WAITING : IO_WITHOUT_WAITING))
        announce(&check);
}

/* --- Another generation ------------------------------------------------------------------------ */

/* Takes SITE, of the former generation, out of the store. */
static void remove_site(struct store *store, struct site *site)
{
    cache_remove_group(store->cache, &site->entries);
    lookups_outdate(&store->lookups, site);
    directory_states_forget(&store->directories, site->root);
    site->rules_lookup = NULL;
    site->root_lookup = NULL;
    site->settings = NULL;
    site->removed = true;
    site_drop(site);
}

/* Gives SITE, which moves on, the SETTINGS of the new generation, equal to those that it has. */
static void replace_settings(struct site *site, const struct site_settings *settings)
{
    const bool same_types = site->mime == site->settings->mime;
    site->settings = settings;
    if (same_types) /* else its entries were made with older ones, and go */
        site->mime = settings->mime;
}

void store_switch(struct store *store, struct store_sites *next)
{
    struct store_sites *former = store->sites;
    for (uint32_t i = 0; i < next->count; i++) {
        struct site *site = next->items[i];
        if (!site) {
            struct site **place = &former->items[next->former[i]];
            site = next->items[i] = *place;
            *place = NULL;
            replace_settings(site, next->settings[i]);
        } else {
            site->root = root_slot_last(&site->share->root);
        }
        site->number = i;
    }
    store->sites = next;
    for (uint32_t i = 0; i < former->count; i++) {
        if (former->items[i])
            remove_site(store, former->items[i]);
    }
    store_revalidate(store);
    store_sites_unref(former);
}
