/* net: listening sockets: addresses, ports, and URLs to reach them.
 *
 * Owns nothing: descriptors are given to the caller. Every worker has a listener for each address,
 * all on the same port by SO_REUSEPORT (socket(7), Linux 3.9), so the kernel spreads connections
 * over the workers. The first worker's socket binds and listens without it: if another program
 * listens on the port, even with SO_REUSEPORT, the result is EADDRINUSE instead of half of its
 * traffic. */
#ifndef SLUICE_NET_H
#define SLUICE_NET_H

#include "base/base.h"

#include <netinet/in.h>

enum {
    NET_ADDRESSES_MAX = 32,
    NET_URLS_MAX = NET_ADDRESSES_MAX + 6, /* a wildcard address has several */
    NET_URL_BYTES = 96,
    NET_ADDRESS_BYTES = 80, /* formatted */
    NET_REASON_BYTES = 256,
    /* Bytes that the socket of a connection accepts beyond what it can send at once
     * (TCP_NOTSENT_LOWAT), unless set otherwise. Enough to keep a fast peer busy; also the most
     * that a slow peer can make the kernel hold besides the bytes in flight. */
    NET_UNSENT_BYTES_MAX = 256 << 10,
};

struct net_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;            /* the port is ignored */
    bool dual_stack; /* [::] that accepts IPv4 too; becomes 0.0.0.0 without IPv6 */
    bool optional;   /* skipped if its family or the address itself is missing */
};

/* The addresses and the port to listen on. All zeros: none yet. */
struct net_set {
    struct net_address addresses[NET_ADDRESSES_MAX];
    unsigned count;
    uint16_t port; /* host byte order; 0: a free one, chosen by net_listen */
};

enum net_added {
    NET_ADDED,
    NET_ADDED_NOT_NUMERIC, /* a host name */
    NET_ADDED_HAS_PORT,    /* an address followed by a port */
    NET_ADDED_MALFORMED,   /* not an address, or an unknown interface after '%' */
    NET_ADDED_TOO_MANY,
};

/* Adds the address TEXT to SET: an IPv4 address, an IPv6 address with or without brackets, with a
 * scope where it needs one (fe80::1%eth0), or "localhost", which means 127.0.0.1 and (optional)
 * ::1. IPv6 addresses accept only IPv6. An address that another of the set covers (the same, or the
 * wildcard of its family) is merged with that one. Host names are not looked up. */
enum net_added net_add(struct net_set *set, const char *text);

/* Adds all addresses of this machine, as one dual-stack socket. SET must be empty. */
void net_add_any(struct net_set *set);

enum net_step {
    NET_STEP_SOCKET,
    NET_STEP_BIND,
    NET_STEP_LISTEN,
};

/* The step, address and port at which net_listen failed. */
struct net_failure {
    enum net_step step;
    struct net_address address;
    uint16_t port;
};

/* Opens WORKER_COUNT times set->count listening sockets: non-blocking, close-on-exec, and with
 * TCP_NODELAY, which accepted sockets inherit. A connection becomes acceptable when its client has
 * sent something or has been silent for a second (tcp(7), TCP_DEFER_ACCEPT), so most can be read at
 * once. SET is updated: the chosen port, and the optional and dual-stack addresses that were really
 * used. *RET_FDS *gives* the descriptors, those of worker i from index i * set->count on; free()
 * it. Returns 0, or a negative errno with *RET_FAILURE set and nothing left open. */
int net_listen(struct net_set *set, unsigned worker_count, int backlog, int **ret_fds,
               struct net_failure *ret_failure);

/* Writes one line: why net_listen failed with ERROR (a negative errno), and what to do. */
void net_explain(const struct net_failure *failure, int error, char to[static NET_REASON_BYTES]);

/* Writes ADDRESS and a NUL, without brackets, with its scope if it has one. */
void net_address_text(const struct net_address *address, char to[static NET_ADDRESS_BYTES]);

/* Writes "http://" URLs by which SET, as net_listen left it, can be reached. For a wildcard address
 * these are, of each family, the loopback address and the first other address of this machine. Port
 * 80 is omitted. Returns the number of URLs. */
unsigned net_urls(const struct net_set *set, char urls[static NET_URLS_MAX][NET_URL_BYTES]);

#endif
