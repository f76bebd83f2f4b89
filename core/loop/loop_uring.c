/* loop_uring: see loop_uring.h. io_uring_enter(2), tcp(7). */
#include "loop/loop_uring.h"

#ifdef SLUICE_HAVE_LIBURING

#include "conn/conn_phase.h"
#include "loop/uring_peer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum {
    END_PATIENCE_MS = 100, /* how long one wait for completions at the end may take */
    END_TRIES_MAX = 50,
};

static const struct uring_sizes sizes = {
    .submissions = 256,
    .completions = 2048,
    .buffers = 256,
    .buffer_bytes = 2048, /* most requests, and most batches of them, fit in one */
};

/* --- Events ----------------------------------------------------------------------------------- */

/* The open connection that EVENT is for. NULL: none. One that only waited for this event is
 * closed. */
static struct conn *open_conn_of(struct loop_uring *self, const struct io_uring_cqe *event)
{
    struct conn *conn = conn_table_named(self->loop.conns, event->user_data);
    if (!conn || !conn_is_over(conn))
        return conn;
    if (uring_peer_is_free(uring_peer_of(self, conn)))
        uring_peer_close_now(&self->loop, conn);
    return NULL;
}

/* Whether receiving failed only temporarily. */
static bool is_passing(int error)
{
    return error == ENOBUFS || error == ECANCELED || error == EINTR || error == EAGAIN;
}

static void take_received(struct loop_uring *self, const struct io_uring_cqe *event)
{
    struct conn *conn = conn_table_named(self->loop.conns, event->user_data);
    bool filled = event->flags & IORING_CQE_F_BUFFER;
    unsigned buffer = event->flags >> IORING_CQE_BUFFER_SHIFT;
    if (conn && !(event->flags & IORING_CQE_F_MORE))
        uring_peer_of(self, conn)->receiving = uring_peer_of(self, conn)->cancelling = false;
    conn = open_conn_of(self, event);
    if (filled && (!conn || event->res <= 0))
        uring_give_back(&self->uring, buffer);
    if (!conn)
        return;
    struct uring_peer *peer = uring_peer_of(self, conn);
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
    conn->socket.readable = uring_peer_is_readable(peer, conn);
    loop_make_runnable(&self->loop, conn);
}

static void take_writable(struct loop_uring *self, const struct io_uring_cqe *event)
{
    struct conn *conn = conn_table_named(self->loop.conns, event->user_data);
    if (conn && !(event->flags & IORING_CQE_F_MORE))
        uring_peer_of(self, conn)->polling = false;
    conn = open_conn_of(self, event);
    if (!conn)
        return;
    int events = event->res > 0 ? event->res : 0;
    /* A hang-up means that both directions are over: a reset, unless our own shutdown did it, and
     * then input that is unread has to be discarded, or the answer is destroyed. */
    if (events & POLLERR || (events & POLLHUP && conn->state != CONN_LINGERING &&
                             socket_hang_up_is_reset(&conn->socket))) {
        loop_reset(&self->loop, conn);
        return;
    }
    struct uring_peer *peer = uring_peer_of(self, conn);
    if (events & POLLRDHUP)
        peer->half_closed = true;
    if (events & POLLOUT && !peer->sending)
        socket_note_writable(&conn->socket);
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
        uring_peer_of(self, conn)->sending = conn->pinned = false;
    conn = open_conn_of(self, event);
    if (!conn)
        return;
    if (event->res < 0 && event->res != -EAGAIN && event->res != -EINTR) {
        loop_reset(&self->loop, conn);
        return;
    }
    if (event->res >= 0)
        conn_sent(self->loop.context, conn, (uint64_t)event->res);
    if (event->res == -EAGAIN)
        socket_note_full(&conn->socket);
    else
        conn->socket.writable = true;
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
    uring_peer_of(self, conn)->cancelling = false;
    if (conn_is_over(conn))
        uring_peer_end_requests(self, conn);
    else
        loop_make_runnable(&self->loop, conn);
}

static void take_event(struct loop_uring *self, const struct io_uring_cqe *event)
{
    bool goes_on = event->flags & IORING_CQE_F_MORE;
    unsigned index = conn_table_slot_of(event->user_data);
    switch ((enum uring_opcode)conn_table_opcode_of(event->user_data)) {
    case OP_WAKE: /* stays readable; the orders say what to do */
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
    struct loop_uring *self = uring_peer_loop(loop);
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
static bool watch(struct loop_uring *self, int fd, enum uring_opcode opcode)
{
    return uring_ask_poll_multishot(&self->uring, fd, POLLIN, conn_table_identity(opcode, 0, 0));
}

static int wait_for_events(struct loop *loop, int ms)
{
    struct loop_uring *self = uring_peer_loop(loop);
    if (!self->watches_wake)
        self->watches_wake = watch(self, loop->wake_fd, OP_WAKE);
    if (!self->watches_files)
        self->watches_files = watch(self, store_fd(loop->context->files), OP_FILES);
    uring_listen_update(&self->listen);
    if (!uring_peer_end_uncancelled(self))
        ms = 0; /* the wait makes room for requests */
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
    struct loop_uring *self = uring_peer_loop(loop);
    for (unsigned tries = 0; uring_listen_end(&self->listen) && tries < END_TRIES_MAX; tries++) {
        if (uring_wait(&self->uring, END_PATIENCE_MS) < 0)
            break;
        take(loop);
    }
    listeners_finish(&loop->listeners);
}

static void give_up_listener(struct loop *loop, unsigned index)
{
    struct loop_uring *self = uring_peer_loop(loop);
    for (unsigned tries = 0; uring_listen_stop(&self->listen, index) && tries < END_TRIES_MAX;
         tries++) {
        if (uring_wait(&self->uring, END_PATIENCE_MS) < 0)
            break;
        take(loop);
    }
    listeners_give_up(&loop->listeners, index);
}

static void visit_to_close(void *argument, struct conn *conn)
{
    uring_peer_close_now(argument, conn);
}

/* Waits until the kernel has completed the requests of every connection; otherwise destroys the
 * ring first. */
static void end(struct loop *loop)
{
    struct loop_uring *self = uring_peer_loop(loop);
    for (unsigned tries = 0; loop->conns->open_count > 0 && tries < END_TRIES_MAX; tries++) {
        if (uring_wait(&self->uring, END_PATIENCE_MS) < 0)
            break;
        take(loop);
        loop_close_all(loop);
        uring_peer_end_uncancelled(self);
    }
    uring_fini(&self->uring);
    conn_table_each(loop->conns, visit_to_close, loop);
}

static int begin(struct loop *loop)
{
    return uring_begin(&uring_peer_loop(loop)->uring);
}

static int init(struct loop *loop)
{
    struct loop_uring *self = uring_peer_loop(loop);
    const char *what;
    list_init(&self->uncancelled);
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
    struct loop_uring *self = uring_peer_loop(loop);
    uring_fini(&self->uring);
    free(self->notes);
    free(self->peers);
}

const struct loop_engine loop_uring_engine = {
    .bytes = sizeof(struct loop_uring),
    .transport = &uring_peer_transport,
    .io = &uring_peer_io,
    .init = init,
    .fini = fini,
    .begin = begin,
    .wait = wait_for_events,
    .take = take,
    .accept = accept_some,
    .finish_accepting = finish_accepting,
    .give_up_listener = give_up_listener,
    .take_back = uring_peer_take_back,
    .keep = uring_peer_keep,
    .check_input = uring_peer_check_input,
    .is_silent = uring_peer_is_silent,
    .close = uring_peer_close,
    .end = end,
};

#endif
