/* tls_context: see tls_context.h. BIO_meth_new(3), SSL_CTX_set_client_hello_cb(3),
 * SSL_CTX_set_tlsext_ticket_key_cb(3). */
#include "tls/tls_context.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_parts.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdlib.h>

/* --- The BIO ---------------------------------------------------------------------------------- */
/* One for all streams: it has no state but the retry flags, which each call sets, and the context
 * knows the input of the call under way. OpenSSL asks for a record's header and then for its body,
 * so it never takes bytes after the record that it needs. */

/* Whether STREAM may get BYTES of input. After its ClientHello, a client of TLS 1.2 sends short
 * messages, and encrypts its last one in a record of the same type; one of TLS 1.3 may be asked for
 * a second ClientHello. */
static bool allow(struct tls_stream *stream, struct str bytes)
{
    bool is_clear =
        !stream->is_open && (!stream->has_hello || SSL_version(stream->ssl) == TLS1_3_VERSION);
    if (is_clear && !tls_framing_follow(&stream->framing, bytes))
        stream->is_refused = true;
    return !stream->is_refused;
}

static int bio_read(BIO *bio, char *to, size_t room, size_t *ret_length)
{
    struct tls_context *context = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t length = size_min(room, context->input.length);
    if (!allow(context->stream, str_first(context->input, length)))
        return -1;
    if (length == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, context->input.at, length);
    context->input = str_from(context->input, length);
    *ret_length = length;
    return 1;
}

