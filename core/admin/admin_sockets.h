/* admin_sockets: the listening sockets of the admin listener: taken over, or opened.
 *
 * In an upgrade the process before this one hands its sockets over, by the name ADMIN_SOCKET_NAME:
 * those that listen where this process is to listen are taken, the others are left; a new socket
 * may share their port until they are closed. A reload does the same. A service
 * manager's are called ADMIN_SOCKET_GIVEN, and count wherever they listen; so do they in later
 * upgrades.
 *
 * Owns the descriptors, and the file of a Unix-domain socket, unless a manager made it. */
#ifndef SLUICE_ADMIN_SOCKETS_H
#define SLUICE_ADMIN_SOCKETS_H

#include "base/problem.h"
#include "system/inherited.h"
#include "system/net.h"

#define ADMIN_SOCKET_NAME  "sluice.admin"
#define ADMIN_SOCKET_GIVEN "admin"

enum { ADMIN_SOCKETS_MAX = 4 }; /* localhost has two addresses */

struct admin_sockets;

/* What this process listens on besides, and what it was started with. */
struct admin_surroundings {
    const uint16_t *content_ports; /* none of these may be used */
    unsigned content_port_count;
    struct inherited *inherited;        /* NULL: nothing */
    const struct admin_sockets *former; /* of this process, which stay open; NULL: none */
};

/* Zeroed: none. */
struct admin_sockets {
    struct net_set set; /* where they listen */
    int fds[ADMIN_SOCKETS_MAX];
    unsigned count;
    bool are_given; /* by a service manager */
};

/* Takes the sockets for WHERE, a value of --admin, from those around, and opens those that are
 * missing. Returns 0, or a negative errno with *RET_PROBLEM set. *Gives*: admin_sockets_close. */
int admin_sockets_open(struct admin_sockets *ret, const char *where,
                       const struct admin_surroundings *around, struct problem *ret_problem);

/* Checks that SOCKETS do not listen on a content port of AROUND. 0, or -EADDRINUSE with
 * *RET_PROBLEM set. */
int admin_sockets_check(const struct admin_sockets *sockets,
                        const struct admin_surroundings *around, struct problem *ret_problem);

/* Closes all. The file of a Unix-domain socket stays. No effect the second time. */
void admin_sockets_close(struct admin_sockets *sockets);

/* Whether only this machine reaches them, by IP. */
bool admin_sockets_are_local(const struct admin_sockets *sockets);

enum { ADMIN_WHERE_BYTES = NET_URL_BYTES + 128 };

/* Writes where they listen, as a URL or "unix:PATH", and a NUL. */
void admin_sockets_where(const struct admin_sockets *sockets, char to[static ADMIN_WHERE_BYTES]);

#endif
