/* signals: see signals.h. */
#include "server/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD};

static sigset_t handled_set(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < COUNT_OF(handled); i++)
        sigaddset(&set, handled[i]);
    return set;
}

/* Opens the controlling terminal. Returns 0, or a negative errno: -ENXIO: the process has
 * no controlling terminal. */
static int probe_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

static sigset_t ending_set(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

/* A handler is needed: a signal whose effect is the usual one does not end process 1 of a
 * container. */
static void end_at_once(int number)
{
    (void)number;
    _exit(EXIT_SUCCESS);
}

void signals_begin(struct signals *ret)
{
    const struct sigaction ends = {.sa_handler = end_at_once};
    const sigset_t all = handled_set(), ending = ending_set();
    struct sigaction hangup = {.sa_handler = SIG_DFL};
    sigaction(SIGHUP, NULL, &hangup);
    /* Before SIGHUP is blocked: if the terminal goes earlier than this, SIGHUP ends the process. */
    *ret = (struct signals){
        .fd = -1,
        .had_terminal = probe_terminal() == 0,
        .ignores_hangup = hangup.sa_handler == SIG_IGN,
    };
    sigprocmask(SIG_BLOCK, &all, NULL);
    sigaction(SIGINT, &ends, NULL);
    sigaction(SIGTERM, &ends, NULL);
    sigprocmask(SIG_UNBLOCK, &ending, NULL);
}

int signals_open(struct signals *signals, struct problem *ret_problem)
{
    const sigset_t set = handled_set();
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* ignored, the ends of children would not be reported */
    signal(SIGXFSZ, SIG_IGN); /* a log that has reached RLIMIT_FSIZE: the write fails, no more */
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        int error = -errno;
        problem_set(ret_problem, "cannot watch signals: %s", strerror(-error));
        problem_remedy(ret_problem, "raise the limits of this process");
        return error;
    }
    signals->fd = fd;
    return 0;
}

void signals_close(struct signals *signals)
{
    if (signals->fd >= 0)
        close(signals->fd);
    signals->fd = -1;
}

static bool is_hangup(const struct signals *signals, const struct signalfd_siginfo *info)
{
    const bool from_above = info->ssi_code == SI_KERNEL || (pid_t)info->ssi_pid == getsid(0);
    return from_above && signals->had_terminal && !signals->ignores_hangup &&
           probe_terminal() == -ENXIO;
}

enum signal_request signals_take(const struct signals *signals)
{
    struct signalfd_siginfo info;
    if (read(signals->fd, &info, sizeof info) != (ssize_t)sizeof info)
        return SIGNAL_NONE;
    switch (info.ssi_signo) {
    case SIGHUP:
        return is_hangup(signals, &info) ? SIGNAL_HANGUP : SIGNAL_REVALIDATE;
    case SIGUSR1:
        return SIGNAL_REOPEN_LOGS;
    case SIGUSR2:
        return SIGNAL_UPGRADE;
    case SIGCHLD:
        return SIGNAL_CHILD;
    default:
        return SIGNAL_STOP;
    }
}

void signals_release(void)
{
    const sigset_t set = ending_set();
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
