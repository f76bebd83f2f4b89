/* net: listening sockets: what addresses, which port, who else is there.
 *
 * Owns nothing: descriptors are given to the caller. One listener for each worker and address, all on
 * one port by SO_REUSEPORT (socket(7), Linux 3.9), so the kernel spreads connections over the
 * workers. The first worker's socket binds and listens without it: a port that another program
 * listens on, even one that would share, is EADDRINUSE rather than half of its traffic. */
#ifndef SLUICE_NET_H
#define SLUICE_NET_H

#include "base/base.h"

#include <netinet/in.h>

enum {
    NET_ADDRESSES_MAX = 32,
    NET_URLS_MAX = NET_ADDRESSES_MAX + 6, /* a wildcard address has several */
    NET_URL_BYTES = 96,
    NET_ADDRESS_BYTES = 80, /* as text */
    NET_REASON_BYTES = 256,
    /* What a connection's socket accepts beyond what it can send now, unless told otherwise: enough to keep a
     * fast peer busy, and all that a slow one can make the kernel hold besides what is in flight. */
    NET_UNSENT_BYTES_MAX = 256 << 10,
};

struct net_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;            /* its port is not looked at */
    bool dual_stack; /* [::] that takes IPv4 too; 0.0.0.0 where there is no IPv6 */
    bool optional;   /* left out where its family or itself is missing */
};

/* What to listen on. Zeroed: nothing yet. */
struct net_set {
    struct net_address addresses[NET_ADDRESSES_MAX];
    unsigned count;
    uint16_t port; /* host order; 0: any that is free, found by net_listen */
};

enum net_added {
    NET_ADDED,
    NET_ADDED_NOT_NUMERIC, /* the name of a host */
    NET_ADDED_HAS_PORT,    /* an address with a port behind it */
    NET_ADDED_MALFORMED,   /* not an address; an unknown interface behind '%' */
    NET_ADDED_TOO_MANY,
};

/* Adds TEXT to SET: an IPv4 address, an IPv6 address with or without brackets, with a scope where it
 * needs one (fe80::1%eth0), or "localhost", which is both 127.0.0.1 and (optional) ::1. IPv6
 * addresses take IPv6 only. An address that another of the set covers (the same, or the wildcard
 * of its family) is merged with it. Names are not looked up. */
enum net_added net_add(struct net_set *set, const char *text);

/* Adds every address of this machine, as one dual-stack socket. For an empty set. */
void net_add_any(struct net_set *set);

enum net_step {
    NET_STEP_SOCKET,
    NET_STEP_BIND,
    NET_STEP_LISTEN,
};

/* Where net_listen failed. */
struct net_failure {
    enum net_step step;
    struct net_address address;
    uint16_t port;
};

/* Opens WORKER_COUNT times set->count listening sockets, non-blocking, close-on-exec, TCP_NODELAY
 * (inherited by what they accept). They have nothing to accept before a client has sent something or been
 * silent for a second: mostly, what is accepted can be read at once. SET is made exact: the port found, optional and dual-stack
 * addresses as they turned out. *RET_FDS (free() it) *gives* them, those of worker i at
 * [i * set->count]. Returns 0, or a negative errno with *RET_FAILURE set and nothing left open. */
int net_listen(struct net_set *set, unsigned worker_count, int backlog, int **ret_fds,
               struct net_failure *ret_failure);

/* Writes in one line why net_listen failed with ERROR (negative), and what to do. */
void net_explain(const struct net_failure *failure, int error, char to[static NET_REASON_BYTES]);

/* Writes ADDRESS without brackets, with its scope if it has one, and a NUL. */
void net_address_text(const struct net_address *address, char to[static NET_ADDRESS_BYTES]);

/* Writes "http://" URLs under which SET (as net_listen left it) can be reached: for a wildcard
 * address the loopback address and the first other one of this machine, of each family. Port 80 is
 * left out. Returns how many. */
unsigned net_urls(const struct net_set *set, char urls[static NET_URLS_MAX][NET_URL_BYTES]);

#endif
