/* sockets: lists of listening sockets, divided among the workers.
 *
 * A worker has a socket of its own for each address, by SO_REUSEPORT, where the server opens them
 * itself. Sockets that it was started with may be fewer or more than the workers: a list is filled
 * up with siblings of its sockets, or, where that is not possible, with duplicates, from which
 * several workers accept; and a worker may have several of one list. Each socket has a worker in
 * any case, since connections wait in all of them. Owns the descriptors in a list. */
#ifndef SLUICE_SOCKETS_H
#define SLUICE_SOCKETS_H

#include "base/base.h"

/* Zeroed: empty. */
struct sockets {
    int *fds;
    unsigned count;
    unsigned room;
};

/* Appends FD, which is *taken* in any case. Returns 0, or -ENOMEM with FD closed. */
int sockets_add(struct sockets *sockets, int fd);

/* The same, but that FD stays the caller's if it fails. */
int sockets_keep(struct sockets *sockets, int fd);

/* Adds to SOCKETS, unless they are empty, until their number is a multiple of WORKER_COUNT. BACKLOG
 * as for listen(2). Returns 0 or a negative errno. */
int sockets_fill(struct sockets *sockets, unsigned worker_count, int backlog);

/* Closes all, and frees the list. */
void sockets_close(struct sockets *sockets);

/* Frees the list alone. */
void sockets_free(struct sockets *sockets);

#endif
