/* store_shared: see store_shared.h. */
#include "site/store_shared.h"

#include <stdlib.h>

struct store_shared *store_shared_create(uint32_t site_count)
{
    struct store_shared *shared = malloc(sizeof *shared + site_count * sizeof shared->roots[0]);
    if (!shared)
        return NULL;
    shared->site_count = site_count;
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
    free(shared);
}
