/* faults_plan: see faults_plan.h. */
#include "faults_plan.h"

#include "faults_errors.h"

#include "base/base.h"
#include "support/prng.h"

#include <string.h>

enum {
    OCCURRENCES_ALL = 24,
    ALLOCATIONS_ALL = 1000, /* every one */
    SHUFFLES_ALL = 40,
    STORMS_ALL = 400,
    /* Of a sample, with each backend: */
    ALLOCATIONS_SAMPLE = 60,
    PASSING_SAMPLE = 3, /* of each error that passes, because it must harm no request */
    SHUFFLES_SAMPLE = 6,
    STORMS_SAMPLE = 30,
    RARE_SAMPLE = 4, /* of the errors, one in four in each of the other kinds of runs */
    LASTING = 6,
};

/* The state of adding runs. */
struct adding {
    struct fault_plan *plan;
    const struct plan_options *options;
    struct run_setup setup; /* of the next run */
    struct run_answers *answers;
    struct prng prng;
};

static void add(struct adding *adding)
{
    struct fault_plan *plan = adding->plan;
    if (plan->count < PLAN_CASES_MAX)
        plan->cases[plan->count++] =
            (struct plan_case){.setup = adding->setup, .answers = adding->answers};
}

/* Of a sample, leaves COUNT of the runs from FIRST on, in their order. */
static void draw(struct adding *adding, unsigned first, unsigned count)
{
    struct fault_plan *plan = adding->plan;
    unsigned left = plan->count - first, kept = first;
    if (adding->options->all)
        return;
    for (unsigned i = first; i < plan->count; i++, left--) {
        if (prng_below(&adding->prng, left) < count) {
            plan->cases[kept++] = plan->cases[i];
            count--;
        }
    }
    plan->count = kept;
}

/* Adds the runs for one error of a call. */
static void add_error(struct adding *adding, enum fault call, int error)
{
    const bool memory = call == FAULT_MEMORY, rare = adding->setup.kind != RUN_SERVE;
    const unsigned calls = adding->answers->calls[call], first = adding->plan->count;
    const unsigned bound = memory ? ALLOCATIONS_ALL : OCCURRENCES_ALL;
    const unsigned chosen = calls < bound ? calls : bound;
    struct run_fault *fault = &adding->setup.fault;
    *fault = (struct run_fault){.call = call, .error = error, .count = 1};
    for (unsigned i = 0; i < chosen; i++) {
        fault->skip = chosen > 1 ? (unsigned)((uint64_t)i * (calls - 1) / (chosen - 1)) : 0;
        add(adding);
    }
    /* The failure lasts: it must not be reported again and again. */
    fault->skip = calls / 2;
    fault->count = LASTING;
    if (calls > LASTING)
        add(adding);
    unsigned sample = memory                           ? ALLOCATIONS_SAMPLE
                      : errors_is_passing(call, error) ? PASSING_SAMPLE
                                                       : 1;
    if (rare)
        sample = prng_below(&adding->prng, RARE_SAMPLE) == 0;
    draw(adding, first, sample);
}

static bool wants(const struct plan_options *options, enum fault call, int error)
{
    const struct run_fault *fault = &options->fault;
    return fault->count == 0 ||
           (fault->call == call && (fault->error == 0 || fault->error == error));
}

/* Adds the runs with many faults, and those with other orders of completions. */
static void add_mixtures(struct adding *adding)
{
    const bool uring = strcmp(adding->setup.backend, backend_name(BACKEND_IO_URING)) == 0;
    const uint64_t seed = adding->options->seed;
    struct run_fault *fault = &adding->setup.fault;
    unsigned first = adding->plan->count;
    for (unsigned i = 1; i <= STORMS_ALL; i++) {
        *fault = (struct run_fault){.storm_seed = seed * STORMS_ALL + i};
        add(adding);
    }
    draw(adding, first, STORMS_SAMPLE);
    first = adding->plan->count;
    for (unsigned i = 1; uring && i <= SHUFFLES_ALL; i++) {
        *fault = (struct run_fault){.shuffle_seed = seed * SHUFFLES_ALL + i};
        add(adding);
    }
    draw(adding, first, SHUFFLES_SAMPLE);
}

void plan_show(const struct plan_case *one)
{
    static const char *const kinds[] = {
        [RUN_SERVE] = "", [RUN_START] = " --start", [RUN_SITES] = " --sites"};
    static_assert(COUNT_OF(kinds) == RUN_KIND_COUNT, "a word for each");
    const struct run_setup *setup = &one->setup;
    printf("tests/faults --backend %s%s", setup->backend, kinds[setup->kind]);
    if (setup->fault.shuffle_seed)
        printf(" --shuffle %llu", (unsigned long long)setup->fault.shuffle_seed);
    if (setup->fault.storm_seed)
        printf(" --storm %llu", (unsigned long long)setup->fault.storm_seed);
    if (setup->fault.count > 0)
        printf(" --call %s --error %s --at %u --times %u", faults_name(setup->fault.call),
               errors_name(setup->fault.error), setup->fault.skip, setup->fault.count);
    if (one->result.text[0])
        printf(": %s", one->result.text);
    printf("\n");
}

/* The run without a fault. False: it fails. */
static bool count_calls(const struct adding *adding)
{
    struct plan_case one = {.setup = adding->setup};
    one.setup.fault = (struct run_fault){0};
    *adding->answers = (struct run_answers){0};
    faults_run(&one.setup, adding->answers, &one.result);
    if (one.result.outcome == RUN_UNHARMED)
        return true;
    printf("without a fault: ");
    plan_show(&one);
    return false;
}

/* Adds all runs of a kind. False: it does not work even without a fault. */
static bool add_kind(struct adding *adding)
{
    if (!count_calls(adding))
        return false;
    for (unsigned i = 0; i < errors_row_count; i++) {
        const struct errors_row *row = &errors_rows[i];
        for (unsigned e = 0; e < ERRORS_MAX && row->errors[e]; e++) {
            if (wants(adding->options, row->call, row->errors[e]))
                add_error(adding, row->call, row->errors[e]);
        }
    }
    if (adding->setup.kind == RUN_SERVE && adding->options->fault.count == 0)
        add_mixtures(adding);
    return true;
}

bool plan_add_backend(struct fault_plan *plan, const struct plan_options *options,
                      enum backend backend)
{
    struct adding adding = {
        .plan = plan,
        .options = options,
        .setup = {.backend = backend_name(backend), .kind = options->kind},
        .answers = &plan->answers[backend][options->kind],
        .prng = {options->seed},
    };
    bool good = true;
    if (options->exact) {
        good = count_calls(&adding);
        adding.setup.fault = options->fault;
        add(&adding);
        return good;
    }
    for (unsigned kind = RUN_SERVE; good && kind < RUN_KIND_COUNT; kind++) {
        if (options->kind != RUN_SERVE && options->kind != kind)
            continue;
        adding.setup.kind = kind;
        adding.answers = &plan->answers[backend][kind];
        good = add_kind(&adding);
    }
    return good;
}
