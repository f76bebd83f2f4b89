/* wire: TCP on the loopback interface, for tests: a connected pair, a listener, a client. Like
 * tree, for Criterion and the plain runner alike. Sockets for the code under test are non-blocking;
 * a client's blocks, but for at most ten seconds. */
#ifndef SLUICE_TESTS_WIRE_H
#define SLUICE_TESTS_WIRE_H

#include "base/str.h"
#include "support/tree.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { WIRE_PATIENCE_SECONDS = 10 };

/* A listener on a free port of 127.0.0.1. */
static inline int wire_listen(uint16_t *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    tree_must(fd >= 0, "socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    tree_must(bind(fd, (const struct sockaddr *)&at, sizeof at) == 0, "bind");
    tree_must(listen(fd, 256) == 0, "listen");
    tree_must(getsockname(fd, (struct sockaddr *)&at, &length) == 0, "getsockname");
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static inline int wire_connect(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval patience = {.tv_sec = WIRE_PATIENCE_SECONDS};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    tree_must(fd >= 0, "socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    tree_must(connect(fd, (const struct sockaddr *)&at, sizeof at) == 0, "connect");
    return fd;
}

/* Two ends of one connection: *RET_SERVER does not block. */
static inline void wire_pair(int *ret_server, int *ret_client)
{
    uint16_t port;
    int listener = wire_listen(&port);
    *ret_client = wire_connect(port);
    fcntl(listener, F_SETFL, 0);
    *ret_server = accept(listener, NULL, NULL);
    tree_must(*ret_server >= 0, "accept");
    fcntl(*ret_server, F_SETFL, O_NONBLOCK);
    close(listener);
}

/* False: the peer does not accept all of it. */
static inline bool wire_send(int fd, struct str bytes)
{
    while (bytes.length > 0) {
        /* Not by send, which a test may have made fail. */
        ssize_t sent = sendto(fd, bytes.at, bytes.length, MSG_NOSIGNAL, NULL, 0);
        if (sent <= 0)
            return false;
        bytes = str_from(bytes, (size_t)sent);
    }
    return true;
}

/* Receives until the end of input, or until ROOM is full. Returns the number of bytes; -1: no end
 * within the time, or a reset. Not by recv, which is wrapped in the unit tests. */
static inline ssize_t wire_read_all(int fd, char *to, size_t room)
{
    size_t length = 0;
    while (length < room) {
        ssize_t got = read(fd, to + length, room - length);
        if (got <= 0)
            return got == 0 ? (ssize_t)length : -1;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

/* Closes with a reset. */
static inline void wire_reset(int fd)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

#endif
