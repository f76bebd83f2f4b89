/* counters: counts the work of one worker, readable by other threads while it works.
 *
 * One owner writes (a relaxed load and a relaxed store, no locked instruction); any thread reads,
 * and sums over the workers. A reader may see one counter newer than another. */
#ifndef SLUICE_COUNTERS_H
#define SLUICE_COUNTERS_H

#include "base/base.h"

#include <stdatomic.h>

enum counter {
    COUNTER_CONNECTIONS_ACCEPTED,
    COUNTER_CONNECTIONS_CLOSED,
    COUNTER_CONNECTIONS_RESET,   /* by the peer, or by an error of its socket */
    COUNTER_CONNECTIONS_EXPIRED, /* closed by a timeout */
    COUNTER_CONNECTIONS_SHED,    /* closed to free storage */
    COUNTER_CONNECTIONS_EVICTED, /* idle, and closed for a new one */
    COUNTER_ACCEPT_PAUSES,       /* out of descriptors, memory or connections */
    COUNTER_RESPONSES,           /* sent whole */
    COUNTER_RESPONSES_CUT,       /* begun, not finished */
    COUNTER_RESPONSES_UNLOGGED,  /* sent without a log record, since all were in use */
    COUNTER_BYTES_SENT,
    COUNTER_CACHE_HITS,
    COUNTER_CACHE_MISSES,
    COUNTER_COUNT,
};

struct counters {
    _Atomic uint64_t value[COUNTER_COUNT];
};

static inline void counters_add(struct counters *counters, enum counter which, uint64_t amount)
{
    _Atomic uint64_t *value = &counters->value[which];
    uint64_t old = atomic_load_explicit(value, memory_order_relaxed);
    atomic_store_explicit(value, old + amount, memory_order_relaxed);
}

static inline uint64_t counters_read(const struct counters *counters, enum counter which)
{
    /* C11's atomic_load takes no pointer to const before DR 459; gcc and clang both allow it. */
    return atomic_load_explicit(&counters->value[which], memory_order_relaxed);
}

#endif
