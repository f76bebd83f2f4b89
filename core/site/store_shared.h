/* store_shared: what the stores of all workers of a process share about each site.
 *
 * The open directories: each site has one descriptor in the process, not one in each worker.
 * Created before the workers and destroyed after them. Safe from any thread. */
#ifndef SLUICE_STORE_SHARED_H
#define SLUICE_STORE_SHARED_H

#include "system/root.h"

struct store_shared {
    uint32_t site_count;
    struct root_slot roots[]; /* of the sites, by their number */
};

/* NULL: out of memory. *Gives*: store_shared_destroy. */
struct store_shared *store_shared_create(uint32_t site_count);

/* No effect on NULL. */
void store_shared_destroy(struct store_shared *shared);

#endif
