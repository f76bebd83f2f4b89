/* loop_timers: see loop_timers.h. */
#include "loop/loop_timers.h"

#include "conn/conn_phase.h"
#include "conn/conn_rate.h"
#include "conn/file_doubt.h"
#include "conn/file_watch.h"
#include "loop/loop_turn.h"

enum { EXPIRED_MAX = 256 }; /* in a turn, so that nothing waits for the end of a crowd's time */

/* --- Connections whose time is over ----------------------------------------------------------- */

/* Counts an expired deadline by the phase that it ended. While draining, a connection without a
 * request ends in good order. */
static void count_expired(const struct loop *loop, enum conn_phase phase)
{
    static const enum counter counters[] = {
        [CONN_PHASE_HANDSHAKE] = COUNTER_CONNECTIONS_EXPIRED_HANDSHAKE,
        [CONN_PHASE_FIRST] = COUNTER_CONNECTIONS_EXPIRED_HEAD,
        [CONN_PHASE_IDLE] = COUNTER_CONNECTIONS_EXPIRED_IDLE,
        [CONN_PHASE_HEAD] = COUNTER_CONNECTIONS_EXPIRED_HEAD,
        [CONN_PHASE_BODY] = COUNTER_CONNECTIONS_EXPIRED_BODY,
        [CONN_PHASE_JOB] = COUNTER_CONNECTIONS_EXPIRED_WAIT,
        [CONN_PHASE_STORAGE] = COUNTER_CONNECTIONS_EXPIRED_WAIT,
        [CONN_PHASE_SEND] = COUNTER_CONNECTIONS_EXPIRED_SEND,
    };
    static_assert(COUNT_OF(counters) == CONN_PHASE_LINGER, "a counter for each phase before it");
    if (phase == CONN_PHASE_LINGER || (loop->context->draining && phase <= CONN_PHASE_IDLE))
        return;
    counters_add(loop->context->counters, counters[phase], 1);
}

/* Whether CONN, whose time is over, made progress that it has had no turn for: the peer takes
 * bytes, or the request that was waited for has come. */
static bool progressed_in_time(const struct loop *loop, struct conn *conn)
{
    if (conn->phase == CONN_PHASE_SEND)
        return conn_transport(loop->context, conn)->drains(conn);
    return (conn->phase == CONN_PHASE_FIRST || conn->phase == CONN_PHASE_IDLE) &&
           conn_is_readable(conn);
}

/* The peer takes nothing: closes CONN by a reset, as the kernel would go on to hold what it has for
 * the peer. */
static void expire_stalled(struct loop *loop, struct conn *conn)
{
    count_expired(loop, CONN_PHASE_SEND);
    conn_trace(loop->context, conn, TRACE_EXPIRED, 0);
    socket_abort(&conn->socket);
    loop->engine->close(loop, conn);
}

/* Whether CONN has nothing to do but to wait until its peer has taken what the kernel holds for it.
 * At the exit that is left to the kernel, except for a little while. */
static bool awaits_delivery(const struct loop *loop, const struct conn *conn)
{
    const struct conn_context *context = loop->context;
    const bool lingers = conn->phase == CONN_PHASE_LINGER;
    if (!lingers && conn->phase != CONN_PHASE_IDLE)
        return false;
    if (context->draining &&
        !(lingers && conn_awaits_only_delivery(conn) && context->now.ms < conn->linger_end_ms))
        return false;
    return !conn_transport(context, conn)->delivered(conn);
}

static void expire_conn(struct loop *loop, struct conn *conn)
{
    const struct transport *transport = conn_transport(loop->context, conn);
    if (progressed_in_time(loop, conn)) {
        conn_renew_phase(conn);
        conn_settle(loop->context, conn);
        return;
    }
    const bool awaits = awaits_delivery(loop, conn);
    const uint64_t stalled_ms = awaits ? transport->stalled_ms(conn) : 0;
    if (awaits && stalled_ms < loop->context->idle_ms) {
        conn_await_delivery(loop->context, conn, stalled_ms);
        return;
    }
    if (awaits || conn->phase == CONN_PHASE_SEND) {
        expire_stalled(loop, conn);
        return;
    }
    count_expired(loop, conn->phase);
    if (conn_expired(loop->context, conn) == CONN_GOES_ON) {
        loop_make_runnable(loop, conn);
        return;
    }
    conn_trace(loop->context, conn, TRACE_EXPIRED, 0);
    if (loop->context->draining)
        loop_turn_close(loop, conn);
    else
        loop_turn_drop(loop, conn);
}

