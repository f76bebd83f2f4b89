/* tls_credentials: which certificate a client gets, in real handshakes. */
#include "tls/tls_credentials.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/rows.h"
#include "support/tls_rig.h"

#include <criterion/criterion.h>

TestSuite(tls_credentials, .timeout = 120);

static const struct tls_maker makers[] = {
    {.common_name = "first", .names = "DNS:first.org"},
    {.common_name = "first RSA", .names = "DNS:first.org", .key = "RSA-2048"},
    {.common_name = "exact", .names = "DNS:www.example.org"},
    {.common_name = "wild RSA", .names = "DNS:*.example.org", .key = "RSA-2048"},
    {.common_name = "wild", .names = "DNS:*.example.org", .key = "P-384"},
    {.common_name = "address", .names = "IP:192.0.2.7,DNS:address.org"},
    {.common_name = "RSA", .names = "DNS:rsa.org", .key = "RSA-2048"},
    {.common_name = "Ed", .names = "DNS:ed.org", .key = "ED25519"},
    {.common_name = "Ed RSA", .names = "DNS:ed.org", .key = "RSA-2048"},
};

static const char no_ecdsa[] = "rsa_pss_rsae_sha256:RSA+SHA256";

static const struct {
    const char *section;
    struct tls_client client;
    bool has_local; /* connected to 192.0.2.7 */
    const char *name;
} rows[] = {
    {"6066 3", {.host = "www.example.org"}, false, "exact"},
    {"6066 3", {.host = "WWW.Example.ORG"}, false, "exact"},
    {"9525 6.3", {.host = "a.example.org"}, false, "wild"},
    {"9525 6.3", {.host = "a.b.example.org"}, false, "first"},
    {"9525 6.3", {.host = "example.org"}, false, "first"},
    {"6066 3", {.host = "unknown.net"}, false, "first"},
    {"6066 3", {.host = NULL}, false, "first"},
    {"6066 3", {.host = "192.0.2.7"}, false, "first"},
    {"6066 3", {.host = "192.0.2.7"}, true, "address"},
    {"6066 3", {.host = NULL}, true, "address"},
    {"6066 3", {.host = "www.example.org"}, true, "exact"},
    {"8446 4.4.2.2", {.host = "www.example.org", .schemes = no_ecdsa}, false, "wild RSA"},
    {"8446 4.4.2.2", {.host = "a.example.org", .schemes = no_ecdsa}, false, "wild RSA"},
    {"8446 4.4.2.2", {.host = "unknown.net", .schemes = no_ecdsa}, false, "first RSA"},
    {"8446 4.4.2.2", {.host = NULL, .schemes = no_ecdsa}, false, "first RSA"},
    {"8446 4.4.2.2", {.host = NULL, .schemes = no_ecdsa}, true, "first RSA"},
    {"8446 4.4.2.2", {.host = "rsa.org"}, false, "RSA"},
    {"8446 4.4.2.2", {.host = "ed.org"}, false, "Ed"},
    {"8446 4.4.2.2", {.host = "ed.org", .schemes = no_ecdsa}, false, "Ed RSA"},
    {"5289 3",
     {.host = "www.example.org",
      .suites_1_2 = "ECDHE-RSA-AES128-GCM-SHA256",
      .version = TLS1_2_VERSION},
     false,
     "wild RSA"},
    {"5289 3",
     {.host = "a.example.org",
      .suites_1_2 = "ECDHE-ECDSA-AES128-GCM-SHA256",
      .version = TLS1_2_VERSION},
     false,
     "wild"},
    {"8446 B.4", {.host = "a.example.org", .version = TLS1_3_VERSION}, false, "wild"},
};

static bool find_local(void *owner, struct tls_address *ret)
{
    static const uint8_t bytes[] = {192, 0, 2, 7};
    if (!*(const bool *)owner)
        return false;
    *ret = (struct tls_address){.length = sizeof bytes};
    memcpy(ret->bytes, bytes, sizeof bytes);
    return true;
}

