/* store_shared: what the stores of all workers of a process share.
 *
 * Which state of each path is the newest that any worker has answered (changes.h). Which files'
 * names mean the same content for ever (hashed_files.h). The digests of large files, and how much
 * memory copies of files take (load.h). Created before the workers and destroyed after them. For
 * each site they share a site_share. Safe from any thread. */
#ifndef SLUICE_STORE_SHARED_H
#define SLUICE_STORE_SHARED_H

#include "site/changes.h"
#include "site/hashed_files.h"
#include "site/load.h"

struct store_shared {
    struct changes *changes; /* NULL: there is one store only */
    struct hashed_files *hashed;
    struct load_shared load;
};

enum { STORE_SHARED_COPY_BYTES_MIN = 16 << 20 };

struct store_shared_config {
    uint32_t store_count;
    uint32_t paths_max;   /* in the cache of each store */
    uint64_t cache_bytes; /* of all stores; as much, or COPY_BYTES_MIN, is for copies of files */
};

/* NULL: out of memory. *Gives*: store_shared_destroy. */
struct store_shared *store_shared_create(const struct store_shared_config *config);

/* Ends what is done in the background. False: it still waits for a disk, and store_shared_destroy
 * would, too. No store is left. No effect on NULL. */
bool store_shared_stop(struct store_shared *shared);

/* No effect on NULL. */
void store_shared_destroy(struct store_shared *shared);

#endif
