/* retry: see retry.h. */
#include "loop/retry.h"

void retry_init(struct retry *retry, struct conn_context *context)
{
    *retry = (struct retry){.context = context};
    wheel_timer_init(&retry->timer, CONN_TIMER_RETRY);
    for (unsigned i = 0; i < SOCKET_SPURIOUS_MAX; i++)
        list_init(&retry->levels[i]);
}

void retry_fini(struct retry *retry)
{
    wheel_cancel(&retry->context->wheel, &retry->timer);
}

static void arm(struct retry *retry)
{
    struct conn_context *context = retry->context;
    wheel_arm(&context->wheel, &retry->timer, context->now.ms + WHEEL_TICK_MS);
}

void retry_later(struct retry *retry, struct conn *conn)
{
    bool has_turn = list_linked(&conn->queue) && !conn->no_storage;
    /* Pinned: a send is with the kernel, and the connection gets a turn when that ends. */
    if (has_turn || conn->pinned || conn->socket.writable || !conn_has_unsent(conn))
        return;
    list_remove(&conn->queue);
    list_append(&retry->levels[conn->socket.spurious - 1], &conn->queue);
    if (!wheel_armed(&retry->timer))
        arm(retry);
}

static void release(struct list *level, struct list *run)
{
    struct list *node;
    while ((node = list_take_first(level))) {
        socket_try_again(&CONTAINER_OF(node, struct conn, queue)->socket);
        list_append(run, node);
    }
}

void retry_expired(struct retry *retry, struct list *run)
{
    bool waiting = false;
    retry->tick++;
    for (unsigned i = 0; i < SOCKET_SPURIOUS_MAX; i++) {
        struct list *level = &retry->levels[i];
        if (retry->tick % (1u << i) == 0)
            release(level, run);
        waiting = waiting || !list_is_empty(level);
    }
    if (waiting)
        arm(retry);
}
