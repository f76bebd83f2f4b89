/* admin_top: `sluice top` on a terminal: what it shows, how it ends, and that the terminal is then
 * as it was. */
#include "e2e.h"
#include "server_process.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

E2E_SUITE(admin_top);

/* `sluice top`, on a terminal of its own. */
struct shown {
    pid_t pid;
    int terminal; /* its other side */
    struct termios before;
    struct bytes output;
};

static struct server *start_server(const struct site *site, const char *socket)
{
    site_write_text(site, "index.html", "hello");
    return server_start(PIPELINED, site, text_format("--threads 2 --admin unix:%s", socket));
}

/* VARIABLE: NULL, or "NAME=VALUE" for its environment. */
static void start_top(struct shown *ret, const char *socket, const char *variable)
{
    const char *program = text_format("%s/sluice", e2e_build_directory());
    const char *where = text_format("unix:%s", socket);
    const struct winsize size = {.ws_row = 24, .ws_col = 110};
    *ret = (struct shown){.terminal = -1};
    ret->pid = forkpty(&ret->terminal, NULL, NULL, &size);
    cr_assert_geq(ret->pid, 0);
    if (ret->pid == 0) {
        setenv("TERM", "xterm", 1);
        unsetenv("NO_COLOR");
        if (variable)
            putenv(strdup(variable));
        execl(program, "sluice", "top", "--admin", where, "--interval", "100ms", NULL);
        _exit(127);
    }
    cr_assert_eq(tcgetattr(ret->terminal, &ret->before), 0);
}

/* Reads what comes within the time. False: the end. */
static bool read_more(struct shown *shown, int64_t deadline)
{
    struct pollfd watched = {shown->terminal, POLLIN, 0};
    char piece[4096];
    cr_assert_eq(poll(&watched, 1, deadline_left_ms(deadline)), 1, "in vain: %s",
                 bytes_text(&shown->output));
    ssize_t got = read(shown->terminal, piece, sizeof piece);
    if (got <= 0) /* EIO when the program has ended */
        return false;
    bytes_append(&shown->output, piece, (size_t)got);
    return true;
}

static void await_text(struct shown *shown, const char *text)
{
    int64_t deadline = deadline_after(10000);
    while (!strstr(bytes_text(&shown->output), text))
        cr_assert(read_more(shown, deadline), "it ended: %s", bytes_text(&shown->output));
}

static void expect_terminal_as_before(const struct shown *shown)
{
    struct termios after;
    cr_assert_eq(tcgetattr(shown->terminal, &after), 0);
    cr_expect_eq(after.c_lflag, shown->before.c_lflag);
    cr_expect_eq(after.c_iflag, shown->before.c_iflag);
    cr_expect_eq(after.c_oflag, shown->before.c_oflag);
}

static void expect_end_of_view(struct shown *shown)
{
    int status;
    int64_t deadline = deadline_after(10000);
    while (!strstr(bytes_text(&shown->output), "\033[?1049l") && read_more(shown, deadline)) {
    }
    cr_expect(strstr(bytes_text(&shown->output), "\033[?25h"), "the cursor is back");
    cr_assert_eq(waitpid(shown->pid, &status, 0), shown->pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    expect_terminal_as_before(shown);
    close(shown->terminal);
}

E2E_TEST(admin_top, shows_workers_follows_the_size_and_ends_by_q)
{
    struct site site;
    struct shown shown;
    site_create(&site);
    const char *socket = site_path(&site, "../admin.sock");
    start_server(&site, socket);
    start_top(&shown, socket, NULL);
    await_text(&shown, "\033[?1049h");
    await_text(&shown, "  other");
    await_text(&shown, "\r\n1 ");
    const struct winsize narrow = {.ws_row = 24, .ws_col = 40};
    cr_assert_eq(ioctl(shown.terminal, TIOCSWINSZ, &narrow), 0);
    shown.output.length = 0;
    await_text(&shown, "worker   req/s     sent/s     p50       \033");
    cr_assert_eq(write(shown.terminal, "q", 1), 1);
    expect_end_of_view(&shown);
}

E2E_TEST(admin_top, ends_in_order_by_ctrl_c_and_by_signals)
{
    static const int signals[] = {0, SIGTERM, SIGHUP, SIGINT};
    struct site site;
    site_create(&site);
    const char *socket = site_path(&site, "../admin.sock");
    start_server(&site, socket);
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        struct shown shown;
        start_top(&shown, socket, NULL);
        await_text(&shown, "worker");
        if (signals[i])
            cr_assert_eq(kill(shown.pid, signals[i]), 0);
        else
            cr_assert_eq(write(shown.terminal, "\003", 1), 1);
        expect_end_of_view(&shown);
    }
}

E2E_TEST(admin_top, has_no_colors_if_the_user_wants_none)
{
    struct site site;
    struct shown shown;
    site_create(&site);
    const char *socket = site_path(&site, "../admin.sock");
    start_server(&site, socket);
    start_top(&shown, socket, "NO_COLOR=1");
    await_text(&shown, "\r\n1 ");
    cr_expect_null(strstr(bytes_text(&shown.output), "\033[1m"));
    cr_assert_eq(write(shown.terminal, "q", 1), 1);
    expect_end_of_view(&shown);
}

E2E_TEST(admin_top, goes_on_when_the_server_has_gone)
{
    struct site site;
    struct shown shown;
    site_create(&site);
    const char *socket = site_path(&site, "../admin.sock");
    struct server *server = start_server(&site, socket);
    start_top(&shown, socket, NULL);
    await_text(&shown, "\r\n1 ");
    server_stop(server);
    await_text(&shown, "no answer");
    start_server(&site, socket);
    shown.output.length = 0;
    await_text(&shown, "\r\n1 ");
    cr_assert_eq(write(shown.terminal, "q", 1), 1);
    expect_end_of_view(&shown);
}

E2E_TEST(admin_top, prints_one_view_on_a_terminal_without_a_screen)
{
    struct site site;
    struct shown shown;
    int status;
    site_create(&site);
    const char *socket = site_path(&site, "../admin.sock");
    start_server(&site, socket);
    start_top(&shown, socket, "TERM=dumb");
    for (int64_t deadline = deadline_after(10000); read_more(&shown, deadline);) {
    }
    cr_assert_eq(waitpid(shown.pid, &status, 0), shown.pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    cr_expect(strstr(bytes_text(&shown.output), "\n1 "), "%s", bytes_text(&shown.output));
    cr_expect_null(strchr(bytes_text(&shown.output), '\033'));
    close(shown.terminal);
}
