/* limit: what limit.c and limit_tls.c have in common: how they listen and accept, and the head
 * of their answer. Each of the two is one file with this one, and defines LIMIT_NAME. */
#ifndef SLUICE_BENCH_LIMIT_H
#define SLUICE_BENCH_LIMIT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    EVENTS_MAX = 512, /* taken from the kernel at once */
    HEAD_BYTES_MAX = 512,
    BODY_BYTES_MAX = 1 << 30,
    BLANK_LINE = 0x0d0a0d0a, /* the end of a head: CR LF CR LF */
};

enum progress { WAITING, FINISHED, BROKEN };

/* After a call that sent or received nothing. */
static inline enum progress why_not(ssize_t moved)
{
    return moved < 0 && errno == EAGAIN ? WAITING : BROKEN;
}

/* The blank lines in BYTES. *LAST_FOUR: the bytes before, the latest lowest. */
static inline unsigned count_blank_lines(uint32_t *last_four, const char *bytes, size_t length)
{
    uint32_t last = *last_four;
    unsigned count = 0;

    for (size_t i = 0; i < length; i++) {
        last = last << 8 | (uint8_t)bytes[i];
        if (last == BLANK_LINE)
            count++;
    }
    *last_four = last;
    return count;
}

/* --- Start ------------------------------------------------------------------------------------ */

static inline _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, LIMIT_NAME ": %s: %s\n", what, why);
    exit(1);
}

static _Noreturn void misused(void);

/* The decimal number TEXT, at most MAX. */
static inline size_t number(const char *text, unsigned long max)
{
    char *end;

    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || value > max)
        misused();
    return value;
}

/* Writes a head such as servers send it to BYTES, HEAD_BYTES_MAX long; gives its length. */
static inline size_t write_head(char *bytes, size_t body_bytes, bool not_modified, bool close_after)
{
    char length[64] = "";

    if (!not_modified)
        snprintf(length, sizeof(length), "Content-Type: text/html\r\nContent-Length: %zu\r\n",
                 body_bytes);
    return (size_t)snprintf(bytes, HEAD_BYTES_MAX,
                            "HTTP/1.1 %s\r\n"
                            "Server: limit\r\n"
                            "Date: Sun, 22 Nov 2026 00:00:00 GMT\r\n"
                            "%s"
                            "Last-Modified: Sun, 22 Nov 2026 00:00:00 GMT\r\n"
                            "ETag: \"6740c-264\"\r\n"
                            "Accept-Ranges: bytes\r\n"
                            "%s\r\n",
                            not_modified ? "304 Not Modified" : "200 OK", length,
                            close_after ? "Connection: close\r\n" : "");
}

/* HEAD and zeros of text, UNIT_BYTES together, COPIES times. */
static inline char *repeat_unit(const char *head, size_t head_bytes, size_t unit_bytes,
                                unsigned copies)
{
    char *bytes = malloc(copies * unit_bytes);

    if (!bytes)
        fail("the answer", strerror(errno));
    for (unsigned i = 0; i < copies; i++) {
        char *unit = bytes + i * unit_bytes;
        memset(unit, 'x', unit_bytes);
        memcpy(unit, head, head_bytes);
    }
    return bytes;
}

static inline int listen_on(size_t port)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t at_bytes = sizeof(at);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
        bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, BACKLOG) < 0 ||
        getsockname(listener, (struct sockaddr *)&at, &at_bytes) < 0)
        fail("listening", strerror(errno));
    printf("listening on %d\n", ntohs(at.sin_port));
    fflush(stdout);
    return listener;
}

/* Accepts a connection and sets its options. -1: no connection waits. */
static inline int accept_one(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

/* Whether EPOLL reports the events of FD as CONNECTION from now on. */
static inline bool watch(int epoll, int fd, void *connection)
{
    struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, {connection}};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

#endif
