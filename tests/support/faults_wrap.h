/* faults_wrap: for the wrappers of faults.h: what each asks before it makes the real call. */
#ifndef SLUICE_TESTS_FAULTS_WRAP_H
#define SLUICE_TESTS_FAULTS_WRAP_H

#include "support/faults.h"

#include <stddef.h>
#include <time.h>

/* Counts a call of WHICH. False, with errno set: it must fail. *LENGTH, if not NULL, may be
 * lowered, but not to 0. */
bool faults_pass(enum fault which, size_t *length);

/* Has no other thread in one of these functions until faults_unlock: around fork. */
void faults_lock(void);
void faults_unlock(void);

/* A number below LIMIT, by which faults_shuffle makes its choices; 0 if it is not in force. */
uint64_t faults_dice(uint64_t limit);

/* Changes what CLOCK_REALTIME says. */
void faults_change_clock(struct timespec *now);

/* The names are the linker's: --wrap=NAME makes of a call of NAME one of __wrap_NAME. Declares both
 * functions and begins the definition of __wrap_NAME. */
#define WRAP(result, name, ...)        \
    result __real_##name(__VA_ARGS__); \
    result __wrap_##name(__VA_ARGS__); \
    result __wrap_##name(__VA_ARGS__)

#endif
