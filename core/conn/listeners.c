/* listeners: see listeners.h. accept4(2). */
#include "conn/listeners.h"

#include "base/networks.h"
#include "system/net.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 64,   /* from one listener */
    EXCESS_PER_ACCEPT = 256, /* connections that are closed for one */
    ACCEPTS_AT_END = 65536,  /* the longest queue that listen(2) makes */
    PAUSE_MS = 100,          /* when descriptors are out and no connection ends */
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
    wheel_timer_init(&listeners->end, CONN_TIMER_LISTENERS);
}

static void close_all(struct listeners *listeners)
{
    for (unsigned i = 0; i < listeners->count; i++) {
        if (listeners->items[i].fd >= 0)
            close(listeners->items[i].fd);
    }
    listeners->count = 0;
    listeners->ending_count = 0;
    wheel_cancel(&listeners->context->wheel, &listeners->end);
}

void listeners_fini(struct listeners *listeners)
{
    close_all(listeners);
    listeners_resume(listeners);
}

static void pause_accepting(struct listeners *listeners)
{
    struct conn_context *context = listeners->context;
    counters_add(context->counters, COUNTER_ACCEPT_PAUSES, 1);
    wheel_arm(&context->wheel, &listeners->pause, context->now.ms + PAUSE_MS);
}

static void stop_waiting(struct listeners *listeners)
{
    if (listeners->waits)
        conn_pool_stop_waiting(listeners->conns->pool, listeners->conns->member);
    listeners->waits = false;
}

void listeners_resume(struct listeners *listeners)
{
    wheel_cancel(&listeners->context->wheel, &listeners->pause);
    stop_waiting(listeners);
}

/* --- Room for a connection -------------------------------------------------------------------- */

/* Whether a connection waits in LISTENER's queue. */
static bool has_pending(const struct listener *listener)
{
    struct pollfd event = {.fd = listener->fd, .events = POLLIN};
    return poll(&event, 1, 0) != 0;
}

static enum listeners_room make_room(const struct listeners *listeners)
{
    return listeners->make_room ? listeners->make_room(listeners->make_room_argument)
                                : LISTENERS_ROOM_NONE;
}

/* Pauses until a slot of the pool is free, unless one is by now: then it is reserved. ASKS: another
 * worker is asked to close an idle connection. */
static bool wait_for_slot(struct listeners *listeners, bool asks)
{
    struct conn_table *conns = listeners->conns;
    if (conns->pool) {
        listeners->waits = true;
        conn_pool_wait(conns->pool, conns->member);
        if (conn_table_reserve(conns)) {
            stop_waiting(listeners);
            return true;
        }
        if (asks)
            conn_pool_ask(conns->pool, conns->member);
    }
    pause_accepting(listeners);
    return false;
}

static bool is_overfull(const struct conn_table *conns)
{
    return conns->pool && conn_pool_excess(conns->pool) > 0;
}

/* Reserves a slot, if need be by closing an idle connection. False: accepting pauses. */
static bool reserve(struct listeners *listeners)
{
    struct conn_table *conns = listeners->conns;
    if (conn_table_reserve(conns))
        return true;
    /* After a reload with a lower limit several must go. */
    const bool overfull = is_overfull(conns);
    enum listeners_room room = make_room(listeners);
    for (unsigned i = 0; overfull && i < EXCESS_PER_ACCEPT && room == LISTENERS_ROOM_NOW &&
                         !conn_table_reserve(conns);
         i++)
        room = make_room(listeners);
    if (room == LISTENERS_ROOM_NOW && conn_table_reserve(conns))
        return true;
    return wait_for_slot(listeners, room == LISTENERS_ROOM_NONE);
}

/* --- Accepting -------------------------------------------------------------------------------- */

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

/* The peer of a connection that has just been accepted. */
struct arrival {
    bool trusted; /* it is a trusted proxy */
    bool is_unix; /* it came by a Unix socket */
    uint64_t key; /* by which it is counted */
};

/* Finds out what LISTENERS need to know of the peer of FD. */
static struct arrival arrive(const struct listeners *listeners, int fd)
{
    const struct networks *trusted = listeners->context->trusted;
    struct arrival arrival = {.key = CONN_ADDRESS_NONE};
    struct socket socket;
    struct endpoint peer;
    socket_init(&socket, fd);
    socket_peer(&socket, &peer);
    arrival.trusted = trusted && networks_have(trusted, &peer);
    arrival.is_unix = peer.version == ENDPOINT_UNIX;
    if (!arrival.trusted) /* a proxy's connections are those of many clients */
        arrival.key = conn_addresses_key(&peer);
    return arrival;
}

/* Whether the peer may say by a PROXY header whose connection it is: on a Unix socket, the mode of
 * the file has decided that. */
static bool may_speak_for_others(const struct arrival *arrival)
{
    return arrival->trusted || arrival->is_unix;
}

/* Closes FD with a reset: nothing of it is left in the kernel, which would keep an orderly close
 * for a minute, and unread input would lead to a reset anyway. */
static void refuse(struct listeners *listeners, int fd, enum counter reason)
{
    struct socket socket;
    socket_init(&socket, fd);
    socket_abort(&socket);
    close(fd);
    counters_add(listeners->context->counters, reason, 1);
}

