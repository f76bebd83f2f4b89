/* The error log: messages with their time, level and thread in a file of their own, which is never
 * waited for. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

E2E_SUITE(error_log);

static struct site site, logs; /* what is served; where the logs are */
static struct server *server;

static const char *log_path(void)
{
    return site_path(&logs, "error.log");
}

/* Starts a server whose messages go to PATH. */
static void start(const char *path, const char *options)
{
    const char *const words[] = {"--error-log", path, "--cache-valid", "0", "--threads", "1", NULL};
    const struct server_setup setup = {
        .kind = PIPELINED, .root = site.path, .options = options, .words = words};
    site_create(&site);
    site_write_text(&site, "index.html", "hello");
    server = server_start_with(&setup);
}

/* Has worker 0 warn of LINE, from 2 to 50, of _headers. */
static void provoke(unsigned line)
{
    static char text[64];
    memset(text, '\n', line - 2);
    snprintf(text + line - 2, sizeof text - (line - 2), "/x\n  wrong\n");
    site_replace_text(&site, "_headers", text);
    expect_fetch(server, "a request", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, NULL);
}

/* The content of the file PATH, with a NUL; "": it cannot be read. Kept until the next call. */
static const char *content(const char *path)
{
    static char text[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[length < 0 ? 0 : length] = '\0';
    if (fd >= 0)
        close(fd);
    return text;
}

/* Provokes warnings of LINE until the log has one. Returns its text. */
static const char *await_warning(unsigned line)
{
    const char *part = text_format("ROOT/_headers, line %u: ", line);
    for (int64_t deadline = deadline_after(10000); !strstr(content(log_path()), part);) {
        cr_assert(deadline_left_ms(deadline) > 0, "no line has '%s': %s", part,
                  content(log_path()));
        provoke(line);
        provoke(line + 20); /* or the other one is summed up */
        poll(NULL, 0, 5);
    }
    return content(log_path());
}

E2E_TEST(error_log, has_a_line_with_time_level_and_thread)
{
    regex_t pattern;

    site_create(&logs);
    start(log_path(), NULL);
    const char *text = await_warning(2);
    cr_assert_eq(regcomp(&pattern,
                         "^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9][+-]"
                         "[0-9]{2}:[0-9]{2} warning worker 0: ROOT/_headers, line 2: [^\n]*\n",
                         REG_EXTENDED),
                 0);
    cr_expect_eq(regexec(&pattern, text, 0, NULL, 0), 0, "%s", text);
    regfree(&pattern);
    cr_expect_not(strstr(process_errors(&server->process), "_headers"), "not twice: %s",
                  process_errors(&server->process));
}

E2E_TEST(error_log, is_opened_again_when_it_has_been_moved)
{
    site_create(&logs);
    start(log_path(), NULL);
    await_warning(2);
    cr_assert_eq(rename(log_path(), site_path(&logs, "error.log.1")), 0);
    await_warning(3); /* the move is noticed within two seconds */
    cr_assert_eq(rename(log_path(), site_path(&logs, "error.log.2")), 0);
    process_signal(&server->process, SIGUSR1);
    await_warning(4);
}

E2E_TEST(error_log, leaves_out_what_is_below_its_level)
{
    site_create(&logs);
    start(log_path(), "--log-level error");
    for (unsigned i = 0; i < 3; i++)
        provoke(2);
    server_stop(server);
    cr_expect_str_empty(content(log_path()));
}

E2E_TEST(error_log, serves_on_with_a_full_disk_and_says_so)
{
    start("/dev/full", NULL);
    int64_t deadline = deadline_after(20000);
    while (!strstr(process_errors(&server->process), "error log '/dev/full': ")) {
        cr_assert(deadline_left_ms(deadline) > 0, "%s", process_errors(&server->process));
        provoke(2 + (unsigned)deadline_left_ms(deadline) % 40);
        poll(NULL, 0, 5);
    }
    server_stop(server);
    cr_expect(strstr(process_errors(&server->process), "lost"), "%s",
              process_errors(&server->process));
}

E2E_TEST(error_log, does_not_wait_for_the_reader_of_a_fifo)
{
    char text[4096] = "";

    site_create(&logs);
    site_fifo(&logs, "error.log");
    start(log_path(), NULL);
    for (unsigned i = 0; i < 3; i++)
        provoke(2);
    int reader = open(log_path(), O_RDONLY | O_CLOEXEC); /* waits for the server to open it */
    cr_assert(read(reader, text, sizeof text - 1) > 0);
    cr_expect(strstr(text, " warning worker 0: ROOT/_headers, line 2: "), "%s", text);
    close(reader);
    provoke(5);
}

E2E_TEST(error_log, refuses_to_start_with_a_file_that_cannot_be_opened)
{
    struct process process;
    struct process_setup setup = {.program = server_program(SIMPLE)};

    site_create(&site);
    process_add_words(&setup, "0");
    process_add_word(&setup, site.path);
    process_add_words(&setup, "--bind 127.0.0.1 --error-log /nonexistent/error.log");
    process_start(&process, &setup);
    cr_expect(process_wait(&process, deadline_after(10000)));
    cr_expect(strstr(process_errors(&process),
                     "--error-log cannot write to '/nonexistent/error.log': No such file"),
              "%s", process_errors(&process));
    process_kill(&process);
}

E2E_TEST(error_log, says_that_settings_of_an_access_log_have_no_effect_without_one)
{
    struct process process;
    struct process_setup setup = {.program = "sluice"};

    site_create(&site);
    process_add_words(&setup, "check --log-format json --log-query off");
    process_add_word(&setup, site.path);
    process_start(&process, &setup);
    cr_expect(process_wait(&process, deadline_after(10000)));
    cr_expect_str_eq(process_errors(&process),
                     "sluice: log-format has no effect: no access log is set; add access-log\n");
    process_kill(&process);
}
