/* worker_parts: the structure of a worker, for worker.c and worker_change.c only; see worker.h. */
#ifndef SLUICE_WORKER_PARTS_H
#define SLUICE_WORKER_PARTS_H

#include "conn/conn_log.h"
#include "conn/conn_rate.h"
#include "conn/proxied.h"
#include "loop/loop.h"
#include "server/worker.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

struct worker {
    struct counters counters;
    struct conn_context context;
    struct conn_table conns;
    struct conn_rates rates;
    struct store *store;
    struct loop *loop;
    const char *engine_name;
    int done_fd;
    bool started;
    pthread_t thread;
    sem_t begun; /* posted by the thread when begin_error is set */
    int begin_error;

    /* For changes; the caller's thread uses these. */
    const struct profile *profile;
    unsigned index;
    uint32_t connections_max;
    struct site_report report;
    bool has_log;     /* it has been given a struct conn_log */
    bool has_proxied; /* it has been given a struct proxied */
    bool has_tls;     /* it has been given a struct transport_tls */
    bool counts_addresses;
    int changed_fd;
    struct worker_change *_Atomic change; /* that the thread has not taken yet */
    atomic_ullong origins;                /* bits of those that connections had then */
};

/* The part of CACHE_BYTES that memos may take. */
uint64_t worker_memo_bytes(uint64_t cache_bytes);

/* The limits of HTTP/1 for PROFILE with SETTINGS. */
struct h1_limits worker_limits(const struct profile *profile,
                               const struct process_settings *settings);

/* Makes the array of channels of the sites of SETTINGS, whose logs LOGS have: *given*, free() it.
 * NULL: out of memory. */
struct conn_log_channel *worker_channels(const struct settings *settings,
                                         const struct access_logs *logs, unsigned index);

/* The listener on FD whose connections have origin INDEX of ORIGINS. */
struct listener worker_listener(const struct origin *origins, unsigned index, int fd);

/* Makes a log for CHANNELS, which are copied. 0 or -ENOMEM. */
int worker_create_log(struct worker *worker, const struct conn_log_channel *channels,
                      unsigned count, struct conn_log **ret);

/* Carries out worker->change, on the worker's thread. For loop_config. */
void worker_change_over(void *argument);

#endif
