/* loop_uring: see loop_uring.h. io_uring_enter(2), tcp(7). */
#include "loop/loop_uring.h"

#ifdef SLUICE_HAVE_LIBURING

#include "conn/transport_plain.h"
#include "loop/uring_input.h"
#include "loop/uring_listen.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* A connection receives no more while its session leaves more bytes than this unconsumed. */
    KEPT_BYTES_HIGH = CONN_FULL_BYTES / 2,
    END_PATIENCE_MS = 100, /* how long one wait for completions at the end may take */
    END_TRIES_MAX = 50,
};

static const struct uring_sizes sizes = {
    .submissions = 256,
    .completions = 2048,
    .buffers = 256,
    .buffer_bytes = 2048, /* most requests, and most batches of them, fit in one */
};

enum opcode {
    OP_WAKE = 1,
    OP_FILES,
    OP_ACCEPT,
    OP_LISTENER_POLL,
    OP_LISTENER_CANCEL,
    OP_RECEIVE,
    OP_SEND,
    OP_WRITABLE,
    OP_CANCEL,
};

/* The requests and the input of a connection, by slot. All zeros: none. */
struct peer {
    struct uring_input input;
    bool known : 1;       /* its first turn is over */
    bool lent : 1;        /* the oldest input is lent to the session */
    bool receiving : 1;   /* a multishot receive is with the kernel, */
    bool cancelling : 1;  /* and is being cancelled */
    bool sending : 1;     /* a send is with the kernel */
    bool polling : 1;     /* a poll for POLLOUT is with the kernel */
    bool half_closed : 1; /* a poll has reported POLLRDHUP */
    bool ended : 1;       /* the end of input has been received */
    bool expecting : 1;   /* input was seen in the socket and will be received */
};

struct loop_uring {
    struct loop loop;
    struct uring uring;
    struct uring_listen listen;
    bool watches_wake, watches_files; /* a multishot poll of it is with the kernel */
    struct uring_note *notes;         /* one per buffer */
    struct peer *peers;               /* one per slot */
};

static struct loop_uring *self_of(struct loop *loop)
{
    return CONTAINER_OF(loop, struct loop_uring, loop);
}

static struct peer *peer_of(const struct loop_uring *self, const struct conn *conn)
{
    return &self->peers[conn->slot];
}

static uint64_t identity_of(enum opcode opcode, const struct conn *conn)
{
    return conn_table_identity(opcode, conn->slot, conn->generation);
}

static bool cancel(struct loop_uring *self, const struct conn *conn, enum opcode opcode)
{
    return uring_ask_cancel(&self->uring, identity_of(opcode, conn), identity_of(OP_CANCEL, conn));
}

/* --- Input ------------------------------------------------------------------------------------ */

/* Drops the bytes of lent input that the session has consumed. Returns the number of bytes left. */
static size_t take_rest(struct loop_uring *self, struct conn *conn)
{
    struct peer *peer = peer_of(self, conn);
    if (!peer->lent)
        return 0;
    size_t before = uring_input_view(&peer->input, &self->uring, self->notes).length;
    size_t rest = conn_unlend(conn).length;
    uring_input_drop(&peer->input, &self->uring, self->notes, before - rest);
    peer->lent = false;
    return rest;
}

/* Whether there is input, or its end, that the session has not received. */
static bool is_readable(const struct peer *peer, const struct conn *conn)
{
    return !uring_input_empty(&peer->input) || peer->expecting ||
           (peer->ended && !conn->socket.input_ended);
}

static void take_back(struct loop *loop, struct conn *conn)
{
    struct loop_uring *self = self_of(loop);
    const struct peer *peer = peer_of(self, conn);
    take_rest(self, conn);
    if (peer->known)
        conn->socket.readable = is_readable(peer, conn);
}

/* Copies the oldest input to CONN's own storage, as far as there is room. Returns the number of
 * bytes. */
