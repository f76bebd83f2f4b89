/* access_log_lines: from the rings of one log to its file; see access_log_parts.h. */
#include "base/str.h"
#include "observe/access_log_parts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

enum {
    RETRY_MS = 1000,       /* after a failure */
    REPORT_MS = 60 * 1000, /* between two reports of a log */
};

const struct access_log_words access_log_words[] = {
    [ACCESS_LOGS_OF_REQUESTS] = {"access-log", "access log"},
    [ACCESS_LOGS_OF_ERRORS] = {"error-log", "error log"},
};
static_assert(COUNT_OF(access_log_words) == ACCESS_LOGS_KIND_COUNT, "words for each kind");

/* --- Reports ---------------------------------------------------------------------------------- */

/* The lines of LOG that have been lost so far. */
static uint64_t count_lost(const struct access_log *log)
{
    uint64_t sum = log->lost_lines + log->file.lost_lines;
    for (unsigned i = 0; i < log->ring_count; i++)
        sum += log_ring_dropped(log->rings[i]);
    return sum;
}

static void report(struct access_log *log, const struct access_log_round *round)
{
    const uint64_t lost = count_lost(log), fresh = lost - log->reported_lines;
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
    problem_set(&problem, "%s '%s': %s%s", access_log_words[round->config->kind].name,
                log->file.name, count, why);
    round->config->report(&problem);
    log->reported_lines = lost;
    log->error = 0;
    log->report_at_ms = round->now_ms + REPORT_MS;
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* Drops everything that is in the rings of LOG, and counts the lines. */
static void discard(struct access_log *log)
{
    for (unsigned i = 0; i < log->ring_count; i++)
        log->lost_lines += log_ring_discard(log->rings[i], UINT64_MAX);
    log->unfinished = log->ring_count;
}

/* Drops the rest of a line, and counts it: another file has its beginning. */
static void discard_rest(struct access_log *log)
{
    if (log->unfinished < log->ring_count)
        log->lost_lines += log_ring_discard(log->rings[log->unfinished], 1);
    log->unfinished = log->ring_count;
}

/* Handles ERROR, negative, of writing to LOG. */
static void fail(struct access_log *log, int error, uint64_t now_ms)
{
    if (error == -EAGAIN) {
        log->waits = true;
        return;
    }
    log->error = error;
    log->broken = true;
    log->retry_at_ms = now_ms + RETRY_MS;
    if (log->file.kind == LOG_FILE_INHERITED && error == -EPIPE) {
        discard(log); /* its reader does not come back */
        log->retry_at_ms = now_ms;
    } else if (log->file.kind != LOG_FILE_INHERITED && !log->file.is_regular) {
        log_file_close(&log->file); /* a FIFO or syslog, whose reader may come back */
    }
}

/* Writes what is in the ring INDEX. Returns the number of bytes written, or a negative errno. */
static ssize_t write_ring(struct access_log *log, unsigned index)
{
    struct iovec pieces[2];
    const unsigned count = log_ring_view(log->rings[index], pieces);
    if (count == 0)
        return 0;
    const uint64_t lost_before = log->file.lost_lines;
    ssize_t written = log_file_write(&log->file, pieces, count);
    if (written <= 0)
        return written;
    log_ring_lose(log->rings[index], log->file.lost_lines - lost_before);
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
static bool write_log(struct access_log *log, uint64_t now_ms)
{
    const unsigned ring_count = log->ring_count;
    size_t left = LOG_RING_BYTES; /* of a ring, so that other logs have their turn */
    bool any = false;
    for (unsigned i = 0; i < ring_count;) {
        const unsigned index = log->unfinished < ring_count ? log->unfinished : i;
        ssize_t written = write_ring(log, index);
        if (written < 0) {
            fail(log, (int)written, now_ms);
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
    const struct log_file former = log->file;
    const bool closed = former.fd < 0;
    if (!closed && !wanted && !log_file_has_moved(&log->file))
        return;
    int error = closed ? log_file_open(&log->file) : log_file_reopen(&log->file);
    if (!error) {
        log->waits = false;
        if (closed || former.device != log->file.device || former.inode != log->file.inode)
            discard_rest(log);
        return;
    }
    log->error = error;
    log->broken = log->broken || closed;
    log->retry_at_ms = now_ms + RETRY_MS;
}

bool access_log_has_lines(const struct access_log *log)
{
    struct iovec pieces[2];
    for (unsigned i = 0; i < log->ring_count && !log->broken; i++) {
        if (log_ring_view(log->rings[i], pieces) > 0)
            return true;
    }
    return false;
}

bool access_log_is_over(const struct access_log *log)
{
    for (unsigned i = 0; i < log->ring_count; i++) {
        if (log_ring_is_held(log->rings[i]))
            return false;
    }
    return true;
}

bool access_log_work(struct access_log *log, const struct access_log_round *round)
{
    const bool due = !log->broken || round->now_ms >= log->retry_at_ms;
    bool any = false;
    /* A file that cannot be written may be moved or removed for that reason. */
    if (round->reopens || (log->file.fd < 0 ? due : round->checks))
        reopen(log, round->reopens, round->now_ms);
    log->waits = false;
    if (due && log->file.fd >= 0)
        any = write_log(log, round->now_ms);
    if (round->now_ms >= log->report_at_ms)
        report(log, round);
    return any;
}

void access_log_finish(struct access_log *log, const struct access_log_round *round)
{
    discard(log);
    report(log, round);
}
