/* uring_or_skip: for Criterion's tests of what uses io_uring(7). */
#ifndef SLUICE_TESTS_URING_OR_SKIP_H
#define SLUICE_TESTS_URING_OR_SKIP_H

#include "support/uring_here.h"

#include <criterion/criterion.h>

/* Skips the test, with the reason, where io_uring can't be had. Before anything that would have to be
 * tidied up: Criterion calls no fini then. */
static inline void uring_or_skip(void)
{
    char reason[URING_PROBE_REASON_BYTES];
    if (!uring_is_here(reason))
        cr_skip_test("%s", reason);
}

#endif
