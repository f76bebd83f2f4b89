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
 * a connection is in a table there, by its slot. Without OpenSSL only the functions for a worker's
 * state are left, which do nothing. */
#ifndef SLUICE_TRANSPORT_TLS_H
#define SLUICE_TRANSPORT_TLS_H

#include "base/problem.h"
#include "conn/conn.h"

#include <errno.h>

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_stream.h"

enum {
    TRANSPORT_TLS_STEPS_MAX = CONN_POSTPONED_MAX,
};

/* Makes what a worker needs for TLS, for connections in SLOT_COUNT slots. Any thread may, and then
 * hand it to the worker's. *Borrows* SHARED for its life. Returns 0, or a negative errno with
 * *RET_PROBLEM. *Gives*: transport_tls_destroy. */
int transport_tls_create(struct transport_tls **ret, struct tls_shared *shared, uint32_t slot_count,
                         struct problem *ret_problem);

/* After the last connection. NULL is allowed. */
void transport_tls_destroy(struct transport_tls *tls);

/* Prepares CONTEXT for connections by TLS: sets its TRANSPORT_TLS. *Borrows* TLS. */
void transport_tls_use(struct conn_context *context, struct transport_tls *tls);

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

#else /* none is made, so none is used */

struct tls_shared;

static inline int transport_tls_create(struct transport_tls **ret, struct tls_shared *shared,
                                       uint32_t slot_count, struct problem *ret_problem)
{
    (void)ret, (void)shared, (void)slot_count;
    problem_set(ret_problem, "this program was built without OpenSSL");
    return -ENOSYS;
}

static inline void transport_tls_destroy(struct transport_tls *tls)
{
    (void)tls;
}

static inline void transport_tls_use(struct conn_context *context, struct transport_tls *tls)
{
    (void)context, (void)tls;
}

#endif
#endif
