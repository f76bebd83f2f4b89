/* upgrade_child: see upgrade_child.h. signal-safety(7). */
#include "server/upgrade_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PID_PREFIX "LISTEN_PID="

/* --- Before fork -------------------------------------------------------------------------------- */

static const char *const replaced[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
                                       "WATCHDOG_PID"};
enum { ADDED = 3 };

static bool is_replaced(const char *variable)
{
    for (size_t i = 0; i < COUNT_OF(replaced); i++) {
        const size_t length = strlen(replaced[i]);
        if (strncmp(variable, replaced[i], length) == 0 && variable[length] == '=')
            return true;
    }
    return false;
}

void upgrade_child_free(struct upgrade_child *child)
{
    free(child->variables);
    free(child->names);
    free(child->fds);
}

/* Whether the descriptor NUMBER is one of those that stay. */
static bool stays(const struct upgrade_gifts *gifts, int number)
{
    for (unsigned i = 0; i < gifts->kept_count; i++) {
        if (gifts->kept[i] == number)
            return true;
    }
    return false;
}

/* Sets the descriptors of CHILD: those of GIFTS, and PARENT_FD, around those that stay. */
static void set_descriptors(struct upgrade_child *child, const struct upgrade_gifts *gifts,
                            int parent_fd)
{
    unsigned count = 0;
    for (unsigned i = 0; i <= gifts->count; i++) {
        while (stays(gifts, INHERITED_FIRST + (int)count))
            child->fds[count++] = UPGRADE_STAYS;
        child->fds[count++] = i < gifts->count ? gifts->sockets[i].fd : parent_fd;
    }
    child->fd_count = count;
}

/* Returns LISTEN_FDNAMES=... for the descriptors of CHILD, which is *given*. NULL: out of
 * memory. */
static char *join_names(const struct upgrade_child *child, const struct upgrade_gifts *gifts)
{
    static const char prefix[] = "LISTEN_FDNAMES=";
    size_t room = sizeof prefix + sizeof UPGRADE_PARENT + child->fd_count * sizeof INHERITED_KEPT;
    for (unsigned i = 0; i < gifts->count; i++)
        room += strlen(gifts->sockets[i].name) + 1;
    char *names = malloc(room), *at = names;
    if (!names)
        return NULL;
    at = stpcpy(at, prefix);
    for (unsigned i = 0, next = 0; i + 1 < child->fd_count; i++) {
        at = stpcpy(at,
                    child->fds[i] == UPGRADE_STAYS ? INHERITED_KEPT : gifts->sockets[next++].name);
        *at++ = ':';
    }
    stpcpy(at, UPGRADE_PARENT);
    return names;
}

static size_t count_variables(char *const *variables)
{
    size_t count = 0;
    while (variables && variables[count])
        count++;
    return count;
}

static void set_variables(struct upgrade_child *child, char *const *variables, size_t count)
{
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_replaced(variables[i]))
            child->variables[next++] = variables[i];
    }
    snprintf(child->count, sizeof child->count, "LISTEN_FDS=%u", child->fd_count);
    snprintf(child->pid, sizeof child->pid, PID_PREFIX);
    child->variables[next++] = child->count;
    child->variables[next++] = child->pid;
    child->variables[next] = child->names;
}

int upgrade_child_make(struct upgrade_child *ret, const struct upgrade *upgrade,
                       const struct upgrade_gifts *gifts, int parent_fd)
{
    const size_t count = count_variables(upgrade->variables);
    const size_t room = (size_t)gifts->count + 1 + gifts->kept_count;
    *ret = (struct upgrade_child){
        .program = upgrade->program,
        .argv = upgrade->argv,
        .variables = calloc(count + ADDED + 1, sizeof *ret->variables),
        .fds = calloc(room, sizeof *ret->fds),
    };
    if (ret->fds) {
        set_descriptors(ret, gifts, parent_fd);
        ret->names = join_names(ret, gifts);
    }
    int error = ret->variables && ret->names ? 0 : -ENOMEM;
    if (!error && ret->fd_count > INHERITED_MAX)
        error = -EMFILE;
    if (error)
        upgrade_child_free(ret);
    else
        set_variables(ret, upgrade->variables, count);
    return error;
}

/* --- In the child ------------------------------------------------------------------------------- */

/* Writes the digits of NUMBER and a NUL. */
static void write_number(char *to, long number)
{
    char digits[24];
    unsigned count = 0;
    for (; number > 0; number /= 10)
        digits[count++] = (char)('0' + number % 10);
    while (count > 0)
        *to++ = digits[--count];
    *to = '\0';
}

/* Moves the descriptors to 3 and up, around those that stay: first out of the way of each other.
 * Returns 0 or an errno. */
static int place_descriptors(const struct upgrade_child *child)
{
    const int end = INHERITED_FIRST + (int)child->fd_count;
    for (unsigned i = 0; i < child->fd_count; i++) {
        if (child->fds[i] == UPGRADE_STAYS)
            continue;
        const int fd = fcntl(child->fds[i], F_DUPFD_CLOEXEC, end);
        if (fd < 0)
            return errno;
        child->fds[i] = fd;
    }
    for (unsigned i = 0; i < child->fd_count; i++) {
        if (child->fds[i] != UPGRADE_STAYS && dup2(child->fds[i], INHERITED_FIRST + (int)i) < 0)
            return errno;
    }
    return 0;
}

/* The signals that the new program handles stay blocked, so none ends it before that. */
int upgrade_child_execute(struct upgrade_child *child)
{
    write_number(child->pid + strlen(PID_PREFIX), getpid());
    const int error = place_descriptors(child);
    if (error)
        return error;
    execve(child->program, child->argv, child->variables);
    return errno;
}
