/* signals: which SIGHUP means that the terminal has gone, seen from a shell's child. */
#include "server/signals.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

/* A session leader on a terminal, like a shell, and its child, like a server. The leader sends
 * SIGHUP to its child for each byte that it is given; the child writes its number when it handles
 * signals, then a byte for each request it reads. */
struct session {
    int master;
    int orders[2];
    int requests[2];
    pid_t leader;
    pid_t child;
};

static _Noreturn void be_child(const struct session *session)
{
    struct signals signals;
    struct problem problem;
    const pid_t number = getpid();
    char request;
    signals_begin(&signals);
    if (signals_open(&signals, &problem) != 0 ||
        write(session->requests[1], &number, sizeof number) != sizeof number)
        _exit(1);
    for (;;) {
        struct pollfd event = {.fd = signals.fd, .events = POLLIN};
        poll(&event, 1, PATIENCE_MS);
        request = (char)signals_take(&signals);
        if (request == SIGNAL_NONE || write(session->requests[1], &request, 1) != 1)
            _exit(1);
    }
}

static _Noreturn void be_leader(struct session *session, int slave)
{
    char order;
    close(session->master);
    close(session->orders[1]);
    signal(SIGHUP, SIG_IGN);
    if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
        _exit(1);
    close(slave);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGHUP, SIG_DFL);
        be_child(session);
    }
    while (read(session->orders[0], &order, 1) == 1)
        kill(child, SIGHUP);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    _exit(0);
}

static int next_request(const struct session *session)
{
    struct pollfd event = {.fd = session->requests[0], .events = POLLIN};
    char request = -1;
    cr_assert_eq(poll(&event, 1, PATIENCE_MS), 1);
    cr_assert_eq(read(session->requests[0], &request, 1), 1);
    return request;
}

static void start_session(struct session *session)
{
    int slave;
    cr_assert_eq(openpty(&session->master, &slave, NULL, NULL, NULL), 0);
    cr_assert(pipe(session->orders) == 0 && pipe(session->requests) == 0);
    session->leader = fork();
    if (session->leader == 0)
        be_leader(session, slave);
    close(slave);
    close(session->orders[0]);
    cr_assert_eq(read(session->requests[0], &session->child, sizeof session->child),
                 sizeof session->child);
}

static void end_session(struct session *session)
{
    close(session->orders[1]);
    waitpid(session->leader, NULL, 0);
}

static void let_leader_hang_up(const struct session *session)
{
    cr_assert_eq(write(session->orders[1], "h", 1), 1);
}

Test(signals, of_the_leader_revalidate_while_there_is_a_terminal)
{
    struct session session;
    start_session(&session);
    let_leader_hang_up(&session); /* "kill -HUP %1" in a shell */
    cr_expect_eq(next_request(&session), SIGNAL_REVALIDATE);
    end_session(&session);
}

Test(signals, of_the_leader_are_a_hangup_when_the_terminal_has_gone)
{
    struct session session;
    start_session(&session);
    close(session.master);
    let_leader_hang_up(&session); /* as a shell does for its jobs */
    cr_expect_eq(next_request(&session), SIGNAL_HANGUP);
    end_session(&session);
}

Test(signals, of_an_operator_revalidate_after_the_terminal_has_gone)
{
    struct session session;
    start_session(&session);
    close(session.master); /* the server was disowned: it is sent nothing */
    kill(session.child, SIGHUP);
    cr_expect_eq(next_request(&session), SIGNAL_REVALIDATE);
    end_session(&session);
}

Test(signals, ask_for_one_thing_each)
{
    static const struct {
        int number;
        enum signal_request request;
    } rows[] = {
        {SIGINT, SIGNAL_STOP},     {SIGTERM, SIGNAL_STOP},      {SIGUSR1, SIGNAL_REOPEN_LOGS},
        {SIGUSR2, SIGNAL_UPGRADE}, {SIGHUP, SIGNAL_REVALIDATE},
    };
    struct session session;
    start_session(&session);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        kill(session.child, rows[i].number);
        cr_expect_eq(next_request(&session), (int)rows[i].request, "signal %d", rows[i].number);
    }
    end_session(&session);
}
