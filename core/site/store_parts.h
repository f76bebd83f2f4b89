/* store_parts: what the files of the store share: its structure, and the steps of a look-up.
 *
 * For store.c, store_lookup.c, store_publish.c and store_site.c only; the store's interface is
 * store.h. */
#ifndef SLUICE_STORE_PARTS_H
#define SLUICE_STORE_PARTS_H

#include "site/directory_state.h"
#include "site/store.h"

struct store {
    struct counters *counters;
    struct store_shared *shared;
    bool shared_owned; /* no other store uses it */
    uint64_t secret;   /* that hashes and fingerprints are keyed with */
    const _Atomic uint64_t *epoch_now;
    uint64_t epoch; /* of changes, when the sites' states were last compared */
    struct cache *cache;
    struct lookups lookups;
    struct directory_states directories;
    struct store_sites *sites;
};

/* One path that is looked up now. */
struct store_step {
    struct store *store;
    struct site *site;
    const struct path *path;
    const struct date_now *now;
    struct cache_key key;
    struct changes_ticket ticket; /* taken before anything of the path was examined */
    bool without_file;            /* no file is looked up, so ROOT need not be checked each time */
};

struct store_step store_step_of(struct store *store, struct site *site, const struct path *path,
                                const struct date_now *now);

/* The order to fetch PATH of SITE, below the directory that it serves now. Nothing of it is known,
 * unless the caller sets that. */
static inline struct fetch_order store_fetch_order(const struct store *store,
                                                   const struct site *site, const struct path *path,
                                                   enum io_mode mode)
{
    return (struct fetch_order){
        .root_fd = site->root->fd,
        .path = path,
        .site = site->settings,
        .mode = mode,
        .load = &store->shared->load,
        .copy_bytes_max = cache_file_room(store->cache),
    };
}

/* What knows whose names mean their content for ever; NULL: it makes no difference to the site. */
static inline struct hashed_files *store_hashed(const struct store_step *step)
{
    const struct site_settings *settings = step->site->settings;
    bool used = !settings->cache_control.at && !settings->names_ignored;
    return used ? step->store->shared->hashed : NULL;
}

/* Whether FETCHED says that descriptors are out. */
bool store_is_out_of_files(const struct fetched *fetched);

/* --- store_site.c: the root and the rules of a site ------------------------------------------ */

/* How old the known state of a directory or of ROOT may be: part of the time that files are
 * fresh. */
static inline uint64_t store_directory_ms(const struct site *site)
{
    return site->settings->cache_valid_ms / 4;
}

/* Ends all leases of SITE: its root, its rules and its files are checked again before they are
 * served. */
void store_expire_site(struct store *store, struct site *site);

/* Checks the root and the rules of STEP's site if they are older than its resources may be.
 * WAITER, which looks the path up, may have to wait for root_lookup and rules_lookup after that,
 * once each; if it has, the rules are read at once where they must be. */
void store_refresh_site(const struct store_step *step, const struct lookup_waiter *waiter);

/* Opens the root of SITE and reads its rules, however long it takes. 0 or a negative errno. */
int store_open_site(struct store *store, struct site *site);

/* Takes over the result of LOOKUP, which is of a site's root. */
void store_finish_root(struct store *store, struct lookup *lookup);

/* Takes over the result of LOOKUP, which is of a site's rules. */
void store_finish_rules(struct store *store, struct lookup *lookup);

/* --- store_publish.c: from what was fetched to an entry of the cache -------------------------- */

/* What a revalidation starts from. */
struct store_known {
    bool set;
    struct fetch_state state;
    uint64_t seen_ms; /* how old the result is, if STATE is found unchanged */
};

/* The state that the entry of STEP must still have to be unchanged. Not set: there is no entry that
 * can be revalidated. */
struct store_known store_known_state(const struct store_step *step);

/* The resource for FETCHED, which was seen at SEEN_MS and not before the ticket of STEP was
 * taken. It is published to the other workers, and kept in the cache if it may be. Pinned,
 * *given*; NULL: out of memory, or unchanged but its entry has been evicted. */
struct resource *store_publish(const struct store_step *step, uint64_t seen_ms,
                               const struct fetched *fetched);

/* The resource for FETCHED, which is neither published nor kept. Pinned, *given*; NULL: out of
 * memory, or unchanged. */
struct resource *store_make(const struct store_step *step, const struct fetched *fetched);

/* A 404 for the path, whatever exists there. Pinned, *given*; NULL: out of memory. */
struct resource *store_refuse(const struct store_step *step);

/* The resource for a response that is the same whatever is at the path of QUERY. Pinned, *given*;
 * NULL: out of memory, or the site has no rules. */
struct resource *store_make_bare(const struct store_query *query);

/* Gives what was found for QUERY the fields of its path and host: a cached resource has those for
 * every host, and the fallback page those of its own path. Out of memory: FOUND becomes empty. */
void store_adapt(const struct store_query *query, struct found *found);

#endif
