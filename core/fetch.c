/* fetch: see fetch.h. openat2(2), Linux 5.6; RESOLVE_CACHED, Linux 5.12. */
#include "fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

enum {
    OPEN_TRIES = 8, /* openat2 says EAGAIN when a rename may have let ".." out of ROOT */
    READ_TRIES = 3, /* a file that changes while it is read */
    /* Time stamps are as coarse as the file system (2 s on FAT): a change this recent may be followed
     * by one that looks the same. */
    SETTLED_SECONDS = 2,
};

static const struct {
    int error;
    enum http_status status;
} statuses[] = {
    {ENOENT, HTTP_NOT_FOUND},   {ENOTDIR, HTTP_NOT_FOUND},      {ELOOP, HTTP_NOT_FOUND},
    {ENXIO, HTTP_NOT_FOUND}, /* a socket, or a device that isn't there */
    {ENODEV, HTTP_NOT_FOUND},   {ENAMETOOLONG, HTTP_NOT_FOUND}, {EACCES, HTTP_FORBIDDEN},
    {EPERM, HTTP_FORBIDDEN},    {EXDEV, HTTP_FORBIDDEN}, /* it leads out of ROOT */
    {EMFILE, HTTP_UNAVAILABLE}, {ENFILE, HTTP_UNAVAILABLE},     {ENOMEM, HTTP_UNAVAILABLE},
    {EAGAIN, HTTP_UNAVAILABLE}, {EIO, HTTP_INTERNAL_ERROR},
};

enum http_status fetch_status_of(int error)
{
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        if (statuses[i].error == error)
            return statuses[i].status;
    }
    return HTTP_INTERNAL_ERROR;
}

static int refuse(struct fetched *ret, enum http_status status)
{
    *ret = (struct fetched){
        .kind = FETCH_REFUSED,
        .status = status,
        .cacheable = status == HTTP_NOT_FOUND, /* the others may pass at any moment */
    };
    return 0;
}

int fetch_open_root(const char *root)
{
    int fd;
    do
        fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

/* Opens NAME with FLAGS. Returns a descriptor or a negative errno; -EAGAIN in WITHOUT_WAITING means that
 * it would wait. */
static int open_beneath(int root_fd, const char *name, uint64_t flags, enum fetch_mode mode)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
                   (mode == FETCH_WITHOUT_WAITING ? (uint64_t)RESOLVE_CACHED : 0),
    };
    for (unsigned tries = 0;;) {
        long fd = syscall(SYS_openat2, root_fd, name, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno == EINTR)
            continue;
        if (errno == EINVAL && mode == FETCH_WITHOUT_WAITING)
            return -EAGAIN; /* a kernel without RESOLVE_CACHED */
        if (errno != EAGAIN || mode == FETCH_WITHOUT_WAITING || ++tries == OPEN_TRIES)
            return -errno;
    }
}

/* Reads at most LENGTH bytes from the start of the file. Returns their number or a negative errno;
 * -EAGAIN in WITHOUT_WAITING means that it would wait. */
