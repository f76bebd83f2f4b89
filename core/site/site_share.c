/* site_share: see site_share.h. */
#include "site/site_share.h"

#include <stdlib.h>

static atomic_uint last_id;

/* COUNTS is *taken*; NULL: out of memory. */
static struct site_share *create(struct site_counts *counts)
{
    struct site_share *share = calloc(1, sizeof *share);
    struct changes_site *state = changes_site_create();
    if (!share || !state || !counts) {
        free(share);
        changes_site_destroy(state);
        site_counts_unref(counts);
        return NULL;
    }
    atomic_init(&share->references, 1);
    share->id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
    share->state = state;
    share->counts = counts;
    root_slot_init(&share->root);
    return share;
}

struct site_share *site_share_create(void)
{
    return create(site_counts_create());
}

struct site_share *site_share_create_after(const struct site_share *former)
{
    return create(site_counts_ref(former->counts));
}

struct site_share *site_share_ref(struct site_share *share)
{
    atomic_fetch_add_explicit(&share->references, 1, memory_order_relaxed);
    return share;
}

void site_share_unref(struct site_share *share)
{
    if (!share || atomic_fetch_sub_explicit(&share->references, 1, memory_order_acq_rel) != 1)
        return;
    root_slot_fini(&share->root);
    changes_site_destroy(share->state);
    site_counts_unref(share->counts);
    free(share);
}
