/* conn: see conn.h. */
#include "conn/conn_log.h"
#include "conn/conn_rate.h"
#include "conn/conn_storage.h"
#include "conn/file_doubt.h"
#include "conn/file_watch.h"
#include "conn/transport_plain.h"
#include "observe/probes.h"
#include "system/net.h"

enum {
    LINGER_QUIET_MS = 5 * 1000, /* a peer that sends nothing has seen the answer, or never will */
    LINGER_TOTAL_MS = 30 * 1000,
    LINGER_DELIVERY_MS = 100,  /* a peer that has ended its side only has to take the answer */
    LINGER_DRAINING_MS = 1000, /* the exit does not wait longer for a quiet peer */
};

/* As the trace shows them. */
static const char *const phase_names[] = {
    [CONN_PHASE_NONE] = "none",   [CONN_PHASE_HANDSHAKE] = "handshake",
    [CONN_PHASE_FIRST] = "first", [CONN_PHASE_IDLE] = "idle",
    [CONN_PHASE_HEAD] = "head",   [CONN_PHASE_BODY] = "body",
    [CONN_PHASE_JOB] = "job",     [CONN_PHASE_STORAGE] = "storage",
    [CONN_PHASE_SEND] = "send",   [CONN_PHASE_LINGER] = "linger",
};
static_assert(COUNT_OF(phase_names) == CONN_PHASE_LINGER + 1, "a name for each phase");

/* Out of line: the callers are on the path of every request, these events are not. */
__attribute__((cold, noinline)) void conn_trace(struct conn_context *context,
                                                const struct conn *conn, enum trace_event event,
                                                uint16_t value)
{
    trace_put(&context->trace, (struct trace_record){.slot = conn->slot,
                                                     .generation = conn->generation,
                                                     .time_ms = (uint32_t)context->now.ms,
                                                     .value = value,
                                                     .event = (uint8_t)event,
                                                     .phase = (uint8_t)conn->phase});
}

/* --- The shared part -------------------------------------------------------------------------- */

void conn_context_init(struct conn_context *context, uint64_t storage_bytes_max,
                       uint64_t memo_bytes_max, uint64_t now_ms)
{
    context->sessions[SESSION_HTTP_1] = &session_h1;
    context->transports[TRANSPORT_PLAIN] = &transport_plain;
    context->io = &socket_io_direct;
    session_h1_init_shared(&context->h1, memo_bytes_max);
    conn_storage_init(context, storage_bytes_max);
    conn_waits_init(context);
    wheel_init(&context->wheel, now_ms);
    file_watch_init(context);
    file_doubt_init(context);
    list_init(&context->postponed);
    handshakes_init(&context->handshakes);
    kept_output_init(&context->kept, storage_bytes_max);
    trace_init(&context->trace, phase_names, COUNT_OF(phase_names));
    context->log = NULL;
    context->rates = NULL;
    conn_timing_init(&context->timing);
    context->origins = origins_plain;
    context->tls = NULL;
    context->draining = false;
    conn_context_set_unsent(context, &(struct unsent_share){.bytes = 0});
}

void conn_context_set_unsent(struct conn_context *context, const struct unsent_share *share)
{
    context->unsent = *share;
    context->lifted_count = 0;
    context->lifted_max = unsent_lifted_max(share);
    context->unsent_bound = NET_UNSENT_BYTES_MAX;
}

void conn_context_fini(struct conn_context *context)
{
    file_doubt_fini(context);
    file_watch_fini(context);
    conn_waits_fini(context);
    session_h1_fini_shared(&context->h1);
    conn_storage_fini(context);
}

static const struct session *session_of(const struct conn_context *context, const struct conn *conn)
{
    return context->sessions[conn->session_index];
}

/* --- Beginning and end ------------------------------------------------------------------------ */

void conn_init(struct conn *conn, int fd)
{
    *conn = (struct conn){.state = CONN_OPEN, .needs_input = true, .lent_at = ""};
    socket_init(&conn->socket, fd);
    wheel_timer_init(&conn->timer, CONN_TIMER_PHASE);
}

/* All but the output. */
static void let_go(struct conn_context *context, struct conn *conn)
{
    const struct session *session = session_of(context, conn);
    conn_counts_ended(context, conn);
    file_watch_end(context, conn);
    if (session->fini)
        session->fini(context, conn);
    conn_wait_end_all(context, conn);
    wheel_cancel(&context->wheel, &conn->timer);
    list_remove(&conn->queue);
    list_remove(&conn->holding);
    conn->lent_length = 0;
    ring_consume(&conn->input, conn->input.length);
    conn_storage_return_input(context, conn);
}

void conn_fini(struct conn_context *context, struct conn *conn)
{
    if (!conn_is_over(conn)) /* else conn_retire has done so */
        let_go(context, conn);
    if (conn_log_wanted(context))
        conn_log_unsent(context, conn);
    unsigned cut = outq_clear(&conn->output);
    counters_add(context->counters, COUNTER_RESPONSES_CUT, cut);
    conn_storage_return_output(context, conn);
    const struct transport *transport = conn_transport(context, conn);
    if (transport->fini)
        transport->fini(context, conn);
}

void conn_retire(struct conn_context *context, struct conn *conn)
{
    let_go(context, conn);
    conn->state = CONN_CLOSING;
}

/* --- Input ------------------------------------------------------------------------------------ */

