/* uring: one io_uring(7) and the buffers that it receives into.
 *
 * Owns the ring and a group of equal buffers from which the kernel picks (a provided buffer ring).
 * They are few and small, so that they stay in the CPU's cache: a receiver copies the bytes out, or
 * uses them in place, and returns the buffer within the same turn. Any thread may create the ring,
 * but only one thread uses it (SINGLE_ISSUER), and the kernel does its work on it only within that
 * thread's calls (DEFER_TASKRUN).
 *
 * Needs Linux 6.1 and, at build time, liburing 2.3 or newer. Without liburing this module is empty,
 * and uring_probe reports it. */
#ifndef SLUICE_URING_H
#define SLUICE_URING_H

#include "base/base.h"

#ifdef SLUICE_HAVE_LIBURING

#include <liburing.h>
#include <sys/socket.h>

enum {
    URING_PIECES_MAX = 128,   /* in one send */
    URING_MESSAGES_MAX = 256, /* sends of several pieces between two waits */
    URING_POOL_PIECES = 2048, /* in all of those sends */
};

struct uring_sizes {
    unsigned submissions;  /* room for submissions, a power of two */
    unsigned completions;  /* room for completions; the kernel keeps more, at a price */
    unsigned buffers;      /* a power of two, at most 32768 */
    unsigned buffer_bytes; /* of each buffer */
};

struct uring {
    struct io_uring ring;
    struct uring_sizes sizes;
    struct io_uring_buf_ring *group;
    char *bytes;         /* memory of all buffers */
    unsigned given_back; /* buffers returned since the last wait */
    unsigned message_count;
    unsigned piece_count;
    struct msghdr messages[URING_MESSAGES_MAX]; /* in use until they are submitted */
    struct iovec pieces[URING_POOL_PIECES];
    bool made;
};

/* Creates the ring, disabled. Returns 0, or a negative errno with *RET_WHAT, a static string that
 * names the step that failed. On success *gives*: uring_fini. */
int uring_init(struct uring *uring, const struct uring_sizes *sizes, const char **ret_what);

/* Frees the ring and its memory. No request may be in progress that writes to other memory. No
 * effect if uring_init failed. */
void uring_fini(struct uring *uring);

/* Enables the ring and makes the calling thread its only user. Returns 0 or a negative errno. */
int uring_begin(struct uring *uring);

/* --- Requests: each completes with IDENTITY; false: no room until the next wait --------------- */

/* Receives from FD into buffers, again and again (multishot). */
bool uring_ask_receive(struct uring *uring, int fd, uint64_t identity);

/* Accepts connections from FD as non-blocking sockets, again and again (multishot). */
bool uring_ask_accept(struct uring *uring, int fd, uint64_t identity);

/* Completes once, when one of EVENTS (poll(2)) occurs. */
bool uring_ask_poll(struct uring *uring, int fd, short events, uint64_t identity);

/* Completes each time that one of EVENTS occurs (multishot). */
bool uring_ask_poll_multishot(struct uring *uring, int fd, short events, uint64_t identity);

/* Sends COUNT pieces, at most URING_PIECES_MAX, without blocking: it completes during submission.
 * The bytes of the pieces, but not the array, are *borrowed* until then. */
bool uring_ask_send(struct uring *uring, int fd, const struct iovec *pieces, unsigned count,
                    uint64_t identity);

/* Cancels the request IDENTITY. Completes only if that fails, with the identity FAILED. */
bool uring_ask_cancel(struct uring *uring, uint64_t identity, uint64_t failed);

/* --- Completions ------------------------------------------------------------------------------ */

/* Submits the requests and waits for a completion, at most MS milliseconds; -1: without limit; 0:
 * does not wait, but lets the kernel do its pending work. Returns 0, also if the kernel is short of
 * memory, or a negative errno: the ring failed. */
int uring_wait(struct uring *uring, int ms);

/* The memory of BUFFER, an index from a completion. */
static inline const char *uring_buffer(const struct uring *uring, unsigned buffer)
{
    return uring->bytes + (size_t)buffer * uring->sizes.buffer_bytes;
}

/* Returns BUFFER to the kernel, which sees it at the next wait. */
void uring_give_back(struct uring *uring, unsigned buffer);

#endif
#endif
