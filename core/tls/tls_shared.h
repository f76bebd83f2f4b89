/* tls_shared: the TLS state that all workers share: the generation of certificates, the keys of
 * session tickets, and the least version.
 *
 * Owns a reference to the current generation; each worker takes its own (tls_context.h) and builds
 * OpenSSL's objects from it before its next handshake. Ticket keys are not touched by a new
 * generation, so that clients can resume after a reload. Thread-safe, except tls_shared_create and
 * tls_shared_destroy. Only in builds with OpenSSL. */
#ifndef SLUICE_TLS_SHARED_H
#define SLUICE_TLS_SHARED_H

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_certificates.h"
#include "tls/tls_tickets.h"

enum tls_version { TLS_VERSION_1_2, TLS_VERSION_1_3 };

struct tls_shared_config {
    struct tls_certificates *certificates; /* *taken*, unless tls_shared_create fails */
    enum tls_version least;
};

struct tls_shared {
    struct tls_tickets tickets;
    atomic_uint least;      /* an enum tls_version */
    atomic_uint generation; /* of CERTIFICATES and LEAST, from 1 */
    pthread_mutex_t lock;   /* of CERTIFICATES */
    struct tls_certificates *certificates;
};

/* *RET is *given*. 0 or a negative errno with *RET_PROBLEM. */
int tls_shared_create(struct tls_shared **ret, const struct tls_shared_config *config,
                      struct problem *ret_problem);

/* After the last worker's context. NULL is allowed. */
void tls_shared_destroy(struct tls_shared *shared);

/* Makes CERTIFICATES, which are *taken*, those of new handshakes. Connections keep theirs. */
void tls_shared_publish(struct tls_shared *shared, struct tls_certificates *certificates);

/* Makes LEAST the oldest version in new handshakes: another generation, of the same certificates.
 * Connections go on with theirs. */
void tls_shared_set_least(struct tls_shared *shared, enum tls_version least);

/* The oldest version in handshakes of the generation that tls_shared_acquire has given, or of a
 * later one. */
static inline enum tls_version tls_shared_least(struct tls_shared *shared)
{
    return (enum tls_version)atomic_load_explicit(&shared->least, memory_order_relaxed);
}

/* The current generation with a reference, which is *given*, and its number. */
struct tls_certificates *tls_shared_acquire(struct tls_shared *shared, unsigned *ret_generation);

/* Whether GENERATION is the number of the current generation. Cheap. */
static inline bool tls_shared_is_current(struct tls_shared *shared, unsigned generation)
{
    return atomic_load_explicit(&shared->generation, memory_order_acquire) == generation;
}

/* Changes the key of tickets if it is time, see tls_tickets_rotate. NOW_S: POSIX time. */
void tls_shared_rotate(struct tls_shared *shared, int64_t now_s);

#endif
#endif
