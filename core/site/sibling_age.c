/* sibling_age: see sibling_age.h. */
#include "site/sibling_age.h"

enum {
    NANOSECONDS = 1000000000, /* of a second */
    /* A tool that calculates with seconds in floating point writes a time up to this much early. */
    ROUNDING_ERROR_NS = 1000,
    FAT_SECONDS = 2, /* times on FAT are even seconds */
};

/* The granularity in which MODIFIED seems to have been written, in nanoseconds: the coarsest one
 * that it is a multiple of, but for the rounding error. Below a second only. */
static int64_t granularity_ns(const struct timespec *modified)
{
    static const long steps[] = {NANOSECONDS, 10000000 /* exFAT */, 1000000};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        long rest = modified->tv_nsec % steps[i];
        if (rest == 0)
            return steps[i];
        if (rest >= steps[i] - ROUNDING_ERROR_NS)
            return steps[i] + ROUNDING_ERROR_NS;
    }
    return ROUNDING_ERROR_NS;
}

bool sibling_is_older(const struct timespec *sibling, const struct timespec *plain)
{
    int64_t later = plain->tv_sec - sibling->tv_sec;
    if (later < 0 || later > FAT_SECONDS)
        return later > 0;
    int64_t later_ns = later * NANOSECONDS + plain->tv_nsec - sibling->tv_nsec;
    int64_t granularity = granularity_ns(sibling);
    if (sibling->tv_nsec == 0 && sibling->tv_sec % FAT_SECONDS == 0 && plain->tv_nsec != 0)
        granularity = (int64_t)FAT_SECONDS * NANOSECONDS;
    return later_ns >= granularity;
}
