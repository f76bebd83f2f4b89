/* tls_certificates: which certificate comes first. */
#include "tls/tls_certificates.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/faults.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

static const int64_t now_s = 1000;

TestSuite(tls_certificates, .fini = faults_clear);

/* A certificate as parsing would make it, without its PEM. NAMES are separated by spaces. */
static struct tls_certificate *make(const char *names, enum tls_key_kind kind, int64_t first_s,
                                    int64_t last_s)
{
    struct tls_certificate *certificate = calloc(1, sizeof *certificate);
    cr_assert_not_null(certificate);
    atomic_init(&certificate->references, 1);
    certificate->kind = kind;
    certificate->not_before_s = first_s;
    certificate->not_after_s = last_s;
    for (struct str rest = str_of(names); rest.length > 0;) {
        struct str name = str_first(rest, str_find(rest, ' '));
        cr_assert_eq(tls_names_add_text(&certificate->names, name), 0);
        rest = str_from(rest, name.length + 1);
    }
    return certificate;
}

/* Makes a generation of COUNT certificates ITEMS and expects those of the indices EXPECTED. */
static void expect_order(struct tls_certificate **items, unsigned count, const char *expected)
{
    struct tls_certificates *made = tls_certificates_create(items, count, now_s);
    cr_assert_not_null(made);
    cr_expect_eq(made->count, strlen(expected), "%u instead of %s", made->count, expected);
    for (unsigned i = 0; i < made->count && expected[i]; i++)
        cr_expect_eq(made->items[i], items[expected[i] - '0'], "place %u of %s", i, expected);
    tls_certificates_unref(made);
    for (unsigned i = 0; i < count; i++)
        tls_certificate_unref(items[i]);
}

Test(tls_certificates, keep_the_order_in_which_they_were_given)
{
    struct tls_certificate *items[] = {
        make("b.example", TLS_KEY_ECDSA, 0, 2000),
        make("a.example", TLS_KEY_ECDSA, 500, 2000),
        make("*.example", TLS_KEY_ECDSA, 600, 2000),
    };
    expect_order(items, 3, "012");
}

Test(tls_certificates, put_the_latest_start_for_one_name_first)
{
    struct tls_certificate *items[] = {
        make("a.example", TLS_KEY_ECDSA, 100, 2000),
        make("other.example", TLS_KEY_ECDSA, 900, 2000),
        make("a.example 192.0.2.1", TLS_KEY_ECDSA, 300, 2000),
        make("192.0.2.1 a.example", TLS_KEY_ECDSA, 200, 2000),
    };
    expect_order(items, 4, "2301");
}

Test(tls_certificates, put_a_valid_one_before_one_that_is_not)
{
    struct tls_certificate *items[] = {
        make("a.example old.example", TLS_KEY_ECDSA, 900, 999),
        make("a.example new.example", TLS_KEY_ECDSA, 1001, 2000),
        make("a.example", TLS_KEY_ECDSA, 100, 2000),
    };
    expect_order(items, 3, "210");
}

Test(tls_certificates, leave_out_what_valid_ones_replace)
{
    struct tls_certificate *items[] = {
        make("a.example 192.0.2.1", TLS_KEY_ECDSA, 0, 999),
        make("a.example", TLS_KEY_RSA, 0, 2000),
        make("192.0.2.1 b.example", TLS_KEY_RSA, 0, 2000),
        make("c.example", TLS_KEY_ECDSA, 0, 999),
        make("", TLS_KEY_ECDSA, 0, 999),
        make("192.0.2.2", TLS_KEY_ECDSA, 0, 999),
    };
    expect_order(items, 6, "12345");
}

Test(tls_certificates, leave_kinds_of_keys_alone)
{
    struct tls_certificate *items[] = {
        make("a.example", TLS_KEY_RSA, 100, 2000),
        make("a.example", TLS_KEY_ECDSA, 900, 2000),
    };
    expect_order(items, 2, "01");
}

Test(tls_certificates, refer_to_their_certificates)
{
    struct tls_certificate *item = make("a.example", TLS_KEY_RSA, 0, 2000);
    struct tls_certificates *made = tls_certificates_create(&item, 1, now_s);
    tls_certificate_unref(item);
    cr_expect_eq(tls_certificates_ref(made), made);
    tls_certificates_unref(made);
    cr_expect_eq(tls_certificate_match(made->items[0], STR("a.example")), TLS_MATCH_EXACT);
    tls_certificates_unref(made);
    tls_certificates_unref(NULL);
}

Test(tls_certificates, survive_without_memory)
{
    struct tls_certificate *item = make("a.example", TLS_KEY_RSA, 0, 2000);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(tls_certificates_create(&item, 1, now_s));
    tls_certificate_unref(item);
}

#endif
