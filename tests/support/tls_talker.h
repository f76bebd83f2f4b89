/* tls_talker: a client of libssl that talks to a socket, and what a server needs to speak TLS. For
 * unit tests, in builds with OpenSSL. */
#ifndef SLUICE_TESTS_TLS_TALKER_H
#define SLUICE_TESTS_TLS_TALKER_H

#ifdef SLUICE_HAVE_OPENSSL

#include "conn/transport_tls.h"
#include "support/conn_rig.h"
#include "support/tls_maker.h"
#include "support/wire.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* What the workers of a server share, with a certificate for localhost. */
static inline struct tls_shared *tls_talker_shared(void)
{
    const struct tls_maker maker = {.names = "DNS:localhost,DNS:a"};
    struct tls_made made = tls_make(&maker);
    struct tls_certificate *certificate;
    struct tls_shared *shared;
    struct problem problem;
    enum tls_fault fault;
    cr_assert_eq(tls_certificate_parse(&certificate, str_of(made.certificate_pem),
                                       str_of(made.key_pem), &problem, &fault),
                 0);
    tls_made_fini(&made);
    const struct tls_shared_config config = {
        .certificates = tls_certificates_create(&certificate, 1, (int64_t)time(NULL)),
        .least = TLS_VERSION_1_2,
    };
    cr_assert_not_null(config.certificates);
    tls_certificate_unref(certificate);
    cr_assert_eq(tls_shared_create(&shared, &config, &problem), 0);
    return shared;
}

/* Bytes go in and out by memory; FD is the test's. */
struct tls_talker {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
    struct pile received; /* ciphertext, all of it */
    struct pile opened;   /* plaintext */
    bool ready;           /* the handshake is over */
    bool ended;           /* close_notify has come */
    bool failed;          /* an alert has come, or the server's bytes make no sense */
};

/* VERSION: TLS1_2_VERSION or TLS1_3_VERSION. */
static inline void tls_talker_init(struct tls_talker *client, int version)
{
    *client = (struct tls_talker){.context = SSL_CTX_new(TLS_client_method())};
    cr_assert_not_null(client->context);
    SSL_CTX_set_min_proto_version(client->context, version);
    SSL_CTX_set_max_proto_version(client->context, version);
    client->ssl = SSL_new(client->context);
    client->in = BIO_new(BIO_s_mem());
    client->out = BIO_new(BIO_s_mem());
    cr_assert(client->ssl && client->in && client->out);
    char host[] = "localhost";
    SSL_set_tlsext_host_name(client->ssl, host);
    SSL_set_bio(client->ssl, client->in, client->out);
    SSL_set_connect_state(client->ssl);
}

static inline void tls_talker_fini(struct tls_talker *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    pile_clear(&client->received);
    pile_clear(&client->opened);
}

static inline void tls_talker_judge(struct tls_talker *client, int result)
{
    const int error = SSL_get_error(client->ssl, result);
    if (error == SSL_ERROR_ZERO_RETURN)
        client->ended = true;
    else if (error != SSL_ERROR_WANT_READ)
        client->failed = true;
    ERR_clear_error();
}

/* Does what can be done with what has come. */
static inline void tls_talker_work(struct tls_talker *client)
{
    char bytes[16384];
    int got = 1;
    ERR_clear_error();
    if (!client->ready && !client->failed) {
        got = SSL_do_handshake(client->ssl);
        client->ready = got == 1;
    }
    while (client->ready && !client->ended && !client->failed && got > 0) {
        got = SSL_read(client->ssl, bytes, sizeof bytes);
        if (got > 0)
            pile_add(&client->opened, bytes, (size_t)got);
    }
    if (got <= 0)
        tls_talker_judge(client, got);
}

/* Takes what the server has sent. */
static inline void tls_talker_take(struct tls_talker *client, const char *bytes, size_t length)
{
    pile_add(&client->received, bytes, length);
    cr_assert_eq(BIO_write(client->in, bytes, (int)length), (int)length);
    tls_talker_work(client);
}

/* Seals REQUEST, in records of at most RECORD_BYTES. */
static inline void tls_talker_seal(struct tls_talker *client, struct str request,
                                   size_t record_bytes)
{
    while (request.length > 0) {
        const struct str record = str_first(request, record_bytes);
        cr_assert_eq(SSL_write(client->ssl, record.at, (int)record.length), (int)record.length);
        request = str_from(request, record.length);
    }
}

/* Moves what the client wants to send to *RET. */
static inline void tls_talker_give(struct tls_talker *client, struct pile *ret)
{
    char bytes[4096];
    int got;
    while ((got = BIO_read(client->out, bytes, sizeof bytes)) > 0)
        pile_add(ret, bytes, (size_t)got);
}

/* The same to FD. False: it does not accept all of it. */
static inline bool tls_talker_send(struct tls_talker *client, int fd)
{
    struct pile raw = {0};
    tls_talker_give(client, &raw);
    const bool sent = wire_send(fd, pile_view(&raw));
    pile_clear(&raw);
    return sent;
}

/* Takes one read of FD, which may block. False: the end, or an error. */
static inline bool tls_talker_receive(struct tls_talker *client, int fd)
{
    char bytes[65536];
    const ssize_t got = read(fd, bytes, sizeof bytes);
    if (got > 0)
        tls_talker_take(client, bytes, (size_t)got);
    return got > 0;
}

/* Shakes hands with the server at the other end of FD. */
static inline bool tls_talker_connect(struct tls_talker *client, int fd)
{
    do {
        tls_talker_work(client);
        if (!tls_talker_send(client, fd))
            return false;
    } while (!client->ready && !client->failed && tls_talker_receive(client, fd));
    return client->ready;
}

/* The lengths of the records of application data in BYTES, with all overhead, at most ROOM. */
static inline unsigned tls_talker_records(struct str bytes, size_t *ret, unsigned room)
{
    enum { HEADER_BYTES = 5, APPLICATION_DATA = 23 };
    unsigned count = 0;
    while (bytes.length >= HEADER_BYTES && count < room) {
        const size_t length = (size_t)(uint8_t)bytes.at[3] << 8 | (uint8_t)bytes.at[4];
        if (bytes.at[0] == APPLICATION_DATA)
            ret[count++] = length + HEADER_BYTES;
        bytes = str_from(bytes, length + HEADER_BYTES);
    }
    return count;
}

#endif
#endif
