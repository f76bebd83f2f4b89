/* outq: what goes out on one connection, in order: a queue of spans with end marks.
 *
 * A span is text that the queue owns (a response's head, and a small body copied behind it), or part
 * of a blob, in memory or in a file, on which the queue holds a reference. A response is pushed whole
 * after a room check, or not at all, and leaves an end mark.
 *
 * Two cursors walk the spans: *sent* (handed to the kernel) and *released* (the kernel is done with
 * the memory). With sendmsg and sendfile they move together; with zero-copy sends they don't. End
 * marks come due when *sent* passes them; references are dropped at *released*.
 *
 * All state lives in storage that is lent to the queue while it isn't empty, so an idle connection
 * pays one pointer. Not thread-safe; no I/O. */
#ifndef SLUICE_OUTQ_H
#define SLUICE_OUTQ_H

#include "base/str.h"
#include "storage/blob.h"

#include <sys/uio.h>

enum {
    OUTQ_STORAGE_MIN = 512, /* bytes: the least that can be lent */
    OUTQ_PARTS_MAX = 65,    /* blob parts in one response: what multipart needs */
};

/* Part of a blob. */
struct outq_part {
    struct blob *blob;
    uint64_t first;
    uint64_t length; /* bytes; a part of length 0 is not queued */
};

/* What a response leaves for the time when it has been sent. */
struct outq_end {
    uint64_t position;   /* set by the queue: bytes from its beginning to the response's end */
    uint64_t started_ms; /* when its request had been read */
    uint64_t bytes;      /* of the response, head and body */
    uint16_t status;
};

struct outq_store;

struct outq {
    struct outq_store *store; /* NULL: no storage lent, and so empty */
};

/* Lends BYTES of STORAGE, aligned to 16, to a queue that has none. */
void outq_lend(struct outq *queue, void *storage, size_t bytes);

/* Takes the storage back from a queue in which everything has been released. Returns it. */
void *outq_return(struct outq *queue);

/* Moves what is queued to other STORAGE. Returns the storage lent before; NULL, with nothing
 * changed, when it does not fit. */
void *outq_move(struct outq *queue, void *storage, size_t bytes);

/* Bytes of storage lent; 0 if none. */
size_t outq_storage_bytes(const struct outq *queue);

/* Room for a response of TEXT_BYTES and PARTS parts: where its text goes, contiguous and at least
 * TEXT_BYTES long, or NULL when there is no room (or no storage). Nothing is queued yet. */
char *outq_reserve(struct outq *queue, size_t text_bytes, unsigned parts);

/* Queues a response: the first TEXT_BYTES of what outq_reserve just gave, then PARTS, each of which
 * the queue *pins*, then END. Within the room that was reserved, it can't fail. */
void outq_push(struct outq *queue, size_t text_bytes, const struct outq_part *parts,
               unsigned part_count, struct outq_end end);

/* Bytes pushed and not sent. */
uint64_t outq_unsent(const struct outq *queue);

/* Whether nothing is waiting to be sent or released. */
bool outq_empty(const struct outq *queue);

/* The unsent spans in memory before the next file span, in order, as at most ROOM pieces. Returns the
 * number of pieces; *RET_FILE_FOLLOWS says whether a file span comes right behind them. The pieces are
 * *borrowed* until they are released. */
unsigned outq_gather(const struct outq *queue, struct iovec *pieces, unsigned room,
                     bool *ret_file_follows);

/* If the next unsent bytes are in a file: true, and what is left of that span, *borrowed*. */
bool outq_next_file(const struct outq *queue, struct outq_part *ret);

/* Whether nothing of the next span has been sent yet. */
bool outq_span_begins(const struct outq *queue);

/* Says that the next LENGTH unsent bytes have been handed to the kernel. */
void outq_sent(struct outq *queue, uint64_t length);

/* Says that the kernel is done with the oldest LENGTH bytes, all of them sent. Drops references. */
void outq_released(struct outq *queue, uint64_t length);

/* The oldest end mark that *sent* has passed, removed from the queue; false if none has come due. */
bool outq_next_end(struct outq *queue, struct outq_end *ret);

/* Drops everything, sent or not. Returns how many responses had not been sent whole. */
unsigned outq_clear(struct outq *queue);

#endif
