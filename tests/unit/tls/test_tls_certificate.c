/* tls_certificate: which PEM is accepted, as people have it, and in which words it is refused. */
#include "tls/tls_certificate.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "base/str.h"
#include "support/faults.h"
#include "support/tls_maker.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/err.h>

static struct tls_made root, middle, leaf;
static struct problem problem;
static enum tls_fault fault;

static void set_up(void)
{
    root = tls_make(&(struct tls_maker){.common_name = "root", .is_authority = true});
    middle = tls_make(
        &(struct tls_maker){.common_name = "middle", .is_authority = true, .issuer = &root});
    leaf = tls_make(&(struct tls_maker){.names = "DNS:example.org,DNS:*.Example.net,IP:192.0.2.1",
                                        .issuer = &middle});
}

static void tear_down(void)
{
    faults_clear();
    cr_expect_eq(ERR_peek_error(), 0, "an error is left in OpenSSL's queue");
    tls_made_fini(&leaf);
    tls_made_fini(&middle);
    tls_made_fini(&root);
}

TestSuite(tls_certificate, .init = set_up, .fini = tear_down);

static struct tls_certificate *parse(const char *pem, const char *key_pem)
{
    struct tls_certificate *certificate = NULL;
    int error = tls_certificate_parse(&certificate, str_of(pem), str_of(key_pem), &problem, &fault);
    cr_assert_eq(error, 0, "%s", problem.what);
    return certificate;
}

/* Expects PEM and KEY_PEM to be refused for WHAT, which is FAULTY's. */
static void expect_refused(const char *pem, const char *key_pem, const char *what,
                           enum tls_fault faulty)
{
    struct tls_certificate *certificate = NULL;
    int error = tls_certificate_parse(&certificate, str_of(pem), str_of(key_pem), &problem, &fault);
    cr_expect_eq(error, -EINVAL);
    cr_expect_null(certificate);
    cr_expect(strstr(problem.what, what) != NULL, "\"%s\" instead of \"%s\"", problem.what, what);
    cr_expect_str_neq(problem.remedy, "");
    cr_expect_eq(fault, faulty, "%s", what);
    tls_certificate_unref(certificate);
}

static char *join(const char *a, const char *b, const char *c)
{
    char *two = tls_maker_join(a, b), *all = tls_maker_join(two, c);
    free(two);
    return all;
}

/* TEXT with CR LF instead of each LF. */
static char *with_crlf(const char *text)
{
    char *to = malloc(2 * strlen(text) + 1), *at = to;
    for (; *text; text++) {
        if (*text == '\n')
            *at++ = '\r';
        *at++ = *text;
    }
    *at = '\0';
    return to;
}

Test(tls_certificate, reads_names_dates_and_kind)
{
    int64_t first_s = 1700000000, last_s = 2500000000; /* after 2049: a GeneralizedTime */
    struct tls_made made = tls_make(&(struct tls_maker){
        .names = "DNS:a.example,DNS:*.b.example,IP:::1,URI:https://c.example,email:x@d.example",
        .common_name = "ignored.example",
        .first_s = first_s,
        .last_s = last_s});
    struct tls_certificate *certificate = parse(made.certificate_pem, made.key_pem);
    cr_expect_eq(certificate->kind, TLS_KEY_ECDSA);
    cr_expect_eq(certificate->not_before_s, first_s);
    cr_expect_eq(certificate->not_after_s, last_s);
    cr_expect_eq(certificate->names.hosts.count, 2);
    cr_expect_eq(tls_certificate_match(certificate, STR("A.example")), TLS_MATCH_EXACT);
    cr_expect_eq(tls_certificate_match(certificate, STR("x.b.example")), TLS_MATCH_WILDCARD);
    cr_expect_eq(tls_certificate_match(certificate, STR("[::1]")), TLS_MATCH_EXACT);
    cr_expect_eq(tls_certificate_match(certificate, STR("ignored.example")), TLS_MATCH_NONE);
    cr_expect_not(tls_certificate_is_valid(certificate, first_s - 1));
    cr_expect(tls_certificate_is_valid(certificate, first_s));
    cr_expect(tls_certificate_is_valid(certificate, last_s));
    cr_expect_not(tls_certificate_is_valid(certificate, last_s + 1));
    tls_certificate_unref(certificate);
    tls_made_fini(&made);
}

