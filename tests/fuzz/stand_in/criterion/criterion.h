/* A stand-in for Criterion where its helpers are fuzzed: an assertion that fails is a crash, with
 * its place on stderr. Only what the shared helpers use (tests/support/session_driver.c,
 * tests/support/session_site.c); messages are dropped. */
#ifndef SLUICE_FUZZ_STAND_IN_CRITERION_H
#define SLUICE_FUZZ_STAND_IN_CRITERION_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void stand_in_assert(int holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

#define stand_in(condition) stand_in_assert(!!(condition), #condition, __FILE__, __LINE__)

#define cr_assert(condition, ...)      stand_in(condition)
#define cr_assert_not(condition, ...)  stand_in(!(condition))
#define cr_assert_null(value, ...)     stand_in((value) == NULL)
#define cr_assert_not_null(value, ...) stand_in((value) != NULL)
#define cr_assert_eq(a, b, ...)        stand_in((a) == (b))
#define cr_assert_neq(a, b, ...)       stand_in((a) != (b))
#define cr_assert_lt(a, b, ...)        stand_in((a) < (b))
#define cr_assert_leq(a, b, ...)       stand_in((a) <= (b))
#define cr_assert_gt(a, b, ...)        stand_in((a) > (b))
#define cr_assert_geq(a, b, ...)       stand_in((a) >= (b))
#define cr_assert_str_eq(a, b, ...)    stand_in(strcmp((a), (b)) == 0)
#define cr_assert_fail(...)            stand_in(!"reached")

#endif
