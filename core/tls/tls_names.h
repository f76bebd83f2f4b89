/* tls_names: the host names and addresses that a certificate is for. RFC 9525, RFC 5280 section
 * 4.2.1.6, RFC 1123 section 2.1.
 *
 * Owns its names. Pure: includes arena, and needs no OpenSSL. The parser of a certificate adds the
 * names; after that they are only read, by any thread. A name that no host can have, such as one
 * with a NUL in it or with an asterisk inside a label, is not added, so that it cannot match by
 * accident. An address is matched only with addresses, a host name only with host names. */
#ifndef SLUICE_TLS_NAMES_H
#define SLUICE_TLS_NAMES_H

#include "base/arena.h"

enum { TLS_NAME_BYTES_MAX = 253 }; /* of a host name as text, without a trailing dot */

struct tls_address {
    uint8_t bytes[16]; /* in network order */
    uint8_t length;    /* 4: IPv4, 16: IPv6 */
};

/* Zeroed: empty. */
struct tls_names {
    struct arena arena;
    struct arena_list
        hosts; /* in lower case, without a trailing dot; "*.example.org": a wildcard */
    struct tls_address *addresses;
    unsigned address_count;
    unsigned address_room;
};

/* How well a host is covered, the best last. */
enum tls_match {
    TLS_MATCH_NONE,
    TLS_MATCH_WILDCARD, /* by *.example.org, which is for one more label: not for a.b.example.org */
    TLS_MATCH_EXACT,
};

void tls_names_fini(struct tls_names *names);

/* Adds the host name or the wildcard NAME; a second time changes nothing. 0, -ENOMEM, or -EINVAL:
 * no host can have it. */
int tls_names_add_host(struct tls_names *names, struct str name);

/* Adds an address of LENGTH bytes in network order. 0, -ENOMEM, or -EINVAL: LENGTH is neither 4 nor
 * 16. */
int tls_names_add_address(struct tls_names *names, const void *bytes, size_t length);

/* Adds TEXT, which is a host name, a wildcard, or an address as tls_address_parse takes it. 0 or a
 * negative errno, as the others. */
int tls_names_add_text(struct tls_names *names, struct str text);

/* How well NAMES cover HOST: a host name in any case, with or without one trailing dot, or an
 * address, with or without brackets; without a port. */
enum tls_match tls_names_match(const struct tls_names *names, struct str host);

/* Whether NAMES have the address of LENGTH bytes in network order. */
bool tls_names_have_address(const struct tls_names *names, const void *bytes, size_t length);

/* Whether NAMES cover everything that the name HOST, as tls_names_add_host takes it, covers: a
 * wildcard only if it is among them. */
bool tls_names_cover(const struct tls_names *names, struct str host);

/* Whether A and B have a name or an address in common. */
bool tls_names_overlap(const struct tls_names *a, const struct tls_names *b);

static inline bool tls_names_are_empty(const struct tls_names *names)
{
    return names->hosts.count == 0 && names->address_count == 0;
}

/* Parses an IPv4 address, or an IPv6 address with or without brackets. An IPv4-mapped IPv6 address
 * becomes the IPv4 address. False, with *RET untouched: TEXT is something else. */
bool tls_address_parse(struct str text, struct tls_address *ret);

#endif
