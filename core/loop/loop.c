/* loop: see loop.h.
 *
 * A turn: wait for events, store readiness, accept, expire timers, give connections in the run list
 * their turn, free the closed ones. Each step is bounded, so that none waits long for another. */
#include "loop/loop.h"

#include "base/clock.h"
#include "conn/conn_phase.h"
#include "loop/loop_room.h"
#include "loop/loop_timers.h"
#include "loop/loop_turn.h"
#include "system/event_fd.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    /* The store lets go of a descriptor that was not used for this time, or up to twice as long. */
    FILES_KEPT_MS = 2000,
    /* The bounds of a turn of the loop, so that events, accepting and timers do not wait for a
     * crowd: some milliseconds of sending, or 256 connections. */
    RUN_BYTES_MAX = 16 << 20,
    RUN_BYTES_PER_CONN = 64 << 10, /* that each connection counts for, beside those it moves */
};

/* --- The run list ----------------------------------------------------------------------------- */

void loop_make_runnable(struct loop *loop, struct conn *conn)
{
    if (conn_is_over(conn))
        return;
    list_remove(&conn->queue); /* it may wait for storage, or to send again */
    list_append(&loop->run, &conn->queue);
}

static void close_conn(struct loop *loop, struct conn *conn)
{
    loop->engine->close(loop, conn);
}

void loop_reset(struct loop *loop, struct conn *conn)
{
    counters_add(loop->context->counters, COUNTER_CONNECTIONS_RESET, 1);
    conn_trace(loop->context, conn, TRACE_RESET, 0);
    close_conn(loop, conn);
}

/* Lets the connections that wait for storage try again, if some was returned or can be freed by
 * shedding. */
static void feed_waiting(struct loop *loop)
{
    struct conn_context *context = loop->context;
    bool waiting = !list_is_empty(&context->waiting_for_storage);
    if (waiting && (context->returned || loop_turn_shed(loop, NULL))) {
        struct list *node;
        while ((node = list_take_first(&context->waiting_for_storage)))
            loop_make_runnable(loop, CONTAINER_OF(node, struct conn, queue));
    }
    context->returned = false;
}

/* Puts a few of the connections that are postponed at the beginning of the run list. */
static void resume_postponed(struct loop *loop)
{
    struct conn_context *context = loop->context;
    struct list first;
    struct list *node;
    list_init(&first);
    for (unsigned i = 0; i < CONN_POSTPONED_MAX; i++) {
        node = list_take_first(&context->postponed);
        if (!node)
            break;
        list_append(&first, node);
    }
    list_splice(&first, &loop->run);
    list_splice(&loop->run, &first);
}

/* Gives a turn to connections that are in the run list now, until RUN_BYTES_MAX have been moved.
 * The others come first the next time, before those added meanwhile. */
static void run_some(struct loop *loop)
{
    ssize_t left = RUN_BYTES_MAX;
    struct list now;
    list_init(&now);
    list_splice(&now, &loop->run);
    struct list *node;
    while (left > 0 && (node = list_take_first(&now))) {
        left -= RUN_BYTES_PER_CONN;
        left -= (ssize_t)loop_turn_run(loop, CONTAINER_OF(node, struct conn, queue));
    }
    if (!list_is_empty(&now)) {
        list_splice(&now, &loop->run);
        list_splice(&loop->run, &now);
    }
}

/* --- Draining --------------------------------------------------------------------------------- */

static void visit_to_drain(void *argument, struct conn *conn)
{
    struct loop *loop = argument;
    conn_renew_phase(conn); /* its time is another one now */
    if (conn->state == CONN_LINGERING)
        conn_settle(loop->context, conn);
    if (conn->state != CONN_OPEN)
        return;
    conn_close_soon(loop->context, conn);
    loop->engine->check_input(loop, conn);
    loop_make_runnable(loop, conn);
}

static void visit_to_close(void *argument, struct conn *conn)
{
    if (!conn_is_over(conn))
        close_conn(argument, conn);
}

void loop_close_all(struct loop *loop)
{
    conn_table_each(loop->conns, visit_to_close, loop);
}

/* Accepts pending connections, closes the listeners, and gives every connection a turn in which it
 * sees that the loop is draining. */
static void begin_drain(struct loop *loop)
{
    struct conn_context *context = loop->context;
    if (context->draining)
        return;
    context->draining = true;
    loop->engine->finish_accepting(loop);
    conn_table_each(loop->conns, visit_to_drain, loop);
    if (loop->drain_ms > 0)
        wheel_arm(&context->wheel, &loop->drain_timer, context->now.ms + loop->drain_ms);
}

/* --- Orders ----------------------------------------------------------------------------------- */

void loop_order(struct loop *loop, enum loop_order order)
{
    atomic_fetch_or(&loop->orders, order);
    event_fd_signal(loop->wake_fd);
}

void loop_wake(struct loop *loop)
{
    event_fd_signal(loop->wake_fd);
}

void loop_drain(struct loop *loop)
{
    loop_order(loop, LOOP_ORDER_DRAIN);
}

void loop_revalidate(struct loop *loop)
{
    loop_order(loop, LOOP_ORDER_REVALIDATE);
}

void loop_ask(struct loop *loop)
{
    atomic_store(&loop->asked, true);
    loop_order(loop, LOOP_ORDER_ANSWER);
}

