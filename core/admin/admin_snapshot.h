/* admin_snapshot: what all workers have counted, at one moment, and what is known of the process.
 *
 * Plain values, which the server takes from its counters, and a client from the text of /metrics.
 * A worker may have counted one thing and not yet another that belongs to it. */
#ifndef SLUICE_ADMIN_SNAPSHOT_H
#define SLUICE_ADMIN_SNAPSHOT_H

#include "base/str.h"
#include "observe/counters.h"
#include "observe/site_counts.h"

#include <stdio.h>

enum { ADMIN_NAME_BYTES = 32 };

struct admin_worker {
    uint64_t value[COUNTER_COUNT]; /* by enum counter; hits of memos are among those of the cache */
    uint64_t requests[COUNTED_METHODS][HTTP_STATUS_SLOTS];
    struct durations_sum durations;
};

/* A site that has had requests. */
struct admin_site {
    char *name;
    struct site_sum sum;
};

struct admin_snapshot {
    char program[ADMIN_NAME_BYTES];
    char version[ADMIN_NAME_BYTES];
    char backend[ADMIN_NAME_BYTES];
    double started; /* POSIX time in seconds */
    uint64_t connections_max;
    uint64_t cache_bytes_max;
    uint64_t reloads_done;
    uint64_t reloads_refused;
    uint64_t last_reload_good; /* 1: it was done; 0: it was refused */
    uint64_t last_reload_s;    /* POSIX time of the last one that was done, or of the start */
    bool draining;
    unsigned worker_count;
    struct admin_worker *workers;
    unsigned site_count;
    struct admin_site *sites; /* in no order */
};

/* Writes the first line of TEXT, which may be of another program, to the ROOM bytes at TO, as far
 * as it fits, and a NUL. Bytes that a terminal may obey become '?'. */
void admin_text(struct str text, char *to, size_t room);

/* Writes TEXT in double quotes, as a string of JSON and as the value of a label of Prometheus. */
void admin_quote(FILE *out, const char *text);

/* Makes a snapshot of WORKER_COUNT workers that have counted nothing. False: out of memory.
 * *Gives*: admin_snapshot_fini. */
bool admin_snapshot_init(struct admin_snapshot *ret, unsigned worker_count);
void admin_snapshot_fini(struct admin_snapshot *snapshot);

/* Adds the site NAME, unless it has had no request. False: out of memory. */
bool admin_snapshot_add(struct admin_snapshot *snapshot, const char *name,
                        const struct site_counts *counts);

/* Sets WORKER to what COUNTERS have now. */
void admin_worker_take(struct admin_worker *worker, const struct counters *counters);

/* Adds WORKER to SUM. */
void admin_worker_add(struct admin_worker *sum, const struct admin_worker *worker);

/* Takes BEFORE from WORKER, but for gauges: what was counted since. */
void admin_worker_since(struct admin_worker *worker, const struct admin_worker *before);

/* The requests of WORKER whose status is CLASS hundred and something; 0: all. */
uint64_t admin_worker_requests(const struct admin_worker *worker, unsigned class);

/* The sum of the values from FIRST to LAST. */
uint64_t admin_worker_sum(const struct admin_worker *worker, enum counter first, enum counter last);

#endif
