/* reload_limits: see reload_limits.h. */
#include "server/reload_limits.h"

#include "observe/log.h"

#include <errno.h>
#include <inttypes.h>

int reload_limits_prepare(const struct reload_limits *limits,
                          const struct process_settings *settings, struct problem *ret_problem)
{
    const uint32_t limit = settings->connections_per_address_max;
    if (limit == 0 || *limits->addresses)
        return 0;
    *limits->addresses = conn_addresses_create(limits->connections_max, limit);
    if (*limits->addresses)
        return 0;
    problem_set_no_memory(ret_problem);
    return -ENOMEM;
}

/* The number of connections that SETTINGS want, 0 in them: as many as there is room for. At least
 * one for each thread. */
static uint32_t connections_of(const struct reload_limits *limits, const struct settings *settings,
                               unsigned listener_count)
{
    const uint32_t wanted = settings->process.connections_max;
    const struct sizing_limits now = {
        .descriptors = limits->descriptors,
        .listener_count = listener_count,
        .site_count = settings->site_count,
        .log_count = sizing_count_logs(settings),
    };
    uint64_t most = u64_min(limits->connections_max, sizing_room(&now, limits->threads));
    if (most < limits->threads)
        most = limits->threads;
    return (uint32_t)(wanted > 0 ? u64_min(wanted, most) : most);
}

uint64_t reload_limits_cache(const struct reload_limits *limits,
                             const struct process_settings *settings)
{
    return u64_min(settings->cache_bytes, limits->cache_bytes_max);
}

void reload_limits_follow(const struct reload_limits *limits, const struct settings *settings,
                          unsigned listener_count)
{
    const struct process_settings *process = &settings->process;
    const uint32_t connections = connections_of(limits, settings, listener_count);
    conn_pool_set_max(limits->pool, connections);
    if (*limits->addresses)
        conn_addresses_set_limit(*limits->addresses, process->connections_per_address_max);
    atomic_store(&limits->live->connections_max, connections);
    atomic_store(&limits->live->cache_bytes_max, reload_limits_cache(limits, process));
}

static void report(const char *option, uint64_t most)
{
    log_write(LOG_LEVEL_WARNING,
              "%s is limited to %" PRIu64 ", as at the start; more takes effect after an upgrade "
              "(SIGUSR2) or a restart",
              option, most);
}

void reload_limits_report(const struct reload_limits *limits,
                          const struct process_settings *settings)
{
    const uint32_t wanted = settings->connections_max;
    const uint32_t connections = atomic_load(&limits->live->connections_max);
    const bool fewer = connections < limits->connections_max;
    if (!fewer && wanted > connections)
        report("max-connections", connections);
    else if (fewer && (wanted == 0 || wanted > connections))
        log_write(LOG_LEVEL_WARNING,
                  "max-connections is limited to %u by the descriptors that sites, logs and "
                  "listeners leave; raise the limit (ulimit -n) and restart",
                  connections);
    if (settings->cache_bytes > limits->cache_bytes_max)
        report("cache-bytes", limits->cache_bytes_max);
}
