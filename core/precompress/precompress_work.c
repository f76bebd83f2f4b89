/* precompress_work: see precompress_work.h. sigtimedwait(2). */
#include "precompress/precompress_work.h"

#include "precompress/precompress_temporary.h"
#include "precompress/precompress_walk.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* What the threads share. */
struct crew {
    const struct precompress_work *work;
    int root_fd;
    pthread_mutex_t lock; /* of WALK */
    struct precompress_walk walk;
};

/* --- Signals ---------------------------------------------------------------------------------- */

/* They are blocked; the threads check for them between two pieces of a file. */
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

void precompress_work_take_signals(void)
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

int precompress_work_signal(void)
{
    return atomic_load(&ended_by);
}

/* --- Entries ---------------------------------------------------------------------------------- */

/* Takes the next entry of the walk. False: none is left, or it stops. */
static bool take(struct crew *crew, struct precompress_entry *ret)
{
    int found = -1;
    pthread_mutex_lock(&crew->lock);
    while (!stops() && (found = precompress_walk_next(&crew->walk, ret)) < 0)
        precompress_report_failure(crew->work->report, ret->path, "", found);
    pthread_mutex_unlock(&crew->lock);
    return found > 0;
}

static void make_siblings(const struct precompress_work *work, struct precompress_job *job,
                          const struct precompress_entry *entry)
{
    precompress_report_file(work->report);
    for (unsigned i = CONTENT_CODING_COUNT - 1; i > CONTENT_CODING_IDENTITY; i--) {
        const enum content_coding coding = (enum content_coding)i;
        struct precompress_result result;
        if (!(work->codings & content_coding_bit(coding)) || stops())
            continue;
        const int error = precompress_sibling(job, entry, coding, &result);
        if (!error)
            precompress_report_sibling(work->report, entry->path, coding, &result);
        else if (error != -ECANCELED)
            precompress_report_failure(work->report, entry->path,
                                       content_coding_texts[coding].suffix.at, error);
    }
}

/* Removes ENTRY, whose file is gone or whose process was killed. Returns 1 if it is removed, 0 if
 * it must stay, or a negative errno. */
static int drop(const struct precompress_job *job, const struct precompress_entry *entry)
{
    const int directory_fd = precompress_entry_open_directory(job->root_fd, entry);
    if (directory_fd < 0)
        return directory_fd;
    const char *name = entry->path + entry->name_at;
    const int result = entry->kind == PRECOMPRESS_TEMPORARY
                           ? precompress_temporary_remove(directory_fd, name, job->dry_run)
                           : precompress_sibling_remove(directory_fd, name, job->dry_run);
    close(directory_fd);
    return result;
}

static void clean(const struct precompress_work *work, const struct precompress_job *job,
                  const struct precompress_entry *entry)
{
    const int removed = drop(job, entry);
    if (removed < 0)
        precompress_report_failure(work->report, entry->path, "", removed);
    if (removed > 0)
        precompress_report_removed(work->report, entry->path);
}

/* --- Threads ---------------------------------------------------------------------------------- */

/* What one thread does. */
static void *work_alone(void *context)
{
    struct crew *crew = context;
    const struct precompress_work *work = crew->work;
    struct precompress_entry entry;
    struct precompress_job *job = calloc(1, sizeof *job);
    if (!job) {
        precompress_report_failure(work->report, "", "", -ENOMEM);
        return NULL;
    }
    job->root_fd = crew->root_fd;
    job->level = work->level;
    job->dry_run = work->report->dry_run;
    job->stops = stops;
    while (take(crew, &entry)) {
        if (entry.kind == PRECOMPRESS_FILE)
            make_siblings(work, job, &entry);
        else if (work->clean || entry.kind == PRECOMPRESS_TEMPORARY)
            clean(work, job, &entry);
    }
    free(job);
    return NULL;
}

/* Works on this thread and, as far as they can be started, on others. */
static void work_together(struct crew *crew)
{
    pthread_t threads[PRECOMPRESS_JOBS_MAX];
    unsigned started = 0;
    while (started + 1 < crew->work->jobs &&
           pthread_create(&threads[started], NULL, work_alone, crew) == 0)
        started++;
    work_alone(crew);
    while (started > 0)
        pthread_join(threads[--started], NULL);
}

void precompress_work_on(const struct precompress_work *work, int root_fd,
                         const struct site_settings *site)
{
    struct crew crew = {.work = work, .root_fd = root_fd};
    const int error = precompress_walk_init(&crew.walk, root_fd, site, work->bytes_min);
    if (error) {
        precompress_report_failure(work->report, "", "", error);
        return;
    }
    pthread_mutex_init(&crew.lock, NULL);
    work_together(&crew);
    pthread_mutex_destroy(&crew.lock);
    precompress_walk_fini(&crew.walk);
}
