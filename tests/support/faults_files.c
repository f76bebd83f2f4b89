/* faults_files: the wrappers of calls on files and directories; see faults.h. */
#include "support/faults_wrap.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */

/* Linux has closed the descriptor when it reports an error, close(2). */
WRAP(int, close, int fd)
{
    int result = __real_close(fd);
    return faults_pass(FAULT_CLOSE, NULL) ? result : -1;
}

WRAP(int, fchmod, int fd, mode_t mode)
{
    return faults_pass(FAULT_FCHMOD, NULL) ? __real_fchmod(fd, mode) : -1;
}

WRAP(int, fcntl, int fd, int command, long argument)
{
    return faults_pass(FAULT_FCNTL, NULL) ? __real_fcntl(fd, command, argument) : -1;
}

WRAP(DIR *, fdopendir, int fd)
{
    return faults_pass(FAULT_FDOPENDIR, NULL) ? __real_fdopendir(fd) : NULL;
}

WRAP(int, flock, int fd, int operation)
{
    return faults_pass(FAULT_FLOCK, NULL) ? __real_flock(fd, operation) : -1;
}

WRAP(FILE *, fopen, const char *path, const char *mode)
{
    return faults_pass(FAULT_FOPEN, NULL) ? __real_fopen(path, mode) : NULL;
}

WRAP(int, fstat, int fd, struct stat *ret)
{
    return faults_pass(FAULT_FSTAT, NULL) ? __real_fstat(fd, ret) : -1;
}

WRAP(int, fstatat, int directory, const char *path, struct stat *ret, int flags)
{
    if (!faults_pass(FAULT_FSTATAT, NULL))
        return -1;
    return __real_fstatat(directory, path, ret, flags);
}

WRAP(int, fsync, int fd)
{
    return faults_pass(FAULT_FSYNC, NULL) ? __real_fsync(fd) : -1;
}

WRAP(int, futimens, int fd, const struct timespec times[2])
{
    return faults_pass(FAULT_FUTIMENS, NULL) ? __real_futimens(fd, times) : -1;
}

/* Not variadic: all arguments are passed on. So are those of openat, ioctl and syscall. */
WRAP(int, open, const char *path, int flags, mode_t mode)
{
    return faults_pass(FAULT_OPEN, NULL) ? __real_open(path, flags, mode) : -1;
}

WRAP(int, openat, int directory, const char *path, int flags, mode_t mode)
{
    return faults_pass(FAULT_OPENAT, NULL) ? __real_openat(directory, path, flags, mode) : -1;
}

WRAP(ssize_t, pread, int fd, void *to, size_t length, off_t first)
{
    return faults_pass(FAULT_PREAD, &length) ? __real_pread(fd, to, length, first) : -1;
}

/* _FORTIFY_SOURCE makes this call of pread. */
WRAP(ssize_t, __pread_chk, int fd, void *to, size_t length, off_t first, size_t room)
{
    if (!faults_pass(FAULT_PREAD, &length))
        return -1;
    return __real___pread_chk(fd, to, length, first, room);
}

WRAP(ssize_t, preadv2, int fd, const struct iovec *pieces, int count, off_t first, int flags)
{
    struct iovec piece = pieces[0]; /* no caller reads into more than one */
    if (!faults_pass(flags & RWF_NOWAIT ? FAULT_PREADV2_NOWAIT : FAULT_PREADV2, &piece.iov_len))
        return -1;
    return __real_preadv2(fd, count == 1 ? &piece : pieces, count, first, flags);
}

WRAP(ssize_t, read, int fd, void *to, size_t length)
{
    return faults_pass(FAULT_READ, NULL) ? __real_read(fd, to, length) : -1;
}

/* Likewise. */
WRAP(ssize_t, __read_chk, int fd, void *to, size_t length, size_t room)
{
    return faults_pass(FAULT_READ, NULL) ? __real___read_chk(fd, to, length, room) : -1;
}

WRAP(struct dirent *, readdir, DIR *directory)
{
    return faults_pass(FAULT_READDIR, NULL) ? __real_readdir(directory) : NULL;
}

WRAP(int, stat, const char *path, struct stat *ret)
{
    return faults_pass(FAULT_STAT, NULL) ? __real_stat(path, ret) : -1;
}

WRAP(int, statx, int directory, const char *path, int flags, unsigned mask, struct statx *ret)
{
    if (!faults_pass(FAULT_STATX, NULL))
        return -1;
    return __real_statx(directory, path, flags, mask, ret);
}

WRAP(ssize_t, write, int fd, const void *from, size_t length)
{
    enum fault which = fd <= STDERR_FILENO ? FAULT_WRITE : FAULT_WRITE_EVENTFD;
    bool divides = which == FAULT_WRITE_EVENTFD && length > sizeof(uint64_t); /* not an eventfd */
    return faults_pass(which, divides ? &length : NULL) ? __real_write(fd, from, length) : -1;
}

WRAP(int, rename, const char *from, const char *to)
{
    return faults_pass(FAULT_RENAME, NULL) ? __real_rename(from, to) : -1;
}

WRAP(int, renameat, int from_directory, const char *from, int to_directory, const char *to)
{
    if (!faults_pass(FAULT_RENAMEAT, NULL))
        return -1;
    return __real_renameat(from_directory, from, to_directory, to);
}

WRAP(int, unlink, const char *path)
{
    return faults_pass(FAULT_UNLINK, NULL) ? __real_unlink(path) : -1;
}

WRAP(int, unlinkat, int directory, const char *path, int flags)
{
    return faults_pass(FAULT_UNLINKAT, NULL) ? __real_unlinkat(directory, path, flags) : -1;
}

/* A short call writes one byte. */
WRAP(ssize_t, writev, int fd, const struct iovec *pieces, int count)
{
    size_t length = count > 0 ? pieces[0].iov_len : 0;
    if (!faults_pass(FAULT_WRITEV, &length))
        return -1;
    if (count == 0 || length == pieces[0].iov_len)
        return __real_writev(fd, pieces, count);
    const struct iovec first = {pieces[0].iov_base, length};
    return __real_writev(fd, &first, 1);
}

static bool syscall_passes(long number, long a, long c)
{
    const struct open_how *how = (const struct open_how *)c;
    switch (number) {
    case SYS_openat2:
        if ((int)a == AT_FDCWD)
            return faults_pass(FAULT_OPENAT2_ROOT, NULL);
        return faults_pass(how->resolve & RESOLVE_CACHED ? FAULT_OPENAT2_CACHED : FAULT_OPENAT2,
                           NULL);
    case SYS_close_range:
        return faults_pass(FAULT_CLOSE_RANGE, NULL);
    case SYS_io_uring_register:
        return faults_pass(FAULT_URING_REGISTER, NULL);
    default:
        return true;
    }
}

WRAP(long, syscall, long number, long a, long b, long c, long d, long e, long f)
{
    return syscall_passes(number, a, c) ? __real_syscall(number, a, b, c, d, e, f) : -1;
}

/* NOLINTEND(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */
