/* ring: a byte queue in lent storage, compared with a naive one at every offset and length. */
#include "storage/ring.h"
#include "support/guard.h"
#include "support/prng.h"

#include <criterion/criterion.h>

/* Storage that ends at a guard page. */
static char *storage_of(size_t bytes)
{
    static const char blank[RING_BYTES_MAX];
    return (char *)(uintptr_t)guard_copy((struct str){blank, bytes}).at;
}

static void storage_drop(const char *storage, size_t bytes)
{
    guard_drop((struct str){storage, bytes});
}

/* Writes TEXT into the free room, as recv would. */
static void fill(struct ring *ring, struct str text)
{
    struct iovec pieces[2];
    unsigned count = ring_room(ring, pieces);
    size_t copied = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t bytes = size_min(pieces[i].iov_len, text.length - copied);
        memcpy(pieces[i].iov_base, text.at + copied, bytes);
        copied += bytes;
    }
    cr_assert_eq(copied, text.length, "room for it");
    ring_commit(ring, copied);
}

/* A ring of LENGTH bytes, "abc…", the first at index FIRST. */
static void put_at(struct ring *ring, char *storage, uint32_t capacity, size_t first, size_t length)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    *ring = (struct ring){0};
    ring_lend(ring, storage, capacity);
    memset(storage, '#', capacity);
    ring_commit(ring, first);
    ring_consume(ring, first);
    fill(ring, (struct str){letters, length});
}

/* Expects RING to hold TEXT: the view is its beginning, and all of it unless ring_wraps. */
static void expect_holds(const struct ring *ring, struct str text)
{
    struct str view = ring_view(ring);
    cr_assert_eq(ring->length, text.length);
    cr_assert_leq(view.length, text.length);
    cr_assert(str_equal(view, str_first(text, view.length)));
    cr_assert_eq(ring_wraps(ring), view.length < text.length);
    cr_assert(view.length > 0 || text.length == 0, "no empty view of something");
    cr_assert(view.at >= ring->storage &&
              view.at + view.length <= ring->storage + ring_capacity(ring));
}

/* Expects the free room to be everything else, in pieces that are not empty and do not overlap the
 * bytes. */
static void expect_room(const struct ring *ring)
{
    struct iovec pieces[2];
    unsigned count = ring_room(ring, pieces);
    size_t room = 0;
    cr_assert_leq(count, 2);
    for (unsigned i = 0; i < count; i++) {
        const char *at = pieces[i].iov_base;
        cr_assert_gt(pieces[i].iov_len, 0);
        cr_assert(at >= ring->storage);
        cr_assert(at + pieces[i].iov_len <= ring->storage + ring_capacity(ring));
        memset(pieces[i].iov_base, '!', pieces[i].iov_len);
        room += pieces[i].iov_len;
    }
    cr_assert_eq(room, ring_capacity(ring) - ring->length);
}

static const uint32_t small_capacities[] = {1, 2, 3, 7, 16, 26};

/* Calls CHECK for a ring of every small capacity, offset and length. */
static void for_every_state(void (*check)(struct ring *ring, struct str text))
{
    for (size_t i = 0; i < COUNT_OF(small_capacities); i++) {
        uint32_t capacity = small_capacities[i];
        char *storage = storage_of(capacity);
        for (size_t first = 0; first < capacity; first++) {
            for (size_t length = 0; length <= capacity; length++) {
                struct ring ring;
                put_at(&ring, storage, capacity, first, length);
                check(&ring, (struct str){"abcdefghijklmnopqrstuvwxyz", length});
            }
        }
        storage_drop(storage, capacity);
    }
}

static void check_view_and_room(struct ring *ring, struct str text)
{
    expect_holds(ring, text);
    expect_room(ring);
    expect_holds(ring, text);
}

Test(ring, gives_room_and_view_at_every_offset_and_length)
{
    for_every_state(check_view_and_room);
}

static void check_straighten(struct ring *ring, struct str text)
{
    ring_straighten(ring);
    cr_assert_not(ring_wraps(ring));
    cr_assert(str_equal(ring_view(ring), text));
    expect_room(ring);
    cr_assert(str_equal(ring_view(ring), text));
}

Test(ring, straightens_at_every_offset_and_length)
{
    for_every_state(check_straighten);
}

static void check_consume(struct ring *ring, struct str text)
{
    struct ring before = *ring;
    for (size_t length = 0; length <= text.length; length++) {
        *ring = before;
        ring_consume(ring, length);
        expect_holds(ring, str_from(text, length));
    }
}

Test(ring, consumes_from_every_offset_and_length)
{
    for_every_state(check_consume);
}