bool conn_wants_input(const struct conn *conn)
{
    return conn->needs_input && !conn->socket.input_ended && conn->state == CONN_OPEN;
}

void conn_received(struct conn *conn, size_t length)
{
    ring_commit(&conn->input, length);
    conn->needs_input = false;
}

void conn_lend(struct conn *conn, struct str bytes)
{
    assert(conn->state == CONN_OPEN && conn->input.length == 0 && conn->lent_length == 0);
    conn->lent_at = bytes.at;
    conn->lent_length = (uint32_t)bytes.length;
    conn->needs_input = false;
}

struct str conn_unlend(struct conn *conn)
{
    if (conn->state != CONN_OPEN)
        return STR("");
    struct str rest = {conn->lent_at, conn->lent_length};
    conn->lent_at = "";
    conn->lent_length = 0;
    return rest;
}

void conn_postpone(struct conn_context *context, struct conn *conn)
{
    conn->postponed = true;
    list_remove(&conn->queue);
    list_append(&context->postponed, &conn->queue);
}

void conn_give_up(struct conn *conn)
{
    assert(outq_unsent(&conn->output) == 0);
    conn->session_phase = SESSION_ENDED;
    conn->needs_input = true; /* so that the session rests */
    conn->busy = false;
}

void conn_input_ended(struct conn *conn)
{
    conn->socket.input_ended = true;
}

bool conn_needs_more(struct conn *conn)
{
    if (ring_wraps(&conn->input)) {
        ring_straighten(&conn->input);
        return true;
    }
    conn->needs_input = true;
    return false;
}

/* --- The session ------------------------------------------------------------------------------ */

void conn_run_session(struct conn_context *context, struct conn *conn)
{
    store_follow_changes(context->files);
    conn->session_phase = session_of(context, conn)->work(context, conn);
}

void conn_close_soon(struct conn_context *context, struct conn *conn)
{
    session_of(context, conn)->close_soon(context, conn);
}

/* Removes the end marks that CONN has reached, and finishes their records. Returns their number. */
__attribute__((noinline)) static unsigned log_ends(struct conn_context *context, struct conn *conn)
{
    struct outq_end end;
    unsigned count = 0;
    for (; outq_next_end(&conn->output, &end); count++)
        conn_log_sent(context, conn, &end, count == 0);
    return count;
}

void conn_sent(struct conn_context *context, struct conn *conn, uint64_t length)
{
    outq_sent(&conn->output, length);
    outq_released(&conn->output, length);
    counters_add(context->counters, COUNTER_BYTES_SENT, length);
    conn->phase_renewed = true;
    socket_progressed(&conn->socket);
    if (conn->waits)
        file_watch_sent(conn, length);
    const unsigned count =
        conn_log_wanted(context) ? log_ends(context, conn) : outq_drop_ends(&conn->output);
    if (count > 0) {
        probe_answer(conn->slot, conn->generation, count);
        session_of(context, conn)->sent(context, conn, count);
        counters_add(context->counters, COUNTER_RESPONSES, count);
        if (conn->phase >= CONN_PHASE_JOB || conn_timing_is_due(&context->timing))
            conn_counts_answers(context, conn, count);
    }
}

/* --- What comes next -------------------------------------------------------------------------- */

enum conn_verdict conn_verdict(const struct conn_context *context, const struct conn *conn)
{
    if (!conn_output_is_empty(conn) || conn_waits(conn))
        return CONN_GOES_ON;
    if (conn->session_phase >= SESSION_ENDED) {
        /* Closing with input unread, or yet to come, would make the kernel send RST, which destroys
         * the answer on its way (RFC 9112 section 9.6). */
        bool silent = conn->session_phase == SESSION_PEER_DONE && conn->input.length == 0 &&
                      !conn_is_readable(conn);
        return silent || conn->socket.input_ended ? CONN_ENDS : CONN_LINGERS;
    }
    if (conn->needs_input && conn->socket.input_ended)
        return CONN_ENDS;
    if (context->draining && context->drain_grace_ms == 0 && conn->needs_input &&
        conn->session_phase <= SESSION_IDLE && conn->input.length == 0 && !conn_is_readable(conn))
        return CONN_CLOSES;
    return CONN_GOES_ON;
}

void conn_linger(const struct conn_context *context, struct conn *conn)
{
    conn->state = CONN_LINGERING;
    conn->linger_left = CONN_LINGER_BYTES_MAX;
    conn->linger_end_ms = context->now.ms + LINGER_TOTAL_MS;
    if (conn->input.length > 0 || conn_is_readable(conn))
        conn->session_phase = SESSION_ENDED; /* the peer sends more, whatever it has said */
    ring_consume(&conn->input, conn->input.length);
}

void conn_progressed(struct conn *conn)
{
    conn->phase_renewed = true;
    socket_progressed(&conn->socket);
}

bool conn_discarded(struct conn *conn, size_t length)
{
    conn->phase_renewed = true;
    conn->session_phase = SESSION_ENDED;
    conn->linger_left -= (uint32_t)size_min(length, conn->linger_left);
    return conn->linger_left > 0;
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
    if (!session_of(context, conn)->expired(context, conn))
        return CONN_CLOSES;
    conn->needs_input = false; /* the session ends without */
    conn_work(context, conn);
    return CONN_GOES_ON;
}
