/* outq: the output of one connection, in order: a queue of spans with end marks.
 *
 * A span is text that the queue owns (a response's head, with a small body copied after it) or part
 * of a blob, in memory or in a file, on which the queue holds a reference. A response is pushed
 * whole after a check for room, or not at all, and leaves an end mark.
 *
 * Two cursors move along the spans: *sent* (handed to the kernel) and *released* (the kernel no
 * longer uses the memory). With sendmsg and sendfile they move together; with zero-copy sends they
 * do not. An end mark comes due when *sent* passes it; references are dropped at *released*.
 *
 * All state is in storage that is lent to the queue while it is not empty, so an idle connection
 * pays for one pointer. Not thread-safe. No I/O. */
#ifndef SLUICE_OUTQ_H
#define SLUICE_OUTQ_H

#include "base/str.h"
#include "storage/blob.h"

#include <sys/uio.h>

enum {
    OUTQ_STORAGE_MIN = 512, /* bytes; the least that can be lent */
    OUTQ_PARTS_MAX = 65,    /* blob parts in a response, enough for multipart/byteranges */
};

/* Part of a blob. */
struct outq_part {
    struct blob *blob;
    uint64_t first;
    uint64_t length; /* bytes; a part of length 0 is not queued */
};

enum { OUTQ_UNTAGGED = UINT32_MAX };

/* The end mark of a response. */
struct outq_end {
    uint64_t position; /* bytes from the queue's beginning to the response's end */
    uint32_t tag;      /* a number that means something to the caller; see outq_tag */
};

struct outq_store;

struct outq {
    struct outq_store *store; /* NULL: none lent, and the queue is empty */
};

/* Lends STORAGE of BYTES, aligned to 16 bytes, to a queue that has none. BYTES is at least
 * OUTQ_STORAGE_MIN and at most UINT16_MAX. *Borrowed* until outq_return or outq_move returns it. */
void outq_lend(struct outq *queue, void *storage, size_t bytes);

/* Takes the storage back from a queue of which everything has been released. Returns it. */
void *outq_return(struct outq *queue);

/* Moves the contents to another STORAGE of BYTES. Returns the storage lent before. NULL, with
 * nothing changed: the contents do not fit. */
void *outq_move(struct outq *queue, void *storage, size_t bytes);

/* The bytes of storage lent; 0: none. */
size_t outq_storage_bytes(const struct outq *queue);

/* Finds room for a response of TEXT_BYTES of text and PARTS parts. Returns where to write the text:
 * TEXT_BYTES or more, contiguous. NULL: no room, or no storage. Nothing is queued yet. */
char *outq_reserve(struct outq *queue, size_t text_bytes, unsigned parts);

/* Queues a response: the first TEXT_BYTES at the place that outq_reserve returned, then PART_COUNT
 * parts, whose blobs the queue *pins*, then an untagged end mark. Cannot fail within the room that
 * was reserved. */
void outq_push(struct outq *queue, size_t text_bytes, const struct outq_part *parts,
               unsigned part_count);

/* The same without an end mark: part of a response whose frames alternate with those of others. */
void outq_push_frame(struct outq *queue, size_t text_bytes, const struct outq_part *parts,
                     unsigned part_count);

/* Ends such a response: its untagged end mark comes due when all that is queued now has been sent.
 * Cannot fail within the room that was reserved for the last frame. */
void outq_push_end(struct outq *queue);

/* Sets the tag of the end mark that was pushed last. */
void outq_tag(struct outq *queue, uint32_t tag);

/* The number of bytes pushed but not sent. */
uint64_t outq_unsent(const struct outq *queue);

/* Whether everything pushed has been sent and released. */
bool outq_empty(const struct outq *queue);

/* Collects the unsent spans up to the next file span, in order, as at most ROOM pieces. Returns the
 * number of pieces. *RET_FILE_FOLLOWS: whether a file span comes directly after them. The pieces
 * are *borrowed* until they are released. */
unsigned outq_gather(const struct outq *queue, struct iovec *pieces, unsigned room,
                     bool *ret_file_follows);

/* Whether the next unsent bytes are in a file; if so, *RET is the unsent rest of that span,
 * *borrowed*. */
bool outq_next_file(const struct outq *queue, struct outq_part *ret);

/* Whether the next unsent byte is the first of its span. */
bool outq_span_begins(const struct outq *queue);

/* Marks the next LENGTH unsent bytes as sent: handed to the kernel. */
void outq_sent(struct outq *queue, uint64_t length);

/* Marks the oldest LENGTH bytes, all of them sent, as released: the kernel no longer uses them.
 * Drops the references to blobs that have been released whole. */
void outq_released(struct outq *queue, uint64_t length);

/* Removes the oldest end mark that *sent* has reached, and gives it in *RET. False: none has come
 * due. */
bool outq_next_end(struct outq *queue, struct outq_end *ret);

/* Removes all end marks that *sent* has reached. Returns their number. */
unsigned outq_drop_ends(struct outq *queue);

/* Gives the end mark INDEX, from 0, of those that have not been removed, and the number of
 * unsent bytes up to it. False: the queue has fewer. For a queue that is cleared next. */
bool outq_unsent_end(const struct outq *queue, unsigned index, struct outq_end *ret,
                     uint64_t *ret_unsent_bytes);

/* Drops everything, sent or not. Returns the number of responses that had not been sent whole. */
unsigned outq_clear(struct outq *queue);

#endif
