/* transport_tls: see transport_tls.h. The handshake, input, and the connection's state. */
#include "conn/transport_tls.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "conn/transport_plain.h"
#include "conn/transport_tls_parts.h"

#include <errno.h>
#include <stdlib.h>

enum { RECORD_HANDSHAKE = 22 }; /* the first byte of a ClientHello's record */

/* --- Ciphertext -------------------------------------------------------------------------------- */

/* Receives ciphertext, or takes what waits, as the input of the TLS. Returns the number of bytes;
 * 0: the end; or a negative errno. */
static ssize_t take_input(struct conn_context *context, struct conn *conn,
                          const struct tls_peer *peer, size_t *budget)
{
    struct transport_tls *tls = context->tls;
    if (peer && peer->spill) {
        const struct tls_bytes *spill = peer->spill;
        tls->context->input = (struct str){spill->at + spill->first, spill->length};
        return (ssize_t)spill->length;
    }
    /* The first bytes may be plain HTTP, and must fit into the input of a plain connection. */
    const size_t room = peer ? sizeof tls->input : CONN_FULL_BYTES;
    const ssize_t got = context->io->receive(context, conn, tls->input, room);
    tls->context->input = (struct str){tls->input, got > 0 ? (size_t)got : 0};
    *budget -= size_min(*budget, tls->context->input.length);
    return got;
}

static enum transport_result result_of(struct conn *conn, ssize_t got)
{
    if (got < 0)
        return got == -EAGAIN ? TRANSPORT_NOTHING : TRANSPORT_FAILED;
    conn_input_ended(conn);
    return TRANSPORT_PROGRESS;
}

/* --- Errors ----------------------------------------------------------------------------------- */

/* Counts a handshake that has succeeded. */
static void count_handshake(const struct conn_context *context, const struct tls_stream *stream)
{
    const bool resumed = tls_stream_is_resumed(stream);
    enum counter counter = resumed ? COUNTER_TLS_1_3_RESUMED : COUNTER_TLS_1_3_FULL;
    if (strcmp(tls_stream_version(stream), "TLSv1.2") == 0)
        counter = resumed ? COUNTER_TLS_1_2_RESUMED : COUNTER_TLS_1_2_FULL;
    counters_add(context->counters, counter, 1);
}

/* The peer has sent what makes no sense. An alert is sealed; with answers unsent it can't be sent
 * in order, as nothing can be sealed after it. */
static enum transport_result fail(struct conn_context *context, struct conn *conn,
                                  struct tls_peer *peer)
{
    if (conn->socket.handshaking)
        counters_add(context->counters, COUNTER_TLS_FAILED, 1);
    peer->failed = true;
    transport_tls_drop_input(conn, peer);
    if (outq_unsent(&conn->output) > 0)
        return TRANSPORT_FAILED;
    conn_give_up(conn);
    return TRANSPORT_PROGRESS;
}

/* Throws away what comes after an error. */
static enum transport_result receive_nothing(struct conn_context *context, struct conn *conn,
                                             size_t *budget)
{
    const ssize_t got = take_input(context, conn, NULL, budget);
    return got > 0 ? TRANSPORT_PROGRESS : result_of(conn, got);
}

/* --- The handshake ---------------------------------------------------------------------------- */

/* Whether CONN may do a step of its handshake now. */
static bool may_shake(struct conn_context *context, struct conn *conn)
{
    struct transport_tls *tls = context->tls;
    if (tls->turn != context->now.turn)
        tls->steps = 0;
    tls->turn = context->now.turn;
    if (tls->steps < TRANSPORT_TLS_STEPS_MAX)
        return conn->shaking || handshakes_may_begin(context, conn);
    conn_postpone(context, conn);
    return false;
}

static struct tls_peer *add_peer(struct conn_context *context, struct conn *conn)
{
    struct transport_tls *tls = context->tls;
    struct tls_peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    peer->stream = tls_stream_create(tls->context);
    if (!peer->stream) {
        free(peer);
        return NULL;
    }
    handshakes_begin(context, conn);
    return tls->peers[conn->slot] = peer;
}

/* The peer speaks HTTP without TLS, if it begins with a letter, and is redirected: CONN becomes a
 * plain connection. */
static enum transport_result become_plain(struct conn_context *context, struct conn *conn)
{
    struct iovec pieces[2];
    struct str input = context->tls->context->input;
    const unsigned char letter = (unsigned char)input.at[0] | 0x20;
    if (letter < 'a' || letter > 'z')
        return TRANSPORT_FAILED;
    if (conn_room(context, conn, pieces) == 0 || pieces[0].iov_len < input.length)
        return TRANSPORT_FAILED;
    str_put(pieces[0].iov_base, input);
    conn->transport_index = TRANSPORT_PLAIN;
    conn->origin = conn_origin(context, conn)->plain_index & (CONN_ORIGINS_MAX - 1);
    conn->socket.handshaking = false;
    conn_close_soon(context, conn); /* after one answer */
    conn_received(conn, input.length);
    return TRANSPORT_PROGRESS;
}

