/* kept_output: the output that transports keep in memory of the worker, for all connections:
 * records that were sealed, and that the socket did not take.
 *
 * A socket of a peer that reads nothing leaves up to a record with its transport. A crowd of them
 * could take any amount of memory, so above a bound peers are closed that have taken nothing for
 * KEPT_PATIENCE_MS, those that have stalled longest first, a few at a time. A socket can be full
 * for long while its peer reads slowly: the kernel is asked, and such a peer stays.
 *
 * A part of the context. A connection is in its list by `holding`, in CONN_PHASE_SEND alone, as
 * long as its socket takes nothing (conn_storage_settle_holding); those that hold full storage as
 * well are in another list, and are bounded by that storage. One thread only. */
#ifndef SLUICE_KEPT_OUTPUT_H
#define SLUICE_KEPT_OUTPUT_H

#include "base/list.h"
#include "storage/wheel.h"

struct conn;
struct conn_context;

enum {
    KEPT_PATIENCE_MS = 2000,
    KEPT_CHECK_MS = 200,
    KEPT_CHECKED_MAX = 128, /* connections at a check */
};

struct kept_output {
    struct list stalled;      /* the one that has made no progress for longest first */
    struct wheel_timer timer; /* CONN_TIMER_KEPT; armed while more is kept than the bound */
    uint64_t bytes;           /* that are kept */
    uint64_t bytes_max;       /* the bound */
    unsigned checkable;       /* in this check */
};

void kept_output_init(struct kept_output *kept, uint64_t bytes_max);

/* A transport keeps BYTES more, or less. */
void kept_output_add(struct conn_context *context, size_t bytes);
void kept_output_remove(struct conn_context *context, size_t bytes);

/* The timer has fired. Call kept_output_next until it returns NULL. */
void kept_output_expired(struct conn_context *context);

/* The next connection to close, as too much is kept. NULL: none now. */
struct conn *kept_output_next(struct conn_context *context);

#endif
