/* conn_storage: what a connection is lent: storage for its input and its output, in two sizes.
 *
 * The other half of conn, which alone includes this. Storage comes from the context's slabs while there are
 * bytes to keep, is exchanged for the small size when few of them have to wait, and goes back when there
 * are none. conn_room, conn_starve and conn_to_shed, of conn.h, are here as well. */
#ifndef SLUICE_CONN_STORAGE_H
#define SLUICE_CONN_STORAGE_H

#include "conn/conn.h"

/* The context's slabs, of at most BYTES_MAX in each of the two sizes, and the lists of who holds and who
 * waits for storage. */
void conn_storage_init(struct conn_context *context, uint64_t bytes_max);
void conn_storage_fini(struct conn_context *context);

/* Gives back what an empty input ring, or an output queue with nothing in it, has been lent. */
void conn_storage_return_input(struct conn_context *context, struct conn *conn);
void conn_storage_return_output(struct conn_context *context, struct conn *conn);

/* Makes sure that there is output storage, of the full size if FULL. False: none to be had now. */
bool conn_storage_lend_output(struct conn_context *context, struct conn *conn, bool full);

/* At the end of a turn: storage that isn't needed goes back, or is exchanged for the small size. */
void conn_storage_settle(struct conn_context *context, struct conn *conn);

/* Then, when CONN's phase is known: keeps it among those that may be shed for the full storage that they
 * hold, or out of them. */
void conn_storage_settle_holding(struct conn_context *context, struct conn *conn);

#endif
