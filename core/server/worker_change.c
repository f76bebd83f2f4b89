/* worker_change: another generation of settings for a worker that runs; see worker.h.
 *
 * Everything is made on the caller's thread, so the worker's has nothing to wait for, and nothing
 * can fail there. */
#include "base/networks.h"
#include "conn/transport.h"
#include "conn/transport_tls.h"
#include "server/worker_parts.h"
#include "system/event_fd.h"

#include <errno.h>
#include <stdlib.h>

struct worker_change {
    struct generation *generation; /* *borrowed*: SITES have a reference */
    struct store_sites *sites;
    struct conn_log *log; /* for a worker without one; NULL: it has one, or needs none */
    struct conn_log_channel *channels; /* for the log that it has; NULL: it has none */
    struct proxied *proxied;           /* for a worker without one; NULL: it needs none */
    struct transport_tls *tls;         /* likewise */
    struct listener *listeners;
    unsigned listener_count;
    uint64_t cache_bytes;
    struct conn_addresses *addresses;
    uint64_t *address_keys; /* for a worker that does not count by address; NULL: it does, or need
                               not */
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

/* Makes what it takes to count connections by address. 0 or -ENOMEM. */
static int prepare_addresses(const struct worker *worker, const struct worker_next *next,
                             struct worker_change *change)
{
    if (!next->addresses || worker->counts_addresses)
        return 0;
    change->addresses = next->addresses;
    change->address_keys = conn_table_make_keys(&worker->conns);
    return change->address_keys ? 0 : -ENOMEM;
}

/* Makes the list of listeners, and what they need. 0 or -ENOMEM. */
static int prepare_listeners(struct worker *worker, const struct worker_next *next,
                             struct worker_change *change)
{
    bool proxied = false;
    change->listener_count = next->listener_count;
    change->listeners = calloc(next->listener_count, sizeof *change->listeners);
    if (!change->listeners)
        return -ENOMEM;
    for (unsigned i = 0; i < next->listener_count; i++) {
        change->listeners[i] =
            worker_listener(next->origins, next->listener_origins[i], next->listeners[i]);
        change->listeners[i].shared = next->listener_shared && next->listener_shared[i];
        proxied = proxied || change->listeners[i].transport_index == TRANSPORT_PROXY;
    }
    if (!proxied || worker->has_proxied)
        return 0;
    change->proxied = proxied_create(&worker->conns);
    return change->proxied ? 0 : -ENOMEM;
}

/* Makes the parts of CHANGE that WORKER lacks. Returns 0, or a negative errno with *RET_PROBLEM. */
static int prepare_parts(struct worker *worker, const struct worker_next *next,
                         struct worker_change *change, struct problem *ret_problem)
{
    int error = prepare_log(worker, next, change);
    if (!error)
        error = prepare_listeners(worker, next, change);
    if (!error)
        error = prepare_addresses(worker, next, change);
    if (error)
        problem_set_no_memory(ret_problem);
    else if (next->tls && !worker->has_tls)
        error = transport_tls_create(&change->tls, next->tls, worker->connections_max, ret_problem);
    return error;
}

int worker_prepare(struct worker *worker, const struct worker_next *next,
                   struct worker_change **ret, struct problem *ret_problem)
{
    struct generation *generation = next->generation;
    struct worker_change *change = calloc(1, sizeof *change);
    problem_set_no_memory(ret_problem);
    if (!change)
        return -ENOMEM;
    const struct store_sites_config sites = {
        .settings = (const struct site_settings *const *)generation->settings->sites,
        .shares = generation->shares,
        .former = generation->former,
        .count = generation->settings->site_count,
        .worker = worker->index,
        .report = worker->report,
        .release = release,
        .context = generation_ref(generation),
    };
    change->generation = generation;
    change->cache_bytes = next->cache_bytes;
    change->sites = store_sites_create(&sites);
    int error = change->sites ? prepare_parts(worker, next, change, ret_problem) : -ENOMEM;
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
    proxied_destroy(change->proxied);
    transport_tls_destroy(change->tls);
    free(change->listeners);
    free(change->address_keys);
    free(change);
}

void worker_change(struct worker *worker, struct worker_change *change)
{
    worker->has_log = worker->has_log || change->log;
    worker->has_proxied = worker->has_proxied || change->proxied;
    worker->has_tls = worker->has_tls || change->tls;
    worker->counts_addresses = worker->counts_addresses || change->address_keys;
    struct worker_change *former = atomic_exchange(&worker->change, change);
    assert(!former); /* a change is posted when the one before has been carried out */
    (void)former;
    loop_order(worker->loop, LOOP_ORDER_CHANGE);
}

uint64_t worker_origins(const struct worker *worker)
{
    return atomic_load(&worker->origins);
}

void worker_survey(struct worker *worker)
{
    loop_order(worker->loop, LOOP_ORDER_CHANGE);
}

/* --- On the worker's thread --------------------------------------------------------------------- */

static void change_limits(struct worker *worker, struct worker_change *change)
{
    const struct process_settings *settings = &change->generation->settings->process;
    const uint64_t cache_bytes = change->cache_bytes, memo_bytes = worker_memo_bytes(cache_bytes);
    struct conn_context *context = &worker->context;
    context->h1.limits = worker_limits(worker->profile, settings);
    context->header_ms = settings->header_ms;
    context->idle_ms = settings->idle_ms;
    context->drain_grace_ms = settings->drain_grace_ms;
    worker->loop->drain_ms = settings->drain_ms;
    worker->rates.bytes_per_second = settings->min_rate; /* 0: none is too low */
    if (settings->min_rate > 0)
        context->rates = &worker->rates;
    context->h1.memos.bytes_max = memo_bytes;
    store_limit_cache(worker->store, cache_bytes - memo_bytes, worker_cache_entries(cache_bytes));
    if (change->address_keys)
        conn_table_count_addresses(&worker->conns, change->addresses, change->address_keys);
}

static void visit_origin(void *argument, struct conn *conn)
{
    *(uint64_t *)argument |= UINT64_C(1) << conn->origin;
}

/* If the new settings do not trust the peer of CONN, a proxy so far, gives CONN the origin of
 * connections from other peers. */
static void check_trust(void *argument, struct conn *conn)
{
    const struct conn_context *context = argument;
    const struct origin *origin = conn_origin(context, conn);
    const unsigned twin = origin->secured ? ORIGIN_SECURED : 0;
    struct endpoint client;
    if (!origin->trusted)
        return;
    proxied_client(context, conn, &client);
    if (!context->trusted || !networks_have(context->trusted, &client))
        conn->origin = origin->twins[twin] & (CONN_ORIGINS_MAX - 1);
}

/* A listener that ends still accepts connections, so its origin counts too. */
static void publish_origins(struct worker *worker)
{
    const struct listeners *listeners = &worker->loop->listeners;
    uint64_t bits = 0;
    conn_table_each(&worker->conns, visit_origin, &bits);
    for (unsigned i = 0; i < listeners->count; i++) {
        if (listeners->items[i].fd >= 0)
            bits |= UINT64_C(1) << listeners->items[i].origin;
    }
    atomic_store(&worker->origins, bits);
}

/* Takes over the listeners of CHANGE. */
static void change_listeners(struct worker *worker, struct worker_change *change)
{
    if (change->proxied)
        proxied_use(&worker->context, change->proxied);
    if (change->tls)
        transport_tls_use(&worker->context, change->tls);
    loop_set_listeners(worker->loop, change->listeners, change->listener_count);
    free(change->listeners);
}

void worker_change_over(void *argument)
{
    struct worker *worker = argument;
    struct conn_context *context = &worker->context;
    struct worker_change *change = atomic_exchange(&worker->change, NULL);
    if (!change) {
        publish_origins(worker);
        return;
    }
    const struct generation *generation = change->generation;
    change_limits(worker, change);
    context->hosts = generation->hosts;
    context->trusted = generation_trusted(generation);
    conn_table_each(&worker->conns, check_trust, context);
    h1_memos_clear(&context->h1.memos);
    if (change->log)
        context->log = change->log;
    else if (change->channels)
        conn_log_set_channels(context->log, change->channels, generation->settings->site_count);
    store_switch(worker->store, change->sites);
    change_listeners(worker, change);
    publish_origins(worker);
    free(change);
    event_fd_signal(worker->changed_fd);
}
