/* faults: makes system calls fail when a test wants it. The unit binary is linked with -Wl,--wrap
 * for these calls (see WRAPPED in the Makefile): they pass through unless a test arranges
 * otherwise, and are counted. This affects calls from the code under test and from tests, not calls
 * within libraries. Thread-safe. */
#ifndef SLUICE_TESTS_FAULTS_H
#define SLUICE_TESTS_FAULTS_H

#include <limits.h>
#include <stdint.h>

enum fault {
    FAULT_ACCEPT4,
    FAULT_EPOLL_CTL,
    FAULT_EPOLL_WAIT,
    FAULT_FSTAT,
    FAULT_MEMORY,      /* malloc, calloc, aligned_alloc */
    FAULT_OPEN,        /* openat2 */
    FAULT_OPEN_CACHED, /* openat2 with RESOLVE_CACHED */
    FAULT_PREADV2,
    FAULT_PREADV2_NOWAIT, /* preadv2 with RWF_NOWAIT */
    FAULT_READV,
    FAULT_RECV,
    FAULT_SENDFILE,
    FAULT_SEND,        /* send, sendmsg */
    FAULT_THREAD,      /* pthread_create; its error is a positive errno like the others' */
    FAULT_URING_ENTER, /* the liburing calls that submit and wait */
    FAULT_COUNT,
};

enum { FAULT_ALWAYS = INT_MAX };

/* Lets all calls pass again and sets the counts to 0. */
void faults_clear(void);

/* How often the call has been made. */
unsigned faults_calls(enum fault which);

/* From now on SKIP calls pass, then COUNT calls fail with errno ERROR, then all pass again. */
void faults_fail(enum fault which, unsigned skip, unsigned count, int error);

/* From now on SKIP calls pass; directly before the next one ACT is called, once, on the caller's
 * thread. */
void faults_act(enum fault which, unsigned skip, void (*act)(void *argument), void *argument);

/* From now on a quarter of the calls fail with EINTR, a quarter with EAGAIN, and the others move
 * only a random part of their bytes, if they move bytes. Derived from SEED, which is not 0. */
void faults_hinder(enum fault which, uint64_t seed);

/* Sets CLOCK_REALTIME ahead by SECONDS. */
void faults_shift_clock(int64_t seconds);

/* Stops CLOCK_REALTIME at SECONDS, which is not 0. */
void faults_stop_clock(int64_t seconds);

#endif
