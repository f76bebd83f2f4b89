/* tls_stream: see tls_stream.h. SSL_read(3), SSL_get_error(3), SSL_set_info_callback(3). */
#include "tls/tls_stream.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_parts.h"

#include <openssl/err.h>
#include <stdlib.h>

/* Called by OpenSSL for steps of the handshake protocol and alerts, not for records of data. After
 * the handshake, a client may send KeyUpdates (TLS 1.3); its ClientHello (TLS 1.2) is answered by
 * the warning "no renegotiation", as often as it comes. */
static void on_event(const SSL *ssl, int where, int value)
{
    struct tls_stream *stream = SSL_get_app_data(ssl);
    if (!stream->is_open)
        return;
    if ((where & SSL_CB_LOOP) && SSL_get_state(ssl) == TLS_ST_SR_KEY_UPDATE &&
        ++stream->key_updates > TLS_KEY_UPDATES_MAX)
        stream->is_refused = true;
    if (where == SSL_CB_WRITE_ALERT && (value & 0xff) == SSL_AD_NO_RENEGOTIATION)
        stream->is_refused = true;
}

/* Before a call of libssl: errors of earlier calls would be taken for its own. */
static void enter(struct tls_context *context, struct tls_stream *stream)
{
    context->stream = stream;
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

/* After a call of libssl that returned RETURNED, 0 or less. */
static enum tls_result result_of(struct tls_stream *stream, int returned)
{
    int error = SSL_get_error(stream->ssl, returned);
    if (ERR_peek_error() != 0)
        ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ && !stream->is_refused)
        return TLS_WANTS_INPUT;
    if (error == SSL_ERROR_ZERO_RETURN)
        return TLS_ENDED;
    stream->has_failed = true;
    return TLS_FAILED;
}

struct tls_stream *tls_stream_create(struct tls_context *context)
{
    struct tls_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    tls_context_refresh(context);
    stream->credentials = tls_credentials_ref(context->credentials);
    enter(context, stream);
    stream->ssl = SSL_new(stream->credentials->items[0].context);
    if (!stream->ssl || SSL_set_app_data(stream->ssl, stream) != 1) {
        ERR_clear_error();
        tls_stream_destroy(stream);
        return NULL;
    }
    BIO_up_ref(context->bio);
    SSL_set_bio(stream->ssl, context->bio, context->bio);
    SSL_set_info_callback(stream->ssl, on_event);
    SSL_set_accept_state(stream->ssl);
    return stream;
}

void tls_stream_destroy(struct tls_stream *stream)
{
    if (!stream)
        return;
    SSL_free(stream->ssl);
    tls_credentials_unref(stream->credentials);
    free(stream);
}

enum tls_result tls_stream_handshake(struct tls_context *context, struct tls_stream *stream)
{
    if (stream->has_failed)
        return TLS_FAILED;
    enter(context, stream);
    int returned = SSL_do_handshake(stream->ssl);
    if (returned != 1)
        return result_of(stream, returned);
    stream->is_open = true;
    return TLS_OK;
}

enum tls_result tls_stream_open(struct tls_context *context, struct tls_stream *stream, void *to,
                                size_t room, size_t *ret_length)
{
    enum tls_result result = TLS_WANTS_INPUT;
    size_t length = 0;
    enter(context, stream);
    /* SSL_read allocates a buffer for a record even if there is nothing to read. */
    while (length < room && !stream->has_failed &&
           (context->input.length > 0 || SSL_pending(stream->ssl) > 0)) {
        size_t read;
        int returned = SSL_read_ex(stream->ssl, (char *)to + length, room - length, &read);
        if (returned != 1) {
            result = result_of(stream, returned);
            break;
        }
        length += read;
        stream->key_updates = 0;
    }
    if (length > 0) {
        *ret_length = length;
        return TLS_OK;
    }
    if (stream->has_failed)
        return TLS_FAILED;
    return SSL_get_shutdown(stream->ssl) & SSL_RECEIVED_SHUTDOWN ? TLS_ENDED : result;
}

bool tls_stream_has_opened(const struct tls_stream *stream)
{
    return !stream->has_failed && SSL_pending(stream->ssl) > 0;
}

enum tls_result tls_stream_seal(struct tls_context *context, struct tls_stream *stream,
                                const void *from, size_t length)
{
    size_t written;
    if (stream->has_failed)
        return TLS_FAILED;
    context->input = STR(""); /* libssl reads, too, if the peer has left half of a KeyUpdate */
    enter(context, stream);
    if (SSL_write_ex(stream->ssl, from, length, &written) == 1)
        return TLS_OK;
    ERR_clear_error();
    stream->has_failed = true;
    return TLS_FAILED;
}

void tls_stream_close(struct tls_context *context, struct tls_stream *stream)
{
    if (!stream->is_open || stream->has_failed || stream->has_closed)
        return;
    stream->has_closed = true;
    context->input = STR("");
    enter(context, stream);
    if (SSL_shutdown(stream->ssl) < 0)
        ERR_clear_error();
}

const struct tls_certificate *tls_stream_certificate(const struct tls_stream *stream)
{
    return stream->credentials->items[stream->index].certificate;
}

const char *tls_stream_version(const struct tls_stream *stream)
{
    return SSL_get_version(stream->ssl);
}

bool tls_stream_is_resumed(const struct tls_stream *stream)
{
    return SSL_session_reused(stream->ssl) == 1;
}

#endif
