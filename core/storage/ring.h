/* ring: the bytes that a peer has sent and that have not been consumed yet.
 *
 * A byte ring in storage that is lent to it; it owns and allocates nothing. The owner takes the
 * storage back while the ring is empty and idle, so an idle connection pays for this struct alone.
 * Views are *borrowed*: valid until the next ring_straighten, ring_consume, ring_move or
 * ring_return. The storage is not mapped twice: a reader that needs bytes contiguous across the
 * wrap calls ring_straighten, which costs one copy per lap of the ring. */
#ifndef SLUICE_RING_H
#define SLUICE_RING_H

#include "base/str.h"

#include <sys/uio.h>

enum { RING_BYTES_MAX = 64 << 10 };

struct ring {
    char *storage;   /* NULL: none lent */
    uint32_t length; /* unconsumed bytes */
    uint16_t first;  /* index of the oldest of them */
    uint16_t last;   /* index of the storage's last byte */
};

/* The bytes of the storage; 0: none lent. */
static inline size_t ring_capacity(const struct ring *ring)
{
    return ring->storage ? (size_t)ring->last + 1 : 0;
}

/* Lends STORAGE of CAPACITY bytes, at most RING_BYTES_MAX, to a ring that has none. */
void ring_lend(struct ring *ring, char *storage, uint32_t capacity);

/* Takes the storage back from an empty ring. Returns it. */
char *ring_return(struct ring *ring);

/* Moves the unconsumed bytes to the start of another STORAGE of CAPACITY bytes, which has room for
 * them. Returns the storage lent before. */
char *ring_move(struct ring *ring, char *storage, uint32_t capacity);

/* The free room as 0, 1 or 2 pieces, in the order in which to fill them. Returns the number of
 * pieces. */
unsigned ring_room(const struct ring *ring, struct iovec ret_pieces[static 2]);

/* Appends the first LENGTH bytes of the free room, which the caller has filled. */
void ring_commit(struct ring *ring, size_t length);

/* The unconsumed bytes from the oldest to the newest or to the wrap, whichever comes first. */
static inline struct str ring_view(const struct ring *ring)
{
    size_t to_wrap = (size_t)(ring->last + 1 - ring->first);
    return (struct str){ring->storage + ring->first, size_min(ring->length, to_wrap)};
}

/* Whether ring_view lacks some of the bytes because of the wrap. */
static inline bool ring_wraps(const struct ring *ring)
{
    return ring->length > (uint32_t)(ring->last + 1 - ring->first);
}

/* Makes all unconsumed bytes contiguous. */
void ring_straighten(struct ring *ring);

/* Drops the oldest LENGTH bytes; LENGTH is at most the number of unconsumed bytes. */
void ring_consume(struct ring *ring, size_t length);

#endif
