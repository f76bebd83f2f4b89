/* loop_epoll: a whole event loop over epoll(7), edge-triggered.
 *
 * Moves bytes between sockets and connections and reports what happened; it knows no HTTP. A descriptor
 * is registered once, for everything, and never modified. Readiness is stored in the connection, and
 * what the loop wants is derived; every connection that can get on stands in the run list and gets its
 * turn, with a budget, so that no peer starves another. */
#ifndef SLUICE_LOOP_EPOLL_H
#define SLUICE_LOOP_EPOLL_H

#include "listeners.h"

#include <stdatomic.h>

struct loop_epoll {
    struct conn_context *context; /* *borrowed* */
    struct conns *conns;          /* *borrowed* */
    struct listeners listeners;
    int epoll_fd;
    int wake_fd; /* an eventfd: another thread has set DRAIN_WANTED */
    struct list run;
    struct wheel_timer drain_timer;
    uint64_t drain_ms; /* how long draining may take */
    bool drain_over;
    atomic_bool drain_wanted;
};

/* Takes LISTENERS, listening and non-blocking, unless it fails. CONTEXT's time is set. Returns 0, or a
 * negative errno. */
int loop_epoll_init(struct loop_epoll *loop, struct conn_context *context, struct conns *conns,
                    const int *listeners, unsigned listener_count, uint64_t drain_ms);
void loop_epoll_fini(struct loop_epoll *loop);

/* Runs until drained. Returns 0, or a negative errno if epoll itself fails. */
int loop_epoll_run(struct loop_epoll *loop);

/* From any thread: take what the listeners have queued, close them, finish what is in flight (for at
 * most drain_ms), return from loop_epoll_run. */
void loop_epoll_drain(struct loop_epoll *loop);

#endif
