/* faults: makes system calls and allocations fail when a test wants it.
 *
 * The programs tests/unit and tests/faults are linked with -Wl,--wrap for these calls (see WRAPPED
 * in the Makefile): they pass through unless a test arranges otherwise, and are counted. This
 * affects calls from the code under test and from tests, not calls within libraries. The wrappers
 * are in faults_files.c, faults_sockets.c, faults_process.c and faults_uring.c. Thread-safe. */
#ifndef SLUICE_TESTS_FAULTS_H
#define SLUICE_TESTS_FAULTS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum fault {
    FAULT_ACCEPT4,
    FAULT_BIND,
    FAULT_CLOSE, /* the descriptor is closed all the same, as in Linux */
    FAULT_CLOSE_RANGE,
    FAULT_CONNECT,
    FAULT_EPOLL_CREATE1,
    FAULT_EPOLL_CTL,
    FAULT_EPOLL_WAIT,
    FAULT_EVENTFD,
    FAULT_FCHMOD,
    FAULT_FCNTL,
    FAULT_FDOPENDIR,
    FAULT_FLOCK,
    FAULT_FOPEN,
    FAULT_FORK,
    FAULT_FSTAT,
    FAULT_FSTATAT,
    FAULT_FSYNC,
    FAULT_FUTIMENS,
    FAULT_GETADDRINFO, /* fails with EAI_SYSTEM and the errno */
    FAULT_GETIFADDRS,
    FAULT_GETPEERNAME,
    FAULT_GETRANDOM,
    FAULT_GETRLIMIT,
    FAULT_GETSOCKNAME,
    FAULT_GETSOCKOPT,
    FAULT_IOCTL,
    FAULT_LISTEN,
    FAULT_MEMORY, /* malloc, calloc, realloc, aligned_alloc, strdup */
    FAULT_MEMFD_CREATE,
    FAULT_MMAP,
    FAULT_NANOSLEEP,
    FAULT_OPEN,
    FAULT_OPENAT,
    FAULT_OPENAT2,
    FAULT_OPENAT2_CACHED, /* openat2 with RESOLVE_CACHED */
    FAULT_OPENAT2_ROOT,   /* openat2 of ROOT itself, from root_is_at */
    FAULT_POLL,
    FAULT_PREAD,
    FAULT_PREADV2,
    FAULT_PREADV2_NOWAIT, /* preadv2 with RWF_NOWAIT */
    FAULT_READ,
    FAULT_READDIR,
    FAULT_READV,
    FAULT_RECV,
    FAULT_RENAME,
    FAULT_RENAMEAT,
    FAULT_SCHED_GETAFFINITY,
    FAULT_SEND, /* send, sendmsg */
    FAULT_SENDFILE,
    FAULT_SETRLIMIT,
    FAULT_SETSOCKOPT,
    FAULT_SHUTDOWN,
    FAULT_SIGNALFD,
    FAULT_SOCKET,
    FAULT_SOCKETPAIR,
    FAULT_STAT,
    FAULT_STATX,
    FAULT_THREAD, /* pthread_create; its error is a positive errno like the others' */
    FAULT_UNLINK,
    FAULT_UNLINKAT,
    FAULT_WRITE,         /* to a standard descriptor */
    FAULT_WRITE_EVENTFD, /* to any other one, a file too */
    FAULT_WRITEV,
    FAULT_URING_INIT,     /* io_uring_queue_init_params */
    FAULT_URING_REGISTER, /* io_uring_register(2), by any function */
    FAULT_URING_ENTER,    /* the liburing calls that submit and wait */
    FAULT_URING_SUBMIT,   /* io_uring_submit */
    /* Requests for the kernel: one that fails completes with the error. See faults_uring.c. */
    FAULT_URING_ACCEPT,
    FAULT_URING_CANCEL,
    FAULT_URING_POLL,
    FAULT_URING_RECV,
    FAULT_URING_SEND,
    FAULT_COUNT,
};

enum {
    FAULT_ALWAYS = INT_MAX, /* a count */
    FAULT_SHORT = -1,       /* an error: the call succeeds, but moves one byte */
};

/* The name of WHICH in lower case: the call's, such as "accept4". */
const char *faults_name(enum fault which);

/* Lets all calls pass again and sets the counts to 0. */
void faults_clear(void);

/* How often the call has been made. */
unsigned faults_calls(enum fault which);

/* How often the call was made to fail by faults_fail. */
unsigned faults_failed(enum fault which);

/* From now on SKIP calls pass, then COUNT calls fail with errno ERROR, then all pass again. */
void faults_fail(enum fault which, unsigned skip, unsigned count, int error);

/* From now on SKIP calls pass; directly before the next one ACT is called, once, on the caller's
 * thread. */
void faults_act(enum fault which, unsigned skip, void (*act)(void *argument), void *argument);

/* From now on a quarter of the calls fail with EINTR, a quarter with EAGAIN, and the others move
 * only a random part of their bytes, if they move bytes. Derived from SEED, which is not 0. */
void faults_hinder(enum fault which, uint64_t seed);

/* From now on completions of io_uring come in another order, and requests are executed by threads
 * of the kernel's, so that they complete later. Derived from SEED; 0: as the kernel does. */
void faults_shuffle(uint64_t seed);

/* Sets CLOCK_REALTIME ahead by SECONDS. */
void faults_shift_clock(int64_t seconds);

/* Stops CLOCK_REALTIME at SECONDS, which is not 0. */
void faults_stop_clock(int64_t seconds);

/* --- Between processes ------------------------------------------------------------------------ */

/* Moves counts and arrangements to memory that this process will share with its children, and lets
 * all calls of this process pass uncounted. Call it once, before fork. */
void faults_share(void);

/* In a child: its calls are counted and fail as arranged. */
void faults_begin(void);

/* The opposite. */
void faults_end(void);

#endif
