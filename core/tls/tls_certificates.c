/* tls_certificates: see tls_certificates.h. */
#include "tls/tls_certificates.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <stdlib.h>

/* Whether A should be served rather than B, which has one of its names. */
static bool is_better(const struct tls_certificate *a, const struct tls_certificate *b,
                      int64_t now_s)
{
    bool a_valid = tls_certificate_is_valid(a, now_s), b_valid = tls_certificate_is_valid(b, now_s);
    return a_valid != b_valid ? a_valid : a->not_before_s > b->not_before_s;
}

/* Whether a valid one of the COUNT certificates ITEMS covers HOST. */
static bool valid_covers(struct tls_certificate *const *items, unsigned count, struct str host,
                         int64_t now_s)
{
    for (unsigned i = 0; i < count; i++) {
        if (tls_certificate_is_valid(items[i], now_s) && tls_names_cover(&items[i]->names, host))
            return true;
    }
    return false;
}

static bool valid_have(struct tls_certificate *const *items, unsigned count,
                       const struct tls_address *address, int64_t now_s)
{
    for (unsigned i = 0; i < count; i++) {
        if (tls_certificate_is_valid(items[i], now_s) &&
            tls_names_have_address(&items[i]->names, address->bytes, address->length))
            return true;
    }
    return false;
}

bool tls_certificates_cover(struct tls_certificate *const *items, unsigned count,
                            const struct tls_names *names, int64_t now_s)
{
    for (unsigned i = 0; i < names->hosts.count; i++) {
        if (!valid_covers(items, count, str_of(names->hosts.items[i]), now_s))
            return false;
    }
    for (unsigned i = 0; i < names->address_count; i++) {
        if (!valid_have(items, count, &names->addresses[i], now_s))
            return false;
    }
    return true;
}

/* Whether CERTIFICATE, one of ITEMS, is not needed: see tls_certificates_create. */
static bool is_superseded(const struct tls_certificate *certificate,
                          struct tls_certificate *const *items, unsigned count, int64_t now_s)
{
    return !tls_certificate_is_valid(certificate, now_s) &&
           !tls_names_are_empty(&certificate->names) &&
           tls_certificates_cover(items, count, &certificate->names, now_s);
}

/* Moves the best of those that share a name with the one at FIRST, and are of its kind, to FIRST;
 * the others keep their order. */
static void bring_best(struct tls_certificate **items, unsigned first, unsigned count,
                       int64_t now_s)
{
    unsigned best = first;
    for (unsigned i = first + 1; i < count; i++) {
        if (items[i]->kind == items[first]->kind &&
            tls_names_overlap(&items[i]->names, &items[first]->names) &&
            is_better(items[i], items[best], now_s))
            best = i;
    }
    struct tls_certificate *moved = items[best];
    for (unsigned i = best; i > first; i--)
        items[i] = items[i - 1];
    items[first] = moved;
}

struct tls_certificates *tls_certificates_create(struct tls_certificate *const *items,
                                                 unsigned count, int64_t now_s)
{
    struct tls_certificates *made = malloc(sizeof *made + count * sizeof(struct tls_certificate *));
    if (!made)
        return NULL;
    atomic_init(&made->references, 1);
    made->count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!is_superseded(items[i], items, count, now_s))
            made->items[made->count++] = tls_certificate_ref(items[i]);
    }
    for (unsigned i = 0; i < made->count; i++)
        bring_best(made->items, i, made->count, now_s);
    return made;
}

struct tls_certificates *tls_certificates_ref(struct tls_certificates *certificates)
{
    atomic_fetch_add_explicit(&certificates->references, 1, memory_order_relaxed);
    return certificates;
}

void tls_certificates_unref(struct tls_certificates *certificates)
{
    if (!certificates ||
        atomic_fetch_sub_explicit(&certificates->references, 1, memory_order_acq_rel) > 1)
        return;
    for (unsigned i = 0; i < certificates->count; i++)
        tls_certificate_unref(certificates->items[i]);
    free(certificates);
}

#endif
