/* worker: see worker.h. */
#include "server/worker.h"

#include "base/clock.h"
#include "loop/loop_epoll.h"
#include "loop/loop_uring.h"
#include "observe/log.h"
#include "system/event_fd.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    /* Storage that a worker lends to its connections, in each of the two sizes. */
    STORAGE_BYTES_MAX = 64 << 20,
    /* What an entry of the cache is taken to need at least, to bound their number. */
    ENTRY_BYTES_MIN = 512,
    MEMO_SHARE = 8, /* memos take this part of the cache's memory */
};

/* The site's own files in ROOT. */
static const struct str rules_name = STR_INIT(SITE_RULES_NAME);
static const struct str error_page_name = STR_INIT("404.html");

struct worker {
    struct counters counters;
    struct conn_context context;
    struct conn_table conns;
    struct site_settings site;
    struct store *files;
    struct loop *loop;
    int done_fd;
    bool started;
    pthread_t thread;
};

static struct h1_limits limits_of(const struct worker_config *config)
{
    return (struct h1_limits){
        .minor_max = config->profile->http_minor_max,
        .keepalive = config->profile->keepalive,
        .inflight_max = config->profile->inflight_max,
        .requests_max = config->profile->requests_max,
        .head_bytes_max = config->options->head_bytes_max,
        .body_bytes_max = config->options->body_bytes_max,
    };
}

/* Of the cache's memory, what answers take that are kept whole. */
static uint64_t memo_bytes(const struct worker_config *config)
{
    return config->cache_bytes / MEMO_SHARE;
}

static void init_context(struct worker *worker, const struct worker_config *config)
{
    struct conn_context *context = &worker->context;
    clock_read(&context->now);
    conn_context_init(context, STORAGE_BYTES_MAX, memo_bytes(config), context->now.ms);
    context->limits = limits_of(config);
    context->policy = (struct plan_policy){
        .cors = config->options->cors,
        .fallback = config->options->fallback != NULL,
    };
    context->counters = &worker->counters;
    context->header_ms = config->options->header_ms;
    context->idle_ms = config->options->idle_ms;
}

/* A line of ROOT/_headers that means nothing. */
static void tell_rule(void *context, const struct rules_mistake *mistake)
{
    (void)context;
    if (mistake->line > 0)
        log_say("ROOT/_headers, line %u: %s", mistake->line, mistake->reason);
    else
        log_say("ROOT/_headers %s", mistake->reason);
}

static struct str str_or_absent(const char *text)
{
    return text ? str_of(text) : STR_ABSENT;
}

static int create_files(struct worker *worker, const struct worker_config *config)
{
    const struct options *options = config->options;
    uint64_t bytes = config->cache_bytes - memo_bytes(config);
    uint64_t entries = bytes / ENTRY_BYTES_MIN;
    worker->site = (struct site_settings){
        .root = config->root,
        .index = str_of(options->index),
        .error_page = error_page_name,
        .fallback = str_or_absent(options->fallback),
        .rules_name = rules_name,
        .cache_control = str_or_absent(options->cache_control),
        .cache_valid_ms = (uint32_t)options->cache_valid_ms,
        .codings = CONTENT_CODING_ALL_CODED,
        .listing = options->listing,
        .cors = options->cors,
        .mime = (struct mime *)(uintptr_t)config->mime, /* read only from here on */
        .rules = (struct rules *)(uintptr_t)config->rules,
    };
    const struct site_settings *const sites[] = {&worker->site};
    struct store_config files = {
        .sites = sites,
        .site_count = COUNT_OF(sites),
        .report = {config->tells_rules ? tell_rule : NULL, NULL},
        .cache = {.bytes_max = bytes,
                  .entries_max = entries < UINT32_MAX ? (uint32_t)entries : UINT32_MAX,
                  .files_max = config->files_max},
        .counters = &worker->counters,
    };
    int error = store_create(&worker->files, &files);
    worker->context.files = worker->files;
    return error;
}

static const struct loop_engine *const engines[BACKEND_COUNT] = {
    [BACKEND_EPOLL] = &loop_epoll_engine,
#ifdef SLUICE_HAVE_LIBURING
    [BACKEND_IO_URING] = &loop_uring_engine,
#endif
};

static int create_loop(struct worker *worker, const struct worker_config *config)
{
    const struct loop_config loop = {
        .context = &worker->context,
        .conns = &worker->conns,
        .listeners = config->listeners,
        .listener_count = config->listener_count,
        .drain_ms = config->options->drain_ms,
    };
    const struct loop_engine *engine = engines[config->options->backend];
    return engine ? loop_create(&worker->loop, engine, &loop) : -ENOSYS;
}

int worker_create(struct worker **ret, const struct worker_config *config, const char **ret_what)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    *ret_what = "memory";
    if (!worker)
        return -ENOMEM;
    worker->done_fd = config->done_fd;
    init_context(worker, config);
    int error = conn_table_init(&worker->conns, &worker->context, config->connections_max);
    if (!error) {
        *ret_what = "open ROOT";
        error = create_files(worker, config);
    }
    if (!error) {
        *ret_what = option_backend_name(config->options->backend);
        error = create_loop(worker, config);
    }
    if (error) {
        worker_destroy(worker);
        return error;
    }
    *ret = worker;
    return 0;
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    int error = loop_run(worker->loop);
    if (error)
        log_say("epoll_wait: %s", strerror(-error));
    event_fd_signal(worker->done_fd);
    return NULL;
}

int worker_start(struct worker *worker)
{
    int error = pthread_create(&worker->thread, NULL, run, worker);
    worker->started = error == 0;
    return -error;
}

void worker_drain(struct worker *worker)
{
    loop_drain(worker->loop);
}

bool worker_busy(const struct worker *worker)
{
    return store_busy(worker->files);
}

void worker_destroy(struct worker *worker)
{
    if (!worker)
        return;
    if (worker->started)
        pthread_join(worker->thread, NULL);
    loop_destroy(worker->loop);
    store_destroy(worker->files);
    conn_table_fini(&worker->conns);
    conn_context_fini(&worker->context);
    free(worker);
}

const struct counters *worker_counters(const struct worker *worker)
{
    return &worker->counters;
}
