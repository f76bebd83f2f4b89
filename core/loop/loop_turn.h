/* loop_turn: a connection's turn in its loop: work, send, receive, then what comes next.
 *
 * A part of loop. Moves bytes through the connection's transport, within a budget, so that no peer
 * starves another; then carries out the verdict of conn.h: go on, linger (RFC 9112 section 9.6),
 * close. Owns nothing. */
#ifndef SLUICE_LOOP_TURN_H
#define SLUICE_LOOP_TURN_H

#include "loop/loop.h"

/* Gives CONN, which has left the run list, its turn. It is back in the list if it can go on.
 * Returns the number of bytes that were moved. */
size_t loop_turn_run(struct loop *loop, struct conn *conn);

/* Closes CONN at once. The transport's last bytes are sent if the socket takes them. */
void loop_turn_close(struct loop *loop, struct conn *conn);

/* Closes CONN, which is not waited for any more: by a reset if its peer has not taken everything,
 * because the kernel would go on to hold that, and no limit applies to it there. */
void loop_turn_drop(struct loop *loop, struct conn *conn);

/* Closes a connection that holds storage and makes no progress. False: there is no such connection
 * except SPARED, which may be NULL. */
bool loop_turn_shed(struct loop *loop, const struct conn *spared);

#endif
