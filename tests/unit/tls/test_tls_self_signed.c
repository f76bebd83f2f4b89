/* tls_self_signed: a certificate that browsers let a user accept. */
#include "tls/tls_self_signed.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/faults.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static const int64_t now_s = 1800000000;
static struct problem problem;

TestSuite(tls_self_signed, .fini = faults_clear);

static struct tls_certificate *make(const char *host_name)
{
    struct tls_certificate *certificate = NULL;
    cr_assert_eq(tls_self_signed_create(&certificate, host_name, now_s, &problem), 0, "%s",
                 problem.what);
    return certificate;
}

static X509 *x509_of(const struct tls_certificate *certificate)
{
    BIO *bio = BIO_new_mem_buf(certificate->chain_pem.at, (int)certificate->chain_pem.length);
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    cr_assert_not_null(x509);
    return x509;
}

Test(tls_self_signed, is_for_this_host_and_its_loopback_addresses)
{
    static const char *const hosts[] = {"box.example", "LocalHost",          "*.example",
                                        "b\xc3\xbc",   "a,DNS:evil.example", ""};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct tls_certificate *certificate = make(hosts[i]);
        static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
        for (size_t k = 0; k < COUNT_OF(names); k++)
            cr_expect_eq(tls_certificate_match(certificate, str_of(names[k])), TLS_MATCH_EXACT);
        cr_expect_eq(certificate->names.hosts.count, i == 0 ? 2 : 1, "host %zu", i);
        cr_expect_eq(tls_certificate_match(certificate, STR("box.example")),
                     i == 0 ? TLS_MATCH_EXACT : TLS_MATCH_NONE);
        cr_expect(certificate->self_signed);
        cr_expect_eq(certificate->kind, TLS_KEY_ECDSA);
        tls_certificate_unref(certificate);
    }
}

Test(tls_self_signed, has_what_browsers_ask_for)
{
    struct tls_certificate *certificate = make("box");
    X509 *x509 = x509_of(certificate);
    cr_expect_eq(X509_get_extended_key_usage(x509), XKU_SSL_SERVER);
    cr_expect_eq(X509_get_key_usage(x509), KU_DIGITAL_SIGNATURE);
    cr_expect_eq(X509_check_ca(x509), 0);
    cr_expect_eq(X509_get_signature_nid(x509), NID_ecdsa_with_SHA256);
    cr_expect_eq(X509_verify(x509, X509_get0_pubkey(x509)), 1);
    cr_expect_eq(X509_check_purpose(x509, X509_PURPOSE_SSL_SERVER, 0), 1);
    cr_expect_lt(certificate->not_before_s, now_s);
    int64_t seconds = certificate->not_after_s - certificate->not_before_s + 1;
    cr_expect_eq(seconds, INT64_C(397) * 86400);
    X509_free(x509);
    tls_certificate_unref(certificate);
}

Test(tls_self_signed, has_a_new_key_and_serial_number_each_time)
{
    struct tls_certificate *a = make("box"), *b = make("box");
    X509 *first = x509_of(a), *second = x509_of(b);
    cr_expect_neq(ASN1_INTEGER_cmp(X509_get0_serialNumber(first), X509_get0_serialNumber(second)),
                  0);
    cr_expect_eq(X509_get0_serialNumber(first)->length, 16);
    cr_expect_not(str_equal(a->key_pem, b->key_pem));
    X509_free(first);
    X509_free(second);
    tls_certificate_unref(a);
    tls_certificate_unref(b);
}

Test(tls_self_signed, survives_without_memory)
{
    struct tls_certificate *certificate = NULL;
    int error = -ENOMEM;
    for (unsigned skip = 0; error; skip++) {
        cr_assert_lt(skip, 100);
        faults_clear();
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        error = tls_self_signed_create(&certificate, "", now_s, &problem);
        cr_expect(error == 0 || error == -ENOMEM);
        cr_expect_eq(ERR_peek_error(), 0);
    }
    tls_certificate_unref(certificate);
}

#endif
