/* process: see process.h. */
#include "server/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

void process_fill_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
        if (fd < 0)
            fd = open("/", O_PATH); /* in a chroot without devices */
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

uint64_t process_raise_descriptors(void)
{
    struct rlimit limit = {1024, 1024};
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return limit.rlim_cur;
    struct rlimit raised = {limit.rlim_max, limit.rlim_max};
    return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

/* The signals that the server handles. */
static const sigset_t *handled(void)
{
    static sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return &set;
}

int process_catch_signals(struct problem *ret_problem)
{
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, handled(), NULL);
    int fd = signalfd(-1, handled(), SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd >= 0)
        return fd;
    int error = -errno;
    problem_set(ret_problem, "cannot watch signals: %s", strerror(-error));
    problem_remedy(ret_problem, "raise the limits of this process");
    return error;
}

void process_release_signals(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, handled(), NULL);
}
