/* memory_file: see memory_file.h. */
#include "system/memory_file.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 << 10 };

/* preadv2, because the tests let that fail. */
static ssize_t read_at(int fd, char *to, size_t length, size_t first)
{
    struct iovec piece = {to, length};
    ssize_t got;
    do
        got = preadv2(fd, &piece, 1, (off_t)first, 0);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

static bool write_whole(int fd, const char *from, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, from, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        from += written;
        length -= (size_t)written;
    }
    return true;
}

/* Copies to the file TO_FD. *RET_WRITTEN: false if that can't be written. Returns the number of
 * bytes or a negative errno. */
static ssize_t copy(int from_fd, size_t length, int to_fd, bool *ret_written)
{
    char piece[PIECE_BYTES];
    size_t done = 0;
    *ret_written = true;
    while (done < length && *ret_written) {
        size_t wanted = length - done < sizeof piece ? length - done : sizeof piece;
        ssize_t got = read_at(from_fd, piece, wanted, done);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        *ret_written = write_whole(to_fd, piece, (size_t)got);
        done += (size_t)got;
    }
    return (ssize_t)done;
}

ssize_t memory_file_copy(int from_fd, size_t length, int *ret)
{
    bool written;
    *ret = -1;
    int fd = memfd_create("copy", MFD_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t copied = copy(from_fd, length, fd, &written);
    if (copied >= 0 && written)
        *ret = fd;
    else
        close(fd);
    return copied;
}
