/* socket: see socket.h. */
#include "conn/socket.h"

#include "conn/conn.h"
#include "system/net_address.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static bool would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}

/* --- Notes ------------------------------------------------------------------------------------ */

ssize_t socket_note_no_input(struct socket *socket, ssize_t got)
{
    int error = got < 0 ? errno : 0;
    if (got == 0 || would_block(error))
        socket->readable = false;
    return would_block(error) ? -EAGAIN : -error;
}

ssize_t socket_note_not_sent(struct socket *socket)
{
    int error = errno;
    if (!would_block(error))
        return -error;
    socket_note_full(socket);
    return -EAGAIN;
}

/* --- Raw bytes -------------------------------------------------------------------------------- */

static ssize_t receive(struct conn_context *context, struct conn *conn, void *to, size_t room)
{
    ssize_t got;
    (void)context;
    do
        got = recv(conn->socket.fd, to, room, 0);
    while (got < 0 && errno == EINTR);
    return socket_note_received(&conn->socket, got, room);
}

static ssize_t send_bytes(struct conn_context *context, struct conn *conn, const void *from,
                          size_t length)
{
    ssize_t sent;
    (void)context;
    do
        sent = send(conn->socket.fd, from, length, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent >= 0 ? sent : socket_note_not_sent(&conn->socket);
}

const struct socket_io socket_io_direct = {.receive = receive, .send = send_bytes};

/* --- The peer --------------------------------------------------------------------------------- */

uint32_t socket_held_bytes(const struct socket *socket)
{
    int bytes;
    return ioctl(socket->fd, SIOCOUTQ, &bytes) == 0 ? (uint32_t)bytes : UINT32_MAX;
}

bool socket_has_input(const struct socket *socket)
{
    int bytes;
    return ioctl(socket->fd, FIONREAD, &bytes) != 0 || bytes > 0;
}

bool socket_delivered(const struct socket *socket)
{
    return socket_held_bytes(socket) == 0;
}

bool socket_drains(struct socket *socket)
{
    uint32_t before = socket->kernel_bytes;
    bool again = socket->no_progress;
    socket->kernel_bytes = socket_held_bytes(socket);
    socket->no_progress = socket->kernel_bytes >= before;
    return !(again && socket->no_progress);
}

/* A peer without room acknowledges probes, which are sent without bytes; one that is gone
 * acknowledges nothing, while bytes are sent again and again. */
uint64_t socket_stalled_ms(const struct socket *socket)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(socket->fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return UINT64_MAX;
    if (info.tcpi_state == TCP_CLOSE)
        return UINT64_MAX;
    return info.tcpi_last_data_sent > info.tcpi_last_ack_recv ? info.tcpi_last_data_sent
                                                              : info.tcpi_last_ack_recv;
}

bool socket_hang_up_is_reset(const struct socket *socket)
{
    int domain;
    socklen_t length = sizeof domain;
    return getsockopt(socket->fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 ||
           domain != AF_UNIX;
}

void socket_abort(const struct socket *socket)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(socket->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

int socket_shut(const struct socket *socket)
{
    return shutdown(socket->fd, SHUT_WR) < 0 ? -errno : 0;
}

/* The endpoint that ADDRESS is, which getpeername or getsockname has set if GOOD. */
static struct endpoint endpoint_of(const struct net_address *address, bool good)
{
    const sa_family_t family = good ? address->at.any.sa_family : AF_UNSPEC;
    const struct sockaddr_in *v4 = &address->at.v4;
    const struct sockaddr_in6 *v6 = &address->at.v6;
    if (family == AF_INET)
        return endpoint_make(4, &v4->sin_addr, ntohs(v4->sin_port));
    if (family == AF_INET6)
        return endpoint_make(6, &v6->sin6_addr, ntohs(v6->sin6_port));
    return (struct endpoint){.version = family == AF_UNIX ? ENDPOINT_UNIX : ENDPOINT_UNKNOWN};
}

void socket_peer(const struct socket *socket, struct endpoint *ret)
{
    struct net_address peer = {.at.v6 = {.sin6_family = AF_UNSPEC}};
    socklen_t bytes = sizeof peer.at;
    *ret = endpoint_of(&peer, getpeername(socket->fd, &peer.at.any, &bytes) == 0);
}

void socket_local(const struct socket *socket, struct endpoint *ret)
{
    struct net_address local = {.at.v6 = {.sin6_family = AF_UNSPEC}};
    socklen_t bytes = sizeof local.at;
    *ret = endpoint_of(&local, getsockname(socket->fd, &local.at.any, &bytes) == 0);
}
