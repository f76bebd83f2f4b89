/* worker: one thread with everything it needs: listeners, loop, pools, cache, counters.
 *
 * Nothing in a worker is shared with another but what its configuration points to, which is read
 * only and outlives it. All that can fail is done by worker_create, on the caller's thread. */
#ifndef SLUICE_WORKER_H
#define SLUICE_WORKER_H

#include "config/options.h"
#include "config/profile.h"
#include "http/mime.h"
#include "http/rules.h"
#include "observe/counters.h"

struct worker;

struct worker_config {
    const struct profile *profile;
    const struct options *options;
    const struct mime *mime;
    const struct rules *rules; /* of --header; NULL: none */
    bool tells_rules;          /* this worker tells of what is wrong in ROOT/_headers */
    const char *root;          /* absolute, symlinks unresolved */
    const int *listeners;      /* listening, non-blocking sockets of this worker */
    unsigned listener_count;
    uint32_t connections_max; /* of this worker */
    uint32_t files_max;       /* descriptors its cache may keep open */
    uint64_t cache_bytes;     /* this worker's share */
    int done_fd;              /* an eventfd to add 1 to when the worker's thread has ended */
};

/* Makes a worker, without a thread yet. *Takes* the listeners' descriptors if it succeeds; *borrows*
 * everything else until worker_destroy. Returns 0, or a negative errno (what failed is in *RET_WHAT,
 * a static string: "epoll_create1", "open ROOT"…). *Gives*: worker_destroy. */
int worker_create(struct worker **ret, const struct worker_config *config, const char **ret_what);

/* Starts its thread. 0 or a negative errno. */
int worker_start(struct worker *worker);

/* Asks a started worker, from any thread, to take what its listeners have queued, close them, finish
 * what is in flight for at most options->drain_ms, and end. It then adds 1 to done_fd. */
void worker_drain(struct worker *worker);

/* Whether a look-up in the file system is still under way in a worker that has ended, so that
 * worker_destroy would have to wait for it. */
bool worker_busy(const struct worker *worker);

/* Waits for the thread, if one was started, and frees everything. */
void worker_destroy(struct worker *worker);

/* Readable from any thread between create and destroy. */
const struct counters *worker_counters(const struct worker *worker);

#endif
