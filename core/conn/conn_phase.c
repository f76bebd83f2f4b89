/* conn_phase: see conn_phase.h. */
#include "conn/conn_phase.h"

#include "conn/conn_rate.h"
#include "conn/conn_storage.h"

enum {
    LINGER_QUIET_MS = 5 * 1000, /* a peer that sends nothing has seen the answer, or never will */
    LINGER_TOTAL_MS = 30 * 1000,
    LINGER_DELIVERY_MS = 100,  /* a peer that has ended its side only has to take the answer */
    LINGER_DRAINING_MS = 1000, /* the exit does not wait longer for a quiet peer */
};

void conn_linger(const struct conn_context *context, struct conn *conn)
{
    conn->state = CONN_LINGERING;
    conn->linger_left = CONN_LINGER_BYTES_MAX;
    conn->linger_end_ms = context->now.ms + LINGER_TOTAL_MS;
    if (conn->input.length > 0 || conn_is_readable(conn))
        conn->session_phase = SESSION_ENDED; /* the peer sends more, whatever it has said */
    ring_consume(&conn->input, conn->input.length);
}

static enum conn_phase phase_of(const struct conn *conn)
{
    static const enum conn_phase of_session[] = {
        [SESSION_FIRST] = CONN_PHASE_FIRST, [SESSION_IDLE] = CONN_PHASE_IDLE,
        [SESSION_HEAD] = CONN_PHASE_HEAD,   [SESSION_BODY] = CONN_PHASE_BODY,
        [SESSION_ENDED] = CONN_PHASE_IDLE,  [SESSION_PEER_DONE] = CONN_PHASE_IDLE,
    };
    if (conn->state == CONN_LINGERING)
        return CONN_PHASE_LINGER;
    if (conn->socket.handshaking)
        return CONN_PHASE_HANDSHAKE;
    if ((!outq_empty(&conn->output) && !conn_awaits_file(conn)) || conn->socket.holds_output)
        return CONN_PHASE_SEND;
    if (conn_waits(conn))
        return CONN_PHASE_JOB;
    if (conn->no_storage)
        return CONN_PHASE_STORAGE;
    return of_session[conn->session_phase];
}

static uint64_t phase_ms_when_serving(const struct conn_context *context, enum conn_phase phase)
{
    switch (phase) {
    case CONN_PHASE_HANDSHAKE:
    case CONN_PHASE_FIRST:
    case CONN_PHASE_HEAD:
        return context->header_ms;
    case CONN_PHASE_LINGER:
        return LINGER_QUIET_MS;
    case CONN_PHASE_SEND:
        return context->idle_ms / 2; /* two checks, see socket_drains */
    case CONN_PHASE_NONE:
    case CONN_PHASE_IDLE:
    case CONN_PHASE_BODY:
    case CONN_PHASE_JOB:
    case CONN_PHASE_STORAGE:
        break;
    }
    return context->idle_ms;
}

/* While draining, a peer that owes a request, or only the end of its side, gets less time. */
static uint64_t phase_ms(const struct conn_context *context, enum conn_phase phase)
{
    const uint64_t ms = phase_ms_when_serving(context, phase);
    if (!context->draining)
        return ms;
    switch (phase) {
    case CONN_PHASE_HANDSHAKE:
    case CONN_PHASE_FIRST:
    case CONN_PHASE_IDLE:
    case CONN_PHASE_HEAD:
        return ms < context->drain_grace_ms ? ms : context->drain_grace_ms;
    case CONN_PHASE_LINGER:
        return LINGER_DRAINING_MS;
    case CONN_PHASE_NONE:
    case CONN_PHASE_BODY:
    case CONN_PHASE_JOB:
    case CONN_PHASE_STORAGE:
    case CONN_PHASE_SEND:
        break;
    }
    return ms;
}

uint64_t conn_phase_since_ms(const struct conn_context *context, const struct conn *conn)
{
    const bool lingers = conn->state == CONN_LINGERING;
    const uint64_t deadline_ms = lingers ? conn->linger_end_ms : conn->timer.deadline_ms;
    const uint64_t ms = lingers ? LINGER_TOTAL_MS : phase_ms(context, conn->phase);
    return deadline_ms > ms ? deadline_ms - ms : 0;
}

