/* loop_turn: see loop_turn.h. */
#include "loop/loop_turn.h"

#include "conn/conn_phase.h"

/* Per connection, in both directions: one large sendfile, see transport_plain.c. */
enum { BYTES_PER_TURN = 2 << 20 };

void loop_turn_close(struct loop *loop, struct conn *conn)
{
    const struct transport *transport = conn_transport(loop->context, conn);
    if (transport->ends_with_bytes && conn->state == CONN_OPEN && !conn_has_unsent(conn))
        transport->shut(loop->context, conn);
    loop->engine->close(loop, conn);
}

void loop_turn_drop(struct loop *loop, struct conn *conn)
{
    if (!conn_has_unsent(conn) && socket_delivered(&conn->socket)) {
        loop_turn_close(loop, conn);
        return;
    }
    socket_abort(&conn->socket);
    loop->engine->close(loop, conn);
}

bool loop_turn_shed(struct loop *loop, const struct conn *spared)
{
    struct conn *victim = conn_to_shed(loop->context, spared);
    if (!victim || victim == spared)
        return false;
    counters_add(loop->context->counters, COUNTER_CONNECTIONS_SHED, 1);
    conn_trace(loop->context, victim, TRACE_SHED, 0);
    loop_turn_drop(loop, victim);
    return true;
}

/* The end of a turn: makes sure that CONN's events will come, then settles its storage and
 * deadline. */
static void rest(struct loop *loop, struct conn *conn)
{
    if (!loop->engine->keep(loop, conn)) {
        loop_reset(loop, conn);
        return;
    }
    if (conn->socket.spurious > 0)
        retry_later(&loop->retry, conn);
    conn_settle(loop->context, conn);
}

/* Everything is sent: shuts our side. False: not yet, or CONN is over. */
static bool shut(struct loop *loop, struct conn *conn)
{
    switch (conn_transport(loop->context, conn)->shut(loop->context, conn)) {
    case TRANSPORT_PROGRESS:
        return true;
    case TRANSPORT_NOTHING: /* the transport's last bytes are output: again when they are sent */
        loop_make_runnable(loop, conn);
        break;
    case TRANSPORT_FULL:
    case TRANSPORT_LATER:
    case TRANSPORT_REFUSED:
    case TRANSPORT_FAILED:
        loop_reset(loop, conn);
        break;
    }
    return false;
}

/* Shuts our side; further input is discarded. */
static void begin_linger(struct loop *loop, struct conn *conn)
{
    if (!shut(loop, conn))
        return;
    conn_linger(loop->context, conn);
    loop_make_runnable(loop, conn);
}

/* A turn of a connection in CONN_LINGERING. Once the peer is done it only waits until the peer has
 * taken the answer: a close before that would leave the answer to the kernel, where no limit
 * applies to it. One that sends too much, or is broken, is not waited for. */
static void run_lingering(struct loop *loop, struct conn *conn, size_t *budget)
{
    const struct transport *transport = conn_transport(loop->context, conn);
    const bool had_ended = conn->socket.input_ended;
    while (conn_is_readable(conn) && *budget > 0) {
        if (transport->discard(loop->context, conn, budget) == TRANSPORT_FAILED) {
            loop_turn_drop(loop, conn);
            return;
        }
    }
    if (conn_awaits_only_delivery(conn) && transport->delivered(conn)) {
        loop->engine->close(loop, conn);
        return;
    }
    if (conn->socket.input_ended && !had_ended)
        conn_renew_phase(conn); /* it is checked more often now */
    if (conn_is_readable(conn))
        loop_make_runnable(loop, conn);
}

/* Receives. If there is no room, sheds another connection that makes no progress. TRANSPORT_FULL:
 * no room all the same; CONN then waits. A head that needs large storage fails instead. */
static enum transport_result receive(struct loop *loop, struct conn *conn, size_t *budget)
{
    const struct transport *transport = conn_transport(loop->context, conn);
    enum transport_result result;
    do
        result = transport->receive(loop->context, conn, budget);
    while (result == TRANSPORT_FULL && loop_turn_shed(loop, conn));
    if (result == TRANSPORT_FULL && conn_needs_large(conn))
        return TRANSPORT_FAILED;
    if (result == TRANSPORT_FULL)
        conn_await_storage(loop->context, conn);
    return result;
}

/* Moves bytes in both directions until CONN makes no progress or its budget is used up. Output goes
 * first, because it frees storage that input needs. Returns TRANSPORT_PROGRESS; or TRANSPORT_FAILED
 * or TRANSPORT_REFUSED, when CONN is to be closed. */
static enum transport_result pump(struct loop *loop, struct conn *conn, size_t *budget)
{
    conn_work(loop->context, conn);
    for (;;) {
        bool sends = conn->socket.writable && conn_wants_output(conn);
        bool receives = !sends && conn_wants_input(conn) && conn_is_readable(conn);
        if (!sends && !receives)
            return TRANSPORT_PROGRESS;
        if (*budget == 0)
            break;
        enum transport_result result =
            sends ? conn_transport(loop->context, conn)->send(loop->context, conn, budget)
                  : receive(loop, conn, budget);
        if (result >= TRANSPORT_REFUSED)
            return result;
        if (result == TRANSPORT_FULL || result == TRANSPORT_LATER)
            return TRANSPORT_PROGRESS;
        /* While output is left, sending may not have changed what the session can do. */
        if (receives || !conn_has_unsent(conn))
            conn_work(loop->context, conn);
    }
    loop_make_runnable(loop, conn); /* at the end of the list */
    return TRANSPORT_PROGRESS;
}

/* A turn of a connection in CONN_OPEN. */
static void run_open(struct loop *loop, struct conn *conn, size_t *budget)
{
    const enum transport_result result = pump(loop, conn, budget);
    if (loop->engine->take_back)
        loop->engine->take_back(loop, conn);
    if (result != TRANSPORT_PROGRESS) {
        if (result == TRANSPORT_REFUSED)
            loop->engine->close(loop, conn);
        else
            loop_reset(loop, conn);
        return;
    }
    const struct transport *transport = conn_transport(loop->context, conn);
    enum conn_verdict verdict = conn_verdict(loop->context, conn);
    if (verdict == CONN_ENDS)
        verdict = transport->delivered(conn) ? CONN_CLOSES : CONN_LINGERS;
    if (verdict == CONN_CLOSES && (!transport->ends_with_bytes || shut(loop, conn))) {
        loop->engine->close(loop, conn);
        return;
    }
    if (verdict == CONN_LINGERS)
        begin_linger(loop, conn);
}

size_t loop_turn_run(struct loop *loop, struct conn *conn)
{
    size_t budget = BYTES_PER_TURN;
    loop->context->trace.turn = conn->generation;
    if (conn->state == CONN_LINGERING)
        run_lingering(loop, conn, &budget);
    else
        run_open(loop, conn, &budget);
    if (!conn_is_over(conn))
        rest(loop, conn);
    return BYTES_PER_TURN - budget;
}
