/* uring_peer: see uring_peer.h. */
#include "loop/uring_peer.h"

#ifdef SLUICE_HAVE_LIBURING

#include "conn/file_send.h"
#include "conn/transport_plain.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum {
    /* A connection receives no more while its session leaves more bytes than this unconsumed, */
    KEPT_BYTES_HIGH = CONN_FULL_BYTES / 2,
    /* or while more than this waits for its turns. */
    WAITING_BYTES_HIGH = 128 << 10,
    /* or, of one that is postponed: it may wait long, among many. */
    POSTPONED_BYTES_HIGH = 2 << 10,
};

static bool cancel(struct loop_uring *self, const struct conn *conn, enum uring_opcode opcode)
{
    return uring_ask_cancel(&self->uring, uring_peer_identity(opcode, conn),
                            uring_peer_identity(OP_CANCEL, conn));
}

/* --- Input ------------------------------------------------------------------------------------ */

/* Drops the bytes of lent input that the session has consumed. Returns the number of bytes left. */
static size_t take_rest(struct loop_uring *self, struct conn *conn)
{
    struct uring_peer *peer = uring_peer_of(self, conn);
    if (!peer->lent)
        return 0;
    size_t before = uring_input_view(&peer->input, &self->uring, self->notes).length;
    size_t rest = conn_unlend(conn).length;
    uring_input_drop(&peer->input, &self->uring, self->notes, before - rest);
    peer->lent = false;
    return rest;
}

void uring_peer_take_back(struct loop *loop, struct conn *conn)
{
    struct loop_uring *self = uring_peer_loop(loop);
    const struct uring_peer *peer = uring_peer_of(self, conn);
    take_rest(self, conn);
    if (peer->known)
        conn->socket.readable = uring_peer_is_readable(peer, conn);
}

/* Copies the oldest input to CONN's own storage, as far as there is room. Returns the number of
 * bytes. */
static size_t copy_input(struct loop_uring *self, struct conn *conn)
{
    struct uring_peer *peer = uring_peer_of(self, conn);
    struct str left = uring_input_view(&peer->input, &self->uring, self->notes);
    struct iovec pieces[2];
    unsigned count = left.length > 0 ? conn_room(self->loop.context, conn, pieces) : 0;
    size_t copied = 0;
    for (unsigned i = 0; i < count; i++) {
        struct str part = str_first(left, pieces[i].iov_len);
        str_put(pieces[i].iov_base, part);
        left = str_from(left, part.length);
        copied += part.length;
    }
    if (copied > 0) {
        conn_received(conn, copied);
        uring_input_drop(&peer->input, &self->uring, self->notes, copied);
    }
    return copied;
}

static enum transport_result receive(struct conn_context *context, struct conn *conn,
                                     size_t *budget)
{
    struct loop_uring *self = uring_peer_loop(context->loop);
    struct uring_peer *peer = uring_peer_of(self, conn);
    if (!peer->known) /* it may have arrived: trying is cheaper than a request */
        return transport_plain_receive(context, conn, budget);
    bool partial = take_rest(self, conn) > 0;
    struct str bytes = uring_input_view(&peer->input, &self->uring, self->notes);
    size_t got = bytes.length;
    if (got == 0) {
        conn->socket.readable = false;
        if (!peer->ended || conn->socket.input_ended)
            return TRANSPORT_NOTHING;
        conn_input_ended(conn);
        return TRANSPORT_PROGRESS;
    }
    if (conn->input.length == 0 && !partial) {
        conn_lend(conn, bytes);
        peer->lent = true;
    } else {
        got = copy_input(self, conn);
    }
    *budget -= size_min(*budget, got);
    return got > 0 ? TRANSPORT_PROGRESS : TRANSPORT_FULL;
}

static enum transport_result discard(struct conn_context *context, struct conn *conn,
                                     size_t *budget)
{
    struct loop_uring *self = uring_peer_loop(context->loop);
    struct uring_peer *peer = uring_peer_of(self, conn);
    size_t got = uring_input_view(&peer->input, &self->uring, self->notes).length;
    if (got == 0 && peer->ended)
        conn_input_ended(conn);
    if (got == 0) {
        conn->socket.readable = false;
        return TRANSPORT_NOTHING;
    }
    uring_input_drop(&peer->input, &self->uring, self->notes, got);
    *budget -= size_min(*budget, got);
    return conn_discarded(conn, got) ? TRANSPORT_PROGRESS : TRANSPORT_FAILED;
}

/* --- Output ----------------------------------------------------------------------------------- */

