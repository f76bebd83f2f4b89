/* durations: how long the requests of one worker took, as a histogram with fixed bounds.
 *
 * As counters.h: one owner writes, without locked instructions; any thread reads, and may see one
 * bucket newer than another. */
#ifndef SLUICE_DURATIONS_H
#define SLUICE_DURATIONS_H

#include "base/base.h"

#include <stdatomic.h>

enum { DURATIONS_BOUNDS = 22 };

/* The upper bounds of the buckets in microseconds, rising; the last bucket has none. */
extern const uint32_t durations_bounds_us[DURATIONS_BOUNDS];

/* Zeroed: nothing has been counted. */
struct durations {
    _Atomic uint64_t count[DURATIONS_BOUNDS + 1];
    _Atomic uint64_t sum_us;
};

/* Adds AMOUNT to VALUE, of which the caller is the only writer. */
static inline void counters_raise(_Atomic uint64_t *value, uint64_t amount)
{
    uint64_t old = atomic_load_explicit(value, memory_order_relaxed);
    atomic_store_explicit(value, old + amount, memory_order_relaxed);
}

/* Counts COUNT requests that took US microseconds each. */
void durations_add(struct durations *durations, uint64_t us, uint64_t count);

/* What has been counted, summed over workers. Zeroed: nothing. */
struct durations_sum {
    uint64_t count[DURATIONS_BOUNDS + 1];
    uint64_t all;
    uint64_t sum_us;
};

/* Adds what one worker has counted so far to SUM. */
void durations_sum_add(struct durations_sum *sum, const struct durations *durations);

/* The duration in microseconds that PERCENT of the requests in SUM did not exceed, by linear
 * interpolation in its bucket; the last bound if it is in the last bucket. 0: no requests. */
double durations_quantile_us(const struct durations_sum *sum, double percent);

#endif
