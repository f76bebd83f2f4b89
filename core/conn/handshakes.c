/* handshakes: see handshakes.h. */
#include "conn/handshakes.h"

#include "conn/conn.h"

void handshakes_init(struct handshakes *handshakes)
{
    *handshakes = (struct handshakes){.count_max = HANDSHAKES_MAX};
    list_init(&handshakes->going_on);
    list_init(&handshakes->waiting);
    wheel_timer_init(&handshakes->timer, CONN_TIMER_HANDSHAKES);
}

static void watch(struct conn_context *context)
{
    struct handshakes *handshakes = &context->handshakes;
    if (!wheel_armed(&handshakes->timer))
        wheel_arm(&context->wheel, &handshakes->timer, context->now.ms + HANDSHAKES_CHECK_MS);
}

bool handshakes_may_begin(struct conn_context *context, struct conn *conn)
{
    struct handshakes *handshakes = &context->handshakes;
    if (handshakes->count < handshakes->count_max) {
        list_remove(&conn->holding); /* it may have waited */
        return true;
    }
    conn->postponed = true;
    if (!list_linked(&conn->holding)) /* else its place is that of its arrival */
        list_prepend(&handshakes->waiting, &conn->holding);
    watch(context);
    return false;
}

void handshakes_begin(struct conn_context *context, struct conn *conn)
{
    context->handshakes.count++;
    conn->shaking = true;
    conn->shaking_since_ms = context->now.ms;
    list_append(&context->handshakes.going_on, &conn->holding);
}

void handshakes_end(struct conn_context *context, struct conn *conn)
{
    struct handshakes *handshakes = &context->handshakes;
    if (conn->shaking) {
        conn->shaking = false;
        conn->lent_at = "";
        list_remove(&conn->holding);
        handshakes->count--;
    }
    if (handshakes->count >= handshakes->count_max)
        return;
    struct list *node = list_take_first(&handshakes->waiting);
    if (node)
        conn_postpone(context, CONTAINER_OF(node, struct conn, holding));
}

void handshakes_expired(struct conn_context *context)
{
    context->handshakes.closable = HANDSHAKES_CLOSED_MAX;
    if (!list_is_empty(&context->handshakes.waiting))
        watch(context);
}

struct conn *handshakes_next(struct conn_context *context)
{
    struct handshakes *handshakes = &context->handshakes;
    if (list_is_empty(&handshakes->waiting) || list_is_empty(&handshakes->going_on) ||
        handshakes->closable == 0)
        return NULL;
    struct conn *oldest = CONTAINER_OF(handshakes->going_on.next, struct conn, holding);
    if (oldest->shaking_since_ms + HANDSHAKES_PATIENCE_MS > context->now.ms)
        return NULL;
    handshakes->closable--;
    return oldest;
}
