/* tls_pair: the file of a certificate and the file of its key, which are one unit, and the
 * certificate that was last found good in them.
 *
 * Owns its paths and a reference to its certificate. Both files are read anew when either has
 * changed, and at each check while they are bad. A bad pair, and one that would be worse, never
 * replaces a certificate that is valid; a problem is reported once, and so is its end. Main thread
 * only. Only in builds with OpenSSL. */
#ifndef SLUICE_TLS_PAIR_H
#define SLUICE_TLS_PAIR_H

#ifdef SLUICE_HAVE_OPENSSL

#include "storage/blob.h"
#include "tls/tls_certificates.h"

/* Where problems, and news of certificates in the same form, are reported. */
struct tls_report {
    void (*function)(void *context, const struct problem *problem);
    void *context;
};

/* The times in the life of a certificate that are reported. */
enum tls_age { TLS_AGE_FRESH, TLS_AGE_EARLY /* not valid yet */, TLS_AGE_SOON, TLS_AGE_EXPIRED };

enum { TLS_EXPIRY_WARNING_DAYS = 14 };

struct tls_pair {
    unsigned source; /* the number of the source that it is from */
    char *name;      /* its name in a directory of pairs; otherwise "" */
    char *cert_path;
    char *key_path;                      /* the same text if the certificate's file has the key */
    struct tls_certificate *certificate; /* the one to serve; NULL: none yet */
    struct blob_identity cert_identity, key_identity; /* of the files when they were last read */
    bool settled;                                     /* unchanged identities: unchanged content */
    bool is_bad;                                      /* and was reported */
    bool listed;                                      /* its source has it */
    bool kept;    /* CERTIFICATE is that of the pair that it followed */
    bool renewed; /* it followed a pair with another certificate, which was not reported yet */
    enum tls_age reported_age;
};

/* Where a pair is; *borrowed*. */
struct tls_pair_place {
    unsigned source;  /* the number of the source that it is from */
    const char *name; /* its name in a directory of pairs; otherwise "" */
    const char *cert_path;
    const char *key_path; /* NULL: the key is in the file of the certificate */
};

/* A check of all pairs. */
struct tls_check {
    struct tls_certificate *const *in_use; /* those of all pairs */
    unsigned in_use_count;
    int64_t now_s; /* POSIX time */
    const struct tls_report *report;
};

/* A pair at PLACE, whose texts are copied. NULL: out of memory. */
struct tls_pair *tls_pair_create(const struct tls_pair_place *place);

/* NULL is allowed. */
void tls_pair_destroy(struct tls_pair *pair);

/* Reads PAIR for the first time, at NOW_S. 0 or a negative errno with *RET_PROBLEM. */
int tls_pair_load(struct tls_pair *pair, int64_t now_s, struct problem *ret_problem);

/* Whether A and B are the same files. */
bool tls_pair_is_same(const struct tls_pair *a, const struct tls_pair *b);

/* Loads PAIR as tls_pair_load does, for a reload. It shares the certificate of FORMER, a pair of
 * the same files, unless these have changed. FORMER's also stays, with a report, if the files are
 * bad now, or if it is valid and the new one is not. CHECK's certificates in use do not matter. 0,
 * or a negative errno with *RET_PROBLEM: FORMER has no certificate either, or memory is out. */
int tls_pair_follow(struct tls_pair *pair, const struct tls_pair *former,
                    const struct tls_check *check, struct problem *ret_problem);

/* Reports PROBLEM of PAIR, which has no certificate, and goes without it. */
void tls_pair_skip(struct tls_pair *pair, const struct problem *problem,
                   const struct tls_report *report);

/* Reports the new certificate of a pair that is RENEWED, once. */
void tls_pair_report_renewed(struct tls_pair *pair, const struct tls_report *report);

/* Reads PAIR if its files have changed or were bad. A name or an address that a valid certificate
 * of another pair covers may be missing in the new one. True: PAIR has another certificate now. */
bool tls_pair_revalidate(struct tls_pair *pair, const struct tls_check *check);

/* Reports that PAIR's certificate expires soon, has expired or is not valid yet, once each, unless
 * other certificates cover its names at least as long. */
void tls_pair_report_age(struct tls_pair *pair, const struct tls_check *check);

/* Reports everything in PAIR that works, but is seldom meant. */
void tls_pair_report_oddities(const struct tls_pair *pair, const struct tls_report *report);

#endif
#endif
