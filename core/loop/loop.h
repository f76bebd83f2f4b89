/* loop: a whole event loop: turns, the run list, shedding, lingering, draining, timers.
 *
 * Moves bytes between sockets and connections and reports what happened; it knows no HTTP. How the
 * network is waited for and how bytes are moved is the engine's part: a const table of functions, one
 * for each way that the kernel offers. Readiness is stored in the connection, and what is wanted is
 * derived; every connection that can get on stands in the run list and gets its turn, with a budget,
 * so that no peer starves another. */
#ifndef SLUICE_LOOP_H
#define SLUICE_LOOP_H

#include "conn/listeners.h"
#include "conn/transport.h"

#include <stdatomic.h>

struct loop;

/* All are called on the loop's thread, but init and fini. */
struct loop_engine {
    size_t bytes; /* of the engine's own struct, which begins with a struct loop */

    /* LOOP's common part is ready. Returns 0 or a negative errno; fini is called in either case. */
    int (*init)(struct loop *loop);
    void (*fini)(struct loop *loop);

    /* Before the first turn. Returns 0 or a negative errno. May be NULL. */
    int (*begin)(struct loop *loop);

    /* Waits for events, MS milliseconds at most (-1: as long as it takes; 0: not at all). They stay
     * with the engine until take. Returns 0 or a negative errno: the loop ends. */
    int (*wait)(struct loop *loop, int ms);

    /* Stores what the events say, and makes runnable whom they concern. */
    void (*take)(struct loop *loop);

    /* Accepts what there is, a bounded number; new connections are runnable. */
    void (*accept)(struct loop *loop);

    /* Accepts all that is queued and closes the listeners. */
    void (*finish_accepting)(struct loop *loop);

    /* As transport_receive, transport_send and transport_discard. */
    enum transport_result (*receive)(struct loop *loop, struct conn *conn, size_t *budget);
    enum transport_result (*send)(struct loop *loop, struct conn *conn, size_t *budget);
    enum transport_result (*discard)(struct loop *loop, struct conn *conn, size_t *budget);

    /* CONN won't be asked to receive any more in this turn: READABLE says whether input is left that it
     * hasn't got. May be NULL. */
    void (*take_back)(struct loop *loop, struct conn *conn);

    /* Sees to it that CONN's events will come, at the end of its turn. False if that can't be: it is
     * then reset. */
    bool (*keep)(struct loop *loop, struct conn *conn);

    /* Makes CONN->readable true if input may be waiting of which no event has told yet. */
    void (*look)(struct loop *loop, struct conn *conn);

    /* Ends CONN, by conn_table_close at once or as soon as that can be. */
    void (*close)(struct loop *loop, struct conn *conn);

    /* All have been ended, at the end of the loop: waits until they are closed. May be NULL. */
    void (*end)(struct loop *loop);
};

struct loop_config {
    struct conn_context *context; /* its time is set */
    struct conn_table *conns;
    const int *listeners; /* listening and non-blocking; at most LISTENERS_MAX */
    unsigned listener_count;
    uint64_t drain_ms; /* how long draining may take */
};

struct loop {
    const struct loop_engine *engine;
    struct conn_context *context; /* *borrowed* */
    struct conn_table *conns;     /* *borrowed* */
    struct listeners listeners;
    int wake_fd; /* an eventfd: another thread has set DRAIN_WANTED */
    struct list run;
    struct wheel_timer drain_timer;
    uint64_t drain_ms;
    bool drain_over;
    atomic_bool drain_wanted;
};

/* A loop on ENGINE. *Takes* the listeners' descriptors, unless it fails; *borrows* context and conns
 * until loop_destroy. Returns 0, or a negative errno. *Gives*: loop_destroy. */
int loop_create(struct loop **ret, const struct loop_engine *engine,
                const struct loop_config *config);

/* NULL is allowed. */
void loop_destroy(struct loop *loop);

/* Runs until drained. Returns 0, or a negative errno if the engine itself fails. */
int loop_run(struct loop *loop);

/* From any thread: take what the listeners have queued, close them, finish what is in flight (for at
 * most drain_ms), return from loop_run. */
void loop_drain(struct loop *loop);

/* --- for engines -------------------------------------------------------------------------------- */

/* CONN may be able to get on: it gets a turn. */
void loop_make_runnable(struct loop *loop, struct conn *conn);

/* After an error of the socket: the peer is gone, or as good as. */
void loop_reset(struct loop *loop, struct conn *conn);

/* Ends every connection that isn't over. */
void loop_close_all(struct loop *loop);

/* store_fd is readable: wakes whose look-ups are done. */
void loop_collect_lookups(struct loop *loop);

#endif
