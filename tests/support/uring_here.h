/* uring_here: whether io_uring(7) can be had, for Criterion and the plain runner alike. */
#ifndef SLUICE_TESTS_URING_HERE_H
#define SLUICE_TESTS_URING_HERE_H

#include "support/tree.h"
#include "system/uring_probe.h"

#include <pthread.h>

static inline void *uring_try(void *reason)
{
    return uring_probe(reason) == 0 ? NULL : reason;
}

/* The trial has a thread of its own, because the kernel tidies up a ring later, on the thread that used
 * it, and that can interrupt a call with EINTR. Not so: why, in RET_REASON. */
static inline bool uring_is_here(char ret_reason[static URING_PROBE_REASON_BYTES])
{
    pthread_t thread;
    void *failure = ret_reason;
    tree_must(pthread_create(&thread, NULL, uring_try, ret_reason) == 0, "pthread_create");
    pthread_join(thread, &failure);
    return !failure;
}

#endif
