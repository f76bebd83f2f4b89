/* worker: see worker.h. */
#include "server/worker_parts.h"

#include "base/clock.h"
#include "conn/transport_tls.h"
#include "loop/loop_epoll.h"
#include "loop/loop_uring.h"
#include "observe/access_log.h"
#include "observe/log.h"
#include "system/event_fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Storage that a worker lends to its connections, in each of the two sizes. */
    STORAGE_BYTES_MAX = 64 << 20,
    /* The least that an entry of the cache is assumed to take; it bounds their number. */
    ENTRY_BYTES_MIN = 512,
    MEMO_SHARE = 8, /* memos may take one part in so many of the cache's memory */
};

struct h1_limits worker_limits(const struct profile *profile,
                               const struct process_settings *settings)
{
    struct h1_limits limits = profile->limits;
    const uint32_t requests_max = settings->requests_max;
    if (limits.requests_max == 0 || (requests_max > 0 && requests_max < limits.requests_max))
        limits.requests_max = requests_max;
    limits.head_bytes_max = settings->head_bytes_max;
    limits.body_bytes_max = settings->body_bytes_max;
    return limits;
}

uint64_t worker_memo_bytes(uint64_t cache_bytes)
{
    return cache_bytes / MEMO_SHARE;
}

static void init_context(struct worker *worker, const struct worker_config *config)
{
    struct conn_context *context = &worker->context;
    clock_read(&context->now);
    conn_context_init(context, STORAGE_BYTES_MAX, worker_memo_bytes(config->cache_bytes),
                      context->now.ms);
    trace_publish(&context->trace);
    context->h1.limits = worker_limits(config->profile, &config->settings->process);
    context->hosts = config->hosts;
    context->counters = &worker->counters;
    context->timing.clock_us = clock_monotonic_us;
    context->header_ms = config->settings->process.header_ms;
    context->idle_ms = config->settings->process.idle_ms;
    conn_context_set_unsent(context, &config->unsent);
    context->drain_grace_ms = config->settings->process.drain_grace_ms;
    if (config->origins)
        context->origins = config->origins;
    context->trusted = config->trusted;
}

/* Reports a line of ROOT/_headers that was skipped. */
static void report_rule(void *context, const struct problem *problem)
{
    (void)context;
    struct problem located = *problem;
    problem_in_file(&located, "ROOT/" SITE_RULES_NAME, problem->line, 0);
    log_warning(&located);
}

uint32_t worker_cache_entries(uint64_t cache_bytes)
{
    uint64_t entries = (cache_bytes - worker_memo_bytes(cache_bytes)) / ENTRY_BYTES_MIN;
    return entries < UINT32_MAX ? (uint32_t)entries : UINT32_MAX;
}

static void release_generation(void *context)
{
    generation_unref(context);
}

static int create_store(struct worker *worker, const struct worker_config *config)
{
    struct generation *generation = config->generation;
    const struct store_config store = {
        .sites = {.settings = (const struct site_settings *const *)config->settings->sites,
                  .count = config->settings->site_count,
                  .worker = config->index,
                  .shares = config->shares,
                  .report = worker->report,
                  .release = generation ? release_generation : NULL,
                  .context = generation ? generation_ref(generation) : NULL},
        .shared = config->shared,
        .cache = {.bytes_max = config->cache_bytes - worker_memo_bytes(config->cache_bytes),
                  .entries_max = worker_cache_entries(config->cache_bytes),
                  .files_max = config->files_max,
                  .counters = &worker->counters},
        .counters = &worker->counters,
    };
    int error = store_create(&worker->store, &store);
    worker->context.files = worker->store;
    return error;
}

struct conn_log_channel *worker_channels(const struct settings *settings,
                                         const struct access_logs *logs, unsigned index)
{
    struct conn_log_channel *channels = calloc(settings->site_count, sizeof *channels);
    for (unsigned i = 0; channels && i < settings->site_count; i++) {
        const struct site_settings *site = settings->sites[i];
        if (!site->access_log.at)
            continue;
        channels[i] = (struct conn_log_channel){
            .style = {.format = site->log_format, .hides_queries = !site->log_queries},
            .ring = access_logs_ring(logs, site->access_log.at, index),
            .excluded = site->log_excluded,
            .excluded_count = site->log_exclude.count,
        };
    }
    return channels;
}

