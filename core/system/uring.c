/* uring: see uring.h. io_uring_setup(2), io_uring_register(2), io_uring_enter(2). */
#include "system/uring.h"

#ifdef SLUICE_HAVE_LIBURING

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The group is one mapping with two parts: the entries that the kernel reads, and the buffers. */
static size_t entries_bytes(const struct uring_sizes *sizes)
{
    size_t bytes = sizes->buffers * sizeof(struct io_uring_buf), page = 4096;
    return (bytes + page - 1) / page * page;
}

static size_t group_bytes(const struct uring_sizes *sizes)
{
    return entries_bytes(sizes) + (size_t)sizes->buffers * sizes->buffer_bytes;
}

static int make_ring(struct uring *uring)
{
    /* R_DISABLED: SINGLE_ISSUER binds the ring to the thread that enables it. CLAMP: no refusal
     * because of the size. */
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED |
                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
        .cq_entries = uring->sizes.completions,
    };
    return io_uring_queue_init_params(uring->sizes.submissions, &uring->ring, &params);
}

static int make_group(struct uring *uring)
{
    const struct uring_sizes *sizes = &uring->sizes;
    void *memory =
        mmap(NULL, group_bytes(sizes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -errno;
    uring->group = memory;
    uring->bytes = (char *)memory + entries_bytes(sizes);
    struct io_uring_buf_reg registration = {
        .ring_addr = (uint64_t)(uintptr_t)memory,
        .ring_entries = sizes->buffers,
    };
    int error = io_uring_register_buf_ring(&uring->ring, &registration, 0);
    if (error)
        return error;
    io_uring_buf_ring_init(uring->group);
    for (unsigned i = 0; i < sizes->buffers; i++)
        uring_give_back(uring, i);
    return 0;
}

int uring_init(struct uring *uring, const struct uring_sizes *sizes, const char **ret_what)
{
    *uring = (struct uring){.sizes = *sizes};
    *ret_what = "io_uring_setup";
    int error = make_ring(uring);
    if (error)
        return error;
    uring->made = true;
    *ret_what = "io_uring_register";
    error = make_group(uring);
    if (error)
        uring_fini(uring);
    return error;
}

void uring_fini(struct uring *uring)
{
    if (!uring->made)
        return;
    io_uring_queue_exit(&uring->ring);
    if (uring->group)
        munmap(uring->group, group_bytes(&uring->sizes));
    uring->made = false;
}

int uring_begin(struct uring *uring)
{
    /* liburing 2.3 declares a function for this but does not export it. */
    if (syscall(SYS_io_uring_register, uring->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) <
        0)
        return -errno;
    io_uring_register_ring_fd(&uring->ring); /* saves the kernel a look-up; not needed if refused */
    return 0;
}

/* --- Requests --------------------------------------------------------------------------------- */

/* Returns an entry to fill in. A full queue is submitted first. NULL: the kernel takes none now. */
static struct io_uring_sqe *take_entry(struct uring *uring)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);
    if (entry || io_uring_submit(&uring->ring) < 0)
        return entry;
    return io_uring_get_sqe(&uring->ring);
}

bool uring_ask_receive(struct uring *uring, int fd, uint64_t identity)
{
    struct io_uring_sqe *entry = take_entry(uring);
    if (!entry)
        return false;
    io_uring_prep_recv_multishot(entry, fd, NULL, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = 0;
    io_uring_sqe_set_data64(entry, identity);
    return true;
}

bool uring_ask_accept(struct uring *uring, int fd, uint64_t identity)
{
    struct io_uring_sqe *entry = take_entry(uring);
    if (!entry)
        return false;
    io_uring_prep_multishot_accept(entry, fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    io_uring_sqe_set_data64(entry, identity);
    return true;
}

bool uring_ask_poll(struct uring *uring, int fd, short events, uint64_t identity)
{
    struct io_uring_sqe *entry = take_entry(uring);
    if (!entry)
        return false;
    io_uring_prep_poll_add(entry, fd, (unsigned)events);
    io_uring_sqe_set_data64(entry, identity);
    return true;
}

bool uring_ask_poll_multishot(struct uring *uring, int fd, short events, uint64_t identity)
{
    struct io_uring_sqe *entry = take_entry(uring);
    if (!entry)
        return false;
    io_uring_prep_poll_multishot(entry, fd, (unsigned)events);
    io_uring_sqe_set_data64(entry, identity);
    return true;
}

bool uring_ask_send(struct uring *uring, int fd, const struct iovec *pieces, unsigned count,
                    uint64_t identity)
{
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    bool room = count == 1 || (uring->message_count < URING_MESSAGES_MAX &&
                               URING_POOL_PIECES - uring->piece_count >= count);
    struct io_uring_sqe *entry = room ? take_entry(uring) : NULL;
    if (!entry)
        return false;
    if (count == 1) {
        io_uring_prep_send(entry, fd, pieces[0].iov_base, pieces[0].iov_len, flags);
    } else {
        struct iovec *kept = &uring->pieces[uring->piece_count];
        struct msghdr *message = &uring->messages[uring->message_count++];
        memcpy(kept, pieces, count * sizeof pieces[0]);
        uring->piece_count += count;
        *message = (struct msghdr){.msg_iov = kept, .msg_iovlen = count};
        io_uring_prep_sendmsg(entry, fd, message, (unsigned)flags);
    }
    io_uring_sqe_set_data64(entry, identity);
    return true;
}

bool uring_ask_cancel(struct uring *uring, uint64_t identity, uint64_t failed)
{
    struct io_uring_sqe *entry = take_entry(uring);
    if (!entry)
        return false;
    io_uring_prep_cancel64(entry, identity, 0);
    entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(entry, failed);
    return true;
}

/* --- Completions ------------------------------------------------------------------------------ */

enum { SHORTAGE_PAUSE_MS = 1 };

/* Lets other processes free memory, instead of asking for it again at once. */
static void pause_for_memory(void)
{
    const struct timespec pause = {.tv_nsec = SHORTAGE_PAUSE_MS * 1000000L};
    nanosleep(&pause, NULL);
}

int uring_wait(struct uring *uring, int ms)
{
    struct __kernel_timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000LL};
    struct io_uring_cqe *first;
    io_uring_buf_ring_advance(uring->group, (int)uring->given_back);
    uring->given_back = 0;
    int result = ms == 0 ? io_uring_submit_and_get_events(&uring->ring)
                         : io_uring_submit_and_wait_timeout(&uring->ring, &first, 1,
                                                            ms < 0 ? NULL : &time, NULL);
    if (io_uring_sq_ready(&uring->ring) == 0)
        uring->message_count = uring->piece_count = 0; /* the kernel has copied them */
    switch (result) {
    case -EAGAIN: /* short of memory: unsubmitted requests stay queued */
    case -ENOMEM:
        pause_for_memory();
        return 0;
    case -EINTR:
    case -ETIME:
    case -EBUSY: /* completions must be taken first */
        return 0;
    default:
        return result < 0 ? result : 0;
    }
}

void uring_give_back(struct uring *uring, unsigned buffer)
{
    const struct uring_sizes *sizes = &uring->sizes;
    char *at = uring->bytes + (size_t)buffer * sizes->buffer_bytes;
    io_uring_buf_ring_add(uring->group, at, sizes->buffer_bytes, (unsigned short)buffer,
                          io_uring_buf_ring_mask(sizes->buffers), (int)uring->given_back++);
}

#endif
