/* transport: bytes between a connection and its non-blocking socket, by system calls of our own:
 * recv(2), send(2), sendfile(2).
 *
 * For event loops that are told of readiness (epoll). Each call moves bytes once, and takes note of
 * what it learns: that the socket has no more to give or takes no more, that the peer is done. */
#ifndef SLUICE_TRANSPORT_H
#define SLUICE_TRANSPORT_H

#include "conn/conn.h"

enum transport_result {
    TRANSPORT_PROGRESS, /* something moved, or the end of input was reached */
    TRANSPORT_NOTHING, /* the socket isn't ready, and the connection's flag is cleared; or a disk isn't,
                          and it wants no output */
    TRANSPORT_FULL,   /* no storage for input can be lent */
    TRANSPORT_FAILED, /* the connection is broken, or its response can't be finished */
};

/* Each takes what it moves off *BUDGET, which is not 0 before; at most the last move exceeds it. */

/* Receives what there is, as far as there is room for it. */
enum transport_result transport_receive(struct conn_context *context, struct conn *conn,
                                        size_t *budget);

/* Sends from the output queue, which is not empty: all pieces in memory up to the next file, or
 * from that file. */
enum transport_result transport_send(struct conn_context *context, struct conn *conn,
                                     size_t *budget);

/* Whether all that was sent has been acknowledged by the peer's kernel. */
bool transport_delivered(const struct conn *conn);

/* Whether a peer that the socket takes no more for may still be taking bytes: the socket may
 * hold megabytes, and says so only when a good part of them has gone. False when it has taken
 * none at two looks in a row, so look twice in the time that it has. */
bool transport_drains(struct conn *conn);

/* Throws away input, in CONN_LINGERING. FAILED as well when the connection has discarded enough. */
enum transport_result transport_discard(struct conn *conn, size_t *budget);

#endif
