/* conn_pool: the slots for connections that all workers share, and the workers that wait for one.
 *
 * Owns the number of connections in use and one member for each worker; it sees no connection. A
 * worker takes a slot before it opens a connection and gives it back when it has closed it: one
 * atomic operation each. If no slot is free and the worker has no idle connection to close, it asks
 * the others, one after another, until one of them has closed an idle one of its own. Meanwhile it
 * waits; a slot that is given back wakes one of those that wait.
 *
 * All functions may be called on any thread, except init, attach and fini: before the first worker
 * starts, and after the last has ended. */
#ifndef SLUICE_CONN_POOL_H
#define SLUICE_CONN_POOL_H

#include "base/base.h"

#include <stdatomic.h>

/* Why a member is called. */
enum conn_pool_call {
    CONN_POOL_MAKE_ROOM, /* to call conn_pool_answer */
    CONN_POOL_ACCEPT,    /* a slot is free: accept again */
};

struct conn_pool_member {
    /* Called on any thread; wakes the member's own. */
    void (*call)(void *argument, enum conn_pool_call why);
    void *argument;
    atomic_uint asked; /* the member that its request has come to; above all members: no request */
    atomic_bool waits;
};

struct conn_pool {
    atomic_uint slot_max;
    unsigned member_count;
    atomic_uint used_count;
    atomic_uint waiting_count;
    atomic_uint last_woken; /* member, plus a multiple of member_count */
    struct conn_pool_member *members;
};

/* Prepares POOL with SLOT_MAX slots for MEMBER_COUNT workers. Returns 0 or -ENOMEM. *Gives*:
 * conn_pool_fini, also after a failure. */
int conn_pool_init(struct conn_pool *pool, uint32_t slot_max, unsigned member_count);
void conn_pool_fini(struct conn_pool *pool);

/* Changes the number of slots. While more are in use, none is free. */
void conn_pool_set_max(struct conn_pool *pool, uint32_t slot_max);

/* How many more slots are in use than there are. */
uint32_t conn_pool_excess(const struct conn_pool *pool);

/* Sets the function of member INDEX. A member without one is never called. */
void conn_pool_attach(struct conn_pool *pool, unsigned index,
                      void (*call)(void *argument, enum conn_pool_call why), void *argument);

/* Takes a slot. False: none is free. */
bool conn_pool_take(struct conn_pool *pool);

/* Gives a slot back, and calls one of the members that wait. */
void conn_pool_give(struct conn_pool *pool);

/* The number of free slots, which other threads may change at any time. */
uint32_t conn_pool_free_slots(const struct conn_pool *pool);

/* Has member INDEX called when a slot is given back, once. Try conn_pool_take again afterwards:
 * one may have been given back before. */
void conn_pool_wait(struct conn_pool *pool, unsigned index);

/* Ends that. */
void conn_pool_stop_waiting(struct conn_pool *pool, unsigned index);

/* Member INDEX, which waits, asks the others to close an idle connection, unless its last request
 * is still under way. */
void conn_pool_ask(struct conn_pool *pool, unsigned index);

/* Member INDEX answers the requests that have come to it: MAKE_ROOM closes one idle connection of
 * its own, or returns false. Then the request goes to the next member, and ends when it has come
 * to all. That of a member that waits no more ends at once. */
void conn_pool_answer(struct conn_pool *pool, unsigned index, bool (*make_room)(void *argument),
                      void *argument);

#endif
