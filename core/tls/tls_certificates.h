/* tls_certificates: one generation of all certificates, in order of preference.
 *
 * Immutable, and shared by threads through a count of references; it has a reference to each of its
 * certificates. The first is for clients that name no host, or an unknown one. Of several
 * certificates of one kind for one name, the one to serve comes first. Only in builds with
 * OpenSSL. */
#ifndef SLUICE_TLS_CERTIFICATES_H
#define SLUICE_TLS_CERTIFICATES_H

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_certificate.h"

struct tls_certificates {
    atomic_uint references;
    unsigned count; /* more than 0 */
    struct tls_certificate *items[];
};

/* A generation of the COUNT certificates ITEMS, which are in the order in which the user gave them:
 * *refs* each that it keeps. Of those of one kind that share a name, one that is valid at NOW_S
 * comes before one that is not, and the later start before the earlier. One that is not valid is
 * left out if the valid ones cover all its names. *Given*; NULL: out of memory. */
struct tls_certificates *tls_certificates_create(struct tls_certificate *const *items,
                                                 unsigned count, int64_t now_s);

/* Whether those of the COUNT certificates ITEMS that are valid at NOW_S cover all NAMES. */
bool tls_certificates_cover(struct tls_certificate *const *items, unsigned count,
                            const struct tls_names *names, int64_t now_s);

struct tls_certificates *tls_certificates_ref(struct tls_certificates *certificates);

/* NULL is allowed. */
void tls_certificates_unref(struct tls_certificates *certificates);

#endif
#endif
