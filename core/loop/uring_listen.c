/* uring_listen: see uring_listen.h. */
#include "loop/uring_listen.h"

#ifdef SLUICE_HAVE_LIBURING

#include <errno.h>
#include <poll.h>

static void start(struct uring_listen *listen, unsigned index, enum uring_listen_request request)
{
    int fd = listen->listeners->items[index].fd;
    bool asked = request == URING_LISTEN_ACCEPT
                     ? uring_ask_accept(listen->uring, fd,
                                        conn_table_identity(listen->opcode_accept, index, 0))
                     : uring_ask_poll(listen->uring, fd, POLLIN,
                                      conn_table_identity(listen->opcode_poll, index, 0));
    if (asked)
        listen->requests[index] = request;
    listen->cancelling[index] = false;
}

static void cancel(struct uring_listen *listen, unsigned index)
{
    bool accepts = listen->requests[index] == URING_LISTEN_ACCEPT;
    unsigned opcode = accepts ? listen->opcode_accept : listen->opcode_poll;
    if (!listen->cancelling[index])
        listen->cancelling[index] =
            uring_ask_cancel(listen->uring, conn_table_identity(opcode, index, 0),
                             conn_table_identity(listen->opcode_cancel, index, 0));
}

/* Whether a multishot accept of each worker cannot exceed the slots: it stops by itself when the
 * completion queue is full. */
static bool has_room(const struct uring_listen *listen)
{
    return conn_table_room(listen->listeners->conns) > listen->uring->sizes.completions;
}

void uring_listen_update(struct uring_listen *listen)
{
    const struct listeners *listeners = listen->listeners;
    bool room = has_room(listen), paused = listeners_paused(listeners);
    for (unsigned i = 0; i < listeners->count; i++) {
        if (listen->requests[i] == URING_LISTEN_ACCEPT && !room)
            cancel(listen, i);
        else if (listen->requests[i] == URING_LISTEN_NOTHING && !paused &&
                 listeners->items[i].fd >= 0 && !listeners->items[i].readable)
            start(listen, i, room ? URING_LISTEN_ACCEPT : URING_LISTEN_POLL);
    }
}

bool uring_listen_stop(struct uring_listen *listen, unsigned index)
{
    if (listen->requests[index] == URING_LISTEN_NOTHING)
        return false;
    cancel(listen, index);
    return true;
}

bool uring_listen_end(struct uring_listen *listen)
{
    bool any = false;
    for (unsigned i = 0; i < listen->listeners->count; i++)
        any = uring_listen_stop(listen, i) || any;
    return any;
}

void uring_listen_accepted(struct uring_listen *listen, unsigned index, int result, bool goes_on)
{
    if (!goes_on)
        listen->requests[index] = URING_LISTEN_NOTHING;
    if (result >= 0)
        listeners_take(listen->listeners, &listen->listeners->items[index], result);
    else if (result != -ECANCELED)
        listeners_failed(listen->listeners, -result);
    conn_table_unreserve(listen->listeners->conns); /* a connection that was refused has none */
}

void uring_listen_polled(struct uring_listen *listen, unsigned index, int result)
{
    listen->requests[index] = URING_LISTEN_NOTHING;
    if (result > 0)
        listen->listeners->items[index].readable = true;
}

void uring_listen_cancel_failed(struct uring_listen *listen, unsigned index)
{
    listen->cancelling[index] = false; /* the request is being executed or done: try again */
}

#endif
