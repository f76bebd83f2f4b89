/* uring: one io_uring(7) and the buffers that it receives into.
 *
 * Owns the ring and a group of equal buffers that the kernel picks from (a provided buffer ring). Few
 * and small, so that they stay in the CPU's cache: who receives is expected to take the bytes out, or
 * use them in place, and give the buffer back within a turn. The ring is made anywhere and used by one
 * thread alone (SINGLE_ISSUER), whose own calls do all of the kernel's work on it (DEFER_TASKRUN).
 *
 * Linux 6.1. Built where liburing 2.3 or newer is found; else this module is empty, and uring_probe
 * says so. */
#ifndef SLUICE_URING_H
#define SLUICE_URING_H

#include "base/base.h"

#ifdef SLUICE_HAVE_LIBURING

#include <liburing.h>
#include <sys/socket.h>

enum {
    URING_PIECES_MAX = 128,   /* of one send */
    URING_MESSAGES_MAX = 256, /* sends of several pieces between two waits */
    URING_POOL_PIECES = 2048, /* in all of those */
};

struct uring_sizes {
    unsigned submissions;  /* queued before they have to be submitted; a power of two */
    unsigned completions;  /* that wait to be taken; more are kept by the kernel, at a price */
    unsigned buffers;      /* a power of two, at most 32768 */
    unsigned buffer_bytes; /* of each */
};

struct uring {
    struct io_uring ring;
    struct uring_sizes sizes;
    struct io_uring_buf_ring *group;
    char *bytes;         /* of all buffers */
    unsigned given_back; /* buffers that the kernel has not been told of yet */
    unsigned message_count;
    unsigned piece_count;
    struct msghdr messages[URING_MESSAGES_MAX]; /* until they are submitted */
    struct iovec pieces[URING_POOL_PIECES];
    bool made;
};

/* Makes the ring, disabled. Returns 0, or a negative errno with *RET_WHAT, a static string, saying what
 * failed. */
int uring_init(struct uring *uring, const struct uring_sizes *sizes, const char **ret_what);

/* Nothing that is under way may touch memory any more. No effect where uring_init has failed. */
void uring_fini(struct uring *uring);

/* Makes the calling thread the one that uses it. Returns 0 or a negative errno. */
int uring_begin(struct uring *uring);

/* --- requests: each completes with IDENTITY; false if there is no room for it until the next wait ---- */

/* Receive from FD whatever comes, into buffers, once and again. */
bool uring_ask_receive(struct uring *uring, int fd, uint64_t identity);

/* Accept from FD whoever comes, non-blocking, once and again. */
bool uring_ask_accept(struct uring *uring, int fd, uint64_t identity);

/* Say when one of EVENTS (poll(2)) is there, once or, if MULTISHOT, each time that it comes. */
bool uring_ask_poll(struct uring *uring, int fd, short events, bool multishot, uint64_t identity);

/* Send COUNT pieces, at most URING_PIECES_MAX, without blocking: it completes while it is submitted. The
 * pieces' bytes, not the array, are *borrowed* until then. */
bool uring_ask_send(struct uring *uring, int fd, const struct iovec *pieces, unsigned count,
                    uint64_t identity);

/* End the request IDENTITY. Completes only if it fails, with FAILED. */
bool uring_ask_cancel(struct uring *uring, uint64_t identity, uint64_t failed);

/* --- completions -------------------------------------------------------------------------------- */

/* Submits, and waits for a completion, MS milliseconds at most (-1: as long as it takes; 0: not at
 * all, but the kernel does what it has to do). Returns 0, or a negative errno if the ring fails. */
int uring_wait(struct uring *uring, int ms);

/* The bytes of a buffer that a completion names. */
static inline const char *uring_buffer(const struct uring *uring, unsigned buffer)
{
    return uring->bytes + (size_t)buffer * uring->sizes.buffer_bytes;
}

/* Gives a buffer back to the kernel, which learns of it at the next wait. */
void uring_give_back(struct uring *uring, unsigned buffer);

#endif
#endif
