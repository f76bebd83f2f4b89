/* faults: see faults.h. */
#include "support/faults.h"

#include "support/prng.h"

#include <errno.h>
#ifdef SLUICE_HAVE_LIBURING
#include <liburing.h>
#endif
#include <linux/openat2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

enum { PIECES_MAX = 1024 };

struct arrangement {
    unsigned calls;
    unsigned fail_skip;
    unsigned fail_count;
    int error;
    unsigned act_skip;
    void (*act)(void *argument); /* NULL: nothing to do */
    void *argument;
    bool hindered;
    struct prng prng;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct arrangement arrangements[FAULT_COUNT]; /* under LOCK */
static int64_t clock_stopped;                        /* under LOCK; 0: it runs */
static int64_t clock_shift;                          /* under LOCK */

void faults_clear(void)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        arrangements[i] = (struct arrangement){0};
    clock_shift = 0;
    clock_stopped = 0;
    pthread_mutex_unlock(&lock);
}

unsigned faults_calls(enum fault which)
{
    pthread_mutex_lock(&lock);
    unsigned calls = arrangements[which].calls;
    pthread_mutex_unlock(&lock);
    return calls;
}

void faults_fail(enum fault which, unsigned skip, unsigned count, int error)
{
    pthread_mutex_lock(&lock);
    arrangements[which].fail_skip = skip;
    arrangements[which].fail_count = count;
    arrangements[which].error = error;
    pthread_mutex_unlock(&lock);
}

void faults_act(enum fault which, unsigned skip, void (*act)(void *argument), void *argument)
{
    pthread_mutex_lock(&lock);
    arrangements[which].act_skip = skip;
    arrangements[which].act = act;
    arrangements[which].argument = argument;
    pthread_mutex_unlock(&lock);
}

void faults_hinder(enum fault which, uint64_t seed)
{
    pthread_mutex_lock(&lock);
    arrangements[which].hindered = seed != 0;
    arrangements[which].prng.state = seed;
    pthread_mutex_unlock(&lock);
}

void faults_shift_clock(int64_t seconds)
{
    pthread_mutex_lock(&lock);
    clock_shift = seconds;
    pthread_mutex_unlock(&lock);
}

void faults_stop_clock(int64_t seconds)
{
    pthread_mutex_lock(&lock);
    clock_stopped = seconds;
    pthread_mutex_unlock(&lock);
}

/* Returns the errno with which this call must fail, or 0; lowers *LENGTH, if not NULL. LOCK is
 * held. */
static int arranged(struct arrangement *arrangement, size_t *length)
{
    if (arrangement->fail_skip > 0) {
        arrangement->fail_skip--;
    } else if (arrangement->fail_count > 0) {
        arrangement->fail_count -= arrangement->fail_count != FAULT_ALWAYS;
        return arrangement->error;
    }
    if (!arrangement->hindered)
        return 0;
    uint64_t dice = prng_below(&arrangement->prng, 4);
    if (dice < 2)
        return dice == 0 ? EINTR : EAGAIN;
    if (length && *length > 1)
        *length = 1 + (size_t)prng_below(&arrangement->prng,
                                         prng_below(&arrangement->prng, 2) ? *length : 16) %
                          *length;
    return 0;
}

/* Counts a call of WHICH. False, with errno set: it must fail. *LENGTH, if not NULL, may be
 * lowered, but not to 0. */
static bool passes(enum fault which, size_t *length)
{
    struct arrangement *arrangement = &arrangements[which];
    void (*act)(void *argument) = NULL;
    void *argument = NULL;
    pthread_mutex_lock(&lock);
    arrangement->calls++;
    if (arrangement->act && arrangement->act_skip-- == 0) {
        act = arrangement->act;
        argument = arrangement->argument;
        arrangement->act = NULL;
    }
    int error = arranged(arrangement, length);
    pthread_mutex_unlock(&lock);
    if (act)
        act(argument);
    if (error)
        errno = error;
    return error == 0;
}

/* The names are the linker's, not ours: --wrap=NAME makes of a call of NAME one of __wrap_NAME.
 * NOLINTBEGIN(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */

int __real_accept4(int fd, struct sockaddr *from, socklen_t *length, int flags);
int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *length, int flags);

int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *length, int flags)
{
    return passes(FAULT_ACCEPT4, NULL) ? __real_accept4(fd, from, length, flags) : -1;
}

int __real_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);

int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    return passes(FAULT_EPOLL_CTL, NULL) ? __real_epoll_ctl(epoll, op, fd, event) : -1;
}

int __real_epoll_wait(int epoll, struct epoll_event *events, int room, int wait_ms);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int room, int wait_ms);

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int room, int wait_ms)
{
    return passes(FAULT_EPOLL_WAIT, NULL) ? __real_epoll_wait(epoll, events, room, wait_ms) : -1;
}

#ifdef SLUICE_HAVE_LIBURING
int __real_io_uring_submit_and_get_events(struct io_uring *ring);
int __wrap_io_uring_submit_and_get_events(struct io_uring *ring);

int __wrap_io_uring_submit_and_get_events(struct io_uring *ring)
{
    return passes(FAULT_URING_ENTER, NULL) ? __real_io_uring_submit_and_get_events(ring) : -errno;
}