/* Output in memory may wait for the next submission, which sends that of all connections with one
 * system call, if the connection has nothing else to do now. Files, and output that the session
 * waits for, are sent at once. */
static bool may_be_deferred(const struct uring_peer *peer, const struct conn *conn)
{
    return peer->known && conn_rests(conn);
}

/* At most one send is with the kernel. Until it completes, CONN is not writable and its output must
 * not move. */
static enum transport_result send_some(struct conn_context *context, struct conn *conn,
                                       size_t *budget)
{
    struct loop_uring *self = uring_peer_loop(context->loop);
    struct uring_peer *peer = uring_peer_of(self, conn);
    struct iovec pieces[URING_PIECES_MAX];
    bool file_follows = true;
    unsigned count = may_be_deferred(peer, conn)
                         ? outq_gather(&conn->output, pieces, URING_PIECES_MAX, &file_follows)
                         : 0;
    if (!file_follows)
        file_send_bound(context, conn);
    if (file_follows || !uring_ask_send(&self->uring, conn->socket.fd, pieces, count,
                                        uring_peer_identity(OP_SEND, conn)))
        return transport_plain_send(context, conn, budget);
    peer->sending = true;
    conn->pinned = true;
    conn->socket.writable = false;
    return TRANSPORT_NOTHING;
}

const struct transport uring_peer_transport = {
    .receive = receive,
    .send = send_some,
    .discard = discard,
    .delivered = transport_plain_delivered,
    .stalled_ms = transport_plain_stalled_ms,
    .drains = transport_plain_drains,
    .shut = transport_plain_shut,
    .fini = file_send_end,
};

/* --- Raw bytes -------------------------------------------------------------------------------- */

/* For transports that transform bytes. The kernel receives into its buffers for them, too. */
static ssize_t receive_raw(struct conn_context *context, struct conn *conn, void *to, size_t room)
{
    struct loop_uring *self = uring_peer_loop(context->loop);
    struct uring_peer *peer = uring_peer_of(self, conn);
    if (!peer->known)
        return socket_io_direct.receive(context, conn, to, room);
    struct str bytes = uring_input_view(&peer->input, &self->uring, self->notes);
    bytes = str_first(bytes, room);
    str_put(to, bytes);
    uring_input_drop(&peer->input, &self->uring, self->notes, bytes.length);
    conn->socket.readable = uring_peer_is_readable(peer, conn);
    if (bytes.length > 0)
        return (ssize_t)bytes.length;
    conn->socket.readable = false;
    return peer->ended ? 0 : -EAGAIN;
}

static ssize_t send_raw(struct conn_context *context, struct conn *conn, const void *from,
                        size_t length)
{
    return socket_io_direct.send(context, conn, from, length);
}

const struct socket_io uring_peer_io = {.receive = receive_raw, .send = send_raw};

/* --- Closing ---------------------------------------------------------------------------------- */

void uring_peer_close_now(struct loop *loop, struct conn *conn)
{
    *uring_peer_of(uring_peer_loop(loop), conn) = (struct uring_peer){0};
    list_remove(&conn->queue);
    conn_table_close(loop->conns, conn);
    listeners_resume(&loop->listeners);
}

/* Shutting the socket down completes a receive and a single poll; a multishot poll, as of a
 * half-closed socket, has to be cancelled. */
void uring_peer_end_requests(struct loop_uring *self, struct conn *conn)
{
    const struct uring_peer *peer = uring_peer_of(self, conn);
    bool good = !peer->receiving || cancel(self, conn, OP_RECEIVE);
    good = (!peer->polling || cancel(self, conn, OP_WRITABLE)) && good;
    if (!good && !list_linked(&conn->queue))
        list_append(&self->uncancelled, &conn->queue);
}

bool uring_peer_end_uncancelled(struct loop_uring *self)
{
    struct list now;
    list_init(&now);
    list_splice(&now, &self->uncancelled);
    struct list *node;
    while ((node = list_take_first(&now)))
        uring_peer_end_requests(self, CONTAINER_OF(node, struct conn, queue));
    return list_is_empty(&self->uncancelled);
}

/* A socket that is closed while the kernel has requests on it stays open in the kernel, which sends
 * no FIN. */
void uring_peer_close(struct loop *loop, struct conn *conn)
{
    struct loop_uring *self = uring_peer_loop(loop);
    struct uring_peer *peer = uring_peer_of(self, conn);
    conn_unlend(conn);
    peer->lent = false;
    uring_input_clear(&peer->input, &self->uring, self->notes);
    if (uring_peer_is_free(peer)) {
        uring_peer_close_now(loop, conn);
        return;
    }
    conn_retire(loop->context, conn);
    shutdown(conn->socket.fd, SHUT_RDWR);
    uring_peer_end_requests(self, conn);
}

