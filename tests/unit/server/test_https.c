/* https: certificates of the settings become those of the workers, and new files replace them. */
#include "server/https.h"

#include "config/options.h"
#include "observe/log.h"
#include "support/tree.h"

#include <criterion/criterion.h>

static struct settings *settings;
static struct tree tree;
static struct problem problem;

static void set_up(void)
{
    settings = settings_create();
    cr_assert_not_null(settings);
    tree_init(&tree);
    log_open("test-server");
}

static void tear_down(void)
{
    tree_fini(&tree);
    settings_unref(settings);
}

TestSuite(https, .init = set_up, .fini = tear_down, .timeout = 60);

Test(https, is_absent_without_certificates)
{
    struct https *https;
    cr_assert_eq(https_create(&https, settings, NULL, &problem), 0);
    cr_expect_null(https);
    cr_expect_null(https_shared(https));
    cr_expect_null(https_fingerprint(https));
    https_revalidate(https);
    https_destroy(https);
}

#ifdef SLUICE_HAVE_OPENSSL

#include "support/tls_maker.h"
#include "tls/tls_shared.h"

/* Has the settings name the file NAME of the tree. */
static void name_certificate(const char *name)
{
    char path[512];
    const struct option_target target = {&settings->process, &settings->arena};
    snprintf(path, sizeof path, "%s/%s", tree.path, name);
    cr_assert_eq(option_set(option_find(STR("cert")), &target, path, &problem), 0);
}

/* Writes a new certificate and its key to site.pem, from beside it. */
static void write_pair(void)
{
    const struct tls_maker maker = {.names = "DNS:example.org"};
    struct tls_made made = tls_make(&maker);
    char *both = tls_maker_join(made.certificate_pem, made.key_pem);
    tree_write(&tree, "new.pem", str_of(both));
    tree_rename(&tree, "new.pem", "site.pem");
    free(both);
    tls_made_fini(&made);
}

/* The fingerprint of the certificate that new handshakes get, until the next call. */
static const char *current(struct https *https)
{
    static char text[TLS_FINGERPRINT_BYTES];
    unsigned generation;
    struct tls_certificates *all = tls_shared_acquire(https_shared(https), &generation);
    tls_certificate_fingerprint(all->items[0], text);
    tls_certificates_unref(all);
    return text;
}

Test(https, makes_a_certificate_for_development)
{
    struct https *https;
    settings->process.self_signed = true;
    cr_assert_eq(https_create(&https, settings, NULL, &problem), 0, "%s", problem.what);
    cr_assert_not_null(https_shared(https));
    cr_expect_str_eq(https_fingerprint(https), current(https));
    https_revalidate(https);
    cr_expect_str_eq(https_fingerprint(https), current(https), "it stays");
    https_destroy(https);
}

Test(https, gives_new_files_to_the_next_handshakes)
{
    struct https *https;
    char before[TLS_FINGERPRINT_BYTES];
    name_certificate("site.pem");
    write_pair();
    cr_assert_eq(https_create(&https, settings, NULL, &problem), 0, "%s", problem.what);
    cr_expect_null(https_fingerprint(https), "only of a certificate made here");
    snprintf(before, sizeof before, "%s", current(https));
    https_revalidate(https);
    cr_expect_str_eq(current(https), before);
    write_pair();
    https_revalidate(https);
    cr_expect_str_neq(current(https), before);
    https_destroy(https);
}

Test(https, keeps_a_certificate_when_its_file_becomes_bad)
{
    struct https *https;
    char before[TLS_FINGERPRINT_BYTES];
    name_certificate("site.pem");
    write_pair();
    cr_assert_eq(https_create(&https, settings, NULL, &problem), 0, "%s", problem.what);
    snprintf(before, sizeof before, "%s", current(https));
    tree_write(&tree, "site.pem", STR("half a fi"));
    https_revalidate(https);
    cr_expect_str_eq(current(https), before);
    https_destroy(https);
}

/* --- In a reload ------------------------------------------------------------------------------- */

/* Makes the https of the settings as they are now, in place of FORMER. */
static struct https *follow(struct https *former)
{
    struct https *https;
    cr_assert_eq(https_create(&https, settings, former, &problem), 0, "%s", problem.what);
    https_follow(https, former);
    https_destroy(former);
    return https;
}

Test(https, gives_what_workers_share_and_the_keys_of_tickets_to_the_next)
{
    struct tls_ticket_key before, now;
    name_certificate("site.pem");
    write_pair();
    struct https *https = follow(NULL);
    struct tls_shared *shared = https_shared(https);
    tls_tickets_current(&shared->tickets, &before);
    write_pair();
    settings->process.tls_minor_min = 3;
    https = follow(https);
    cr_expect_eq(https_shared(https), shared);
    tls_tickets_current(&shared->tickets, &now);
    cr_expect_eq(memcmp(&before, &now, sizeof now), 0);
    cr_expect_eq(tls_shared_least(shared), TLS_VERSION_1_3);
    struct https *empty;
    cr_assert_eq(https_create_empty(&empty), 0);
    https_follow(empty, https);
    https_destroy(https);
    cr_expect_eq(https_shared(empty), shared, "connections may still be open");
    https_revalidate(empty);
    settings->process.tls_minor_min = 2;
    write_pair();
    https = follow(empty);
    cr_expect_eq(https_shared(https), shared);
    cr_expect_eq(tls_shared_least(shared), TLS_VERSION_1_2);
    https_destroy(https);
}

Test(https, keeps_a_certificate_for_development_until_others_are_named)
{
    char before[TLS_FINGERPRINT_BYTES];
    settings->process.self_signed = true;
    struct https *https = follow(NULL);
    snprintf(before, sizeof before, "%s", current(https));
    https = follow(https);
    cr_expect_str_eq(current(https), before);
    cr_expect_str_eq(https_fingerprint(https), before);
    settings->process.self_signed = false;
    name_certificate("site.pem");
    write_pair();
    https = follow(https);
    cr_expect_str_neq(current(https), before);
    cr_expect_null(https_fingerprint(https));
    https_destroy(https);
}

Test(https, says_what_is_wrong_with_a_file_at_the_start)
{
    struct https *https = NULL;
    name_certificate("missing.pem");
    cr_expect_lt(https_create(&https, settings, NULL, &problem), 0);
    cr_expect_null(https);
    cr_expect(*problem.what != '\0');
}

#endif