/* --- Connections that are checked from time to time ------------------------------------------- */

/* Resets the connections whose answer may be a mixture of two versions of a file. */
static void check_watched_files(struct loop *loop)
{
    struct conn *conn;
    file_watch_expired(loop->context);
    while ((conn = file_watch_next(loop->context))) {
        socket_abort(&conn->socket);
        loop_reset(loop, conn);
    }
}

/* Lets the connections go on of whose file it is known by now whether it was rewritten. */
static void check_doubted_files(struct loop *loop)
{
    struct conn *conn;
    file_doubt_expired(loop->context);
    while ((conn = file_doubt_next(loop->context)))
        loop_make_runnable(loop, conn);
}

static void shed(struct loop *loop, struct conn *conn)
{
    counters_add(loop->context->counters, COUNTER_CONNECTIONS_SHED, 1);
    conn_trace(loop->context, conn, TRACE_SHED, 0);
    loop_turn_drop(loop, conn);
}

/* Closes handshakes that do not end, for others that wait. */
static void check_handshakes(struct loop *loop)
{
    struct conn *conn;
    handshakes_expired(loop->context);
    while ((conn = handshakes_next(loop->context)))
        shed(loop, conn);
}

/* Closes peers that take nothing of what transports keep for them. */
static void check_kept_output(struct loop *loop)
{
    struct conn *conn;
    kept_output_expired(loop->context);
    while ((conn = kept_output_next(loop->context)))
        shed(loop, conn);
}

/* Closes CONN if its peer is too slow, with a reset: what the peer has not taken would keep the
 * kernel's memory. */
static void visit_to_rate(void *argument, struct conn *conn)
{
    struct loop *loop = argument;
    if (!conn_rates_is_low(loop->context, conn))
        return;
    counters_add(loop->context->counters, COUNTER_CONNECTIONS_SLOW, 1);
    conn_trace(loop->context, conn, TRACE_SHED, 0);
    socket_abort(&conn->socket);
    loop->engine->close(loop, conn);
}

static void check_rates(struct loop *loop)
{
    unsigned part = loop->context->rates->part;
    conn_table_each_of_part(loop->conns, part, CONN_RATE_PARTS, visit_to_rate, loop);
    conn_rates_checked(loop->context);
}

/* --- All timers ------------------------------------------------------------------------------- */

static void expire(struct loop *loop, struct wheel_timer *timer)
{
    switch ((enum conn_timer)timer->kind) {
    case CONN_TIMER_PHASE:
        expire_conn(loop, CONTAINER_OF(timer, struct conn, timer));
        break;
    case CONN_TIMER_ACCEPT_PAUSE:
        listeners_resume(&loop->listeners);
        break;
    case CONN_TIMER_LISTENERS:
        loop_end_listeners(loop);
        break;
    case CONN_TIMER_DRAIN:
        loop->drain_over = true;
        break;
    case CONN_TIMER_TRIM:
        trim_expired(&loop->trim);
        break;
    case CONN_TIMER_FILES:
        store_release_files(loop->context->files);
        break;
    case CONN_TIMER_WATCH:
        check_watched_files(loop);
        break;
    case CONN_TIMER_DOUBT:
        check_doubted_files(loop);
        break;
    case CONN_TIMER_RATE:
        check_rates(loop);
        break;
    case CONN_TIMER_HANDSHAKES:
        check_handshakes(loop);
        break;
    case CONN_TIMER_KEPT:
        check_kept_output(loop);
        break;
    case CONN_TIMER_RETRY:
        retry_expired(&loop->retry, &loop->run);
        break;
    }
}

void loop_timers_expire(struct loop *loop)
{
    unsigned left = EXPIRED_MAX;
    struct wheel_timer *timer;
    while ((timer = wheel_expire(&loop->context->wheel, loop->context->now.ms))) {
        expire(loop, timer);
        if (--left == 0)
            break;
    }
}
