/* kept_output: see kept_output.h. */
#include "conn/kept_output.h"

#include "conn/conn_phase.h"

void kept_output_init(struct kept_output *kept, uint64_t bytes_max)
{
    *kept = (struct kept_output){.bytes_max = bytes_max};
    list_init(&kept->stalled);
    wheel_timer_init(&kept->timer, CONN_TIMER_KEPT);
}

static void watch(struct conn_context *context)
{
    struct kept_output *kept = &context->kept;
    if (kept->bytes > kept->bytes_max && !wheel_armed(&kept->timer))
        wheel_arm(&context->wheel, &kept->timer, context->now.ms + KEPT_CHECK_MS);
}

void kept_output_add(struct conn_context *context, size_t bytes)
{
    context->kept.bytes += bytes;
    watch(context);
}

void kept_output_remove(struct conn_context *context, size_t bytes)
{
    context->kept.bytes -= bytes;
}

void kept_output_expired(struct conn_context *context)
{
    context->kept.checkable = KEPT_CHECKED_MAX;
    watch(context);
}

struct conn *kept_output_next(struct conn_context *context)
{
    struct kept_output *kept = &context->kept;
    while (kept->bytes > kept->bytes_max && !list_is_empty(&kept->stalled) && kept->checkable > 0) {
        struct conn *first = CONTAINER_OF(kept->stalled.next, struct conn, holding);
        if (conn_phase_since_ms(context, first) + KEPT_PATIENCE_MS > context->now.ms)
            return NULL;
        kept->checkable--;
        if (conn_transport(context, first)->stalled_ms(first) >= KEPT_PATIENCE_MS)
            return first;
        list_remove(&first->holding); /* its peer reads: after all others */
        list_append(&kept->stalled, &first->holding);
    }
    return NULL;
}
