/* handshakes: how many handshakes of transports go on at once in a worker, and which go on.
 *
 * A handshake takes much more memory than a connection does afterwards, and one that stops in the
 * middle costs its client nothing. So their number is bounded. Beyond it, a connection waits before
 * its handshake begins, with its bytes in the kernel, until another one ends. While connections
 * wait, handshakes that began HANDSHAKES_PATIENCE_MS ago are closed, the oldest first, a few at a
 * time. The latest that waits is the next, so that no client waits for a crowd that stops. What a
 * connection sends while it waits does not change its place.
 *
 * A part of the context. A connection is in one of its lists by `holding`, in CONN_PHASE_HANDSHAKE
 * alone. One that waits may be in the run list as well. One thread only. */
#ifndef SLUICE_HANDSHAKES_H
#define SLUICE_HANDSHAKES_H

#include "base/list.h"
#include "storage/wheel.h"

struct conn;
struct conn_context;

enum {
    /* 64 MiB, at 80 KiB for a handshake of TLS. */
    HANDSHAKES_MAX = (64 << 20) / (80 << 10),
    HANDSHAKES_PATIENCE_MS = 1000,
    HANDSHAKES_CHECK_MS = 100,
    HANDSHAKES_CLOSED_MAX = 128, /* at a check */
};

struct handshakes {
    struct list going_on;     /* the oldest first */
    struct list waiting;      /* the latest first */
    struct wheel_timer timer; /* CONN_TIMER_HANDSHAKES; armed while connections wait */
    unsigned count;           /* that go on */
    unsigned count_max;       /* HANDSHAKES_MAX, except in tests */
    unsigned closable;        /* in this check */
};

void handshakes_init(struct handshakes *handshakes);

/* Whether CONN may begin a handshake now. False: it waits, in the list. */
bool handshakes_may_begin(struct conn_context *context, struct conn *conn);

/* CONN begins its handshake. */
void handshakes_begin(struct conn_context *context, struct conn *conn);

/* CONN's handshake is over, or CONN is, or it had its turn and has not begun one: if there is room,
 * the next connection that waits is postponed (conn_postpone). Each that is calls this again, so
 * that room is found by all that wait. */
void handshakes_end(struct conn_context *context, struct conn *conn);

/* The timer has fired. Call handshakes_next until it returns NULL. */
void handshakes_expired(struct conn_context *context);

/* The next connection to close, as others wait. NULL: none. */
struct conn *handshakes_next(struct conn_context *context);

#endif
