/* whole_file: see whole_file.h. */
#include "system/whole_file.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads FD to its end, into BYTES with room for BYTES_MAX + 1. */
static ssize_t read_all(int fd, char *bytes, size_t bytes_max)
{
    struct pollfd watched = {.fd = fd, .events = POLLIN};
    const uint64_t end_ms = clock_monotonic_ms() + WHOLE_FILE_PIPE_MS;
    size_t length = 0;
    while (length <= bytes_max) {
        const uint64_t now_ms = clock_monotonic_ms();
        if (poll(&watched, 1, now_ms < end_ms ? (int)(end_ms - now_ms) : 0) == 0)
            return -ETIMEDOUT;
        ssize_t count = read(fd, bytes + length, bytes_max + 1 - length);
        if (count == 0)
            return (ssize_t)length;
        if (count < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        length += count > 0 ? (size_t)count : 0;
    }
    return -EFBIG;
}

ssize_t whole_file_read_from(int fd, size_t bytes_max, char **ret)
{
    char *bytes = malloc(bytes_max + 1);
    if (!bytes)
        return -ENOMEM;
    const ssize_t length = read_all(fd, bytes, bytes_max);
    if (length < 0)
        free(bytes);
    else
        *ret = bytes;
    return length;
}

ssize_t whole_file_read(const char *path, size_t bytes_max, char **ret)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    const ssize_t length = whole_file_read_from(fd, bytes_max, ret);
    close(fd);
    return length;
}

const char *whole_file_reason(int error)
{
    static_assert(WHOLE_FILE_PIPE_MS == 5000, "the text below names the bound");
    return error == -ETIMEDOUT ? "it is a pipe, and its end has not come within 5 s"
                               : strerror(-error);
}
