/* admin_top: see admin_top.h. */
#include "admin/admin_top.h"

#include "admin/admin_client.h"
#include "admin/admin_metrics.h"
#include "admin/admin_view.h"
#include "base/clock.h"
#include "base/num.h"
#include "config/settings.h"
#include "observe/log.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

enum {
    TIMEOUT_MS = 3 * 1000,
    INTERVAL_MS_LEAST = 100,
    INTERVAL_MS_MOST = 3600 * 1000,
    CTRL_C = 3,
    READINGS_MAX = 4, /* after the first, for one view: the server may be replaced meanwhile */
    SCREEN_BYTES = 64 << 10,
};

const struct subcommand_option admin_top_options[1] = {
    {.name = "interval",
     .argument = "TIME",
     .help = "Time between two readings, such as 500ms (default: 1s)."},
};

struct top {
    const char *where;
    uint64_t interval_ms;
    struct admin_view view;
    struct admin_snapshot before; /* without workers: none */
    uint64_t before_us;
    struct termios terminal; /* as it was */
    int signals_fd;
};

/* --- Readings --------------------------------------------------------------------------------- */

static int read_snapshot(const struct top *top, struct admin_snapshot *ret,
                         struct problem *ret_problem)
{
    struct admin_reply reply;
    int error = admin_fetch(top->where, "/metrics", TIMEOUT_MS, &reply, ret_problem);
    if (error)
        return error;
    const bool read = reply.status == 200 && admin_metrics_read(reply.body, ret);
    free(reply.bytes);
    if (read)
        return 0;
    problem_set(ret_problem, "the answer of %s to /metrics makes no sense", top->where);
    problem_remedy(ret_problem, "check the address of the admin listener");
    return -1;
}

enum step {
    STEP_FAILED, /* no answer came; a problem has the reason */
    STEP_FIRST,  /* the server, or its number of workers, is not that of the last reading */
    STEP_SHOWN,
};

/* Reads once more, and writes what happened since the last reading to OUT. */
static enum step step(struct top *top, FILE *out, struct problem *ret_problem)
{
    struct admin_snapshot now = {.worker_count = 0};
    if (read_snapshot(top, &now, ret_problem) < 0)
        return STEP_FAILED;
    const uint64_t now_us = clock_monotonic_us();
    const bool same = top->before.workers && top->before.worker_count == now.worker_count &&
                      (uint64_t)top->before.started == (uint64_t)now.started;
    if (same)
        admin_view_write(&top->view, &top->before, &now, (double)(now_us - top->before_us) / 1e6,
                         out);
    admin_snapshot_fini(&top->before);
    top->before = now;
    top->before_us = now_us;
    return same ? STEP_SHOWN : STEP_FIRST;
}

static int print_once(struct top *top)
{
    struct problem problem;
    const struct timespec pause = {.tv_sec = (time_t)(top->interval_ms / 1000),
                                   .tv_nsec = (long)(top->interval_ms % 1000 * 1000000)};
    enum step taken = step(top, stdout, &problem);
    for (unsigned i = 0; i < READINGS_MAX && taken == STEP_FIRST; i++) {
        nanosleep(&pause, NULL);
        taken = step(top, stdout, &problem);
    }
    if (taken == STEP_FAILED)
        log_problem(&problem);
    return taken == STEP_SHOWN && fflush(stdout) == 0 ? 0 : 1;
}

/* --- The terminal ----------------------------------------------------------------------------- */

/* Signals are blocked, so that none leaves the terminal as it is now. */
static bool take_signals(struct top *top)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, NULL);
    top->signals_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return top->signals_fd >= 0;
}

static bool enter_screen(struct top *top)
{
    if (tcgetattr(STDIN_FILENO, &top->terminal) < 0)
        return false;
    struct termios raw = top->terminal;
    cfmakeraw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
        return false;
    fputs("\033[?1049h\033[?25l", stdout); /* another screen, without a cursor; xterm's */
    return true;
}

static void leave_screen(const struct top *top)
{
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &top->terminal);
}

static void measure_screen(struct top *top)
{
    struct winsize size;
    top->view.columns = 80;
    top->view.rows = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        top->view.columns = size.ws_col;
        top->view.rows = size.ws_row;
    }
}

static void draw(struct top *top)
{
    struct problem problem;
    char text[PROBLEM_TEXT_BYTES];
    measure_screen(top);
    fputs("\033[H", stdout);
    switch (step(top, stdout, &problem)) {
    case STEP_FAILED:
        problem_text(&problem, text);
        printf("%.*s\033[K\r\n", (int)size_min(top->view.columns, sizeof text), text);
        break;
    case STEP_FIRST:
        fputs("reading...\033[K\r\n", stdout);
        break;
    case STEP_SHOWN:
        break;
    }
    fputs("\033[J", stdout);
    fflush(stdout);
}

/* Waits for the time of the next reading. False: the user, or a signal, ends the view. */
static bool wait_on(const struct top *top)
{
    const uint64_t end_ms = clock_monotonic_ms() + top->interval_ms;
    for (;;) {
        struct pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {top->signals_fd, POLLIN, 0}};
        struct signalfd_siginfo info;
        char key;
        const uint64_t now_ms = clock_monotonic_ms();
        if (now_ms >= end_ms || poll(watched, 2, (int)(end_ms - now_ms)) == 0)
            return true;
        if (watched[1].revents && read(top->signals_fd, &info, sizeof info) == sizeof info)
            return info.ssi_signo == SIGWINCH;
        if (watched[0].revents &&
            (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == CTRL_C))
            return false;
    }
}

static int show_live(struct top *top)
{
    if (!take_signals(top) || !enter_screen(top)) {
        log_say("cannot use this terminal; redirect standard output to get one view");
        return 1;
    }
    setvbuf(stdout, NULL, _IOFBF, SCREEN_BYTES); /* a whole screen in one write does not flicker */
    do
        draw(top);
    while (wait_on(top));
    leave_screen(top);
    return 0;
}

/* --- The subcommand --------------------------------------------------------------------------- */

static bool shows_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"}; /* locale(7) */
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strcasestr(value, "UTF-8") || strcasestr(value, "UTF8");
    }
    return false;
}

/* Whether there is a terminal, and it has a screen: terminfo(5) calls one without "dumb". */
static bool has_screen(void)
{
    const char *terminal = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && terminal && *terminal &&
           strcmp(terminal, "dumb") != 0;
}

int admin_top_run(const struct subcommand_call *call)
{
    const char *interval = subcommand_value(call, "interval", 0), *no_color = getenv("NO_COLOR");
    struct top top = {
        .where = call->settings->process.admin.at, .interval_ms = 1000, .signals_fd = -1};
    if (!top.where) {
        log_say("top needs the address of the admin listener; give it as --admin=WHERE");
        return 1;
    }
    if (interval && (!num_parse_span(str_of(interval), &top.interval_ms) ||
                     top.interval_ms < INTERVAL_MS_LEAST || top.interval_ms > INTERVAL_MS_MOST)) {
        log_say("--interval '%s' is not a time from 100ms to 1h", interval);
        return 2;
    }
    const bool live = has_screen();
    top.view = (struct admin_view){
        .where = top.where,
        .columns = 512,
        .colors = live && !(no_color && *no_color),
        .returns = live,
        .live = live,
        .unicode = shows_utf8(),
    };
    const int status = live ? show_live(&top) : print_once(&top);
    admin_snapshot_fini(&top.before);
    if (top.signals_fd >= 0)
        close(top.signals_fd);
    return status;
}
