/* inherited: the sockets that this process was started with: sd_listen_fds(3), "socket activation".
 *
 * Whoever starts the process opens sockets, leaves them at descriptors 3 and up, and says in
 * variables how many there are (LISTEN_FDS), for which process (LISTEN_PID), and, if it likes, what
 * each is called (LISTEN_FDNAMES). A service manager does that, and so does Sluice itself when it
 * is upgraded (server/upgrade.h). Variables for another process mean nothing: they were left over.
 *
 * A descriptor in that range which is not a socket, but one that settings name, such as the log
 * /proc/self/fd/3, is called INHERITED_KEPT: it stays as it is.
 *
 * Owns the descriptors until they are taken, and the names, which remain. For the main thread. */
#ifndef SLUICE_INHERITED_H
#define SLUICE_INHERITED_H

#include "base/problem.h"
#include "system/net.h"

#include <sys/un.h>

enum {
    INHERITED_FIRST = 3,  /* the first descriptor */
    INHERITED_MAX = 4096, /* descriptors */
    INHERITED_TEXT_BYTES = 128,
};

#define INHERITED_KEPT "sluice.kept"

struct inherited_socket {
    int fd;           /* -1: taken, closed, or INHERITED_KEPT */
    const char *name; /* "": none is given */
    bool listens;   /* a stream socket that listens; this and the rest hold also once it is taken */
    bool is_unused; /* set by the caller: nothing was for it, so it was closed */
    bool has_address; /* of IP: */
    struct net_address address;
    uint16_t port;
    /* Where it listens, as --listen has it: "127.0.0.1:80", "unix:/run/x"; or "descriptor 3" for
     * something else. */
    char text[INHERITED_TEXT_BYTES];
};

/* Zeroed: none. */
struct inherited {
    struct inherited_socket *items;
    unsigned count;
    char *names;
};

/* Reads VARIABLES, as environ(7). The descriptors become close-on-exec. Returns 0, or a negative
 * errno with *RET_PROBLEM set and *RET untouched. *Gives*: inherited_fini. */
int inherited_read(struct inherited *ret, char *const *variables, struct problem *ret_problem);

/* Completes SOCKET, which has its name, by what FD is. That becomes close-on-exec, unless it is
 * INHERITED_KEPT. */
void inherited_examine(struct inherited_socket *socket, int fd);

/* Closes those that were not taken. What is known of them stays. */
void inherited_close(struct inherited *inherited);

/* Closes them, and frees the rest. */
void inherited_fini(struct inherited *inherited);

/* Gives the descriptor of SOCKET to the caller. */
int inherited_take(struct inherited_socket *socket);

/* Where SOCKET listens, with the port in host byte order. False: not an IP address. */
bool inherited_address(const struct inherited_socket *socket, struct net_address *ret,
                       uint16_t *ret_port);

/* The path of SOCKET, of the Unix domain, or '@' and an abstract name. NULL: another one. */
const char *inherited_path(const struct inherited_socket *socket);

/* Whether one of INHERITED, taken or not, is in the way of a socket of SET: the process before this
 * one may listen there. NULL is allowed. */
bool inherited_overlap(const struct inherited *inherited, const struct net_set *set);

#endif
