/* reload_limits: the limits of all workers together in a reload: of connections, and of the cache.
 *
 * The tables that have room for them were made at the start, so limits can be lowered, and raised
 * again, but not above those of the start. Sites, logs and listeners that are added take
 * descriptors from connections. Owns nothing. For the main thread; part of reload. */
#ifndef SLUICE_RELOAD_LIMITS_H
#define SLUICE_RELOAD_LIMITS_H

#include "admin/admin_answer.h"
#include "config/settings.h"
#include "conn/conn_addresses.h"
#include "conn/conn_pool.h"
#include "server/sizing.h"

/* All pointers are *borrowed*. */
struct reload_limits {
    uint32_t connections_max; /* that the workers have room for */
    uint64_t cache_bytes_max; /* likewise */
    uint64_t descriptors;     /* that the process may have open */
    uint32_t threads;
    struct conn_pool *pool;
    struct conn_addresses **addresses; /* NULL: connections are not counted by address */
    struct admin_live *live;
};

/* Makes what is needed to count connections by address, if SETTINGS are the first with a limit.
 * Returns 0, or -ENOMEM with *RET_PROBLEM set. */
int reload_limits_prepare(const struct reload_limits *limits,
                          const struct process_settings *settings, struct problem *ret_problem);

/* The bytes that the caches may have with SETTINGS. */
uint64_t reload_limits_cache(const struct reload_limits *limits,
                             const struct process_settings *settings);

/* Sets the limits of connections to those of SETTINGS, as far as there are descriptors, where each
 * worker has LISTENER_COUNT sockets. */
void reload_limits_follow(const struct reload_limits *limits, const struct settings *settings,
                          unsigned listener_count);

/* Reports the limits that are below those of SETTINGS, or, of connections, below that of the start
 * for want of descriptors. */
void reload_limits_report(const struct reload_limits *limits,
                          const struct process_settings *settings);

#endif
