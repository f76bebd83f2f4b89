/* tls_pem: the certificates and the private key in PEM text. RFC 7468.
 *
 * Owns OpenSSL's objects until tls_pem_fini. Text outside of blocks is ignored, and so are blocks
 * of other kinds, such as EC PARAMETERS. Memory that has held the text of a key is wiped; of the
 * binary key, OpenSSL 3.0 itself frees copies without wiping them. An encrypted key is refused: no
 * passphrase is ever asked for. Only in builds with OpenSSL. */
#ifndef SLUICE_TLS_PEM_H
#define SLUICE_TLS_PEM_H

#ifdef SLUICE_HAVE_OPENSSL

#include "base/problem.h"
#include "base/str.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum { TLS_PEM_CERTIFICATES_MAX = 256 }; /* of one text */

/* What to take from the text. */
enum tls_pem_wanted { TLS_PEM_CERTIFICATES, TLS_PEM_KEY };

/* Zeroed: empty. */
struct tls_pem {
    X509 *certificates[TLS_PEM_CERTIFICATES_MAX]; /* in the order of the text */
    unsigned count;
    EVP_PKEY *key; /* the first */
};

/* Adds the objects of TEXT that are WANTED to PEM; TEXT may have none. 0, or a negative errno with
 * *RET_PROBLEM: -ENOMEM, -EINVAL. */
int tls_pem_read(struct tls_pem *pem, struct str text, enum tls_pem_wanted wanted,
                 struct problem *ret_problem);

void tls_pem_fini(struct tls_pem *pem);

/* KEY and CERTIFICATE as PEM, in memory from malloc. False, with *RET untouched: out of memory. */
bool tls_pem_write_key(EVP_PKEY *key, struct str *ret);
bool tls_pem_write_chain(X509 *const *certificates, unsigned count, struct str *ret);

#endif
#endif
