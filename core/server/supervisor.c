/* supervisor: see supervisor.h. */
#include "server/supervisor.h"

#include "observe/access_log.h"
#include "observe/error_log.h"
#include "system/event_fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- Starting ----------------------------------------------------------------------------------- */

static int create_workers(struct supervisor *supervisor, const struct worker_config *all,
                          const struct sizes *sizes, struct problem *ret_problem)
{
    const unsigned count = sizes->threads;
    int error = 0;
    for (unsigned i = 0; !error && i < count; i++) {
        struct worker_config config = *all;
        config.reports_rules = i == 0;
        config.listeners = &all->listeners[i * all->listener_count];
        config.connections_max = sizes->connections_max;
        config.pool = &supervisor->pool;
        config.addresses = supervisor->addresses;
        config.index = i;
        config.files_max = (uint32_t)sizing_share(sizes->files_max, i, count);
        config.cache_bytes = sizing_share(all->settings->process.cache_bytes, i, count);
        config.unsent.bytes = sizing_share(all->unsent.bytes, i, count);
        config.done_fd = supervisor->done_fd;
        config.changed_fd = supervisor->changed_fd;
        error = worker_create(&supervisor->workers[i], &config, ret_problem);
        supervisor->worker_count += !error;
    }
    return error;
}

void supervisor_drain(const struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->started_count; i++)
        worker_drain(supervisor->workers[i]);
}

/* What the workers share, and the array for them. */
static int create_shared(struct supervisor *supervisor, const struct sizes *sizes)
{
    const uint32_t limit = supervisor->settings->process.connections_per_address_max;
    supervisor->done_fd = event_fd_open();
    supervisor->changed_fd = event_fd_open();
    if (supervisor->done_fd < 0 || supervisor->changed_fd < 0)
        return supervisor->done_fd < 0 ? supervisor->done_fd : supervisor->changed_fd;
    supervisor->workers = calloc(sizes->threads, sizeof *supervisor->workers);
    if (!supervisor->workers)
        return -ENOMEM;
    if (limit > 0)
        supervisor->addresses = conn_addresses_create(sizes->connections_max, limit);
    if (limit > 0 && !supervisor->addresses)
        return -ENOMEM;
    return conn_pool_init(&supervisor->pool, sizes->connections_max, sizes->threads);
}

int supervisor_start(struct supervisor *supervisor, const struct worker_config *config,
                     const struct sizes *sizes, struct problem *ret_problem)
{
    const unsigned count = sizes->threads;
    int error = create_shared(supervisor, sizes);
    if (error) {
        problem_set(ret_problem, "cannot start workers: %s", strerror(-error));
        problem_remedy(ret_problem, "raise the limits of this process");
    }
    if (!error)
        error = create_workers(supervisor, config, sizes, ret_problem);
    for (unsigned i = supervisor->worker_count * config->listener_count;
         i < count * config->listener_count; i++)
        close(config->listeners[i]);
    if (!error &&
        ((config->logs && access_logs_start(config->logs) < 0) || error_log_start() < 0)) {
        problem_set(ret_problem, "cannot start the threads for the logs");
        problem_remedy(ret_problem, "raise the limits of this process");
        error = -EAGAIN;
    }
    if (!error)
        error_log_use(config->settings->process.error_log.at);
    while (!error && supervisor->started_count < supervisor->worker_count) {
        error = worker_start(supervisor->workers[supervisor->started_count], ret_problem);
        supervisor->started_count += !error;
    }
    if (error)
        supervisor_drain(supervisor);
    return error;
}

/* --- Ending ------------------------------------------------------------------------------------- */

void supervisor_count(const struct supervisor *supervisor, struct metrics *totals)
{
    for (unsigned i = 0; i < supervisor->worker_count; i++)
        metrics_add(totals, worker_counters(supervisor->workers[i]));
}

bool supervisor_is_busy(const struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        if (worker_busy(supervisor->workers[i]))
            return true;
    }
    return false;
}

void supervisor_fini(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->worker_count; i++)
        worker_join(supervisor->workers[i]);
    for (unsigned i = 0; i < supervisor->worker_count; i++)
        worker_destroy(supervisor->workers[i]);
    free(supervisor->workers);
    conn_addresses_destroy(supervisor->addresses);
    conn_pool_fini(&supervisor->pool);
    if (supervisor->done_fd >= 0)
        close(supervisor->done_fd);
    if (supervisor->changed_fd >= 0)
        close(supervisor->changed_fd);
}
