/* forwarded: what proxies say of a request's client: Forwarded (RFC 7239), X-Forwarded-For and
 * X-Forwarded-Proto.
 *
 * Each proxy adds the address that it got the request from at the end. The walk begins there, and
 * ends at the first address that is not of a trusted proxy: that is the client. An element that
 * does not name an address (unknown, _hidden, section 6) ends it too, as does one that is
 * malformed: then the client is the proxy that sent it. The scheme is the one that came with the
 * client's address.
 *
 * Clients can send both kinds of fields, and a proxy that adds to one of them passes the other on.
 * So if both are there and name different clients, neither is believed.
 *
 * For requests of trusted peers only. Pure; the values are *borrowed*. */
#ifndef SLUICE_FORWARDED_H
#define SLUICE_FORWARDED_H

#include "base/networks.h"

enum {
    FORWARDED_LINES_MAX = 16,    /* of a field; the last ones count */
    FORWARDED_ELEMENTS_MAX = 32, /* of a line of Forwarded, likewise */
};

enum forwarded_field {
    FORWARDED_FORWARDED,
    FORWARDED_X_FOR,
    FORWARDED_X_PROTO,
    FORWARDED_FIELD_COUNT,
};

/* The lines of a field, in the order they came. */
struct forwarded_lines {
    struct str items[FORWARDED_LINES_MAX];
    unsigned count;
};

/* Zeroed: none. */
struct forwarded_fields {
    struct forwarded_lines lines[FORWARDED_FIELD_COUNT];
};

struct forwarded {
    struct endpoint client; /* of version ENDPOINT_UNKNOWN: the connection's */
    bool secure;            /* the client's request came by https */
};

/* Takes the field NAME with VALUE, if it is one of them. */
void forwarded_take(struct forwarded_fields *fields, struct str name, struct str value);

/* Finds out what FIELDS say, with the proxies in TRUSTED. */
void forwarded_find(const struct forwarded_fields *fields, const struct networks *trusted,
                    struct forwarded *ret);

#endif
