/* event_fd: see event_fd.h. */
#include "system/event_fd.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int event_fd_open(void)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void event_fd_signal(int fd)
{
    const uint64_t one = 1;
    int saved = errno;
    /* EAGAIN (the count is at its maximum) needs no retry: FD is readable. */
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
    errno = saved;
}

uint64_t event_fd_take(int fd)
{
    uint64_t count;
    ssize_t bytes;
    do {
        bytes = read(fd, &count, sizeof count);
    } while (bytes < 0 && errno == EINTR);
    return bytes == (ssize_t)sizeof count ? count : 0;
}
