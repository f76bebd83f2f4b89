/* loop: the event loop: turns, the run list, shedding, lingering, draining, timers.
 *
 * Moves bytes between sockets and connections and reports events; knows no HTTP. How to wait for
 * events and how to move bytes is the engine's part: a const table of functions, one table for each
 * kernel interface. Readiness is stored in the connection, and the events to wait for are derived
 * from its state. Every connection that can make progress is in the run list and gets a turn with a
 * budget, so that no peer starves another. */
#ifndef SLUICE_LOOP_H
#define SLUICE_LOOP_H

#include "conn/listeners.h"
#include "conn/transport.h"
#include "loop/retry.h"
#include "loop/trim.h"

#include <stdatomic.h>

struct loop;

/* All functions are called on the loop's thread, except init and fini. */
struct loop_engine {
    size_t bytes; /* of the engine's own struct, which begins with a struct loop */
    const struct transport *transport; /* for connections without another one */
    const struct socket_io *io;        /* raw bytes, for transports that transform them */

    /* The common part of LOOP is ready. Returns 0 or a negative errno; fini is called in either
     * case. */
    int (*init)(struct loop *loop);
    void (*fini)(struct loop *loop);

    /* Called before the first turn. Returns 0 or a negative errno. May be NULL. */
    int (*begin)(struct loop *loop);

    /* Waits for events, at most MS milliseconds (-1: without limit; 0: does not wait). They stay
     * with the engine until take. Returns 0, or a negative errno, which ends the loop. */
    int (*wait)(struct loop *loop, int ms);

    /* Stores readiness from the events and puts the affected connections into the run list. */
    void (*take)(struct loop *loop);

    /* Accepts pending connections, a bounded number, and puts them into the run list. */
    void (*accept)(struct loop *loop);

    /* Accepts all pending connections and closes the listeners. */
    void (*finish_accepting)(struct loop *loop);

    /* Begins to watch listener INDEX, which was added. Returns 0 or a negative errno. May be NULL:
     * that needs nothing. */
    int (*add_listener)(struct loop *loop, unsigned index);

    /* Accepts all pending connections of listener INDEX, and closes it. */
    void (*give_up_listener)(struct loop *loop, unsigned index);

    /* CONN receives no more in this turn: sets its READABLE to whether input is left. May be
     * NULL. */
    void (*take_back)(struct loop *loop, struct conn *conn);

    /* At the end of CONN's turn: makes sure that its events will be reported. False: impossible;
     * CONN is then reset. */
    bool (*keep)(struct loop *loop, struct conn *conn);

    /* Sets CONN->readable if input may be pending that no event has reported yet. */
    void (*check_input)(struct loop *loop, struct conn *conn);

    /* Whether the kernel has received nothing for CONN that no event has reported yet. */
    bool (*is_silent)(struct loop *loop, struct conn *conn);

    /* Ends CONN: calls conn_table_close, at once or as soon as possible. */
    void (*close)(struct loop *loop, struct conn *conn);

    /* At the end of the loop, after all connections have been ended: waits until they are closed.
     * May be NULL. */
    void (*end)(struct loop *loop);
};

struct loop_config {
    struct conn_context *context; /* its `now` is set */
    struct conn_table *conns;
    const int *listeners; /* listening and non-blocking; at most LISTENERS_MAX */
    unsigned listener_count;
    uint64_t drain_ms; /* how long draining may take; 0: no limit */
    /* Carries out LOOP_ORDER_CHANGE between two turns of connections, on the loop's thread. NULL:
     * the order is never given. */
    void (*change)(void *argument);
    void *change_argument;
};

/* Orders of other threads. */
enum loop_order {
    LOOP_ORDER_DRAIN = 1 << 0,
    LOOP_ORDER_REVALIDATE = 1 << 1,
    LOOP_ORDER_MAKE_ROOM = 1 << 2, /* see conn_pool.h */
    LOOP_ORDER_ACCEPT = 1 << 3,
    LOOP_ORDER_ANSWER = 1 << 4, /* see loop_ask */
    LOOP_ORDER_CHANGE = 1 << 5, /* see loop_config */
};

struct loop {
    const struct loop_engine *engine;
    struct conn_context *context; /* *borrowed* */
    struct conn_table *conns;     /* *borrowed* */
    struct listeners listeners;
    int wake_fd; /* signalled when another thread sets a bit of ORDERS */
    struct list run;
    struct wheel_timer drain_timer;
    struct retry retry;
    struct trim trim;
    struct wheel_timer files_timer; /* armed while the store keeps descriptors */
    void (*change)(void *argument); /* see loop_config */
    void *change_argument;
    uint64_t drain_ms;
    bool drain_over;
    atomic_uint orders; /* bits of enum loop_order, from other threads */
    atomic_bool asked;  /* by loop_ask, and not answered yet */
};

/* Creates a loop on ENGINE. *Takes* the listeners' descriptors if it succeeds; *borrows* context
 * and conns until loop_destroy. Returns 0 or a negative errno. *Gives*: loop_destroy. */
int loop_create(struct loop **ret, const struct loop_engine *engine,
                const struct loop_config *config);

/* Destroys LOOP. NULL is allowed. */
void loop_destroy(struct loop *loop);

/* Prepares LOOP on the thread that will run it, before loop_run. Returns 0, or a negative errno:
 * LOOP cannot run. */
int loop_begin(struct loop *loop);

/* Runs until drained. Returns 0, or a negative errno: the engine failed. */
int loop_run(struct loop *loop);

/* Called from any thread: accepts pending connections, closes the listeners, finishes the requests
 * in progress (for at most drain_ms), then lets loop_run return. */
void loop_drain(struct loop *loop);

/* On the loop's thread, between two turns of connections: has the loop accept from the COUNT
 * listeners of WANTED alone. One that it has, by its descriptor, stays, with the indexes that
 * WANTED has; others are *taken*. The loop's listeners that WANTED does not have end
 * (system/listener_end.h). The loop does not drain yet. */
void loop_set_listeners(struct loop *loop, const struct listener *wanted, unsigned count);

/* Closes the listeners whose end has come. If any has, LOOP_ORDER_CHANGE follows. */
void loop_end_listeners(struct loop *loop);

/* Called from any thread: the store checks everything again before it is served. */
void loop_revalidate(struct loop *loop);

/* Called from any thread, the same for both: asks the loop to answer in its next turn, and whether
 * it has answered since. A loop that has ended does not. */
void loop_ask(struct loop *loop);
bool loop_has_answered(const struct loop *loop);

/* Called from any thread: has the loop take a turn. */
void loop_wake(struct loop *loop);

/* Called from any thread: has the loop carry out ORDER in its next turn. */
void loop_order(struct loop *loop, enum loop_order order);

/* --- For engines ------------------------------------------------------------------------------ */

/* Puts CONN, which may be able to make progress, into the run list. */
void loop_make_runnable(struct loop *loop, struct conn *conn);

/* Ends CONN after an error of its socket. */
void loop_reset(struct loop *loop, struct conn *conn);

/* Ends every connection that is not over. */
void loop_close_all(struct loop *loop);

/* Wakes the connections whose look-ups have finished; call it when store_fd is readable. */
void loop_collect_lookups(struct loop *loop);

#endif
