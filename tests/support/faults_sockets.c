/* faults_sockets: the wrappers of calls on sockets and of epoll(7); see faults.h.
 *
 * When a call says EAGAIN, or moves less than it could, an event of edge-triggered epoll follows as
 * soon as the call could do more. The kernel does not know that here it could at once, so after
 * such a failure the descriptor is registered anew, which has its state reported again.
 */
#include "support/faults_wrap.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { PIECES_MAX = 1024, DESCRIPTORS_MAX = 4096 };

/* The registrations, by descriptor. A descriptor is used by one thread at a time. */
static struct registration {
    int epoll; /* + 1; 0: none */
    struct epoll_event event;
} registrations[DESCRIPTORS_MAX];

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */

/* --- epoll ------------------------------------------------------------------------------------ */

WRAP(int, epoll_create1, int flags)
{
    return faults_pass(FAULT_EPOLL_CREATE1, NULL) ? __real_epoll_create1(flags) : -1;
}

WRAP(int, epoll_ctl, int epoll, int op, int fd, struct epoll_event *event)
{
    if (!faults_pass(FAULT_EPOLL_CTL, NULL))
        return -1;
    int result = __real_epoll_ctl(epoll, op, fd, event);
    if (result == 0 && fd < DESCRIPTORS_MAX)
        registrations[fd] = op == EPOLL_CTL_DEL ? (struct registration){0}
                                                : (struct registration){epoll + 1, *event};
    return result;
}

WRAP(int, epoll_wait, int epoll, struct epoll_event *events, int room, int wait_ms)
{
    if (!faults_pass(FAULT_EPOLL_WAIT, NULL))
        return -1;
    return __real_epoll_wait(epoll, events, room, wait_ms);
}

/* faults_pass for a call on the socket FD, after which a failure has its state reported again. */
static bool pass_on(enum fault which, int fd, size_t *length)
{
    size_t wanted = length ? *length : 0;
    bool passes = faults_pass(which, length);
    int error = passes ? 0 : errno;
    bool is_short = passes && length && *length < wanted;
    if ((is_short || error == EAGAIN) && fd < DESCRIPTORS_MAX && registrations[fd].epoll > 0)
        __real_epoll_ctl(registrations[fd].epoll - 1, EPOLL_CTL_MOD, fd, &registrations[fd].event);
    errno = error;
    return passes;
}

/* --- Making sockets --------------------------------------------------------------------------- */

WRAP(int, accept4, int fd, struct sockaddr *from, socklen_t *length, int flags)
{
    return pass_on(FAULT_ACCEPT4, fd, NULL) ? __real_accept4(fd, from, length, flags) : -1;
}

WRAP(int, connect, int fd, const struct sockaddr *to, socklen_t length)
{
    return faults_pass(FAULT_CONNECT, NULL) ? __real_connect(fd, to, length) : -1;
}

WRAP(int, bind, int fd, const struct sockaddr *to, socklen_t length)
{
    return faults_pass(FAULT_BIND, NULL) ? __real_bind(fd, to, length) : -1;
}

WRAP(int, listen, int fd, int backlog)
{
    return faults_pass(FAULT_LISTEN, NULL) ? __real_listen(fd, backlog) : -1;
}

WRAP(int, socket, int domain, int type, int protocol)
{
    return faults_pass(FAULT_SOCKET, NULL) ? __real_socket(domain, type, protocol) : -1;
}

WRAP(int, socketpair, int domain, int type, int protocol, int ret[2])
{
    return faults_pass(FAULT_SOCKETPAIR, NULL) ? __real_socketpair(domain, type, protocol, ret)
                                               : -1;
}

WRAP(int, shutdown, int fd, int how)
{
    return faults_pass(FAULT_SHUTDOWN, NULL) ? __real_shutdown(fd, how) : -1;
}

/* --- What sockets are ------------------------------------------------------------------------- */

