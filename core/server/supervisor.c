/* supervisor: see supervisor.h. */
#include "server/supervisor.h"

#include "observe/log.h"
#include "system/event_fd.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    DRAIN_NOTICE_MS = 300, /* a drain that takes longer is explained */
    EXIT_AT_ONCE = 1,      /* the exit status after a second signal */
};

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
        config.connections_max = (uint32_t)sizing_share(sizes->connections_max, i, count);
        config.files_max = (uint32_t)sizing_share(sizes->files_max, i, count);
        config.cache_bytes = sizing_share(all->settings->process.cache_bytes, i, count);
        config.done_fd = supervisor->done_fd;
        error = worker_create(&supervisor->workers[i], &config, ret_problem);
        supervisor->worker_count += !error;
    }
    return error;
}

static void drain(const struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->started_count; i++)
        worker_drain(supervisor->workers[i]);
}

int supervisor_start(struct supervisor *supervisor, const struct worker_config *config,
                     const struct sizes *sizes, struct problem *ret_problem)
{
    const unsigned count = sizes->threads;
    int error = 0;
    supervisor->done_fd = event_fd_open();
    supervisor->workers = calloc(count, sizeof *supervisor->workers);
    if (!supervisor->workers || supervisor->done_fd < 0) {
        error = supervisor->workers ? supervisor->done_fd : -ENOMEM;
        problem_set(ret_problem, "cannot start workers: %s", strerror(-error));
        problem_remedy(ret_problem, "raise the limits of this process");
    }
    if (!error)
        error = create_workers(supervisor, config, sizes, ret_problem);
    for (unsigned i = supervisor->worker_count * config->listener_count;
         i < count * config->listener_count; i++)
        close(config->listeners[i]);
    while (!error && supervisor->started_count < supervisor->worker_count) {
        error = worker_start(supervisor->workers[supervisor->started_count], ret_problem);
        supervisor->started_count += !error;
    }
    if (error)
        drain(supervisor);
    return error;
}

/* --- Running ------------------------------------------------------------------------------------ */

/* Whether SIGINT or SIGTERM has come. */
static bool is_signalled(const struct supervisor *supervisor)
{
    struct signalfd_siginfo info;
    return read(supervisor->signal_fd, &info, sizeof info) == (ssize_t)sizeof info;
}

int supervisor_run(struct supervisor *supervisor)
{
    struct pollfd watched[] = {{supervisor->signal_fd, POLLIN, 0},
                               {supervisor->done_fd, POLLIN, 0}};
    bool draining = false, explained = false;
    uint64_t running = supervisor->started_count;
    int error = 0;
    while (running > 0) {
        int ready = poll(watched, COUNT_OF(watched), draining && !explained ? DRAIN_NOTICE_MS : -1);
        if (ready == 0) {
            log_say("finishing responses in flight; send the signal again to stop immediately");
            explained = true;
        }
        bool stop = is_signalled(supervisor);
        if (stop && draining) {
            log_say("stopped at once");
            _exit(EXIT_AT_ONCE);
        }
        uint64_t ended = event_fd_take(supervisor->done_fd);
        running -= ended < running ? ended : running;
        if (ended > 0 && !stop && !draining) {
            log_say("a worker failed, so all stop; start the server again");
            error = -EIO;
            stop = true;
        }
        if (stop) {
            drain(supervisor);
            draining = true;
        }
    }
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
        worker_destroy(supervisor->workers[i]);
    free(supervisor->workers);
    if (supervisor->done_fd >= 0)
        close(supervisor->done_fd);
}
