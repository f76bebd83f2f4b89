/* store_shared: what the stores of all workers of a process share about each site.
 *
 * The open directories: each site has one descriptor in the process, not one in each worker. And
 * which state of each path is the newest that any worker has answered (changes.h); and which files'
 * names mean the same content for ever (hashed_files.h). Created before the workers and destroyed
 * after them. Safe from any thread. */
#ifndef SLUICE_STORE_SHARED_H
#define SLUICE_STORE_SHARED_H

#include "site/changes.h"
#include "site/hashed_files.h"
#include "system/root.h"

struct store_shared {
    uint32_t site_count;
    struct changes *changes; /* NULL: there is one store only */
    struct hashed_files *hashed;
    struct root_slot roots[]; /* of the sites, by their number */
};

/* For STORE_COUNT stores, each with SITE_COUNT sites and PATHS_MAX paths in its cache. NULL: out
 * of memory. *Gives*: store_shared_destroy. */
struct store_shared *store_shared_create(uint32_t store_count, uint32_t site_count,
                                         uint32_t paths_max);

/* No effect on NULL. */
void store_shared_destroy(struct store_shared *shared);

#endif
