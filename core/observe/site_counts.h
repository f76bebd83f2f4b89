/* site_counts: the requests of one site: how many, by the class of their status, and their content.
 *
 * Each worker has a place of its own, of which it is the only writer (as counters.h); any thread
 * reads. The places are made by one thread, the main one, and live as long as the whole, which has
 * a reference count: a reload that changes a site keeps what it has counted. Memory: 96 bytes a
 * site and worker. */
#ifndef SLUICE_SITE_COUNTS_H
#define SLUICE_SITE_COUNTS_H

#include "observe/durations.h"

enum {
    SITE_COUNTS_FIRST = 2, /* the first class: 2xx; no request ends in 1xx */
    SITE_COUNTS_CLASSES = 4,
};

/* The requests of a class. */
struct site_count {
    _Atomic uint64_t requests;
    _Atomic uint64_t body_bytes; /* of their responses, when they are queued */
};

struct site_counts_place {
    struct site_count classes[SITE_COUNTS_CLASSES];
    struct site_counts_place *next;
    unsigned worker;
};

struct site_counts {
    atomic_uint references;
    struct site_counts_place *_Atomic places;
};

/* One reference, *given*. NULL: out of memory. */
struct site_counts *site_counts_create(void);

/* Adds a reference. Returns COUNTS. */
struct site_counts *site_counts_ref(struct site_counts *counts);

/* Drops a reference; the last frees it. NULL is allowed. */
void site_counts_unref(struct site_counts *counts);

/* The place of WORKER, which is made the first time. For one thread. *Borrowed*; NULL: out of
 * memory. */
struct site_counts_place *site_counts_place(struct site_counts *counts, unsigned worker);

/* Where requests with STATUS count. */
static inline struct site_count *site_counts_class(struct site_counts_place *place, unsigned status)
{
    const unsigned class = status / 100 - SITE_COUNTS_FIRST;
    assert(class < SITE_COUNTS_CLASSES);
    return &place->classes[class];
}

/* Counts one request, whose response has BODY_BYTES of content. */
static inline void site_count_add(struct site_count *count, uint64_t body_bytes)
{
    counters_raise(&count->requests, 1);
    counters_raise(&count->body_bytes, body_bytes);
}

/* The sums over all workers. */
struct site_sum {
    uint64_t requests[SITE_COUNTS_CLASSES];
    uint64_t body_bytes;
};

/* Any thread that has a reference. */
struct site_sum site_counts_sum(const struct site_counts *counts);

#endif
