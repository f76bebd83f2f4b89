/* access_log: every line is written or counted, whatever happens to its file. */
#include "base/str.h"
#include "observe/access_log.h"
#include "support/faults.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { WORKERS = 2, PATIENCE_MS = 10000, STOP_MS = 4000, RETIRED_MS = 200 };

static struct tree tree;
static char path[PATH_MAX], other[PATH_MAX];
static struct access_logs *logs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char reports[4096]; /* under LOCK */

static void report(const struct problem *problem)
{
    char text[PROBLEM_TEXT_BYTES];
    problem_text(problem, text);
    pthread_mutex_lock(&lock);
    snprintf(reports + strlen(reports), sizeof reports - strlen(reports), "%s\n", text);
    pthread_mutex_unlock(&lock);
}

static bool reported(const char *text)
{
    pthread_mutex_lock(&lock);
    bool found = strstr(reports, text) != NULL;
    pthread_mutex_unlock(&lock);
    return found;
}

static void set_up(void)
{
    const struct access_logs_config config = {
        .worker_count = WORKERS, .tag = "tag", .report = report, .retired_ms_max = RETIRED_MS};
    signal(SIGPIPE, SIG_IGN);
    tree_init(&tree);
    snprintf(path, sizeof path, "%s/log", tree.path);
    snprintf(other, sizeof other, "%s/log.1", tree.path);
    cr_assert_eq(access_logs_create(&logs, &config), 0);
}

static void tear_down(void)
{
    cr_assert(access_logs_stop(logs, STOP_MS));
    access_logs_destroy(logs);
    unlink(path);
    unlink(other);
    tree_fini(&tree);
}

TestSuite(access_log, .init = set_up, .fini = tear_down, .timeout = 120);

static struct log_ring *start(const char *name)
{
    struct problem problem;
    cr_assert_eq(access_logs_add(logs, name, &problem), 0, "%s", problem.what);
    struct log_ring *ring = access_logs_ring(logs, name, 0);
    cr_assert(ring);
    cr_assert_eq(access_logs_start(logs), 0);
    return ring;
}

static bool put(struct log_ring *ring, const char *text)
{
    const size_t length = strlen(text);
    char *at = log_ring_reserve(ring, length);
    if (!at)
        return false;
    str_put(at, str_of(text));
    log_ring_commit(ring, length);
    return true;
}

enum { LINE_BYTES = 1024 };

/* Puts COUNT lines of LINE_BYTES. Returns how many were dropped. */
static unsigned put_lines(struct log_ring *ring, unsigned count)
{
    static char line[LINE_BYTES + 1];
    unsigned dropped = 0;
    memset(line, 'x', LINE_BYTES - 1);
    line[LINE_BYTES - 1] = '\n';
    for (unsigned i = 0; i < count; i++)
        dropped += !put(ring, line);
    return dropped;
}

