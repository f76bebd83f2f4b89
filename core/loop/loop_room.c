/* loop_room: see loop_room.h. */
#include "loop/loop_room.h"

#include "loop/loop_turn.h"

/* Whether CONN has no request on its way that the kernel has already received, if it is idle; and
 * takes nothing of a response, if one is sent: the socket of a slow peer may be full for long while
 * the peer reads. */
static bool may_close(void *argument, struct conn *conn)
{
    struct loop *loop = argument;
    if (conn->phase == CONN_PHASE_SEND)
        return conn_transport(loop->context, conn)->stalled_ms(conn) >= CONN_TABLE_STALLED_MS;
    if (conn->phase != CONN_PHASE_IDLE && conn->phase != CONN_PHASE_FIRST)
        return true;
    return loop->engine->is_silent(loop, conn);
}

static enum listeners_room make_room(void *argument)
{
    struct loop *loop = argument;
    struct conn *victim = conn_table_find_victim(loop->conns, may_close, loop);
    if (!victim)
        return LISTENERS_ROOM_NONE;
    counters_add(loop->context->counters, COUNTER_CONNECTIONS_EVICTED, 1);
    conn_trace(loop->context, victim, TRACE_SHED, 0);
    loop_turn_drop(loop, victim);
    return victim->state == CONN_CLOSED ? LISTENERS_ROOM_NOW : LISTENERS_ROOM_SOON;
}

static bool make_room_for_another(void *argument)
{
    return make_room(argument) != LISTENERS_ROOM_NONE;
}

/* On any thread. */
static void call(void *argument, enum conn_pool_call why)
{
    loop_order(argument, why == CONN_POOL_MAKE_ROOM ? LOOP_ORDER_MAKE_ROOM : LOOP_ORDER_ACCEPT);
}

void loop_room_init(struct loop *loop)
{
    struct conn_table *conns = loop->conns;
    loop->listeners.make_room = make_room;
    loop->listeners.make_room_argument = loop;
    if (conns->pool)
        conn_pool_attach(conns->pool, conns->member, call, loop);
}

void loop_room_fini(struct loop *loop)
{
    if (loop->conns->pool)
        conn_pool_attach(loop->conns->pool, loop->conns->member, NULL, NULL);
}

void loop_room_answer(struct loop *loop)
{
    conn_pool_answer(loop->conns->pool, loop->conns->member, make_room_for_another, loop);
}
