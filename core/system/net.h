/* net: listening sockets: on which addresses and which port.
 *
 * Owns nothing: descriptors are given to the caller. Every worker has a listener for each address,
 * all on the same port by SO_REUSEPORT (socket(7), Linux 3.9), so the kernel spreads connections
 * over the workers. The first worker's socket binds and listens without it: if another program
 * listens on the port, even with SO_REUSEPORT, the result is EADDRINUSE instead of half of its
 * traffic. */
#ifndef SLUICE_NET_H
#define SLUICE_NET_H

#include "base/problem.h"

#include <netinet/in.h>

enum {
    NET_ADDRESSES_MAX = 32,
    NET_URLS_MAX = NET_ADDRESSES_MAX + 6, /* a wildcard address has several */
    NET_URL_BYTES = 96,
    NET_ADDRESS_BYTES = 80, /* as text */
    /* Bytes that a connection's socket accepts beyond those that it can send now (TCP_NOTSENT_LOWAT):
     * enough to keep a fast peer busy, and the most that a slow one makes the kernel hold besides
     * what is in flight. */
    NET_UNSENT_BYTES_MAX = 256 << 10,
};

struct net_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;            /* its port is ignored */
    bool dual_stack; /* [::] that accepts IPv4 too; 0.0.0.0 where there is no IPv6 */
    bool optional;   /* skipped where the machine lacks it or its family */
};

/* The addresses and the port to listen on. All zeros: none yet. */
struct net_set {
    struct net_address addresses[NET_ADDRESSES_MAX];
    unsigned count;
    uint16_t port; /* host order; 0: any that is free, found by net_listen */
    int backlog;   /* of each socket, see listen(2) */
};

enum net_added {
    NET_ADDED,
    NET_ADDED_NOT_NUMERIC, /* the name of a host */
    NET_ADDED_HAS_PORT,    /* an address and a port */
    NET_ADDED_MALFORMED,   /* not an address, or an unknown interface after '%' */
    NET_ADDED_TOO_MANY,
};

/* Adds TEXT to SET: an IPv4 address, an IPv6 address with or without brackets, with a scope where it
 * needs one (fe80::1%eth0), or "localhost", which is both 127.0.0.1 and (optional) ::1. IPv6
 * addresses take IPv6 only. An address that another of the set covers (the same, or the wildcard
 * of its family) is merged with it. Names are not resolved. */
enum net_added net_add(struct net_set *set, const char *text);

/* Adds all addresses of this machine, as one dual-stack socket. SET must be empty. */
void net_add_any(struct net_set *set);

enum net_step {
    NET_STEP_SOCKET,
    NET_STEP_BIND,
    NET_STEP_LISTEN,
};

/* Where listening failed. */
struct net_failure {
    enum net_step step;
    struct net_address address;
    uint16_t port;
};

/* Opens WORKER_COUNT times set->count listening sockets: non-blocking, close-on-exec, TCP_NODELAY
 * (accepted connections inherit it). The kernel holds a connection back until the client has sent
 * something, or for a second: usually what is accepted can be read at once. SET becomes exact: the
 * port found, optional and dual-stack addresses as they turned out. *RET_FDS (free() it) *gives* the
 * sockets, those of worker i from [i * set->count]. Returns 0, or a negative errno with *RET_PROBLEM
 * set and nothing left open. */
int net_listen(struct net_set *set, unsigned worker_count, int **ret_fds,
               struct problem *ret_problem);

/* Describes ERROR, negative, of a FAILURE to listen. */
void net_explain(const struct net_failure *failure, int error, struct problem *ret_problem);

/* Writes ADDRESS and a NUL, without brackets, with its scope if it has one. */
void net_address_text(const struct net_address *address, char to[static NET_ADDRESS_BYTES]);

/* Writes the "http://" URLs that reach SET (as net_listen left it): for a wildcard address those of
 * the loopback address and the first other address of this machine, of each family. Port 80 is
 * omitted. Returns their number. */
unsigned net_urls(const struct net_set *set, char urls[static NET_URLS_MAX][NET_URL_BYTES]);

#endif
