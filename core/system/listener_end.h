/* listener_end: how a listening socket ends without a reset of clients that have connected.
 *
 * close(2) resets the connections that wait in the queue, and those that the kernel keeps until
 * their first bytes come (TCP_DEFER_ACCEPT). So the socket is accepted from for a while after
 * listener_end_begin, then the kernel ignores new clients (listener_end_refuse), and after another
 * moment its queue is empty for good. A client that is ignored tries again after a second, and then
 * finds another listener, or that the port is closed.
 *
 * Only for a socket of this process alone: both concern all descriptors of it. Owns nothing.
 * tcp(7), socket(7) SO_ATTACH_FILTER. */
#ifndef SLUICE_LISTENER_END_H
#define SLUICE_LISTENER_END_H

#include "base/base.h"

enum {
    /* The kernel asks a client again that has sent nothing for a second, and then has its
     * connection accepted. */
    LISTENER_END_MS = 1200,
    LISTENER_END_REFUSES_MS = 300, /* for handshakes under way */
};

/* Begins the end of FD. True: connections may become acceptable for LISTENER_END_MS. False: all
 * that have connected can be accepted, and no other client can connect. */
bool listener_end_begin(int fd);

/* Has the kernel ignore clients that begin to connect to FD. Handshakes under way go on, for
 * LISTENER_END_REFUSES_MS or as long as FD is open. */
void listener_end_refuse(int fd);

#endif
