/* counters: counts the work of one worker, readable by other threads while it works.
 *
 * One owner writes (a relaxed load and a relaxed store, no locked instruction); any thread reads,
 * and sums over the workers. A reader may see one counter newer than another. The last of them are
 * gauges, which their owner sets or adds a negative number to. */
#ifndef SLUICE_COUNTERS_H
#define SLUICE_COUNTERS_H

#include "http/http.h"
#include "observe/durations.h"

enum counter {
    COUNTER_CONNECTIONS_ACCEPTED,
    COUNTER_CONNECTIONS_CLOSED,
    COUNTER_CONNECTIONS_REFUSED,         /* accepted, but without a slot or memory for it */
    COUNTER_CONNECTIONS_REFUSED_ADDRESS, /* its peer had as many as it may */
    COUNTER_CONNECTIONS_REFUSED_PROXY,   /* without a PROXY header that is believed */
    COUNTER_CONNECTIONS_EVICTED,         /* idle or stalled, and closed for a new one */
    COUNTER_CONNECTIONS_SHED,            /* closed to free storage */
    COUNTER_CONNECTIONS_SLOW,            /* its peer took or sent too little */
    COUNTER_CONNECTIONS_RESET, /* by the peer, by an error, or as its file was rewritten */
    COUNTER_CONNECTIONS_EXPIRED_HANDSHAKE, /* by time: without the end of TLS's handshake */
    COUNTER_CONNECTIONS_EXPIRED_HEAD,      /* without the first byte, or a whole head */
    COUNTER_CONNECTIONS_EXPIRED_IDLE,      /* without another request */
    COUNTER_CONNECTIONS_EXPIRED_BODY,      /* without progress of a request's content */
    COUNTER_CONNECTIONS_EXPIRED_SEND,      /* its peer took nothing */
    COUNTER_CONNECTIONS_EXPIRED_WAIT,      /* a look-up, a disk or storage took too long */
    COUNTER_CONNECTIONS_DRAINED,           /* unfinished when the time for draining was over */
    COUNTER_ACCEPT_PAUSES,                 /* out of descriptors, memory or connections */
    COUNTER_RESPONSES,                     /* sent whole */
    COUNTER_RESPONSES_CUT,                 /* begun, not finished */
    COUNTER_RESPONSES_UNLOGGED,            /* sent without a log record, since all were in use */
    COUNTER_LOG_LINES_LOST,                /* of the access log, since they could not be written */
    COUNTER_LOG_LINES_DROPPED,             /* of the access log, since the writer was too slow */
    COUNTER_BYTES_SENT,
    COUNTER_CACHE_LOOKUP_HITS, /* without those of memos, see counters_cache_hits */
    COUNTER_CACHE_MISSES,
    COUNTER_CACHE_EVICTIONS, /* entries removed to make room */
    COUNTER_TLS_1_2_FULL,    /* handshakes that succeeded */
    COUNTER_TLS_1_2_RESUMED,
    COUNTER_TLS_1_3_FULL,
    COUNTER_TLS_1_3_RESUMED,
    COUNTER_TLS_FAILED,    /* handshakes that made no sense, or found nothing in common */
    COUNTER_TLS_ABANDONED, /* handshakes whose connection ended first */
    COUNTER_TURNS,         /* of the loop */
    /* From here on: not sums but states, which go up and down. */
    COUNTER_GAUGES,
    COUNTER_CACHE_BYTES = COUNTER_GAUGES,
    COUNTER_CACHE_ENTRIES,
    COUNTER_OPEN_HANDSHAKING, /* connections, by what they wait for at the end of their turn */
    COUNTER_OPEN_IDLE,        /* for a request */
    COUNTER_OPEN_READING,     /* for the rest of one */
    COUNTER_OPEN_WAITING,     /* for a look-up, a disk or storage */
    COUNTER_OPEN_WRITING,     /* for the peer, to take output */
    COUNTER_OPEN_CLOSING,     /* for the peer, to finish */
    COUNTER_COUNT,
};

/* Classes of methods; the others of enum http_method are one. */
enum counted_method {
    COUNTED_OTHER,
    COUNTED_GET,
    COUNTED_HEAD,
    COUNTED_OPTIONS,
    COUNTED_METHODS,
};

enum {
    COUNTED_REQUESTS = COUNTED_METHODS * HTTP_STATUS_SLOTS,
    COUNTED_BY_MEMO = COUNTED_REQUESTS, /* added to the index of requests that memos answer */
};

struct counters {
    _Atomic uint64_t value[COUNTER_COUNT];
    _Atomic uint64_t requests[2 * COUNTED_REQUESTS]; /* answered, by counters_request_index */
    struct durations durations;
};

/* The index for requests with METHOD that are answered with STATUS. */
static inline unsigned counters_request_index(enum http_method method, enum http_status status)
{
    static_assert((unsigned)HTTP_OPTIONS == COUNTED_OPTIONS, "the first methods are classes");
    const unsigned class = method <= HTTP_OPTIONS ? (unsigned)method : COUNTED_OTHER;
    return class * HTTP_STATUS_SLOTS + http_status_index(status);
}

/* Adds 1 to the requests with INDEX. */
static inline void counters_add_request(struct counters *counters, unsigned index)
{
    counters_raise(&counters->requests[index], 1);
}

static inline void counters_add(struct counters *counters, enum counter which, uint64_t amount)
{
    counters_raise(&counters->value[which], amount);
}

/* For gauges, and for what is counted elsewhere. */
static inline void counters_set(struct counters *counters, enum counter which, uint64_t value)
{
    atomic_store_explicit(&counters->value[which], value, memory_order_relaxed);
}

static inline uint64_t counters_read(const struct counters *counters, enum counter which)
{
    /* C11's atomic_load takes no pointer to const before DR 459; gcc and clang both allow it. */
    return atomic_load_explicit(&counters->value[which], memory_order_relaxed);
}

/* The requests with METHOD and STATUS, an index of http_status_index. */
static inline uint64_t counters_read_requests(const struct counters *counters,
                                              enum counted_method method, unsigned status)
{
    const unsigned index = (unsigned)method * HTTP_STATUS_SLOTS + status;
    return atomic_load_explicit(&counters->requests[index], memory_order_relaxed) +
           atomic_load_explicit(&counters->requests[COUNTED_BY_MEMO + index], memory_order_relaxed);
}

/* Requests that were answered from memory: each answer of a memo counts. */
static inline uint64_t counters_cache_hits(const struct counters *counters)
{
    uint64_t hits = counters_read(counters, COUNTER_CACHE_LOOKUP_HITS);
    for (unsigned i = COUNTED_BY_MEMO; i < COUNT_OF(counters->requests); i++)
        hits += atomic_load_explicit(&counters->requests[i], memory_order_relaxed);
    return hits;
}

#endif
