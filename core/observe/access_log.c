/* access_log: see access_log.h. */
#include "base/clock.h"
#include "base/str.h"
#include "observe/access_log_parts.h"
#include "system/event_fd.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    GATHER_MS = 100,     /* lines that come meanwhile are written together */
    CHECK_MS = 2 * 1000, /* how often a file's name is checked */
    RETRY_MS = 1000,     /* how long to wait while a log is broken */
};

struct access_logs {
    struct access_logs_config config;
    struct access_log **items; /* those that can be found by their names */
    unsigned count;

    struct log_waker waker;
    pthread_mutex_t lock;
    struct access_log *incoming; /* under LOCK: that the thread has not taken yet */
    atomic_bool reopen;
    atomic_bool stopping;
    _Atomic uint64_t stop_at_ms; /* what is not written by then is lost */
    bool started;
    bool joined;
    pthread_t thread;

    /* The thread's. */
    struct access_log *all;
    struct pollfd *watched; /* the waker's and each log's */
    unsigned watched_room;
};

/* --- Making ----------------------------------------------------------------------------------- */

int access_logs_create(struct access_logs **ret, const struct access_logs_config *config)
{
    struct access_logs *logs = calloc(1, sizeof *logs);
    if (!logs)
        return -ENOMEM;
    tzset(); /* while the files that it reads can be read */
    logs->config = *config;
    logs->waker.fd = event_fd_open();
    if (logs->waker.fd < 0) {
        int error = logs->waker.fd;
        free(logs);
        return error;
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
    problem_remedy(ret_problem,
                   "name a file in a directory that exists, where this user may write");
    problem_of_option(ret_problem, access_log_words[logs->config.kind].option);
    return error;
}

/* Reports what will go wrong later: a file that can't be made anew once it has been rotated. */
static void warn(const struct access_logs *logs, const struct access_log *log)
{
    struct problem problem;
    int error = log_file_check_directory(&log->file);
    if (!error)
        return;
    problem_set(&problem, "'%s' cannot be created again once it has been moved: %s", log->file.name,
                strerror(-error));
    problem_remedy(&problem, "let this user write to its directory, or rotate it by copytruncate");
    problem_of_option(&problem, access_log_words[logs->config.kind].option);
    logs->config.report(&problem);
}

/* Frees LOG, which may be incomplete. */
static void destroy(struct access_log *log)
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
    bool good = log->name != NULL;
    for (unsigned i = 0; good && i < count; i++) {
        log->rings[i] = log_ring_create(&logs->waker);
        good = log->rings[i] != NULL;
    }
    if (good)
        return log;
    destroy(log);
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
        destroy(log);
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
        destroy(log);
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

/* --- Rounds ----------------------------------------------------------------------------------- */

/* Takes the logs that have been added, in the order in which they were. */
static void take_incoming(struct access_logs *logs)
{
    pthread_mutex_lock(&logs->lock);
    struct access_log *log = logs->incoming;
    logs->incoming = NULL;
    pthread_mutex_unlock(&logs->lock);
    while (log) {
        struct access_log *next = log->next;
        log->next = logs->all;
        logs->all = log;
        log = next;
    }
}

/* Writes the rest of the log at *LINK, which is retired, and frees it, unless answers in flight
 * still belong to it, or its reader is slow. */
static void end_retired(struct access_log **link, const struct access_log_round *round)
{
    struct access_log *log = *link;
    if (!access_log_is_over(log))
        return;
    while (access_log_work(log, round)) {
    }
    if (log->waits && access_log_has_lines(log))
        return;
    access_log_finish(log, round);
    *link = log->next;
    destroy(log);
}

/* Does all that can be done now; CHECKS: the names of files are checked. Returns whether anything
 * was written. */
static bool do_round(struct access_logs *logs, bool checks, uint64_t now_ms)
{
    const struct access_log_round round = {
        .config = &logs->config,
        .now_ms = now_ms,
        .reopens = atomic_exchange(&logs->reopen, false),
        .checks = checks,
    };
    bool any = false;
    take_incoming(logs);
    for (struct access_log **link = &logs->all; *link;) {
        struct access_log *log = *link;
        any = access_log_work(log, &round) || any;
        if (atomic_load(&log->retired))
            end_retired(link, &round);
        if (*link == log)
            link = &log->next;
    }
    return any;
}

/* Makes room to watch COUNT descriptors. Returns for how many there is room; at least the waker's,
 * or none. */
static unsigned watch_room(struct access_logs *logs, unsigned count)
{
    if (count > logs->watched_room) {
        struct pollfd *watched = realloc(logs->watched, count * sizeof *watched);
        if (watched) {
            logs->watched = watched;
            logs->watched_room = count;
        }
    }
    return logs->watched_room;
}

/* Waits for a signal of a worker, or until a log that waits is writable, at most MS. */
static void await(struct access_logs *logs, int ms)
{
    unsigned wanted = 1, count = 0;
    for (const struct access_log *log = logs->all; log; log = log->next)
        wanted += log->waits;
    const unsigned room = watch_room(logs, wanted);
    if (count < room)
        logs->watched[count++] = (struct pollfd){.fd = logs->waker.fd, .events = POLLIN};
    for (const struct access_log *log = logs->all; log && count < room; log = log->next) {
        if (log->waits)
            logs->watched[count++] = (struct pollfd){.fd = log->file.fd, .events = POLLOUT};
    }
    poll(logs->watched, count, room < wanted ? GATHER_MS : ms);
    event_fd_take(logs->waker.fd);
}

/* How long to wait for lines when a round has written some, or IDLE_ROUNDS rounds have not. Each
 * sleep begins with a short one, because a line may have been committed just before. */
static int wait_ms(struct access_logs *logs, unsigned idle_rounds)
{
    atomic_store(&logs->waker.sleeps, idle_rounds > 0);
    for (const struct access_log *log = logs->all; log; log = log->next) {
        if (log->broken)
            return idle_rounds < 2 ? GATHER_MS : RETRY_MS;
    }
    return idle_rounds < 2 ? GATHER_MS : CHECK_MS;
}

/* Whether anything is left in the rings that could be written. */
static bool has_lines(const struct access_logs *logs)
{
    for (const struct access_log *log = logs->all; log; log = log->next) {
        if (access_log_has_lines(log))
            return true;
    }
    return false;
}

/* Writes what is left, until the time for that is over. */
static void finish(struct access_logs *logs)
{
    uint64_t now_ms = clock_monotonic_ms();
    for (struct access_log *log = logs->all; log; log = log->next)
        log->retry_at_ms = 0;
    do_round(logs, true, now_ms);
    while (has_lines(logs) && (now_ms = clock_monotonic_ms()) < atomic_load(&logs->stop_at_ms)) {
        if (!do_round(logs, false, now_ms))
            await(logs, GATHER_MS / 10);
    }
    const struct access_log_round round = {.config = &logs->config, .now_ms = now_ms};
    for (struct access_log *log = logs->all; log; log = log->next)
        access_log_finish(log, &round);
}

static void *run(void *argument)
{
    struct access_logs *logs = argument;
    unsigned idle_rounds = 0;
    uint64_t check_at_ms = 0;
    while (!atomic_load(&logs->stopping)) {
        const uint64_t now_ms = clock_monotonic_ms();
        const bool checks = now_ms >= check_at_ms;
        idle_rounds = do_round(logs, checks, now_ms) ? 0 : idle_rounds + 1;
        if (checks)
            check_at_ms = now_ms + CHECK_MS;
        await(logs, wait_ms(logs, idle_rounds));
    }
    finish(logs);
    return NULL;
}

/* --- The thread ------------------------------------------------------------------------------- */

int access_logs_start(struct access_logs *logs)
{
    int error = -pthread_create(&logs->thread, NULL, run, logs);
    logs->started = !error;
    return error;
}

void access_logs_reopen(struct access_logs *logs)
{
    if (!logs)
        return;
    atomic_store(&logs->reopen, true);
    event_fd_signal(logs->waker.fd);
}

bool access_logs_stop(struct access_logs *logs, unsigned ms)
{
    struct timespec until;
    if (!logs || !logs->started || logs->joined)
        return true;
    atomic_store(&logs->stop_at_ms, clock_monotonic_ms() + ms / 2);
    atomic_store(&logs->stopping, true);
    event_fd_signal(logs->waker.fd);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    if (pthread_timedjoin_np(logs->thread, NULL, &until) != 0)
        return false;
    logs->joined = true;
    return true;
}