int __real_io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **ret,
                                            unsigned count, struct __kernel_timespec *time,
                                            sigset_t *mask);
int __wrap_io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **ret,
                                            unsigned count, struct __kernel_timespec *time,
                                            sigset_t *mask);

int __wrap_io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **ret,
                                            unsigned count, struct __kernel_timespec *time,
                                            sigset_t *mask)
{
    if (!passes(FAULT_URING_ENTER, NULL))
        return -errno;
    return __real_io_uring_submit_and_wait_timeout(ring, ret, count, time, mask);
}
#endif

int __real_fstat(int fd, struct stat *ret);
int __wrap_fstat(int fd, struct stat *ret);

int __wrap_fstat(int fd, struct stat *ret)
{
    return passes(FAULT_FSTAT, NULL) ? __real_fstat(fd, ret) : -1;
}

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);

void *__wrap_malloc(size_t bytes)
{
    return passes(FAULT_MEMORY, NULL) ? __real_malloc(bytes) : NULL;
}

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

void *__wrap_calloc(size_t count, size_t bytes)
{
    return passes(FAULT_MEMORY, NULL) ? __real_calloc(count, bytes) : NULL;
}

void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    return passes(FAULT_MEMORY, NULL) ? __real_aligned_alloc(alignment, bytes) : NULL;
}

int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument)
{
    if (!passes(FAULT_THREAD, NULL))
        return errno;
    return __real_pthread_create(ret, attributes, run, argument);
}

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
    int result = __real_clock_gettime(clock, ret);
    pthread_mutex_lock(&lock);
    if (clock == CLOCK_REALTIME && clock_stopped)
        *ret = (struct timespec){.tv_sec = clock_stopped};
    else if (clock == CLOCK_REALTIME)
        ret->tv_sec += clock_shift;
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t __real_preadv2(int fd, const struct iovec *pieces, int count, off_t first, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *pieces, int count, off_t first, int flags);

ssize_t __wrap_preadv2(int fd, const struct iovec *pieces, int count, off_t first, int flags)
{
    struct iovec piece = pieces[0]; /* no caller reads into more than one */
    if (!passes(flags & RWF_NOWAIT ? FAULT_PREADV2_NOWAIT : FAULT_PREADV2, &piece.iov_len))
        return -1;
    return __real_preadv2(fd, count == 1 ? &piece : pieces, count, first, flags);
}

ssize_t __real_recv(int fd, void *to, size_t length, int flags);
ssize_t __wrap_recv(int fd, void *to, size_t length, int flags);

ssize_t __wrap_recv(int fd, void *to, size_t length, int flags)
{
    return passes(FAULT_RECV, &length) ? __real_recv(fd, to, length, flags) : -1;
}

ssize_t __real_sendfile(int to, int from, off_t *first, size_t length);
ssize_t __wrap_sendfile(int to, int from, off_t *first, size_t length);

ssize_t __wrap_sendfile(int to, int from, off_t *first, size_t length)
{
    return passes(FAULT_SENDFILE, &length) ? __real_sendfile(to, from, first, length) : -1;
}

/* Copies to TO the first of the COUNT pieces at FROM that hold LENGTH bytes. Returns their
 * number. */
static int cut_pieces(struct iovec *to, const struct iovec *from, int count, size_t length)
{
    int used = 0;
    for (; used < count && length > 0; used++) {
        to[used] = from[used];
        if (to[used].iov_len > length)
            to[used].iov_len = length;
        length -= to[used].iov_len;
    }
    return used;
}

static size_t bytes_of(const struct iovec *pieces, int count)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += pieces[i].iov_len;
    return bytes;
}

ssize_t __real_readv(int fd, const struct iovec *pieces, int count);
ssize_t __wrap_readv(int fd, const struct iovec *pieces, int count);

ssize_t __wrap_readv(int fd, const struct iovec *pieces, int count)
{
    struct iovec cut[PIECES_MAX];
    size_t length = bytes_of(pieces, count);
    if (!passes(FAULT_READV, &length))
        return -1;
    return __real_readv(fd, cut, cut_pieces(cut, pieces, count, length));
}

ssize_t __real_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
    return passes(FAULT_SEND, &length) ? __real_send(fd, bytes, length, flags) : -1;
}

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct iovec cut[PIECES_MAX];
    struct msghdr shorter = *message;
    size_t length = bytes_of(message->msg_iov, (int)message->msg_iovlen);
    if (!passes(FAULT_SEND, &length))
        return -1;
    shorter.msg_iov = cut;
    shorter.msg_iovlen =
        (size_t)cut_pieces(cut, message->msg_iov, (int)message->msg_iovlen, length);
    return __real_sendmsg(fd, &shorter, flags);
}

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

/* Not variadic: like the C library's own, it takes the greatest number of arguments and passes all
 * of them on. */
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    if (number == SYS_openat2) {
        const struct open_how *how = (const struct open_how *)c;
        if (!passes(how->resolve & RESOLVE_CACHED ? FAULT_OPEN_CACHED : FAULT_OPEN, NULL))
            return -1;
    }
    return __real_syscall(number, a, b, c, d, e, f);
}

/* NOLINTEND(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */
