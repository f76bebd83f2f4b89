/* socket: the state of a connection's socket, and raw bytes to and from it.
 *
 * Readiness is stored here: events set `readable` and `writable`; EAGAIN or a short count clears
 * them. The event loop and the transport write these members; conn reads them. No bytes are kept
 * here. tcp(7), epoll(7).
 *
 * A host that is short of TCP memory makes readiness spurious: the socket polls writable, because
 * its buffer has room, and takes nothing. Each such report is counted; from the first one on,
 * further reports are ignored and the loop tries again by time, until the socket takes a byte. */
#ifndef SLUICE_SOCKET_H
#define SLUICE_SOCKET_H

#include "base/endpoint.h"

#include <sys/types.h>

struct conn;
struct conn_context;

enum { SOCKET_SPURIOUS_MAX = 6 };

struct socket {
    int fd;
    uint32_t
        kernel_bytes; /* that the peer has not acknowledged, when it was last seen to take none */
    bool registered : 1;   /* with the loop's event source */
    bool readable : 1;     /* set by events, cleared when there is nothing to read */
    bool writable : 1;     /* set by events, cleared by EAGAIN */
    bool hangup : 1;       /* the peer's end of input is on its way: read until it comes */
    bool input_ended : 1;  /* the peer's end of input has been read */
    bool lowat_lifted : 1; /* TCP_NOTSENT_LOWAT is the system's default, see file_send */
    bool handshaking : 1;  /* set by the transport: its handshake is not over */
    bool holds_input : 1;  /* set by the transport: input that it has not handed to conn yet */
    bool holds_output : 1; /* set by the transport: bytes that it has sealed and not sent */
    bool refused : 1;      /* it took nothing of a file when that was last tried */
    /* What progress ends, side by side: one instruction clears it. */
    bool no_progress : 1; /* at the last check the peer had taken nothing, see socket_drains */
    bool announced : 1;   /* reported writable, and has taken nothing since */
    unsigned
        spurious : 3;   /* such reports in a row, at most SOCKET_SPURIOUS_MAX; 0: trust the next */
    uint32_t quick : 4; /* pieces of files that it took without a long wait, see file_send */
    uint32_t refused_tick : 12; /* when it refused, in 16 ms */
};

/* How an engine moves raw bytes, for transports that transform them. They keep `readable` and
 * `writable`, and return the bytes moved, at least 1; 0 at the end of input; or a negative
 * errno: -EAGAIN, when nothing can be moved now, or the error that has broken the connection. */
struct socket_io {
    ssize_t (*receive)(struct conn_context *context, struct conn *conn, void *to, size_t room);
    ssize_t (*send)(struct conn_context *context, struct conn *conn, const void *from,
                    size_t length);
};

/* By recv(2) and send(2). */
extern const struct socket_io socket_io_direct;

static inline void socket_init(struct socket *ret, int fd)
{
    *ret = (struct socket){.fd = fd, .kernel_bytes = UINT32_MAX};
}

/* Reports that the socket has taken bytes. */
static inline void socket_progressed(struct socket *socket)
{
    socket->kernel_bytes = UINT32_MAX;
    socket->no_progress = socket->announced = false;
    socket->spurious = 0;
}

/* Assumes that the socket takes bytes, although it may have refused them before. */
static inline void socket_try_again(struct socket *socket)
{
    socket->writable = socket->announced = true;
}

/* Notes an event: the socket polls writable. Ignored after a spurious one. */
static inline void socket_note_writable(struct socket *socket)
{
    if (socket->spurious == 0)
        socket_try_again(socket);
}

/* Notes that the socket took nothing (EAGAIN). */
static inline void socket_note_full(struct socket *socket)
{
    if (socket->announced && socket->spurious < SOCKET_SPURIOUS_MAX)
        socket->spurious = (socket->spurious + 1u) & 7u;
    socket->writable = socket->announced = false;
}

/* Notes that receiving returned GOT: 0, the end, or -1 with errno. Returns 0 or a negative
 * errno. */
ssize_t socket_note_no_input(struct socket *socket, ssize_t got);

/* Notes that receiving WANTED bytes returned GOT, or -1 with errno. A short count means that
 * there is no more, and saves the call that would return EAGAIN, unless the end of input is
 * there too (epoll(7)). Returns GOT, or a negative errno. */
static inline ssize_t socket_note_received(struct socket *socket, ssize_t got, size_t wanted)
{
    if (got <= 0)
        return socket_note_no_input(socket, got);
    if ((size_t)got < wanted && !socket->hangup)
        socket->readable = false;
    return got;
}

/* Notes that sending returned -1 with errno. Returns a negative errno. */
ssize_t socket_note_not_sent(struct socket *socket);

/* Whether the kernel has received bytes that have not been read. */
bool socket_has_input(const struct socket *socket);

/* Bytes that the socket holds until the peer acknowledges them; UINT32_MAX if that is unknown. */
uint32_t socket_held_bytes(const struct socket *socket);

/* Whether the peer's kernel has acknowledged all that was sent. */
bool socket_delivered(const struct socket *socket);

/* Whether a peer that the socket takes no more for may still be taking bytes: the socket may
 * hold megabytes, and becomes writable only when a good part of them has gone. False when it has
 * taken none at two checks in a row, so check twice in the time that it has. */
bool socket_drains(struct socket *socket);

/* For how long the peer has taken nothing of what the socket holds for it, in milliseconds: no
 * bytes could be sent, because it has no room, or none were acknowledged. UINT64_MAX if that is
 * unknown, or the connection has been reset. tcp(7), TCP_INFO. */
uint64_t socket_stalled_ms(const struct socket *socket);

/* Whether a hang-up, when our side is not shut, means that the connection was reset: with TCP, but
 * not on a Unix socket, which hangs up whenever its peer closes. */
bool socket_hang_up_is_reset(const struct socket *socket);

/* Makes the close of the socket a reset: the bytes that it holds are dropped, not left to the
 * kernel. SO_LINGER, socket(7). */
void socket_abort(const struct socket *socket);

/* Shuts our side: FIN follows what has been sent. 0 or a negative errno. */
int socket_shut(const struct socket *socket);

/* Sets *RET to the socket's peer (getpeername(2)); of an unknown version if that fails, or if it is
 * neither of IP nor of the Unix domain. */
void socket_peer(const struct socket *socket, struct endpoint *ret);

/* The same for the socket's own address (getsockname(2)). */
void socket_local(const struct socket *socket, struct endpoint *ret);

#endif
