/* successor: see successor.h. */
#include "successor.h"

#include "e2e.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

void successor_adopt(void)
{
    cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0, "%s", strerror(errno));
}

void successor_await(const struct server *server, const char *text)
{
    for (int64_t deadline = deadline_after(PATIENCE_MS);
         !strstr(process_errors(&server->process), text);) {
        cr_assert(deadline_left_ms(deadline) > 0, "not \"%s\" but: %s", text,
                  process_errors(&server->process));
        poll(NULL, 0, 2);
    }
}

pid_t successor_named(const struct server *server, const char *text)
{
    const char *found = NULL, *at = process_errors(&server->process);
    while ((at = strstr(at, text)))
        found = at++;
    found = found ? strstr(found, "process ") : NULL;
    return found ? (pid_t)strtol(found + strlen("process "), NULL, 10) : 0;
}

static void let_pass_a_moment(void *argument)
{
    (void)argument;
    poll(NULL, 0, 2);
}

/* Waits for the end of the old process, and makes SERVER the new one. */
static void take(struct server *server, void (*meanwhile)(void *argument), void *argument)
{
    struct process old = server->process;
    pid_t next = successor_named(server, "the upgrade has started");
    int64_t deadline = deadline_after(PATIENCE_MS);
    cr_assert(next > 0, "%s", process_errors(&old));
    while (!process_wait(&old, clock_ms())) {
        cr_assert(deadline_left_ms(deadline) > 0, "the old process does not end");
        meanwhile(argument);
    }
    cr_expect_eq(old.status, 0, "the old process: %s", status_text(old.status));
    close(old.pidfd);
    server->process.pid = next;
    server->process.pidfd = (int)syscall(SYS_pidfd_open, next, 0);
    cr_assert(server->process.pidfd >= 0, "the new process: %s", strerror(errno));
}

void successor_take(struct server *server)
{
    take(server, let_pass_a_moment, NULL);
}

void successor_upgrade_during(struct server *server, void (*meanwhile)(void *argument),
                              void *argument)
{
    size_t before = strlen(process_errors(&server->process));
    int64_t deadline = deadline_after(PATIENCE_MS);
    successor_adopt();
    process_signal(&server->process, SIGUSR2);
    while (!strstr(process_errors(&server->process) + before, "serves from now on")) {
        cr_assert(deadline_left_ms(deadline) > 0 &&
                      !strstr(process_errors(&server->process) + before, "failed"),
                  "no upgrade: %s", process_errors(&server->process));
        meanwhile(argument);
    }
    take(server, meanwhile, argument);
}

void successor_upgrade(struct server *server)
{
    successor_upgrade_during(server, let_pass_a_moment, NULL);
}

void successor_copy_program(const char *program, const char *to)
{
    char bytes[65536];
    ssize_t count;
    int in = open(text_format("%s/%s", e2e_build_directory(), program), O_RDONLY | O_CLOEXEC);
    int out = open(text_format("%s.new", to), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    cr_assert(in >= 0 && out >= 0, "%s", strerror(errno));
    while ((count = read(in, bytes, sizeof(bytes))) > 0)
        cr_assert_eq(write(out, bytes, (size_t)count), count);
    close(in);
    close(out);
    cr_assert_eq(rename(text_format("%s.new", to), to), 0);
}
