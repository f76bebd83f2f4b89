/* transport_tls: TLS between the socket and the session, by a struct tls_stream for each
 * connection. RFC 8446, RFC 5246.
 *
 * Bytes move through the engine (context->io): ciphertext is received into memory of the worker and
 * opened from there into the connection's input; records are sealed right before they are sent,
 * many at a time. A connection has memory of its own only for what waits: sealed bytes that the
 * socket did not take, and ciphertext for which the input had no room.
 *
 * A handshake is expensive: a worker does at most TRANSPORT_TLS_STEPS_MAX steps with public keys in
 * a turn of its loop, and the number that go on at once is bounded (handshakes.h). Others wait,
 * with their bytes in the kernel. The state of a worker is context->tls, NULL without TLS; that of
 * a connection is in a table there, by its slot. Empty without OpenSSL. */
#ifndef SLUICE_TRANSPORT_TLS_H
#define SLUICE_TRANSPORT_TLS_H

#include "conn/conn.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_stream.h"

enum {
    TRANSPORT_TLS_STEPS_MAX = CONN_POSTPONED_MAX,
};

/* Adds TRANSPORT_TLS to the transports of CONTEXT, for connections in SLOT_COUNT slots. *Borrows*
 * SHARED until transport_tls_fini. Returns 0, or a negative errno with *RET_PROBLEM. */
int transport_tls_init(struct conn_context *context, struct tls_shared *shared, uint32_t slot_count,
                       struct problem *ret_problem);

/* Frees all of it; the connections have ended. No effect on a context without TLS. */
void transport_tls_fini(struct conn_context *context);

/* The certificate that CONN has shown to its peer, *borrowed* while CONN is open. NULL: none,
 * because CONN is a plain connection. */
const struct tls_certificate *transport_tls_certificate(const struct conn_context *context,
                                                        const struct conn *conn);

/* The version of TLS that CONN speaks, "TLSv1.3", of static storage. NULL: CONN is a plain
 * connection. */
const char *transport_tls_version(const struct conn_context *context, const struct conn *conn);

/* The certificates that new connections can be shown, *borrowed* until the next turn of the loop.
 * NULL: CONTEXT has no TLS. */
const struct tls_certificates *transport_tls_certificates(const struct conn_context *context);

#endif
#endif
