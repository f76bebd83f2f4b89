/* transport_tls: see transport_tls.h. Output: what a send seals, and the end of our side.
 *
 * One send has up to TLS_SEND_BYTES of plaintext in many records, from as many answers as are
 * queued. A span that fills records is sealed where it is, as is the copy of a file; others, and
 * parts of files, are put together first, so that a pipelined batch is one record. A peer can use
 * a record only when all of it has come, so records are smaller at first, while its congestion
 * window is. */
#include "conn/transport_tls_parts.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "conn/file_send.h"

#include <errno.h>

enum {
    PIECES_MAX = 64,              /* spans put together at once */
    FIRST_RECORD_BYTES = 4 << 10, /* of records, until FIRST_BYTES have been sent */
    FIRST_BYTES = 64 << 10,
    SILENCE_MS = 1000, /* after which records are small again */
    SEAL_COST = 4,     /* of a byte, against one that is sent as it is, for the turn's budget */
};
static_assert(TLS_OUTPUT_BYTES >= TLS_SEALED_JOIN_MAX + TLS_SEND_BYTES + TLS_TAIL_BYTES +
                                      (TLS_SEND_BYTES / FIRST_RECORD_BYTES + 5) * 64,
              "room for what waits, and for records with their overhead");

/* What one send seals. */
struct batch {
    struct conn_context *context;
    struct conn *conn;
    struct tls_peer *peer;
    size_t left;         /* plaintext that may still be taken */
    size_t record_bytes; /* at most, of plaintext */
    size_t staged;       /* plaintext that was put together */
    bool waits;          /* for a file */
    bool broken;         /* a file can't be sent: what was taken before it is the last */
    bool failed;
};

/* --- Sealing ---------------------------------------------------------------------------------- */

/* Seals LENGTH bytes, in records. */
static void seal(struct batch *batch, const char *from, size_t length)
{
    struct tls_context *context = batch->context->tls->context;
    while (length > 0 && !batch->failed) {
        const size_t record = size_min(length, batch->record_bytes);
        batch->failed = tls_stream_seal(context, batch->peer->stream, from, record) != TLS_OK;
        from += record;
        length -= record;
    }
}

static void seal_staged(struct batch *batch)
{
    seal(batch, batch->context->tls->staged, batch->staged);
    batch->staged = 0;
}

/* LENGTH bytes of the output are sealed, or copied for it. */
static void take(struct batch *batch, size_t length)
{
    batch->left -= length;
    conn_sent(batch->context, batch->conn, length);
}

/* How many bytes of a span of LENGTH are put together with those that are staged: of one that fills
 * records by itself only as many as complete a record. */
static size_t room_for(const struct batch *batch, size_t staged, size_t length)
{
    const size_t room = batch->left - (staged - batch->staged);
    if (length < batch->record_bytes)
        return size_min(room, length);
    const size_t partial = staged % batch->record_bytes;
    return partial > 0 ? size_min(room, batch->record_bytes - partial) : 0;
}

/* Copies spans in memory. False: none can be, as the next one fills records. */
static bool stage_memory(struct batch *batch, const struct iovec *pieces, unsigned count)
{
    char *to = batch->context->tls->staged;
    size_t staged = batch->staged;
    for (unsigned i = 0; i < count; i++) {
        const size_t length = room_for(batch, staged, pieces[i].iov_len);
        str_put(to + staged, (struct str){pieces[i].iov_base, length});
        staged += length;
        if (length < pieces[i].iov_len)
            break;
    }
    const size_t length = staged - batch->staged;
    batch->staged = staged;
    take(batch, length);
    return length > 0;
}

/* Reads part of a file. A file that was truncated, or rewritten before its last byte was read, ends
 * the connection: the response can't be finished truthfully. */
static void stage_file(struct batch *batch, const struct outq_part *part)
{
    char *to = batch->context->tls->staged + batch->staged;
    batch->waits = !file_send_is_warm(batch->context, batch->conn, part);
    if (batch->waits)
        return;
    const struct outq_part piece = {part->blob, part->first,
                                    size_min(batch->left, file_send_window(part))};
    const ssize_t got = file_send_read(batch->context, batch->conn, &piece, to);
    batch->waits = got == 0 && conn_awaits_file(batch->conn);
    batch->broken = got <= 0 && !batch->waits;
    if (got <= 0)
        return;
    batch->staged += (size_t)got;
    take(batch, (size_t)got);
}

