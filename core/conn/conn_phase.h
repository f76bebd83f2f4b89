/* conn_phase: what a connection waits for, and for how long: the phases of conn.h, their deadlines,
 * lingering (RFC 9112 section 9.6).
 *
 * A connection has one timer, on the wheel of its worker. Progress starts the time of its phase
 * anew. A loop calls conn_settle at the end of each turn of a connection, and conn_expired when the
 * timer expires. Owns nothing; no system calls. */
#ifndef SLUICE_CONN_PHASE_H
#define SLUICE_CONN_PHASE_H

#include "conn/conn.h"

/* Enters CONN_LINGERING: input is discarded from now on. The loop has shut down the socket for
 * sending, shutdown(2). */
void conn_linger(const struct conn_context *context, struct conn *conn);

/* Ends a turn: storage that isn't needed goes back, or is exchanged for a smaller kind, and the
 * deadline is set for what it now waits for. */
void conn_settle(struct conn_context *context, struct conn *conn);

/* When CONN's phase began, or when it last made progress in it, in milliseconds of context->now.
 * Input is not progress of a connection that lingers. */
uint64_t conn_phase_since_ms(const struct conn_context *context, const struct conn *conn);

/* The deadline of CONN's phase has passed. GOES_ON: an answer (408) is to be sent. */
enum conn_verdict conn_expired(struct conn_context *context, struct conn *conn);

/* All of CONN's output is sent, but the peer hasn't taken all of it. Sets the deadline for what it
 * takes meanwhile: it has had STALLED_MS, less than idle_ms, without taking any. While draining,
 * for CONN_LINGERING only, before its end. */
void conn_await_delivery(struct conn_context *context, struct conn *conn, uint64_t stalled_ms);

/* CONN makes progress, though nothing of it was reported: the time of its phase begins again, once
 * conn_settle is called. */
static inline void conn_renew_phase(struct conn *conn)
{
    conn->phase_renewed = true;
}

#endif
