/* access_log: readers that are slow, leave and come back: of FIFOs, pipes and syslog. Every line is
 * written or counted. */
#include "support/access_log_rig.h"
#include "support/faults.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

TestSuite(access_log_readers, .init = set_up, .fini = tear_down, .timeout = 120);

Test(access_log_readers, that_are_missing_cost_lines_that_are_counted)
{
    cr_assert_eq(mkfifo(path, 0600), 0);
    struct log_ring *ring = start(path);
    cr_expect_eq(put_lines(ring, LOG_RING_BYTES / LINE_BYTES + 5), 5);
    expect_report("it has no reader");
    cr_assert(access_logs_stop(logs, STOP_MS));
    cr_expect_eq(lost_lines(), LOG_RING_BYTES / LINE_BYTES + 5, "%s", reports);
}

Test(access_log_readers, that_are_missing_cost_no_signal_for_each_line)
{
    enum { LINES = 200, SIGNALS_MAX = 20 };
    cr_assert_eq(mkfifo(path, 0600), 0);
    struct log_ring *ring = start(path);
    expect_report("it has no reader");
    for (unsigned i = 0; i < LINES; i++) {
        put(ring, "x\n");
        poll(NULL, 0, 1);
    }
    cr_expect_leq(faults_calls(FAULT_WRITE_EVENTFD), SIGNALS_MAX);
}

Test(access_log_readers, of_a_fifo_are_waited_for)
{
    char text[64] = "";
    cr_assert_eq(mkfifo(path, 0600), 0);
    struct log_ring *ring = start(path);
    put(ring, "one\n");
    expect_report("it has no reader");
    int reader = open(path, O_RDONLY);
    cr_expect_eq(read(reader, text, sizeof text), 4, "the line has waited");
    cr_expect_str_eq(text, "one\n");
    close(reader);
    put(ring, "two\n");
    reader = open(path, O_RDONLY);
    cr_expect_eq(read(reader, text, sizeof text), 4, "another reader gets what came meanwhile");
    cr_expect(memcmp(text, "two\n", 4) == 0);
    close(reader);
}

