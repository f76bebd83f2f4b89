/* uring_here: whether io_uring(7) works, for Criterion and the plain runner alike. */
#ifndef SLUICE_TESTS_URING_HERE_H
#define SLUICE_TESTS_URING_HERE_H

#include "support/tree.h"
#include "system/uring_probe.h"

#include <pthread.h>

static inline void *uring_try(void *problem)
{
    return uring_probe(problem) == 0 ? NULL : problem;
}

/* Probes on a thread of its own, because the kernel frees a ring later, on the thread that used it,
 * and that can interrupt a call with EINTR. False, with *RET_PROBLEM set: it does not work here. */
static inline bool uring_is_here(struct problem *ret_problem)
{
    pthread_t thread;
    void *failure = ret_problem;
    tree_must(pthread_create(&thread, NULL, uring_try, ret_problem) == 0, "pthread_create");
    pthread_join(thread, &failure);
    return !failure;
}

#endif
