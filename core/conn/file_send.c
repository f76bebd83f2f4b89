/* file_send: see file_send.h. */
#include "conn/file_send.h"

#include "conn/file_doubt.h"
#include "conn/file_watch.h"
#include "system/net.h"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    COPY_BYTES = 64 << 10,  /* by one read and one send, through the stack */
    WINDOW_BYTES = 4 << 20, /* of a file, looked for in the page cache at once */
};

/* --- How quick the peer is -------------------------------------------------------------------- */

/* The time in units of a struct socket. */
static uint32_t tick_of(const struct conn_context *context)
{
    return (uint32_t)(context->now.ms / FILE_SEND_TICK_MS) % FILE_SEND_TICKS;
}

/* Judges a peer for which the socket refused to take more: how long did it then wait for room? */
static void judge(const struct conn_context *context, struct socket *socket)
{
    const uint32_t waited_ticks =
        (tick_of(context) + FILE_SEND_TICKS - socket->refused_tick) % FILE_SEND_TICKS;
    if (socket->refused && waited_ticks * FILE_SEND_TICK_MS > FILE_SEND_SLOW_MS)
        socket->quick = 0;
    socket->refused = false;
}

/* Notes that the socket took SENT bytes, or refused them. */
static void note(const struct conn_context *context, struct socket *socket, ssize_t sent)
{
    if (sent < 0) {
        socket->refused = true;
        socket->refused_tick = tick_of(context);
    } else if (sent >= COPY_BYTES && socket->quick < FILE_SEND_QUICK_COUNT) {
        socket->quick++;
    }
}

/* --- The bound -------------------------------------------------------------------------------- */

/* Lifts the bound, if not too many connections of the worker have it lifted. */
static void lift_bound(struct conn_context *context, struct conn *conn)
{
    if (conn->socket.lowat_lifted || context->lifted_count >= context->lifted_max)
        return;
    net_bound_unsent(conn->socket.fd, 0); /* the system's default: none */
    conn->socket.lowat_lifted = true;
    context->lifted_count++;
}

/* A socket that holds more than the bound is still counted: the peer may never take it. */
void file_send_bound_again(struct conn_context *context, struct conn *conn)
{
    if (socket_held_bytes(&conn->socket) > context->unsent_bound)
        return;
    net_bound_unsent(conn->socket.fd, context->unsent_bound);
    conn->socket.lowat_lifted = false;
    context->lifted_count--;
}

void file_send_end(struct conn_context *context, struct conn *conn)
{
    context->lifted_count -= conn->socket.lowat_lifted;
}

/* --- Reading ---------------------------------------------------------------------------------- */

size_t file_send_window(const struct outq_part *part)
{
    uint64_t left = WINDOW_BYTES - part->first % WINDOW_BYTES;
    return (size_t)(part->length < left ? part->length : left);
}

bool file_send_is_warm(struct conn_context *context, struct conn *conn,
                       const struct outq_part *part)
{
    if (part->first % WINDOW_BYTES > 0 && !outq_span_begins(&conn->output))
        return true;
    struct outq_part window = {part->blob, part->first, file_send_window(part)};
    return conn_disk_ready(context, conn, &window);
}

/* The check after the read is for the bytes that were read, as writing sets the mtime first. */
ssize_t file_send_read(struct conn_context *context, struct conn *conn,
                       const struct outq_part *piece, void *to)
{
    const ssize_t got = pread(piece->blob->fd, to, (size_t)piece->length, (off_t)piece->first);
    if (got > 0 && !file_doubt_may_send(context, conn, piece->blob))
        return 0;
    return got;
}

/* --- Sending ---------------------------------------------------------------------------------- */

/* By read and send. */
static ssize_t send_copy(struct conn_context *context, struct conn *conn,
                         const struct outq_part *piece, uint64_t left)
{
    char bytes[COPY_BYTES];
    const struct outq_part part = {piece->blob, piece->first,
                                   size_min((size_t)piece->length, sizeof bytes)};
    const ssize_t got = file_send_read(context, conn, &part, bytes);
    if (got <= 0)
        return got;
    const int more = left > (uint64_t)got ? MSG_MORE : 0;
    return send(conn->socket.fd, bytes, (size_t)got, MSG_NOSIGNAL | more);
}

/* By sendfile. The only piece of a part is checked once in a turn. */
static ssize_t send_pages(struct conn_context *context, struct conn *conn,
                          const struct outq_part *piece, uint64_t left)
{
    const bool only = outq_span_begins(&conn->output) && piece->length == left;
    if (!(only && blob_file_unchanged(piece->blob, context->now.turn)) &&
        !file_doubt_may_send(context, conn, piece->blob))
        return 0;
    off_t first = (off_t)piece->first;
    return sendfile(conn->socket.fd, piece->blob->fd, &first, piece->length);
}

/* Whether CONN's socket may hold pages of a part whose last piece it has taken, COPIED or not. */
static bool holds_pages(const struct conn *conn, bool copied)
{
    return !copied || socket_held_bytes(&conn->socket) > FILE_SEND_TAIL_BYTES;
}

ssize_t file_send(struct conn_context *context, struct conn *conn, const struct outq_part *piece,
                  uint64_t left)
{
    const bool was_quick = conn->socket.quick == FILE_SEND_QUICK_COUNT;
    judge(context, &conn->socket);
    const bool quick = conn->socket.quick == FILE_SEND_QUICK_COUNT;
    const bool constant = blob_is_copy(piece->blob); /* then its pages may be referred to */
    if (was_quick && !quick && !constant) /* the socket may hold pages of the last part of it */
        file_watch_begin(context, conn, piece->blob, left);
    if (quick)
        lift_bound(context, conn);
    else
        file_send_bound(context, conn);
    struct outq_part part = *piece;
    if (!quick && !constant && left > FILE_SEND_TAIL_BYTES &&
        part.length > left - FILE_SEND_TAIL_BYTES)
        part.length = left - FILE_SEND_TAIL_BYTES;
    const bool copied = !quick && !constant && left <= FILE_SEND_TAIL_BYTES;
    const ssize_t sent =
        copied ? send_copy(context, conn, &part, left) : send_pages(context, conn, &part, left);
    note(context, &conn->socket, sent);
    if (!constant && sent > 0 && (uint64_t)sent == left && holds_pages(conn, copied))
        file_watch_begin(context, conn, piece->blob, left);
    return sent;
}
