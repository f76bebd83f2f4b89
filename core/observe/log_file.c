/* log_file: see log_file.h. open(2), pipe(7), unix(7), syslog(3), RFC 3164 section 4.1. */
#include "observe/log_file.h"

#include "base/clock.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSLOG_PREFIX "syslog:"
#define SYSLOG_PATH   "/dev/log"

enum {
    FILE_MODE = 0640, /* addresses of clients are personal data */
    SYSLOG_DAEMON = 3,
    SYSLOG_INFORMATION = 6,
    SYSLOG_LINES_MAX = 64, /* in one call of log_file_write */
};

int log_file_descriptor(const char *name)
{
    static const struct str folders[] = {STR_INIT("/dev/fd/"), STR_INIT("/proc/self/fd/")};
    const struct str text = str_of(name);
    if (str_equal(text, STR("-")) || str_equal(text, STR("/dev/stdout")))
        return STDOUT_FILENO;
    if (str_equal(text, STR("/dev/stderr")))
        return STDERR_FILENO;
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        uint64_t number;
        if (str_starts_with(text, folders[i]) &&
            num_parse_u64(str_from(text, folders[i].length), &number) && number <= INT_MAX)
            return (int)number;
    }
    return -1;
}

bool log_file_is_syslog(const char *name)
{
    return str_starts_with(str_of(name), STR(SYSLOG_PREFIX));
}

void log_file_init(struct log_file *ret, const char *name, const char *tag)
{
    *ret = (struct log_file){
        .name = name,
        .tag = tag,
        .inherited = log_file_descriptor(name),
        .fd = -1,
    };
    if (ret->inherited >= 0)
        ret->kind = LOG_FILE_INHERITED;
    else if (log_file_is_syslog(name))
        ret->kind = LOG_FILE_SYSLOG;
}

/* --- Opening ---------------------------------------------------------------------------------- */

/* Returns a descriptor, or a negative errno. */
static int open_syslog(const struct log_file *file)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct str path = str_from(str_of(file->name), sizeof SYSLOG_PREFIX - 1);
    if (path.length == 0)
        path = STR(SYSLOG_PATH);
    if (path.length >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    str_put(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = -errno;
    close(fd);
    return error;
}

/* Duplicates FD, unless the process has opened it itself: those have FD_CLOEXEC, and inherited ones
 * can't have it. Returns a descriptor, or a negative errno. */
static int duplicate_inherited(int fd)
{
    const int flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC))
        return -EBADF;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return copy < 0 ? -errno : copy;
}

/* Opens the file NAME. *RET_MADE: it did not exist before. Returns a descriptor, or a negative
 * errno. */
static int open_named(const char *name, bool *ret_made)
{
    const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    struct stat status;
    int fd = open(name, flags);
    const bool missing = fd < 0 && errno == ENOENT;
    if (missing)
        fd = open(name, flags | O_CREAT | O_EXCL, FILE_MODE);
    *ret_made = missing && fd >= 0;
    if (missing && fd < 0 && errno == EEXIST) /* by now, or a symbolic link that leads nowhere */
        fd = open(name, flags | O_CREAT, FILE_MODE);
    const int error = fd < 0 ? -errno : 0;
    if (error == -ENXIO && stat(name, &status) == 0 && !S_ISFIFO(status.st_mode))
        return -EOPNOTSUPP; /* the file of a socket, which no reader opens */
    return error ? error : fd;
}

/* Returns a descriptor, or a negative errno. */
static int open_descriptor(const struct log_file *file, bool *ret_made)
{
    *ret_made = false;
    switch (file->kind) {
    case LOG_FILE_SYSLOG:
        return open_syslog(file);
    case LOG_FILE_INHERITED:
        return duplicate_inherited(file->inherited);
    case LOG_FILE_NAMED:
    default:
        return open_named(file->name, ret_made);
    }
}

