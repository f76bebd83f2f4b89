/* faults_plan: which runs the generator of faults makes. */
#ifndef SLUICE_TESTS_FAULTS_PLAN_H
#define SLUICE_TESTS_FAULTS_PLAN_H

#include "config/settings.h"
#include "faults_run.h"

enum { PLAN_CASES_MAX = 60000 };

struct plan_options {
    bool all, verbose;
    bool exact; /* one run, of FAULT */
    unsigned jobs;
    uint64_t seed;
    const char *backend;    /* NULL: both */
    struct run_fault fault; /* to repeat, or its call and error alone; count 0: every call */
    enum run_kind kind;     /* of that run; without FAULT, not RUN_SERVE: these runs alone */
};

struct plan_case {
    struct run_setup setup;
    struct run_answers *answers;
    struct run_result result;
};

/* All in memory that is shared with the children. */
struct fault_plan {
    struct run_answers answers[BACKEND_COUNT][RUN_KIND_COUNT]; /* by kind */
    unsigned count;
    struct plan_case cases[PLAN_CASES_MAX];
};

/* Plays the scenario without a fault on BACKEND, and adds the runs with faults. False: it fails
 * even without one. */
bool plan_add_backend(struct fault_plan *plan, const struct plan_options *options,
                      enum backend backend);

/* Prints the words that repeat ONE, and what was wrong. */
void plan_show(const struct plan_case *one);

#endif
