/* faults_process: the wrappers of allocations, threads, clocks and limits; see faults.h. */
#include "support/faults_wrap.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */

/* --- Memory ----------------------------------------------------------------------------------- */

WRAP(void *, aligned_alloc, size_t alignment, size_t bytes)
{
    return faults_pass(FAULT_MEMORY, NULL) ? __real_aligned_alloc(alignment, bytes) : NULL;
}

WRAP(void *, calloc, size_t count, size_t bytes)
{
    return faults_pass(FAULT_MEMORY, NULL) ? __real_calloc(count, bytes) : NULL;
}

WRAP(void *, malloc, size_t bytes)
{
    return faults_pass(FAULT_MEMORY, NULL) ? __real_malloc(bytes) : NULL;
}

WRAP(void *, realloc, void *old, size_t bytes)
{
    return faults_pass(FAULT_MEMORY, NULL) ? __real_realloc(old, bytes) : NULL;
}

WRAP(char *, strdup, const char *text)
{
    return faults_pass(FAULT_MEMORY, NULL) ? __real_strdup(text) : NULL;
}

WRAP(int, memfd_create, const char *name, unsigned flags)
{
    return faults_pass(FAULT_MEMFD_CREATE, NULL) ? __real_memfd_create(name, flags) : -1;
}

WRAP(void *, mmap, void *at, size_t bytes, int protection, int flags, int fd, off_t first)
{
    if (!faults_pass(FAULT_MMAP, NULL))
        return MAP_FAILED;
    return __real_mmap(at, bytes, protection, flags, fd, first);
}

WRAP(pid_t, fork, void)
{
    if (!faults_pass(FAULT_FORK, NULL))
        return -1;
    faults_lock(); /* else another thread may have it, and the child would wait for ever */
    const pid_t pid = __real_fork();
    faults_unlock();
    return pid;
}

/* --- Threads, signals, waiting ---------------------------------------------------------------- */

WRAP(int, pthread_create, pthread_t *ret, const pthread_attr_t *attributes, void *(*run)(void *),
     void *argument)
{
    if (!faults_pass(FAULT_THREAD, NULL))
        return errno;
    return __real_pthread_create(ret, attributes, run, argument);
}

WRAP(int, eventfd, unsigned count, int flags)
{
    return faults_pass(FAULT_EVENTFD, NULL) ? __real_eventfd(count, flags) : -1;
}

WRAP(int, signalfd, int fd, const sigset_t *set, int flags)
{
    return faults_pass(FAULT_SIGNALFD, NULL) ? __real_signalfd(fd, set, flags) : -1;
}

WRAP(int, poll, struct pollfd *events, nfds_t count, int wait_ms)
{
    return faults_pass(FAULT_POLL, NULL) ? __real_poll(events, count, wait_ms) : -1;
}

/* _FORTIFY_SOURCE makes this call of poll. */
WRAP(int, __poll_chk, struct pollfd *events, nfds_t count, int wait_ms, size_t room)
{
    return faults_pass(FAULT_POLL, NULL) ? __real___poll_chk(events, count, wait_ms, room) : -1;
}

WRAP(int, nanosleep, const struct timespec *pause, struct timespec *ret_left)
{
    return faults_pass(FAULT_NANOSLEEP, NULL) ? __real_nanosleep(pause, ret_left) : -1;
}

WRAP(int, clock_gettime, clockid_t clock, struct timespec *ret)
{
    int result = __real_clock_gettime(clock, ret);
    if (clock == CLOCK_REALTIME)
        faults_change_clock(ret);
    return result;
}

/* --- Limits and randomness -------------------------------------------------------------------- */

WRAP(int, getrlimit, __rlimit_resource_t which, struct rlimit *ret)
{
    return faults_pass(FAULT_GETRLIMIT, NULL) ? __real_getrlimit(which, ret) : -1;
}

WRAP(int, setrlimit, __rlimit_resource_t which, const struct rlimit *limit)
{
    return faults_pass(FAULT_SETRLIMIT, NULL) ? __real_setrlimit(which, limit) : -1;
}

WRAP(int, sched_getaffinity, pid_t pid, size_t bytes, cpu_set_t *ret)
{
    if (!faults_pass(FAULT_SCHED_GETAFFINITY, NULL))
        return -1;
    return __real_sched_getaffinity(pid, bytes, ret);
}

WRAP(ssize_t, getrandom, void *to, size_t length, unsigned flags)
{
    return faults_pass(FAULT_GETRANDOM, &length) ? __real_getrandom(to, length, flags) : -1;
}

/* NOLINTEND(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */
