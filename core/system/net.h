/* net: listening sockets: on which addresses and which port, and the URLs to reach them.
 *
 * Owns nothing: descriptors are given to the caller. Every worker has a listener for each address,
 * all on the same port by SO_REUSEPORT (socket(7), Linux 3.9), so the kernel spreads connections
 * over the workers. The first worker's socket binds and listens without it: if another program
 * listens on the port, even with SO_REUSEPORT, the result is EADDRINUSE instead of half of its
 * traffic. */
#ifndef SLUICE_NET_H
#define SLUICE_NET_H

#include "base/problem.h"
#include "system/net_address.h"
#include "system/unix_socket.h"

enum {
    NET_ADDRESSES_MAX = 32,
    NET_URLS_MAX = NET_ADDRESSES_MAX + 6, /* a wildcard address has several */
    NET_URL_BYTES = 128,
    /* Bytes that a connection's socket accepts beyond those that it can send now
     * (TCP_NOTSENT_LOWAT): enough to keep a fast peer busy, and the most that a slow one makes the
     * kernel hold besides the bytes in flight. */
    NET_UNSENT_BYTES_MAX = 256 << 10,
};

/* The addresses and the port to listen on, or a socket of the Unix domain. All zeros: none yet. */
struct net_set {
    struct net_address addresses[NET_ADDRESSES_MAX];
    unsigned count;
    uint16_t port; /* host byte order; 0: a free one, chosen by net_listen */
    int backlog;   /* of each socket, see listen(2) */
    bool secure;   /* its URLs are https */
    bool joins;    /* its port may be shared with sockets of this process, by SO_REUSEPORT */
    struct unix_socket unix_socket; /* with a path: COUNT is 1, and the addresses do not count */
};

enum net_added {
    NET_ADDED,
    NET_ADDED_NOT_NUMERIC, /* a host name */
    NET_ADDED_HAS_PORT,    /* an address followed by a port */
    NET_ADDED_MALFORMED,   /* not an address, or an unknown interface after '%' */
    NET_ADDED_TOO_MANY,
};

/* Adds TEXT to SET: an address that net_address_parse accepts, or "localhost", which means
 * 127.0.0.1 and (optional) ::1. An IPv6 address accepts only IPv6. An address that another of the
 * set covers (the same, or the wildcard of its family) is merged with that one. */
enum net_added net_add(struct net_set *set, const char *text);

/* Adds all addresses of this machine, as one dual-stack socket. SET must be empty. */
void net_add_any(struct net_set *set);

/* Sets SET, which must be empty, to listen on UNIX_SOCKET, which is copied. */
void net_set_unix(struct net_set *set, const struct unix_socket *unix_socket);

static inline bool net_is_unix(const struct net_set *set)
{
    return set->unix_socket.path[0] != '\0';
}

enum net_step {
    NET_STEP_SOCKET,
    NET_STEP_BIND,
    NET_STEP_LISTEN,
};

/* The step, address and port at which listening failed. */
struct net_failure {
    enum net_step step;
    struct net_address address;
    uint16_t port;
};

/* Whether a socket that listens on ADDRESS and PORT is in the way of one of SET. */
bool net_overlaps(const struct net_set *set, const struct net_address *address, uint16_t port);

/* Opens WORKER_COUNT times set->count listening sockets: non-blocking, close-on-exec, and with
 * TCP_NODELAY, which accepted sockets inherit. A connection becomes acceptable when its client has
 * sent something or has been silent for a second, so most can be read at once. SET is updated: the
 * chosen port, and the optional and dual-stack addresses that were really used. The workers share
 * one socket of the Unix domain, each by a descriptor of its own. *RET_FDS *gives*
 * the descriptors, those of worker i from index i * set->count on; free() it. Returns 0, or a
 * negative errno with *RET_PROBLEM set and nothing left open. */
int net_listen(struct net_set *set, unsigned worker_count, int **ret_fds,
               struct problem *ret_problem);

/* Opens another socket on the address and port of FD, a listening socket that shares them
 * (SO_REUSEPORT): one more queue. BACKLOG as for listen(2). Returns the descriptor, or a negative
 * errno: it may not, or FD is of another user. */
int net_open_sibling(int fd, int backlog);

/* Makes FD, a listening socket that this process was started with, like those that net_listen
 * opens, as far as that is possible. */
void net_adopt(int fd);

/* Bounds what socket FD, and those that it accepts from now on, hold unsent, to BYTES. 0: no bound
 * of its own. */
void net_bound_unsent(int fd, uint32_t bytes);

/* Describes ERROR, a negative errno, at FAILURE: why, and what to do. */
void net_explain(const struct net_failure *failure, int error, struct problem *ret_problem);

/* Writes the "http://" or "https://" URLs that reach SET, as net_listen left it: for a wildcard
 * address those of the loopback address and of the first other address of this machine, of each
 * family. Port 80, or 443, is omitted. A socket of the Unix domain is "unix:" and its path. Returns
 * their number. */
unsigned net_urls(const struct net_set *set, char urls[static NET_URLS_MAX][NET_URL_BYTES]);

#endif
