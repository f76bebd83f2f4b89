/* loop_epoll: see loop_epoll.h. epoll(7), accept4(2), sendmsg(2), sendfile(2). */
#include "loop/loop_epoll.h"

#include "conn/transport_plain.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS_MAX = 256 }; /* fetched by one system call */

enum opcode { OP_LISTENER = 1, OP_WAKE, OP_FILES, OP_CONN };

struct loop_epoll {
    struct loop loop;
    int fd;
    int event_count; /* fetched and not processed yet */
    struct epoll_event events[EVENTS_MAX];
};

static struct loop_epoll *epoll_of(struct loop *loop)
{
    return CONTAINER_OF(loop, struct loop_epoll, loop);
}

/* --- Events ----------------------------------------------------------------------------------- */

static int wait(struct loop *loop, int ms)
{
    struct loop_epoll *epoll = epoll_of(loop);
    int count = epoll_wait(epoll->fd, epoll->events, EVENTS_MAX, ms);
    epoll->event_count = count < 0 ? 0 : count;
    return count < 0 && errno != EINTR ? -errno : 0;
}

static void take_conn_event(struct loop *loop, uint64_t identity, uint32_t events)
{
    struct conn *conn = conn_table_named(loop->conns, identity);
    if (!conn)
        return;
    /* A hang-up means that both directions are closed: a reset, unless this side was shut by us. In
     * that case unread input must still be read, see conn_verdict. */
    if (events & EPOLLERR || (events & EPOLLHUP && conn->state != CONN_LINGERING &&
                              socket_hang_up_is_reset(&conn->socket))) {
        loop_reset(loop, conn);
        return;
    }
    if (events & (EPOLLRDHUP | EPOLLHUP))
        conn->socket.hangup = true;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
        conn->socket.readable = true;
    if (events & EPOLLOUT)
        socket_note_writable(&conn->socket);
    loop_make_runnable(loop, conn);
}

static void take_event(struct loop *loop, const struct epoll_event *event)
{
    uint64_t identity = event->data.u64;
    switch ((enum opcode)conn_table_opcode_of(identity)) {
    case OP_LISTENER:
        loop->listeners.items[conn_table_slot_of(identity)].readable = true;
        break;
    case OP_WAKE: /* stays readable, but is edge-triggered; the orders say what to do */
        break;
    case OP_FILES:
        loop_collect_lookups(loop);
        break;
    case OP_CONN:
        take_conn_event(loop, identity, event->events);
        break;
    }
}

static void take(struct loop *loop)
{
    struct loop_epoll *epoll = epoll_of(loop);
    for (int i = 0; i < epoll->event_count; i++)
        take_event(loop, &epoll->events[i]);
}

/* --- Connections ------------------------------------------------------------------------------ */

static void accept_some(struct loop *loop)
{
    listeners_accept(&loop->listeners);
}

/* A socket that another process has too is not closed by close(2), and would go on to report
 * events. */
static void finish_accepting(struct loop *loop)
{
    for (unsigned i = 0; i < loop->listeners.count; i++)
        epoll_ctl(epoll_of(loop)->fd, EPOLL_CTL_DEL, loop->listeners.items[i].fd, NULL);
    listeners_finish(&loop->listeners);
}

static void give_up_listener(struct loop *loop, unsigned index)
{
    epoll_ctl(epoll_of(loop)->fd, EPOLL_CTL_DEL, loop->listeners.items[index].fd, NULL);
    listeners_give_up(&loop->listeners, index);
}

/* Whether CONN's socket has room for output that it has just refused, for want of memory: it has
 * not stopped being writable, so no event will report it. */
static bool refuses_with_room(const struct conn *conn)
{
    if (conn->socket.writable || conn->socket.spurious > 0 || !conn_has_unsent(conn))
        return false;
    struct pollfd event = {.fd = conn->socket.fd, .events = POLLOUT};
    return poll(&event, 1, 0) == 1 && event.revents & POLLOUT;
}

/* Registers CONN only after its first turn, so that a connection with one request costs no
 * epoll_ctl. Events that occurred before are reported at once. */
static bool keep(struct loop *loop, struct conn *conn)
{
    if (conn->socket.registered) {
        if (refuses_with_room(conn)) {
            socket_note_writable(&conn->socket);
            loop_make_runnable(loop, conn);
        }
        return true;
    }
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.u64 = conn_table_identity(OP_CONN, conn->slot, conn->generation),
    };
    conn->socket.registered =
        epoll_ctl(epoll_of(loop)->fd, EPOLL_CTL_ADD, conn->socket.fd, &event) == 0;
    return conn->socket.registered;
}

/* Trying to receive is cheaper than asking first. */
static void check_input(struct loop *loop, struct conn *conn)
{
    (void)loop;
    conn->socket.readable = true;
}

static bool is_silent(struct loop *loop, struct conn *conn)
{
    (void)loop;
    return !socket_has_input(&conn->socket);
}

static void close_now(struct loop *loop, struct conn *conn)
{
    conn_table_close(loop->conns, conn); /* the descriptor leaves the epoll set */
    listeners_resume(&loop->listeners);
}

/* --- Beginning and end ------------------------------------------------------------------------ */

/* Watches FD for input, edge-triggered. Returns 0 or a negative errno. */
static int watch(const struct loop_epoll *epoll, int fd, enum opcode opcode, uint32_t index)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLET,
        .data.u64 = conn_table_identity(opcode, index, 0),
    };
    return epoll_ctl(epoll->fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int add_listener(struct loop *loop, unsigned index)
{
    return watch(epoll_of(loop), loop->listeners.items[index].fd, OP_LISTENER, index);
}

static int init(struct loop *loop)
{
    struct loop_epoll *epoll = epoll_of(loop);
    epoll->fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll->fd < 0)
        return -errno;
    int error = watch(epoll, loop->wake_fd, OP_WAKE, 0);
    if (!error)
        error = watch(epoll, store_fd(loop->context->files), OP_FILES, 0);
    for (unsigned i = 0; i < loop->listeners.count && !error; i++)
        error = add_listener(loop, i);
    return error;
}

static void fini(struct loop *loop)
{
    if (epoll_of(loop)->fd >= 0)
        close(epoll_of(loop)->fd);
}

const struct loop_engine loop_epoll_engine = {
    .bytes = sizeof(struct loop_epoll),
    .transport = &transport_plain,
    .io = &socket_io_direct,
    .init = init,
    .fini = fini,
    .wait = wait,
    .take = take,
    .accept = accept_some,
    .finish_accepting = finish_accepting,
    .add_listener = add_listener,
    .give_up_listener = give_up_listener,
    .keep = keep,
    .check_input = check_input,
    .is_silent = is_silent,
    .close = close_now,
};
