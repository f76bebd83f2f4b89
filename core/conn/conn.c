/* conn: see conn.h. */
#include "conn/conn_log.h"
#include "conn/conn_storage.h"
#include "conn/file_doubt.h"
#include "conn/file_watch.h"
#include "conn/transport_plain.h"
#include "observe/probes.h"
#include "system/net.h"

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
    const struct session *session = conn_session(context, conn);
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
    conn->session_phase = conn_session(context, conn)->work(context, conn);
}

void conn_close_soon(struct conn_context *context, struct conn *conn)
{
    conn_session(context, conn)->close_soon(context, conn);
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
        conn_session(context, conn)->sent(context, conn, count);
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
