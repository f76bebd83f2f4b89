/* faults_uring: the wrappers of liburing; see faults.h. io_uring_enter(2).
 *
 * A request that must fail is changed before it is submitted: to one that does nothing and
 * completes with the error (IORING_NOP_INJECT_RESULT, Linux 6.10). So the kernel and the code under
 * test agree about which requests are under way. Short sends are made by asking for less.
 *
 * faults_shuffle changes the order of completions, but not that of those of one request, and has
 * threads of the kernel's execute some sends (IOSQE_ASYNC), which then complete later. */
#include "support/faults_wrap.h"

#ifdef SLUICE_HAVE_LIBURING

#include <errno.h>
#include <liburing.h>
#include <string.h>

#ifndef IORING_NOP_INJECT_RESULT
#define IORING_NOP_INJECT_RESULT 1u
#endif

/* --- Requests --------------------------------------------------------------------------------- */

static enum fault fault_of(const struct io_uring_sqe *entry)
{
    switch (entry->opcode) {
    case IORING_OP_ACCEPT:
        return FAULT_URING_ACCEPT;
    case IORING_OP_ASYNC_CANCEL:
        return FAULT_URING_CANCEL;
    case IORING_OP_POLL_ADD:
        return FAULT_URING_POLL;
    case IORING_OP_RECV:
        return FAULT_URING_RECV;
    case IORING_OP_SEND:
    case IORING_OP_SENDMSG:
        return FAULT_URING_SEND;
    default:
        return FAULT_COUNT;
    }
}

static void make_fail(struct io_uring_sqe *entry, int error)
{
    uint64_t identity = entry->user_data;
    memset(entry, 0, sizeof *entry);
    entry->opcode = IORING_OP_NOP;
    entry->fd = -1;
    entry->user_data = identity;
    entry->rw_flags = IORING_NOP_INJECT_RESULT;
    entry->len = (unsigned)-error;
}

static void change_entry(struct io_uring_sqe *entry)
{
    enum fault which = fault_of(entry);
    size_t length = entry->opcode == IORING_OP_SEND ? entry->len : 0;
    if (which == FAULT_COUNT)
        return;
    if (!faults_pass(which, length > 0 ? &length : NULL))
        make_fail(entry, errno);
    else if (length > 0)
        entry->len = (unsigned)length;
    if (which == FAULT_URING_SEND && faults_dice(2) == 1)
        entry->flags |= IOSQE_ASYNC;
}

/* Changes the requests that the next submission gives to the kernel. */
static void change_entries(const struct io_uring *ring)
{
    for (unsigned i = ring->sq.sqe_head; i != ring->sq.sqe_tail; i++)
        change_entry(&ring->sq.sqes[i & *ring->sq.kring_mask]);
}

/* --- Completions ------------------------------------------------------------------------------ */

static void shuffle(const struct io_uring *ring)
{
    unsigned first = *ring->cq.khead, mask = *ring->cq.kring_mask;
    unsigned count = __atomic_load_n(ring->cq.ktail, __ATOMIC_ACQUIRE) - first;
    if (count < 2)
        return;
    for (unsigned swaps = (unsigned)faults_dice(2 * count); swaps > 0; swaps--) {
        unsigned at = first + (unsigned)faults_dice(count - 1);
        struct io_uring_cqe *a = &ring->cq.cqes[at & mask], *b = &ring->cq.cqes[(at + 1) & mask];
        struct io_uring_cqe kept = {.user_data = a->user_data, .res = a->res, .flags = a->flags};
        if (a->user_data == b->user_data)
            continue;
        memcpy(a, b, sizeof kept);
        memcpy(b, &kept, sizeof kept);
    }
}

/* --- Calls ------------------------------------------------------------------------------------ */

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */

WRAP(int, io_uring_queue_init_params, unsigned entries, struct io_uring *ring,
     struct io_uring_params *params)
{
    if (!faults_pass(FAULT_URING_INIT, NULL))
        return -errno;
    return __real_io_uring_queue_init_params(entries, ring, params);
}

WRAP(int, io_uring_register_buf_ring, struct io_uring *ring, struct io_uring_buf_reg *registration,
     unsigned flags)
{
    if (!faults_pass(FAULT_URING_REGISTER, NULL))
        return -errno;
    return __real_io_uring_register_buf_ring(ring, registration, flags);
}

WRAP(int, io_uring_register_ring_fd, struct io_uring *ring)
{
    return faults_pass(FAULT_URING_REGISTER, NULL) ? __real_io_uring_register_ring_fd(ring)
                                                   : -errno;
}

WRAP(int, io_uring_submit, struct io_uring *ring)
{
    if (!faults_pass(FAULT_URING_SUBMIT, NULL))
        return -errno;
    change_entries(ring);
    return __real_io_uring_submit(ring);
}

WRAP(int, io_uring_submit_and_get_events, struct io_uring *ring)
{
    if (!faults_pass(FAULT_URING_ENTER, NULL))
        return -errno;
    change_entries(ring);
    int result = __real_io_uring_submit_and_get_events(ring);
    shuffle(ring);
    return result;
}

WRAP(int, io_uring_submit_and_wait_timeout, struct io_uring *ring, struct io_uring_cqe **ret,
     unsigned count, struct __kernel_timespec *time, sigset_t *mask)
{
    if (!faults_pass(FAULT_URING_ENTER, NULL))
        return -errno;
    change_entries(ring);
    int result = __real_io_uring_submit_and_wait_timeout(ring, ret, count, time, mask);
    shuffle(ring);
    return result;
}

/* NOLINTEND(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */

#endif
