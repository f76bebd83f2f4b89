/* tls_rig: the TLS of a server and a client of libssl, without a socket: bytes pass in memory, in
 * pieces of any size. Only in builds with OpenSSL. A failure to prepare aborts the test. */
#ifndef SLUICE_TESTS_TLS_RIG_H
#define SLUICE_TESTS_TLS_RIG_H

#ifdef SLUICE_HAVE_OPENSSL

#include "support/tls_maker.h"
#include "tls/tls_stream.h"

#include <openssl/ssl.h>

enum { TLS_LINK_BYTES = 256 << 10 };

/* --- A server --------------------------------------------------------------------------------- */

struct tls_rig {
    struct tls_shared *shared;
    struct tls_context *context; /* of the first worker */
};

/* A generation of certificates, made by the COUNT MAKERS; each also has its own key. *Gives*. */
struct tls_certificates *tls_rig_certificates(const struct tls_maker *makers, unsigned count);

/* Without MAKERS: one certificate for example.org. */
void tls_rig_init(struct tls_rig *rig, const struct tls_maker *makers, unsigned count);
void tls_rig_fini(struct tls_rig *rig);

/* --- A connection ----------------------------------------------------------------------------- */

/* The client. Everything may be left zero. */
struct tls_client {
    const char *host;       /* SNI; NULL: none */
    int version;            /* the only one: TLS1_2_VERSION, ...; 0: any */
    const char *suites;     /* of TLS 1.3 */
    const char *suites_1_2; /* the cipher list */
    const char *schemes;    /* signature algorithms */
    const char *groups;     /* key exchange */
    const char *protocols;  /* ALPN, each with its length before it */
    SSL_SESSION *session;   /* to resume */
    bool is_insecure;       /* security level 0 */
};

struct tls_link {
    struct tls_context *context;
    struct tls_stream *stream;
    SSL_CTX *client_context;
    SSL *client;
    BIO *to_client;           /* what the client reads */
    BIO *to_server;           /* what the client has written */
    SSL_SESSION *session;     /* the latest that the client got; NULL: none */
    unsigned char secret[48]; /* of the client's traffic (TLS 1.3) */
    enum tls_result result;
    bool is_open;           /* the server's side of the handshake is over */
    size_t received_length; /* plaintext that the server has opened */
    size_t sent_length;     /* bytes that the server has put out */
    char received[TLS_LINK_BYTES];
};

/* If set, called before (true) and after each call of the server's functions, so that a test can
 * make its allocations fail and not the client's. */
extern void (*tls_rig_on_server)(bool enters);

/* A connection of CLIENT to a new stream of CONTEXT, which has failed if there is not one for want
 * of memory. *Gives*. */
struct tls_link *tls_link_create(struct tls_context *context, const struct tls_client *client);
void tls_link_destroy(struct tls_link *link);

/* Gives BYTES to the server, and its output to the client. Returns link->result, the server's. */
enum tls_result tls_link_feed(struct tls_link *link, struct str bytes);

/* Gives what the client has written to the server, in pieces of at most STEP bytes. */
enum tls_result tls_link_pump(struct tls_link *link, size_t step);

/* Runs the handshake to its end, in pieces of at most STEP bytes. Whether both sides are done. */
bool tls_link_shake(struct tls_link *link, size_t step);

/* The client writes TEXT; returns the ciphertext, valid until the next call. */
struct str tls_link_write(struct tls_link *link, struct str text);

/* The server seals TEXT and the client reads it. Whether it is the same. */
bool tls_link_answers(struct tls_link *link, struct str text);

/* The names of the certificate that the client got: its common name. "": none. */
const char *tls_link_common_name(const struct tls_link *link);

/* The alert that the client received last, by its number; -1: none. */
int tls_link_alert(const struct tls_link *link);

#endif
#endif
