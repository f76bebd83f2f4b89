/* precompress_temporary: see precompress_temporary.h. */
#include "precompress/precompress_temporary.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = ".precompress-";

enum { NAMES_MAX = 100 }; /* that are tried */

/* Takes the lock of FD. False: another run, which has found the file before it was locked, removes
 * it. */
static bool lock(int fd)
{
    struct stat status;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno != EWOULDBLOCK; /* no locks here */
    return fstat(fd, &status) < 0 || status.st_nlink > 0;
}

int precompress_temporary_create(int directory_fd,
                                 char ret_name[static PRECOMPRESS_TEMPORARY_BYTES])
{
    static atomic_uint next;
    for (unsigned i = 0; i < NAMES_MAX; i++) {
        char name[PRECOMPRESS_TEMPORARY_BYTES];
        snprintf(name, sizeof name, "%s%ld-%u", prefix, (long)getpid(), atomic_fetch_add(&next, 1));
        const int fd =
            openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            return -errno;
        if (fd >= 0 && lock(fd)) {
            memcpy(ret_name, name, sizeof name);
            return fd;
        }
        if (fd >= 0)
            close(fd);
    }
    return -EEXIST;
}

/* Takes one or more digits from the start of REST. */
static bool take_digits(struct str *rest)
{
    size_t count = 0;
    while (count < rest->length && char_is_digit(rest->at[count]))
        count++;
    *rest = str_from(*rest, count);
    return count > 0;
}

bool precompress_temporary_is_name(const char *name)
{
    struct str rest = str_of(name);
    if (!str_starts_with(rest, str_of(prefix)))
        return false;
    rest = str_from(rest, sizeof prefix - 1);
    if (!take_digits(&rest) || !str_starts_with(rest, STR("-")))
        return false;
    rest = str_from(rest, 1);
    return take_digits(&rest) && rest.length == 0;
}

/* Whether FD, which is locked now, still has NAME: its process may have renamed it, and another may
 * have made one of the same name. */
static bool has_name(int fd, int directory_fd, const char *name)
{
    struct stat own, named;
    return fstat(fd, &own) == 0 && fstatat(directory_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           own.st_dev == named.st_dev && own.st_ino == named.st_ino && S_ISREG(own.st_mode);
}

int precompress_temporary_remove(int directory_fd, const char *name, bool dry_run)
{
    const int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) /* of another user, or gone */
        return errno == EACCES || errno == ENOENT || errno == ELOOP ? 0 : -errno;
    int result = flock(fd, LOCK_EX | LOCK_NB) == 0 && has_name(fd, directory_fd, name) ? 1 : 0;
    if (result && !dry_run && unlinkat(directory_fd, name, 0) < 0)
        result = -errno;
    close(fd);
    return result;
}
