/* listening: the sockets of all listeners, and the origins of the connections that they accept.
 *
 * Owns the table of origins, which the workers borrow; the sockets are given to the caller. Made by
 * the main thread before the workers, and not changed after that. */
#ifndef SLUICE_LISTENING_H
#define SLUICE_LISTENING_H

#include "base/networks.h"
#include "config/settings.h"
#include "conn/listeners.h"
#include "system/inherited.h"
#include "system/net.h"

enum { LISTENING_MAX = 9 }; /* listeners of the settings */

/* Begins the names of sockets that this server opens; the listener's number follows. */
#define LISTENING_NAME "sluice.listener-"

/* Zeroed: nothing yet. */
struct listening {
    struct net_set sets[LISTENING_MAX];
    unsigned count;                        /* of SETS */
    unsigned socket_count;                 /* of a worker: at most LISTENERS_MAX */
    uint8_t socket_origins[LISTENERS_MAX]; /* of each of them */
    /* One for each listener, in their order; then one for each that speaks TLS, of the connections
     * to it that speak plain HTTP; then those of connections of whose clients more is known. */
    struct origin origins[ORIGINS_MAX];
    char hsts[LISTENING_MAX][32];
    struct networks trusted;       /* proxies */
    char names[LISTENING_MAX][64]; /* of their sockets in an upgrade */
    struct inherited *inherited;   /* *borrowed*: sockets to use; NULL: none */
};

/* Sets the addresses of all listeners of SETTINGS, and SOCKET_COUNT, the most that there will be.
 * Returns 0, or -E2BIG with *RET_PROBLEM set. */
int listening_choose(struct listening *listening, const struct settings *settings,
                     struct problem *ret_problem);

/* Makes the origins, one for each listener. listening_open does, when it knows the ports. */
void listening_make_origins(struct listening *listening, const struct settings *settings);

/* Opens the sockets for WORKER_COUNT workers, but for those that INHERITED has, which are taken
 * from it, and makes the origins. A worker may have several of an address then. SOCKET_COUNT
 * becomes the number of those that a worker has. *RET_FDS *gives* the descriptors, those of worker
 * i from index i * socket_count on; free() it. Returns 0, or a negative errno with *RET_PROBLEM set
 * and nothing left open. */
int listening_open(struct listening *listening, const struct settings *settings,
                   unsigned worker_count, int **ret_fds, struct problem *ret_problem);

/* The workers listen no more: removes the files of Unix sockets, unless others have taken their
 * places. No effect the second time. */
void listening_end(struct listening *listening);

/* Leaves those files to another process, which has been given the sockets: listening_end has no
 * effect then. */
void listening_leave(struct listening *listening);

#endif
