/* conn_counts: see conn_counts.h. */
#include "conn/conn_counts.h"

#include "base/clock.h"
#include "conn/conn.h"

/* --- Durations -------------------------------------------------------------------------------- */

void conn_timing_init(struct conn_timing *timing)
{
    *timing = (struct conn_timing){.left = 1, .interval = 1};
}

/* Sets the distance to the next answer that is timed, so that about one in a millisecond is. */
static void pace(struct conn_timing *timing, uint64_t now_ms)
{
    if (now_ms == timing->timed_ms && timing->interval < CONN_TIMING_INTERVAL_MAX)
        timing->interval = 2 * timing->interval + 1;
    else if (now_ms > timing->timed_ms + 1 && timing->interval > 1)
        timing->interval /= 2;
    timing->timed_ms = now_ms;
    timing->left = timing->interval;
}

/* Times an answer that is sent in the turn in which its request came. */
__attribute__((noinline)) static void count_quick(struct conn_context *context)
{
    struct conn_timing *timing = &context->timing;
    const uint64_t us = timing->clock_us ? timing->clock_us() - clock_read_us(&context->now) : 0;
    const uint64_t responses = counters_read(context->counters, COUNTER_RESPONSES);
    durations_add(&context->counters->durations, us, responses - timing->counted);
    timing->counted = responses;
    pace(timing, context->now.ms);
}

/* Out of line: conn_sent needs few registers without it. */
__attribute__((noinline)) void conn_counts_answers(struct conn_context *context, struct conn *conn,
                                                   unsigned count)
{
    const uint32_t now_ms = (uint32_t)context->now.ms;
    if (conn->phase < CONN_PHASE_JOB || conn->busy_since_ms == now_ms) {
        if (context->timing.left == 0)
            count_quick(context);
        return;
    }
    durations_add(&context->counters->durations, (uint64_t)(now_ms - conn->busy_since_ms) * 1000,
                  count);
    context->timing.counted += count;
    conn->busy_since_ms = now_ms;
}

/* --- Phases ----------------------------------------------------------------------------------- */

/* The gauge of the connections in PHASE. */
static enum counter gauge_of(enum conn_phase phase)
{
    static const enum counter gauges[] = {
        [CONN_PHASE_HANDSHAKE] = COUNTER_OPEN_HANDSHAKING,
        [CONN_PHASE_FIRST] = COUNTER_OPEN_IDLE,
        [CONN_PHASE_IDLE] = COUNTER_OPEN_IDLE,
        [CONN_PHASE_HEAD] = COUNTER_OPEN_READING,
        [CONN_PHASE_BODY] = COUNTER_OPEN_READING,
        [CONN_PHASE_JOB] = COUNTER_OPEN_WAITING,
        [CONN_PHASE_STORAGE] = COUNTER_OPEN_WAITING,
        [CONN_PHASE_SEND] = COUNTER_OPEN_WRITING,
        [CONN_PHASE_LINGER] = COUNTER_OPEN_CLOSING,
    };
    static_assert(COUNT_OF(gauges) == CONN_PHASE_LINGER + 1, "a gauge for each phase");
    return gauges[phase];
}

/* Adds CHANGE, 1 or -1, to the connections in PHASE. */
static void count_phase(const struct conn_context *context, enum conn_phase phase, int change)
{
    if (phase != CONN_PHASE_NONE)
        counters_add(context->counters, gauge_of(phase), (uint64_t)(int64_t)change);
}

void conn_counts_entered(const struct conn_context *context, struct conn *conn, unsigned before)
{
    count_phase(context, before, -1);
    count_phase(context, conn->phase, 1);
    if (conn->phase >= CONN_PHASE_JOB && before < CONN_PHASE_JOB)
        conn->busy_since_ms = (uint32_t)context->now.ms;
}

void conn_counts_ended(const struct conn_context *context, const struct conn *conn)
{
    count_phase(context, conn->phase, -1);
}
