/* upgrade: see upgrade.h. signal-safety(7): what a child may do before it executes a program. */
#include "server/upgrade.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/variables.h"
#include "server/upgrade_child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STATUS_NOT_EXECUTED = 127, /* as of a shell */
    GO_PATIENCE_MS = 2000,
    PATH_BYTES = 4096,
};

enum message { MESSAGE_KEYS = 'K', MESSAGE_ERROR = 'E', MESSAGE_READY = 'R', MESSAGE_GO = 'G' };

struct packet {
    uint8_t message;
    uint8_t bytes[UPGRADE_KEYS_MAX];
};

static int no_memory(struct problem *ret_problem)
{
    problem_set_no_memory(ret_problem);
    return -ENOMEM;
}

/* --- The program -------------------------------------------------------------------------------- */

#define OWN_PROGRAM "/proc/self/exe"

/* Whether PATH is the file that this process executes. */
static bool is_own(const char *path)
{
    struct stat own, other;
    return stat(OWN_PROGRAM, &own) == 0 && stat(path, &other) == 0 && own.st_dev == other.st_dev &&
           own.st_ino == other.st_ino;
}

/* Looks NAME up in the directories of PATH. False: it is not there. */
static bool search(const char *path, const char *name, char to[static PATH_BYTES])
{
    while (path && *path) {
        const char *end = strchr(path, ':');
        const int length = end ? (int)(end - path) : (int)strlen(path);
        snprintf(to, PATH_BYTES, "%.*s/%s", length, path, name);
        if (length > 0 && is_own(to))
            return true;
        path = end ? end + 1 : NULL;
    }
    return false;
}

/* Finds the path by which this program was started. It may lead through symbolic links, which a new
 * version changes. False: unknown, so it is the path that the kernel knows. */
static bool find(const char *name, const char *search_path, char to[static PATH_BYTES])
{
    char directory[PATH_BYTES];
    if (!strchr(name, '/'))
        return search(search_path, name, to);
    directory[0] = '\0';
    if (name[0] != '/' && !getcwd(directory, sizeof directory))
        return false;
    const int length = snprintf(to, PATH_BYTES, "%s%s%s", directory, directory[0] ? "/" : "", name);
    return length < PATH_BYTES && is_own(to);
}

int upgrade_init(struct upgrade *ret, char *const *argv, char *const *variables,
                 struct problem *ret_problem)
{
    char path[PATH_BYTES];
    const char *name = argv[0] ? argv[0] : "";
    if (!find(name, variables_find(variables, "PATH"), path)) {
        const ssize_t length = readlink(OWN_PROGRAM, path, sizeof path - 1);
        path[length > 0 ? length : 0] = '\0';
    }
    char *program = strdup(path);
    if (!program)
        return no_memory(ret_problem);
    *ret = (struct upgrade){.program = program, .argv = argv, .variables = variables, .fd = -1};
    return 0;
}

/* --- The old process ---------------------------------------------------------------------------- */

static int explain_start(int error, struct problem *ret_problem)
{
    problem_set(ret_problem, "the upgrade cannot start: %s", strerror(-error));
    problem_remedy(ret_problem, "raise the limits of this process");
    return error;
}

static int refuse(const struct upgrade *upgrade, struct problem *ret_problem)
{
    if (getpid() == 1) {
        problem_set(ret_problem, "SIGUSR2 has no effect on process 1, with which a container ends");
        problem_remedy(ret_problem, "start a container with the new version");
        return -EPERM;
    }
    if (upgrade->pid == 0)
        return 0;
    problem_set(ret_problem, "SIGUSR2 has no effect while an upgrade is under way: process %ld",
                (long)upgrade->pid);
    return -EBUSY;
}

static void send_keys(int fd, const struct upgrade_gifts *gifts)
{
    struct packet packet = {.message = MESSAGE_KEYS};
    if (gifts->key_bytes == 0 || gifts->key_bytes > sizeof packet.bytes)
        return;
    memcpy(packet.bytes, gifts->keys, gifts->key_bytes);
    send(fd, &packet, 1 + gifts->key_bytes, MSG_NOSIGNAL);
    explicit_bzero(&packet, sizeof packet);
}

/* The child. */
static void execute(struct upgrade_child *child)
{
    struct packet packet = {.message = MESSAGE_ERROR};
    const int error = upgrade_child_execute(child);
    memcpy(packet.bytes, &error, sizeof error);
    send(child->fds[child->fd_count - 1], &packet, 1 + sizeof error, MSG_NOSIGNAL);
    _exit(STATUS_NOT_EXECUTED);
}

int upgrade_start(struct upgrade *upgrade, const struct upgrade_gifts *gifts,
                  struct problem *ret_problem)
{
    struct upgrade_child child;
    int pair[2];
    int error = refuse(upgrade, ret_problem);
    if (error)
        return error;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return explain_start(-errno, ret_problem);
    error = upgrade_child_make(&child, upgrade, gifts, pair[1]);
    pid_t pid = -1;
    if (!error) {
        send_keys(pair[0], gifts);
        pid = fork();
        if (pid == 0)
            execute(&child);
        error = pid < 0 ? -errno : 0;
        upgrade_child_free(&child);
    }
    close(pair[1]);
    if (error) {
        close(pair[0]);
        return explain_start(error, ret_problem);
    }
    upgrade->pid = pid;
    upgrade->fd = pair[0];
    upgrade->deadline_ms = clock_monotonic_ms() + UPGRADE_PATIENCE_MS;
    return 0;
}

