/* dial: see dial.h. */
#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS_USED = 16 }; /* the standard three, epoll, and some to spare */

static struct sockaddr_in loopback(uint8_t last, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + last),
    };
}

/* Sets what must be set before FD connects, and connects it. Returns 0 or a negative errno. */
static int connect_socket(int fd, const struct dial *dial)
{
    struct sockaddr_in from = loopback(dial->source, 0);
    struct sockaddr_in to = loopback(1, dial->port);
    int bytes = dial->receive_buffer_bytes;

    if (bytes && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) < 0)
        return -errno;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) < 0)
        return -errno;
    /* The port is chosen by connect, so that each source address has all of them. */
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int)) < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)
        return -errno;
    return 0;
}

int dial_connect(const struct dial *dial)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = connect_socket(fd, dial);
    if (error < 0) {
        close(fd);
        return error;
    }
    return fd;
}

int dial_error(int fd)
{
    int error = 0;
    socklen_t bytes = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0)
        return -errno;
    return -error;
}

void dial_reset(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

unsigned dial_raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 256;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 1000000 ? 1000000 : (unsigned)limit.rlim_cur - DESCRIPTORS_USED;
}

int64_t dial_clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

unsigned long dial_number(const char *text, unsigned long max)
{
    char *end;

    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || value > max) {
        fprintf(stderr, "\"%s\" is not a number up to %lu\n", text, max);
        exit(2);
    }
    return value;
}
