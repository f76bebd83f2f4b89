/* faults_main: makes every call of the server fail in each way that its manual names, one run for
 * each failure, and prints a row for each call and error.
 *
 * First the scenario is played without a fault: that gives the number of each call, and the answers
 * that are right. Then each error is injected at chosen occurrences of its call: the first, the
 * second, the last, and evenly between them. --all takes up to OCCURRENCES_ALL of them, otherwise a
 * sample is drawn, always the same one unless --seed is given. With --call and --error (and --at,
 * --times, --backend) it repeats one. The runs are divided among -j processes. */
#include "faults_errors.h"
#include "faults_run.h"

#include "base/base.h"
#include "config/settings.h"
#include "support/prng.h"
#include "support/uring_here.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CASES_MAX = 40000,
    OCCURRENCES_ALL = 24,
    ALLOCATIONS_ALL = 1000, /* every one */
    SAMPLE = 260,           /* runs with each backend */
    SHUFFLES_ALL = 40,
    STORMS_ALL = 400,
    JOBS_MAX = 16,
};

struct options {
    bool all, verbose;
    unsigned jobs;
    uint64_t seed;
    const char *backend;    /* NULL: both */
    struct run_fault fault; /* to repeat; count 0: none */
    enum run_kind kind;
};

struct one_case {
    struct run_setup setup;
    struct run_answers *answers;
    struct run_result result;
};

/* All in memory that is shared with the children. */
struct campaign {
    struct run_answers answers[2][2]; /* by backend and kind */
    unsigned count;
    struct one_case cases[CASES_MAX];
};

static struct campaign *plan;

/* --- Choosing --------------------------------------------------------------------------------- */

static void add(const struct run_setup *setup, struct run_answers *answers)
{
    if (plan->count < CASES_MAX)
        plan->cases[plan->count++] = (struct one_case){.setup = *setup, .answers = answers};
}

/* Adds the runs for one error of a call that was made CALLS times. */
static void add_error(const struct run_setup *base, struct run_answers *answers, unsigned calls)
{
    unsigned bound = base->fault.call == FAULT_MEMORY ? ALLOCATIONS_ALL : OCCURRENCES_ALL;
    unsigned chosen = calls < bound ? calls : bound;
    struct run_setup setup = *base;
    for (unsigned i = 0; i < chosen; i++) {
        setup.fault.skip = chosen > 1 ? (unsigned)((uint64_t)i * (calls - 1) / (chosen - 1)) : 0;
        setup.fault.count = 1;
        add(&setup, answers);
    }
    /* The failure goes on: it must not be reported again and again. */
    setup.fault.skip = calls / 2;
    setup.fault.count = 6;
    if (calls > 6)
        add(&setup, answers);
}

/* Leaves COUNT of the runs from FIRST on, drawn from SEED, in their order. */
static void draw(unsigned first, unsigned count, uint64_t seed)
{
    struct prng prng = {seed};
    unsigned left = plan->count - first, kept = first;
    for (unsigned i = first; i < plan->count; i++, left--) {
        if (prng_below(&prng, left) < count) {
            plan->cases[kept++] = plan->cases[i];
            count--;
        }
    }
    plan->count = kept;
}

