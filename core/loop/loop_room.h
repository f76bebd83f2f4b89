/* loop_room: slots for new connections: closes idle and stalled connections for them, and hears of
 * slots that other workers give back.
 *
 * A part of loop. Owns nothing; on the loop's thread only, except the call that loop_room_init
 * gives to the pool (conn_pool.h). A server may close an idle connection at any time
 * (RFC 9112 9.5); one that stalls would keep new clients out until its timeout. */
#ifndef SLUICE_LOOP_ROOM_H
#define SLUICE_LOOP_ROOM_H

#include "loop/loop.h"

/* Lets the loop's listeners and its table's pool close connections for new ones. */
void loop_room_init(struct loop *loop);

/* Ends that, for the pool: no other thread uses it any more. */
void loop_room_fini(struct loop *loop);

/* Answers the requests of other workers for a slot: LOOP_ORDER_MAKE_ROOM. */
void loop_room_answer(struct loop *loop);

#endif
