/* listening: the sockets of all listeners, and the origins of the connections that they accept.
 *
 * Owns the table of origins, which the workers borrow; the sockets are given to the caller. Made by
 * the main thread before the workers; a reload may change it (relisten.h). */
#ifndef SLUICE_LISTENING_H
#define SLUICE_LISTENING_H

#include "config/settings.h"
#include "conn/listeners.h"
#include "server/origins.h"
#include "system/inherited.h"
#include "system/net.h"

enum { LISTENING_MAX = 9 }; /* listeners of the settings */

/* Begins the names of sockets that this server opens; the listener's number follows. */
#define LISTENING_NAME "sluice.listener-"

/* Zeroed: nothing yet. */
struct listening {
    struct net_set sets[LISTENING_MAX];
    struct net_set wanted[LISTENING_MAX]; /* the same as the settings have them */
    unsigned count;                       /* of both */
    unsigned socket_count;                /* of a worker: at most LISTENERS_MAX */
    /* Of each of them: the listener, the address in its set, the origin of connections. */
    uint8_t socket_listeners[LISTENERS_MAX];
    uint8_t socket_addresses[LISTENERS_MAX];
    uint8_t socket_origins[LISTENERS_MAX];
    bool socket_shared[LISTENERS_MAX]; /* a service manager has it, too */
    struct origins origins;
    uint8_t listener_origins[LISTENING_MAX];
    char names[LISTENING_MAX][64]; /* of their sockets in an upgrade */
    struct listening_left {
        struct net_address address;
        uint16_t port;
        uint64_t until_ms;        /* monotonic */
    } left[LISTENERS_ENDING_MAX]; /* sockets that reloads gave up, which may be open for a moment */
    unsigned left_next;           /* where the next one goes */
    struct inherited *inherited;  /* *borrowed*: sockets to use; NULL: none */
};

/* Sets the addresses of all listeners of SETTINGS, and SOCKET_COUNT, the most that there will be.
 * Returns 0, or -E2BIG with *RET_PROBLEM set. */
int listening_choose(struct listening *listening, const struct settings *settings,
                     struct problem *ret_problem);

/* Whether a service manager gave the sockets of listener INDEX: they have its name. */
bool listening_is_given(const struct listening *listening, unsigned index);

/* Finds the origins of all listeners in ORIGINS, or makes them there, in place of those that have
 * no bit in USED, and which sockets are shared. listening_open does, when it knows the ports. 0 or
 * -ENOSPC. */
int listening_find_origins(struct listening *listening, const struct settings *settings,
                           struct origins *origins, uint64_t used);

/* Opens the sockets for WORKER_COUNT workers, but for those that INHERITED has, which are taken
 * from it, and makes the origins. A worker may have several of an address then. SOCKET_COUNT
 * becomes the number of those that a worker has. *RET_FDS *gives* the descriptors, those of worker
 * i from index i * socket_count on; free() it. Returns 0, or a negative errno with *RET_PROBLEM set
 * and nothing left open. */
int listening_open(struct listening *listening, const struct settings *settings,
                   unsigned worker_count, int **ret_fds, struct problem *ret_problem);

/* Adds to RET_PROBLEM, a port of LISTENING in use, that FD, a listener of the server that may be in
 * the way, is another user's: such sockets do not share a port (socket(7), SO_REUSEPORT). */
void listening_explain_user(const struct listening *listening, int fd, struct problem *ret_problem);

/* The workers listen no more: removes the files of Unix sockets, unless others have taken their
 * places. No effect the second time. */
void listening_end(struct listening *listening);

/* Takes over the files of the sockets that another process has handed over, with the mode and owner
 * that the settings have for them now, and removes those of sockets that are for no listener any
 * more. For a process that the former one has let go. */
void listening_keep(struct listening *listening);

/* Leaves those files to another process, which has been given the sockets: listening_end has no
 * effect then. */
void listening_leave(struct listening *listening);

#endif
