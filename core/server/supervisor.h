/* supervisor: the main thread's part once there are workers: starts them, hands signals on, ends
 * them.
 *
 * Owns the workers, the pool of connections that they share, and an eventfd to which each adds 1
 * when its thread has ended, and another for those that have changed over to new settings. Used by
 * one thread. Zeroed, with both descriptors -1: nothing to free. */
#ifndef SLUICE_SUPERVISOR_H
#define SLUICE_SUPERVISOR_H

#include "observe/metrics.h"
#include "server/handover.h"
#include "server/https.h"
#include "server/reload.h"
#include "server/service.h"
#include "server/signals.h"
#include "server/sizing.h"
#include "server/worker.h"

struct supervisor {
    struct signals *signals;   /* *borrowed* */
    struct settings *settings; /* *borrowed*, as the next two; a reload replaces them */
    struct https *https;       /* NULL: no listener speaks TLS */
    struct access_logs *logs;  /* NULL: no site has a log */
    struct service *service;   /* *borrowed* */
    struct watching *watching; /* *borrowed* */
    struct admin_live *live;   /* *borrowed*: for it */
    struct handover *handover; /* *borrowed*; NULL: no upgrade is possible */
    struct worker **workers;
    unsigned worker_count; /* created */
    unsigned started_count;
    struct conn_pool pool;            /* the connections' slots; without members: not yet */
    struct conn_addresses *addresses; /* counted by client; NULL: not */
    struct reload reload;             /* the caller sets what it borrows */
    int done_fd;
    int changed_fd;
};

/* Creates SIZES->threads workers, each with its share of what is divided among them and the next
 * CONFIG->listener_count of LISTENERS, which are *taken* in any case, and starts them. The rest
 * of CONFIG is for all. Returns 0, or a negative errno with *RET_PROBLEM set; then the workers
 * that were started drain. */
int supervisor_start(struct supervisor *supervisor, const struct worker_config *config,
                     const struct sizes *sizes, struct problem *ret_problem);

/* Does what signals ask for until all workers have ended: because a signal asked for that, or
 * because one failed, which is reported. A second SIGINT or SIGTERM exits the process at once
 * with status 1; the first one does not shorten a drain that began otherwise. Returns 0, or -EIO:
 * one failed. */
int supervisor_run(struct supervisor *supervisor);

/* Has the workers that were started drain. */
void supervisor_drain(const struct supervisor *supervisor);

/* Adds what the workers have counted to TOTALS. */
void supervisor_count(const struct supervisor *supervisor, struct metrics *totals);

/* Whether a look-up is still under way in a worker that has ended, so that supervisor_fini would
 * wait for a disk. */
bool supervisor_is_busy(const struct supervisor *supervisor);

/* Waits for the threads of workers that drain, and frees everything. */
void supervisor_fini(struct supervisor *supervisor);

#endif