static void check_move(struct ring *ring, struct str text)
{
    for (uint32_t capacity = (uint32_t)(text.length > 0 ? text.length : 1); capacity <= 30;
         capacity += 5) {
        struct ring moved = *ring;
        char *storage = storage_of(capacity);
        cr_assert_eq(ring_move(&moved, storage, capacity), ring->storage);
        cr_assert_eq(ring_capacity(&moved), capacity);
        cr_assert(str_equal(ring_view(&moved), text), "contiguous");
        cr_assert_eq(ring_view(&moved).at, storage, "from its start");
        expect_room(&moved);
        expect_holds(&moved, text);
        storage_drop(storage, capacity);
    }
}

Test(ring, keeps_its_bytes_when_moved)
{
    for_every_state(check_move);
}

Test(ring, borrows_and_returns_storage)
{
    char storage[4];
    struct ring ring = {0};
    ring_lend(&ring, storage, sizeof storage);
    expect_holds(&ring, STR(""));
    fill(&ring, STR("abc"));
    ring_consume(&ring, 3);
    cr_expect_eq(ring_return(&ring), storage);
    cr_expect_null(ring.storage);
    struct iovec pieces[2];
    cr_expect_eq(ring_room(&ring, pieces), 0, "none lent, no room");
    ring_lend(&ring, storage, sizeof storage);
    fill(&ring, STR("abcd"));
    cr_expect_eq(ring_room(&ring, pieces), 0);
    expect_holds(&ring, STR("abcd"));
}

Test(ring, straightens_the_largest_ring)
{
    char *storage = storage_of(RING_BYTES_MAX);
    char *text = malloc(RING_BYTES_MAX);
    for (size_t i = 0; i < RING_BYTES_MAX; i++)
        text[i] = (char)(i * 31 + i / 251);
    for (size_t first = 0; first < RING_BYTES_MAX; first += 509) {
        struct ring ring = {0};
        ring_lend(&ring, storage, RING_BYTES_MAX);
        ring_commit(&ring, first);
        ring_consume(&ring, first);
        fill(&ring, (struct str){text, RING_BYTES_MAX});
        expect_holds(&ring, (struct str){text, RING_BYTES_MAX});
        ring_straighten(&ring);
        cr_assert(str_equal(ring_view(&ring), (struct str){text, RING_BYTES_MAX}));
    }
    free(text);
    storage_drop(storage, RING_BYTES_MAX);
}

/* A ring and its expected contents: [first, first + length) of an endless random text. */
struct modelled {
    struct ring ring;
    struct prng prng;
    uint64_t first;
};

static char byte_at(uint64_t position)
{
    return (char)((position * 0x9e3779b97f4a7c15) >> 32);
}

static void expect_model(const struct modelled *m)
{
    static char expected[RING_BYTES_MAX];
    for (size_t i = 0; i < m->ring.length; i++)
        expected[i] = byte_at(m->first + i);
    expect_room(&m->ring);
    expect_holds(&m->ring, (struct str){expected, m->ring.length});
}

static void add_some(struct modelled *m)
{
    static char text[RING_BYTES_MAX];
    size_t length = prng_below(&m->prng, ring_capacity(&m->ring) - m->ring.length + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = byte_at(m->first + m->ring.length + i);
    fill(&m->ring, (struct str){text, length});
}

static void move_or_exchange(struct modelled *m)
{
    size_t old_capacity = ring_capacity(&m->ring);
    uint32_t capacity = 1 + (uint32_t)prng_below(&m->prng, 300);
    if (capacity < m->ring.length)
        return;
    char *storage = storage_of(capacity), *old;
    if (m->ring.length > 0) {
        old = ring_move(&m->ring, storage, capacity);
    } else {
        old = ring_return(&m->ring);
        ring_lend(&m->ring, storage, capacity);
    }
    storage_drop(old, old_capacity);
}

Test(ring, agrees_with_a_model_under_random_use, .timeout = 120)
{
    struct modelled m = {.prng = {7}};
    ring_lend(&m.ring, storage_of(100), 100);
    for (int step = 0; step < 50000; step++) {
        switch (prng_below(&m.prng, 8)) {
        case 0:
            ring_straighten(&m.ring);
            cr_assert_not(ring_wraps(&m.ring));
            break;
        case 1:
            move_or_exchange(&m);
            break;
        case 2:
        case 3:
        case 4: {
            size_t length = prng_below(&m.prng, m.ring.length + 1);
            ring_consume(&m.ring, length);
            m.first += length;
            break;
        }
        default:
            add_some(&m);
        }
        expect_model(&m);
    }
    storage_drop(m.ring.storage, ring_capacity(&m.ring));
}