static enum transport_result hand_over(struct conn_context *context, struct conn *conn,
                                       struct tls_peer *peer, const struct iovec *pieces,
                                       unsigned count);

/* The first input of the session may be there already. */
static enum transport_result begin_session(struct conn_context *context, struct conn *conn,
                                           struct tls_peer *peer)
{
    struct iovec pieces[2];
    conn->socket.handshaking = false;
    count_handshake(context, peer->stream);
    handshakes_end(context, conn);
    if (context->tls->context->input.length == 0)
        return TRANSPORT_PROGRESS;
    return hand_over(context, conn, peer, pieces, conn_room(context, conn, pieces));
}

/* For a client that names no host. */
static bool find_local_address(void *owner, struct tls_address *ret)
{
    const struct conn *conn = owner;
    struct endpoint local;
    socket_local(&conn->socket, &local);
    ret->length = local.version == 4 ? 4 : 16;
    memcpy(ret->bytes, local.address, ret->length);
    return endpoint_is_ip(&local);
}

/* Takes the step for which there is input. */
static enum transport_result step(struct conn_context *context, struct conn *conn,
                                  struct tls_peer *peer)
{
    struct transport_tls *tls = context->tls;
    tls->context->output_length = 0;
    tls->context->local_address_owner = conn;
    const enum tls_result result = tls_stream_handshake(tls->context, peer->stream);
    if (tls->context->output_length > 0)
        tls->steps++;
    if (!transport_tls_keep_output(context, conn, peer))
        return TRANSPORT_FAILED;
    switch (result) {
    case TLS_OK:
        return begin_session(context, conn, peer);
    case TLS_WANTS_INPUT:
        return TRANSPORT_PROGRESS;
    case TLS_ENDED:
        conn_input_ended(conn);
        return TRANSPORT_PROGRESS;
    case TLS_FAILED:
        break;
    }
    return fail(context, conn, peer);
}

/* Takes the first bytes of CONN. */
static enum transport_result begin(struct conn_context *context, struct conn *conn)
{
    if (context->tls->input[0] != RECORD_HANDSHAKE)
        return become_plain(context, conn);
    struct tls_peer *peer = add_peer(context, conn);
    return peer ? step(context, conn, peer) : TRANSPORT_FAILED;
}

static enum transport_result shake(struct conn_context *context, struct conn *conn,
                                   struct tls_peer *peer, size_t *budget)
{
    enum transport_result result;
    conn->socket.handshaking = true;
    if (!may_shake(context, conn))
        return TRANSPORT_LATER;
    const ssize_t got = take_input(context, conn, peer, budget);
    if (got <= 0)
        result = result_of(conn, got);
    else
        result = peer ? step(context, conn, peer) : begin(context, conn);
    if (!conn->shaking)
        handshakes_end(context, conn); /* it may have been the next, and others wait */
    return result;
}

/* --- Input ------------------------------------------------------------------------------------ */

/* Opens records into PIECE. Adds the number of bytes to *LENGTH. */
static enum tls_result open_into(struct transport_tls *tls, struct tls_peer *peer,
                                 const struct iovec *piece, size_t *length)
{
    char *to = piece->iov_base;
    size_t left = piece->iov_len;
    enum tls_result result = TLS_OK;
    while (left > 0 && result == TLS_OK) {
        size_t opened = 0;
        result = tls_stream_open(tls->context, peer->stream, to, left, &opened);
        to += opened;
        left -= opened;
        *length += opened;
    }
    return result;
}

/* Opens the input into the COUNT pieces of room that CONN has, and keeps the rest of it. */
static enum transport_result hand_over(struct conn_context *context, struct conn *conn,
                                       struct tls_peer *peer, const struct iovec *pieces,
                                       unsigned count)
{
    struct transport_tls *tls = context->tls;
    enum tls_result result = TLS_OK;
    size_t length = 0;
    tls->context->output_length = 0;
    for (unsigned i = 0; i < count && result == TLS_OK; i++)
        result = open_into(tls, peer, &pieces[i], &length);
    if (!transport_tls_keep_input(tls, conn, peer) ||
        !transport_tls_keep_output(context, conn, peer))
        return TRANSPORT_FAILED;
    if (peer->sealed && peer->sealed->length > TLS_SEALED_MAX)
        return TRANSPORT_FAILED; /* it has KeyUpdates answered, and reads no answer */
    if (result == TLS_FAILED)
        return fail(context, conn, peer);
    if (length > 0)
        conn_received(conn, length);
    if (result == TLS_ENDED) {
        transport_tls_drop_input(conn, peer);
        conn_input_ended(conn);
    }
    return TRANSPORT_PROGRESS;
}

