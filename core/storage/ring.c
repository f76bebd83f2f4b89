/* ring: see ring.h. */
#include "storage/ring.h"

static_assert(RING_BYTES_MAX <= UINT16_MAX, "indices and lengths have 16 bits");

void ring_lend(struct ring *ring, char *storage, uint32_t capacity)
{
    assert(!ring->storage && capacity > 0 && capacity <= RING_BYTES_MAX);
    *ring = (struct ring){.storage = storage, .capacity = (uint16_t)capacity};
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
    assert(capacity >= ring->length && capacity <= RING_BYTES_MAX);
    char *old = ring->storage;
    copy_out(ring, storage);
    ring->storage = storage;
    ring->capacity = (uint16_t)capacity;
    ring->first = 0;
    return old;
}

unsigned ring_room(const struct ring *ring, struct iovec ret_pieces[static 2])
{
    size_t room = (size_t)(ring->capacity - ring->length);
    if (room == 0)
        return 0;
    size_t start = (size_t)ring->first + ring->length;
    if (start >= ring->capacity)
        start -= ring->capacity;
    size_t to_wrap = size_min(room, ring->capacity - start);
    ret_pieces[0] = (struct iovec){ring->storage + start, to_wrap};
    if (to_wrap == room)
        return 1;
    ret_pieces[1] = (struct iovec){ring->storage, room - to_wrap};
    return 2;
}

void ring_commit(struct ring *ring, size_t length)
{
    assert(length <= (size_t)(ring->capacity - ring->length));
    ring->length += (uint16_t)length;
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
    ring->length -= (uint16_t)length;
    ring->first += (uint16_t)length;
    if (ring->first >= ring->capacity)
        ring->first -= ring->capacity;
}
