/* conn_rate: see conn_rate.h. */
#include "conn/conn_rate.h"

#include "system/tcp_progress.h"

#include <errno.h>
#include <stdlib.h>

int conn_rates_init(struct conn_rates *rates, uint32_t slot_max, uint32_t bytes_per_second)
{
    *rates = (struct conn_rates){
        .bytes_per_second = bytes_per_second,
        .window_ms = CONN_RATE_WINDOW_MS,
        .check_ms = CONN_RATE_CHECK_MS,
        /* calloc: untouched pages of a large table cost no memory. */
        .samples = calloc(slot_max, sizeof rates->samples[0]),
    };
    wheel_timer_init(&rates->timer, CONN_TIMER_RATE);
    return rates->samples ? 0 : -ENOMEM;
}

void conn_rates_fini(struct conn_rates *rates, struct wheel *wheel)
{
    wheel_cancel(wheel, &rates->timer);
    free(rates->samples);
    rates->samples = NULL;
}

/* --- When to check ---------------------------------------------------------------------------- */

static void arm(struct conn_context *context)
{
    struct conn_rates *rates = context->rates;
    wheel_arm(&context->wheel, &rates->timer, context->now.ms + rates->check_ms / CONN_RATE_PARTS);
}

static bool is_checked(const struct conn *conn)
{
    return conn->phase == CONN_PHASE_SEND || conn->phase == CONN_PHASE_BODY ||
           conn->awaits_delivery;
}

void conn_rates_entered(struct conn_context *context, struct conn *conn)
{
    if (!context->rates || !is_checked(conn))
        return;
    if (conn->phase == CONN_PHASE_BODY)
        conn->sampled = false; /* time has passed that does not count */
    context->rates->found = true;
    if (!wheel_armed(&context->rates->timer))
        arm(context);
}

void conn_rates_checked(struct conn_context *context)
{
    struct conn_rates *rates = context->rates;
    rates->part = (rates->part + 1) % CONN_RATE_PARTS;
    bool goes_on = rates->part > 0 || rates->found;
    if (rates->part == 0)
        rates->found = false;
    if (goes_on)
        arm(context);
}

/* --- Rates ------------------------------------------------------------------------------------ */

bool conn_rate_judge(const struct conn_rates *rates, struct conn_rate_sample *sample,
                     uint64_t bytes, uint64_t ms)
{
    const uint64_t moved = bytes - sample->bytes, took_ms = ms - sample->ms;
    const bool pauses = bytes == sample->seen_bytes;
    sample->seen_bytes = bytes;
    if (took_ms < rates->window_ms || pauses)
        return false;
    if (moved * 1000 < rates->bytes_per_second * took_ms) {
        bool again = sample->low;
        sample->low = true; /* a peer that has just gone on after a pause will be quick by then */
        return again;
    }
    sample->bytes = bytes;
    sample->ms = ms;
    sample->low = false;
    return false;
}

bool conn_rates_is_low(struct conn_context *context, struct conn *conn)
{
    struct conn_rates *rates = context->rates;
    struct tcp_progress progress;
    if (!is_checked(conn) || conn_is_over(conn))
        return false;
    if (conn->awaits_delivery && conn_transport(context, conn)->delivered(conn)) {
        conn->awaits_delivery = false;
        return false;
    }
    rates->found = true;
    if (tcp_progress_read(conn->socket.fd, &progress) < 0)
        return false;
    const bool receives = conn->phase == CONN_PHASE_BODY;
    const uint64_t bytes = receives ? progress.received_bytes : progress.acknowledged_bytes;
    const uint64_t ms = receives ? context->now.ms : progress.busy_ms;
    struct conn_rate_sample *sample = &rates->samples[conn->slot];
    if (conn->sampled && sample->receives == receives)
        return conn_rate_judge(rates, sample, bytes, ms);
    *sample = (struct conn_rate_sample){
        .bytes = bytes, .ms = ms, .seen_bytes = bytes, .receives = receives};
    conn->sampled = true;
    return false;
}
