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
    COUNTER_CONNECTIONS_REFUSED,         /* accepted, but without a slot or memory for it */
    COUNTER_CONNECTIONS_REFUSED_ADDRESS, /* its peer had as many as it may */
    COUNTER_CONNECTIONS_EVICTED,         /* idle or stalled, and closed for a new one */
    COUNTER_CONNECTIONS_SHED,            /* closed to free storage */
    COUNTER_CONNECTIONS_SLOW,            /* its peer took or sent too little */
    COUNTER_CONNECTIONS_RESET,        /* by the peer, by an error, or as its file was rewritten */
    COUNTER_CONNECTIONS_EXPIRED_HEAD, /* by time: without the first byte, or a whole head */
    COUNTER_CONNECTIONS_EXPIRED_IDLE, /* without another request */
    COUNTER_CONNECTIONS_EXPIRED_BODY, /* without progress of a request's content */
    COUNTER_CONNECTIONS_EXPIRED_SEND, /* its peer took nothing */
    COUNTER_CONNECTIONS_EXPIRED_WAIT, /* a look-up, a disk or storage took too long */
    COUNTER_CONNECTIONS_DRAINED,      /* unfinished when the time for draining was over */
    COUNTER_ACCEPT_PAUSES,            /* out of descriptors, memory or connections */
    COUNTER_RESPONSES,                /* sent whole */
    COUNTER_RESPONSES_CUT,            /* begun, not finished */
    COUNTER_RESPONSES_UNLOGGED,       /* sent without a log record, since all were in use */
    COUNTER_LOG_LINES_DROPPED,        /* of the access log, since the writer was too slow */
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
