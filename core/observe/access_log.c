/* access_log: see access_log.h. */
#include "observe/access_log.h"

#include "base/clock.h"
#include "base/str.h"
#include "observe/log_file.h"
#include "system/event_fd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    GATHER_MS = 100,       /* lines that come meanwhile are written together */
    CHECK_MS = 2 * 1000,   /* how often a file's name is checked */
    RETRY_MS = 1000,       /* after a failure */
    REPORT_MS = 60 * 1000, /* between two reports of a log */
};

struct access_log {
    struct log_file file;
    struct log_ring **rings; /* one for each worker; NULL: not made */
    unsigned unfinished;     /* the ring of which a line has been written in part; or none such */
    bool waits;              /* until the file is writable */
    bool broken;             /* the last try failed */
    int error;               /* of the last failure, negative; 0: none since the last report */
    uint64_t retry_at_ms;
    uint64_t lost_lines;     /* that were taken from the rings, and could not be written */
    uint64_t reported_lines; /* of all that were lost */
    uint64_t report_at_ms;   /* not before */
};

struct access_logs {
    struct access_logs_config config;
    struct access_log *items;
    unsigned count;
    struct pollfd *watched; /* the waker's and each log's */
    struct log_waker waker;
    atomic_bool reopen;
    atomic_bool stopping;
    _Atomic uint64_t stop_at_ms; /* what is not written by then is lost */
    bool started;
    bool joined;
    pthread_t thread;
};

/* The words for a kind of logs. */
static const struct words {
    const char *option;
    const char *name;
} words[] = {
    [ACCESS_LOGS_OF_REQUESTS] = {"access-log", "access log"},
    [ACCESS_LOGS_OF_ERRORS] = {"error-log", "error log"},
};
static_assert(COUNT_OF(words) == ACCESS_LOGS_KIND_COUNT, "words for each kind");

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
    *ret = logs;
    return 0;
}

static struct access_log *find(const struct access_logs *logs, const char *name)
{
    for (unsigned i = 0; i < logs->count; i++) {
        if (strcmp(logs->items[i].file.name, name) == 0)
            return &logs->items[i];
    }
    return NULL;
}

/* Makes room for another log. */
static int grow(struct access_logs *logs)
{
    struct access_log *items = realloc(logs->items, (logs->count + 1) * sizeof *items);
    if (!items)
        return -ENOMEM;
    logs->items = items;
    struct pollfd *watched = realloc(logs->watched, (logs->count + 2) * sizeof *watched);
    if (!watched)
        return -ENOMEM;
    logs->watched = watched;
    return 0;
}

static int explain(const struct access_logs *logs, int error, const char *name,
                   struct problem *ret_problem)
{
    problem_set(ret_problem, "cannot write to '%s': %s", name, strerror(-error));
    problem_remedy(ret_problem,
                   "name a file in a directory that exists, where this user may write");
    problem_of_option(ret_problem, words[logs->config.kind].option);
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
    problem_of_option(&problem, words[logs->config.kind].option);
    logs->config.report(&problem);
}

