/* tls_certificate: one certificate with its chain and its private key, read and checked. RFC 5280,
 * RFC 7468, RFC 8446 section 4.4.2.
 *
 * Immutable, and shared by threads through a count of references. Keeps PEM instead of OpenSSL's
 * objects, because each worker parses it into its own library context. The memory of the key is
 * wiped when the last reference goes. Only in builds with OpenSSL. */
#ifndef SLUICE_TLS_CERTIFICATE_H
#define SLUICE_TLS_CERTIFICATE_H

#ifdef SLUICE_HAVE_OPENSSL

#include "base/digest.h"
#include "base/problem.h"
#include "tls/tls_names.h"

#include <stdatomic.h>

/* What the key signs with: clients say which kinds they take. */
enum tls_key_kind { TLS_KEY_ECDSA, TLS_KEY_RSA, TLS_KEY_OTHER };

enum {
    TLS_FINGERPRINT_BYTES = 3 * DIGEST_BYTES, /* "AB:CD:...", with a NUL */
    TLS_CHAIN_PEM_BYTES_MAX = 64 << 10,       /* so that its flight fits into a tls_context */
};

struct tls_certificate {
    atomic_uint references;
    unsigned number; /* of this process; no other certificate has had it */
    enum tls_key_kind kind;
    struct str chain_pem;   /* the certificate, then its issuers in order */
    struct str key_pem;     /* not encrypted */
    struct tls_names names; /* of subjectAltName, or the common name if that is missing */
    int64_t not_before_s, not_after_s; /* POSIX time: valid from, and up to and including */
    uint8_t fingerprint[DIGEST_BYTES]; /* SHA-256 of the certificate */
    unsigned issuer_count;             /* of chain_pem */
    unsigned left_out;                 /* certificates of the input that are not in its chain */
    bool was_in_order;                 /* the input had the chain in this order */
    bool lacks_issuer;                 /* an issuer that clients do not know is missing */
    bool self_signed;                  /* made by this process, for development */
};

/* Which input is at fault. */
enum tls_fault { TLS_FAULT_CERTIFICATE, TLS_FAULT_KEY, TLS_FAULT_PAIR /* they do not match */ };

/* Reads a certificate and its chain from PEM, and its key from KEY_PEM, which may be the same
 * bytes. The key decides which certificate is the server's; the others follow as each is the issuer
 * of the one before. Text between the blocks, CRLF, and EC PARAMETERS are ignored. Expiry is not
 * checked here. *RET is *given*. 0 or a negative errno with *RET_PROBLEM, which says what is wrong
 * and what to do, and *RET_FAULT. -ENOMEM: out of memory, -EINVAL: anything else. */
int tls_certificate_parse(struct tls_certificate **ret, struct str pem, struct str key_pem,
                          struct problem *ret_problem, enum tls_fault *ret_fault);

struct tls_certificate *tls_certificate_ref(struct tls_certificate *certificate);

/* NULL is allowed. */
void tls_certificate_unref(struct tls_certificate *certificate);

/* How well CERTIFICATE covers HOST; see tls_names_match. */
static inline enum tls_match tls_certificate_match(const struct tls_certificate *certificate,
                                                   struct str host)
{
    return tls_names_match(&certificate->names, host);
}

static inline bool tls_certificate_is_valid(const struct tls_certificate *certificate,
                                            int64_t now_s)
{
    return now_s >= certificate->not_before_s && now_s <= certificate->not_after_s;
}

/* Writes the fingerprint as pairs of upper-case hexadecimal digits with colons between, and a
 * NUL. */
void tls_certificate_fingerprint(const struct tls_certificate *certificate,
                                 char to[static TLS_FINGERPRINT_BYTES]);

#endif
#endif