/* Starts a log that is a pipe. *Gives* its two ENDS. */
static struct log_ring *start_on_pipe(int ends[static 2])
{
    char name[32];
    cr_assert_eq(pipe(ends), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
    return start(name);
}

Test(access_log_readers, that_have_gone_cost_lines_that_are_counted)
{
    int ends[2];
    struct log_ring *ring = start_on_pipe(ends);
    close(ends[0]);
    put(ring, "one\ntwo\n");
    expect_report("2 lines are lost; it cannot be written: Broken pipe");
    cr_expect(put(ring, "three\n"));
    cr_assert(access_logs_stop(logs, STOP_MS));
    cr_expect(reported("1 line is lost"), "%s", reports);
    close(ends[1]);
}

Test(access_log_readers, that_are_slow_do_not_keep_the_thread_from_ending)
{
    int ends[2];
    put_lines(start_on_pipe(ends), 200);
    cr_expect(access_logs_stop(logs, STOP_MS));
    cr_expect(reported("lines are lost"), "%s", reports);
    close(ends[0]);
    close(ends[1]);
}

/* Fills a FIFO, whose reader is *RET_READER, with lines of a log that is retired then. */
static void retire_a_full_fifo(unsigned lines, int *ret_reader)
{
    cr_assert_eq(mkfifo(path, 0600), 0);
    *ret_reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    cr_expect_eq(put_lines(start(path), lines), 0);
    access_logs_retire(logs, NULL, 0);
}

Test(access_log_readers, that_take_nothing_do_not_keep_a_retired_log)
{
    enum { LINES = 200 };
    static char text[LINES * LINE_BYTES];
    const unsigned descriptors = tree_open_descriptors();
    int reader;
    retire_a_full_fifo(LINES, &reader);
    for (unsigned ms = 0; ms < PATIENCE_MS && tree_open_descriptors() > descriptors + 1; ms++)
        poll(NULL, 0, 1);
    cr_expect_eq(tree_open_descriptors(), descriptors + 1, "it is not closed");
    expect_report("lines are lost");
    const ssize_t length = read(reader, text, sizeof text);
    cr_expect_gt(length, 0);
    cr_expect_eq(length / LINE_BYTES + (ssize_t)lost_lines(), LINES, "%s", reports);
    close(reader);
}

Test(access_log_readers, that_are_slow_get_all_of_a_retired_log)
{
    enum { LINES = 200 };
    static char text[LINES * LINE_BYTES];
    int reader;
    ssize_t length = 0, got;
    retire_a_full_fifo(LINES, &reader);
    for (unsigned ms = 0; ms < PATIENCE_MS && length < (ssize_t)sizeof text; ms++) {
        if ((got = read(reader, text + length, sizeof text - (size_t)length)) > 0)
            length += got;
        poll(NULL, 0, 1);
    }
    cr_expect_eq(length, sizeof text, "%zd: %s", length, reports);
    close(reader);
}

Test(access_log_readers, get_what_came_while_a_log_was_about_to_end)
{
    char text[64] = "";
    cr_assert_eq(mkfifo(path, 0600), 0);
    struct log_ring *ring = start(path);
    put(ring, "one\n");
    expect_report("it has no reader");
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    cr_assert(access_logs_stop(logs, STOP_MS));
    cr_expect_eq(read(reader, text, sizeof text), 4, "%s", reports);
    close(reader);
}

/* Reads what is in the FIFO or pipe FD. Returns its length; waits for it. */
static ssize_t read_lines(int fd, char *to, size_t room)
{
    struct pollfd event = {.fd = fd, .events = POLLIN};
    cr_expect_eq(poll(&event, 1, PATIENCE_MS), 1);
    return read(fd, to, room);
}

/* It is not one of the files whose names are checked. */
Test(access_log_readers, of_a_new_fifo_get_lines_once_it_is_opened)
{
    char text[64] = "";
    cr_assert_eq(mkfifo(path, 0600), 0);
    int former = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct log_ring *ring = start(path);
    put(ring, "one\n");
    cr_expect_eq(read_lines(former, text, sizeof text), 4);
    rename(path, other);
    cr_assert_eq(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    access_logs_reopen(logs);
    cr_expect_eq(read_lines(former, text, sizeof text), 0, "it is closed");
    put(ring, "three\n");
    cr_expect_eq(read_lines(reader, text, sizeof text), 6);
    close(former);
    close(reader);
}

/* A line of worker 1 that a pipe has in part, when worker 0 writes one. Most often that comes after
 * it; between the two if the second one has not begun yet. */
Test(access_log_readers, get_no_line_within_another)
{
    enum { LONG = 60000, ALL = 2 * LONG + 5 };
    static char line[LONG + 1], text[ALL + 1];
    int ends[2];
    char name[32];
    size_t length = 0;
    cr_assert_eq(pipe(ends), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
    struct log_ring *first = start(name), *second = access_logs_ring(logs, name, 1);
    memset(line, 'x', LONG - 1);
    line[LONG - 1] = '\n';
    put(second, line);
    put(second, line);
    struct iovec pieces[2] = {{NULL, 2 * LONG}};
    for (unsigned ms = 0; ms < PATIENCE_MS && pieces[0].iov_len > LONG; ms++) {
        log_ring_view(second, pieces);
        poll(NULL, 0, 1);
    }
    put(first, "zero\n");
    while (length < ALL) {
        const ssize_t got = read(ends[0], text + length, ALL - length);
        cr_assert_gt(got, 0);
        length += (size_t)got;
    }
    const char *zero = strstr(text, "zero\n");
    cr_assert_not_null(zero);
    cr_expect_eq((size_t)(zero - text) % LONG, 0, "it is at %zu", (size_t)(zero - text));
    close(ends[0]);
    close(ends[1]);
}

Test(access_log_readers, that_have_gone_are_reported_once_a_minute)
{
    int ends[2];
    struct iovec pieces[2];
    struct log_ring *ring = start_on_pipe(ends);
    close(ends[0]);
    put(ring, "one\n");
    expect_report("1 line is lost");
    for (unsigned i = 0; i < 3; i++) {
        put(ring, "more\n");
        for (unsigned ms = 0; ms < PATIENCE_MS && log_ring_view(ring, pieces) > 0; ms++)
            poll(NULL, 0, 1);
    }
    cr_expect_eq(lost_lines(), 1, "%s", reports);
    cr_assert(access_logs_stop(logs, STOP_MS));
    cr_expect_eq(lost_lines(), 4, "%s", reports);
    close(ends[1]);
}

/* --- Syslog ----------------------------------------------------------------------------------- */

static int listen_as_syslog(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    str_put(address.sun_path, str_first(str_of(path), sizeof address.sun_path - 1));
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void expect_datagram(int fd, const char *end)
{
    char text[256];
    struct pollfd event = {.fd = fd, .events = POLLIN};
    cr_assert_eq(poll(&event, 1, PATIENCE_MS), 1, "no line with %s", end);
    const ssize_t length = recv(fd, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    cr_expect(strstr(text, end), "%s", text);
}

Test(access_log_readers, of_syslog_may_come_later_and_again)
{
    char name[PATH_MAX + 16];
    snprintf(name, sizeof name, "syslog:%s", path);
    struct log_ring *ring = start(name);
    put(ring, "one\n");
    expect_report("it cannot be written: No such file");
    int fd = listen_as_syslog();
    expect_datagram(fd, "]: one");
    close(fd);
    unlink(path);
    put(ring, "two\n");
    fd = listen_as_syslog();
    expect_datagram(fd, "]: two");
    close(fd);
}

Test(access_log_readers, of_syslog_lose_a_line_that_is_too_long)
{
    char name[PATH_MAX + 16];
    int fd = listen_as_syslog();
    snprintf(name, sizeof name, "syslog:%s", path);
    struct log_ring *ring = start(name);
    faults_fail(FAULT_SEND, 0, 1, EMSGSIZE);
    put(ring, "one\n");
    put(ring, "two\n");
    expect_datagram(fd, "]: two");
    expect_report("1 line is lost");
    cr_expect_eq(log_ring_take_lost(ring), 1, "the metrics know it");
    close(fd);
}
