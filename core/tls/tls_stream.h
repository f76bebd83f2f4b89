/* tls_stream: the TLS of one connection: handshake, opening and sealing of records, close_notify.
 * RFC 8446, RFC 5246.
 *
 * Owns an SSL and a reference to the credentials of its context. Sees no socket and never waits: it
 * consumes context->input and appends to context->output, see tls_context.h. Whatever the peer
 * sends: memory is bounded, and a peer that keeps OpenSSL busy without sending data fails
 * (TLS_KEY_UPDATES_MAX; libssl itself bounds empty records and warning alerts). Renegotiation
 * fails. Only in builds with OpenSSL. */
#ifndef SLUICE_TLS_STREAM_H
#define SLUICE_TLS_STREAM_H

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_context.h"

enum { TLS_KEY_UPDATES_MAX = 32 }; /* without data between them */

enum tls_result {
    TLS_OK,
    TLS_WANTS_INPUT, /* all input is consumed, and more is needed */
    TLS_ENDED,       /* the peer has sent close_notify; output may still be sealed */
    TLS_FAILED,      /* for good. Output may have an alert: send it, then close the connection */
};

/* A stream of the current generation of certificates, *given*. NULL: out of memory. */
struct tls_stream *tls_stream_create(struct tls_context *context);

/* NULL is allowed. Sends nothing. */
void tls_stream_destroy(struct tls_stream *stream);

/* Continues the handshake. TLS_OK: it is over, and the rest of the input is for tls_stream_open;
 * the output may have bytes in any case. */
enum tls_result tls_stream_handshake(struct tls_context *context, struct tls_stream *stream);

/* Opens records into TO, of ROOM bytes. TLS_OK: *RET_LENGTH bytes, more than 0; input may be left
 * if ROOM is used up. OpenSSL keeps a record of which a part has come or a part was opened. Errors
 * and the end are reported once the bytes before them are. */
enum tls_result tls_stream_open(struct tls_context *context, struct tls_stream *stream, void *to,
                                size_t room, size_t *ret_length);

/* Whether OpenSSL keeps opened bytes, for which tls_stream_open had no room. */
bool tls_stream_has_opened(const struct tls_stream *stream);

/* Seals LENGTH bytes, 1 to TLS_RECORD_BYTES_MAX, as one record. The handshake is over and the
 * output has room (tls_context_has_room). The input is emptied. TLS_OK or TLS_FAILED. */
enum tls_result tls_stream_seal(struct tls_context *context, struct tls_stream *stream,
                                const void *from, size_t length);

/* Appends close_notify, once. No effect before the end of the handshake and after a failure. */
void tls_stream_close(struct tls_context *context, struct tls_stream *stream);

/* The certificate of this connection, *borrowed* for the life of STREAM. */
const struct tls_certificate *tls_stream_certificate(const struct tls_stream *stream);

/* "TLSv1.3" or "TLSv1.2", of static storage; for logs. */
const char *tls_stream_version(const struct tls_stream *stream);

/* Whether the handshake resumed a session. */
bool tls_stream_is_resumed(const struct tls_stream *stream);

#endif
#endif
