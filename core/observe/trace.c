/* trace: see trace.h. */
#include "observe/trace.h"

#include "base/num.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* All published rings. The crash handler has no argument to pass it through. */
static struct trace *_Atomic rings;

void trace_init(struct trace *trace, const char *const phase_names[], unsigned phase_count)
{
    trace->count = 0;
    trace->turn = 0;
    trace->phase_names = phase_names;
    trace->phase_count = phase_count;
    trace->thread = 0;
    trace->next = NULL;
}

void trace_publish(struct trace *trace)
{
    trace->next = atomic_load(&rings);
    atomic_store(&rings, trace);
}

void trace_withdraw(struct trace *trace)
{
    struct trace *first = atomic_load(&rings);
    if (first == trace) {
        atomic_store(&rings, trace->next);
        return;
    }
    for (struct trace *before = first; before; before = before->next) {
        if (before->next == trace) {
            before->next = trace->next;
            return;
        }
    }
}

void trace_enter(struct trace *trace)
{
    trace->thread = gettid();
}

/* --- Text, with async-signal-safe calls only -------------------------------------------------- */

struct text {
    int fd;
    size_t length;
    char bytes[4096];
};

static void flush(struct text *text)
{
    size_t done = 0;
    while (done < text->length) {
        ssize_t written = write(text->fd, text->bytes + done, text->length - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        done += (size_t)written;
    }
    text->length = 0;
}

static void put_bytes(struct text *text, const char *bytes, size_t length)
{
    if (length > sizeof text->bytes - text->length)
        flush(text);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

static void put(struct text *text, const char *string)
{
    put_bytes(text, string, strlen(string));
}

/* NUMBER, with blanks before it up to WIDTH columns. */
static void put_number(struct text *text, uint64_t number, size_t width)
{
    char digits[NUM_U64_DIGITS_MAX];
    size_t length = num_write_u64(digits, number);
    for (size_t column = length; column < width; column++)
        put(text, " ");
    put_bytes(text, digits, length);
}

static const char *const event_names[] = {
    [TRACE_OPEN] = "open", [TRACE_PHASE] = "phase", [TRACE_EXPIRED] = "expired",
    [TRACE_SHED] = "shed", [TRACE_RESET] = "reset", [TRACE_CLOSE] = "close",
};
static_assert(COUNT_OF(event_names) == TRACE_EVENTS, "a name for each event");

static const char *name_of(const char *const names[], unsigned count, unsigned index)
{
    return index < count && names[index] ? names[index] : "?";
}

static void put_record(struct text *text, const struct trace *trace,
                       const struct trace_record *record, uint32_t latest_ms)
{
    put(text, "trace: ");
    put_number(text, latest_ms - record->time_ms, 9);
    put(text, " ms ago, connection ");
    put_number(text, record->slot, 0);
    put(text, "/");
    put_number(text, record->generation, 0);
    put(text, ": ");
    put(text, name_of(event_names, TRACE_EVENTS, record->event));
    put(text, " ");
    put(text, name_of(trace->phase_names, trace->phase_count, record->phase));
    put(text, " ");
    put_number(text, record->value, 0);
    put(text, "\n");
}

static void dump(const struct trace *trace, int fd, unsigned records_max)
{
    struct text text;
    text.fd = fd;
    text.length = 0;
    uint64_t count = trace->count;
    uint64_t shown = count < TRACE_RECORDS ? count : TRACE_RECORDS;
    shown = u64_min(shown, records_max);
    put(&text, "trace: thread ");
    put_number(&text, (uint64_t)trace->thread, 0);
    if (trace->thread == gettid())
        put(&text, " (this one)");
    put(&text, ": ");
    put_number(&text, count, 0);
    put(&text, " events, the latest turn was of generation ");
    put_number(&text, trace->turn, 0);
    put(&text, "\n");
    uint32_t latest_ms = shown > 0 ? trace->records[(count - 1) % TRACE_RECORDS].time_ms : 0;
    for (uint64_t i = count - shown; i < count; i++)
        put_record(&text, trace, &trace->records[i % TRACE_RECORDS], latest_ms);
    flush(&text);
}

void trace_dump_all(int fd, unsigned records_max)
{
    for (const struct trace *trace = atomic_load(&rings); trace; trace = trace->next)
        dump(trace, fd, records_max);
}

/* --- Crashes ---------------------------------------------------------------------------------- */

/* SA_RESETHAND has restored the default action. A fault happens again when this returns; a signal
 * that was sent is raised again, and is delivered on return, when it is no longer blocked. */
static void on_crash(int signal)
{
    struct text text;
    text.fd = STDERR_FILENO;
    text.length = 0;
    put(&text, "trace: the process ends by signal ");
    put_number(&text, (uint64_t)signal, 0);
    put(&text, "\n");
    flush(&text);
    trace_dump_all(STDERR_FILENO, TRACE_CRASH_RECORDS);
    raise(signal);
}

void trace_catch_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        struct sigaction action;
        if (sigaction(signals[i], NULL, &action) < 0 || action.sa_handler != SIG_DFL)
            continue;
        action = (struct sigaction){.sa_handler = on_crash, .sa_flags = SA_RESETHAND};
        sigemptyset(&action.sa_mask);
        sigaction(signals[i], &action, NULL);
    }
}
