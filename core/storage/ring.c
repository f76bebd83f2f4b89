/* ring: see ring.h. */
#include "storage/ring.h"

static_assert(RING_BYTES_MAX - 1 <= UINT16_MAX, "indices have 16 bits");

void ring_lend(struct ring *ring, char *storage, uint32_t capacity)
{
    assert(!ring->storage && capacity > 0 && capacity <= RING_BYTES_MAX);
    *ring = (struct ring){.storage = storage, .last = (uint16_t)(capacity - 1)};
}

char *ring_return(struct ring *ring)
{
    assert(ring->length == 0);
    char *storage = ring->storage;
    *ring = (struct ring){0};
    return storage;
}

/* Copies all unconsumed bytes, in order, to TO. */
static void copy_out(const struct ring *ring, char *to)
{
    struct str view = ring_view(ring);
    memcpy(to, view.at, view.length);
    memcpy(to + view.length, ring->storage, ring->length - view.length);
}

char *ring_move(struct ring *ring, char *storage, uint32_t capacity)
{
    assert(ring->storage && storage != ring->storage);
    assert(capacity > 0 && capacity >= ring->length && capacity <= RING_BYTES_MAX);
    char *old = ring->storage;
    copy_out(ring, storage);
    ring->storage = storage;
    ring->last = (uint16_t)(capacity - 1);
    ring->first = 0;
    return old;
}

unsigned ring_room(const struct ring *ring, struct iovec ret_pieces[static 2])
{
    size_t capacity = ring_capacity(ring), room = capacity - ring->length;
    if (room == 0)
        return 0;
    size_t start = (size_t)ring->first + ring->length;
    if (start >= capacity)
        start -= capacity;
    size_t to_wrap = size_min(room, capacity - start);
    ret_pieces[0] = (struct iovec){ring->storage + start, to_wrap};
    if (to_wrap == room)
        return 1;
    ret_pieces[1] = (struct iovec){ring->storage, room - to_wrap};
    return 2;
}

void ring_commit(struct ring *ring, size_t length)
{
    assert(length <= ring_capacity(ring) - ring->length);
    ring->length += (uint32_t)length;
}

void ring_straighten(struct ring *ring)
{
    if (!ring_wraps(ring))
        return;
    char scratch[RING_BYTES_MAX];
    copy_out(ring, scratch);
    memcpy(ring->storage, scratch, ring->length);
    ring->first = 0;
}

void ring_consume(struct ring *ring, size_t length)
{
    assert(length <= ring->length);
    size_t first = ring->first + length;
    if (first > ring->last)
        first -= (size_t)ring->last + 1;
    ring->length -= (uint32_t)length;
    ring->first = (uint16_t)first;
}
