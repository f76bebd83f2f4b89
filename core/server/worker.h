/* worker: one thread with everything it needs: listeners, loop, pools, cache, counters.
 *
 * Nothing in a worker is shared with another but what its configuration points to, which outlives
 * it and is read only, but for SHARED, TLS, POOL and ADDRESSES. All that can fail is done by
 * worker_create, on the caller's thread. */
#ifndef SLUICE_WORKER_H
#define SLUICE_WORKER_H

#include "base/problem.h"
#include "config/profile.h"
#include "config/settings.h"
#include "conn/conn_addresses.h"
#include "conn/conn_pool.h"
#include "conn/origin.h"
#include "conn/unsent.h"
#include "observe/counters.h"
#include "server/generation.h"
#include "site/store_shared.h"

struct access_logs;
struct tls_shared;
struct worker;
struct worker_change;

/* The configuration of one worker: its own share of what all workers have together. */
struct worker_config {
    const struct profile *profile;
    struct generation *generation;    /* of the next three: refs it; NULL: they never change */
    const struct settings *settings;  /* prepared */
    const struct hosts *hosts;        /* of the settings' sites; NULL: there is one */
    struct site_share *const *shares; /* of the settings' sites; NULL: this is the only worker */
    struct store_shared *shared;      /* of all workers; NULL: this is the only one */
    enum backend backend;             /* never BACKEND_AUTO */
    bool reports_rules;               /* this worker reports mistakes in ROOT/_headers */
    const int *listeners;             /* listening, non-blocking sockets of this worker */
    unsigned listener_count;
    const uint8_t *listener_origins;  /* of each, an index into ORIGINS; NULL: all are 0 */
    const bool *listener_shared;      /* of each: see conn/listeners.h; NULL: none is */
    const struct origin *origins;     /* ORIGINS_MAX of them; NULL: there is no TLS */
    const struct networks *trusted;   /* proxies; NULL: no proxy is trusted */
    struct tls_shared *tls;           /* of all workers; NULL: no listener speaks TLS */
    struct access_logs *logs;         /* of all workers, with each site's; NULL: no site has one */
    uint32_t connections_max;         /* of all workers together */
    struct conn_pool *pool;           /* of all workers; NULL: this is the only one */
    struct conn_addresses *addresses; /* of all workers; NULL: no limit by address */
    unsigned index;                   /* of this worker, below pool->member_count */
    uint32_t files_max;               /* descriptors that its cache may keep open */
    uint64_t cache_bytes;
    struct unsent_share unsent; /* bytes that its sockets may hold */
    int done_fd;                /* an eventfd to add 1 to when the worker's thread has ended */
    int changed_fd;             /* likewise, when it has carried out a change */
};

/* The most entries that the cache of a worker with CACHE_BYTES can have. */
uint32_t worker_cache_entries(uint64_t cache_bytes);

/* Makes a worker, without a thread yet. *Takes* the listeners' descriptors if it succeeds;
 * *borrows* everything else until worker_destroy. Returns 0, or a negative errno with
 * *RET_PROBLEM set. *Gives*: worker_destroy. */
int worker_create(struct worker **ret, const struct worker_config *config,
                  struct problem *ret_problem);

/* Starts its thread, and waits until that has begun to serve. Returns 0, or a negative errno with
 * *RET_PROBLEM set. */
int worker_start(struct worker *worker, struct problem *ret_problem);

/* Asks a started worker, from any thread, to take what its listeners have queued, close them,
 * finish what is in flight for at most drain_ms of the settings, and end. It then adds 1 to
 * done_fd. */
void worker_drain(struct worker *worker);

/* Asks a started worker, from any thread, to check everything again before it serves it: roots,
 * header rules, cached files. Requests in flight go on. */
void worker_revalidate(struct worker *worker);

/* Has a started worker take a turn of its loop. Any thread. */
void worker_wake(struct worker *worker);

/* Asks a started worker, from one thread, whether its loop turns, and whether it has answered that
 * since. A worker that has ended does not answer. */
void worker_ask(struct worker *worker);
bool worker_has_answered(const struct worker *worker);

/* The generation that a worker changes over to. */
struct worker_next {
    struct generation *generation;  /* generation_follow was called with the worker's present one */
    const struct access_logs *logs; /* with each site's; NULL: no site has ever had one */
    struct tls_shared *tls;         /* of all workers; NULL: no listener has ever spoken TLS */
    const struct origin *origins;   /* as in worker_config, with what follows */
    const int *listeners;           /* those of the worker that it does not have yet are *taken* */
    const uint8_t *listener_origins;
    const bool *listener_shared;
    unsigned listener_count;
    struct conn_addresses *addresses; /* as in worker_config; the same once they are not NULL */
    uint64_t cache_bytes;             /* likewise; at most those of worker_config */
};

/* Makes, on the caller's thread, all that WORKER needs to change over to NEXT. Returns 0, or a
 * negative errno with *RET_PROBLEM set. *Gives*: worker_change, or worker_change_destroy. */
int worker_prepare(struct worker *worker, const struct worker_next *next,
                   struct worker_change **ret, struct problem *ret_problem);

/* Has a started worker change over, between two turns of its loop: requests that are answered from
 * then on follow the new settings; answers in flight, connections and the caches of sites that have
 * not changed live on. *Takes* CHANGE. The worker then adds 1 to changed_fd; before that, no other
 * change may be prepared. */
void worker_change(struct worker *worker, struct worker_change *change);

/* Bits, by index, of the origins that WORKER's connections and listeners, those that end included,
 * had when it last changed over, when some have ended since, or when it answered worker_survey;
 * connections that came later have origins of these listeners. Any thread. */
uint64_t worker_origins(const struct worker *worker);

/* Has a started worker find out again. Any thread. */
void worker_survey(struct worker *worker);

/* Drops a change that has not been given to a worker. NULL is allowed. */
void worker_change_destroy(struct worker_change *change);

/* Whether a look-up in the file system is still under way in a worker that has ended, so that
 * worker_destroy would have to wait for it. */
bool worker_busy(const struct worker *worker);

/* Waits for the thread, if one was started. Workers that share a pool may call each other, so all
 * are joined before the first is destroyed. */
void worker_join(struct worker *worker);

/* Waits for the thread likewise, and frees everything. NULL is allowed. */
void worker_destroy(struct worker *worker);

/* Readable from any thread between create and destroy. */
const struct counters *worker_counters(const struct worker *worker);

#endif
