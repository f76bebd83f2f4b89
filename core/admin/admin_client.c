/* admin_client: see admin_client.h. */
#include "admin/admin_client.h"

#include "base/clock.h"
#include "base/num.h"
#include "config/listen.h"
#include "system/net.h"
#include "system/unix_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { REPLY_BYTES_MAX = 64 << 20 };

/* A socket whose every wait ends at DEADLINE_MS of the monotonic clock. */
struct stream {
    int fd;
    uint64_t deadline_ms;
};

static int await(const struct stream *stream, short events)
{
    for (;;) {
        const uint64_t now_ms = clock_monotonic_ms();
        if (now_ms >= stream->deadline_ms)
            return -ETIMEDOUT;
        struct pollfd watched = {stream->fd, events, 0};
        const int count = poll(&watched, 1, (int)(stream->deadline_ms - now_ms));
        if (count > 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return -errno;
    }
}

/* Connects to ADDRESS. Returns 0 or a negative errno. */
static int connect_to(struct stream *stream, const struct sockaddr *address, socklen_t bytes)
{
    int error = 0;
    socklen_t room = sizeof error;
    stream->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (stream->fd < 0 || connect(stream->fd, address, bytes) == 0)
        return stream->fd < 0 ? -errno : 0;
    if (errno != EINPROGRESS)
        return -errno;
    const int late = await(stream, POLLOUT);
    if (late)
        return late;
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &room) < 0)
        return -errno;
    return -error;
}

static int connect_unix(struct stream *stream, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(path);
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') /* an abstract name, unix(7) */
        address.sun_path[0] = '\0';
    return connect_to(stream, (const struct sockaddr *)&address,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

/* Connects to one of the addresses of LISTEN; for a wildcard address to loopback. */
static int connect_tcp(struct stream *stream, const struct listen *listen)
{
    struct net_set set = {.count = 0};
    int error = -EADDRNOTAVAIL;
    net_add(&set, listen->address[0] ? listen->address : "127.0.0.1");
    for (unsigned i = 0; i < set.count; i++) {
        struct net_address address = set.addresses[i];
        if (net_address_is_wildcard(&address))
            address = net_address_is_v6(&address) ? net_address_v6(in6addr_loopback)
                                                  : net_address_v4(INADDR_LOOPBACK);
        if (net_address_is_v6(&address))
            address.at.v6.sin6_port = htons(listen->port);
        else
            address.at.v4.sin_port = htons(listen->port);
        error = connect_to(stream, &address.at.any, net_address_bytes(&address));
        if (!error)
            return 0;
        if (stream->fd >= 0)
            close(stream->fd);
        stream->fd = -1;
    }
    return error;
}

static int send_request(const struct stream *stream, const char *path)
{
    char request[256];
    const int length =
        snprintf(request, sizeof request,
                 "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    for (int sent = 0; sent < length;) {
        const ssize_t count =
            send(stream->fd, request + sent, (size_t)(length - sent), MSG_NOSIGNAL);
        int error = count < 0 && errno != EINTR ? -errno : 0;
        if (error == -EAGAIN)
            error = await(stream, POLLOUT);
        if (error)
            return error;
        sent += count > 0 ? (int)count : 0;
    }
    return 0;
}

/* Receives to the end. */
static int receive_all(const struct stream *stream, struct admin_reply *reply, size_t *ret_length)
{
    size_t length = 0, room = 0;
    for (;;) {
        if (length == room) {
            room = room > 0 ? 2 * room : 64 << 10;
            char *bytes = room <= REPLY_BYTES_MAX ? realloc(reply->bytes, room) : NULL;
            if (!bytes)
                return -ENOMEM;
            reply->bytes = bytes;
        }
        const ssize_t got = recv(stream->fd, reply->bytes + length, room - length, 0);
        int error = got < 0 && errno != EINTR ? -errno : 0;
        if (error == -EAGAIN)
            error = await(stream, POLLIN);
        if (error)
            return error;
        length += got > 0 ? (size_t)got : 0;
        if (got == 0)
            break;
    }
    *ret_length = length;
    return 0;
}

/* Finds the status and the body in the LENGTH bytes of REPLY. */
static int take_apart(struct admin_reply *reply, size_t length)
{
    static const char prefix[] = "HTTP/1.1 ";
    uint64_t status;
    const struct str all = {reply->bytes, length};
    const char *blank = length > 0 ? memmem(all.at, length, "\r\n\r\n", 4) : NULL;
    if (!blank || !str_starts_with(all, STR("HTTP/1.1 ")) ||
        !num_parse_u64(str_first(str_from(all, sizeof prefix - 1), 3), &status))
        return -EPROTO;
    reply->status = (unsigned)status;
    reply->body = str_from(all, (size_t)(blank - all.at) + 4);
    return 0;
}

static int fetch(struct stream *stream, const struct listen *listen, const char *path,
                 struct admin_reply *reply)
{
    size_t length = 0;
    int error = listen->unix_socket.path[0] ? connect_unix(stream, listen->unix_socket.path)
                                            : connect_tcp(stream, listen);
    if (!error)
        error = send_request(stream, path);
    if (!error)
        error = receive_all(stream, reply, &length);
    return error ? error : take_apart(reply, length);
}

int admin_fetch(const char *where, const char *path, unsigned timeout_ms, struct admin_reply *ret,
                struct problem *ret_problem)
{
    struct listen listen;
    struct admin_reply reply = {.status = 0};
    struct stream stream = {.fd = -1, .deadline_ms = clock_monotonic_ms() + timeout_ms};
    int error = listen_parse(str_of(where), &listen, ret_problem);
    if (error)
        return error;
    error = fetch(&stream, &listen, path, &reply);
    if (stream.fd >= 0)
        close(stream.fd);
    if (!error) {
        *ret = reply;
        return 0;
    }
    free(reply.bytes);
    problem_set(ret_problem, "no answer from the admin listener at %s: %s", where,
                error == -EPROTO ? "it is not an admin listener" : strerror(-error));
    problem_remedy(ret_problem, "start the server with --admin %s", where);
    return error;
}
