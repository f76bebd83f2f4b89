/* origin: what the answers of a connection depend on besides the request: which listener accepted
 * it, whether it is secured by TLS, and whether its peer is a proxy that is believed. RFC 9110
 * sections 4.2 and 7.4, RFC 6797 (HSTS), RFC 8555 section 8.3 (challenges).
 *
 * A connection names its origin by an index into the context's table (conn_context.origins), whose
 * entries do not change while a connection has them (server/origins.h). A memo of an answer is for
 * one origin. Owns nothing; may use http and tls. */
#ifndef SLUICE_ORIGIN_H
#define SLUICE_ORIGIN_H

#include "http/authority.h"

#include <stdint.h>

struct tls_certificate;
struct tls_certificates;

enum {
    ORIGINS_MAX = 64,
    /* What is known of a connection's client, as bits of an index into `twins`. */
    ORIGIN_TRUSTED = 1,
    ORIGIN_SECURED = 2,
    ORIGIN_TWINS = 4,
    /* "https://", a host, a colon and a port. */
    ORIGIN_PREFIX_BYTES_MAX = 8 + AUTHORITY_HOST_BYTES_MAX + 1 + 5,
};

/* All zeros: plain HTTP, served. */
struct origin {
    uint8_t transport_index;     /* of its connections, as enum in transport.h */
    uint8_t plain_index;         /* of those of its connections that turn out to speak plain HTTP */
    bool proxied;                /* its connections begin with a PROXY header */
    bool trusted;                /* their peers are trusted proxies: fields may name clients */
    bool secured;                /* clients have come by TLS to the proxy, which has said so */
    uint8_t twins[ORIGIN_TWINS]; /* the origins of connections of which that is known */
    bool redirects;              /* every request is redirected to https, at HTTPS_PORT */
    bool has_challenges;         /* but for those of ACME: the site's files answer them */
    uint16_t https_port;
    struct str hsts; /* the value of Strict-Transport-Security; absent: no such field */
};

/* The table of a server without TLS. */
extern const struct origin origins_plain[ORIGINS_MAX];

/* Where ORIGIN redirects a request for AUTHORITY, host[:port], as "https://HOST" and the port
 * unless it is 443; written to TO. A host that the server does not know is never echoed, because a
 * cache would send every client there: HOST is the one of AUTHORITY if one of CERTIFICATES (NULL:
 * none) covers it, if it is localhost or a loopback address, or any address if this process has
 * made the first certificate for itself; else the first host name of the first certificate. Absent:
 * no name is known. */
struct str origin_https_prefix(const struct origin *origin,
                               const struct tls_certificates *certificates, struct str authority,
                               char to[static ORIGIN_PREFIX_BYTES_MAX]);

/* The value of Strict-Transport-Security for the answer to a request for AUTHORITY; absent: none.
 * Not for localhost and addresses (RFC 6797 section 8.1.1, and because localhost has other servers
 * on other ports). */
struct str origin_hsts(const struct origin *origin, struct str authority);

/* Whether a connection that was made for another site is used for AUTHORITY: a host name that
 * CERTIFICATE, which the connection has (NULL: it is plain), does not cover (RFC 9110 sections 7.4
 * and 15.5.20). localhost and addresses are served on every connection, and so is everything with a
 * certificate that this process has made for itself, or that has no names. */
bool origin_is_misdirected(const struct tls_certificate *certificate, struct str authority);

#endif