static void close_pair(struct upgrade *upgrade)
{
    if (upgrade->fd >= 0)
        close(upgrade->fd);
    upgrade->fd = -1;
}

/* Ends the attempt. The process is reaped when its end is reported. */
static enum upgrade_event give_up(struct upgrade *upgrade)
{
    close_pair(upgrade);
    kill(upgrade->pid, SIGKILL);
    upgrade->deadline_ms = UINT64_MAX;
    return UPGRADE_FAILED;
}

#define GOES_ON "; this process goes on"

/* As recv(2); -1: nothing has come. If the new process has ended without reading its keys, an error
 * comes first, once, and then its messages. */
static ssize_t receive(const struct upgrade *upgrade, struct packet *ret)
{
    ssize_t length = upgrade->fd < 0 ? -1 : recv(upgrade->fd, ret, sizeof *ret, 0);
    if (length < 0 && upgrade->fd >= 0 && errno == ECONNRESET)
        length = recv(upgrade->fd, ret, sizeof *ret, 0);
    return length;
}

/* Whether PACKET, of LENGTH bytes, says that the program could not be executed. */
static bool explain_error(const struct upgrade *upgrade, const struct packet *packet,
                          ssize_t length, struct problem *ret_problem)
{
    int error;
    if (length != 1 + (ssize_t)sizeof error || packet->message != MESSAGE_ERROR)
        return false;
    memcpy(&error, packet->bytes, sizeof error);
    problem_set(ret_problem, "the upgrade failed: cannot execute '%s': %s" GOES_ON,
                upgrade->program, strerror(error));
    return true;
}

enum upgrade_event upgrade_turn(struct upgrade *upgrade, uint64_t now_ms,
                                struct problem *ret_problem)
{
    struct packet packet;
    if (upgrade->pid == 0 || upgrade->deadline_ms == UINT64_MAX)
        return UPGRADE_NOTHING;
    const ssize_t length = receive(upgrade, &packet);
    if (length > 0 && packet.message == MESSAGE_READY)
        return UPGRADE_READY;
    if (explain_error(upgrade, &packet, length, ret_problem))
        return give_up(upgrade);
    if (length > 0) {
        problem_set(ret_problem, "the upgrade failed: '%s' is another program" GOES_ON,
                    upgrade->program);
        return give_up(upgrade);
    }
    if (length == 0)
        close_pair(upgrade); /* it has ended, or will never be ready */
    if (now_ms < upgrade->deadline_ms)
        return UPGRADE_NOTHING;
    problem_set(ret_problem, "the upgrade failed: the new process was not ready in %d s" GOES_ON,
                UPGRADE_PATIENCE_MS / 1000);
    return give_up(upgrade);
}

/* Describes the end of the new process: by its last message, or by STATUS, see waitpid(2). */
static void explain_end(const struct upgrade *upgrade, int status, struct problem *ret_problem)
{
    struct packet packet = {0};
    if (explain_error(upgrade, &packet, receive(upgrade, &packet), ret_problem))
        return;
    if (WIFSIGNALED(status))
        problem_set(ret_problem, "the upgrade failed: signal %d ended the new process" GOES_ON,
                    WTERMSIG(status));
    else
        problem_set(ret_problem, "the upgrade failed: the new process ended with status %d" GOES_ON,
                    WEXITSTATUS(status));
}

pid_t upgrade_reap(struct upgrade *upgrade, enum upgrade_event *ret, struct problem *ret_problem)
{
    int status;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    *ret = UPGRADE_NOTHING;
    if (pid <= 0 || pid != upgrade->pid)
        return pid > 0 ? pid : 0;
    if (upgrade->deadline_ms != UINT64_MAX) {
        explain_end(upgrade, status, ret_problem);
        *ret = UPGRADE_FAILED;
    }
    close_pair(upgrade);
    upgrade->pid = 0;
    return pid;
}

void upgrade_finish(struct upgrade *upgrade)
{
    const uint8_t go = MESSAGE_GO;
    send(upgrade->fd, &go, sizeof go, MSG_NOSIGNAL);
    close_pair(upgrade);
    upgrade->pid = 0;
}

void upgrade_fini(struct upgrade *upgrade)
{
    if (upgrade->pid > 0)
        kill(upgrade->pid, SIGKILL);
    close_pair(upgrade);
    free(upgrade->program);
    *upgrade = (struct upgrade){.fd = -1};
}

/* --- In the new process ----------------------------------------------------------------------- */

int upgrade_find_parent(struct inherited *inherited)
{
    for (unsigned i = 0; i < inherited->count; i++) {
        struct inherited_socket *socket = &inherited->items[i];
        if (socket->fd >= 0 && !socket->listens && strcmp(socket->name, UPGRADE_PARENT) == 0)
            return inherited_take(socket);
    }
    return -1;
}

size_t upgrade_receive_keys(int fd, uint8_t to[static UPGRADE_KEYS_MAX])
{
    struct packet packet;
    const ssize_t length = recv(fd, &packet, sizeof packet, MSG_DONTWAIT);
    size_t bytes = 0;
    if (length > 1 && packet.message == MESSAGE_KEYS) {
        bytes = (size_t)length - 1;
        memcpy(to, packet.bytes, bytes);
    }
    explicit_bzero(&packet, sizeof packet);
    return bytes;
}

void upgrade_report_ready(int fd)
{
    const uint8_t ready = MESSAGE_READY;
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    if (send(fd, &ready, sizeof ready, MSG_NOSIGNAL) == sizeof ready)
        poll(&answer, 1, GO_PATIENCE_MS); /* GO, or the end of the old process */
    close(fd);
}
