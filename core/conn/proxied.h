/* proxied: the transport of a connection that begins with a PROXY header, until that has come; and
 * the client that it named.
 *
 * The header is read byte for byte: the transport asks for no more than the header has at least
 * (proxy_header.h), so the transport that follows, plain or TLS, finds its own first byte in the
 * socket. Until then the connection is in its handshake, for which it has the time of
 * --header-timeout. A connection without a valid header is closed: the protocol forbids to guess
 * (proxy-protocol.txt, section 2). Then the connection gets the origin for what is known of its
 * client, and is counted for the client's address.
 *
 * Owns an entry for each slot, with the bytes of a header that is not whole. It exists only in a
 * worker that has such a listener. */
#ifndef SLUICE_PROXIED_H
#define SLUICE_PROXIED_H

#include "base/endpoint.h"

struct conn;
struct conn_context;
struct conn_table;

struct proxied;

/* Makes what such connections of CONNS, which is *borrowed*, need. NULL: out of memory. *Gives*:
 * proxied_destroy. */
struct proxied *proxied_create(struct conn_table *conns);

/* After the last connection. NULL is allowed. */
void proxied_destroy(struct proxied *proxied);

/* Prepares CONTEXT for such connections: sets its TRANSPORT_PROXY. *Borrows* PROXIED. */
void proxied_use(struct conn_context *context, struct proxied *proxied);

/* The client of CONN: the one that its PROXY header named, else the socket's peer. */
void proxied_client(const struct conn_context *context, const struct conn *conn,
                    struct endpoint *ret);

#endif
