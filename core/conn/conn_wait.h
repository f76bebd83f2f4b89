/* conn_wait: the waits of a connection: for look-ups, for parts of files that a disk has to bring,
 * and for time to pass (file_doubt.h).
 *
 * A wait belongs to an owner inside its connection, an address: an exchange (exchange.h) or the
 * output. A connection keeps a list of its waits, so that any number of exchanges can wait at
 * the same time; one that never waits pays a pointer. Waits come from a slab of the context,
 * which always keeps a spare one ready: a look-up needs a waiter before it is known whether it
 * has to wait. */
#ifndef SLUICE_CONN_WAIT_H
#define SLUICE_CONN_WAIT_H

#include "conn/conn.h"

struct conn_wait {
    struct lookup_waiter waiter;
    struct conn_wait *next; /* of the same connection */
    struct conn *conn;
    const void *owner;
    uint64_t began_ms; /* date_now's ms */
    struct list node;  /* of one that waits for time: in a list of the context's */
};

void conn_waits_init(struct conn_context *context);
void conn_waits_fini(struct conn_context *context);

/* The wait that OWNER has begun and not ended, woken or not; NULL if it has none. */
struct conn_wait *conn_wait_find(const struct conn *conn, const void *owner);

/* A waiter for OWNER: that of the wait it has begun, else the spare one, unused, which becomes
 * OWNER's only with conn_wait_begin. NULL: out of memory. *Borrowed* until the next call of
 * these functions. */
struct lookup_waiter *conn_wait_prepare(struct conn_context *context, struct conn *conn,
                                        const void *owner);

/* OWNER has to wait: what conn_wait_prepare has just given for it has been queued. */
void conn_wait_begin(struct conn_context *context, struct conn *conn, const void *owner);

/* The same with WAIT, which the caller owns and unlinks again; it waits for nothing. */
void conn_wait_link(const struct conn_context *context, struct conn *conn, const void *owner,
                    struct conn_wait *wait);

/* Takes WAIT, which is one of CONN's, out of its list. */
void conn_wait_unlink(struct conn *conn, struct conn_wait *wait);

/* OWNER waits no more, or never has: takes it out of its list, cancels its look-up, frees what that
 * has brought. */
void conn_wait_end(struct conn_context *context, struct conn *conn, const void *owner);

/* The same for all waits of CONN. */
void conn_wait_end_all(struct conn_context *context, struct conn *conn);

#endif
