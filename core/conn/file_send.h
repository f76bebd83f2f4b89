/* file_send: hands part of a file to a socket, without mixing two versions of it.
 *
 * sendfile(2) copies nothing: the socket refers to the pages of the file, and sends what is in
 * them when their turn comes. If the file is rewritten in place meanwhile, the peer gets both
 * versions in one complete body. read(2) and send(2) copy, so a piece is of one version, and the
 * check after the read says of which. Copying costs CPU time, so it is done where pages would stay
 * in the socket: for a peer that is not quick, the last FILE_SEND_TAIL_BYTES of a part are copied,
 * and until these are sent, the pages that were sent before have gone.
 *
 * Pages that may still be in the socket after the last piece are watched (file_watch.h). While it
 * can't be known whether a file was rewritten, nothing of it is sent (file_doubt.h).
 *
 * A peer is quick when it has taken FILE_SEND_QUICK_COUNT pieces and the socket never had to wait
 * longer than FILE_SEND_SLOW_MS for room. Its files are sent by sendfile alone, and the bound on
 * what its socket holds unsent (TCP_NOTSENT_LOWAT) is lifted, because refilling such a socket in
 * small pieces costs much CPU time. sendfile(2), tcp(7). */
#ifndef SLUICE_FILE_SEND_H
#define SLUICE_FILE_SEND_H

#include "conn/conn.h"

enum {
    FILE_SEND_TAIL_BYTES = 1 << 20,
    FILE_SEND_QUICK_COUNT = 15, /* of 64 KiB or more each */
    FILE_SEND_SLOW_MS = 100,    /* half of NET_UNSENT_BYTES_MAX in this time: 1.3 MB/s */
    FILE_SEND_TICK_MS = 16,
    FILE_SEND_TICKS = 4096, /* of a member with 12 bits */
};

/* Hands the first bytes of PIECE, which is in the page cache, to CONN's socket. LEFT is the number
 * of bytes of the file that have to be sent, PIECE included. Returns the number of bytes taken; 0:
 * CONN waits now (conn_awaits_file), or else the file was truncated or rewritten, so that the
 * answer can't be finished truthfully; -1 with errno. */
ssize_t file_send(struct conn_context *context, struct conn *conn, const struct outq_part *piece,
                  uint64_t left);

/* For transports that copy: reads the first bytes of PIECE, the next of CONN's output, to TO, which
 * has room for all. Returns their number, at least 1, all of the version of the file that was
 * announced; 0 as file_send; -1 with errno. pread(2). */
ssize_t file_send_read(struct conn_context *context, struct conn *conn,
                       const struct outq_part *piece, void *to);

/* Whether the next bytes of PART, the next of CONN's output, up to the end of their window of the
 * file, can be read without a wait for a disk. If not, CONN waits, and wants no output until it has
 * been woken. Checks the page cache where PART begins and where a window begins, for the rest of
 * that window. */
bool file_send_is_warm(struct conn_context *context, struct conn *conn,
                       const struct outq_part *part);

/* Bytes of PART up to its end, or to the end of the window that it begins in: the most that may be
 * sent after one such check, so that the beginning of a window is not passed over. */
size_t file_send_window(const struct outq_part *part);

/* Sets the bound on what CONN's socket holds unsent again, if it holds no more than that. */
void file_send_bound_again(struct conn_context *context, struct conn *conn);

/* Output from memory follows: the bound is set again, if it is lifted. */
static inline void file_send_bound(struct conn_context *context, struct conn *conn)
{
    if (conn->socket.lowat_lifted)
        file_send_bound_again(context, conn);
}

/* For `fini` of a transport: CONN is not counted any more among those whose bound is lifted. */
void file_send_end(struct conn_context *context, struct conn *conn);

#endif