/* Out of line: most turns renew a phase. */
__attribute__((cold, noinline)) static void note_phase(struct conn_context *context,
                                                       struct conn *conn, enum conn_phase before)
{
    conn_counts_entered(context, conn, before);
    conn_trace(context, conn, TRACE_PHASE, (uint16_t)size_min(conn->input.length, UINT16_MAX));
    conn->awaits_delivery = false;
    conn_rates_entered(context, conn);
}

/* How long a connection that lingers, whose peer has taken nothing for STALLED_MS, may go without
 * a check. An engine may get no event for the delivery. If that is all, the slot is held after it
 * for no longer than the peer took before. */
static uint64_t linger_check_ms(const struct conn *conn, uint64_t stalled_ms)
{
    if (!conn_awaits_only_delivery(conn) || stalled_ms > LINGER_QUIET_MS)
        return LINGER_QUIET_MS;
    return stalled_ms > LINGER_DELIVERY_MS ? stalled_ms : LINGER_DELIVERY_MS;
}

/* The time until the first check of CONN, which lingers. */
static uint64_t first_check_ms(const struct conn_context *context, struct conn *conn)
{
    const uint64_t ms = phase_ms(context, CONN_PHASE_LINGER);
    if (!conn_awaits_only_delivery(conn))
        return ms;
    if (context->draining && conn->linger_end_ms > context->now.ms + ms)
        conn->linger_end_ms = context->now.ms + ms;
    return LINGER_DELIVERY_MS;
}

/* The one place where the phase changes. */
static void enter_phase(struct conn_context *context, struct conn *conn)
{
    enum conn_phase phase = phase_of(conn);
    if (phase == conn->phase && !conn->phase_renewed)
        return;
    enum conn_phase before = conn->phase;
    conn->phase = phase;
    conn->phase_renewed = false;
    if (phase != CONN_PHASE_HANDSHAKE)
        list_remove(&conn->holding); /* a new head, or new progress, makes it the youngest */
    const bool lingers = phase == CONN_PHASE_LINGER;
    const uint64_t ms = lingers ? first_check_ms(context, conn) : phase_ms(context, phase);
    uint64_t deadline_ms = context->now.ms + ms;
    if (lingers && deadline_ms > conn->linger_end_ms)
        deadline_ms = conn->linger_end_ms;
    wheel_arm(&context->wheel, &conn->timer, deadline_ms);
    if (phase != before)
        note_phase(context, conn, before);
}

void conn_settle(struct conn_context *context, struct conn *conn)
{
    conn_storage_settle(context, conn);
    enter_phase(context, conn);
    conn_storage_settle_holding(context, conn);
}

/* The time for lingering begins when all is delivered, except while draining. A connection that
 * lingers is checked often, because it only waits for that. */
void conn_await_delivery(struct conn_context *context, struct conn *conn, uint64_t stalled_ms)
{
    uint64_t left_ms = context->idle_ms - stalled_ms;
    if (conn->state == CONN_LINGERING) {
        if (!context->draining)
            conn->linger_end_ms = context->now.ms + LINGER_TOTAL_MS;
        const uint64_t check_ms = linger_check_ms(conn, stalled_ms);
        if (left_ms > check_ms)
            left_ms = check_ms;
        if (context->draining && context->now.ms + left_ms > conn->linger_end_ms)
            left_ms = conn->linger_end_ms - context->now.ms;
    }
    wheel_arm(&context->wheel, &conn->timer, context->now.ms + left_ms);
    conn->awaits_delivery = true;
    conn_rates_entered(context, conn);
}

enum conn_verdict conn_expired(struct conn_context *context, struct conn *conn)
{
    if (conn->phase != CONN_PHASE_HEAD)
        return CONN_CLOSES;
    if (!conn_session(context, conn)->expired(context, conn))
        return CONN_CLOSES;
    conn->needs_input = false; /* the session ends without */
    conn_work(context, conn);
    return CONN_GOES_ON;
}
