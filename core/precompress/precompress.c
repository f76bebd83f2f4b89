/* precompress: see precompress.h. */
#include "precompress/precompress.h"

#include "base/num.h"
#include "observe/log.h"
#include "precompress/precompress_sibling.h"
#include "precompress/precompress_walk.h"
#include "system/cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const struct subcommand_option precompress_options[PRECOMPRESS_OPTIONS] = {
    {.name = "codings",
     .argument = "LIST",
     .help = "Those to make, of br,zst,gz; default: all that this build can make."},
    {.name = "level", .argument = "fast|best", .help = "How hard to try; default: best."},
    {.name = "jobs",
     .argument = "N",
     .help = "Files to compress at the same time; default: one for each usable CPU."},
    {.name = "min-size",
     .argument = "SIZE",
     .help = "Leave out smaller files; default: 1K, which fits into one TCP segment as it is."},
    {.name = "clean",
     .help = "Also remove siblings that this command made and whose file is gone."},
    {.name = "dry-run", .help = "Write and remove nothing, but say what would be done."},
    {.name = "quiet", .help = "Report failures only."},
};

enum {
    JOBS_MAX = 1024,
    STATUS_FAILED = 1,
    STATUS_USAGE = 2,
    STATUS_SIGNAL = 128,
};

struct totals {
    uint64_t files;
    uint64_t outcomes[PRECOMPRESS_OUTCOME_COUNT];
    uint64_t removed;
    uint64_t failures;
    /* of the siblings that are made or current, by coding */
    uint64_t plain_bytes[CONTENT_CODING_COUNT];
    uint64_t sibling_bytes[CONTENT_CODING_COUNT];
};

struct run {
    const char *root;
    int root_fd;
    unsigned codings;
    enum precompress_level level;
    unsigned jobs;
    uint64_t bytes_min;
    bool clean;
    bool dry_run;
    bool quiet;
    struct mime *mime;
    pthread_mutex_t lock; /* of all that follows, and of output */
    struct precompress_walk walk;
    struct totals totals;
};

/* --- Signals ---------------------------------------------------------------------------------- */

/* They are blocked; the threads ask for them between two pieces of a file. */
static sigset_t ending;
static atomic_int ended_by; /* 0: none has come */

/* Whether a signal has come that ends the process. */
static bool stops(void)
{
    const struct timespec no_wait = {0};
    if (atomic_load(&ended_by))
        return true;
    const int number = sigtimedwait(&ending, NULL, &no_wait);
    if (number > 0)
        atomic_store(&ended_by, number);
    return number > 0;
}