int access_logs_add(struct access_logs *logs, const char *name, struct problem *ret_problem)
{
    if (find(logs, name))
        return 0;
    struct log_ring **rings = calloc(logs->config.worker_count, sizeof *rings);
    if (!rings || grow(logs) < 0) {
        free(rings);
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    struct access_log log = {.rings = rings, .unfinished = logs->config.worker_count};
    log_file_init(&log.file, name, logs->config.tag);
    int error = log_file_open(&log.file);
    const bool later = error == -ENXIO || (error && log.file.kind == LOG_FILE_SYSLOG);
    if (error && !later) {
        free(rings);
        return explain(logs, error, name, ret_problem);
    }
    log.error = error;
    log.broken = error != 0;
    logs->items[logs->count++] = log;
    if (!error)
        warn(logs, &logs->items[logs->count - 1]);
    return 0;
}

struct log_ring *access_logs_ring(struct access_logs *logs, const char *name, unsigned worker)
{
    struct log_ring **ring = &find(logs, name)->rings[worker];
    if (!*ring)
        *ring = log_ring_create(&logs->waker);
    return *ring;
}

void access_logs_destroy(struct access_logs *logs)
{
    if (!logs)
        return;
    for (unsigned i = 0; i < logs->count; i++) {
        for (unsigned k = 0; k < logs->config.worker_count; k++)
            log_ring_destroy(logs->items[i].rings[k]);
        free(logs->items[i].rings);
        log_file_close(&logs->items[i].file);
    }
    free(logs->items);
    free(logs->watched);
    close(logs->waker.fd);
    free(logs);
}

/* --- Reports ---------------------------------------------------------------------------------- */

/* The lines of LOG that have been lost so far. */
static uint64_t count_lost(const struct access_logs *logs, const struct access_log *log)
{
    uint64_t sum = log->lost_lines + log->file.lost_lines;
    for (unsigned i = 0; i < logs->config.worker_count; i++)
        sum += log->rings[i] ? log_ring_dropped(log->rings[i]) : 0;
    return sum;
}

static void report(const struct access_logs *logs, struct access_log *log, uint64_t now_ms)
{
    const uint64_t lost = count_lost(logs, log), fresh = lost - log->reported_lines;
    struct problem problem;
    char count[64] = "", why[256] = "";
    if (fresh == 0 && log->error == 0)
        return;
    if (fresh > 0)
        snprintf(count, sizeof count, "%ju line%s lost", (uintmax_t)fresh,
                 fresh == 1 ? " is" : "s are");
    if (log->error)
        snprintf(why, sizeof why, "%sit cannot be %s: %s", fresh > 0 ? "; " : "",
                 log->broken ? "written" : "opened again",
                 log->error == -ENXIO ? "it has no reader" : strerror(-log->error));
    problem_set(&problem, "%s '%s': %s%s", words[logs->config.kind].name, log->file.name, count,
                why);
    logs->config.report(&problem);
    log->reported_lines = lost;
    log->error = 0;
    log->report_at_ms = now_ms + REPORT_MS;
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* Drops everything that is in the rings of LOG, and counts the lines. */
static void discard(const struct access_logs *logs, struct access_log *log)
{
    for (unsigned i = 0; i < logs->config.worker_count; i++) {
        struct iovec pieces[2];
        unsigned count = log->rings[i] ? log_ring_view(log->rings[i], pieces) : 0;
        size_t length = 0;
        for (unsigned k = 0; k < count; k++) {
            const char *at = pieces[k].iov_base, *end = at + pieces[k].iov_len;
            while ((at = memchr(at, '\n', (size_t)(end - at)))) {
                log->lost_lines++;
                at++;
            }
            length += pieces[k].iov_len;
        }
        if (length > 0)
            log_ring_consume(log->rings[i], length);
    }
    log->unfinished = logs->config.worker_count;
}

/* Handles ERROR, negative, of writing to LOG. */
static void fail(const struct access_logs *logs, struct access_log *log, int error, uint64_t now_ms)
{
    if (error == -EAGAIN) {
        log->waits = true;
        return;
    }
    log->error = error;
    log->broken = true;
    log->retry_at_ms = now_ms + RETRY_MS;
    if (log->file.kind == LOG_FILE_INHERITED && error == -EPIPE) {
        discard(logs, log); /* its reader does not come back */
        log->retry_at_ms = now_ms;
    } else if (log->file.kind != LOG_FILE_INHERITED && !log->file.is_regular) {
        log_file_close(&log->file); /* a FIFO or syslog, whose reader may come back */
    }
}

/* Writes what is in the ring INDEX. Returns the number of bytes written, or a negative errno. */
static ssize_t write_ring(struct access_log *log, unsigned index)
{
    struct iovec pieces[2];
    const unsigned count = log->rings[index] ? log_ring_view(log->rings[index], pieces) : 0;
    if (count == 0)
        return 0;
    ssize_t written = log_file_write(&log->file, pieces, count);
    if (written <= 0)
        return written;
    const size_t first = size_min((size_t)written, pieces[0].iov_len);
    const char *last = first < (size_t)written
                           ? (const char *)pieces[1].iov_base + ((size_t)written - first)
                           : (const char *)pieces[0].iov_base + first;
    log->unfinished = last[-1] == '\n' ? UINT_MAX : index;
    log_ring_consume(log->rings[index], (size_t)written);
    return written;
}

/* Writes what is in the rings of LOG, as far as it goes. Returns whether anything was written. A
 * line that was written in part is finished before those of other rings. */
static bool write_log(const struct access_logs *logs, struct access_log *log, uint64_t now_ms)
{
    const unsigned ring_count = logs->config.worker_count;
    size_t left = LOG_RING_BYTES; /* of a ring, so that other logs have their turn */
    bool any = false;
    for (unsigned i = 0; i < ring_count;) {
        const unsigned index = log->unfinished < ring_count ? log->unfinished : i;
        ssize_t written = write_ring(log, index);
        if (written < 0) {
            fail(logs, log, (int)written, now_ms);
            return any;
        }
        any = any || written > 0;
        left -= size_min(left, (size_t)written);
        if (log->unfinished < ring_count || (written > 0 && !log->file.is_regular && left > 0))
            continue;
        left = LOG_RING_BYTES;
        i++;
    }
    log->broken = false;
    return any;
}

/* Opens LOG again if it should be. */
static void reopen(struct access_log *log, bool wanted, uint64_t now_ms)
{
    const bool closed = log->file.fd < 0;
    if (!closed && !wanted && !log_file_has_moved(&log->file))
        return;
    int error = closed ? log_file_open(&log->file) : log_file_reopen(&log->file);
    if (!error) {
        log->waits = false;
        return;
    }
    log->error = error;
    log->broken = log->broken || closed;
    log->retry_at_ms = now_ms + RETRY_MS;
}

/* Whether anything is left in the rings that could be written. */
static bool has_lines(const struct access_logs *logs)
{
    struct iovec pieces[2];
    for (unsigned i = 0; i < logs->count; i++) {
        for (unsigned k = 0; k < logs->config.worker_count && !logs->items[i].broken; k++) {
            struct log_ring *ring = logs->items[i].rings[k];
            if (ring && log_ring_view(ring, pieces) > 0)
                return true;
        }
    }
    return false;
}

/* Does all that can be done now; CHECKS: the names of files are checked. Returns whether anything
 * was written. */
static bool do_round(struct access_logs *logs, bool checks, uint64_t now_ms)
{
    const bool wanted = atomic_exchange(&logs->reopen, false);
    bool any = false;
    for (unsigned i = 0; i < logs->count; i++) {
        struct access_log *log = &logs->items[i];
        const bool due = !log->broken || now_ms >= log->retry_at_ms;
        if (wanted || (checks && due) || (log->file.fd < 0 && due))
            reopen(log, wanted, now_ms);
        log->waits = false;
        if (due && log->file.fd >= 0)
            any = write_log(logs, log, now_ms) || any;
        if (now_ms >= log->report_at_ms)
            report(logs, log, now_ms);
    }
    return any;
}

/* Waits for a signal of a worker, or until a log that waits is writable, at most MS. */
static void await(struct access_logs *logs, int ms)
{
    unsigned count = 0;
    logs->watched[count++] = (struct pollfd){.fd = logs->waker.fd, .events = POLLIN};
    for (unsigned i = 0; i < logs->count; i++) {
        if (logs->items[i].waits)
            logs->watched[count++] =
                (struct pollfd){.fd = logs->items[i].file.fd, .events = POLLOUT};
    }
    poll(logs->watched, count, ms);
    event_fd_take(logs->waker.fd);
}

/* How long to wait for lines when a round has written some, or IDLE_ROUNDS rounds have not. Each
 * sleep begins with a short one, because a line may have been committed just before. */
static int wait_ms(struct access_logs *logs, unsigned idle_rounds)
{
    atomic_store(&logs->waker.sleeps, idle_rounds > 0);
    for (unsigned i = 0; i < logs->count; i++) {
        if (logs->items[i].broken)
            return idle_rounds < 2 ? GATHER_MS : RETRY_MS;
    }
    return idle_rounds < 2 ? GATHER_MS : CHECK_MS;
}

/* Writes what is left, until the time for that is over. */
static void finish(struct access_logs *logs)
{
    uint64_t now_ms = clock_monotonic_ms();
    for (unsigned i = 0; i < logs->count; i++)
        logs->items[i].retry_at_ms = 0;
    do_round(logs, true, now_ms);
    while (has_lines(logs) && (now_ms = clock_monotonic_ms()) < atomic_load(&logs->stop_at_ms)) {
        if (!do_round(logs, false, now_ms))
            await(logs, GATHER_MS / 10);
    }
    for (unsigned i = 0; i < logs->count; i++) {
        discard(logs, &logs->items[i]);
        report(logs, &logs->items[i], now_ms);
    }
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