Test(tls_certificate, takes_the_common_name_only_without_alternative_names)
{
    static const char *const rows[] = {"old.example", "192.0.2.9"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_made made = tls_make(&(struct tls_maker){.common_name = rows[i]});
        struct tls_certificate *certificate = parse(made.certificate_pem, made.key_pem);
        cr_expect_eq(tls_certificate_match(certificate, str_of(rows[i])), TLS_MATCH_EXACT);
        tls_certificate_unref(certificate);
        tls_made_fini(&made);
    }
}

Test(tls_certificate, does_not_match_a_name_up_to_its_nul)
{
    static const char evil[] = "good.example\0.evil.example";
    struct tls_made made = tls_make(&(struct tls_maker){.key = "P-256"});
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, evil, sizeof evil - 1);
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    sk_GENERAL_NAME_push(names, name);
    X509_add1_ext_i2d(made.certificate, NID_subject_alt_name, names, 0, 0);
    tls_maker_sign(made.certificate, made.key);
    GENERAL_NAMES_free(names);
    char *pem = tls_maker_certificate_pem(made.certificate);
    struct tls_certificate *certificate = parse(pem, made.key_pem);
    cr_expect(tls_names_are_empty(&certificate->names));
    cr_expect_eq(tls_certificate_match(certificate, STR("good.example")), TLS_MATCH_NONE);
    tls_certificate_unref(certificate);
    free(pem);
    tls_made_fini(&made);
}

Test(tls_certificate, knows_the_kinds_of_keys)
{
    static const struct {
        const char *key;
        enum tls_key_kind kind;
    } rows[] = {
        {"P-256", TLS_KEY_ECDSA},  {"P-384", TLS_KEY_ECDSA},   {"P-521", TLS_KEY_ECDSA},
        {"RSA-2048", TLS_KEY_RSA}, {"ED25519", TLS_KEY_OTHER},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_made made = tls_make(&(struct tls_maker){.key = rows[i].key});
        struct tls_certificate *certificate = parse(made.certificate_pem, made.key_pem);
        cr_expect_eq(certificate->kind, rows[i].kind, "%s", rows[i].key);
        tls_certificate_unref(certificate);
        tls_made_fini(&made);
    }
}

Test(tls_certificate, refuses_keys_that_tls_does_not_use)
{
    static const struct {
        const char *key, *what;
    } rows[] = {
        {"secp256k1", "does not use private keys of this kind"},
        {"RSA-1024", "too short"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_made made = tls_make(&(struct tls_maker){.key = rows[i].key});
        expect_refused(made.certificate_pem, made.key_pem, rows[i].what, TLS_FAULT_KEY);
        tls_made_fini(&made);
    }
}

/* Each worker would refuse it, and serve no new certificate at all. */
Test(tls_certificate, refuses_signatures_that_libssl_refuses)
{
    cr_assert_gt(X509_sign(leaf.certificate, middle.key, EVP_sha1()), 0);
    char *weak = tls_maker_certificate_pem(leaf.certificate);
    expect_refused(weak, leaf.key_pem, "OpenSSL refuses the certificate: ", TLS_FAULT_CERTIFICATE);
    free(weak);
}

Test(tls_certificate, refuses_a_chain_too_long_for_a_handshake)
{
    static char value[TLS_CHAIN_PEM_BYTES_MAX];
    memset(value, 'a', sizeof value - 1);
    tls_maker_extend(leaf.certificate, middle.certificate, NID_netscape_comment, value);
    tls_maker_sign(leaf.certificate, middle.key);
    char *large = tls_maker_certificate_pem(leaf.certificate);
    expect_refused(large, leaf.key_pem, "longer than 64 KiB", TLS_FAULT_CERTIFICATE);
    free(large);
}

/* The chain of three, in any order, with two foreign certificates and one twice. */
Test(tls_certificate, puts_the_chain_in_order)
{
    struct tls_made other = tls_make(&(struct tls_maker){.common_name = "middle"});
    const char *const orders[][3] = {
        {leaf.certificate_pem, middle.certificate_pem, root.certificate_pem},
        {root.certificate_pem, middle.certificate_pem, leaf.certificate_pem},
        {middle.certificate_pem, leaf.certificate_pem, root.certificate_pem},
    };
    char *expected = join(orders[0][0], orders[0][1], orders[0][2]);
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        char *chain = join(orders[i][0], orders[i][1], orders[i][2]);
        char *pem = join(other.certificate_pem, chain, leaf.certificate_pem);
        struct tls_certificate *certificate = parse(chain, leaf.key_pem);
        cr_expect(str_equal(certificate->chain_pem, str_of(expected)), "order %zu", i);
        cr_expect_eq(certificate->was_in_order, i == 0);
        cr_expect_eq(certificate->issuer_count, 2);
        cr_expect_eq(certificate->left_out, 0);
        tls_certificate_unref(certificate);
        certificate = parse(pem, leaf.key_pem);
        cr_expect(str_equal(certificate->chain_pem, str_of(expected)), "order %zu, more", i);
        cr_expect_eq(certificate->left_out, 2);
        tls_certificate_unref(certificate);
        free(pem);
        free(chain);
    }
    free(expected);
    tls_made_fini(&other);
}

