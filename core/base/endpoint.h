/* endpoint: one end of a connection: an IP address and a port. RFC 4291, RFC 5952.
 *
 * A plain value; pure. An IPv4-mapped IPv6 address (::ffff:192.0.2.1) is the IPv4 address, however
 * it comes. */
#ifndef SLUICE_ENDPOINT_H
#define SLUICE_ENDPOINT_H

#include "base/str.h"

/* Versions of an endpoint besides 4 and 6. */
enum {
    ENDPOINT_UNKNOWN,
    ENDPOINT_UNIX, /* a socket of the Unix domain, which has no address */
};

enum { ENDPOINT_TEXT_BYTES = 46 }; /* of an address as text, with a NUL: INET6_ADDRSTRLEN */

struct endpoint {
    uint8_t version; /* of IP: 4 or 6; or one of those above */
    uint16_t port;
    uint8_t address[16]; /* network byte order; IPv4: the first 4 */
};

/* Whether ENDPOINT has an address. */
static inline bool endpoint_is_ip(const struct endpoint *endpoint)
{
    return endpoint->version >= 4;
}

/* The endpoint with the address at BYTES, of VERSION 4 or 6, and PORT in host byte order. */
struct endpoint endpoint_make(uint8_t version, const void *bytes, uint16_t port);

/* Parses TEXT, an IPv4 or IPv6 address without brackets, port and zone; the port is 0. False, with
 * *RET untouched: it is something else. */
bool endpoint_parse(struct str text, struct endpoint *ret);

/* Writes the address of ENDPOINT, which has one, and a NUL. Returns its length. */
size_t endpoint_text(const struct endpoint *endpoint, char to[static ENDPOINT_TEXT_BYTES]);

/* Whether A and B have the same address, whatever their ports. */
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

#endif
