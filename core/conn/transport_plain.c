/* transport_plain: see transport_plain.h. */
#include "conn/transport_plain.h"

#include "conn/file_send.h"

#include <errno.h>
#include <sys/socket.h>

enum {
    PIECES_MAX = 128,         /* of one sendmsg */
    DISCARD_BYTES = 64 << 10, /* by one recv */
    /* By one sendfile, whatever is left of the budget. CPU time for 1 MiB of a file, to 16
     * connections on the loopback interface, against a sendfile of all that is left: 1.75 times
     * as much with 256 KiB, 1.20 with 512 KiB, 1.10 with 1 MiB, 1.12 with 2 MiB. Of 256 MiB, to
     * 4 connections, 2 MiB takes fewer calls than 1 MiB (1.6 and 2.0 a MiB); 4 MiB makes others
     * wait longer. */
    FILE_BYTES = 2 << 20,
};

static void spend(size_t *budget, size_t bytes)
{
    *budget -= size_min(*budget, bytes);
}

/* --- Input ------------------------------------------------------------------------------------ */

/* The result of receiving GOT bytes, or of the negative errno that GOT is. */
static enum transport_result result_of(struct conn *conn, ssize_t got)
{
    if (got > 0 || got == -EINTR)
        return TRANSPORT_PROGRESS;
    if (got < 0)
        return got == -EAGAIN ? TRANSPORT_NOTHING : TRANSPORT_FAILED;
    conn_input_ended(conn);
    return TRANSPORT_PROGRESS;
}

enum transport_result transport_plain_receive(struct conn_context *context, struct conn *conn,
                                              size_t *budget)
{
    struct iovec pieces[2];
    unsigned count = conn_room(context, conn, pieces);
    if (count == 0)
        return TRANSPORT_FULL;
    size_t wanted = pieces[0].iov_len + (count == 2 ? pieces[1].iov_len : 0);
    ssize_t got = count == 1 ? recv(conn->socket.fd, pieces[0].iov_base, pieces[0].iov_len, 0)
                             : readv(conn->socket.fd, pieces, (int)count);
    if (got > 0) {
        conn_received(conn, (size_t)got);
        spend(budget, (size_t)got);
    }
    return result_of(conn, socket_note_received(&conn->socket, got, wanted));
}

/* MSG_TRUNC on TCP throws away without copying (tcp(7)): the buffer is not touched. */
enum transport_result transport_plain_discard(struct conn_context *context, struct conn *conn,
                                              size_t *budget)
{
    char unused[DISCARD_BYTES];
    (void)context;
    ssize_t got = recv(conn->socket.fd, unused, sizeof unused, MSG_TRUNC);
    if (got > 0) {
        spend(budget, (size_t)got);
        if (!conn_discarded(conn, (size_t)got))
            return TRANSPORT_FAILED;
    }
    return result_of(conn, socket_note_received(&conn->socket, got, sizeof unused));
}

/* --- Output ----------------------------------------------------------------------------------- */

static enum transport_result note_not_sent(struct conn *conn)
{
    ssize_t error = socket_note_not_sent(&conn->socket);
    if (error == -EINTR)
        return TRANSPORT_PROGRESS;
    return error == -EAGAIN ? TRANSPORT_NOTHING : TRANSPORT_FAILED;
}

static inline enum transport_result note_sent(struct conn_context *context, struct conn *conn,
                                              ssize_t sent, size_t *budget)
{
    if (sent < 0)
        return note_not_sent(conn);
    conn_sent(context, conn, (uint64_t)sent);
    spend(budget, (size_t)sent);
    return TRANSPORT_PROGRESS;
}

/* A file that was truncated, or rewritten before its last byte went out, ends the connection:
 * the response can't be finished truthfully. */
static enum transport_result send_file(struct conn_context *context, struct conn *conn,
                                       const struct outq_part *part, size_t *budget)
{
    if (!file_send_is_warm(context, conn, part))
        return TRANSPORT_NOTHING;
    struct outq_part piece = *part;
    piece.length = size_min(FILE_BYTES, file_send_window(part));
    ssize_t sent = file_send(context, conn, &piece, part->length);
    if (sent == 0)
        return conn_awaits_file(conn) ? TRANSPORT_NOTHING : TRANSPORT_FAILED;
    return note_sent(context, conn, sent, budget);
}

static enum transport_result send_memory(struct conn_context *context, struct conn *conn,
                                         size_t *budget)
{
    struct iovec pieces[PIECES_MAX];
    bool file_follows;
    unsigned count = outq_gather(&conn->output, pieces, PIECES_MAX, &file_follows);
    if (!file_follows)
        file_send_bound(context, conn);
    int flags = MSG_NOSIGNAL | (file_follows ? MSG_MORE : 0);
    ssize_t sent;
    if (count == 1) { /* mostly, and it costs the kernel less */
        sent = send(conn->socket.fd, pieces[0].iov_base, pieces[0].iov_len, flags);
    } else {
        struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
        sent = sendmsg(conn->socket.fd, &message, flags);
    }
    return note_sent(context, conn, sent, budget);
}

enum transport_result transport_plain_send(struct conn_context *context, struct conn *conn,
                                           size_t *budget)
{
    struct outq_part part;
    if (outq_next_file(&conn->output, &part))
        return send_file(context, conn, &part, budget);
    return send_memory(context, conn, budget);
}

bool transport_plain_delivered(const struct conn *conn)
{
    return socket_delivered(&conn->socket);
}

uint64_t transport_plain_stalled_ms(const struct conn *conn)
{
    return socket_stalled_ms(&conn->socket);
}

bool transport_plain_drains(struct conn *conn)
{
    return socket_drains(&conn->socket);
}

enum transport_result transport_plain_shut(struct conn_context *context, struct conn *conn)
{
    (void)context;
    return socket_shut(&conn->socket) < 0 ? TRANSPORT_FAILED : TRANSPORT_PROGRESS;
}

const struct transport transport_plain = {
    .receive = transport_plain_receive,
    .send = transport_plain_send,
    .discard = transport_plain_discard,
    .delivered = transport_plain_delivered,
    .stalled_ms = transport_plain_stalled_ms,
    .drains = transport_plain_drains,
    .shut = transport_plain_shut,
    .fini = file_send_end,
};
