/* tls_pair_parts: what the files of tls_pair share; for these alone. */
#ifndef SLUICE_TLS_PAIR_PARTS_H
#define SLUICE_TLS_PAIR_PARTS_H

#include "tls/tls_pair.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "base/date.h"

enum { TLS_PAIR_DATE_BYTES = DATE_RFC3339_BYTES + 1 };

/* Writes a POSIX time to TO in RFC 3339's form, with a NUL. Returns TO. */
const char *tls_pair_date(int64_t seconds, char to[static TLS_PAIR_DATE_BYTES]);

/* Sets PROBLEM to the reason why CERTIFICATE is not valid at NOW_S. */
void tls_pair_set_invalid(struct problem *problem, const struct tls_certificate *certificate,
                          int64_t now_s);

#endif
#endif
