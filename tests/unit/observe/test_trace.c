/* trace: the ring keeps the latest records; dumps are text; a crash dumps and still ends by its
 * signal. */
#include "observe/trace.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const phases[] = {"none", "first", "idle"};
static struct trace trace;
static char text[TRACE_RECORDS * 100];

static void begin(void)
{
    trace_init(&trace, phases, COUNT_OF(phases));
}

static void put(unsigned number)
{
    trace_put(&trace, (struct trace_record){.slot = number,
                                            .generation = 7,
                                            .time_ms = 10 * number,
                                            .value = 3,
                                            .event = TRACE_PHASE,
                                            .phase = 2});
}

/* Reads FD to its end into `text`. */
static struct str read_all(int fd)
{
    size_t length = 0;
    ssize_t got;
    while ((got = read(fd, text + length, sizeof text - length)) > 0)
        length += (size_t)got;
    close(fd);
    return (struct str){text, length};
}

/* The dump of RECORDS_MAX records of all rings, through a file because it may exceed a pipe. */
static struct str dump(unsigned records_max)
{
    char name[] = "/tmp/sluice-trace-XXXXXX";
    int fd = mkstemp(name);
    cr_assert_geq(fd, 0);
    unlink(name);
    trace_publish(&trace);
    trace_dump_all(fd, records_max);
    trace_withdraw(&trace);
    lseek(fd, 0, SEEK_SET);
    return read_all(fd);
}

static bool contains(struct str whole, const char *part)
{
    return memmem(whole.at, whole.length, part, strlen(part)) != NULL;
}

static unsigned lines_of(struct str whole)
{
    unsigned count = 0;
    for (size_t i = 0; i < whole.length; i++)
        count += whole.at[i] == '\n';
    return count;
}

Test(trace, writes_a_record_as_a_line, .init = begin)
{
    put(1);
    put(2);
    trace.turn = 9;
    trace_put(&trace, (struct trace_record){.slot = 3, .event = TRACE_CLOSE, .time_ms = 25});
    struct str expected = STR("trace: thread 0: 3 events, the latest turn was of generation 9\n"
                              "trace:        15 ms ago, connection 1/7: phase idle 3\n"
                              "trace:         5 ms ago, connection 2/7: phase idle 3\n"
                              "trace:         0 ms ago, connection 3/0: close none 0\n");
    struct str dumped = dump(TRACE_RECORDS);
    cr_expect(str_equal(dumped, expected), "%.*s", (int)dumped.length, dumped.at);
}

Test(trace, writes_a_question_mark_for_unknown_numbers, .init = begin)
{
    trace_put(&trace, (struct trace_record){.event = TRACE_EVENTS, .phase = COUNT_OF(phases)});
    cr_expect(contains(dump(1), ": ? ? 0\n"));
}

Test(trace, says_when_it_is_empty, .init = begin)
{
    cr_expect(str_equal(dump(10),
                        STR("trace: thread 0: 0 events, the latest turn was of generation 0\n")));
}

Test(trace, keeps_the_latest_records_when_it_is_full, .init = begin)
{
    for (unsigned i = 0; i < TRACE_RECORDS + 2; i++)
        put(i);
    struct str whole = dump(UINT32_MAX);
    cr_expect_eq(lines_of(whole), 1 + TRACE_RECORDS);
    cr_expect(!contains(whole, "connection 1/7"), "the second is the latest that was overwritten");
    cr_expect(contains(whole, "connection 2/7"));
    cr_expect(contains(whole, "connection 4097/7"));
}

Test(trace, dumps_as_many_of_the_latest_as_asked_for, .init = begin)
{
    for (unsigned i = 0; i < 100; i++)
        put(i);
    struct str few = dump(3);
    cr_expect_eq(lines_of(few), 4);
    cr_expect(contains(few, "connection 97/7") && contains(few, "connection 99/7"));
    cr_expect(!contains(few, "connection 96/7"));
}

Test(trace, dumps_every_published_ring_and_none_withdrawn, .init = begin)
{
    static struct trace others[3];
    for (unsigned i = 0; i < COUNT_OF(others); i++) {
        trace_init(&others[i], phases, COUNT_OF(phases));
        trace_publish(&others[i]);
    }
    cr_expect_eq(lines_of(dump(0)), 4);
    trace_withdraw(&others[1]);
    cr_expect_eq(lines_of(dump(0)), 3);
    trace_withdraw(&others[2]);
    trace_withdraw(&others[0]);
    cr_expect_eq(lines_of(dump(0)), 1);
}

static void die_by_abort(void)
{
    abort();
}

static void die_by_fault(void)
{
    char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *(volatile char *)page = 1;
}

static void die_by_sent_signal(void)
{
    raise(SIGBUS);
    _exit(0);
}

/* Has a child process die by DIE. Returns its standard error, and in *RET_SIGNAL what ended it. */
static struct str crash(void (*die)(void), int *ret_signal)
{
    int ends[2], status;
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        put(41);
        put(42);
        trace_publish(&trace);
        trace_enter(&trace);
        trace_catch_crashes();
        die();
        _exit(0);
    }
    close(ends[1]);
    struct str errors = read_all(ends[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    *ret_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return errors;
}

Test(trace, dumps_on_a_crash_and_ends_by_the_signal, .init = begin)
{
    static const struct {
        const char *label;
        void (*die)(void);
        int signal;
    } rows[] = {
        {"abort", die_by_abort, SIGABRT},
        {"fault", die_by_fault, SIGSEGV},
        {"sent", die_by_sent_signal, SIGBUS},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sigaction action;
        sigaction(rows[i].signal, NULL, &action);
        if (action.sa_handler != SIG_DFL)
            continue; /* a sanitizer's, which stays */
        int signal;
        struct str errors = crash(rows[i].die, &signal);
        cr_expect_eq(signal, rows[i].signal, "%s: %d", rows[i].label, signal);
        cr_expect(contains(errors, "(this one): 2 events"), "%s: %.*s", rows[i].label,
                  (int)errors.length, errors.at);
        cr_expect(contains(errors, "connection 42/7: phase idle 3\n"), "%s", rows[i].label);
    }
}

static void exit_in_handler(int signal)
{
    _exit(signal);
}

static void die_with_a_handler(void)
{
    raise(SIGILL);
    _exit(0);
}

Test(trace, keeps_a_handler_that_is_installed_already, .init = begin)
{
    signal(SIGILL, exit_in_handler);
    int ended_by;
    struct str errors = crash(die_with_a_handler, &ended_by);
    cr_expect_eq(ended_by, 0, "the handler ended it");
    cr_expect_eq(errors.length, 0);
}
