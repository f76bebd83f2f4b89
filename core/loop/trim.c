/* trim: see trim.h. */
#include "loop/trim.h"

#include "system/memory.h"

enum { QUIET_MS = 1000 };

void trim_init(struct trim *trim, struct conn_context *context, const struct conn_table *conns)
{
    *trim = (struct trim){.context = context, .conns = conns};
    wheel_timer_init(&trim->timer, CONN_TIMER_TRIM);
}

void trim_fini(struct trim *trim)
{
    wheel_cancel(&trim->context->wheel, &trim->timer);
}

void trim_begin(struct trim *trim)
{
    trim->seen_bytes = trim_freed(trim);
    wheel_arm(&trim->context->wheel, &trim->timer, trim->context->now.ms + QUIET_MS);
}

void trim_expired(struct trim *trim)
{
    if (trim_freed(trim) != trim->seen_bytes) {
        trim_begin(trim);
        return;
    }
    conn_storage_shrink(trim->context);
    memory_trim();
    trim->trimmed_bytes = trim_freed(trim);
}
