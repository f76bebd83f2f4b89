/* tls_shared: see tls_shared.h. */
#include "tls/tls_shared.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <errno.h>
#include <stdlib.h>

int tls_shared_create(struct tls_shared **ret, const struct tls_shared_config *config,
                      struct problem *ret_problem)
{
    struct tls_shared *shared = calloc(1, sizeof *shared);
    if (!shared) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    int error = tls_tickets_init(&shared->tickets);
    if (error) {
        problem_set(ret_problem, "OpenSSL has no random bytes for keys");
        free(shared);
        return error;
    }
    pthread_mutex_init(&shared->lock, NULL);
    atomic_init(&shared->generation, 1);
    shared->certificates = config->certificates;
    atomic_init(&shared->least, config->least);
    *ret = shared;
    return 0;
}

void tls_shared_destroy(struct tls_shared *shared)
{
    if (!shared)
        return;
    tls_certificates_unref(shared->certificates);
    tls_tickets_fini(&shared->tickets);
    pthread_mutex_destroy(&shared->lock);
    free(shared);
}

void tls_shared_publish(struct tls_shared *shared, struct tls_certificates *certificates)
{
    pthread_mutex_lock(&shared->lock);
    struct tls_certificates *old = shared->certificates;
    shared->certificates = certificates;
    atomic_fetch_add_explicit(&shared->generation, 1, memory_order_release);
    pthread_mutex_unlock(&shared->lock);
    tls_certificates_unref(old);
}

void tls_shared_set_least(struct tls_shared *shared, enum tls_version least)
{
    pthread_mutex_lock(&shared->lock);
    if (tls_shared_least(shared) != least) {
        atomic_store_explicit(&shared->least, least, memory_order_relaxed);
        atomic_fetch_add_explicit(&shared->generation, 1, memory_order_release);
    }
    pthread_mutex_unlock(&shared->lock);
}

struct tls_certificates *tls_shared_acquire(struct tls_shared *shared, unsigned *ret_generation)
{
    pthread_mutex_lock(&shared->lock);
    struct tls_certificates *certificates = tls_certificates_ref(shared->certificates);
    *ret_generation = atomic_load_explicit(&shared->generation, memory_order_relaxed);
    pthread_mutex_unlock(&shared->lock);
    return certificates;
}

void tls_shared_rotate(struct tls_shared *shared, int64_t now_s)
{
    tls_tickets_rotate(&shared->tickets, now_s);
}

#endif
