/* listeners: see listeners.h. accept4(2). */
#include "conn/listeners.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 64,  /* from one listener */
    ACCEPTS_AT_END = 65536, /* the longest queue that listen(2) makes */
    PAUSE_MS = 100,         /* when descriptors are out and no connection ends */
};

void listeners_init(struct listeners *listeners, struct conn_context *context,
                    struct conn_table *conns, struct list *accepted, const int *fds, unsigned count)
{
    assert(count <= LISTENERS_MAX);
    *listeners = (struct listeners){
        .context = context, .conns = conns, .accepted = accepted, .count = count};
    for (unsigned i = 0; i < count; i++)
        listeners->items[i] = (struct listener){.fd = fds[i]};
    wheel_timer_init(&listeners->pause, CONN_TIMER_ACCEPT_PAUSE);
}

static void close_all(struct listeners *listeners)
{
    for (unsigned i = 0; i < listeners->count; i++)
        close(listeners->items[i].fd);
    listeners->count = 0;
}

void listeners_fini(struct listeners *listeners)
{
    close_all(listeners);
    wheel_cancel(&listeners->context->wheel, &listeners->pause);
}

static void pause_accepting(struct listeners *listeners)
{
    struct conn_context *context = listeners->context;
    counters_add(context->counters, COUNTER_ACCEPT_PAUSES, 1);
    wheel_arm(&context->wheel, &listeners->pause, context->now.ms + PAUSE_MS);
}

void listeners_resume(struct listeners *listeners)
{
    wheel_cancel(&listeners->context->wheel, &listeners->pause);
}

/* Whether this error of accept4 concerns one connection only, so that the next may be accepted.
 * accept(2): errors of the new socket's network are reported here. */
static bool accept_may_go_on(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM: /* a firewall's doing */
        return true;
    default:
        return false;
    }
}

bool listeners_take(struct listeners *listeners, const struct listener *listener, int fd)
{
    struct conn *conn = conn_table_open(listeners->conns, fd);
    if (!conn) {
        close(fd);
        pause_accepting(listeners);
        return false;
    }
    counters_add(listeners->context->counters, COUNTER_CONNECTIONS_ACCEPTED, 1);
    conn->session_index = listener->session_index & (SESSIONS_MAX - 1);
    conn->transport_index = listener->transport_index & (TRANSPORTS_MAX - 1);
    conn->origin = listener->origin & (CONN_ORIGINS_MAX - 1);
    conn->socket.readable = true; /* perhaps; to try is cheaper than to ask first */
    conn->socket.writable = true;
    list_append(listeners->accepted, &conn->queue);
    return true;
}

bool listeners_failed(struct listeners *listeners, int error)
{
    if (accept_may_go_on(error))
        return true;
    pause_accepting(listeners); /* EMFILE, ENFILE, ENOBUFS, ENOMEM: they wait in the queue */
    return false;
}

/* Whether a connection waits in LISTENER's queue. */
static bool has_pending(const struct listener *listener)
{
    struct pollfd event = {.fd = listener->fd, .events = POLLIN};
    return poll(&event, 1, 0) != 0;
}

static bool make_room(const struct listeners *listeners)
{
    return listeners->make_room && listeners->make_room(listeners->make_room_argument);
}

/* One connection from LISTENER. Whether it may be asked for another at once. */
static bool accept_one(struct listeners *listeners, struct listener *listener)
{
    const bool full = conn_table_full(listeners->conns);
    if (full && !has_pending(listener)) {
        listener->readable = false;
        return false;
    }
    if (full && !make_room(listeners)) {
        pause_accepting(listeners);
        return false;
    }
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        return listeners_take(listeners, listener, fd);
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        listener->readable = false;
        return false;
    }
    return listeners_failed(listeners, errno);
}

static void accept_from(struct listeners *listeners, struct listener *listener, unsigned budget)
{
    while (listener->readable && budget-- > 0 && accept_one(listeners, listener)) {
    }
}

void listeners_accept(struct listeners *listeners)
{
    for (unsigned i = 0; i < listeners->count && !listeners_paused(listeners); i++)
        accept_from(listeners, &listeners->items[i], ACCEPTS_PER_TURN);
}

void listeners_finish(struct listeners *listeners)
{
    listeners_resume(listeners);
    for (unsigned i = 0; i < listeners->count; i++) {
        listeners->items[i].readable = true;
        accept_from(listeners, &listeners->items[i], ACCEPTS_AT_END);
    }
    close_all(listeners);
    listeners_resume(listeners);
}

bool listeners_ready(const struct listeners *listeners)
{
    if (listeners_paused(listeners))
        return false;
    for (unsigned i = 0; i < listeners->count; i++) {
        if (listeners->items[i].readable)
            return true;
    }
    return false;
}
