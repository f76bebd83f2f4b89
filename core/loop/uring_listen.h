/* uring_listen: the requests that the kernel has for a worker's listeners: to accept, or to poll.
 *
 * A multishot accept does not check whether there is room for a connection. While there is room for
 * more connections than it could accept before it is cancelled, it stays with the kernel. With less
 * room, the kernel only polls: it reports that a connection waits, and listeners_accept accepts it
 * in the next turn. */
#ifndef SLUICE_URING_LISTEN_H
#define SLUICE_URING_LISTEN_H

#include "conn/listeners.h"
#include "system/uring.h"

#ifdef SLUICE_HAVE_LIBURING

enum uring_listen_request {
    URING_LISTEN_NOTHING,
    URING_LISTEN_ACCEPT, /* a multishot accept is with the kernel */
    URING_LISTEN_POLL,   /* a poll is with the kernel */
};

struct uring_listen {
    struct uring *uring;         /* *borrowed* */
    struct listeners *listeners; /* *borrowed* */
    unsigned opcode_accept;      /* of the requests' identities, see conn_table_identity */
    unsigned opcode_poll;
    unsigned opcode_cancel;
    enum uring_listen_request requests[LISTENERS_PLACES];
    bool cancelling[LISTENERS_PLACES]; /* the request is being cancelled */
};

/* Starts and cancels requests as needed. Call it before every wait. */
void uring_listen_update(struct uring_listen *listen);

/* Cancels the request of listener INDEX. False: it has none, or none any more. */
bool uring_listen_stop(struct uring_listen *listen, unsigned index);

/* Cancels all requests. False: none is left. */
bool uring_listen_end(struct uring_listen *listen);

/* Takes a completion of listener INDEX: of its accept, of its poll, and of a cancellation that
 * failed. */
void uring_listen_accepted(struct uring_listen *listen, unsigned index, int result, bool goes_on);
void uring_listen_polled(struct uring_listen *listen, unsigned index, int result);
void uring_listen_cancel_failed(struct uring_listen *listen, unsigned index);

#endif
#endif
