/* unix_socket: a listening socket of the Unix domain, and the file that is its name. unix(7).
 *
 * A file that an ended process has left is replaced, as nothing accepts connections there any more.
 * One that accepts connections is left alone, and so is everything that is not a socket. Mode and
 * owner of the file are set before the socket listens, so no client connects before that. They are
 * set by its descriptor: in a directory that others may write to, another file may be in its place
 * by then.
 *
 * Owns the file from unix_socket_listen on, and a descriptor of it (O_PATH), by which it is
 * recognised at the end: another process may have replaced the file by its own. A name that begins
 * with '@' is abstract, and has no file. */
#ifndef SLUICE_UNIX_SOCKET_H
#define SLUICE_UNIX_SOCKET_H

#include "base/problem.h"

enum { UNIX_SOCKET_PATH_BYTES = 108 }; /* with a NUL: sockaddr_un.sun_path */

#define UNIX_SOCKET_AS_MADE UINT32_MAX /* a mode or an owner that is not changed */

/* All zeros: none. */
struct unix_socket {
    char path[UNIX_SOCKET_PATH_BYTES]; /* or "@" and a name; "": none */
    uint32_t mode;                     /* of the file; or UNIX_SOCKET_AS_MADE: by the umask */
    uint32_t user, group;              /* likewise */
    bool has_file;                     /* FILE is open, and names the file that was made */
    bool is_handed_over;               /* another process made it, and has given the socket */
    int file;
};

/* Opens a listening socket on SOCKET->path: non-blocking, close-on-exec. Returns the descriptor,
 * which the caller owns, or a negative errno with *RET_PROBLEM set and nothing left: EADDRINUSE if
 * another process accepts connections there, EEXIST if the file is not a socket. */
int unix_socket_listen(struct unix_socket *socket, int backlog, struct problem *ret_problem);

/* Removes the file, if it is still the one that was made. No effect the second time. */
void unix_socket_remove(struct unix_socket *socket);

/* Gives the file the mode and the owner of WANTED. Returns 0, or a negative errno: EOPNOTSUPP if
 * one that was chosen is to be as it was made, which is not known. */
int unix_socket_change(struct unix_socket *socket, const struct unix_socket *wanted);

/* Takes over the file from another process, which has given its listening socket to this one
 * (is_handed_over), and does not need it any more. Without effect on other sockets. Returns 0, or a
 * negative errno: the file keeps a mode or an owner that are not those of SOCKET. */
int unix_socket_keep(struct unix_socket *socket);

/* Leaves the file to another process, which has been given the listening socket. */
void unix_socket_leave(struct unix_socket *socket);

static inline bool unix_socket_is_abstract(const struct unix_socket *socket)
{
    return socket->path[0] == '@';
}

#endif
