/* uring_or_skip: for Criterion's tests that use io_uring(7). */
#ifndef SLUICE_TESTS_URING_OR_SKIP_H
#define SLUICE_TESTS_URING_OR_SKIP_H

#include "support/uring_here.h"

#include <criterion/criterion.h>

/* Skips the test where io_uring does not work. Call it before anything that must be cleaned up:
 * Criterion calls no fini then. */
static inline void uring_or_skip(void)
{
    struct problem problem;
    if (!uring_is_here(&problem))
        cr_skip_test("%s", problem.what);
}

#endif
