/* listeners_end: listeners that go while their clients come to them; see listeners.h and
 * system/listener_end.h.
 *
 * A listener ends in two phases, each for a time of its own: it is accepted from as before, then
 * the kernel ignores new clients. One timer serves all of a worker's. */
#include "conn/listeners.h"
#include "system/listener_end.h"

/* Begins PHASE, which takes MS. */
static void begin_phase(struct listeners *listeners, struct listener *listener,
                        enum listener_phase phase, unsigned ms)
{
    listener->phase = phase;
    listener->phase_end_ms = listeners->context->now.ms + ms;
}

static bool is_ending(const struct listener *listener)
{
    return listener->fd >= 0 && listener->phase != LISTENER_STAYS;
}

unsigned listeners_first_ending(const struct listeners *listeners)
{
    unsigned first = LISTENERS_NONE;
    for (unsigned i = 0; i < listeners->count; i++) {
        const struct listener *listener = &listeners->items[i];
        if (is_ending(listener) && (first == LISTENERS_NONE ||
                                    listener->phase_end_ms < listeners->items[first].phase_end_ms))
            first = i;
    }
    return first;
}

static void arm(struct listeners *listeners)
{
    struct wheel *wheel = &listeners->context->wheel;
    const unsigned first = listeners_first_ending(listeners);
    wheel_cancel(wheel, &listeners->end);
    if (first != LISTENERS_NONE)
        wheel_arm(wheel, &listeners->end, listeners->items[first].phase_end_ms);
}

bool listeners_end(struct listeners *listeners, unsigned index)
{
    struct listener *listener = &listeners->items[index];
    if (listener->shared || !listener_end_begin(listener->fd))
        return false;
    begin_phase(listeners, listener, LISTENER_ENDS, LISTENER_END_MS);
    listeners->ending_count++;
    arm(listeners);
    return true;
}

unsigned listeners_next_ended(struct listeners *listeners)
{
    const uint64_t now_ms = listeners->context->now.ms;
    for (unsigned i = 0; i < listeners->count; i++) {
        struct listener *listener = &listeners->items[i];
        if (!is_ending(listener) || now_ms < listener->phase_end_ms)
            continue;
        if (listener->phase == LISTENER_REFUSES)
            return i;
        listener_end_refuse(listener->fd);
        begin_phase(listeners, listener, LISTENER_REFUSES, LISTENER_END_REFUSES_MS);
    }
    arm(listeners);
    return LISTENERS_NONE;
}
