/* inherited: the variables of socket activation, and what each descriptor is. sd_listen_fds(3). */
#include "system/inherited.h"

#include "support/faults.h"
#include "support/wire.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct inherited inherited;
static struct problem problem;

/* Reads variables for this process: COUNT, and NAMES unless NULL. */
static int read_with(const char *count, const char *names)
{
    static char texts[3][128];
    char *variables[4] = {texts[0], texts[1], NULL, NULL};
    snprintf(texts[0], sizeof texts[0], "LISTEN_PID=%d", (int)getpid());
    snprintf(texts[1], sizeof texts[1], "LISTEN_FDS=%s", count);
    snprintf(texts[2], sizeof texts[2], "LISTEN_FDNAMES=%s", names ? names : "");
    if (names)
        variables[2] = texts[2];
    return inherited_read(&inherited, variables, &problem);
}

static const char *text_of(unsigned index)
{
    return inherited.items[index].text;
}

Test(inherited, variables_of_another_process_mean_nothing)
{
    static const char *const foreign[] = {"LISTEN_PID=1", "LISTEN_PID=", "LISTEN_PID=me",
                                          "LISTEN_PIDS=1"};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        char pid[32], count[] = "LISTEN_FDS=2";
        char *variables[] = {pid, count, NULL};
        snprintf(pid, sizeof pid, "%s", foreign[i]);
        cr_expect_eq(inherited_read(&inherited, variables, &problem), 0);
        cr_expect_eq(inherited.count, 0);
    }
    cr_expect_eq(inherited_read(&inherited, NULL, &problem), 0);
    cr_expect_eq(read_with("0", NULL), 0);
    cr_expect_eq(inherited.count, 0);
}

Test(inherited, number_that_is_none_is_refused)
{
    static const char *const counts[] = {"", "x", "-1", "4097", "99999999999999999999"};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        cr_expect_eq(read_with(counts[i], NULL), -EINVAL, "%s", counts[i]);
        cr_expect(strstr(problem.what, "LISTEN_FDS"), "%s", problem.what);
    }
}

/* Checks what is said of a listening socket, of one that does not listen, and of a descriptor that
 * is not open. A test's first descriptors are in use, so this is another process. Returns 0, or the
 * line of the condition that does not hold. */
#define HOLDS(condition) \
    if (!(condition))    \
    return __LINE__

static int check_descriptors(void)
{
    uint16_t port = 0, expected;
    struct net_address address;
    char wanted[64];
    int pair[2];
    HOLDS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    const int listener = wire_listen(&expected);
    const int away[] = {fcntl(listener, F_DUPFD, 20), fcntl(pair[0], F_DUPFD, 20)};
    HOLDS(dup2(away[0], 3) == 3 && dup2(away[1], 4) == 4);
    close(5);
    HOLDS(dup2(away[1], 6) == 6);
    HOLDS(read_with("4", "web:x::" INHERITED_KEPT) == 0 && inherited.count == 4);
    HOLDS(inherited.items[0].listens && strcmp(inherited.items[0].name, "web") == 0);
    HOLDS(inherited_address(&inherited.items[0], &address, &port) && port == expected);
    snprintf(wanted, sizeof wanted, "127.0.0.1:%u", expected);
    HOLDS(strcmp(text_of(0), wanted) == 0);
    HOLDS(fcntl(3, F_GETFD) == FD_CLOEXEC);
    HOLDS(!inherited.items[1].listens && strcmp(inherited.items[1].name, "x") == 0);
    HOLDS(strcmp(text_of(1), "descriptor 4") == 0);
    HOLDS(inherited.items[2].fd == -1 && strcmp(inherited.items[2].name, "") == 0);
    HOLDS(inherited.items[3].fd == -1 && fcntl(6, F_GETFD) == 0); /* also over another execve */
    HOLDS(inherited_take(&inherited.items[0]) == 3);
    inherited_close(&inherited);
    HOLDS(fcntl(4, F_GETFD) == -1 && fcntl(6, F_GETFD) == 0);
    HOLDS(inherited.items[0].listens && strcmp(text_of(0), wanted) == 0); /* for a reload */
    inherited_fini(&inherited);
    HOLDS(fcntl(3, F_GETFD) == FD_CLOEXEC); /* taken, so it stays open */
    HOLDS(fcntl(4, F_GETFD) == -1);
    return 0;
}

Test(inherited, descriptors_are_what_they_are)
{
    int line = -1, ends[2], status;
    cr_assert_eq(pipe(ends), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        const int out = fcntl(ends[1], F_DUPFD, 50);
        line = check_descriptors();
        _exit(write(out, &line, sizeof line) != sizeof line);
    }
    cr_assert_eq(read(ends[0], &line, sizeof line), sizeof line);
    cr_expect_eq(line, 0, "line %d", line);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
}

Test(inherited, want_of_memory_is_reported)
{
    for (unsigned i = 0; i < 2; i++) {
        faults_fail(FAULT_MEMORY, i, 1, ENOMEM);
        cr_expect_eq(read_with("1", "x"), -ENOMEM, "%u", i);
        cr_expect_eq(inherited.count, 0);
    }
    faults_clear();
}