static size_t copy_input(struct loop_uring *self, struct conn *conn)
{
    struct peer *peer = peer_of(self, conn);
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
    struct loop_uring *self = self_of(context->loop);
    struct peer *peer = peer_of(self, conn);
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
    struct loop_uring *self = self_of(context->loop);
    struct peer *peer = peer_of(self, conn);
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

/* Whether receiving failed only temporarily. */
static bool is_passing(int error)
{
    return error == ENOBUFS || error == ECANCELED || error == EINTR || error == EAGAIN;
}

/* --- Output ----------------------------------------------------------------------------------- */

/* Output in memory may wait for the next submission, which sends that of all connections with one
 * system call, if the connection has nothing else to do now. Files, and output that the session
 * waits for, are sent at once. */
static bool may_be_deferred(const struct peer *peer, const struct conn *conn)
{
    return peer->known && conn_rests(conn);
}

/* At most one send is with the kernel. Until it completes, CONN is not writable and its output must
 * not move. */
static enum transport_result send_some(struct conn_context *context, struct conn *conn,
                                       size_t *budget)
{
    struct loop_uring *self = self_of(context->loop);
    struct peer *peer = peer_of(self, conn);
    struct iovec pieces[URING_PIECES_MAX];
    bool file_follows = true;
    unsigned count = may_be_deferred(peer, conn)
                         ? outq_gather(&conn->output, pieces, URING_PIECES_MAX, &file_follows)
                         : 0;
    if (file_follows ||
        !uring_ask_send(&self->uring, conn->socket.fd, pieces, count, identity_of(OP_SEND, conn)))
        return transport_plain_send(context, conn, budget);
    peer->sending = true;
    conn->pinned = true;
    conn->socket.writable = false;
    return TRANSPORT_NOTHING;
}

static const struct transport transport_uring = {
    .receive = receive,
    .send = send_some,
    .discard = discard,
    .delivered = transport_plain_delivered,
    .drains = transport_plain_drains,
    .shut = transport_plain_shut,
};

/* --- Raw bytes -------------------------------------------------------------------------------- */

/* For transports that transform bytes. The kernel receives into its buffers for them, too. */
static ssize_t receive_raw(struct conn_context *context, struct conn *conn, void *to, size_t room)
{
    struct loop_uring *self = self_of(context->loop);
    struct peer *peer = peer_of(self, conn);
    if (!peer->known)
        return socket_io_direct.receive(context, conn, to, room);
    struct str bytes = uring_input_view(&peer->input, &self->uring, self->notes);
    bytes = str_first(bytes, room);
    str_put(to, bytes);
    uring_input_drop(&peer->input, &self->uring, self->notes, bytes.length);
    conn->socket.readable = is_readable(peer, conn);
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

static const struct socket_io io_uring_io = {.receive = receive_raw, .send = send_raw};

/* --- Closing ---------------------------------------------------------------------------------- */

static void close_now(struct loop *loop, struct conn *conn)
{
    *peer_of(self_of(loop), conn) = (struct peer){0};
    conn_table_close(loop->conns, conn);
    listeners_resume(&loop->listeners);
}

static bool is_free(const struct peer *peer)
{
    return !peer->receiving && !peer->polling && !peer->sending;
}

/* Shutting the socket down completes the requests that wait for it; cancelling makes sure. */
static void end_requests(struct loop_uring *self, const struct conn *conn)
{
    const struct peer *peer = peer_of(self, conn);
    if (peer->receiving)
        cancel(self, conn, OP_RECEIVE);
    if (peer->polling)
        cancel(self, conn, OP_WRITABLE);
}

/* A socket that is closed while the kernel has requests on it stays open in the kernel, which sends
 * no FIN. */
static void close_soon(struct loop *loop, struct conn *conn)
{
    struct loop_uring *self = self_of(loop);
    struct peer *peer = peer_of(self, conn);
    conn_unlend(conn);
    peer->lent = false;
    uring_input_clear(&peer->input, &self->uring, self->notes);
    if (is_free(peer)) {
        close_now(loop, conn);
        return;
    }
    conn_retire(loop->context, conn);
    shutdown(conn->socket.fd, SHUT_RDWR);
    end_requests(self, conn);
}

/* --- The end of a turn ------------------------------------------------------------------------ */

/* Moves the input that CONN cannot take now out of the buffers. False: no memory, or too much
 * input. */
static bool hold_input(struct loop_uring *self, struct conn *conn)
{
    /* More than can arrive before the kernel has stopped receiving. */
    const size_t spill_bytes_max = (size_t)2 * sizes.buffers * sizes.buffer_bytes;
    struct peer *peer = peer_of(self, conn);
    while (conn->transport_index == TRANSPORT_PLAIN && copy_input(self, conn) > 0) {
    }
    return uring_input_spill(&peer->input, &self->uring, self->notes) == 0 &&
           uring_input_spilled(&peer->input) <= spill_bytes_max;
}

/* Whether the kernel should continue to receive. */
static bool wants_more(const struct peer *peer, const struct conn *conn)
{
    if (peer->ended)
        return false;
    if (conn->state == CONN_LINGERING)
        return true;
    size_t kept = conn->input.length + uring_input_spilled(&peer->input);
    return !conn->no_storage && (conn_wants_input(conn) || kept < KEPT_BYTES_HIGH);
}

/* Every poll completes at once on a half-closed socket, because io_uring always adds POLLRDHUP. So
 * there it has to be a multishot poll: its first completion is that one, the next ones are for
 * POLLOUT. */
static bool poll_for_output(struct loop_uring *self, const struct conn *conn)
{
    uint64_t identity = identity_of(OP_WRITABLE, conn);
    return peer_of(self, conn)->half_closed
               ? uring_ask_poll_multishot(&self->uring, conn->socket.fd, POLLOUT, identity)
               : uring_ask_poll(&self->uring, conn->socket.fd, POLLOUT, identity);
}

/* Starts and cancels requests as needed. False: the submission queue is full. */
static bool update_requests(struct loop_uring *self, struct conn *conn)
{
    struct peer *peer = peer_of(self, conn);
    bool good = true;
    bool more = wants_more(peer, conn);
    if (more && !peer->receiving) {
        good = peer->receiving =
            uring_ask_receive(&self->uring, conn->socket.fd, identity_of(OP_RECEIVE, conn));
    } else if (!more && peer->receiving && !peer->cancelling) {
        good = peer->cancelling = cancel(self, conn, OP_RECEIVE);
    }
    if (!conn->socket.writable && !peer->polling && !peer->sending && conn_has_unsent(conn)) {
        peer->polling = poll_for_output(self, conn);
        good = good && peer->polling;
    }
    return good;
}

static bool keep(struct loop *loop, struct conn *conn)
{
    struct loop_uring *self = self_of(loop);
    struct peer *peer = peer_of(self, conn);
    peer->ended = peer->ended || conn->socket.input_ended;
    peer->known = true;
    bool waits = conn->no_storage || !list_linked(&conn->queue);
    if (waits && !hold_input(self, conn))
        return false;
    conn->socket.readable = is_readable(peer, conn);
    if (!update_requests(self, conn))
        loop_make_runnable(loop, conn);
    return true;
}

/* The completion may be pending, or the bytes not received yet: then a completion will follow. */
static void check_input(struct loop *loop, struct conn *conn)
{
    int bytes;
    struct peer *peer = peer_of(self_of(loop), conn);
    if (!conn_is_over(conn) && !peer->ended && ioctl(conn->socket.fd, FIONREAD, &bytes) == 0)
        peer->expecting = bytes > 0;
}

/* --- Events ----------------------------------------------------------------------------------- */

/* The open connection that EVENT is for. NULL: none. One that only waited for this event is
 * closed. */
static struct conn *open_conn_of(struct loop_uring *self, const struct io_uring_cqe *event)
{
    struct conn *conn = conn_table_named(self->loop.conns, event->user_data);
    if (!conn || !conn_is_over(conn))
        return conn;
    if (is_free(peer_of(self, conn)))
        close_now(&self->loop, conn);
    return NULL;
}

static void take_received(struct loop_uring *self, const struct io_uring_cqe *event)
{
    struct conn *conn = conn_table_named(self->loop.conns, event->user_data);
    bool filled = event->flags & IORING_CQE_F_BUFFER;
    unsigned buffer = event->flags >> IORING_CQE_BUFFER_SHIFT;
    if (conn && !(event->flags & IORING_CQE_F_MORE))
        peer_of(self, conn)->receiving = peer_of(self, conn)->cancelling = false;
    conn = open_conn_of(self, event);
    if (filled && (!conn || event->res <= 0))
        uring_give_back(&self->uring, buffer);
    if (!conn)
        return;
    struct peer *peer = peer_of(self, conn);
    if (event->res < 0 && !is_passing(-event->res)) {
        loop_reset(&self->loop, conn);
        return;
    }
    if (event->res == 0)
        peer->ended = true;
    else if (event->res > 0)
        uring_input_add(&peer->input, self->notes, buffer, (uint32_t)event->res);
    if (event->res >= 0)
        peer->expecting = false;
    conn->socket.readable = is_readable(peer, conn);
    loop_make_runnable(&self->loop, conn);
}

static void take_writable(struct loop_uring *self, const struct io_uring_cqe *event)
{
    struct conn *conn = conn_table_named(self->loop.conns, event->user_data);
    if (conn && !(event->flags & IORING_CQE_F_MORE))
        peer_of(self, conn)->polling = false;
    conn = open_conn_of(self, event);
    if (!conn)
        return;
    int events = event->res > 0 ? event->res : 0;
    if (events & (POLLERR | POLLHUP)) {
        loop_reset(&self->loop, conn);
        return;
    }
    if (events & POLLRDHUP)
        peer_of(self, conn)->half_closed = true;
    if (events & POLLOUT)
        conn->socket.writable = true;
    loop_make_runnable(&self->loop, conn);
}

/* Whether CONN, whose output has just been sent, has nothing to do in a turn. */
static bool is_at_rest(const struct loop_uring *self, const struct conn *conn)
{
    return conn->state == CONN_OPEN && conn_rests(conn) && !conn_is_readable(conn) &&
           outq_empty(&conn->output) && conn_verdict(self->loop.context, conn) == CONN_GOES_ON;
}

static void take_sent(struct loop_uring *self, const struct io_uring_cqe *event)
{
    struct conn *conn = conn_table_named(self->loop.conns, event->user_data);
    if (conn)
        peer_of(self, conn)->sending = conn->pinned = false;
    conn = open_conn_of(self, event);
    if (!conn)
        return;
    if (event->res < 0 && event->res != -EAGAIN && event->res != -EINTR) {
        loop_reset(&self->loop, conn);
        return;
    }
    if (event->res >= 0)
        conn_sent(self->loop.context, conn, (uint64_t)event->res);
    conn->socket.writable = event->res != -EAGAIN;
    if (is_at_rest(self, conn))
        conn_settle(self->loop.context, conn);
    else
        loop_make_runnable(&self->loop, conn);
}

/* The request to be cancelled was not found: it is being executed, or done. */
static void take_failed_cancel(struct loop_uring *self, const struct io_uring_cqe *event)
{
    struct conn *conn = conn_table_named(self->loop.conns, event->user_data);
    if (!conn)
        return;
    peer_of(self, conn)->cancelling = false;
    if (conn_is_over(conn))
        end_requests(self, conn);
    else
        loop_make_runnable(&self->loop, conn);
}

static void take_event(struct loop_uring *self, const struct io_uring_cqe *event)
{
    bool goes_on = event->flags & IORING_CQE_F_MORE;
    unsigned index = conn_table_slot_of(event->user_data);
    switch ((enum opcode)conn_table_opcode_of(event->user_data)) {
    case OP_WAKE: /* stays readable; drain_wanted says what to do */
        self->watches_wake = goes_on;
        break;
    case OP_FILES:
        self->watches_files = goes_on;
        loop_collect_lookups(&self->loop);
        break;
    case OP_ACCEPT:
        uring_listen_accepted(&self->listen, index, event->res, goes_on);
        break;
    case OP_LISTENER_POLL:
        uring_listen_polled(&self->listen, index, event->res);
        break;
    case OP_LISTENER_CANCEL:
        uring_listen_cancel_failed(&self->listen, index);
        break;
    case OP_CANCEL:
        take_failed_cancel(self, event);
        break;
    case OP_RECEIVE:
        take_received(self, event);
        break;
    case OP_SEND:
        take_sent(self, event);
        break;
    case OP_WRITABLE:
        take_writable(self, event);
        break;
    }
}

static void take(struct loop *loop)
{
    struct loop_uring *self = self_of(loop);
    const struct io_uring_cqe *event;
    unsigned head, count = 0;
    io_uring_for_each_cqe(&self->uring.ring, head, event)
    {
        take_event(self, event);
        count++;
    }
    io_uring_cq_advance(&self->uring.ring, count);
}

/* Polls FD for input with a multishot request. */
static bool watch(struct loop_uring *self, int fd, enum opcode opcode)
{
    return uring_ask_poll_multishot(&self->uring, fd, POLLIN, conn_table_identity(opcode, 0, 0));
}

static int wait_for_events(struct loop *loop, int ms)
{
    struct loop_uring *self = self_of(loop);
    if (!self->watches_wake)
        self->watches_wake = watch(self, loop->wake_fd, OP_WAKE);
    if (!self->watches_files)
        self->watches_files = watch(self, store_fd(loop->context->files), OP_FILES);
    uring_listen_update(&self->listen);
    return uring_wait(&self->uring, ms);
}

static void accept_some(struct loop *loop)
{
    listeners_accept(&loop->listeners);
}

/* --- Beginning and end ------------------------------------------------------------------------ */

/* Cancels the kernel's requests for the listeners first, because it may still accept from them. */
static void finish_accepting(struct loop *loop)
{
    struct loop_uring *self = self_of(loop);
    for (unsigned tries = 0; uring_listen_end(&self->listen) && tries < END_TRIES_MAX; tries++) {
        if (uring_wait(&self->uring, END_PATIENCE_MS) < 0)
            break;
        take(loop);
    }
    listeners_finish(&loop->listeners);
}

static void visit_to_close(void *argument, struct conn *conn)
{
    close_now(argument, conn);
}

/* Waits until the kernel has completed the requests of every connection; otherwise destroys the
 * ring first. */
static void end(struct loop *loop)
{
    struct loop_uring *self = self_of(loop);
    for (unsigned tries = 0; loop->conns->open_count > 0 && tries < END_TRIES_MAX; tries++) {
        if (uring_wait(&self->uring, END_PATIENCE_MS) < 0)
            break;
        take(loop);
        loop_close_all(loop);
    }
    uring_fini(&self->uring);
    conn_table_each(loop->conns, visit_to_close, loop);
}

static int begin(struct loop *loop)
{
    return uring_begin(&self_of(loop)->uring);
}

static int init(struct loop *loop)
{
    struct loop_uring *self = self_of(loop);
    const char *what;
    self->listen = (struct uring_listen){
        .uring = &self->uring,
        .listeners = &loop->listeners,
        .opcode_accept = OP_ACCEPT,
        .opcode_poll = OP_LISTENER_POLL,
        .opcode_cancel = OP_LISTENER_CANCEL,
    };
    /* calloc: untouched pages of a large table cost no memory. */
    self->peers = calloc(loop->conns->slot_max, sizeof self->peers[0]);
    self->notes = calloc(sizes.buffers, sizeof self->notes[0]);
    if (!self->peers || !self->notes)
        return -ENOMEM;
    return uring_init(&self->uring, &sizes, &what);
}

static void fini(struct loop *loop)
{
    struct loop_uring *self = self_of(loop);
    uring_fini(&self->uring);
    free(self->notes);
    free(self->peers);
}

const struct loop_engine loop_uring_engine = {
    .bytes = sizeof(struct loop_uring),
    .transport = &transport_uring,
    .io = &io_uring_io,
    .init = init,
    .fini = fini,
    .begin = begin,
    .wait = wait_for_events,
    .take = take,
    .accept = accept_some,
    .finish_accepting = finish_accepting,
    .take_back = take_back,
    .keep = keep,
    .check_input = check_input,
    .close = close_soon,
    .end = end,
};

#endif