static void take_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction now;
    sigemptyset(&ending);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        /* The kernel keeps a blocked signal even if it is ignored, as SIGHUP by nohup. */
        if (sigaction(numbers[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(&ending, numbers[i]);
    }
    pthread_sigmask(SIG_BLOCK, &ending, NULL);
    /* Instead, writing fails: a temporary file is removed. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

/* --- The command line ------------------------------------------------------------------------- */

/* The name of a coding in --codings and in the summary: its suffix without the dot. */
static const char *coding_name(enum content_coding coding)
{
    return content_coding_texts[coding].suffix.at + 1;
}

static int refuse(const char *option, const char *value, const char *remedy)
{
    struct problem problem;
    problem_set(&problem, "'%s' is not a value for it", value);
    problem_of_option(&problem, option);
    problem_remedy(&problem, "%s", remedy);
    log_problem(&problem);
    return STATUS_USAGE;
}

/* Adds the names of CODINGS, the best first, to TO. */
static void name_codings(unsigned codings, char to[static 32])
{
    char *at = to;
    for (unsigned i = CONTENT_CODING_COUNT - 1; i > CONTENT_CODING_IDENTITY; i--) {
        if (codings & content_coding_bit((enum content_coding)i))
            at += sprintf(at, "%s.%s", at > to ? ", " : "", coding_name((enum content_coding)i));
    }
    *at = '\0';
}

/* Reads the codings; NULL: all of this build. Returns 0 or an exit status, and says why. */
static int choose_codings(const char *text, struct run *run)
{
    struct str list = str_of(text ? text : "br,zst,gz"), item;
    unsigned wanted = 0;
    char names[32];
    while (str_next_item(&list, &item)) {
        unsigned i = CONTENT_CODING_IDENTITY + 1;
        while (i < CONTENT_CODING_COUNT &&
               !str_equal(item, str_of(coding_name((enum content_coding)i))))
            i++;
        if (i == CONTENT_CODING_COUNT)
            return refuse("codings", text, "write names of br,zst,gz, separated by commas");
        wanted |= content_coding_bit((enum content_coding)i);
    }
    if (!wanted)
        return refuse("codings", text, "write names of br,zst,gz, separated by commas");
    const unsigned missing = wanted & ~precompress_codings();
    run->codings = wanted & precompress_codings();
    name_codings(missing, names);
    if (missing && (text || !run->codings)) {
        log_say("this build cannot make %s; build Sluice with the libraries brotli, zstd and zlib",
                names);
        return STATUS_FAILED;
    }
    if (missing && !run->quiet)
        log_say("this build cannot make %s; the others are made", names);
    return 0;
}

/* Reads all options into RUN. Returns 0 or an exit status. */
static int read_options(const struct subcommand_call *call, struct run *run)
{
    const char *level = subcommand_value(call, "level", 0);
    const char *jobs = subcommand_value(call, "jobs", 0);
    const char *size = subcommand_value(call, "min-size", 0);
    uint64_t count = cpus_usable();
    if (jobs && (!num_parse_u64(str_of(jobs), &count) || count < 1 || count > JOBS_MAX))
        return refuse("jobs", jobs, "write a number from 1 to 1024");
    if (size && !num_parse_size(str_of(size), &run->bytes_min))
        return refuse("min-size", size, "write bytes, or a number with K or M");
    if (level && strcmp(level, "fast") != 0 && strcmp(level, "best") != 0)
        return refuse("level", level, "write fast or best");
    run->level = level && strcmp(level, "fast") == 0 ? PRECOMPRESS_FAST : PRECOMPRESS_BEST;
    run->jobs = (unsigned)size_min(count, JOBS_MAX);
    run->clean = subcommand_value(call, "clean", 0);
    run->dry_run = subcommand_value(call, "dry-run", 0);
    run->quiet = subcommand_value(call, "quiet", 0);
    return choose_codings(subcommand_value(call, "codings", 0), run);
}

/* --- Reports, under the lock ------------------------------------------------------------------ */

static void fail(struct run *run, const char *path, const char *suffix, int error)
{
    struct problem problem;
    run->totals.failures++;
    if (error == -EBUSY)
        problem_set(&problem, "changed while it was read");
    else if (error == -EEXIST)
        problem_set(&problem, "a sibling's name, but not of a regular file");
    else
        problem_set(&problem, "%s", strerror(-error));
    problem_prefix(&problem, "%s/%s%s: ", run->root, path, suffix);
    if (error == -EBUSY)
        problem_remedy(&problem, "run it again");
    log_problem(&problem);
}

/* Prints a line of a dry run, with control bytes replaced. */
static void announce(const struct run *run, const char *verb, const char *path, const char *suffix)
{
    struct problem line;
    char text[PROBLEM_TEXT_BYTES];
    if (!run->dry_run || run->quiet)
        return;
    problem_set(&line, "would %s %s/%s%s", verb, run->root, path, suffix);
    problem_text(&line, text);
    puts(text);
}

static void count(struct run *run, const char *path, enum content_coding coding,
                  const struct precompress_result *result)
{
    const char *suffix = content_coding_texts[coding].suffix.at;
    run->totals.outcomes[result->outcome]++;
    run->totals.removed += result->removed;
    if (result->outcome == PRECOMPRESS_MADE)
        announce(run, "make", path, suffix);
    if (result->removed)
        announce(run, "remove", path, suffix);
    if (result->outcome == PRECOMPRESS_POOR)
        return;
    run->totals.plain_bytes[coding] += result->plain_bytes;
    run->totals.sibling_bytes[coding] += result->sibling_bytes;
}

static void summarize(const struct run *run)
{
    const struct totals *totals = &run->totals;
    unsigned best = CONTENT_CODING_COUNT - 1;
    while (best > 0 && totals->plain_bytes[best] == 0)
        best--;
    printf("%llu file%s: %llu sibling%s %s, %llu up to date, %llu not worth it",
           (unsigned long long)totals->files, totals->files == 1 ? "" : "s",
           (unsigned long long)totals->outcomes[PRECOMPRESS_MADE],
           totals->outcomes[PRECOMPRESS_MADE] == 1 ? "" : "s", run->dry_run ? "to make" : "made",
           (unsigned long long)totals->outcomes[PRECOMPRESS_CURRENT],
           (unsigned long long)totals->outcomes[PRECOMPRESS_POOR]);
    if (totals->removed > 0)
        printf(", %llu %s", (unsigned long long)totals->removed,
               run->dry_run ? "to remove" : "removed");
    if (totals->failures > 0)
        printf(", %llu failed", (unsigned long long)totals->failures);
    if (best > 0) {
        char plain[16], sibling[16];
        num_write_size(plain, totals->plain_bytes[best]);
        num_write_size(sibling, totals->sibling_bytes[best]);
        printf("; %s become %s (%s)", plain, sibling, coding_name((enum content_coding)best));
    }
    putchar('\n');
}

/* --- The work --------------------------------------------------------------------------------- */

/* Takes the next entry of the walk. False: none is left, or it stops. */
static bool take(struct run *run, struct precompress_entry *ret)
{
    int found = -1;
    pthread_mutex_lock(&run->lock);
    while (!stops() && (found = precompress_walk_next(&run->walk, ret)) < 0)
        fail(run, ret->path, "", found);
    if (found > 0 && ret->kind == PRECOMPRESS_FILE)
        run->totals.files++;
    pthread_mutex_unlock(&run->lock);
    return found > 0;
}

static void make_siblings(struct run *run, struct precompress_job *job,
                          const struct precompress_entry *entry)
{
    for (unsigned i = CONTENT_CODING_COUNT - 1; i > CONTENT_CODING_IDENTITY; i--) {
        const enum content_coding coding = (enum content_coding)i;
        struct precompress_result result;
        if (!(run->codings & content_coding_bit(coding)) || stops())
            continue;
        const int error = precompress_sibling(job, entry->path, entry->name_at, coding, &result);
        pthread_mutex_lock(&run->lock);
        if (!error)
            count(run, entry->path, coding, &result);
        else if (error != -ECANCELED)
            fail(run, entry->path, content_coding_texts[coding].suffix.at, error);
        pthread_mutex_unlock(&run->lock);
    }
}

static void clean(struct run *run, const struct precompress_job *job,
                  const struct precompress_entry *entry)
{
    const int removed = precompress_sibling_remove(job, entry->path);
    pthread_mutex_lock(&run->lock);
    if (removed < 0)
        fail(run, entry->path, "", removed);
    if (removed > 0) {
        run->totals.removed++;
        announce(run, "remove", entry->path, "");
    }
    pthread_mutex_unlock(&run->lock);
}

/* What one thread does. */
static void *work(void *context)
{
    struct run *run = context;
    struct precompress_entry entry;
    struct precompress_job *job = calloc(1, sizeof *job);
    if (!job) {
        pthread_mutex_lock(&run->lock);
        fail(run, "", "", -ENOMEM);
        pthread_mutex_unlock(&run->lock);
        return NULL;
    }
    job->root_fd = run->root_fd;
    job->level = run->level;
    job->dry_run = run->dry_run;
    job->stops = stops;
    while (take(run, &entry)) {
        if (entry.kind == PRECOMPRESS_FILE)
            make_siblings(run, job, &entry);
        else if (run->clean)
            clean(run, job, &entry);
    }
    free(job);
    return NULL;
}

/* Works on this thread and, as far as they can be started, on others. */
static void work_together(struct run *run)
{
    pthread_t threads[JOBS_MAX];
    unsigned started = 0;
    while (started + 1 < run->jobs && pthread_create(&threads[started], NULL, work, run) == 0)
        started++;
    work(run);
    while (started > 0)
        pthread_join(threads[--started], NULL);
}

/* Makes all siblings. Returns the exit status. */
static int run_all(struct run *run)
{
    const int error = precompress_walk_init(&run->walk, run->root_fd, run->mime, run->bytes_min);
    if (error) {
        fail(run, "", "", error);
        return STATUS_FAILED;
    }
    take_signals();
    work_together(run);
    precompress_walk_fini(&run->walk);
    if (atomic_load(&ended_by))
        return STATUS_SIGNAL + atomic_load(&ended_by);
    if (!run->quiet)
        summarize(run);
    if (fflush(stdout) != 0)
        return STATUS_FAILED;
    return run->totals.failures > 0 ? STATUS_FAILED : 0;
}

int precompress_run(const struct subcommand_call *call)
{
    struct run run = {.root = call->positionals[0], .bytes_min = 1024};
    int status = read_options(call, &run);
    if (status)
        return status;
    if (!run.root) {
        log_say("precompress needs the directory of a site; write sluice precompress ROOT");
        return STATUS_USAGE;
    }
    run.root_fd = open(run.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run.root_fd < 0) {
        log_say("%s cannot be opened: %s", run.root, strerror(errno));
        return STATUS_USAGE;
    }
    run.mime = mime_create();
    pthread_mutex_init(&run.lock, NULL);
    if (run.mime)
        status = run_all(&run);
    else
        fail(&run, "", "", -ENOMEM);
    pthread_mutex_destroy(&run.lock);
    mime_destroy(run.mime);
    close(run.root_fd);
    return run.totals.failures > 0 && !status ? STATUS_FAILED : status;
}
