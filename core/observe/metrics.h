/* metrics: the workers' counters, summed, for people.
 *
 * Owns nothing. Reading is safe at any time while the workers run; see counters.h. */
#ifndef SLUICE_METRICS_H
#define SLUICE_METRICS_H

#include "observe/counters.h"

enum {
    METRICS_LINE_BYTES = 128,
    METRICS_REASONS_BYTES = 1280,
};

struct metrics {
    uint64_t value[COUNTER_COUNT]; /* indexed by enum counter */
};

/* Adds what one worker has counted so far to SUM, which begins as zeroes. */
void metrics_add(struct metrics *sum, const struct counters *counters);

/* Writes "served 1,234 responses, 5.6 MiB, on 78 connections" and a NUL. */
void metrics_summary(const struct metrics *sum, char to[static METRICS_LINE_BYTES]);

/* Writes how many connections were refused, or closed before their time, by reason: "12 idle for
 * --idle-timeout, 3 slower than --min-rate", and a NUL. "": no such connection. */
void metrics_reasons(const struct metrics *sum, char to[static METRICS_REASONS_BYTES]);

#endif
