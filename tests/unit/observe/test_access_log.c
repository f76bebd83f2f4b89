/* access_log: every line is written or counted, whatever happens to its file. */
#include "support/access_log_rig.h"
#include "support/faults.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

TestSuite(access_log, .init = set_up, .fini = tear_down, .timeout = 120);

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

/* Starts a log and moves its file, which has one line. */
static struct log_ring *move_log(void)
{
    struct log_ring *ring = start(path);
    put(ring, "one\n");
    expect_content(path, "one\n");
    rename(path, other);
    return ring;
}

/* The next line is in a new file. */
static void expect_anew(struct log_ring *ring)
{
    for (unsigned ms = 0; ms < PATIENCE_MS && access(path, F_OK) != 0; ms++)
        poll(NULL, 0, 1);
    put(ring, "two\n");
    expect_content(path, "two\n");
    expect_content(other, "one\n");
}

Test(access_log, opens_its_file_again_when_asked)
{
    struct log_ring *ring = move_log();
    access_logs_reopen(logs);
    expect_content(path, "");
    expect_anew(ring);
}

Test(access_log, finds_out_that_its_file_was_moved)
{
    struct log_ring *ring = move_log();
    expect_anew(ring);
}

Test(access_log, keeps_its_file_when_it_cannot_be_opened_again)
{
    struct log_ring *ring = move_log();
    cr_assert_eq(mkdir(path, 0700), 0);
    access_logs_reopen(logs);
    expect_report("it cannot be opened again: Is a directory");
    put(ring, "two\n");
    expect_content(other, "one\ntwo\n");
    rmdir(path);
}

/* A disk is full, so its log is moved away. The log was begun DELAY_MS before. */
static void begin_anew_when_full(int delay_ms)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit small = {.rlim_cur = 8, .rlim_max = limit.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct log_ring *ring = start(path);
    poll(NULL, 0, delay_ms);
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

Test(access_log, begins_a_new_file_with_a_whole_line)
{
    begin_anew_when_full(0);
}

/* The file's name is checked between two tries to write. */
Test(access_log, begins_a_new_file_whenever_the_disk_became_full)
{
    begin_anew_when_full(450);
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

/* A signal for each line would be a system call for each request. */

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

Test(access_log, names_the_limit_of_descriptors)
{
    const struct access_logs_config config = {.worker_count = 1, .report = report};
    struct access_logs *more;
    struct problem problem;
    char text[PROBLEM_TEXT_BYTES];
    faults_fail(FAULT_EVENTFD, 0, 1, EMFILE);
    cr_expect_eq(access_logs_create(&more, &config, &problem), -EMFILE);
    problem_text(&problem, text);
    cr_expect_str_eq(text,
                     "cannot open a descriptor for logs: Too many open files; raise the limit "
                     "of descriptors (ulimit -n)");
    faults_fail(FAULT_OPEN, 0, 1, ENFILE);
    cr_expect_eq(access_logs_add(logs, path, &problem), -ENFILE);
    problem_text(&problem, text);
    cr_expect(strstr(text, "; raise the limit of descriptors (ulimit -n)"), "%s", text);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_eq(access_logs_create(&more, &config, &problem), -ENOMEM);
    cr_expect(strstr(problem.what, "memory"), "%s", problem.what);
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