WRAP(int, setsockopt, int fd, int level, int name, const void *value, socklen_t length)
{
    if (!faults_pass(FAULT_SETSOCKOPT, NULL))
        return -1;
    return __real_setsockopt(fd, level, name, value, length);
}

WRAP(int, getsockname, int fd, struct sockaddr *ret, socklen_t *length)
{
    return faults_pass(FAULT_GETSOCKNAME, NULL) ? __real_getsockname(fd, ret, length) : -1;
}

WRAP(int, getsockopt, int fd, int level, int name, void *value, socklen_t *length)
{
    if (!faults_pass(FAULT_GETSOCKOPT, NULL))
        return -1;
    return __real_getsockopt(fd, level, name, value, length);
}

WRAP(int, getpeername, int fd, struct sockaddr *ret, socklen_t *length)
{
    return faults_pass(FAULT_GETPEERNAME, NULL) ? __real_getpeername(fd, ret, length) : -1;
}

WRAP(int, ioctl, int fd, unsigned long request, void *argument)
{
    return faults_pass(FAULT_IOCTL, NULL) ? __real_ioctl(fd, request, argument) : -1;
}

WRAP(int, getaddrinfo, const char *name, const char *service, const struct addrinfo *hints,
     struct addrinfo **ret)
{
    if (!faults_pass(FAULT_GETADDRINFO, NULL))
        return EAI_SYSTEM;
    return __real_getaddrinfo(name, service, hints, ret);
}

WRAP(int, getifaddrs, struct ifaddrs **ret)
{
    return faults_pass(FAULT_GETIFADDRS, NULL) ? __real_getifaddrs(ret) : -1;
}

/* --- Receiving and sending -------------------------------------------------------------------- */

WRAP(ssize_t, recv, int fd, void *to, size_t length, int flags)
{
    return pass_on(FAULT_RECV, fd, &length) ? __real_recv(fd, to, length, flags) : -1;
}

/* _FORTIFY_SOURCE makes this call of recv. */
WRAP(ssize_t, __recv_chk, int fd, void *to, size_t length, size_t room, int flags)
{
    if (!pass_on(FAULT_RECV, fd, &length))
        return -1;
    return __real___recv_chk(fd, to, length, room, flags);
}

WRAP(ssize_t, sendfile, int to, int from, off_t *first, size_t length)
{
    return pass_on(FAULT_SENDFILE, to, &length) ? __real_sendfile(to, from, first, length) : -1;
}

/* Copies to TO the first of the COUNT pieces at FROM that hold LENGTH bytes. Returns their
 * number. */
static int cut_pieces(struct iovec *to, const struct iovec *from, int count, size_t length)
{
    int used = 0;
    for (; used < count && length > 0; used++) {
        to[used] = from[used];
        if (to[used].iov_len > length)
            to[used].iov_len = length;
        length -= to[used].iov_len;
    }
    return used;
}

static size_t bytes_of(const struct iovec *pieces, int count)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += pieces[i].iov_len;
    return bytes;
}

WRAP(ssize_t, readv, int fd, const struct iovec *pieces, int count)
{
    struct iovec cut[PIECES_MAX];
    size_t length = bytes_of(pieces, count);
    if (!pass_on(FAULT_READV, fd, &length))
        return -1;
    return __real_readv(fd, cut, cut_pieces(cut, pieces, count, length));
}

WRAP(ssize_t, send, int fd, const void *bytes, size_t length, int flags)
{
    return pass_on(FAULT_SEND, fd, &length) ? __real_send(fd, bytes, length, flags) : -1;
}

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *message, int flags)
{
    struct iovec cut[PIECES_MAX];
    struct msghdr shorter = *message;
    size_t length = bytes_of(message->msg_iov, (int)message->msg_iovlen);
    if (!pass_on(FAULT_SEND, fd, &length))
        return -1;
    shorter.msg_iov = cut;
    shorter.msg_iovlen =
        (size_t)cut_pieces(cut, message->msg_iov, (int)message->msg_iovlen, length);
    return __real_sendmsg(fd, &shorter, flags);
}

/* NOLINTEND(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name) */
