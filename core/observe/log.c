/* log: see log.h. */
#include "observe/log.h"

#include "base/clock.h"
#include "base/date.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    PREFIX_BYTES_MAX = 128,
    REPEATS_WRITTEN = 5,    /* of the same text, before the others are counted */
    REPEATS_MS = 10 * 1000, /* how long they are */
};

static const char *log_name = "sluice";
static bool log_to_journal;
static atomic_uint log_level = LOG_LEVEL_INFO;
static atomic_bool log_waits = true;
static atomic_uint log_dropped; /* lines that standard error had no room for */
static _Atomic(void (*)(enum log_level level, const char *line, size_t length)) log_sink;
static atomic_uint log_counts[LOG_LEVEL_COUNT];
static _Thread_local const char *thread_name = "main";
static _Thread_local int thread_number = -1;

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {
        [LOG_LEVEL_ERROR] = "error",
        [LOG_LEVEL_WARNING] = "warning",
        [LOG_LEVEL_NOTICE] = "notice",
        [LOG_LEVEL_INFO] = "info",
    };
    static_assert(COUNT_OF(names) == LOG_LEVEL_COUNT, "one name a level");
    return names[level];
}

/* Whether standard error is the stream that $JOURNAL_STREAM names as DEVICE:INODE. */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat status;
    char *end;
    if (!stream || fstat(STDERR_FILENO, &status) < 0)
        return false;
    device = strtoull(stream, &end, 10);
    if (*end != ':')
        return false;
    inode = strtoull(end + 1, &end, 10);
    return *end == '\0' && device == status.st_dev && inode == status.st_ino;
}

void log_open(const char *name)
{
    log_name = name;
    log_to_journal = is_journal();
}

void log_set_level(enum log_level level)
{
    atomic_store(&log_level, level);
}

unsigned log_count(enum log_level level)
{
    return atomic_load(&log_counts[level]);
}

void log_set_thread(const char *name, int number)
{
    thread_name = name;
    thread_number = number;
}

void log_set_waiting(bool waits)
{
    atomic_store(&log_waits, waits);
}

void log_set_sink(void (*sink)(enum log_level level, const char *line, size_t length))
{
    atomic_store(&log_sink, sink);
}

/* --- Lines ------------------------------------------------------------------------------------ */

/* The number of bytes that snprintf wrote to ROOM bytes when it returned RESULT. */
static size_t printed(int result, size_t room)
{
    return result < 0 ? 0 : size_min((size_t)result, room - 1);
}

size_t log_format(char to[static LOG_LINE_BYTES_MAX], const char *prefix, const char *format,
                  va_list arguments)
{
    static const char ellipsis[] = "...\n";
    size_t length = printed(snprintf(to, LOG_LINE_BYTES_MAX, "%s", prefix), LOG_LINE_BYTES_MAX);
    size_t room = LOG_LINE_BYTES_MAX - length;
    int result = vsnprintf(to + length, room, format, arguments);
    length += printed(result, room);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)to[i] < 0x20 || to[i] == 0x7f)
            to[i] = '?';
    if (result >= 0 && (size_t)result >= room) {
        memcpy(to + LOG_LINE_BYTES_MAX - (sizeof ellipsis - 1), ellipsis, sizeof ellipsis - 1);
        return LOG_LINE_BYTES_MAX;
    }
    to[length++] = '\n'; /* overwrites the NUL */
    return length;
}

/* Writes "TIME LEVEL THREAD: " to TO. */
static void describe(char to[static PREFIX_BYTES_MAX], enum log_level level)
{
    char date[DATE_LOCAL_BYTES], number[16] = "";
    struct tm local;
    const time_t seconds = (time_t)(clock_wall_us() / 1000000);
    const bool known = localtime_r(&seconds, &local) != NULL;
    date_write_local(date, seconds, known ? (int32_t)local.tm_gmtoff : 0);
    if (thread_number >= 0)
        snprintf(number, sizeof number, " %d", thread_number);
    snprintf(to, PREFIX_BYTES_MAX, "%.*s %s %s%s: ", DATE_LOCAL_BYTES, date, log_level_name(level),
             thread_name, number);
}

unsigned log_severity(enum log_level level)
{
    static const unsigned char severities[] = {[LOG_LEVEL_ERROR] = 3,
                                               [LOG_LEVEL_WARNING] = 4,
                                               [LOG_LEVEL_NOTICE] = 5,
                                               [LOG_LEVEL_INFO] = 6};
    static_assert(COUNT_OF(severities) == LOG_LEVEL_COUNT, "one severity a level");
    return severities[level];
}

/* What precedes a message of LEVEL on standard error. */
static void write_prefix(char to[static PREFIX_BYTES_MAX], enum log_level level)
{
    if (log_to_journal)
        snprintf(to, PREFIX_BYTES_MAX, "<%u>", log_severity(level));
    else
        snprintf(to, PREFIX_BYTES_MAX, "%s: ", log_name);
}

/* Whether standard error takes a line without making the caller wait, or may make it wait. */
static bool has_room(void)
{
    struct pollfd watched = {.fd = STDERR_FILENO, .events = POLLOUT};
    return atomic_load(&log_waits) || poll(&watched, 1, 0) != 0;
}

