/* retry: connections that try again by time to send, because a report that their socket is writable
 * was spurious (socket.h).
 *
 * Without a pause they would be reported writable again at once and take both CPUs, since the
 * memory that they need is held by others. The pause doubles with each spurious report, from a tick
 * to 32 ticks of 32 ms; a byte that the socket takes ends it. Belongs to a loop; one thread only.
 * A connection waits here by its `queue`, and leaves whenever it gets a turn or ends. */
#ifndef SLUICE_RETRY_H
#define SLUICE_RETRY_H

#include "conn/conn.h"

struct retry {
    struct conn_context *context;            /* *borrowed* */
    struct wheel_timer timer;                /* CONN_TIMER_RETRY; armed while connections wait */
    uint32_t tick;                           /* how often it has fired */
    struct list levels[SOCKET_SPURIOUS_MAX]; /* LEVELS[n] is released every 2^n ticks */
};

void retry_init(struct retry *retry, struct conn_context *context);

/* No connection waits any more. */
void retry_fini(struct retry *retry);

/* At the end of a turn of CONN, of which a report was spurious: makes it wait, instead of for
 * storage, too, unless it has nothing to send or will have another turn. */
__attribute__((cold)) void retry_later(struct retry *retry, struct conn *conn);

/* The timer has fired: moves the connections that are to try now to RUN. */
void retry_expired(struct retry *retry, struct list *run);

#endif