static enum transport_result receive(struct conn_context *context, struct conn *conn,
                                     size_t *budget)
{
    struct tls_peer *peer = transport_tls_peer(context->tls, conn);
    struct iovec pieces[2];
    conn->postponed = false;
    if (peer && peer->failed)
        return receive_nothing(context, conn, budget);
    if (!peer || conn->shaking)
        return shake(context, conn, peer, budget);
    const unsigned count = conn_room(context, conn, pieces);
    if (count == 0)
        return TRANSPORT_FULL;
    if (conn->socket.holds_input && !peer->spill) {
        context->tls->context->input = STR(""); /* opened bytes wait in the stream */
        return hand_over(context, conn, peer, pieces, count);
    }
    const ssize_t got = take_input(context, conn, peer, budget);
    return got > 0 ? hand_over(context, conn, peer, pieces, count) : result_of(conn, got);
}

static enum transport_result discard(struct conn_context *context, struct conn *conn,
                                     size_t *budget)
{
    struct tls_peer *peer = transport_tls_peer(context->tls, conn);
    if (peer)
        transport_tls_drop_input(conn, peer);
    const ssize_t got = take_input(context, conn, NULL, budget);
    if (got <= 0)
        return result_of(conn, got);
    return conn_discarded(conn, (size_t)got) ? TRANSPORT_PROGRESS : TRANSPORT_FAILED;
}

/* --- Beginning and end ------------------------------------------------------------------------ */

static void fini(struct conn_context *context, struct conn *conn)
{
    struct tls_peer *peer = transport_tls_peer(context->tls, conn);
    handshakes_end(context, conn);
    if (!peer)
        return;
    if (conn->socket.handshaking && !peer->failed)
        counters_add(context->counters, COUNTER_TLS_ABANDONED, 1);
    tls_stream_destroy(peer->stream);
    transport_tls_drop_output(context, conn, peer);
    free(peer->spill);
    free(peer);
    context->tls->peers[conn->slot] = NULL;
}

static const struct transport transport_tls = {
    .receive = receive,
    .send = transport_tls_send,
    .discard = discard,
    .delivered = transport_plain_delivered,
    .stalled_ms = transport_plain_stalled_ms,
    .drains = transport_plain_drains,
    .ends_with_bytes = true,
    .shut = transport_tls_shut,
    .fini = fini,
};

int transport_tls_create(struct transport_tls **ret, struct tls_shared *shared, uint32_t slot_count,
                         struct problem *ret_problem)
{
    struct transport_tls *tls = calloc(1, sizeof *tls);
    /* calloc: untouched pages of a large table cost no memory. */
    if (!tls || !(tls->peers = calloc(slot_count, sizeof tls->peers[0]))) {
        transport_tls_destroy(tls);
        problem_set(ret_problem, "no memory for TLS");
        return -ENOMEM;
    }
    const int error = tls_context_create(&tls->context, shared, ret_problem);
    if (error) {
        transport_tls_destroy(tls);
        return error;
    }
    tls->context->find_local_address = find_local_address;
    *ret = tls;
    return 0;
}

void transport_tls_destroy(struct transport_tls *tls)
{
    if (!tls)
        return;
    tls_context_destroy(tls->context);
    free(tls->peers);
    free(tls);
}

void transport_tls_use(struct conn_context *context, struct transport_tls *tls)
{
    context->tls = tls;
    context->transports[TRANSPORT_TLS] = &transport_tls;
}

const struct tls_certificate *transport_tls_certificate(const struct conn_context *context,
                                                        const struct conn *conn)
{
    if (conn->transport_index != TRANSPORT_TLS)
        return NULL;
    const struct tls_peer *peer = transport_tls_peer(context->tls, conn);
    return peer && peer->stream ? tls_stream_certificate(peer->stream) : NULL;
}

const char *transport_tls_version(const struct conn_context *context, const struct conn *conn)
{
    if (conn->transport_index != TRANSPORT_TLS)
        return NULL;
    const struct tls_peer *peer = transport_tls_peer(context->tls, conn);
    return peer && peer->stream ? tls_stream_version(peer->stream) : NULL;
}

const struct tls_certificates *transport_tls_certificates(const struct conn_context *context)
{
    return context->tls ? tls_context_certificates(context->tls->context) : NULL;
}

#endif