/* Seals the records that PIECE fills, where they are. */
static void seal_in_place(struct batch *batch, const struct iovec *piece)
{
    size_t length = size_min(batch->left, piece->iov_len);
    if (length > batch->record_bytes)
        length -= length % batch->record_bytes;
    seal(batch, piece->iov_base, length);
    take(batch, length);
}

/* Sets PIECES to the next spans of the output that are in memory, at most PIECES_MAX; a part of
 * a copy is. Returns their number; 0, with *RET_PART set: a part of a file is next. */
static unsigned next_spans(const struct outq *output, struct iovec *pieces,
                           struct outq_part *ret_part)
{
    bool file_follows;
    if (!outq_next_file(output, ret_part))
        return outq_gather(output, pieces, PIECES_MAX, &file_follows);
    const char *copy = blob_map(ret_part->blob);
    if (!copy)
        return 0;
    pieces[0] = (struct iovec){(void *)(uintptr_t)(copy + ret_part->first), ret_part->length};
    return 1;
}

/* Takes the next bytes of the output. */
static void take_next(struct batch *batch)
{
    struct outq_part part;
    struct iovec pieces[PIECES_MAX];
    const unsigned count = next_spans(&batch->conn->output, pieces, &part);
    if (count == 0) {
        stage_file(batch, &part);
    } else if (!stage_memory(batch, pieces, count)) {
        seal_staged(batch);
        seal_in_place(batch, &pieces[0]);
    }
}

/* Whether more of the output can be taken for this send. */
static bool may_take(const struct batch *batch)
{
    return batch->left > 0 && outq_unsent(&batch->conn->output) > 0 && !batch->waits &&
           !batch->broken && !batch->failed;
}

/* Seals what one send takes of the output. */
static void seal_output(struct batch *batch)
{
    while (may_take(batch))
        take_next(batch);
    if (!batch->failed)
        seal_staged(batch);
}

/* --- Sending ---------------------------------------------------------------------------------- */

static void prepare(struct batch *ret, struct conn_context *context, struct conn *conn,
                    struct tls_peer *peer)
{
    const uint64_t unsent = outq_unsent(&conn->output);
    const uint32_t now_ms = (uint32_t)context->now.ms;
    if (now_ms - peer->sent_ms > SILENCE_MS)
        peer->sent_bytes = 0;
    peer->sent_ms = now_ms;
    *ret = (struct batch){.context = context, .conn = conn, .peer = peer};
    ret->record_bytes = unsent > TLS_RECORD_BYTES_MAX && peer->sent_bytes < FIRST_BYTES
                            ? FIRST_RECORD_BYTES
                            : TLS_RECORD_BYTES_MAX;
    /* A socket that has refused bytes may do so again: then little waits in memory. When much waits
     * there already, any socket is treated so. */
    const bool little = peer->hindered || context->kept.bytes > TLS_SEALED_MUCH;
    const size_t most =
        little ? ret->record_bytes : size_min(TLS_SEND_BYTES, context->unsent_bound);
    ret->left = unsent <= most + TLS_TAIL_BYTES ? (size_t)unsent : most;
}

/* Sends BYTES. Returns the number that was taken, or a negative errno. */
static ssize_t send_bytes(struct conn_context *context, struct conn *conn, struct tls_peer *peer,
                          struct str bytes)
{
    const ssize_t sent = context->io->send(context, conn, bytes.at, bytes.length);
    if (sent < 0 && sent != -EAGAIN)
        return sent;
    peer->hindered = sent < (ssize_t)bytes.length;
    return sent < 0 ? 0 : sent;
}

/* Sends what was sealed before. */
static enum transport_result send_kept(struct conn_context *context, struct conn *conn,
                                       struct tls_peer *peer, size_t *budget)
{
    struct tls_bytes *kept = peer->sealed;
    const ssize_t sent =
        send_bytes(context, conn, peer, (struct str){kept->at + kept->first, kept->length});
    if (sent < 0)
        return TRANSPORT_FAILED;
    if (sent == 0)
        return TRANSPORT_NOTHING;
    kept->first += (uint32_t)sent;
    kept->length -= (uint32_t)sent;
    *budget -= size_min(*budget, (size_t)sent);
    if (conn->socket.handshaking)
        socket_progressed(&conn->socket); /* the time of the whole handshake is bounded */
    else
        conn_progressed(conn);
    if (kept->length == 0)
        transport_tls_drop_output(context, conn, peer);
    return TRANSPORT_PROGRESS;
}

