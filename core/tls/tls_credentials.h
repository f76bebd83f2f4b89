/* tls_credentials: one generation of certificates as a worker uses it: an SSL_CTX for each, and the
 * choice among them.
 *
 * Owns each SSL_CTX, which is in the worker's library context, and a reference to the generation.
 * Counted references, without atomics: one thread. The context holds one, and each stream another,
 * so a connection keeps its certificate while a newer generation serves others. RFC 6066 section 3,
 * RFC 8446 section 4.4.2.2. Only in builds with OpenSSL. */
#ifndef SLUICE_TLS_CREDENTIALS_H
#define SLUICE_TLS_CREDENTIALS_H

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_hello.h"
#include "tls/tls_shared.h"

#include <openssl/ssl.h>

struct tls_credential {
    struct tls_certificate *certificate;
    SSL_CTX *context;
    enum tls_scheme scheme; /* of its key */
};

struct tls_credentials {
    unsigned references;
    struct tls_certificates *certificates;
    unsigned count;                /* more than 0 */
    struct tls_credential items[]; /* in the order of the generation; see tls_credentials_create */
};

/* The callbacks that every SSL_CTX gets. */
struct tls_callbacks {
    SSL_client_hello_cb_fn hello; /* with OWNER as its last argument */
    int (*ticket)(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                  EVP_MAC_CTX *mac, int is_new);
    void *owner; /* also the application data of the SSL_CTX */
};

struct tls_credentials_config {
    OSSL_LIB_CTX *library; /* *borrowed* until the last reference is gone */
    struct tls_callbacks callbacks;
    enum tls_version least;
    const struct tls_credentials *former; /* of the generation before; NULL: the first */
};

/* Parses CERTIFICATES and *refs* them. Those that FORMER has are shared with it, which then has the
 * same least version: streams keep that with which they were made. A certificate that
 * OpenSSL refuses does not keep the others from being used: FORMER's of its kind for its names is
 * used in its place, or it is left out; without FORMER this fails. *RET is *given*, with one
 * reference. 0 or a negative errno with *RET_PROBLEM; -ENOMEM: out of memory, -EINVAL: OpenSSL
 * refuses a setting, or all certificates, or one of the first generation. */
int tls_credentials_create(struct tls_credentials **ret, struct tls_certificates *certificates,
                           const struct tls_credentials_config *config,
                           struct problem *ret_problem);

struct tls_credentials *tls_credentials_ref(struct tls_credentials *credentials);

/* NULL is allowed. */
void tls_credentials_unref(struct tls_credentials *credentials);

/* The index of the certificate for HELLO: one for the exact name, else one for its wildcard, that
 * the client can use; of several the kind of key that costs least. A client that names no host, or
 * an unknown one, gets one with the address LOCAL (NULL: not known), else the first or another for
 * its names, else any that it can use. If it can use none, the one for its name; the handshake then
 * fails. */
unsigned tls_credentials_choose(const struct tls_credentials *credentials,
                                const struct tls_hello *hello, const struct tls_address *local);

#endif
#endif
