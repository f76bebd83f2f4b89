/* unix_socket: see unix_socket.h. */
#include "system/unix_socket.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PROC_PATH_BYTES = 32 };

/* Sets *RET to the address of PATH. Returns its length. */
static socklen_t address_of(const char *path, struct sockaddr_un *ret)
{
    const size_t length = strlen(path), first = offsetof(struct sockaddr_un, sun_path);
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, path, length);
    if (path[0] != '@')
        return (socklen_t)(first + length + 1);
    ret->sun_path[0] = '\0'; /* an abstract name has no NUL at its end */
    return (socklen_t)(first + length);
}

static int open_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

/* --- The file that is there before ------------------------------------------------------------ */

/* Whether a process accepts connections at PATH: 0, -ECONNREFUSED if none does, or another negative
 * errno. */
static int try_connect(const char *path)
{
    struct sockaddr_un address;
    const socklen_t bytes = address_of(path, &address);
    int fd = open_socket(), error = 0;
    if (fd < 0)
        return fd;
    if (connect(fd, (const struct sockaddr *)&address, bytes) < 0)
        error = errno == EAGAIN ? 0 : -errno; /* its queue is full */
    close(fd);
    return error;
}

/* Removes the file at PATH if it is a socket that nothing listens on. Returns 0, also if no file
 * is there; or a negative errno. */
