/* conn_storage: the storage that a connection is lent for its input and its output, in three sizes,
 * the largest for long heads only.
 *
 * A part of conn: besides conn, sessions use it to get output storage. Storage comes from the
 * context's slabs while there are bytes to keep, is exchanged for the small size when few bytes
 * have to wait, and goes back when it is empty. conn_room, conn_await_storage and
 * conn_to_shed, of conn.h, are here as well. */
#ifndef SLUICE_CONN_STORAGE_H
#define SLUICE_CONN_STORAGE_H

#include "conn/conn.h"

/* Prepares the context's slabs, of at most BYTES_MAX in each of the sizes, and the lists of
 * connections that hold storage or wait for it. */
void conn_storage_init(struct conn_context *context, uint64_t bytes_max);
void conn_storage_fini(struct conn_context *context);

/* Frees the storage that no connection has. */
void conn_storage_shrink(struct conn_context *context);

/* The bytes of storage that have been freed since the start. */
static inline uint64_t conn_storage_freed(const struct conn_context *context)
{
    return context->small.freed_bytes + context->full.freed_bytes + context->large.freed_bytes;
}

/* Gives back the storage of an empty input ring, or of an empty output queue. */
void conn_storage_return_input(struct conn_context *context, struct conn *conn);
void conn_storage_return_output(struct conn_context *context, struct conn *conn);

enum conn_storage_size {
    CONN_STORAGE_ANY,
    CONN_STORAGE_FULL,
};

/* Makes sure that there is output storage of SIZE. False: none is free now. */
bool conn_storage_lend_output(struct conn_context *context, struct conn *conn,
                              enum conn_storage_size size);

/* At the end of a turn: storage that isn't needed goes back, or is exchanged for a smaller size. */
void conn_storage_settle(struct conn_context *context, struct conn *conn);

/* Then, when CONN's phase is known: puts it in the list of connections that may be shed for the
 * full or large storage they hold, or for what their transport keeps, or takes it out. */
void conn_storage_settle_holding(struct conn_context *context, struct conn *conn);

#endif
