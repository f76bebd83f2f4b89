/* access_log_writer: the thread that writes what is in the rings of all logs; see access_log.h. */
#include "base/clock.h"
#include "observe/access_log_parts.h"
#include "system/event_fd.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
    GATHER_MS = 100,        /* lines that come meanwhile are written together */
    CHECK_MS = 2 * 1000,    /* how often a file's name is checked */
    RETIRED_MS = 30 * 1000, /* how long a retired log waits for its reader, unless configured */
};

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

/* Whether LOG, to which no more line comes, should wait for its reader, which is slow: for a while,
 * because each log holds its rings. */
static bool waits_for_reader(struct access_log *log, const struct access_log_round *round)
{
    const unsigned ms_max = round->config->retired_ms_max;
    if (!log->waits || !access_log_has_lines(log))
        return false;
    if (log->give_up_at_ms == 0)
        log->give_up_at_ms = round->now_ms + (ms_max > 0 ? ms_max : RETIRED_MS);
    return round->now_ms < log->give_up_at_ms;
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
    if (waits_for_reader(log, round))
        return;
    access_log_finish(log, round);
    *link = log->next;
    access_log_destroy(log);
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

/* Whether a log cannot be written now. */
static bool is_stuck(const struct access_logs *logs)
{
    for (const struct access_log *log = logs->all; log; log = log->next) {
        if (log->broken || log->waits)
            return true;
    }
    return false;
}

/* How long to wait for lines when a round has written some, or IDLE_ROUNDS rounds have not. Each
 * sleep begins with a short one, because a line may have been committed just before. While a log
 * is stuck, this thread does not sleep, else each of its lines would cost its worker a signal. */
static int wait_ms(struct access_logs *logs, unsigned idle_rounds)
{
    const bool sleeps = idle_rounds > 0 && !is_stuck(logs);
    atomic_store(&logs->waker.sleeps, sleeps);
    return sleeps && idle_rounds > 1 ? CHECK_MS : GATHER_MS;
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
