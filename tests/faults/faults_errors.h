/* faults_errors: the table of calls and of the errors with which each is made to fail. */
#ifndef SLUICE_TESTS_FAULTS_ERRORS_H
#define SLUICE_TESTS_FAULTS_ERRORS_H

#include "support/faults.h"

enum { ERRORS_MAX = 24 };

struct errors_row {
    enum fault call;
    int errors[ERRORS_MAX]; /* errnos, or FAULT_SHORT; 0 ends them */
};

extern const struct errors_row errors_rows[];
extern const unsigned errors_row_count;

/* "ENOMEM", "SHORT". */
const char *errors_name(int error);

/* Whether ERROR of CALL passes by itself, or moves fewer bytes: to try again must succeed, so no
 * request is harmed. */
bool errors_is_passing(enum fault call, int error);

/* The error of this NAME; 0: unknown. */
int errors_find(const char *name);

/* The call of this NAME; FAULT_COUNT: unknown. */
enum fault errors_find_call(const char *name);

#endif