int worker_create_log(struct worker *worker, const struct conn_log_channel *channels,
                      unsigned count, struct conn_log **ret)
{
    const struct conn_log_config log = {
        .channels = channels,
        .channel_count = count,
        .slot_count = worker->connections_max,
        .counters = &worker->counters,
        .clock_us = clock_monotonic_us,
    };
    return conn_log_create(ret, &log);
}

static int create_log(struct worker *worker, const struct worker_config *config)
{
    const struct settings *settings = config->settings;
    if (!config->logs)
        return 0;
    struct conn_log_channel *channels = worker_channels(settings, config->logs, config->index);
    int error =
        channels ? worker_create_log(worker, channels, settings->site_count, &worker->context.log)
                 : -ENOMEM;
    worker->has_log = !error;
    free(channels);
    return error;
}

static const struct loop_engine *const engines[BACKEND_COUNT] = {
    [BACKEND_EPOLL] = &loop_epoll_engine,
#ifdef SLUICE_HAVE_LIBURING
    [BACKEND_IO_URING] = &loop_uring_engine,
#endif
};

struct listener worker_listener(const struct origin *origins, unsigned index, int fd)
{
    const struct origin *origin = &origins[index];
    return (struct listener){
        .fd = fd,
        .transport_index = origin->proxied ? TRANSPORT_PROXY : origin->transport_index,
        .origin = (uint8_t)index,
    };
}

static int create_proxied(struct worker *worker)
{
    struct proxied *proxied = proxied_create(&worker->conns);
    if (!proxied)
        return -ENOMEM;
    proxied_use(&worker->context, proxied);
    worker->has_proxied = true;
    return 0;
}

static int create_loop(struct worker *worker, const struct worker_config *config)
{
    const struct loop_config loop = {
        .context = &worker->context,
        .conns = &worker->conns,
        .listeners = config->listeners,
        .listener_count = config->listener_count,
        .drain_ms = config->settings->process.drain_ms,
        .change = worker_change_over,
        .change_argument = worker,
    };
    const struct loop_engine *engine = engines[config->backend];
    int error = engine ? loop_create(&worker->loop, engine, &loop) : -ENOSYS;
    bool proxied = false;
    for (unsigned i = 0; !error && config->listener_origins && i < config->listener_count; i++) {
        struct listener *listener = &worker->loop->listeners.items[i];
        *listener =
            worker_listener(worker->context.origins, config->listener_origins[i], listener->fd);
        listener->shared = config->listener_shared && config->listener_shared[i];
        proxied = proxied || listener->transport_index == TRANSPORT_PROXY;
    }
    return !error && proxied ? create_proxied(worker) : error;
}

static int create_tls(struct worker *worker, const struct worker_config *config,
                      struct problem *ret_problem)
{
    struct transport_tls *tls;
    if (!config->tls)
        return 0;
    int error = transport_tls_create(&tls, config->tls, config->connections_max, ret_problem);
    if (error)
        return error;
    transport_tls_use(&worker->context, tls);
    worker->has_tls = true;
    return 0;
}

/* Describes ERROR, negative, of what WHAT names. Returns it. */
static int explain(int error, const char *what, struct problem *ret_problem)
{
    problem_set(ret_problem, "cannot set up a worker (%s): %s", what, strerror(-error));
    problem_remedy(ret_problem, "try fewer --threads");
    return error;
}

static int count_addresses(struct worker *worker, struct conn_addresses *addresses)
{
    uint64_t *keys = conn_table_make_keys(&worker->conns);
    if (!keys)
        return -ENOMEM;
    conn_table_count_addresses(&worker->conns, addresses, keys);
    worker->counts_addresses = true;
    return 0;
}