static ssize_t read_start(int fd, char *to, size_t length, enum fetch_mode mode)
{
    int flags = mode == FETCH_WITHOUT_WAITING ? RWF_NOWAIT : 0;
    size_t done = 0;
    while (done < length) {
        struct iovec piece = {to + done, length - done};
        ssize_t got = preadv2(fd, &piece, 1, (off_t)done, flags);
        if (got == 0)
            break;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && flags && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
            return -EAGAIN; /* this file system can't promise not to wait */
        if (got < 0)
            return -errno;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static int identify(int fd, struct stat *ret_status, struct blob_identity *ret)
{
    if (fstat(fd, ret_status) < 0)
        return -errno;
    blob_identify(ret_status, ret);
    return 0;
}

/* Reads a small file that is of IDENTITY. On success *RET_BODY is its content, *RET_AFTER what it was
 * afterwards. Returns 0 or a negative errno. */
static int read_body(int fd, enum fetch_mode mode, const struct blob_identity *identity,
                     struct blob **ret_body, struct blob_identity *ret_after)
{
    struct blob *body = blob_create_bytes(identity->bytes);
    if (!body)
        return -ENOMEM;
    ssize_t got = read_start(fd, body->bytes, body->length, mode);
    struct stat status;
    int error = got < 0 ? (int)got : identify(fd, &status, ret_after);
    if (error) {
        blob_drop(body);
        return error;
    }
    body->length = (size_t)got;
    *ret_body = body;
    return 0;
}

static bool is_settled(const struct blob_identity *identity)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return identity->changed.tv_sec + SETTLED_SECONDS < now.tv_sec;
}

/* The content of the open regular file FD, which was just found to be of *IDENTITY; that is updated if
 * the file changes meanwhile. *Takes* FD if it returns 0 and the body is a file. Returns 0 or a negative
 * errno: -EAGAIN as well if it changes faster than it can be read. */
static int load_body(int fd, enum fetch_mode mode, struct blob_identity *identity,
                     struct blob **ret_body)
{
    for (unsigned tries = 0; identity->bytes <= FETCH_READ_BYTES_MAX; tries++) {
        struct blob *body;
        struct blob_identity after;
        int error = tries == READ_TRIES ? -EAGAIN : read_body(fd, mode, identity, &body, &after);
        if (error)
            return error;
        if (body->length == identity->bytes && blob_identity_equal(&after, identity)) {
            *ret_body = body;
            return 0;
        }
        *identity = after;
        blob_drop(body);
    }
    *ret_body = blob_create_file(fd, identity);
    return *ret_body ? 0 : -ENOMEM;
}

/* Makes *RET from the open regular file FD. *Takes* FD if it returns 0 and RET's body is a file. */
static int fetch_file(int fd, enum fetch_mode mode, struct blob_identity *identity,
                      struct fetched *ret)
{
    struct blob *body = NULL;
    int error = load_body(fd, mode, identity, &body);
    if (error)
        return error;
    *ret = (struct fetched){
        .kind = FETCH_FILE,
        .body = body,
        .identity = *identity,
        .settled = is_settled(identity),
        .cacheable = true,
    };
    return 0;
}

/* Opens and loads NAME, which has just been found to be a regular file; it is looked at once more, since
 * it may be another by now. Returns 0 or a negative errno. */
static int open_and_load(int root_fd, const char *name, enum fetch_mode mode, struct fetched *ret)
{
    struct stat status;
    struct blob_identity identity = {0};
    int fd = open_beneath(root_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, mode);
    int error = fd < 0 ? fd : identify(fd, &status, &identity);
    if (!error)
        error = S_ISREG(status.st_mode) ? fetch_file(fd, mode, &identity, ret) : -ENXIO;
    if (fd >= 0 && (error || ret->body->fd != fd))
        close(fd);
    return error;
}

/* What is there at NAME? To look does nothing to it (O_PATH); to open a FIFO or a device might.
 * Returns 0 or a negative errno. */
static int look(int root_fd, const char *name, enum fetch_mode mode, struct stat *ret_status,
                struct blob_identity *ret_identity)
{
    int fd = open_beneath(root_fd, name, O_PATH, mode);
    if (fd < 0)
        return fd;
    int error = identify(fd, ret_status, ret_identity);
    close(fd);
    return error;
}

static int fetch_name(int root_fd, const char *name, bool index_wanted, enum fetch_mode mode,
                      const struct blob_identity *known, struct fetched *ret)
{
    struct stat status;
    struct blob_identity identity = {0};
    int error = look(root_fd, name, mode, &status, &identity);
    if (error)
        return error;
    if (S_ISDIR(status.st_mode) && !index_wanted) {
        *ret = (struct fetched){.kind = FETCH_DIRECTORY, .cacheable = true};
        return 0;
    }
    if (!S_ISREG(status.st_mode))
        return refuse(ret, HTTP_NOT_FOUND);
    if (known && blob_identity_equal(known, &identity)) {
        *ret = (struct fetched){.kind = FETCH_UNCHANGED, .identity = identity, .cacheable = true};
        return 0;
    }
    return open_and_load(root_fd, name, mode, ret);
}

int fetch(int root_fd, const struct path *path, struct str index, enum fetch_mode mode,
          const struct blob_identity *known, struct fetched *ret)
{
    char name[PATH_BYTES_MAX + 1];
    if (path->length + 1 + index.length > PATH_BYTES_MAX)
        return refuse(ret, HTTP_NOT_FOUND);
    char *end = str_put(name, (struct str){path->text, path->length});
    if (path->directory) {
        end = path->length > 0 ? str_put(end, STR("/")) : end;
        end = str_put(end, index);
    }
    *end = '\0';
    int error = fetch_name(root_fd, name, path->directory, mode, known, ret);
    if (error == -EAGAIN && mode == FETCH_WITHOUT_WAITING)
        return -EAGAIN;
    return error ? refuse(ret, fetch_status_of(-error)) : 0;
}
