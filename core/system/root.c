/* root: see root.h. openat2(2), Linux 5.6; RESOLVE_CACHED, Linux 5.12. */
#include "system/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

enum { OPEN_TRIES = 8 }; /* openat2 says EAGAIN when a rename may have let ".." out of ROOT */

int root_open(const char *path)
{
    int fd;
    do
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

int root_open_below(int root_fd, const char *name, int flags, enum io_mode mode)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
                   (mode == IO_WITHOUT_WAITING ? (uint64_t)RESOLVE_CACHED : 0),
    };
    for (unsigned tries = 0;;) {
        long fd = syscall(SYS_openat2, root_fd, name, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno == EINTR)
            continue;
        if (errno == EINVAL && mode == IO_WITHOUT_WAITING)
            return -EAGAIN; /* a kernel without RESOLVE_CACHED */
        if (errno != EAGAIN || mode == IO_WITHOUT_WAITING || ++tries == OPEN_TRIES)
            return -errno;
    }
}

int root_stat_below(int root_fd, const char *name, int flags, enum io_mode mode, struct stat *ret)
{
    int fd = root_open_below(root_fd, name, O_PATH | flags, mode);
    if (fd < 0)
        return fd;
    int error = fstat(fd, ret) < 0 ? -errno : 0;
    close(fd);
    return error;
}

int root_identify(int fd, struct stat *ret_status, struct blob_identity *ret)
{
    if (fstat(fd, ret_status) < 0)
        return -errno;
    blob_identify(ret_status, ret);
    return 0;
}
