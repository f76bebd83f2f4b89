/* sizing: how many threads, connections and open files, where the settings leave that to the
 * server.
 *
 * Owns nothing. Pure but for the CPUs, which are counted if no number of threads is given. */
#ifndef SLUICE_SIZING_H
#define SLUICE_SIZING_H

#include "base/problem.h"
#include "config/settings.h"

/* Limits that the sizes must respect. */
struct sizing_limits {
    uint64_t descriptors;    /* that the process may have open */
    uint64_t listener_count; /* of each thread */
    uint64_t site_count;
    uint64_t log_count; /* see sizing_count_logs */
};

/* Of all workers together. */
struct sizes {
    uint32_t threads;
    uint32_t connections_max; /* below what the settings say, if descriptors are too few for that */
    uint32_t files_max;       /* descriptors that the caches may keep open */
};

/* The number of different access logs that SETTINGS name; each has a descriptor. */
uint64_t sizing_count_logs(const struct settings *settings);

/* The connections that there is room for with THREADS; 0: LIMITS are too low. */
uint64_t sizing_room(const struct sizing_limits *limits, uint64_t threads);

/* Divides the descriptors: a quarter for cached files, and the rest, without those that the
 * workers themselves need, for connections. Returns 0, or -EMFILE with *RET_PROBLEM set: there
 * is not one connection for each thread. */
int sizing_find(const struct process_settings *settings, const struct sizing_limits *limits,
                struct sizes *ret, struct problem *ret_problem);

/* The part of TOTAL that falls to worker INDEX of COUNT. The parts add up to TOTAL. */
static inline uint64_t sizing_share(uint64_t total, unsigned index, unsigned count)
{
    return total / count + (index < total % count);
}

#endif