/* Puts what was sealed before in front of what will be. */
static void take_kept(struct conn_context *context, struct conn *conn, struct tls_peer *peer)
{
    struct tls_context *tls = context->tls->context;
    const struct tls_bytes *kept = peer->sealed;
    str_put(tls->output, (struct str){kept->at + kept->first, kept->length});
    tls->output_length = kept->length;
    transport_tls_drop_output(context, conn, peer);
}

/* Sends what was just sealed, and keeps what the socket doesn't take. */
static enum transport_result send_sealed(struct conn_context *context, struct conn *conn,
                                         struct tls_peer *peer)
{
    struct transport_tls *tls = context->tls;
    struct str sealed = {tls->context->output, tls->context->output_length};
    const ssize_t sent = send_bytes(context, conn, peer, sealed);
    tls->context->output_length = 0;
    if (sent < 0)
        return TRANSPORT_FAILED;
    if ((size_t)sent == sealed.length)
        return TRANSPORT_PROGRESS;
    memmove(tls->context->output, sealed.at + sent, sealed.length - (size_t)sent);
    tls->context->output_length = sealed.length - (size_t)sent;
    if (!transport_tls_keep_output(context, conn, peer))
        return TRANSPORT_FAILED;
    return sent > 0 ? TRANSPORT_PROGRESS : TRANSPORT_NOTHING;
}

/* Whether records can be sealed now. */
static bool may_seal(const struct conn *conn, const struct tls_peer *peer)
{
    return outq_unsent(&conn->output) > 0 && !conn_awaits_file(conn) && !peer->failed;
}

enum transport_result transport_tls_send(struct conn_context *context, struct conn *conn,
                                         size_t *budget)
{
    struct transport_tls *tls = context->tls;
    struct tls_peer *peer = transport_tls_peer(tls, conn);
    struct batch batch;
    const bool joins =
        peer->sealed && !peer->hindered && peer->sealed->length <= TLS_SEALED_JOIN_MAX;
    if (peer->sealed && !(joins && may_seal(conn, peer)))
        return send_kept(context, conn, peer, budget);
    tls->context->output_length = 0;
    if (peer->sealed)
        take_kept(context, conn, peer);
    prepare(&batch, context, conn, peer);
    const size_t left = batch.left;
    seal_output(&batch);
    if (batch.failed)
        return TRANSPORT_FAILED;
    /* The end of our side, if nothing comes after this. */
    if (outq_unsent(&conn->output) == 0 && conn->session_phase >= SESSION_ENDED) {
        tls_stream_close(tls->context, peer->stream);
        peer->closed = true;
    }
    /* A file has to be waited for; or all answers before one that can't be sent are sent. */
    if (tls->context->output_length == 0)
        return batch.broken ? TRANSPORT_FAILED : TRANSPORT_NOTHING;
    const size_t taken = left - batch.left;
    peer->sent_bytes = (uint32_t)size_min(peer->sent_bytes + taken, FIRST_BYTES);
    *budget -= size_min(*budget, taken * SEAL_COST);
    return send_sealed(context, conn, peer);
}

/* --- The end ---------------------------------------------------------------------------------- */

/* Without a session there is nothing to end but the connection. A peer that has said that it is
 * done may have closed its socket, and answers close_notify by a reset: that is an orderly end. */
enum transport_result transport_tls_shut(struct conn_context *context, struct conn *conn)
{
    struct transport_tls *tls = context->tls;
    struct tls_peer *peer = transport_tls_peer(tls, conn);
    if (peer && peer->stream && !conn->socket.handshaking && !peer->failed && !peer->closed) {
        tls->context->output_length = 0;
        tls_stream_close(tls->context, peer->stream);
        peer->closed = true;
        if (send_sealed(context, conn, peer) == TRANSPORT_FAILED)
            return conn->socket.input_ended ? TRANSPORT_PROGRESS : TRANSPORT_FAILED;
    }
    if (conn->socket.holds_output)
        return TRANSPORT_NOTHING;
    handshakes_end(context, conn);
    if (peer) {
        tls_stream_destroy(peer->stream);
        peer->stream = NULL;
    }
    const bool good = socket_shut(&conn->socket) == 0 || conn->socket.input_ended;
    return good ? TRANSPORT_PROGRESS : TRANSPORT_FAILED;
}

#endif