/* Bounds what the sockets of new connections hold unsent, by the number of those that are open.
 * Accepted sockets inherit it. */
static void bound_unsent(struct listeners *listeners)
{
    struct conn_context *context = listeners->context;
    const uint32_t before = context->unsent_bound;
    const uint32_t now = unsent_bound(&context->unsent, listeners->conns->open_count, before);
    if (now == before)
        return;
    for (unsigned i = 0; i < listeners->count; i++) {
        if (listeners->items[i].fd >= 0)
            net_bound_unsent(listeners->items[i].fd, now);
    }
    context->unsent_bound = now;
}

bool listeners_take(struct listeners *listeners, const struct listener *listener, int fd)
{
    struct conn_table *conns = listeners->conns;
    const struct conn_context *context = listeners->context;
    const bool proxied = listener->transport_index == TRANSPORT_PROXY;
    struct arrival arrival = {.key = CONN_ADDRESS_NONE};
    if (!reserve(listeners)) {
        refuse(listeners, fd, COUNTER_CONNECTIONS_REFUSED);
        return false;
    }
    if (conns->addresses || context->trusted || proxied)
        arrival = arrive(listeners, fd);
    if (proxied && !may_speak_for_others(&arrival)) {
        refuse(listeners, fd, COUNTER_CONNECTIONS_REFUSED_PROXY);
        return true;
    }
    if (conns->addresses && !conn_addresses_take(conns->addresses, arrival.key)) {
        refuse(listeners, fd, COUNTER_CONNECTIONS_REFUSED_ADDRESS);
        return true;
    }
    struct conn *conn = conn_table_open(conns, fd);
    if (!conn) {
        if (conns->addresses)
            conn_addresses_give(conns->addresses, arrival.key);
        refuse(listeners, fd, COUNTER_CONNECTIONS_REFUSED);
        pause_accepting(listeners);
        return false;
    }
    if (conns->addresses)
        conn_table_counted(conns, conn, arrival.key);
    counters_add(listeners->context->counters, COUNTER_CONNECTIONS_ACCEPTED, 1);
    conn->session_index = listener->session_index & (SESSIONS_MAX - 1);
    conn->transport_index = listener->transport_index & (TRANSPORTS_MAX - 1);
    conn->origin = listener->origin & (CONN_ORIGINS_MAX - 1);
    if (arrival.trusted && !proxied)
        conn->origin = conn_origin(context, conn)->twins[ORIGIN_TRUSTED] & (CONN_ORIGINS_MAX - 1);
    conn->socket.readable = true; /* perhaps; to try is cheaper than to ask first */
    conn->socket.writable = true;
    list_append(listeners->accepted, &conn->queue);
    bound_unsent(listeners);
    return true;
}

bool listeners_failed(struct listeners *listeners, int error)
{
    if (accept_may_go_on(error))
        return true;
    pause_accepting(listeners); /* EMFILE, ENFILE, ENOBUFS, ENOMEM: they wait in the queue */
    return false;
}

/* One connection from LISTENER. Whether it may be asked for another at once. */
static bool accept_one(struct listeners *listeners, struct listener *listener)
{
    if (!conn_table_reserve(listeners->conns) && !has_pending(listener)) {
        listener->readable = false;
        return false;
    }
    if (!reserve(listeners))
        return false;
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
    conn_table_unreserve(listeners->conns);
}

void listeners_accept(struct listeners *listeners)
{
    for (unsigned i = 0; i < listeners->count && !listeners_paused(listeners); i++) {
        if (listeners->items[i].readable)
            accept_from(listeners, &listeners->items[i], ACCEPTS_PER_TURN);
    }
}

/* Accepts all that LISTENER has queued; it may be closed. */
static void accept_all(struct listeners *listeners, struct listener *listener)
{
    if (listener->fd < 0)
        return;
    listener->readable = true;
    accept_from(listeners, listener, ACCEPTS_AT_END);
    listener->readable = false;
}

void listeners_finish(struct listeners *listeners)
{
    listeners_resume(listeners);
    for (unsigned i = 0; i < listeners->count; i++)
        accept_all(listeners, &listeners->items[i]);
    close_all(listeners);
    listeners_resume(listeners);
}

void listeners_give_up(struct listeners *listeners, unsigned index)
{
    struct listener *listener = &listeners->items[index];
    listeners_resume(listeners);
    accept_all(listeners, listener);
    close(listener->fd);
    listener->fd = -1;
    if (listener->phase != LISTENER_STAYS)
        listeners->ending_count--;
    listener->phase = LISTENER_STAYS;
}

unsigned listeners_add(struct listeners *listeners, const struct listener *listener)
{
    const uint32_t bound = listeners->context->unsent_bound;
    unsigned index = 0;
    while (index < listeners->count && listeners->items[index].fd >= 0)
        index++;
    assert(index < LISTENERS_PLACES);
    listeners->items[index] = *listener;
    if (index == listeners->count)
        listeners->count++;
    if (bound > 0)
        net_bound_unsent(listener->fd, bound);
    return index;
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
