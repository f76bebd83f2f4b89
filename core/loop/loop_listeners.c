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

void loop_set_listeners(struct loop *loop, const struct listener *wanted, unsigned count)
{
    struct listeners *listeners = &loop->listeners;
    if (loop->context->draining)
        return;
    for (unsigned i = 0; i < listeners->count; i++) {
        struct listener *listener = &listeners->items[i];
        if (listener->fd < 0)
            continue;
        const struct listener *next = find(wanted, count, listener->fd);
        if (!next) {
            loop->engine->give_up_listener(loop, i);
            continue;
        }
        listener->session_index = next->session_index;
        listener->transport_index = next->transport_index;
        listener->origin = next->origin;
    }
    for (unsigned i = 0; i < count; i++)
        add(loop, &wanted[i]);
}
