/* store_site: when the root and the rules of a site are checked again; see store_parts.h. */
#include "site/store_parts.h"

bool store_is_out_of_files(const struct fetched *fetched)
{
    return fetched->kind == FETCH_REFUSED && fetched->status == HTTP_UNAVAILABLE;
}

/* Takes over the rules in FETCHED, which were seen at SEEN_MS. If they have changed, the site's
 * entries go. */
static void take_rules(struct store *store, struct site *site, uint64_t seen_ms,
                       const struct fetched *fetched)
{
    if (store_is_out_of_files(fetched))
        return; /* the old rules stay until the new ones can be known */
    if (site_take_rules(site, fetched))
        cache_remove_group(store->cache, &site->entries);
    site->rules_fresh_until_ms = seen_ms + site->settings->cache_valid_ms;
}

/* Checks the rules of SITE if they are no longer fresh. In IO_WITHOUT_WAITING a job does it where
 * it would wait: rules_lookup. */
static void refresh_rules(struct store *store, struct site *site, uint64_t now_ms,
                          enum io_mode mode)
{
    struct path path;
    struct fetched fetched;
    if (now_ms < site->rules_fresh_until_ms || site->rules_lookup || !site_rules_path(site, &path))
        return;
    const struct fetch_state *known = site_rules_known(site);
    if (fetch(site->root->fd, &path, site->settings, mode, known, &fetched) < 0) {
        struct lookup_order order = {LOOKUP_RULES, site, &path, known, now_ms};
        site->rules_lookup = lookups_start(&store->lookups, &order);
        return;
    }
    take_rules(store, site, now_ms, &fetched);
    fetched_fini(&fetched);
}

void store_read_rules(struct store *store, struct site *site)
{
    refresh_rules(store, site, 0, IO_WAITING);
}

/* Follows ROOT. Another directory has other rules, which are read at once. */
static void follow_root(struct store *store, struct site *site, uint64_t now_ms)
{
    struct root *former;
    if (site_follow_root(site, now_ms, &former) != SITE_ROOT_SWITCHED)
        return;
    directory_states_forget(&store->directories, former);
    root_drop(former);
    site->rules_lookup = NULL; /* it reads those of the former root */
    site->rules_fresh_until_ms = 0;
    refresh_rules(store, site, now_ms, IO_WAITING);
}

void store_refresh_site(struct store *store, struct site *site, uint64_t now_ms, bool cached,
                        bool waited)
{
    bool seen =
        cached && !site->root_overdue && now_ms - site->root_seen_ms < store_directory_ms(site);
    if (!seen)
        follow_root(store, site, now_ms);
    if (!waited)
        refresh_rules(store, site, now_ms, IO_WITHOUT_WAITING);
}

void store_finish_rules(struct store *store, struct lookup *lookup)
{
    struct site *site = lookup->site;
    if (site->rules_lookup != lookup)
        return; /* of a former root */
    site->rules_lookup = NULL;
    if (lookup->outdated)
        return;
    take_rules(store, site, lookup->started_ms, &lookup->fetched);
}