/* The content of the file NAME; "" if it does not exist. */
static const char *content(const char *name)
{
    static char text[4096];
    int fd = open(name, O_RDONLY | O_NONBLOCK);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

static void expect_content(const char *name, const char *expected)
{
    for (unsigned ms = 0; ms < PATIENCE_MS && strcmp(content(name), expected) != 0; ms++)
        poll(NULL, 0, 1);
    cr_expect_str_eq(content(name), expected);
}

static void expect_report(const char *text)
{
    for (unsigned ms = 0; ms < PATIENCE_MS && !reported(text); ms++)
        poll(NULL, 0, 1);
    cr_expect(reported(text), "%s: %s", text, reports);
}

/* The number of lines that have been reported as lost. */
static unsigned long lost_lines(void)
{
    unsigned long lost = 0;
    pthread_mutex_lock(&lock);
    for (const char *at = reports; (at = strstr(at, "': ")); at++)
        lost += strtoul(at + strlen("': "), NULL, 10);
    pthread_mutex_unlock(&lock);
    return lost;
}

Test(access_log, writes_lines_soon)
{
    struct log_ring *ring = start(path);
    put(ring, "one\n");
    expect_content(path, "one\n");
    put(ring, "two\n");
    expect_content(path, "one\ntwo\n");
}

Test(access_log, writes_everything_at_the_end)
{
    struct problem problem;
    cr_assert_eq(access_logs_add(logs, path, &problem), 0);
    cr_assert_eq(access_logs_add(logs, path, &problem), 0, "sites share it");
    struct log_ring *first = access_logs_ring(logs, path, 0);
    struct log_ring *second = access_logs_ring(logs, path, 1);
    cr_expect_neq(first, second);
    cr_expect_eq(access_logs_ring(logs, path, 0), first);
    cr_assert_eq(access_logs_start(logs), 0);
    for (unsigned i = 0; i < 20000; i++)
        cr_assert(put(i % 2 ? first : second, "a line of thirty-two bytes, yes\n"));
    cr_assert(access_logs_stop(logs, STOP_MS));
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    cr_expect_eq(status.st_size, 20000 * 32);
    cr_expect_str_eq(reports, "");
}

Test(access_log, opens_its_file_again_when_asked)
{
    struct log_ring *ring = start(path);
    put(ring, "one\n");
    expect_content(path, "one\n");
    rename(path, other);
    access_logs_reopen(logs);
    expect_content(path, "");
    for (unsigned ms = 0; ms < PATIENCE_MS && access(path, F_OK) != 0; ms++)
        poll(NULL, 0, 1);
    put(ring, "two\n");
    expect_content(path, "two\n");
    expect_content(other, "one\n");
}

Test(access_log, finds_out_that_its_file_was_moved)
{
    struct log_ring *ring = start(path);
    put(ring, "one\n");
    expect_content(path, "one\n");
    rename(path, other);
    for (unsigned ms = 0; ms < PATIENCE_MS && access(path, F_OK) != 0; ms++)
        poll(NULL, 0, 1);
    put(ring, "two\n");
    expect_content(path, "two\n");
    expect_content(other, "one\n");
}

Test(access_log, keeps_its_file_when_it_cannot_be_opened_again)
{
    struct log_ring *ring = start(path);
    put(ring, "one\n");
    expect_content(path, "one\n");
    rename(path, other);
    cr_assert_eq(mkdir(path, 0700), 0);
    access_logs_reopen(logs);
    expect_report("it cannot be opened again: Is a directory");
    put(ring, "two\n");
    expect_content(other, "one\ntwo\n");
    rmdir(path);
}

/* A disk is full, so its log is moved away. */
Test(access_log, begins_a_new_file_with_a_whole_line)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit small = {.rlim_cur = 8, .rlim_max = limit.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct log_ring *ring = start(path);
    put(ring, "a line of more than that\n");
    expect_content(path, "a line o");
    rename(path, other);
    put(ring, "two\n");
    expect_content(path, "two\n");
    expect_content(other, "a line o");
    cr_expect(access_logs_stop(logs, STOP_MS));
    expect_report("1 line is lost");
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(access_log, refuses_the_file_of_a_socket)
{
    struct problem problem;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    str_put(address.sun_path, str_of(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    cr_expect_eq(access_logs_add(logs, path, &problem), -EOPNOTSUPP);
    close(fd);
}

Test(access_log, reports_a_full_disk_and_the_lines_that_are_lost)
{
    struct log_ring *ring = start("/dev/full");
    put(ring, "one\n");
    expect_report("access log '/dev/full': it cannot be written: No space left on device");
    put(ring, "two\n");
    cr_assert(access_logs_stop(logs, STOP_MS));
    cr_expect(reported("access log '/dev/full': 2 lines are lost"), "%s", reports);
}

Test(access_log, drops_lines_when_nobody_reads_and_says_how_many)
{
    cr_assert_eq(mkfifo(path, 0600), 0);
    struct log_ring *ring = start(path);
    cr_expect_eq(put_lines(ring, LOG_RING_BYTES / LINE_BYTES + 5), 5);
    expect_report("it has no reader");
    cr_assert(access_logs_stop(logs, STOP_MS));
    cr_expect_eq(lost_lines(), LOG_RING_BYTES / LINE_BYTES + 5, "%s", reports);
}

/* A signal for each line would be a system call for each request. */
Test(access_log, is_not_woken_by_the_lines_of_a_log_without_a_reader)
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

Test(access_log, waits_for_the_reader_of_a_fifo)
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

Test(access_log, counts_the_lines_of_a_reader_that_has_gone)
{
    int ends[2];
    char name[32];
    cr_assert_eq(pipe(ends), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
    struct log_ring *ring = start(name);
    close(ends[0]);
    put(ring, "one\ntwo\n");
    expect_report("2 lines are lost; it cannot be written: Broken pipe");
    cr_expect(put(ring, "three\n"));
    cr_assert(access_logs_stop(logs, STOP_MS));
    cr_expect(reported("1 line is lost"), "%s", reports);
    close(ends[1]);
}

Test(access_log, ends_in_time_though_a_reader_is_slow)
{
    int ends[2];
    char name[32];
    cr_assert_eq(pipe(ends), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
    put_lines(start(name), 200);
    cr_expect(access_logs_stop(logs, STOP_MS));
    cr_expect(reported("lines are lost"), "%s", reports);
    close(ends[0]);
    close(ends[1]);
}

Test(access_log, refuses_a_file_that_cannot_be_opened)
{
    struct problem problem;
    char text[PROBLEM_TEXT_BYTES];
    cr_expect_eq(access_logs_add(logs, "/nonexistent/log", &problem), -ENOENT);
    problem_text(&problem, text);
    cr_expect(strstr(text, "--access-log cannot write to '/nonexistent/log': No such file"), "%s",
              text);
    cr_expect_eq(access_logs_add(logs, tree.path, &problem), -EISDIR);
}

/* --- While the thread runs -------------------------------------------------------------------- */

Test(access_log, a_log_that_is_added_later_is_written)
{
    struct problem problem;
    put(start(path), "one\n");
    expect_content(path, "one\n");
    cr_assert_eq(access_logs_add(logs, other, &problem), 0);
    cr_expect(access_logs_have(logs, other));
    put(access_logs_ring(logs, other, 1), "two\n");
    expect_content(other, "two\n");
}

Test(access_log, a_retired_log_is_written_to_its_end_and_closed)
{
    const unsigned descriptors = tree_open_descriptors();
    struct problem problem;
    start(path);
    cr_assert_eq(access_logs_add(logs, other, &problem), 0);
    struct log_ring *ring = access_logs_ring(logs, other, 0);
    log_ring_hold(ring); /* an answer is in flight */
    access_logs_retire(logs, (const char *const[]){NULL, path}, 2);
    cr_expect_not(access_logs_have(logs, other));
    cr_expect(access_logs_have(logs, path));
    put(ring, "late\n");
    expect_content(other, "late\n");
    put(ring, "last\n");
    log_ring_release(ring);
    expect_content(other, "late\nlast\n");
    for (unsigned ms = 0; ms < PATIENCE_MS && tree_open_descriptors() > descriptors + 1; ms++)
        poll(NULL, 0, 1);
    cr_expect_eq(tree_open_descriptors(), descriptors + 1, "the other log's");
}

/* Fills a FIFO, whose reader is *RET_READER, with lines of a log that is retired then. */
static void retire_a_full_fifo(unsigned lines, int *ret_reader)
{
    cr_assert_eq(mkfifo(path, 0600), 0);
    *ret_reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    cr_expect_eq(put_lines(start(path), lines), 0);
    access_logs_retire(logs, NULL, 0);
}

Test(access_log, a_retired_log_gives_up_on_a_reader_that_takes_nothing)
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

Test(access_log, a_retired_log_waits_for_a_reader_that_is_slow)
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

Test(access_log, a_name_that_was_retired_can_be_added_again)
{
    struct problem problem;
    start(path);
    for (unsigned i = 0; i < 100; i++) {
        access_logs_retire(logs, NULL, 0);
        cr_assert_eq(access_logs_add(logs, path, &problem), 0);
        put(access_logs_ring(logs, path, 0), "x\n");
    }
    char expected[201] = "";
    for (unsigned i = 0; i < 100; i++)
        str_put(expected + 2 * i, STR("x\n"));
    expect_content(path, expected);
}
