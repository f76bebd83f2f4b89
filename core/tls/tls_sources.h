/* tls_sources: where certificates come from, and when their files are read again.
 *
 * Owns the pairs that it has found; gives generations of their certificates. Strict at the start:
 * one bad pair is an error. Afterwards each pair is for itself, also in a reload, if the sources
 * before it had its file or directory: see tls_pair.h. If nothing has changed, a check costs two
 * stat(2) a pair, one a source, and a listing of each directory. Main thread only. Only in builds
 * with OpenSSL. */
#ifndef SLUICE_TLS_SOURCES_H
#define SLUICE_TLS_SOURCES_H

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_pair.h"

/* A file with a certificate, or a directory as tls_directory.h has it. */
struct tls_source {
    const char *cert;
    const char *key; /* NULL: in the file CERT, or CERT is a directory */
};

/* Everything is *borrowed* for the life of the sources. */
struct tls_sources_config {
    const struct tls_source *list; /* in order of preference */
    unsigned count;
    bool self_signed; /* a certificate is made; LIST is empty */
    /* Where tls_sources_load puts mistakes, so that all are found; NULL: the first is the error. */
    struct problem_list *problems;
    /* Those from before a reload, whose certificates are shared where files have not changed.
     * *Borrowed* until tls_sources_load returns; NULL: none. */
    const struct tls_sources *former;
};

struct tls_sources;

/* Nothing is read yet. 0 or -ENOMEM. */
int tls_sources_create(struct tls_sources **ret, const struct tls_sources_config *config);

/* NULL is allowed. */
void tls_sources_destroy(struct tls_sources *sources);

/* Reads everything, at NOW_S (POSIX time), once; of files that the former sources have, those that
 * have changed (tls_pair_follow). A source that is written twice counts once. *RET is *given*.
 * Reports what should be known of the certificates: that one expires soon, has expired, or lacks
 * its issuer. 0 or a negative errno with *RET_PROBLEM. */
int tls_sources_load(struct tls_sources *sources, int64_t now_s, const struct tls_report *report,
                     struct tls_certificates **ret, struct problem *ret_problem);

/* Checks all files, and reads those that have changed or were bad. If other certificates are to be
 * served now, *RET is their generation, *given*; otherwise NULL. Reports each bad pair once, and
 * each new certificate. */
void tls_sources_revalidate(struct tls_sources *sources, int64_t now_s,
                            const struct tls_report *report, struct tls_certificates **ret);

/* Tries, after tls_sources_load, to open everything that tls_sources_revalidate will, because the
 * process has become another user. Reports each file and directory that cannot be opened. */
void tls_sources_try(const struct tls_sources *sources, const struct tls_report *report);

/* Reports the certificates that were renewed since the former sources were read: once the new ones
 * are in use. */
void tls_sources_report_renewed(struct tls_sources *sources, const struct tls_report *report);

#endif
#endif
