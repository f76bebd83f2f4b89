/* file_watch: checks files until the peer has what a socket holds of them.
 *
 * After sendfile(2) the socket refers to pages of the file until the peer has acknowledged them. If
 * the file is rewritten in place before that, the answer may be a mixture of both versions, and its
 * connection has to be reset while a part is still missing. A watch begins with the last byte of a
 * file's part and ends when the peer has acknowledged it, whatever the connection does meanwhile.
 * All watches of a worker are checked together, each FILE_WATCH_MS. A file that may be about to
 * grow (BLOB_UNDECIDED) gets until the next check to do so, and no longer: what the socket holds
 * goes out meanwhile, mixed if the file was rewritten.
 *
 * A watch is one of its connection's waits (conn_wait.h), so a connection without one pays nothing.
 * It pins the files. */
#ifndef SLUICE_FILE_WATCH_H
#define SLUICE_FILE_WATCH_H

#include "conn/conn_wait.h"

enum {
    FILE_WATCH_MS = 50,
    FILE_WATCH_FILES_MAX = 4, /* of a connection; the latest ones */
};

/* A file of which the socket may hold bytes. */
struct file_watched {
    struct blob *file; /* *pinned* */
    int64_t after;     /* bytes that the socket took after those of the file */
};

struct file_watch {
    struct conn_wait wait;
    struct list node; /* in the context's list */
    unsigned count;
    struct file_watched files[FILE_WATCH_FILES_MAX];
};

void file_watch_init(struct conn_context *context);
void file_watch_fini(struct conn_context *context);

/* CONN's socket has taken the last LENGTH bytes of a part of FILE, which file_watch_sent will
 * report. Without memory FILE is not watched. */
void file_watch_begin(struct conn_context *context, struct conn *conn, struct blob *file,
                      uint64_t length);

/* CONN's socket has taken LENGTH bytes more. */
void file_watch_sent(const struct conn *conn, uint64_t length);

/* CONN ends. */
void file_watch_end(struct conn_context *context, struct conn *conn);

/* The timer has fired. Call file_watch_next until it returns NULL. */
void file_watch_expired(struct conn_context *context);

/* The next connection whose socket holds bytes of a file that was rewritten: reset it. NULL: all
 * have been checked. */
struct conn *file_watch_next(struct conn_context *context);

#endif
