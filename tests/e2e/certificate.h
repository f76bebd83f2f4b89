/* certificate: certificates and keys for the end-to-end tests, made when a test asks
 * (support/tls_maker.h).
 *
 * Texts are PEM and kept. Files are readable by every user, so that servers that give up their
 * privileges can be tested; nothing that these keys protect matters. Without OpenSSL, the test is
 * skipped. */
#ifndef E2E_CERTIFICATE_H
#define E2E_CERTIFICATE_H

#include "site.h"

#include <stdint.h>

struct certificate_setup {
    const char *names;      /* of the subjectAltName: "DNS:a.example,IP:127.0.0.1" */
    const char *key;        /* "P-256" (NULL), "RSA-2048", ... */
    int64_t begins_s;       /* from now */
    int64_t ends_s;         /* from now; 0: in 90 days, and begun an hour ago */
    const char *passphrase; /* encrypts the key; NULL: none */
};

struct certificate {
    const char *chain; /* the certificate, which signs itself */
    const char *key;
    char fingerprint[65]; /* SHA-256 in lower-case hexadecimal digits */
};

/* Those that the tests' requests use. */
#define CERTIFICATE_NAMES                                                                                                      \
    "DNS:localhost,DNS:x,DNS:a,DNS:b,DNS:aa,DNS:unknown,DNS:example.org,DNS:a.b.example.org,DNS:*.example.org,DNS:example.com" \
    ",DNS:*.example,DNS:*.three.example,DNS:a.b.three.example,IP:127.0.0.1,IP:::1"

void certificate_make(struct certificate *certificate, const struct certificate_setup *setup);

/* Writes chain and key, in this order, to PATH in SITE ("../x" is beside ROOT), atomically. The
 * absolute path, kept. */
const char *certificate_write(const struct certificate *certificate, const struct site *site,
                              const char *path);

/* A file with a certificate of CERTIFICATE_NAMES and its key, made at the first call of a test.
 * Kept. */
const char *certificate_of_test(void);

#endif
