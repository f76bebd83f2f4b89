/* clock: reading the clocks: monotonic time for deadlines and ages, wall-clock time for HTTP dates.
 *
 * Owns nothing. The event loop reads the clocks once a turn into its struct date_now (date.h) and
 * hands that down; other code takes the time as an argument. clock_gettime(2). */
#ifndef SLUICE_CLOCK_H
#define SLUICE_CLOCK_H

#include "base/date.h"

#include <time.h>

/* TIME in milliseconds. */
static inline uint64_t clock_ms(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000 + (uint64_t)time->tv_nsec / 1000000;
}

/* Milliseconds since some moment in the past, never set back. They stop while the machine is
 * suspended. */
static inline uint64_t clock_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return clock_ms(&now);
}

/* The same clock in microseconds. */
static inline uint64_t clock_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Microseconds since 1970-01-01T00:00:00Z. */
static inline uint64_t clock_wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* When clock_read was last called for NOW, by clock_monotonic_us. */
static inline uint64_t clock_read_us(const struct date_now *now)
{
    return (uint64_t)now->clock_seconds * 1000000 + (uint64_t)now->clock_ns / 1000;
}

/* Sets NOW from both clocks; see date_now_set. The wall clock may lag by a tick (4 ms or so). */
static inline void clock_read(struct date_now *now)
{
    struct timespec wall, monotonic;
    clock_gettime(CLOCK_REALTIME_COARSE, &wall);
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    now->clock_seconds = monotonic.tv_sec;
    now->clock_ns = monotonic.tv_nsec;
    date_now_set(now, clock_ms(&monotonic), wall.tv_sec);
}

#endif
