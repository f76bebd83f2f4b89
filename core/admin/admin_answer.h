/* admin_answer: a request to the admin listener, and the state of the server, as an answer.
 *
 * GET and HEAD of a handful of paths. On a listener that only this machine reaches, what can be
 * read is given only to a Host that is an address or localhost: a page of a stranger that has had
 * its own name resolve to 127.0.0.1 (DNS rebinding) gets 421. Probes answer any Host.
 *
 * Pure: no socket, no clock; allocates the answer and nothing that stays. */
#ifndef SLUICE_ADMIN_ANSWER_H
#define SLUICE_ADMIN_ANSWER_H

#include "admin/admin_snapshot.h"
#include "h1/h1_head.h"

#include <stdatomic.h>

/* What changes while the server runs: the main thread writes it, any thread reads it. */
struct admin_live {
    _Atomic uint64_t connections_max;
    _Atomic uint64_t cache_bytes_max;
    _Atomic uint64_t reloads_done;
    _Atomic uint64_t reloads_refused;
    atomic_bool last_reload_refused;
    _Atomic uint64_t last_reload_s; /* POSIX time of the last one that was done, or of the start */
};

/* What the server reports. */
struct admin_source {
    const char *program; /* all text is *borrowed* */
    const char *backend;
    double started;                /* POSIX time in seconds */
    const struct admin_live *live; /* *borrowed* */
    unsigned worker_count;
    const struct counters *(*counters)(void *owner, unsigned worker);
    void (*wake)(void *owner, unsigned worker); /* has it take a turn of its loop */
    /* Adds the sites to SNAPSHOT (admin_snapshot_add). False: out of memory. NULL: no sites. */
    bool (*sites)(void *owner, struct admin_snapshot *snapshot);
    void *owner;
    uint64_t stuck_ms; /* a worker that takes longer to make a turn is stuck; 0: 10 s */
};

enum { ADMIN_NONE_STUCK = -1 };

/* The state of the server. */
struct admin_state {
    const struct admin_source *source;
    double now;   /* POSIX time in seconds */
    bool guarded; /* only this machine reaches the listener */
    bool draining;
    int stuck_worker;  /* whose loop does not turn; ADMIN_NONE_STUCK */
    uint64_t stuck_ms; /* for how long */
};

/* A whole message. */
struct admin_answer {
    char *bytes; /* NULL: out of memory. *Gives*: free */
    size_t length;
};

/* The answer to HEAD, which may be refused. KEEPS: another request may follow. */
struct admin_answer admin_answer_make(const struct admin_state *state, const struct h1_head *head,
                                      bool keeps);

#endif
