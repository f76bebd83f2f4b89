/* store_shared: see store_shared.h. */
#include "site/store_shared.h"

#include <stdlib.h>

struct store_shared *store_shared_create(uint32_t store_count, uint32_t site_count,
                                         uint32_t paths_max)
{
    struct store_shared *shared = malloc(sizeof *shared + site_count * sizeof shared->roots[0]);
    if (!shared)
        return NULL;
    shared->site_count = site_count;
    shared->changes = store_count > 1 ? changes_create(paths_max, site_count) : NULL;
    shared->hashed = hashed_files_create();
    if ((store_count > 1 && !shared->changes) || !shared->hashed) {
        changes_destroy(shared->changes);
        hashed_files_destroy(shared->hashed);
        free(shared);
        return NULL;
    }
    for (uint32_t i = 0; i < site_count; i++)
        root_slot_init(&shared->roots[i]);
    return shared;
}

void store_shared_destroy(struct store_shared *shared)
{
    if (!shared)
        return;
    for (uint32_t i = 0; i < shared->site_count; i++)
        root_slot_fini(&shared->roots[i]);
    changes_destroy(shared->changes);
    hashed_files_destroy(shared->hashed);
    free(shared);
}
