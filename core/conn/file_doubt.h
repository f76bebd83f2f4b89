/* file_doubt: connections whose file is either about to grow or has been rewritten, until that is
 * decided.
 *
 * An append that a file system holds up has set the file's mtime, but not yet its size. So has a
 * write within the file, after which the answer can't be finished truthfully. Later it shows which
 * of the two it is (blob_check_file). Meanwhile nothing of the file is sent, and what has been read
 * of it is thrown away: sent on, it could complete a mixture of two versions.
 *
 * The connection waits as for a disk, with one of its waits (conn_wait.h), so that others go on.
 * All that wait are checked together, each FILE_DOUBT_CHECK_MS, by the worker's own thread; that of
 * each ends after FILE_DOUBT_MS at the latest. */
#ifndef SLUICE_FILE_DOUBT_H
#define SLUICE_FILE_DOUBT_H

#include "conn/conn_wait.h"

enum {
    /* How long an append may be held up. With ext4 it waits until the journal has written the
     * block with the file's inode to the disk: at most 8 ms of 9 s with one commit after another
     * on an SSD, but after all that is in the queue of a disk that turns, some 100 ms. A second
     * is more than that, and a client that gets nothing of a rewritten file meanwhile loses
     * little. */
    FILE_DOUBT_MS = 1000,
    FILE_DOUBT_CHECK_MS = WHEEL_TICK_MS,
};

void file_doubt_init(struct conn_context *context);
void file_doubt_fini(struct conn_context *context);

/* Whether FILE, of which CONN's next output is, may be sent: it is unchanged, or it has grown (a
 * log that is written, a download in progress) and the announced bytes are there. False: it was
 * truncated or rewritten; or that is not decided and CONN waits (conn_awaits_file). Without memory
 * to wait with it counts as rewritten. */
bool file_doubt_may_send(struct conn_context *context, struct conn *conn, struct blob *file);

/* The timer has fired. Call file_doubt_next until it returns NULL. */
void file_doubt_expired(struct conn_context *context);

/* The next connection that waits no more: give it a turn. NULL: all have been checked. */
struct conn *file_doubt_next(struct conn_context *context);

#endif
