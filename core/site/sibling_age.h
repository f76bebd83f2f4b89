/* sibling_age: whether a compressed sibling was made from another version of its file, by their
 * times of modification.
 *
 * The server and `sluice precompress` decide by the same rule. Pure: takes two times. */
#ifndef SLUICE_SIBLING_AGE_H
#define SLUICE_SIBLING_AGE_H

#include "base/base.h"

#include <time.h>

/* Whether a file modified at SIBLING was made from another version than that modified at PLAIN.
 * Many tools give their output the time of their input, but in microseconds, milliseconds, whole
 * seconds or, on FAT, two seconds: SIBLING is older only if it is so by more than its
 * granularity. Where PLAIN has whole seconds, they are compared: half of all seconds are even. */
bool sibling_is_older(const struct timespec *sibling, const struct timespec *plain);

#endif