Test(tls_certificate, reads_pem_as_people_have_it)
{
    char *old_key = tls_maker_key_pem(leaf.key, NULL, true);
    char *with_parameters = tls_maker_join("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                                           "-----END EC PARAMETERS-----\n",
                                           old_key);
    char *both =
        join("Bag Attributes\n    friendlyName: x\n", leaf.certificate_pem, with_parameters);
    char *commented = join(leaf.certificate_pem, "\n# the key: -----\n\n", leaf.key_pem);
    char *crlf = with_crlf(both);
    char *open_ended = strdup(commented);
    open_ended[strlen(open_ended) - 1] = '\0'; /* no newline at the end */
    const char *const rows[] = {both, crlf, commented, open_ended};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_certificate *certificate = parse(rows[i], rows[i]);
        cr_expect(str_equal(certificate->chain_pem, str_of(leaf.certificate_pem)), "row %zu", i);
        cr_expect(str_equal(certificate->key_pem, str_of(leaf.key_pem)), "row %zu", i);
        tls_certificate_unref(certificate);
    }
    free(open_ended);
    free(crlf);
    free(commented);
    free(both);
    free(with_parameters);
    free(old_key);
}

Test(tls_certificate, says_which_input_is_wrong_and_why)
{
    struct tls_made other = tls_make(&(struct tls_maker){.key = "P-256"});
    char *encrypted = tls_maker_key_pem(leaf.key, "secret", false);
    char *old_encrypted = tls_maker_key_pem(leaf.key, "secret", true);
    char *garbage = strdup(leaf.certificate_pem);
    memset(garbage + 100, 'A', 40);
    const char *certificate = leaf.certificate_pem, *key = leaf.key_pem;
    expect_refused("", key, "no certificate in it", TLS_FAULT_CERTIFICATE);
    expect_refused("", "", "no certificate in it", TLS_FAULT_CERTIFICATE);
    expect_refused("hello\n", key, "no certificate in it", TLS_FAULT_CERTIFICATE);
    expect_refused(key, certificate, "no certificate in it", TLS_FAULT_CERTIFICATE);
    expect_refused(certificate, "", "no private key in it", TLS_FAULT_KEY);
    expect_refused(certificate, certificate, "no private key in it", TLS_FAULT_KEY);
    expect_refused(certificate, encrypted, "is encrypted", TLS_FAULT_KEY);
    expect_refused(certificate, old_encrypted, "is encrypted", TLS_FAULT_KEY);
    expect_refused(certificate, other.key_pem, "not that of a certificate", TLS_FAULT_PAIR);
    expect_refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key,
                   "cannot be read", TLS_FAULT_CERTIFICATE);
    expect_refused(certificate, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                   "cannot be read", TLS_FAULT_KEY);
    expect_refused("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", key,
                   "cannot be read", TLS_FAULT_CERTIFICATE);
    struct tls_certificate *unread = NULL;
    cr_expect_eq(tls_certificate_parse(&unread, str_of(garbage), str_of(key), &problem, &fault),
                 -EINVAL);
    free(garbage);
    free(old_encrypted);
    free(encrypted);
    tls_made_fini(&other);
}

