/* store_sites: see store_sites.h. */
#include "site/store_sites.h"

#include <stdlib.h>

/* The share of site NUMBER, with a reference. NULL: out of memory. */
static struct site_share *share_of(const struct store_sites_config *config, uint32_t number)
{
    return config->shares ? site_share_ref(config->shares[number]) : site_share_create();
}

/* Makes the new site NUMBER. False: out of memory. */
static bool make_site(struct store_sites *sites, const struct store_sites_config *config,
                      uint32_t number)
{
    struct site_share *share = share_of(config, number);
    if (!share)
        return false;
    struct site *site = site_create(config->settings[number], share, config->report);
    struct site_counts_place *counts = site_counts_place(share->counts, config->worker);
    site_share_unref(share);
    sites->items[number] = site;
    if (site)
        site->counts = counts;
    return site && counts;
}

struct store_sites *store_sites_create(const struct store_sites_config *config)
{
    struct store_sites *sites = calloc(1, sizeof *sites + config->count * sizeof(struct site *));
    if (!sites) {
        if (config->release)
            config->release(config->context);
        return NULL;
    }
    sites->references = 1;
    sites->release = config->release;
    sites->context = config->context;
    sites->count = config->count;
    sites->settings = config->settings;
    sites->former = config->former;
    for (uint32_t i = 0; i < config->count; i++) {
        const bool moves = config->former && config->former[i] != (uint32_t)STORE_SITES_NEW;
        if (!moves && !make_site(sites, config, i)) {
            store_sites_abandon(sites);
            return NULL;
        }
    }
    return sites;
}

struct store_sites *store_sites_ref(struct store_sites *sites)
{
    sites->references++;
    return sites;
}

void store_sites_unref(struct store_sites *sites)
{
    if (!sites || --sites->references > 0)
        return;
    if (sites->release)
        sites->release(sites->context);
    free(sites);
}

void store_sites_abandon(struct store_sites *sites)
{
    for (uint32_t i = 0; sites && i < sites->count; i++)
        site_drop(sites->items[i]);
    store_sites_unref(sites);
}