/* The table of connections, and what belongs to its slots. */
static int create_conns(struct worker *worker, const struct worker_config *config)
{
    const uint32_t min_rate = config->settings->process.min_rate;
    int error = conn_table_init(&worker->conns, &worker->context, config->connections_max);
    if (!error && config->pool)
        conn_table_join(&worker->conns, config->pool, config->index);
    if (!error && config->addresses)
        error = count_addresses(worker, config->addresses);
    if (error)
        return error;
    if (min_rate > 0) /* else a reload may set one */
        worker->context.rates = &worker->rates;
    return conn_rates_init(&worker->rates, config->connections_max, min_rate);
}

int worker_create(struct worker **ret, const struct worker_config *config,
                  struct problem *ret_problem)
{
    struct worker *worker = calloc(1, sizeof *worker);
    const char *what = "memory";
    if (!worker)
        return explain(-ENOMEM, what, ret_problem);
    worker->done_fd = config->done_fd;
    worker->changed_fd = config->changed_fd;
    worker->profile = config->profile;
    worker->index = config->index;
    worker->connections_max = config->connections_max;
    worker->report = (struct site_report){config->reports_rules ? report_rule : NULL, NULL};
    sem_init(&worker->begun, 0, 0);
    worker->engine_name = backend_name(config->backend);
    init_context(worker, config);
    int error = create_tls(worker, config, ret_problem);
    if (error) {
        worker_destroy(worker);
        return error;
    }
    error = create_conns(worker, config);
    if (!error)
        error = create_log(worker, config);
    if (!error) {
        what = "open ROOT";
        error = create_store(worker, config);
    }
    if (!error) {
        what = worker->engine_name;
        error = create_loop(worker, config);
    }
    if (error) {
        worker_destroy(worker);
        return explain(error, what, ret_problem);
    }
    *ret = worker;
    return 0;
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    trace_enter(&worker->context.trace);
    log_set_thread("worker", (int)worker->index);
    int error = loop_begin(worker->loop);
    const bool begun = error == 0;
    worker->begin_error = error;
    sem_post(&worker->begun);
    if (begun)
        error = loop_run(worker->loop);
    if (begun && error)
        log_write(LOG_LEVEL_ERROR, "a worker cannot go on: %s: %s", worker->engine_name,
                  strerror(-error));
    event_fd_signal(worker->done_fd);
    return NULL;
}

int worker_start(struct worker *worker, struct problem *ret_problem)
{
    int error = -pthread_create(&worker->thread, NULL, run, worker);
    if (error)
        return explain(error, "start a thread", ret_problem);
    worker->started = true;
    while (sem_wait(&worker->begun) < 0) { /* EINTR */
    }
    error = worker->begin_error;
    return error ? explain(error, worker->engine_name, ret_problem) : 0;
}

void worker_drain(struct worker *worker)
{
    loop_drain(worker->loop);
}

void worker_revalidate(struct worker *worker)
{
    loop_revalidate(worker->loop);
}

void worker_wake(struct worker *worker)
{
    loop_wake(worker->loop);
}

void worker_ask(struct worker *worker)
{
    loop_ask(worker->loop);
}

bool worker_has_answered(const struct worker *worker)
{
    return loop_has_answered(worker->loop);
}

bool worker_busy(const struct worker *worker)
{
    return store_busy(worker->store);
}

void worker_join(struct worker *worker)
{
    if (worker->started)
        pthread_join(worker->thread, NULL);
    worker->started = false;
}

void worker_destroy(struct worker *worker)
{
    if (!worker)
        return;
    worker_join(worker);
    worker_change_destroy(atomic_load(&worker->change));
    loop_destroy(worker->loop);
    store_destroy(worker->store);
    conn_rates_fini(&worker->rates, &worker->context.wheel);
    conn_table_fini(&worker->conns);
    transport_tls_destroy(worker->context.tls);
    trace_withdraw(&worker->context.trace);
    struct conn_log *log = worker->context.log;
    proxied_destroy(worker->context.proxied);
    conn_context_fini(&worker->context);
    conn_log_destroy(log);
    sem_destroy(&worker->begun);
    free(worker);
}

const struct counters *worker_counters(const struct worker *worker)
{
    return &worker->counters;
}
