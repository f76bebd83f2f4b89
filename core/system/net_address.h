/* net_address: an address to listen on, of IPv4 or IPv6.
 *
 * Owns nothing: a plain value. Pure, except that the names of interfaces in scopes are looked up
 * (getaddrinfo(3), getnameinfo(3)). RFC 4291. */
#ifndef SLUICE_NET_ADDRESS_H
#define SLUICE_NET_ADDRESS_H

#include "base/base.h"

#include <netinet/in.h>

enum { NET_ADDRESS_BYTES = 80 }; /* of an address as text, with a NUL */

struct net_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;            /* the port is ignored */
    bool dual_stack; /* [::] that accepts IPv4 too; becomes 0.0.0.0 without IPv6 */
    bool optional;   /* skipped if its family or the address itself is missing */
};

/* The IPv4 address that HOST_ORDER is, in host byte order. */
struct net_address net_address_v4(uint32_t host_order);

struct net_address net_address_v6(struct in6_addr in);

/* Parses an IPv4 address, or an IPv6 address with or without brackets, with a scope where it needs
 * one (fe80::1%eth0). An IPv4-mapped IPv6 address becomes the IPv4 address. False, with *RET
 * untouched: TEXT is something else; host names are not resolved. */
bool net_address_parse(const char *text, struct net_address *ret);

/* Writes ADDRESS and a NUL, without brackets, with its scope if it has one. */
void net_address_text(const struct net_address *address, char to[static NET_ADDRESS_BYTES]);

static inline bool net_address_is_v6(const struct net_address *address)
{
    return address->at.any.sa_family == AF_INET6;
}

/* The size of the sockaddr in ADDRESS, which bind(2) needs. */
static inline socklen_t net_address_bytes(const struct net_address *address)
{
    return net_address_is_v6(address) ? sizeof address->at.v6 : sizeof address->at.v4;
}

/* Whether ADDRESS is 0.0.0.0 or [::]. */
bool net_address_is_wildcard(const struct net_address *address);

/* Whether A and B are the same address, with the same scope. */
bool net_address_equal(const struct net_address *a, const struct net_address *b);

/* Whether a socket on A accepts every connection that one on B would. */
bool net_address_covers(const struct net_address *a, const struct net_address *b);

#endif