static int bio_write(BIO *bio, const char *from, size_t length, size_t *ret_length)
{
    struct tls_context *context = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (length > TLS_OUTPUT_BYTES - context->output_length)
        return -1;
    memcpy(context->output + context->output_length, from, length);
    context->output_length += length;
    *ret_length = length;
    return 1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static bool make_bio(struct tls_context *context)
{
    BIO_METHOD *method = context->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sluice");
    if (!method || !BIO_meth_set_read_ex(method, bio_read) ||
        !BIO_meth_set_write_ex(method, bio_write) || !BIO_meth_set_ctrl(method, bio_control))
        return false;
    context->bio = BIO_new_ex(context->library, method);
    if (!context->bio)
        return false;
    BIO_set_data(context->bio, context);
    BIO_set_init(context->bio, 1);
    return true;
}

/* --- Callbacks of OpenSSL --------------------------------------------------------------------- */

static struct str extension_of(SSL *ssl, unsigned type)
{
    const unsigned char *at;
    size_t length;
    return SSL_client_hello_get0_ext(ssl, type, &at, &length) == 1
               ? (struct str){(const char *)at, length}
               : STR_ABSENT;
}

static struct tls_hello hello_of(SSL *ssl)
{
    const unsigned char *suites;
    struct tls_hello hello = {0};
    hello.suites.length = SSL_client_hello_get0_ciphers(ssl, &suites);
    hello.suites.at = hello.suites.length > 0 ? (const char *)suites : NULL;
    tls_hello_read_host(&hello, extension_of(ssl, TLSEXT_TYPE_server_name));
    tls_hello_read_schemes(&hello, extension_of(ssl, TLSEXT_TYPE_signature_algorithms));
    tls_hello_read_versions(&hello, extension_of(ssl, TLSEXT_TYPE_supported_versions));
    return hello;
}

static unsigned choose(struct tls_context *context, const struct tls_credentials *credentials,
                       SSL *ssl)
{
    struct tls_address local;
    if (credentials->count == 1)
        return 0;
    const struct tls_hello hello = hello_of(ssl);
    bool has_local = !hello.host.at && context->find_local_address &&
                     context->find_local_address(context->local_address_owner, &local);
    return tls_credentials_choose(credentials, &hello, has_local ? &local : NULL);
}

/* OpenSSL calls this when the whole ClientHello has arrived, however it was cut. */
static int on_hello(SSL *ssl, int *ret_alert, void *owner)
{
    struct tls_context *context = owner;
    struct tls_stream *stream = context->stream;
    stream->has_hello = true;
    stream->index = choose(context, stream->credentials, ssl);
    if (SSL_set_SSL_CTX(ssl, stream->credentials->items[stream->index].context))
        return SSL_CLIENT_HELLO_SUCCESS;
    *ret_alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

/* Prepares CIPHER and MAC for a ticket under KEY. */
static bool use_ticket_key(struct tls_context *context, struct tls_ticket_key *key,
                           const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                           int is_new)
{
    static char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_CipherInit_ex2(cipher, context->ticket_cipher, key->cipher, iv, is_new, NULL) == 1 &&
           EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/* Returns 1; 2: the ticket is good, but the client needs a new one, because its key is old or
 * because it is of TLS 1.3, where a ticket is used once (RFC 8446 appendix C.4); 0: continue
 * without tickets; -1: the handshake fails. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int is_new)
{
    struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct tls_tickets *tickets = &context->shared->tickets;
    struct tls_ticket_key key;
    enum tls_ticket_age age = TLS_TICKET_CURRENT;
    if (is_new) {
        tls_tickets_current(tickets, &key);
        memcpy(name, key.name, sizeof key.name);
        if (RAND_bytes_ex(context->library, iv, 16, 0) != 1)
            age = TLS_TICKET_UNKNOWN;
    } else {
        age = tls_tickets_find(tickets, name, &key);
    }
    bool done = age == TLS_TICKET_UNKNOWN || use_ticket_key(context, &key, iv, cipher, mac, is_new);
    OPENSSL_cleanse(&key, sizeof key);
    if (!done)
        return -1;
    if (age == TLS_TICKET_UNKNOWN)
        return 0;
    return age == TLS_TICKET_PREVIOUS || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
}

/* --- The life of a context -------------------------------------------------------------------- */

/* Builds the credentials of the current generation. A failure for want of memory is tried again at
 * the next call, any other at the next generation. */
static int build(struct tls_context *context, struct problem *ret_problem)
{
    struct tls_credentials *credentials;
    unsigned generation;
    struct tls_certificates *certificates = tls_shared_acquire(context->shared, &generation);
    const struct tls_credentials_config config = {
        .library = context->library,
        .callbacks = {.hello = on_hello, .ticket = on_ticket, .owner = context},
        .least = tls_shared_least(context->shared),
        .former = context->credentials,
    };
    int error = tls_credentials_create(&credentials, certificates, &config, ret_problem);
    tls_certificates_unref(certificates);
    if (error != -ENOMEM)
        context->generation = generation;
    if (error)
        return error;
    tls_credentials_unref(context->credentials);
    context->credentials = credentials;
    return 0;
}

int tls_context_create(struct tls_context **ret, struct tls_shared *shared,
                       struct problem *ret_problem)
{
    struct tls_context *context = calloc(1, sizeof *context);
    int error = -ENOMEM;
    if (context) {
        context->shared = shared;
        context->output = malloc(TLS_OUTPUT_BYTES);
        context->library = OSSL_LIB_CTX_new();
    }
    if (context && context->output && context->library) {
        context->ticket_cipher = EVP_CIPHER_fetch(context->library, "AES-256-CBC", NULL);
        if (context->ticket_cipher && make_bio(context))
            error = build(context, ret_problem);
        else
            problem_set_no_memory(ret_problem);
    } else {
        problem_set_no_memory(ret_problem);
    }
    ERR_clear_error();
    if (error)
        tls_context_destroy(context);
    else
        *ret = context;
    return error;
}

void tls_context_destroy(struct tls_context *context)
{
    if (!context)
        return;
    tls_credentials_unref(context->credentials);
    BIO_free(context->bio);
    BIO_meth_free(context->method);
    EVP_CIPHER_free(context->ticket_cipher);
    OSSL_LIB_CTX_free(context->library);
    free(context->output);
    free(context);
}

void tls_context_refresh(struct tls_context *context)
{
    struct problem ignored;
    if (!tls_shared_is_current(context->shared, context->generation))
        build(context, &ignored);
}

const struct tls_certificates *tls_context_certificates(struct tls_context *context)
{
    tls_context_refresh(context);
    return context->credentials->certificates;
}

#endif
