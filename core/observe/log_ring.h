/* log_ring: lines of a log on their way from a worker to the thread that writes them.
 *
 * A bounded ring of bytes with one writer and one reader, without locks: the worker writes a line
 * in place and commits it; the reader sees whole lines only. Without room a line is dropped, and
 * counted: a worker never waits. The reader is woken rarely: when it sleeps, and each time that a
 * quarter of the ring has been filled.
 *
 * Its memory is mapped at its creation, and takes pages as lines come. */
#ifndef SLUICE_LOG_RING_H
#define SLUICE_LOG_RING_H

#include "base/base.h"

#include <stdatomic.h>
#include <sys/uio.h>

enum {
    LOG_RING_BYTES = 4 << 20,
    LOG_RING_LINE_BYTES_MAX = 64 << 10, /* of a line; as many bytes follow the ring */
};

/* How the reader of several rings is woken. */
struct log_waker {
    int fd; /* see system/event_fd.h */
    atomic_bool sleeps;
};

struct log_ring;

/* A ring whose reader is woken by WAKER, *borrowed*. NULL: out of memory. *Gives*:
 * log_ring_destroy. */
struct log_ring *log_ring_create(struct log_waker *waker);

/* NULL is allowed. */
void log_ring_destroy(struct log_ring *ring);

/* --- The worker ------------------------------------------------------------------------------- */

/* Where to write a line of at most BYTES, which is at most LOG_RING_LINE_BYTES_MAX. NULL: there is
 * no room; the line is dropped and counted. */
char *log_ring_reserve(struct log_ring *ring, size_t bytes);

/* Hands the line of LENGTH bytes that was written there to the reader. */
void log_ring_commit(struct log_ring *ring, size_t length);

/* Reports that a line may come later, of an answer in flight; and that it has come, or none will.
 * As often as the other. */
void log_ring_hold(struct log_ring *ring);
void log_ring_release(struct log_ring *ring);

/* The number of lines that the reader has given up since the last call. */
uint64_t log_ring_take_lost(struct log_ring *ring);

/* --- The reader ------------------------------------------------------------------------------- */

/* The bytes that have been committed and not consumed, as 0, 1 or 2 pieces, *borrowed* until they
 * are consumed. Returns the number of pieces. */
unsigned log_ring_view(struct log_ring *ring, struct iovec ret_pieces[static 2]);

/* Frees the first LENGTH of these bytes. */
void log_ring_consume(struct log_ring *ring, size_t length);

/* Gives up the first lines of these bytes, at most LINES_MAX. Returns the number of lines; a line
 * that has been consumed in part counts. */
uint64_t log_ring_discard(struct log_ring *ring, uint64_t lines_max);

/* Reports that LINES have been consumed, but not written. */
void log_ring_lose(struct log_ring *ring, uint64_t lines);

/* Whether lines may still come for which the ring is held. Any thread. */
bool log_ring_is_held(struct log_ring *ring);

/* The number of lines dropped for want of room. Any thread. */
uint64_t log_ring_dropped(struct log_ring *ring);

#endif
