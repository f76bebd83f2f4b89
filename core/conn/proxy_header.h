/* proxy_header: the header that a proxy sends before a client's bytes, with the client's address:
 * the PROXY protocol, versions 1 and 2 (HAProxy's doc/proxy-protocol.txt; its sections are named in
 * the source).
 *
 * Pure: it is handed all bytes of the header that have come, and says how many there must be at
 * least. So a caller that asks for no more than that never reads a byte of what comes after the
 * header, which may be TLS. */
#ifndef SLUICE_PROXY_HEADER_H
#define SLUICE_PROXY_HEADER_H

#include "base/endpoint.h"

enum {
    PROXY_HEADER_V1_BYTES_MAX = 107, /* section 2.1 */
    /* Of a header of version 2. Section 2.2 would allow 65551; those of proxies in use have
     * less than 536 bytes, the least that a receiver must take. */
    PROXY_HEADER_BYTES_MAX = 4096,
};

enum proxy_header_result {
    PROXY_HEADER_WHOLE,
    PROXY_HEADER_PARTIAL, /* more is needed */
    PROXY_HEADER_MALFORMED,
};

struct proxy_header {
    /* Of the whole header; PARTIAL: that it has at least, more than the input. */
    size_t bytes;
    /* Of version ENDPOINT_UNKNOWN: the header names none (LOCAL, UNKNOWN), and the connection's
     * own peer is the client. */
    struct endpoint client;
    bool secure; /* the client came to the proxy by TLS */
};

/* Parses INPUT, what has come of a header and perhaps of what follows it. *RET is set unless it is
 * MALFORMED. */
enum proxy_header_result proxy_header_parse(struct str input, struct proxy_header *ret);

#endif