/* --- The end of a turn ------------------------------------------------------------------------ */

/* Moves the input that CONN cannot take now out of the buffers. False: no memory, or too much
 * input. */
static bool hold_input(struct loop_uring *self, struct conn *conn)
{
    /* More than can arrive before the kernel has stopped receiving. */
    const size_t spill_bytes_max =
        (size_t)2 * self->uring.sizes.buffers * self->uring.sizes.buffer_bytes;
    struct uring_peer *peer = uring_peer_of(self, conn);
    while (conn->transport_index == TRANSPORT_PLAIN && copy_input(self, conn) > 0) {
    }
    return uring_input_spill(&peer->input, &self->uring, self->notes) == 0 &&
           uring_input_spilled(&peer->input) <= spill_bytes_max;
}

/* Whether the kernel should continue to receive. */
static bool wants_more(const struct uring_peer *peer, const struct conn *conn)
{
    if (peer->ended)
        return false;
    if (conn->state == CONN_LINGERING)
        return true;
    const size_t high = conn->postponed ? POSTPONED_BYTES_HIGH : WAITING_BYTES_HIGH;
    if (uring_input_bytes(&peer->input) > high)
        return false;
    size_t kept = conn->input.length + uring_input_spilled(&peer->input);
    return !conn->no_storage && (conn_wants_input(conn) || kept < KEPT_BYTES_HIGH);
}

/* Every poll completes at once on a half-closed socket, because io_uring always adds POLLRDHUP. So
 * there it has to be a multishot poll: its first completion is that one, the next ones are for
 * POLLOUT. */
static bool poll_for_output(struct loop_uring *self, const struct conn *conn)
{
    uint64_t identity = uring_peer_identity(OP_WRITABLE, conn);
    return uring_peer_of(self, conn)->half_closed
               ? uring_ask_poll_multishot(&self->uring, conn->socket.fd, POLLOUT, identity)
               : uring_ask_poll(&self->uring, conn->socket.fd, POLLOUT, identity);
}

/* Starts and cancels requests as needed. False: the submission queue is full. */
static bool update_requests(struct loop_uring *self, struct conn *conn)
{
    struct uring_peer *peer = uring_peer_of(self, conn);
    bool good = true;
    bool more = wants_more(peer, conn);
    if (more && !peer->receiving) {
        good = peer->receiving =
            uring_ask_receive(&self->uring, conn->socket.fd, uring_peer_identity(OP_RECEIVE, conn));
    } else if (!more && peer->receiving && !peer->cancelling) {
        good = peer->cancelling = cancel(self, conn, OP_RECEIVE);
    }
    bool refused = !conn->socket.writable && conn->socket.spurious == 0 && conn_has_unsent(conn);
    if (refused && !peer->polling && !peer->sending) {
        peer->polling = poll_for_output(self, conn);
        good = good && peer->polling;
    }
    return good;
}

bool uring_peer_keep(struct loop *loop, struct conn *conn)
{
    struct loop_uring *self = uring_peer_loop(loop);
    struct uring_peer *peer = uring_peer_of(self, conn);
    peer->ended = peer->ended || conn->socket.input_ended;
    peer->known = true;
    bool waits = conn->no_storage || conn->postponed || !list_linked(&conn->queue);
    if (waits && !hold_input(self, conn))
        return false;
    conn->socket.readable = uring_peer_is_readable(peer, conn);
    if (!update_requests(self, conn))
        loop_make_runnable(loop, conn);
    return true;
}

/* A completion that has not been taken may have its bytes. */
bool uring_peer_is_silent(struct loop *loop, struct conn *conn)
{
    struct uring *uring = &uring_peer_loop(loop)->uring;
    return io_uring_cq_ready(&uring->ring) == 0 && !socket_has_input(&conn->socket);
}

/* The completion may be pending, or the bytes not received yet: then a completion will follow. */
void uring_peer_check_input(struct loop *loop, struct conn *conn)
{
    int bytes;
    struct uring_peer *peer = uring_peer_of(uring_peer_loop(loop), conn);
    if (!conn_is_over(conn) && !peer->ended && ioctl(conn->socket.fd, FIONREAD, &bytes) == 0)
        peer->expecting = bytes > 0;
}

#endif
