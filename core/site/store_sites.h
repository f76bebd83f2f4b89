/* store_sites: the sites of one worker, in the order of one generation of settings.
 *
 * A reload replaces all of it at once (store_switch): a site whose settings are the same moves on
 * from the former generation, with its entries in the cache, its directory and its rules; the
 * others are new. The main thread makes it, so that nothing can fail when the worker changes over;
 * from then on it belongs to the worker. Look-ups that are under way use the settings that they
 * began with, so each holds a reference, and only the last one releases them. */
#ifndef SLUICE_STORE_SITES_H
#define SLUICE_STORE_SITES_H

#include "site/site.h"

enum { STORE_SITES_NEW = UINT32_MAX };

/* Everything is *borrowed*: the settings and shares until RELEASE is called. */
struct store_sites_config {
    const struct site_settings *const *settings;
    struct site_share *const *shares; /* of each; NULL: made here, for the only store */
    const uint32_t *former; /* of each: its number in the generation before, or STORE_SITES_NEW;
                               NULL: all are new */
    uint32_t count;
    unsigned worker; /* that the sites are of, for what they count */
    struct site_report report;
    /* Called once nothing uses the settings any more, also after a failure. NULL: not called. */
    void (*release)(void *context);
    void *context;
};

struct store_sites {
    uint32_t references; /* the store's, and one of each look-up; of one thread */
    uint32_t count;
    void (*release)(void *context);
    void *context;
    const struct site_settings *const *settings;
    const uint32_t *former;
    struct site *items[]; /* by number; NULL before the change-over: moves on */
};

/* One reference, *given*. NULL: out of memory. */
struct store_sites *store_sites_create(const struct store_sites_config *config);

/* Adds a reference. Returns SITES. */
struct store_sites *store_sites_ref(struct store_sites *sites);

/* Drops a reference; the last frees SITES. Its sites have been dropped before, by the store, or, if
 * no store had it, by store_sites_abandon. NULL is allowed. */
void store_sites_unref(struct store_sites *sites);

/* Drops the sites, and the reference, of what no store has used. NULL is allowed. */
void store_sites_abandon(struct store_sites *sites);

#endif
