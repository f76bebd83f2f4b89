/* worker_change: another generation of settings for a worker that runs; see worker.h.
 *
 * Everything is made on the caller's thread, so the worker's has nothing to wait for, and nothing
 * can fail there. */
#include "observe/access_log.h"
#include "server/worker_parts.h"
#include "system/event_fd.h"

#include <errno.h>
#include <stdlib.h>

struct worker_change {
    struct generation *generation; /* *borrowed*: SITES have a reference */
    struct store_sites *sites;
    struct conn_log *log; /* for a worker without one; NULL: it has one, or needs none */
    struct conn_log_channel *channels; /* for the log that it has; NULL: it has none */
};

static void release(void *context)
{
    generation_unref(context);
}

/* Makes what the log of WORKER needs. 0 or -ENOMEM. */
static int prepare_log(struct worker *worker, const struct worker_next *next,
                       struct worker_change *change)
{
    const struct settings *settings = next->generation->settings;
    if (!next->logs)
        return 0;
    change->channels = worker_channels(settings, next->logs, worker->index);
    if (!change->channels)
        return -ENOMEM;
    if (worker->has_log)
        return 0;
    int error = worker_create_log(worker, change->channels, settings->site_count, &change->log);
    free(change->channels); /* which have been copied */
    change->channels = NULL;
    return error;
}

int worker_prepare(struct worker *worker, const struct worker_next *next,
                   struct worker_change **ret)
{
    struct generation *generation = next->generation;
    struct worker_change *change = calloc(1, sizeof *change);
    if (!change)
        return -ENOMEM;
    const struct store_sites_config sites = {
        .settings = (const struct site_settings *const *)generation->settings->sites,
        .shares = generation->shares,
        .former = generation->former,
        .count = generation->settings->site_count,
        .report = worker->report,
        .release = release,
        .context = generation_ref(generation),
    };
    change->generation = generation;
    change->sites = store_sites_create(&sites);
    int error = change->sites ? prepare_log(worker, next, change) : -ENOMEM;
    if (error)
        worker_change_destroy(change);
    else
        *ret = change;
    return error;
}

void worker_change_destroy(struct worker_change *change)
{
    if (!change)
        return;
    store_sites_abandon(change->sites);
    conn_log_destroy(change->log);
    free(change->channels);
    free(change);
}

void worker_change(struct worker *worker, struct worker_change *change)
{
    worker->has_log = worker->has_log || change->log;
    struct worker_change *former = atomic_exchange(&worker->change, change);
    assert(!former); /* a change is posted when the one before has been carried out */
    (void)former;
    loop_order(worker->loop, LOOP_ORDER_CHANGE);
}

/* --- On the worker's thread --------------------------------------------------------------------- */

static void change_limits(struct worker *worker, const struct process_settings *settings)
{
    struct conn_context *context = &worker->context;
    context->h1.limits = worker_limits(worker->profile, settings);
    context->header_ms = settings->header_ms;
    context->idle_ms = settings->idle_ms;
    context->drain_grace_ms = settings->drain_grace_ms;
    worker->loop->drain_ms = settings->drain_ms;
    worker->rates.bytes_per_second = settings->min_rate; /* 0: none is too low */
    if (settings->min_rate > 0)
        context->rates = &worker->rates;
}

void worker_change_over(void *argument)
{
    struct worker *worker = argument;
    struct conn_context *context = &worker->context;
    struct worker_change *change = atomic_exchange(&worker->change, NULL);
    if (!change)
        return;
    const struct generation *generation = change->generation;
    change_limits(worker, &generation->settings->process);
    context->hosts = generation->hosts;
    h1_memos_clear(&context->h1.memos);
    if (change->log)
        context->log = change->log;
    else if (change->channels)
        conn_log_set_channels(context->log, change->channels, generation->settings->site_count);
    store_switch(worker->store, change->sites);
    free(change);
    event_fd_signal(worker->changed_fd);
}