__attribute__((format(printf, 3, 4))) static size_t format_line(char to[static LOG_LINE_BYTES_MAX],
                                                                const char *prefix,
                                                                const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t length = log_format(to, prefix, format, arguments);
    va_end(arguments);
    return length;
}

static void write_to_standard_error(enum log_level level, const char *text)
{
    char line[LOG_LINE_BYTES_MAX], prefix[PREFIX_BYTES_MAX];
    size_t length;
    if (!has_room()) {
        atomic_fetch_add(&log_dropped, 1);
        return;
    }
    write_prefix(prefix, level);
    const unsigned dropped = atomic_exchange(&log_dropped, 0);
    if (dropped > 0) {
        length =
            format_line(line, prefix, "%u messages are lost: standard error took none", dropped);
        (void)!write(STDERR_FILENO, line, length);
    }
    length = format_line(line, prefix, "%s", text);
    while (write(STDERR_FILENO, line, length) < 0 && errno == EINTR)
        ;
}

/* Writes TEXT to where messages go. */
static void emit(enum log_level level, const char *text)
{
    char line[LOG_LINE_BYTES_MAX], prefix[PREFIX_BYTES_MAX];
    void (*sink)(enum log_level level, const char *line, size_t length) = atomic_load(&log_sink);
    if (!sink) {
        write_to_standard_error(level, text);
        return;
    }
    describe(prefix, level);
    sink(level, line, format_line(line, prefix, "%s", text));
}

/* --- Repeated messages ------------------------------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    char text[LOG_LINE_BYTES_MAX]; /* the latest */
    enum log_level level;
    unsigned written;
    unsigned counted;  /* not written */
    uint64_t since_ms; /* when it was first written */
} repeats = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Takes note of TEXT. Returns whether it is to be written; *RET_COUNT: how many of the text that
 * was written last must be reported before, of *RET_LEVEL. */
static bool note(enum log_level level, const char *text, unsigned *ret_count,
                 enum log_level *ret_level)
{
    const uint64_t now_ms = clock_monotonic_ms();
    bool wanted = true;
    *ret_count = 0;
    pthread_mutex_lock(&repeats.lock);
    const bool same = strncmp(repeats.text, text, sizeof repeats.text - 1) == 0 &&
                      now_ms - repeats.since_ms < REPEATS_MS;
    if (same && repeats.written >= REPEATS_WRITTEN) {
        repeats.counted++;
        wanted = false;
    } else if (same) {
        repeats.written++;
    } else {
        *ret_count = repeats.counted;
        *ret_level = repeats.level;
        const size_t length = size_min(strlen(text), sizeof repeats.text - 1);
        memcpy(repeats.text, text, length);
        repeats.text[length] = '\0';
        repeats.level = level;
        repeats.written = 1;
        repeats.counted = 0;
        repeats.since_ms = now_ms;
    }
    pthread_mutex_unlock(&repeats.lock);
    return wanted;
}

static void emit_count(enum log_level level, unsigned count)
{
    char text[64];
    snprintf(text, sizeof text, "the message before was repeated %u %s", count,
             count == 1 ? "time" : "times");
    emit(level, text);
}

void log_flush(void)
{
    pthread_mutex_lock(&repeats.lock);
    const unsigned count = repeats.counted;
    const enum log_level level = repeats.level;
    repeats.counted = 0;
    pthread_mutex_unlock(&repeats.lock);
    if (count > 0)
        emit_count(level, count);
}

/* --- Messages --------------------------------------------------------------------------------- */

static void write_text(enum log_level level, const char *text)
{
    enum log_level former = level;
    unsigned count;
    atomic_fetch_add(&log_counts[level], 1);
    if ((unsigned)level > atomic_load(&log_level) || !note(level, text, &count, &former))
        return;
    if (count > 0)
        emit_count(former, count);
    emit(level, text);
}

__attribute__((format(printf, 2, 0))) static void write_message(enum log_level level,
                                                                const char *format,
                                                                va_list arguments)
{
    char text[LOG_LINE_BYTES_MAX + 1]; /* so that log_format sees what it must cut */
    int saved = errno;
    vsnprintf(text, sizeof text, format, arguments);
    write_text(level, text);
    errno = saved;
}

void log_write(enum log_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_message(level, format, arguments);
    va_end(arguments);
}

void log_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_message(LOG_LEVEL_NOTICE, format, arguments);
    va_end(arguments);
}

void log_problem(const struct problem *problem)
{
    char text[PROBLEM_TEXT_BYTES];
    problem_text(problem, text);
    log_write(LOG_LEVEL_ERROR, "%s", text);
}

void log_warning(const struct problem *problem)
{
    char text[PROBLEM_TEXT_BYTES];
    problem_text(problem, text);
    log_write(LOG_LEVEL_WARNING, "%s", text);
}

void log_problem_aside(const struct problem *problem)
{
    char text[PROBLEM_TEXT_BYTES];
    int saved = errno;
    problem_text(problem, text);
    write_to_standard_error(LOG_LEVEL_ERROR, text);
    errno = saved;
}