static int remove_stale(const char *path)
{
    struct stat state;
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    int error = fstat(fd, &state) < 0 ? -errno : 0;
    close(fd);
    if (error)
        return error;
    if (!S_ISSOCK(state.st_mode))
        return -EEXIST;
    error = try_connect(path);
    if (error == -ENOENT)
        return 0;
    if (error == 0 || error == -EPROTOTYPE) /* in use, perhaps by another type of socket */
        return -EADDRINUSE;
    if (error != -ECONNREFUSED)
        return error;
    return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* --- The file that is made -------------------------------------------------------------------- */

/* Gives FILE its MODE; it is a descriptor of O_PATH, which fchmod(2) does not take. Returns 0 or a
 * negative errno: ENOSYS without /proc. */
static int set_mode(int file, mode_t mode)
{
    char path[PROC_PATH_BYTES];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (chmod(path, mode) == 0)
        return 0;
    return errno == ENOENT ? -ENOSYS : -errno;
}

/* Gives the file its mode and owner. Returns 0 or a negative errno. */
static int set_rights(const struct unix_socket *unix_socket)
{
    const int file = unix_socket->file;
    const bool owned =
        unix_socket->user != UNIX_SOCKET_AS_MADE || unix_socket->group != UNIX_SOCKET_AS_MADE;
    /* -1 leaves an identity as it is, chown(2). */
    if (owned && fchownat(file, "", unix_socket->user, unix_socket->group, AT_EMPTY_PATH) < 0)
        return -errno;
    return unix_socket->mode == UNIX_SOCKET_AS_MADE ? 0 : set_mode(file, unix_socket->mode);
}

/* Pins the file at the path. Returns 0 or a negative errno: ENOTSOCK if another process has put
 * something else into its place. */
static int pin_file(struct unix_socket *unix_socket)
{
    struct stat state;
    int file = open(unix_socket->path, O_PATH | O_NOFOLLOW | O_CLOEXEC), error = 0;
    if (file < 0)
        return -errno;
    if (fstat(file, &state) < 0)
        error = -errno;
    else if (!S_ISSOCK(state.st_mode))
        error = -ENOTSOCK;
    if (error) {
        close(file);
        return error;
    }
    unix_socket->file = file;
    unix_socket->has_file = true;
    return 0;
}

/* Whether the file has the mode and owner that are wanted. */
static bool has_rights(const struct unix_socket *unix_socket)
{
    struct stat now;
    if (fstat(unix_socket->file, &now) < 0)
        return false;
    return (unix_socket->mode == UNIX_SOCKET_AS_MADE ||
            unix_socket->mode == (now.st_mode & ALLPERMS)) &&
           (unix_socket->user == UNIX_SOCKET_AS_MADE || unix_socket->user == now.st_uid) &&
           (unix_socket->group == UNIX_SOCKET_AS_MADE || unix_socket->group == now.st_gid);
}

/* Whether the file at the path is the one that was made. It is pinned, so its number has not been
 * given to another one. */
static bool is_ours(const struct unix_socket *unix_socket)
{
    struct stat made, now;
    int fd = open(unix_socket->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    bool same = fd >= 0 && fstat(fd, &now) == 0 && fstat(unix_socket->file, &made) == 0 &&
                now.st_dev == made.st_dev && now.st_ino == made.st_ino;
    if (fd >= 0)
        close(fd);
    return same;
}

/* Whether NOW is known if it is to be as it was made, after FORMER. */
static bool is_known(uint32_t now, uint32_t former)
{
    return now != UNIX_SOCKET_AS_MADE || former == UNIX_SOCKET_AS_MADE;
}

int unix_socket_change(struct unix_socket *unix_socket, const struct unix_socket *wanted)
{
    struct unix_socket changed = *unix_socket;
    changed.mode = wanted->mode;
    changed.user = wanted->user;
    changed.group = wanted->group;
    if (!unix_socket->has_file || !is_ours(unix_socket))
        return -ENOENT;
    if (!is_known(changed.mode, unix_socket->mode) || !is_known(changed.user, unix_socket->user) ||
        !is_known(changed.group, unix_socket->group))
        return -EOPNOTSUPP;
    const int error = set_rights(&changed);
    if (!error)
        *unix_socket = changed;
    return error;
}

int unix_socket_keep(struct unix_socket *unix_socket)
{
    const bool handed_over = unix_socket->is_handed_over;
    unix_socket->is_handed_over = false;
    if (!handed_over || unix_socket_is_abstract(unix_socket) || unix_socket->has_file)
        return 0;
    if (pin_file(unix_socket) < 0 || has_rights(unix_socket))
        return 0;
    return set_rights(unix_socket);
}

void unix_socket_leave(struct unix_socket *unix_socket)
{
    if (unix_socket->has_file)
        close(unix_socket->file);
    unix_socket->has_file = false;
}

void unix_socket_remove(struct unix_socket *unix_socket)
{
    if (unix_socket->has_file && is_ours(unix_socket))
        unlink(unix_socket->path);
    unix_socket_leave(unix_socket);
}

/* --- Listening -------------------------------------------------------------------------------- */

/* Describes ERROR. Returns it. */
static int explain(const struct unix_socket *unix_socket, int error, struct problem *ret_problem)
{
    const char *path = unix_socket->path;
    if (error == -EADDRINUSE) {
        problem_set(ret_problem, "unix:%s is in use", path);
        problem_remedy(ret_problem, "stop the other program or choose another path");
    } else if (error == -EEXIST) {
        problem_set(ret_problem, "%s exists and is not a socket", path);
        problem_remedy(ret_problem, "choose another path, or remove it");
    } else if (error == -ENOENT || error == -ENOTDIR) {
        problem_set(ret_problem, "the directory of unix:%s does not exist", path);
        problem_remedy(ret_problem, "make it, or choose another path");
    } else if (error == -EACCES || error == -EPERM || error == -EROFS) {
        problem_set(ret_problem, "no right to make unix:%s with its mode and owner", path);
        problem_remedy(ret_problem, "choose a directory that this user may write to, and an owner "
                                    "that it may give a file to");
    } else if (error == -ENOSYS) {
        problem_set(ret_problem, "cannot set the mode of unix:%s without /proc", path);
        problem_remedy(ret_problem, "mount /proc, or omit mode=");
    } else {
        problem_set(ret_problem, "cannot listen on unix:%s: %s", path, strerror(-error));
        problem_remedy(ret_problem, "choose another path");
    }
    return error;
}

/* Binds FD, sets up its file and listens. Returns 0 or a negative errno. */
static int bind_and_listen(struct unix_socket *unix_socket, int fd, int backlog)
{
    struct sockaddr_un address;
    const socklen_t bytes = address_of(unix_socket->path, &address);
    const bool abstract = unix_socket_is_abstract(unix_socket);
    int error = 0;
    if (bind(fd, (const struct sockaddr *)&address, bytes) < 0)
        return -errno;
    if (!abstract)
        error = pin_file(unix_socket);
    if (!error && !abstract)
        error = set_rights(unix_socket);
    if (!error && listen(fd, backlog) < 0)
        error = -errno;
    if (error)
        unix_socket_remove(unix_socket);
    return error;
}

int unix_socket_listen(struct unix_socket *unix_socket, int backlog, struct problem *ret_problem)
{
    int error = unix_socket_is_abstract(unix_socket) ? 0 : remove_stale(unix_socket->path);
    int fd = error ? error : open_socket();
    if (fd < 0)
        return explain(unix_socket, fd, ret_problem);
    error = bind_and_listen(unix_socket, fd, backlog);
    if (!error)
        return fd;
    close(fd);
    return explain(unix_socket, error, ret_problem);
}
