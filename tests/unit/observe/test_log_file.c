/* log_file: names, kinds, whole lines for pipes, datagrams for syslog, files that have moved. */
#include "observe/log_file.h"
#include "support/faults.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct tree tree;
static char path[PATH_MAX], other[PATH_MAX];
static struct log_file file;

static void set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    tree_init(&tree);
    snprintf(path, sizeof path, "%s/log", tree.path);
    snprintf(other, sizeof other, "%s/log.1", tree.path);
    log_file_init(&file, path, "tag");
}

static void tear_down(void)
{
    log_file_close(&file);
    unlink(path);
    unlink(other);
    tree_fini(&tree);
}

TestSuite(log_file, .init = set_up, .fini = tear_down, .timeout = 120);

static ssize_t write_text(const char *text)
{
    const struct iovec piece = {(void *)(uintptr_t)text, strlen(text)};
    return log_file_write(&file, &piece, 1);
}

static void expect_content(const char *name, const char *expected)
{
    char text[256] = "";
    int fd = open(name, O_RDONLY);
    cr_assert(fd >= 0 && read(fd, text, sizeof text - 1) >= 0);
    close(fd);
    cr_expect_str_eq(text, expected);
}

Test(log_file, knows_the_names_of_descriptors)
{
    static const struct {
        const char *name;
        int fd;
    } rows[] = {{"-", 1},
                {"/dev/stdout", 1},
                {"/dev/stderr", 2},
                {"/dev/fd/7", 7},
                {"/proc/self/fd/12", 12},
                {"/proc/self/fd/1x", -1},
                {"/dev/fd/", -1},
                {"/dev/fd/99999999999", -1},
                {"stdout", -1},
                {"./-", -1},
                {"syslog:", -1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(log_file_descriptor(rows[i].name), rows[i].fd, "%s", rows[i].name);
}

Test(log_file, appends_to_a_file_that_only_its_group_may_read)
{
    struct stat status;
    umask(0);
    cr_assert_eq(log_file_open(&file), 0);
    cr_expect_eq(write_text("one\n"), 4);
    log_file_close(&file);
    cr_assert_eq(log_file_open(&file), 0);
    const struct iovec pieces[] = {{(char[]){"two\n"}, 4}, {(char[]){"three\n"}, 6}};
    cr_expect_eq(log_file_write(&file, pieces, 2), 10);
    expect_content(path, "one\ntwo\nthree\n");
    cr_assert_eq(stat(path, &status), 0);
    cr_expect_eq(status.st_mode & 0777, 0640);
}

Test(log_file, finds_that_its_file_was_moved_removed_or_replaced)
{
    cr_assert_eq(log_file_open(&file), 0);
    write_text("one\n");
    cr_expect_not(log_file_has_moved(&file));
    rename(path, other);
    cr_expect(log_file_has_moved(&file));
    cr_assert_eq(log_file_reopen(&file), 0);
    cr_expect_not(log_file_has_moved(&file));
    write_text("two\n");
    expect_content(other, "one\n");
    expect_content(path, "two\n");
    unlink(path);
    cr_expect(log_file_has_moved(&file));
    rename(other, path);
    cr_expect(log_file_has_moved(&file), "another file");
}

Test(log_file, keeps_its_file_when_it_cannot_be_opened_again)
{
    cr_assert_eq(log_file_open(&file), 0);
    rename(path, other);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_expect_eq(log_file_reopen(&file), -EISDIR);
    cr_expect_eq(write_text("one\n"), 4);
    expect_content(other, "one\n");
    rmdir(path);
}

Test(log_file, reports_why_a_file_cannot_be_opened)
{
    struct log_file missing;
    snprintf(other, sizeof other, "%s/none/log", tree.path);
    log_file_init(&missing, other, "tag");
    cr_expect_eq(log_file_open(&missing), -ENOENT);
    log_file_init(&missing, "/dev/fd/987", "tag");
    cr_expect_eq(log_file_open(&missing), -EBADF);
    log_file_init(&missing, "syslog:/nonexistent/socket", "tag");
    cr_expect_eq(log_file_open(&missing), -ENOENT);
}

static void expect_checked(int error, const char *label)
{
    cr_expect_eq(log_file_check(&file), error, "%s: %d", label, log_file_check(&file));
}

Test(log_file, finds_what_cannot_be_opened_without_opening_it)
{
    struct stat status;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    expect_checked(0, "it can be made");
    cr_expect_lt(stat(path, &status), 0, "and was not");
    cr_assert_eq(mkdir(path, 0700), 0);
    expect_checked(-EISDIR, "a directory");
    rmdir(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_checked(0, "its reader may come later");
    unlink(path);
    cr_assert_lt(strlen(path), sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    expect_checked(-EOPNOTSUPP, "a socket");
    cr_expect_eq(log_file_open(&file), -EOPNOTSUPP);
    close(fd);
    log_file_init(&file, "/nonexistent/log", "tag");
    expect_checked(-ENOENT, "no directory");
    log_file_init(&file, "/dev/fd/987", "tag");
    expect_checked(-EBADF, "no descriptor");
    log_file_init(&file, "syslog:/nonexistent/socket", "tag");
    expect_checked(0, "it may come later");
}

Test(log_file, refuses_a_descriptor_that_the_process_has_opened_itself)
{
    int ends[2];
    struct log_file own;
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    snprintf(other, sizeof other, "/dev/fd/%d", ends[1]);
    log_file_init(&own, other, "tag");
    cr_expect_eq(log_file_open(&own), -EBADF);
    cr_assert_eq(fcntl(ends[1], F_SETFD, 0), 0);
    cr_expect_eq(log_file_open(&own), 0, "inherited");
    log_file_close(&own);
    close(ends[0]);
    close(ends[1]);
}

Test(log_file, does_not_wait_for_the_reader_of_a_fifo)
{
    char text[64];
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(log_file_open(&file), -ENXIO);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    cr_assert_eq(log_file_open(&file), 0);
    cr_expect_eq(write_text("one\n"), 4);
    cr_expect_eq(read(reader, text, sizeof text), 4);
    cr_expect_not(log_file_has_moved(&file));
    close(reader);
    cr_expect_eq(write_text("two\n"), -EPIPE);
}

Test(log_file, gives_pipes_whole_lines_and_never_waits)
{
    static char lines[3 * PIPE_BUF];
    int ends[2];
    char name[32];
    cr_assert_eq(pipe(ends), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
    log_file_init(&file, name, "tag");
    cr_assert_eq(log_file_open(&file), 0);
    memset(lines, 'x', sizeof lines - 1);
    lines[99] = lines[4000] = lines[4999] = '\n';
    cr_expect_eq(write_text(lines), 4001);
    cr_expect_eq(write_text(lines + 4001), 999);
    cr_expect_eq(write_text(lines + 5000), PIPE_BUF, "no line fits");
    ssize_t written;
    do
        written = write_text(lines + 5000);
    while (written > 0);
    cr_expect_eq(written, -EAGAIN);
    cr_expect_eq(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0, "it is shared with other processes");
    alarm(10);
    faults_fail(FAULT_POLL, 0, 1, EINTR);
    cr_expect_eq(write_text("x\n"), -EAGAIN, "whether there is room is not known");
    faults_clear();
    alarm(0);
    close(ends[0]);
    cr_expect_eq(write_text("x\n"), -EPIPE);
    close(ends[1]);
}

/* Binds a socket for datagrams to PATH, and opens the log FILE that sends to it. */
static int open_syslog(void)
{
    static char name[PATH_MAX + 16];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cr_assert_lt(strlen(path), sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    int listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    snprintf(name, sizeof name, "syslog:%s", path);
    cr_expect(log_file_is_syslog(name) && !log_file_is_syslog(path));
    log_file_init(&file, name, "tag");
    cr_assert_eq(log_file_open(&file), 0);
    return listener;
}

/* A line may be in two pieces. */
Test(log_file, sends_each_line_to_syslog_as_a_datagram)
{
    char text[256];
    const int listener = open_syslog();
    const struct iovec pieces[] = {{(char[]){"one\ntw"}, 6}, {(char[]){"o\nthree\n"}, 8}};
    cr_expect_eq(log_file_write(&file, pieces, 2), 14);
    static const char *const expected[] = {"one", "two", "three"};
    for (unsigned i = 0; i < COUNT_OF(expected); i++) {
        char tail[64];
        ssize_t length = recv(listener, text, sizeof text - 1, 0);
        cr_assert_gt(length, 0);
        text[length] = '\0';
        snprintf(tail, sizeof tail, " tag[%ld]: %s", (long)getpid(), expected[i]);
        /* "<30>Nov  6 08:49:37 tag[123]: one", RFC 3164 section 4.1 */
        cr_expect(strncmp(text, "<30>", 4) == 0 && text[7] == ' ' && text[10] == ' ' &&
                      strcmp(text + 19, tail) == 0,
                  "%s", text);
    }
    ssize_t sent;
    do
        sent = write_text("x\n");
    while (sent > 0);
    cr_expect_eq(sent, -EAGAIN, "its queue is full");
    close(listener);
    cr_expect_eq(write_text("x\n"), -ECONNREFUSED);
}

/* RFC 3164 section 4.1.1: 3 * 8 + the severity. */
Test(log_file, sends_each_line_with_its_severity)
{
    static const char *const expected[] = {"<27>", "<28>", "<30>", "<29>"};
    const int listener = open_syslog();
    file.has_severities = true;
    const struct iovec pieces[] = {{(char[]){"<3>one\n<4>\n<"}, 12},
                                   {(char[]){"6>two\n<5>x\n"}, 11}};
    cr_expect_eq(log_file_write(&file, pieces, 2), 23);
    for (unsigned i = 0; i < COUNT_OF(expected); i++) {
        char text[256] = "";
        cr_assert_gt(recv(listener, text, sizeof text - 1, 0), 0);
        cr_expect(strncmp(text, expected[i], 4) == 0 && !strchr(text + 4, '<'), "%s", text);
        cr_expect_eq(strstr(text, "]: two") != NULL, i == 2, "%s", text);
    }
    close(listener);
}
