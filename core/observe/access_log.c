/* access_log: see access_log.h. The set of logs: adding and retiring. */
#include "observe/access_log_parts.h"
#include "system/event_fd.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- Making ----------------------------------------------------------------------------------- */

/* Sets what is to be done about ERROR, unless that is OTHERWISE. */
static void set_remedy(struct problem *ret_problem, int error, const char *otherwise)
{
    const bool no_descriptor = error == -EMFILE || error == -ENFILE;
    problem_remedy(ret_problem, "%s",
                   no_descriptor ? "raise the limit of descriptors (ulimit -n)" : otherwise);
}

/* Reports that the descriptor for waking the thread cannot be opened. Returns ERROR. */
static int explain_waker(int error, struct problem *ret_problem)
{
    problem_set(ret_problem, "cannot open a descriptor for logs: %s", strerror(-error));
    set_remedy(ret_problem, error, "raise the limits of this process");
    return error;
}

int access_logs_create(struct access_logs **ret, const struct access_logs_config *config,
                       struct problem *ret_problem)
{
    struct access_logs *logs = calloc(1, sizeof *logs);
    if (!logs) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    tzset(); /* while the files that it reads can be read */
    logs->config = *config;
    logs->waker.fd = event_fd_open();
    if (logs->waker.fd < 0) {
        int error = logs->waker.fd;
        free(logs);
        return explain_waker(error, ret_problem);
    }
    pthread_mutex_init(&logs->lock, NULL);
    *ret = logs;
    return 0;
}

static struct access_log *find(const struct access_logs *logs, const char *name)
{
    for (unsigned i = 0; i < logs->count; i++) {
        if (strcmp(logs->items[i]->name, name) == 0)
            return logs->items[i];
    }
    return NULL;
}

static int explain(const struct access_logs *logs, int error, const char *name,
                   struct problem *ret_problem)
{
    problem_set(ret_problem, "cannot write to '%s': %s", name, strerror(-error));
    set_remedy(ret_problem, error,
               "name a file in a directory that exists, where this user may write");
    problem_of_option(ret_problem, access_log_words[logs->config.kind].option);
    return error;
}

/* Reports what will go wrong later: a file that cannot be opened again, or made anew once it
 * has been rotated. */
static void warn(const struct access_logs *logs, const struct access_log *log)
{
    struct problem problem;
    const int closed = log->file.is_regular ? log_file_check(&log->file) : 0;
    const int error = closed ? closed : log_file_check_directory(&log->file);
    if (!error)
        return;
    problem_set(&problem, "'%s' cannot be %s: %s", log->file.name,
                closed ? "opened again" : "created again once it has been moved", strerror(-error));
    problem_remedy(&problem, closed ? "let this user write to it, or upgrades (SIGUSR2) fail"
                                    : "let this user write to its directory, or rotate it by "
                                      "copytruncate");
    problem_of_option(&problem, access_log_words[logs->config.kind].option);
    logs->config.report(&problem);
}

void access_log_destroy(struct access_log *log)
{
    for (unsigned i = 0; i < log->ring_count; i++)
        log_ring_destroy(log->rings[i]);
    log_file_close(&log->file);
    free(log->name);
    free(log);
}

/* A log called NAME, which is not open yet. NULL: out of memory. */
static struct access_log *create(struct access_logs *logs, const char *name)
{
    const unsigned count = logs->config.worker_count;
    struct access_log *log = calloc(1, sizeof *log + count * sizeof(struct log_ring *));
    if (!log)
        return NULL;
    log->name = strdup(name);
    log->ring_count = count;
    log->unfinished = count;
    log_file_init(&log->file, log->name, logs->config.tag);
    log->file.has_severities =
        logs->config.kind == ACCESS_LOGS_OF_ERRORS && log->file.kind == LOG_FILE_SYSLOG;
    bool good = log->name != NULL;
    for (unsigned i = 0; good && i < count; i++) {
        log->rings[i] = log_ring_create(&logs->waker);
        good = log->rings[i] != NULL;
    }
    if (good)
        return log;
    access_log_destroy(log);
    return NULL;
}

/* Makes room for another log that can be found. */
static bool grow(struct access_logs *logs)
{
    struct access_log **items =
        realloc(logs->items, (logs->count + 1) * sizeof(struct access_log *));
    if (items)
        logs->items = items;
    return items != NULL;
}

/* Hands LOG to the thread. */
static void hand_over(struct access_logs *logs, struct access_log *log)
{
    pthread_mutex_lock(&logs->lock);
    log->next = logs->incoming;
    logs->incoming = log;
    pthread_mutex_unlock(&logs->lock);
    event_fd_signal(logs->waker.fd);
}

int access_logs_add(struct access_logs *logs, const char *name, struct problem *ret_problem)
{
    if (find(logs, name))
        return 0;
    struct access_log *log = grow(logs) ? create(logs, name) : NULL;
    if (!log) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    int error = log_file_open(&log->file);
    const bool later = error == -ENXIO || (error && log->file.kind == LOG_FILE_SYSLOG);
    if (error && !later) {
        access_log_destroy(log);
        return explain(logs, error, name, ret_problem);
    }
    log->error = error;
    log->broken = error != 0;
    if (!error)
        warn(logs, log);
    logs->items[logs->count++] = log;
    hand_over(logs, log);
    return 0;
}

void access_logs_give(const struct access_logs *logs, uid_t user, gid_t group)
{
    for (unsigned i = 0; logs && i < logs->count; i++)
        log_file_give(&logs->items[i]->file, user, group); /* access_logs_check reports a failure */
}

void access_logs_check(const struct access_logs *logs)
{
    for (unsigned i = 0; logs && i < logs->count; i++)
        warn(logs, logs->items[i]);
}

bool access_logs_have(const struct access_logs *logs, const char *name)
{
    return logs && find(logs, name);
}

struct log_ring *access_logs_ring(const struct access_logs *logs, const char *name, unsigned worker)
{
    return find(logs, name)->rings[worker];
}

/* Whether NAME is one of the COUNT names NAMES, of which some may be NULL. */
static bool is_among(const char *name, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (names[i] && strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

void access_logs_retire(struct access_logs *logs, const char *const *names, unsigned count)
{
    unsigned kept = 0;
    for (unsigned i = 0; logs && i < logs->count; i++) {
        struct access_log *log = logs->items[i];
        if (is_among(log->name, names, count))
            logs->items[kept++] = log;
        else
            atomic_store(&log->retired, true); /* from here on it is the thread's alone */
    }
    if (!logs || kept == logs->count)
        return;
    logs->count = kept;
    event_fd_signal(logs->waker.fd);
}

static void destroy_all(struct access_log *log)
{
    while (log) {
        struct access_log *next = log->next;
        access_log_destroy(log);
        log = next;
    }
}

void access_logs_destroy(struct access_logs *logs)
{
    if (!logs)
        return;
    destroy_all(logs->incoming);
    destroy_all(logs->all);
    free(logs->items);
    free(logs->watched);
    pthread_mutex_destroy(&logs->lock);
    close(logs->waker.fd);
    free(logs);
}
