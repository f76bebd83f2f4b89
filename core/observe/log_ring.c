/* log_ring: see log_ring.h. A line that reaches beyond the end of the ring is written in one piece
 * all the same, to bytes that follow it; the excess is then copied to the beginning. */
#include "observe/log_ring.h"

#include "system/event_fd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE_BYTES = 64 }; /* of a CPU's cache */

/* Positions count bytes from the beginning, and never wrap. */
struct log_ring {
    char *bytes;
    struct log_waker *waker;
    /* The worker's. */
    _Alignas(LINE_BYTES) _Atomic uint64_t written;
    uint64_t consumed_seen; /* CONSUMED, when last read */
    uint64_t woken_at;      /* the position when the reader was last woken */
    _Atomic uint64_t dropped;
    _Atomic uint64_t held; /* log_ring_hold less log_ring_release */
    uint64_t lost_seen;    /* LOST, when last taken */
    /* The reader's. */
    _Alignas(LINE_BYTES) _Atomic uint64_t consumed;
    _Atomic uint64_t lost;
};
static_assert((LOG_RING_BYTES & (LOG_RING_BYTES - 1)) == 0, "a power of two");

struct log_ring *log_ring_create(struct log_waker *waker)
{
    struct log_ring *ring = aligned_alloc(LINE_BYTES, sizeof *ring);
    if (!ring)
        return NULL;
    void *bytes = mmap(NULL, LOG_RING_BYTES + LOG_RING_LINE_BYTES_MAX, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED) {
        free(ring);
        return NULL;
    }
    *ring = (struct log_ring){.bytes = bytes, .waker = waker};
    return ring;
}

void log_ring_destroy(struct log_ring *ring)
{
    if (!ring)
        return;
    munmap(ring->bytes, LOG_RING_BYTES + LOG_RING_LINE_BYTES_MAX);
    free(ring);
}

/* --- The worker ------------------------------------------------------------------------------- */

/* Whether there is room for BYTES after WRITTEN, by what the reader has consumed until now. */
__attribute__((noinline)) static bool has_room(struct log_ring *ring, uint64_t written,
                                               size_t bytes)
{
    ring->consumed_seen = atomic_load_explicit(&ring->consumed, memory_order_acquire);
    if (written + bytes - ring->consumed_seen <= LOG_RING_BYTES)
        return true;
    uint64_t dropped = atomic_load_explicit(&ring->dropped, memory_order_relaxed);
    atomic_store_explicit(&ring->dropped, dropped + 1, memory_order_relaxed);
    return false;
}

char *log_ring_reserve(struct log_ring *ring, size_t bytes)
{
    assert(bytes <= LOG_RING_LINE_BYTES_MAX);
    const uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    if (written + bytes - ring->consumed_seen > LOG_RING_BYTES && !has_room(ring, written, bytes))
        return NULL;
    return ring->bytes + written % LOG_RING_BYTES;
}

__attribute__((noinline)) static void wake(struct log_ring *ring, uint64_t written)
{
    ring->woken_at = written;
    atomic_store_explicit(&ring->waker->sleeps, false, memory_order_relaxed);
    event_fd_signal(ring->waker->fd);
}

void log_ring_commit(struct log_ring *ring, size_t length)
{
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    const size_t end = written % LOG_RING_BYTES + length;
    if (end > LOG_RING_BYTES)
        memcpy(ring->bytes, ring->bytes + LOG_RING_BYTES, end - LOG_RING_BYTES);
    written += length;
    atomic_store_explicit(&ring->written, written, memory_order_release);
    /* The reader may go to sleep at this moment, unseen: it checks the ring again soon after. */
    if (atomic_load_explicit(&ring->waker->sleeps, memory_order_relaxed) ||
        written - ring->woken_at >= LOG_RING_BYTES / 4)
        wake(ring, written);
}

uint64_t log_ring_take_lost(struct log_ring *ring)
{
    const uint64_t before = ring->lost_seen;
    ring->lost_seen = atomic_load_explicit(&ring->lost, memory_order_relaxed);
    return ring->lost_seen - before;
}

/* --- The reader ------------------------------------------------------------------------------- */

unsigned log_ring_view(struct log_ring *ring, struct iovec ret_pieces[static 2])
{
    const uint64_t consumed = atomic_load_explicit(&ring->consumed, memory_order_relaxed);
    const uint64_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
    const size_t first = consumed % LOG_RING_BYTES, length = written - consumed;
    const size_t to_end = size_min(length, LOG_RING_BYTES - first);
    if (length == 0)
        return 0;
    ret_pieces[0] = (struct iovec){ring->bytes + first, to_end};
    ret_pieces[1] = (struct iovec){ring->bytes, length - to_end};
    return length > to_end ? 2 : 1;
}

void log_ring_consume(struct log_ring *ring, size_t length)
{
    const uint64_t consumed = atomic_load_explicit(&ring->consumed, memory_order_relaxed);
    atomic_store_explicit(&ring->consumed, consumed + length, memory_order_release);
}

uint64_t log_ring_discard(struct log_ring *ring, uint64_t lines_max)
{
    struct iovec pieces[2];
    const unsigned count = log_ring_view(ring, pieces);
    uint64_t lines = 0;
    size_t length = 0;
    for (unsigned i = 0; i < count && lines < lines_max; i++) {
        const char *const first = pieces[i].iov_base, *const end = first + pieces[i].iov_len;
        const char *at = first, *newline;
        while (lines < lines_max && (newline = memchr(at, '\n', (size_t)(end - at)))) {
            at = newline + 1;
            lines++;
        }
        length += lines < lines_max ? pieces[i].iov_len : (size_t)(at - first);
    }
    log_ring_consume(ring, length);
    log_ring_lose(ring, lines);
    return lines;
}

void log_ring_lose(struct log_ring *ring, uint64_t lines)
{
    const uint64_t lost = atomic_load_explicit(&ring->lost, memory_order_relaxed);
    atomic_store_explicit(&ring->lost, lost + lines, memory_order_relaxed);
}

uint64_t log_ring_dropped(struct log_ring *ring)
{
    return atomic_load_explicit(&ring->dropped, memory_order_relaxed);
}

/* --- Holding ---------------------------------------------------------------------------------- */

/* Only the worker writes; what it has committed is seen before a lower number. */
static void add_held(struct log_ring *ring, uint64_t change)
{
    uint64_t held = atomic_load_explicit(&ring->held, memory_order_relaxed);
    atomic_store_explicit(&ring->held, held + change, memory_order_release);
}

void log_ring_hold(struct log_ring *ring)
{
    add_held(ring, 1);
}

void log_ring_release(struct log_ring *ring)
{
    add_held(ring, (uint64_t)-1);
}

bool log_ring_is_held(struct log_ring *ring)
{
    return atomic_load_explicit(&ring->held, memory_order_acquire) > 0;
}
