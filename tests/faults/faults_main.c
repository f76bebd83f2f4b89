/* faults_main: makes every call of the server fail in each way that its manual names, one run for
 * each failure, and prints a row for each call and error.
 *
 * First the scenario is played without a fault: that gives the number of each call, and the answers
 * that are right. Then each error is injected at chosen occurrences of its call: with --all the
 * first, the last, and evenly between them, otherwise at one of these, drawn from --seed. --call
 * and --error choose rows of the table; with --at they repeat one run. The runs are divided among
 * -j processes. */
#include "faults_errors.h"
#include "faults_plan.h"

#include "base/base.h"
#include "support/uring_here.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64 };

static struct fault_plan *plan;

/* --- Running ---------------------------------------------------------------------------------- */

static void run_shard(unsigned shard, unsigned jobs)
{
    faults_share();
    for (unsigned i = shard; i < plan->count; i += jobs) {
        struct plan_case *one = &plan->cases[i];
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
    [RUN_NOT_STARTED] = "no start", [RUN_FAILED] = "failed",
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
        const struct plan_case *one = &plan->cases[i];
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
        const struct plan_case *one = &plan->cases[i];
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
static bool show_totals(const struct plan_options *options, bool whole)
{
    unsigned failed = !whole, injected = 0;
    for (unsigned i = 0; i < plan->count; i++) {
        const struct plan_case *one = &plan->cases[i];
        failed += one->result.outcome == RUN_FAILED;
        injected += one->result.injected;
        if (one->result.outcome == RUN_FAILED || options->verbose) {
            printf("[%s] ",
                   one->result.outcome == RUN_FAILED ? "FAIL" : headings[one->result.outcome]);
            plan_show(one);
        }
    }
    printf("faults injected: %u in %u runs\n", injected, plan->count);
    printf("%u passed, %u failed\n", plan->count + !whole - failed, failed);
    return failed == 0;
}

/* --- The command line ------------------------------------------------------------------------- */

static const struct option words[] = {
    {"all", no_argument, NULL, 'a'},           {"verbose", no_argument, NULL, 'v'},
    {"start", no_argument, NULL, 's'},         {"sites", no_argument, NULL, 'i'},
    {"jobs", required_argument, NULL, 'j'},    {"seed", required_argument, NULL, 'S'},
    {"backend", required_argument, NULL, 'b'}, {"call", required_argument, NULL, 'c'},
    {"error", required_argument, NULL, 'e'},   {"at", required_argument, NULL, 'A'},
    {"times", required_argument, NULL, 't'},   {"shuffle", required_argument, NULL, 'u'},
    {"storm", required_argument, NULL, 'm'},   {NULL, 0, NULL, 0},
};

/* Takes one option. False: it has a mistake. */
static bool take_option(struct plan_options *options, int letter, const char *value)
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
    case 'i':
        options->kind = RUN_SITES;
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
        options->exact = true;
        return true;
    case 't':
        fault->count = (unsigned)number;
        return true;
    case 'u':
        fault->shuffle_seed = number;
        options->exact = true;
        return true;
    case 'm':
        fault->storm_seed = number;
        options->exact = true;
        return true;
    default:
        return false;
    }
}

static bool wants(const struct plan_options *options, enum backend backend)
{
    return !options->backend || strcmp(options->backend, backend_name(backend)) == 0;
}

int main(int argc, char **argv)
{
    struct plan_options options = {.jobs = 1, .seed = 1};
    struct problem problem;
    bool whole = true;
    if (strcmp(argv[0], SITES_PROGRAM) == 0)
        return sites_serve(argc, argv);
    /* Of tools/run-tests; sluice would take them for its own. */
    unsetenv("SLUICE_TOP");
    unsetenv("SLUICE_BUILD");
    for (int letter; (letter = getopt_long(argc, argv, "avj:", words, NULL)) >= 0;) {
        if (!take_option(&options, letter, optarg)) {
            fprintf(stderr,
                    "Usage: faults [--all] [--verbose] [-j N] [--seed N] [--backend NAME]\n"
                    "    [--start|--sites] [--call NAME [--error NAME [--at N [--times N]]]] "
                    "[--shuffle N] [--storm N]\n");
            return 2;
        }
    }
    plan = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    tree_must(plan != MAP_FAILED, "mmap");
    signal(SIGPIPE, SIG_IGN);
    faults_share();
    if (wants(&options, BACKEND_EPOLL))
        whole = plan_add_backend(plan, &options, BACKEND_EPOLL);
    if (wants(&options, BACKEND_IO_URING) && uring_is_here(&problem))
        whole = plan_add_backend(plan, &options, BACKEND_IO_URING) && whole;
    else if (wants(&options, BACKEND_IO_URING))
        printf("not on io_uring: %s\n", problem.what);
    whole = run_all(options.jobs) && whole;
    show_table(options.all || options.fault.count > 0);
    return !show_totals(&options, whole);
}