bool loop_has_answered(const struct loop *loop)
{
    return !atomic_load(&loop->asked);
}

__attribute__((cold, noinline)) static void take_orders(struct loop *loop)
{
    const unsigned orders = atomic_exchange(&loop->orders, 0);
    if (orders & LOOP_ORDER_CHANGE)
        loop->change(loop->change_argument);
    if (orders & LOOP_ORDER_DRAIN)
        begin_drain(loop);
    if (orders & LOOP_ORDER_REVALIDATE)
        store_revalidate(loop->context->files);
    if (orders & LOOP_ORDER_MAKE_ROOM)
        loop_room_answer(loop);
    if (orders & LOOP_ORDER_ACCEPT)
        listeners_resume(&loop->listeners);
    if (orders & LOOP_ORDER_ANSWER)
        atomic_store(&loop->asked, false);
}

/* --- Events ----------------------------------------------------------------------------------- */

/* While the store keeps descriptors, the loop wakes up from time to time; an idle loop does not. */
static void watch_files(struct loop *loop)
{
    struct conn_context *context = loop->context;
    if (!wheel_armed(&loop->files_timer) && store_keeps_files(context->files))
        wheel_arm(&context->wheel, &loop->files_timer, context->now.ms + FILES_KEPT_MS);
}

static void wake_waiter(void *context, struct lookup_waiter *waiter)
{
    struct loop *loop = context;
    loop_make_runnable(loop, conn_woken(loop->context, waiter));
}

void loop_collect_lookups(struct loop *loop)
{
    store_collect(loop->context->files, &loop->context->now, wake_waiter, loop);
}

/* The milliseconds to wait for events; -1: without limit. */
static int wait_ms(const struct loop *loop)
{
    if (!list_is_empty(&loop->run) || !list_is_empty(&loop->context->postponed) ||
        listeners_ready(&loop->listeners))
        return 0;
    return wheel_wait_ms(&loop->context->wheel, loop->context->now.ms);
}

static bool is_drained(const struct loop *loop)
{
    return loop->context->draining && (loop->conns->open_count == 0 || loop->drain_over);
}

static void turn(struct loop *loop)
{
    clock_read(&loop->context->now);
    counters_set(loop->context->counters, COUNTER_TURNS, loop->context->now.turn);
    loop->engine->take(loop);
    if (atomic_load_explicit(&loop->orders, memory_order_relaxed))
        take_orders(loop);
    loop->engine->accept(loop);
    loop_timers_expire(loop);
    if (!list_is_empty(&loop->context->postponed))
        resume_postponed(loop);
    run_some(loop);
    feed_waiting(loop);
    watch_files(loop);
    conn_table_bury(loop->conns);
    trim_watch(&loop->trim);
}

int loop_begin(struct loop *loop)
{
    return loop->engine->begin ? loop->engine->begin(loop) : 0;
}

int loop_run(struct loop *loop)
{
    const struct loop_engine *engine = loop->engine;
    int error = 0;
    while (!error && !is_drained(loop)) {
        error = engine->wait(loop, wait_ms(loop));
        if (!error)
            turn(loop);
    }
    counters_add(loop->context->counters, COUNTER_CONNECTIONS_DRAINED, loop->conns->open_count);
    loop_close_all(loop);
    if (engine->end)
        engine->end(loop);
    conn_table_bury(loop->conns);
    return error;
}

/* --- Creation --------------------------------------------------------------------------------- */

static int init(struct loop *loop, const struct loop_engine *engine,
                const struct loop_config *config)
{
    *loop = (struct loop){
        .engine = engine,
        .context = config->context,
        .conns = config->conns,
        .drain_ms = config->drain_ms,
        .change = config->change,
        .change_argument = config->change_argument,
        .wake_fd = event_fd_open(),
    };
    int error = loop->wake_fd < 0 ? loop->wake_fd : 0;
    loop->context->loop = loop;
    loop->context->io = engine->io;
    loop->context->transports[TRANSPORT_PLAIN] = engine->transport;
    list_init(&loop->run);
    wheel_timer_init(&loop->drain_timer, CONN_TIMER_DRAIN);
    retry_init(&loop->retry, config->context);
    trim_init(&loop->trim, config->context, config->conns);
    wheel_timer_init(&loop->files_timer, CONN_TIMER_FILES);
    listeners_init(&loop->listeners, loop->context, loop->conns, &loop->run, config->listeners,
                   config->listener_count);
    loop_room_init(loop);
    int engine_error = engine->init(loop);
    return error ? error : engine_error;
}

int loop_create(struct loop **ret, const struct loop_engine *engine,
                const struct loop_config *config)
{
    if (config->listener_count > LISTENERS_MAX)
        return -E2BIG;
    struct loop *loop = calloc(1, engine->bytes);
    if (!loop)
        return -ENOMEM;
    int error = init(loop, engine, config);
    if (error) {
        loop->listeners.count = 0; /* the descriptors stay the caller's */
        loop_destroy(loop);
        return error;
    }
    *ret = loop;
    return 0;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    loop->engine->fini(loop);
    loop_room_fini(loop);
    listeners_fini(&loop->listeners);
    wheel_cancel(&loop->context->wheel, &loop->drain_timer);
    retry_fini(&loop->retry);
    trim_fini(&loop->trim);
    wheel_cancel(&loop->context->wheel, &loop->files_timer);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    free(loop);
}
