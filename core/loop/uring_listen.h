/* uring_listen: what the kernel does for a worker's listeners: it accepts unasked, or tells when to.
 *
 * A multishot accept does not ask whether there is room for a connection. As long as there is more than
 * it can fill before it is stopped, it is left to go on; with less, the kernel only tells that somebody
 * waits, and connections are accepted by the turn, as listeners_accept does it. */
#ifndef SLUICE_URING_LISTEN_H
#define SLUICE_URING_LISTEN_H

#include "conn/listeners.h"
#include "system/uring.h"

#ifdef SLUICE_HAVE_LIBURING

enum uring_hearing {
    URING_HEARS_NOT,
    URING_HEARS_ALL,   /* a multishot accept is with the kernel */
    URING_HEARS_KNOCK, /* a poll is */
};

struct uring_listen {
    struct uring *uring;         /* *borrowed* */
    struct listeners *listeners; /* *borrowed* */
    unsigned opcode_accept;      /* of the requests' identities, see loop_identity */
    unsigned opcode_knock;
    unsigned opcode_hush;
    enum uring_hearing hearing[LISTENERS_MAX];
    bool hushing[LISTENERS_MAX]; /* the request has been asked to end */
};

/* Makes what the kernel has agree with what is wanted: before every wait. */
void uring_listen(struct uring_listen *listen);

/* Asks all requests to end. False if there are none. */
bool uring_listen_end(struct uring_listen *listen);

/* Completions of listener INDEX: of the accept, the poll, and of asking either to end. */
void uring_listen_accepted(struct uring_listen *listen, unsigned index, int result, bool goes_on);
void uring_listen_knocked(struct uring_listen *listen, unsigned index, int result);
void uring_listen_not_hushed(struct uring_listen *listen, unsigned index);

#endif
#endif
