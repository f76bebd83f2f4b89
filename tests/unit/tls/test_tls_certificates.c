/* tls_certificates: which certificate comes first. */
#include "tls/tls_certificates.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/faults.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

static const int64_t now_s = 1000;

TestSuite(tls_certificates, .fini = faults_clear);

/* A certificate in short. */
struct form {
    const char *names; /* separated by spaces */
    enum tls_key_kind kind;
    int64_t first_s, last_s;
};

static const struct form any = {"a.example", TLS_KEY_RSA, 0, 2000};

/* A certificate as parsing would make it, without its PEM. */
static struct tls_certificate *make(const struct form *form)
{
    struct tls_certificate *certificate = calloc(1, sizeof *certificate);
    cr_assert_not_null(certificate);
    atomic_init(&certificate->references, 1);
    certificate->kind = form->kind;
    certificate->not_before_s = form->first_s;
    certificate->not_after_s = form->last_s;
    for (struct str rest = str_of(form->names); rest.length > 0;) {
        struct str name = str_first(rest, str_find(rest, ' '));
        cr_assert_eq(tls_names_add_text(&certificate->names, name), 0);
        rest = str_from(rest, name.length + 1);
    }
    return certificate;
}

enum { FORMS_MAX = 6 };

static const struct {
    const char *label;
    struct form forms[FORMS_MAX];
    const char *order; /* of the generation, as indices of FORMS */
} rows[] = {
    {"other names keep the order in which they were given",
     {{"b.example", TLS_KEY_ECDSA, 0, 2000},
      {"a.example", TLS_KEY_ECDSA, 500, 2000},
      {"*.example", TLS_KEY_ECDSA, 600, 2000}},
     "012"},
    {"the latest start for one name comes first",
     {{"a.example", TLS_KEY_ECDSA, 100, 2000},
      {"other.example", TLS_KEY_ECDSA, 900, 2000},
      {"a.example 192.0.2.1", TLS_KEY_ECDSA, 300, 2000},
      {"192.0.2.1 a.example", TLS_KEY_ECDSA, 200, 2000}},
     "2301"},
    {"a valid one comes before one that is not",
     {{"a.example old.example", TLS_KEY_ECDSA, 900, 999},
      {"a.example new.example", TLS_KEY_ECDSA, 1001, 2000},
      {"a.example", TLS_KEY_ECDSA, 100, 2000}},
     "210"},
    {"what valid ones replace is left out",
     {{"a.example 192.0.2.1", TLS_KEY_ECDSA, 0, 999},
      {"a.example", TLS_KEY_RSA, 0, 2000},
      {"192.0.2.1 b.example", TLS_KEY_RSA, 0, 2000},
      {"c.example", TLS_KEY_ECDSA, 0, 999},
      {"", TLS_KEY_ECDSA, 0, 999},
      {"192.0.2.2", TLS_KEY_ECDSA, 0, 999}},
     "12345"},
    {"kinds of keys are not compared",
     {{"a.example", TLS_KEY_RSA, 100, 2000}, {"a.example", TLS_KEY_ECDSA, 900, 2000}},
     "01"},
};

Test(tls_certificates, come_in_the_order_of_preference)
{
    for (size_t row = 0; row < COUNT_OF(rows); row++) {
        struct tls_certificate *items[FORMS_MAX];
        const char *label = rows[row].label, *order = rows[row].order;
        unsigned count = 0;
        for (; count < FORMS_MAX && rows[row].forms[count].names; count++)
            items[count] = make(&rows[row].forms[count]);
        struct tls_certificates *made = tls_certificates_create(items, count, now_s);
        cr_assert_not_null(made);
        cr_expect_eq(made->count, strlen(order), "%s: %u", label, made->count);
        for (unsigned i = 0; i < made->count && order[i]; i++)
            cr_expect_eq(made->items[i], items[order[i] - '0'], "%s: place %u", label, i);
        tls_certificates_unref(made);
        for (unsigned i = 0; i < count; i++)
            tls_certificate_unref(items[i]);
    }
}

Test(tls_certificates, refer_to_their_certificates)
{
    struct tls_certificate *item = make(&any);
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
    struct tls_certificate *item = make(&any);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(tls_certificates_create(&item, 1, now_s));
    tls_certificate_unref(item);
}

#endif