Test(tls_credentials, chooses_by_name_then_by_algorithm)
{
    struct tls_rig rig;
    bool has_local = false;
    tls_rig_init(&rig, makers, COUNT_OF(makers));
    rig.context->find_local_address = find_local;
    rig.context->local_address_owner = &has_local;
    rows_begin("certificate choice", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_link *link = tls_link_create(rig.context, &rows[i].client);
        rows_next(rows[i].section, rows[i].client.host ? rows[i].client.host : "(none)");
        has_local = rows[i].has_local;
        bool done = tls_link_shake(link, SIZE_MAX);
        const char *name = tls_link_common_name(link);
        row_expect(done, "row %zu: the handshake failed", i);
        row_expect(strcmp(name, rows[i].name) == 0, "row %zu: %s", i, name);
        tls_link_destroy(link);
    }
    rows_end();
    tls_rig_fini(&rig);
}

/* A client without ECDSA, and without SNI, gets the RSA certificate of another name rather than
 * an alert. */
Test(tls_credentials, falls_back_to_any_certificate_that_the_client_can_use)
{
    static const struct tls_maker two[] = {
        {.common_name = "exact", .names = "DNS:www.example.org"},
        {.common_name = "wild RSA", .names = "DNS:*.example.org", .key = "RSA-2048"},
    };
    struct tls_rig rig;
    tls_rig_init(&rig, two, COUNT_OF(two));
    struct tls_link *link = tls_link_create(rig.context, &(struct tls_client){.schemes = no_ecdsa});
    cr_expect(tls_link_shake(link, SIZE_MAX));
    cr_expect_str_eq(tls_link_common_name(link), "wild RSA");
    cr_expect_eq(tls_certificate_match(tls_stream_certificate(link->stream), STR("a.example.org")),
                 TLS_MATCH_WILDCARD);
    tls_link_destroy(link);
    tls_rig_fini(&rig);
}

/* A certificate of another site would not do either, and would say which sites there are. */
Test(tls_credentials, fails_rather_than_serve_another_name)
{
    static const struct tls_maker two[] = {
        {.common_name = "exact", .names = "DNS:www.example.org"},
        {.common_name = "RSA", .names = "DNS:rsa.org", .key = "RSA-2048"},
    };
    struct tls_rig rig;
    tls_rig_init(&rig, two, COUNT_OF(two));
    struct tls_link *link = tls_link_create(
        rig.context, &(struct tls_client){.host = "www.example.org", .schemes = no_ecdsa});
    cr_expect_not(tls_link_shake(link, SIZE_MAX));
    cr_expect_str_eq(tls_link_common_name(link), "");
    cr_expect_eq(tls_link_alert(link), SSL_AD_HANDSHAKE_FAILURE);
    tls_link_destroy(link);
    tls_rig_fini(&rig);
}

/* The issuers come with the certificate, so that clients can build the path. */
Test(tls_credentials, sends_the_whole_chain)
{
    struct tls_made root =
        tls_make(&(struct tls_maker){.common_name = "root", .is_authority = true});
    struct tls_made middle = tls_make(
        &(struct tls_maker){.common_name = "middle", .issuer = &root, .is_authority = true});
    struct tls_rig rig;
    tls_rig_init(&rig, &(struct tls_maker){.names = "DNS:example.org", .issuer = &middle}, 1);
    struct tls_made leaf =
        tls_make(&(struct tls_maker){.names = "DNS:example.org", .issuer = &middle});
    char *chain = tls_maker_join(leaf.certificate_pem, middle.certificate_pem);
    struct tls_certificate *certificate;
    struct problem problem;
    enum tls_fault fault;
    cr_assert_eq(
        tls_certificate_parse(&certificate, str_of(chain), str_of(leaf.key_pem), &problem, &fault),
        0);
    tls_shared_publish(rig.shared, tls_certificates_create(&certificate, 1, (int64_t)time(NULL)));
    struct tls_link *link = tls_link_create(rig.context, &(struct tls_client){0});
    cr_expect(tls_link_shake(link, SIZE_MAX));
    cr_expect_eq(sk_X509_num(SSL_get_peer_cert_chain(link->client)), 2);
    tls_link_destroy(link);
    tls_rig_fini(&rig);
    tls_certificate_unref(certificate);
    free(chain);
    tls_made_fini(&leaf);
    tls_made_fini(&middle);
    tls_made_fini(&root);
}

#endif
