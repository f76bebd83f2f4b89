/* uring_or_skip: for tests of what uses io_uring(7). */
#ifndef SLUICE_TESTS_URING_OR_SKIP_H
#define SLUICE_TESTS_URING_OR_SKIP_H

#include "uring_trial.h"

#include <criterion/criterion.h>
#include <pthread.h>

static inline void *uring_try(void *reason)
{
    return uring_trial(reason) == 0 ? NULL : reason;
}

/* Skips the test, with the reason, where io_uring can't be had. Before anything that would have to be
 * tidied up: Criterion calls no fini then. The trial has a thread of its own, because the kernel tidies
 * up a ring later, on the thread that used it, and that can interrupt a call with EINTR. */
static inline void uring_or_skip(void)
{
    static char reason[URING_REASON_BYTES];
    pthread_t thread;
    void *failure = reason;
    cr_assert_eq(pthread_create(&thread, NULL, uring_try, reason), 0);
    pthread_join(thread, &failure);
    if (failure)
        cr_skip_test("%s", reason);
}

#endif
