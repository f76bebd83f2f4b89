/* relisten: the listeners of another generation of settings, in place of those of a process that
 * runs.
 *
 * All new sockets are opened first, while the former ones still listen; if one cannot be, nothing
 * has changed. A listener that the settings describe as before keeps its sockets, with their
 * queues, whatever is spoken there now; so does an address and port that another listener has by
 * now.
 * Connections keep the origin that they were accepted with. Sockets that are given up end in the
 * workers, after a while (system/listener_end.h). Used by the main thread; the workers then take
 * their parts (worker_change). */
#ifndef SLUICE_RELISTEN_H
#define SLUICE_RELISTEN_H

#include "server/listening.h"

struct relisten;

/* What runs now. */
struct relisten_now {
    struct listening *listening;
    int **sockets; /* of all workers, as listening_open gives them */
    unsigned worker_count;
    uint64_t origins; /* bits of those that connections have */
};

/* Opens the sockets that NOW does not have of the listeners of SETTINGS, and finds the origins of
 * all. Returns 0, or a negative errno with *RET_PROBLEM set and nothing left open. *Gives*:
 * relisten_commit or relisten_drop. */
int relisten_prepare(struct relisten **ret, const struct relisten_now *now,
                     const struct settings *settings, struct problem *ret_problem);

/* The listeners that RELISTEN leads to: its sockets, those of a worker side by side. *Borrowed*. */
const struct listening *relisten_listening(const struct relisten *relisten);
const int *relisten_sockets(const struct relisten *relisten);

/* The listeners and sockets of NOW become those of RELISTEN, which is *taken*. Files of Unix
 * sockets that are given up are removed. Reports what has changed. */
void relisten_commit(struct relisten *relisten, const struct relisten_now *now);

/* Closes what was opened. NULL is allowed. */
void relisten_drop(struct relisten *relisten, const struct relisten_now *now);

#endif
