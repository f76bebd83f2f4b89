/* listening_adopt: which of the sockets that the process was started with are for which listener.
 *
 * A socket is for the listener that has its address and port, or path. Where a listener has any
 * port (0), the one that a process before this one took counts, by the name that process gave to
 * the socket. Sockets that are left may be named "http" or "https" by a service manager: they are
 * for the listener of that kind if just one is left; then its own address does not count. Nothing
 * is guessed beyond that. A part of listening. Owns nothing. */
#ifndef SLUICE_LISTENING_ADOPT_H
#define SLUICE_LISTENING_ADOPT_H

#include "server/listening.h"
#include "server/sockets.h"

/* The sockets of each address of each listener. */
struct listening_sockets {
    struct sockets lists[LISTENING_MAX][NET_ADDRESSES_MAX];
};

/* Moves sockets from LISTENING->inherited to RET, zeroed. The sets of LISTENING are updated: ports,
 * and addresses that a name has replaced. Returns 0 or -ENOMEM. */
int listening_adopt(struct listening *listening, struct listening_sockets *ret);

/* Opens what ALL does not have of the sockets of LISTENING, for WORKER_COUNT workers. The rest is
 * as in listening_open, but after an error the sockets stay in ALL, and with it the caller's. */
int listening_complete(struct listening *listening, unsigned worker_count,
                       struct listening_sockets *all, int **ret_fds, struct problem *ret_problem);

/* Gives the sockets of listener INDEX the name that this server has for them. */
void listening_name(struct listening *listening, unsigned index);

/* Closes the sockets that are left, and names them in one line on standard error. */
void listening_close_unused(struct inherited *inherited);

/* Removes the files of those that were sockets of the Unix domain, unless a service manager made
 * them. For a process that the former one has let go: that serves no more. NULL is allowed. */
void listening_remove_unused(const struct inherited *inherited);

#endif
