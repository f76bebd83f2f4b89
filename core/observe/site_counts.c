/* site_counts: see site_counts.h. */
#include "observe/site_counts.h"

#include <stdlib.h>

struct site_counts *site_counts_create(void)
{
    struct site_counts *counts = calloc(1, sizeof *counts);
    if (counts)
        atomic_init(&counts->references, 1);
    return counts;
}

struct site_counts *site_counts_ref(struct site_counts *counts)
{
    atomic_fetch_add_explicit(&counts->references, 1, memory_order_relaxed);
    return counts;
}

void site_counts_unref(struct site_counts *counts)
{
    if (!counts || atomic_fetch_sub_explicit(&counts->references, 1, memory_order_acq_rel) != 1)
        return;
    struct site_counts_place *place = atomic_load(&counts->places);
    while (place) {
        struct site_counts_place *next = place->next;
        free(place);
        place = next;
    }
    free(counts);
}

struct site_counts_place *site_counts_place(struct site_counts *counts, unsigned worker)
{
    struct site_counts_place *first = atomic_load(&counts->places), *place = first;
    while (place && place->worker != worker)
        place = place->next;
    if (place)
        return place;
    place = calloc(1, sizeof *place);
    if (!place)
        return NULL;
    place->worker = worker;
    place->next = first;
    atomic_store(&counts->places, place); /* a reader sees the whole of it */
    return place;
}

struct site_sum site_counts_sum(const struct site_counts *counts)
{
    struct site_sum sum = {.body_bytes = 0};
    const struct site_counts_place *place = atomic_load(&counts->places);
    for (; place; place = place->next) {
        for (unsigned i = 0; i < SITE_COUNTS_CLASSES; i++) {
            const struct site_count *count = &place->classes[i];
            sum.requests[i] += atomic_load_explicit(&count->requests, memory_order_relaxed);
            sum.body_bytes += atomic_load_explicit(&count->body_bytes, memory_order_relaxed);
        }
    }
    return sum;
}
