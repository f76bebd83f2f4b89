/* tls_self_signed: a certificate for development, made in memory when the server starts.
 *
 * ECDSA P-256, signed by itself, for localhost, 127.0.0.1, ::1 and the name of this host. Browsers
 * let a user accept it: it has its addresses as addresses, serverAuth, SHA-256, and at most 397
 * days (CA/Browser Forum Baseline Requirements 6.3.2). RFC 5280. Only in builds with OpenSSL. */
#ifndef SLUICE_TLS_SELF_SIGNED_H
#define SLUICE_TLS_SELF_SIGNED_H

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_certificate.h"

enum { TLS_SELF_SIGNED_DAYS = 397 };

/* Makes a certificate, *given*, that is valid from an hour before NOW_S on: clocks differ.
 * HOST_NAME is added to its names if it can be one. 0 or a negative errno with *RET_PROBLEM. */
int tls_self_signed_create(struct tls_certificate **ret, const char *host_name, int64_t now_s,
                           struct problem *ret_problem);

#endif
#endif
