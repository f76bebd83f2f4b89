/* loop_listeners: other listeners for a loop that runs; see loop.h. */
#include "loop/loop.h"
#include "observe/log.h"

#include <string.h>

/* The one of COUNT listeners of WANTED with descriptor FD, or NULL. */
static const struct listener *find(const struct listener *wanted, unsigned count, int fd)
{
    for (unsigned i = 0; i < count; i++) {
        if (wanted[i].fd == fd)
            return &wanted[i];
    }
    return NULL;
}

/* Adds LISTENER, unless the loop has it. */
static void add(struct loop *loop, const struct listener *listener)
{
    struct listeners *listeners = &loop->listeners;
    if (find(listeners->items, listeners->count, listener->fd))
        return;
    const unsigned index = listeners_add(listeners, listener);
    const int error = loop->engine->add_listener ? loop->engine->add_listener(loop, index) : 0;
    if (error)
        log_write(LOG_LEVEL_ERROR, "a worker cannot watch a new listener: %s", strerror(-error));
}

static void give_up(struct loop *loop, unsigned index)
{
    loop->engine->give_up_listener(loop, index);
}

/* Ends listener INDEX. If too many end already, the first of them goes at once. */
static void end(struct loop *loop, unsigned index)
{
    struct listeners *listeners = &loop->listeners;
    if (listeners->ending_count == LISTENERS_ENDING_MAX)
        give_up(loop, listeners_first_ending(listeners));
    if (!listeners_end(listeners, index))
        give_up(loop, index);
}

void loop_end_listeners(struct loop *loop)
{
    unsigned index;
    bool any = false;
    while ((index = listeners_next_ended(&loop->listeners)) != LISTENERS_NONE) {
        give_up(loop, index);
        any = true;
    }
    if (any && loop->change)
        loop_order(loop, LOOP_ORDER_CHANGE);
}

void loop_set_listeners(struct loop *loop, const struct listener *wanted, unsigned count)
{
    struct listeners *listeners = &loop->listeners;
    assert(!loop->context->draining);
    for (unsigned i = 0; i < listeners->count; i++) {
        struct listener *listener = &listeners->items[i];
        if (listener->fd < 0 || listener->phase != LISTENER_STAYS)
            continue;
        const struct listener *next = find(wanted, count, listener->fd);
        if (!next) {
            end(loop, i);
            continue;
        }
        listener->session_index = next->session_index;
        listener->transport_index = next->transport_index;
        listener->origin = next->origin;
        listener->shared = next->shared;
    }
    for (unsigned i = 0; i < count; i++)
        add(loop, &wanted[i]);
}