static void show_case(const struct one_case *one)
{
    const struct run_setup *setup = &one->setup;
    printf("tests/faults --backend %s%s", setup->backend,
           setup->kind == RUN_START ? " --start" : "");
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
static bool count_calls(const struct run_setup *base, struct run_answers *answers)
{
    struct one_case one = {.setup = *base};
    *answers = (struct run_answers){0};
    faults_run(base, answers, &one.result);
    if (one.result.outcome == RUN_UNHARMED)
        return true;
    printf("without a fault: ");
    show_case(&one);
    return false;
}

/* Adds the runs with many faults, and those with other orders of completions. */
static void add_mixtures(const struct options *options, struct run_setup base,
                         struct run_answers *answers)
{
    base.fault = (struct run_fault){0};
    for (unsigned i = 1; i <= STORMS_ALL; i++) {
        base.fault.storm_seed = options->seed * STORMS_ALL + i;
        add(&base, answers);
    }
    base.fault.storm_seed = 0;
    bool uring = strcmp(base.backend, "io_uring") == 0;
    for (unsigned i = 1; uring && i <= SHUFFLES_ALL; i++) {
        base.fault.shuffle_seed = options->seed * SHUFFLES_ALL + i;
        add(&base, answers);
    }
}

/* Adds all runs of a kind with a backend. False: it does not work even without a fault. */
static bool add_kind(const struct options *options, struct run_setup base,
                     struct run_answers *answers)
{
    if (!count_calls(&base, answers))
        return false;
    for (unsigned i = 0; i < errors_row_count; i++) {
        const struct errors_row *row = &errors_rows[i];
        base.fault.call = row->call;
        for (unsigned e = 0; e < ERRORS_MAX && row->errors[e]; e++) {
            base.fault.error = row->errors[e];
            add_error(&base, answers, answers->calls[row->call]);
        }
    }
    if (base.kind == RUN_SERVE)
        add_mixtures(options, base, answers);
    return true;
}

static bool add_backend(const struct options *options, enum backend backend)
{
    unsigned first = plan->count;
    struct run_setup setup = {.backend = backend_name(backend)};
    struct run_answers *answers = plan->answers[backend == BACKEND_IO_URING];
    bool good = true;
    if (options->fault.count > 0 || options->fault.shuffle_seed || options->fault.storm_seed) {
        setup.kind = options->kind;
        good = count_calls(&setup, &answers[options->kind]);
        setup.fault = options->fault;
        add(&setup, &answers[options->kind]);
        return good;
    }
    for (unsigned kind = RUN_SERVE; good && kind <= RUN_START; kind++) {
        setup.kind = kind;
        good = add_kind(options, setup, &answers[kind]);
    }
    if (!options->all)
        draw(first, SAMPLE, options->seed);
    return good;
}

/* --- Running ---------------------------------------------------------------------------------- */

static void run_shard(unsigned shard, unsigned jobs)
{
    faults_share();
    for (unsigned i = shard; i < plan->count; i += jobs) {
        struct one_case *one = &plan->cases[i];
        faults_run(&one->setup, one->answers, &one->result);
    }
    _exit(0);
}

/* Runs all cases. False: a shard has died. */
static bool run_all(unsigned jobs)
{
    bool good = true;
    for (unsigned i = 0; i < jobs; i++) {
        pid_t pid = fork();
        if (pid == 0)
            run_shard(i, jobs);
        good = good && pid > 0;
    }
    for (int status; wait(&status) > 0;)
        good = good && status == 0;
    return good;
}

/* --- Showing ---------------------------------------------------------------------------------- */

static const char *const headings[] = {
    [RUN_UNHARMED] = "unharmed",    [RUN_REFUSED] = "refused", [RUN_CLOSED] = "closed",
    [RUN_NOT_STARTED] = "no start", [RUN_ENDED] = "ended",     [RUN_FAILED] = "failed",
};
static_assert(COUNT_OF(headings) == RUN_OUTCOME_COUNT, "a heading for each");

/* The outcomes of the runs that belong to one row of the table. */
struct row {
    unsigned runs, injected;
    unsigned outcomes[RUN_OUTCOME_COUNT];
};

enum { ANY_ERROR = 0 };

/* Counts the runs with CALL and ERROR. */
static struct row count_row(enum fault call, int error)
{
    struct row row = {0};
    for (unsigned i = 0; i < plan->count; i++) {
        const struct one_case *one = &plan->cases[i];
        const struct run_fault *fault = &one->setup.fault;
        if (fault->count == 0 || fault->call != call ||
            (error != ANY_ERROR && fault->error != error))
            continue;
        row.runs++;
        row.injected += one->result.injected;
        row.outcomes[one->result.outcome]++;
    }
    return row;
}

static void show_row(const char *call, const char *error, const struct row *row)
{
    if (row->runs == 0)
        return;
    printf("%-18s %-16s %6u %9u", call, error, row->runs, row->injected);
    for (unsigned i = 0; i < RUN_OUTCOME_COUNT; i++)
        printf(" %8u", row->outcomes[i]);
    printf("\n");
}

static bool is_storm(const struct run_fault *fault)
{
    return fault->storm_seed != 0;
}

static bool is_shuffled(const struct run_fault *fault)
{
    return fault->shuffle_seed != 0;
}

/* Counts the runs that BELONGS chooses. */
static struct row count_mixtures(bool (*belongs)(const struct run_fault *fault))
{
    struct row row = {0};
    for (unsigned i = 0; i < plan->count; i++) {
        const struct one_case *one = &plan->cases[i];
        if (!belongs(&one->setup.fault))
            continue;
        row.runs++;
        row.injected += one->result.injected;
        row.outcomes[one->result.outcome]++;
    }
    return row;
}

/* A row for each call, or with EACH_ERROR one for each of its errors. */
static void show_table(bool each_error)
{
    printf("%-18s %-16s %6s %9s", "call", each_error ? "error" : "", "runs", "injected");
    for (unsigned i = 0; i < RUN_OUTCOME_COUNT; i++)
        printf(" %8s", headings[i]);
    printf("\n");
    for (unsigned i = 0; i < errors_row_count; i++) {
        const struct errors_row *errors = &errors_rows[i];
        struct row row = count_row(errors->call, ANY_ERROR);
        if (!each_error)
            show_row(faults_name(errors->call), "", &row);
        for (unsigned e = 0; each_error && e < ERRORS_MAX && errors->errors[e]; e++) {
            row = count_row(errors->call, errors->errors[e]);
            show_row(faults_name(errors->call), errors_name(errors->errors[e]), &row);
        }
    }
    struct row storms = count_mixtures(is_storm), shuffled = count_mixtures(is_shuffled);
    show_row("many at once", "", &storms);
    show_row("other order", "", &shuffled);
}

/* Prints what failed and the line of totals. Whether nothing failed. */
static bool show_totals(const struct options *options, bool whole)
{
    unsigned failed = !whole, injected = 0;
    for (unsigned i = 0; i < plan->count; i++) {
        const struct one_case *one = &plan->cases[i];
        failed += one->result.outcome == RUN_FAILED;
        injected += one->result.injected;
        if (one->result.outcome == RUN_FAILED || options->verbose) {
            printf("[%s] ",
                   one->result.outcome == RUN_FAILED ? "FAIL" : headings[one->result.outcome]);
            show_case(one);
        }
    }
    printf("faults injected: %u in %u runs\n", injected, plan->count);
    printf("%u passed, %u failed\n", plan->count + !whole - failed, failed);
    return failed == 0;
}

/* --- The command line ------------------------------------------------------------------------- */

static const struct option words[] = {
    {"all", no_argument, NULL, 'a'},
    {"verbose", no_argument, NULL, 'v'},
    {"start", no_argument, NULL, 's'},
    {"jobs", required_argument, NULL, 'j'},
    {"seed", required_argument, NULL, 'S'},
    {"backend", required_argument, NULL, 'b'},
    {"call", required_argument, NULL, 'c'},
    {"error", required_argument, NULL, 'e'},
    {"at", required_argument, NULL, 'A'},
    {"times", required_argument, NULL, 't'},
    {"shuffle", required_argument, NULL, 'u'},
    {"storm", required_argument, NULL, 'm'},
    {NULL, 0, NULL, 0},
};

/* Takes one option. False: it has a mistake. */
static bool take_option(struct options *options, int letter, const char *value)
{
    unsigned long long number = value ? strtoull(value, NULL, 10) : 0;
    struct run_fault *fault = &options->fault;
    switch (letter) {
    case 'a':
        options->all = true;
        return true;
    case 'v':
        options->verbose = true;
        return true;
    case 's':
        options->kind = RUN_START;
        return true;
    case 'j':
        options->jobs = (unsigned)number;
        return number > 0 && number <= JOBS_MAX;
    case 'S':
        options->seed = number;
        return true;
    case 'b':
        options->backend = value;
        return true;
    case 'c':
        fault->call = errors_find_call(value);
        fault->count = fault->count ? fault->count : 1;
        return fault->call < FAULT_COUNT;
    case 'e':
        fault->error = errors_find(value);
        return fault->error != 0;
    case 'A':
        fault->skip = (unsigned)number;
        return true;
    case 't':
        fault->count = (unsigned)number;
        return true;
    case 'u':
        fault->shuffle_seed = number;
        return true;
    case 'm':
        fault->storm_seed = number;
        return true;
    default:
        return false;
    }
}

static bool wants(const struct options *options, enum backend backend)
{
    return !options->backend || strcmp(options->backend, backend_name(backend)) == 0;
}

int main(int argc, char **argv)
{
    struct options options = {.jobs = 1, .seed = 1};
    struct problem problem;
    bool whole = true;
    for (int letter; (letter = getopt_long(argc, argv, "avj:", words, NULL)) >= 0;) {
        if (!take_option(&options, letter, optarg)) {
            fprintf(stderr, "Usage: faults [--all] [--verbose] [-j N] [--seed N] [--backend NAME]\n"
                            "    [--start] [--call NAME --error NAME [--at N] [--times N]] "
                            "[--shuffle N] [--storm N]\n");
            return 2;
        }
    }
    plan = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    tree_must(plan != MAP_FAILED, "mmap");
    signal(SIGPIPE, SIG_IGN);
    faults_share();
    if (wants(&options, BACKEND_EPOLL))
        whole = add_backend(&options, BACKEND_EPOLL);
    if (wants(&options, BACKEND_IO_URING) && uring_is_here(&problem))
        whole = add_backend(&options, BACKEND_IO_URING) && whole;
    else if (wants(&options, BACKEND_IO_URING))
        printf("not on io_uring: %s\n", problem.what);
    whole = run_all(options.jobs) && whole;
    show_table(options.all);
    return !show_totals(&options, whole);
}