int log_file_open(struct log_file *file)
{
    struct stat status;
    bool made;
    int fd = open_descriptor(file, &made);
    if (fd < 0)
        return fd;
    if (fstat(fd, &status) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    file->fd = fd;
    file->is_regular = S_ISREG(status.st_mode);
    file->is_made = made;
    file->device = status.st_dev;
    file->inode = status.st_ino;
    return 0;
}

void log_file_close(struct log_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

int log_file_reopen(struct log_file *file)
{
    const int former = file->fd;
    if (file->kind != LOG_FILE_NAMED)
        return 0;
    int error = log_file_open(file);
    if (!error && former >= 0)
        close(former);
    return error;
}

int log_file_give(const struct log_file *file, uid_t user, gid_t group)
{
    if (file->fd < 0 || !file->is_made)
        return 0;
    return fchown(file->fd, user, group) < 0 ? -errno : 0;
}

bool log_file_has_moved(const struct log_file *file)
{
    struct stat status;
    if (file->kind != LOG_FILE_NAMED || file->fd < 0 || !file->is_regular)
        return false;
    if (stat(file->name, &status) < 0)
        return errno == ENOENT;
    return status.st_dev != file->device || status.st_ino != file->inode;
}

/* Whether files can be created in the directory of the file PATH: 0 or a negative errno. */
static int check_directory(const char *path)
{
    char directory[PATH_MAX];
    const struct str name = str_of(path);
    if (name.length >= sizeof directory)
        return -ENAMETOOLONG;
    const size_t slash = str_find_last(name, '/');
    if (slash == name.length)
        snprintf(directory, sizeof directory, ".");
    else
        snprintf(directory, sizeof directory, "%.*s", (int)(slash > 0 ? slash : 1), name.at);
    return faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int log_file_check_directory(const struct log_file *file)
{
    return file->kind == LOG_FILE_NAMED && file->is_regular ? check_directory(file->name) : 0;
}

int log_file_check(const struct log_file *file)
{
    struct stat status;
    if (file->kind == LOG_FILE_SYSLOG)
        return 0;
    if (file->kind == LOG_FILE_INHERITED)
        return fcntl(file->inherited, F_GETFD) < 0 ? -errno : 0;
    if (stat(file->name, &status) < 0)
        return errno == ENOENT ? check_directory(file->name) : -errno;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    if (S_ISSOCK(status.st_mode))
        return -EOPNOTSUPP;
    return faccessat(AT_FDCWD, file->name, W_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* The length of what to give to a pipe at once, of LENGTH bytes at FROM: the whole lines that fit
 * into PIPE_BUF bytes, else as many bytes as fit. */
static size_t pipe_bytes(const char *from, size_t length)
{
    const struct str first = str_first((struct str){from, length}, PIPE_BUF);
    const size_t newline = str_find_last(first, '\n');
    return newline < first.length ? newline + 1 : first.length;
}

/* Writes to a pipe, a terminal or a socket, which may be shared with processes that expect calls
 * to wait: so it is not made non-blocking, and is asked for room before. */
static ssize_t write_ready(const struct log_file *file, const struct iovec *piece)
{
    struct pollfd watched = {.fd = file->fd, .events = POLLOUT};
    if (poll(&watched, 1, 0) <= 0) /* if it fails, the room is not known */
        return -EAGAIN;
    ssize_t written = write(file->fd, piece->iov_base, pipe_bytes(piece->iov_base, piece->iov_len));
    return written < 0 ? -errno : written;
}

/* Removes the severity that PIECES begin with, "<N>", which may be in both. Returns it. */
static unsigned take_severity(struct iovec pieces[static 2])
{
    unsigned severity = SYSLOG_INFORMATION;
    for (unsigned i = 0; i < LOG_FILE_SEVERITY_BYTES; i++) {
        struct iovec *piece = &pieces[pieces[0].iov_len == 0];
        const char *at = piece->iov_base;
        if (piece->iov_len == 0)
            break;
        if (i == 1)
            severity = (unsigned)(*at - '0');
        piece->iov_base = (char *)piece->iov_base + 1;
        piece->iov_len--;
    }
    return severity;
}

/* Sends the line that PIECES begin with as a datagram, after its priority and HEADER. Returns its
 * length with its LF, or a negative errno. */
static ssize_t send_line(struct log_file *file, const struct iovec pieces[static 2],
                         struct str header)
{
    struct iovec rest[2] = {pieces[0], pieces[1]};
    const unsigned severity = file->has_severities ? take_severity(rest) : SYSLOG_INFORMATION;
    char priority[16];
    const int priority_bytes =
        snprintf(priority, sizeof priority, "<%u>", SYSLOG_DAEMON * 8 + severity);
    const struct str first = {rest[0].iov_base, rest[0].iov_len};
    const size_t newline = str_find(first, '\n');
    struct iovec parts[4] = {{priority, (size_t)priority_bytes},
                             {(void *)(uintptr_t)header.at, header.length},
                             {rest[0].iov_base, newline}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    size_t length = newline + 1;
    if (newline == first.length) {
        const struct str second = {rest[1].iov_base, rest[1].iov_len};
        const size_t end = str_find(second, '\n');
        parts[message.msg_iovlen++] = (struct iovec){rest[1].iov_base, end};
        length = newline + end + 1;
    }
    length += file->has_severities ? LOG_FILE_SEVERITY_BYTES : 0;
    if (sendmsg(file->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        return (ssize_t)length;
    if (errno != EMSGSIZE)
        return -errno;
    file->lost_lines++;
    return (ssize_t)length;
}

/* Writes what follows the priority at the beginning of a datagram to TO. Returns its length. */
static size_t write_header(const struct log_file *file, char *to, size_t room)
{
    char date[32];
    struct tm now;
    const time_t seconds = (time_t)(clock_wall_us() / 1000000);
    localtime_r(&seconds, &now);
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    strftime(date, sizeof date, "%e %T", &now); /* neither depends on the locale */
    int length =
        snprintf(to, room, "%s %s %s[%ld]: ", months[now.tm_mon], date, file->tag, (long)getpid());
    return length < 0 ? 0 : size_min((size_t)length, room - 1);
}

static ssize_t send_lines(struct log_file *file, const struct iovec *pieces, unsigned count)
{
    char text[128];
    struct iovec rest[2] = {pieces[0], count > 1 ? pieces[1] : (struct iovec){.iov_len = 0}};
    const struct str header = {text, write_header(file, text, sizeof text)};
    ssize_t total = 0;
    for (unsigned i = 0; i < SYSLOG_LINES_MAX && rest[0].iov_len > 0; i++) {
        ssize_t sent = send_line(file, rest, header);
        if (sent < 0)
            return total > 0 ? total : sent;
        total += sent;
        size_t first = size_min((size_t)sent, rest[0].iov_len);
        rest[0].iov_base = (char *)rest[0].iov_base + first;
        rest[0].iov_len -= first;
        rest[1].iov_base = (char *)rest[1].iov_base + ((size_t)sent - first);
        rest[1].iov_len -= (size_t)sent - first;
        if (rest[0].iov_len == 0) {
            rest[0] = rest[1];
            rest[1].iov_len = 0;
        }
    }
    return total;
}

ssize_t log_file_write(struct log_file *file, const struct iovec *pieces, unsigned count)
{
    ssize_t written;
    do {
        if (file->kind == LOG_FILE_SYSLOG)
            written = send_lines(file, pieces, count);
        else if (!file->is_regular)
            written = write_ready(file, &pieces[0]);
        else if ((written = writev(file->fd, pieces, (int)count)) < 0)
            written = -errno;
    } while (written == -EINTR);
    return written == 0 ? -EIO : written;
}
