/* faults: see faults.h. Counts and arrangements; the wrappers are in files of their own. */
#include "support/faults.h"

#include "base/base.h"
#include "support/faults_wrap.h"
#include "support/prng.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct arrangement {
    unsigned calls;
    unsigned failed;
    unsigned fail_skip;
    unsigned fail_count;
    int error;
    unsigned act_skip;
    void (*act)(void *argument); /* NULL: nothing to do */
    void *argument;
    bool hindered;
    struct prng prng;
};

static const char *const names[] = {
    [FAULT_ACCEPT4] = "accept4",
    [FAULT_BIND] = "bind",
    [FAULT_CLOSE] = "close",
    [FAULT_CLOSE_RANGE] = "close_range",
    [FAULT_CONNECT] = "connect",
    [FAULT_EPOLL_CREATE1] = "epoll_create1",
    [FAULT_EPOLL_CTL] = "epoll_ctl",
    [FAULT_EPOLL_WAIT] = "epoll_wait",
    [FAULT_EVENTFD] = "eventfd",
    [FAULT_FCHMOD] = "fchmod",
    [FAULT_FCNTL] = "fcntl",
    [FAULT_FDOPENDIR] = "fdopendir",
    [FAULT_FLOCK] = "flock",
    [FAULT_FOPEN] = "fopen",
    [FAULT_FORK] = "fork",
    [FAULT_FSTAT] = "fstat",
    [FAULT_FSTATAT] = "fstatat",
    [FAULT_FSYNC] = "fsync",
    [FAULT_FUTIMENS] = "futimens",
    [FAULT_GETADDRINFO] = "getaddrinfo",
    [FAULT_GETIFADDRS] = "getifaddrs",
    [FAULT_GETPEERNAME] = "getpeername",
    [FAULT_GETRANDOM] = "getrandom",
    [FAULT_GETRLIMIT] = "getrlimit",
    [FAULT_GETSOCKNAME] = "getsockname",
    [FAULT_GETSOCKOPT] = "getsockopt",
    [FAULT_IOCTL] = "ioctl",
    [FAULT_LISTEN] = "listen",
    [FAULT_MEMORY] = "memory",
    [FAULT_MEMFD_CREATE] = "memfd_create",
    [FAULT_MMAP] = "mmap",
    [FAULT_NANOSLEEP] = "nanosleep",
    [FAULT_OPEN] = "open",
    [FAULT_OPENAT] = "openat",
    [FAULT_OPENAT2] = "openat2",
    [FAULT_OPENAT2_CACHED] = "openat2_cached",
    [FAULT_OPENAT2_ROOT] = "openat2_root",
    [FAULT_POLL] = "poll",
    [FAULT_PREAD] = "pread",
    [FAULT_PREADV2] = "preadv2",
    [FAULT_PREADV2_NOWAIT] = "preadv2_nowait",
    [FAULT_READ] = "read",
    [FAULT_READDIR] = "readdir",
    [FAULT_READV] = "readv",
    [FAULT_RECV] = "recv",
    [FAULT_SCHED_GETAFFINITY] = "sched_getaffinity",
    [FAULT_SEND] = "send",
    [FAULT_SENDFILE] = "sendfile",
    [FAULT_SETRLIMIT] = "setrlimit",
    [FAULT_SETSOCKOPT] = "setsockopt",
    [FAULT_SHUTDOWN] = "shutdown",
    [FAULT_SIGNALFD] = "signalfd",
    [FAULT_SOCKET] = "socket",
    [FAULT_SOCKETPAIR] = "socketpair",
    [FAULT_STAT] = "stat",
    [FAULT_STATX] = "statx",
    [FAULT_THREAD] = "pthread_create",
    [FAULT_WRITE] = "write",
    [FAULT_RENAME] = "rename",
    [FAULT_RENAMEAT] = "renameat",
    [FAULT_UNLINK] = "unlink",
    [FAULT_UNLINKAT] = "unlinkat",
    [FAULT_WRITEV] = "writev",
    [FAULT_WRITE_EVENTFD] = "write_eventfd",
    [FAULT_URING_INIT] = "io_uring_setup",
    [FAULT_URING_REGISTER] = "io_uring_register",
    [FAULT_URING_ENTER] = "io_uring_enter",
    [FAULT_URING_SUBMIT] = "io_uring_submit",
    [FAULT_URING_ACCEPT] = "uring_accept",
    [FAULT_URING_CANCEL] = "uring_cancel",
    [FAULT_URING_POLL] = "uring_poll",
    [FAULT_URING_RECV] = "uring_recv",
    [FAULT_URING_SEND] = "uring_send",
};
static_assert(COUNT_OF(names) == FAULT_COUNT, "a name for each");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct arrangement own[FAULT_COUNT];
static struct arrangement *arrangements = own; /* the array is under LOCK, as all below */
static bool off;
static struct prng shuffle_prng; /* state 0: nothing is shuffled */
static int64_t clock_stopped;    /* 0: it runs */
static int64_t clock_shift;

/* --- For tests -------------------------------------------------------------------------------- */

const char *faults_name(enum fault which)
{
    return names[which];
}

void faults_clear(void)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        arrangements[i] = (struct arrangement){0};
    shuffle_prng.state = 0;
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

unsigned faults_failed(enum fault which)
{
    pthread_mutex_lock(&lock);
    unsigned failed = arrangements[which].failed;
    pthread_mutex_unlock(&lock);
    return failed;
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

void faults_shuffle(uint64_t seed)
{
    pthread_mutex_lock(&lock);
    shuffle_prng.state = seed;
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

void faults_share(void)
{
    off = true;
    void *shared =
        mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        abort();
    arrangements = memcpy(shared, own, sizeof own);
}

void faults_begin(void)
{
    off = false;
}

void faults_end(void)
{
    off = true;
}

/* --- For the wrappers ------------------------------------------------------------------------- */

/* Returns the errno with which this call must fail, or 0; lowers *LENGTH, if not NULL. LOCK is
 * held. */
static int arranged(struct arrangement *arrangement, size_t *length)
{
    if (arrangement->fail_skip > 0) {
        arrangement->fail_skip--;
    } else if (arrangement->fail_count > 0) {
        arrangement->fail_count -= arrangement->fail_count != FAULT_ALWAYS;
        arrangement->failed++;
        if (arrangement->error != FAULT_SHORT)
            return arrangement->error;
        if (length && *length > 1)
            *length = 1;
        return 0;
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

bool faults_pass(enum fault which, size_t *length)
{
    struct arrangement *arrangement = &arrangements[which];
    void (*act)(void *argument) = NULL;
    void *argument = NULL;
    if (off)
        return true;
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

void faults_lock(void)
{
    pthread_mutex_lock(&lock);
}

void faults_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

uint64_t faults_dice(uint64_t limit)
{
    pthread_mutex_lock(&lock);
    uint64_t number = shuffle_prng.state && !off ? prng_below(&shuffle_prng, limit) : 0;
    pthread_mutex_unlock(&lock);
    return number;
}

void faults_change_clock(struct timespec *now)
{
    pthread_mutex_lock(&lock);
    if (clock_stopped)
        *now = (struct timespec){.tv_sec = clock_stopped};
    else
        now->tv_sec += clock_shift;
    pthread_mutex_unlock(&lock);
}
