/* networks: a set of IP networks, such as those of proxies that are trusted. RFC 4632 section 3.1,
 * RFC 4291 section 2.3.
 *
 * A plain value, bounded; pure. An IPv4 network holds the IPv4-mapped IPv6 addresses too
 * (endpoint.h). */
#ifndef SLUICE_NETWORKS_H
#define SLUICE_NETWORKS_H

#include "base/endpoint.h"

enum { NETWORKS_MAX = 64 };

struct network {
    struct endpoint first;
    uint8_t bits; /* of its prefix */
};

/* All zeros: none. */
struct networks {
    struct network items[NETWORKS_MAX];
    unsigned count;
    bool has_unix; /* peers that come by a socket of the Unix domain are in it */
};

enum networks_added {
    NETWORKS_ADDED,
    NETWORKS_MALFORMED,
    NETWORKS_TOO_MANY,
};

/* Adds TEXT: an address, an address and the length of a prefix (10.0.0.0/8, 2001:db8::/32; bits
 * after the prefix do not count), or "unix". */
enum networks_added networks_add(struct networks *networks, struct str text);

/* Whether NETWORKS has no member. */
static inline bool networks_are_empty(const struct networks *networks)
{
    return networks->count == 0 && !networks->has_unix;
}

/* Whether ENDPOINT is in one of NETWORKS. */
bool networks_have(const struct networks *networks, const struct endpoint *endpoint);

#endif