/* A file that is being written is one of these. Only a cut between blocks cannot be seen. */
Test(tls_certificate, refuses_half_a_file_wherever_it_ends)
{
    char *whole = join(leaf.certificate_pem, leaf.key_pem, middle.certificate_pem);
    size_t first = strlen(leaf.certificate_pem) + strlen(leaf.key_pem), length = strlen(whole);
    for (size_t cut = 0; cut < length - 1; cut++) {
        struct tls_certificate *certificate = NULL;
        struct str text = {whole, cut};
        int error = tls_certificate_parse(&certificate, text, text, &problem, &fault);
        bool between = cut == first || cut == first - 1;
        cr_expect_eq(error, between ? 0 : -EINVAL, "cut at %zu: %d", cut, error);
        tls_certificate_unref(certificate);
    }
    free(whole);
}

Test(tls_certificate, takes_no_more_than_256_certificates)
{
    char *pem = strdup(leaf.certificate_pem);
    for (unsigned i = 0; i < 8; i++) {
        char *twice = tls_maker_join(pem, pem);
        free(pem);
        pem = twice;
    }
    tls_certificate_unref(parse(pem, leaf.key_pem));
    char *more = tls_maker_join(pem, leaf.certificate_pem);
    expect_refused(more, leaf.key_pem, "more than 256", TLS_FAULT_CERTIFICATE);
    free(more);
    free(pem);
}

Test(tls_certificate, misses_the_issuer_of_a_public_authority)
{
    struct tls_certificate *certificate = parse(leaf.certificate_pem, leaf.key_pem);
    cr_expect_not(certificate->lacks_issuer, "of a private authority");
    tls_certificate_unref(certificate);
    tls_maker_extend(leaf.certificate, middle.certificate, NID_info_access,
                     "caIssuers;URI:http://ca.example/middle.der");
    tls_maker_sign(leaf.certificate, middle.key);
    char *alone = tls_maker_certificate_pem(leaf.certificate);
    char *chain = tls_maker_join(alone, middle.certificate_pem);
    certificate = parse(alone, leaf.key_pem);
    cr_expect(certificate->lacks_issuer);
    tls_certificate_unref(certificate);
    certificate = parse(chain, leaf.key_pem);
    cr_expect_not(certificate->lacks_issuer);
    tls_certificate_unref(certificate);
    free(chain);
    free(alone);
}

Test(tls_certificate, writes_the_fingerprint_that_openssl_writes)
{
    char text[TLS_FINGERPRINT_BYTES], expected[TLS_FINGERPRINT_BYTES] = "";
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length;
    X509_digest(leaf.certificate, EVP_sha256(), bytes, &length);
    for (unsigned i = 0; i < length; i++)
        snprintf(expected + 3 * i, 4, "%02X%s", bytes[i], i + 1 < length ? ":" : "");
    struct tls_certificate *certificate = parse(leaf.certificate_pem, leaf.key_pem);
    tls_certificate_fingerprint(certificate, text);
    cr_expect_str_eq(text, expected);
    tls_certificate_unref(certificate);
}

/* Not even one that was freed, whose address a new one may get. */
Test(tls_certificate, has_a_number_that_no_other_has_had)
{
    unsigned last = 0;
    for (unsigned i = 0; i < 3; i++) {
        struct tls_certificate *certificate = parse(leaf.certificate_pem, leaf.key_pem);
        cr_expect_gt(certificate->number, last);
        last = certificate->number;
        tls_certificate_unref(certificate);
    }
}

Test(tls_certificate, lives_as_long_as_a_reference)
{
    struct tls_certificate *certificate = parse(leaf.certificate_pem, leaf.key_pem);
    cr_expect_eq(tls_certificate_ref(certificate), certificate);
    tls_certificate_unref(certificate);
    cr_expect_eq(tls_certificate_match(certificate, STR("example.org")), TLS_MATCH_EXACT);
    tls_certificate_unref(certificate);
    tls_certificate_unref(NULL);
}

Test(tls_certificate, survives_without_memory)
{
    struct tls_certificate *certificate = NULL;
    struct str pem = str_of(leaf.certificate_pem), key_pem = str_of(leaf.key_pem);
    int error = -ENOMEM;
    for (unsigned skip = 0; error; skip++) {
        cr_assert_lt(skip, 100);
        faults_clear();
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        error = tls_certificate_parse(&certificate, pem, key_pem, &problem, &fault);
        cr_expect(error == 0 || error == -ENOMEM);
    }
    tls_certificate_unref(certificate);
}

#endif
