/* store_shared: see store_shared.h. */
#include "site/store_shared.h"

#include <stdlib.h>

struct store_shared *store_shared_create(const struct store_shared_config *config)
{
    bool several = config->store_count > 1;
    struct store_shared *shared = calloc(1, sizeof *shared);
    if (!shared)
        return NULL;
    shared->changes = several ? changes_create(config->paths_max) : NULL;
    shared->hashed = hashed_files_create();
    shared->load.digests = digests_create();
    shared->load.copies.bytes_max = config->cache_bytes > STORE_SHARED_COPY_BYTES_MIN
                                        ? config->cache_bytes
                                        : STORE_SHARED_COPY_BYTES_MIN;
    if ((several && !shared->changes) || !shared->hashed || !shared->load.digests) {
        store_shared_destroy(shared);
        return NULL;
    }
    return shared;
}

bool store_shared_stop(struct store_shared *shared)
{
    return !shared || digests_stop(shared->load.digests);
}

void store_shared_destroy(struct store_shared *shared)
{
    if (!shared)
        return;
    changes_destroy(shared->changes);
    hashed_files_destroy(shared->hashed);
    digests_destroy(shared->load.digests);
    free(shared);
}
