/* uring_listen: see uring_listen.h. */
#include "loop/uring_listen.h"

#ifdef SLUICE_HAVE_LIBURING

#include <errno.h>
#include <poll.h>

static void hear(struct uring_listen *listen, unsigned index, enum uring_hearing how)
{
    int fd = listen->listeners->items[index].fd;
    bool asked = how == URING_HEARS_ALL
                     ? uring_ask_accept(listen->uring, fd,
                                        conn_table_identity(listen->opcode_accept, index, 0))
                     : uring_ask_poll(listen->uring, fd, POLLIN, false,
                                      conn_table_identity(listen->opcode_knock, index, 0));
    if (asked)
        listen->hearing[index] = how;
    listen->hushing[index] = false;
}

static void hush(struct uring_listen *listen, unsigned index)
{
    bool all = listen->hearing[index] == URING_HEARS_ALL;
    unsigned opcode = all ? listen->opcode_accept : listen->opcode_knock;
    if (!listen->hushing[index])
        listen->hushing[index] =
            uring_ask_cancel(listen->uring, conn_table_identity(opcode, index, 0),
                             conn_table_identity(listen->opcode_hush, index, 0));
}

/* A multishot accept stops by itself when the completion queue is full. */
static bool has_room(const struct uring_listen *listen)
{
    const struct conn_table *conns = listen->listeners->conns;
    return conns->slot_max - conns->open_count > listen->uring->sizes.completions;
}

void uring_listen(struct uring_listen *listen)
{
    const struct listeners *listeners = listen->listeners;
    bool room = has_room(listen), paused = listeners_paused(listeners);
    for (unsigned i = 0; i < listeners->count; i++) {
        if (listen->hearing[i] == URING_HEARS_ALL && !room)
            hush(listen, i);
        else if (listen->hearing[i] == URING_HEARS_NOT && !paused && !listeners->items[i].readable)
            hear(listen, i, room ? URING_HEARS_ALL : URING_HEARS_KNOCK);
    }
}

bool uring_listen_end(struct uring_listen *listen)
{
    bool any = false;
    for (unsigned i = 0; i < listen->listeners->count; i++) {
        if (listen->hearing[i] != URING_HEARS_NOT) {
            hush(listen, i);
            any = true;
        }
    }
    return any;
}

void uring_listen_accepted(struct uring_listen *listen, unsigned index, int result, bool goes_on)
{
    if (!goes_on)
        listen->hearing[index] = URING_HEARS_NOT;
    if (result >= 0)
        listeners_take(listen->listeners, result);
    else if (result != -ECANCELED)
        listeners_failed(listen->listeners, -result);
}

void uring_listen_knocked(struct uring_listen *listen, unsigned index, int result)
{
    listen->hearing[index] = URING_HEARS_NOT;
    if (result > 0)
        listen->listeners->items[index].readable = true;
}

void uring_listen_not_hushed(struct uring_listen *listen, unsigned index)
{
    listen->hushing[index] = false; /* it is just being worked on, or done: once more */
}

#endif
