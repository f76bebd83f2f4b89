/* tls_context: a new generation serves the next handshake, a bad one never; sessions are resumed
 * with every worker, for as long as the keys of tickets live. */
#include "tls/tls_context.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/tls_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/crypto.h>

static struct tls_rig rig;

static void set_up(void)
{
    tls_rig_init(&rig, &(struct tls_maker){.common_name = "old", .names = "DNS:example.org"}, 1);
}

static void tear_down(void)
{
    tls_rig_fini(&rig);
}

TestSuite(tls_context, .init = set_up, .fini = tear_down, .timeout = 120);

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static const struct str text = STR_INIT("GET / HTTP/1.1\r\n\r\n");

static struct tls_link *connect_to(struct tls_context *context, const struct tls_client *client)
{
    struct tls_link *link = tls_link_create(context, client);
    cr_assert(tls_link_shake(link, SIZE_MAX));
    return link;
}

/* --- Generations ------------------------------------------------------------------------------ */

Test(tls_context, serves_a_new_generation_to_the_next_client)
{
    struct tls_link *before = connect_to(rig.context, &(struct tls_client){0});
    tls_shared_publish(rig.shared,
                       tls_rig_certificates(&(struct tls_maker){.common_name = "new"}, 1));
    struct tls_link *after = connect_to(rig.context, &(struct tls_client){0});
    cr_expect_str_eq(tls_link_common_name(before), "old");
    cr_expect_str_eq(tls_link_common_name(after), "new");
    cr_expect_eq(tls_stream_certificate(after->stream),
                 tls_context_certificates(rig.context)->items[0]);
    cr_expect_neq(tls_stream_certificate(before->stream), tls_stream_certificate(after->stream));
    cr_expect_eq(tls_certificate_match(tls_stream_certificate(before->stream), STR("example.org")),
                 TLS_MATCH_EXACT);
    cr_expect(tls_link_answers(before, text));
    tls_link_destroy(before);
    tls_link_destroy(after);
}

Test(tls_context, keeps_certificates_when_openssl_refuses_new_ones)
{
    struct tls_certificates *bad =
        tls_rig_certificates(&(struct tls_maker){.common_name = "bad"}, 1);
    struct str pem = bad->items[0]->chain_pem;
    memset((char *)(uintptr_t)pem.at + pem.length / 2, '!', 8);
    tls_shared_publish(rig.shared, bad);
    for (unsigned i = 0; i < 2; i++) {
        struct tls_link *link = connect_to(rig.context, &(struct tls_client){0});
        cr_expect_str_eq(tls_link_common_name(link), "old");
        tls_link_destroy(link);
    }
    struct tls_context *other;
    struct problem problem;
    cr_expect_eq(tls_context_create(&other, rig.shared, &problem), -EINVAL);
    cr_expect(strstr(problem.what, "refuses the certificate") != NULL, "%s", problem.what);
    tls_shared_publish(rig.shared,
                       tls_rig_certificates(&(struct tls_maker){.common_name = "good"}, 1));
    struct tls_link *link = connect_to(rig.context, &(struct tls_client){0});
    cr_expect_str_eq(tls_link_common_name(link), "good");
    tls_link_destroy(link);
}

/* A generation with a new "a", a "b" that OpenSSL refuses, a new name and a certificate that is
 * in use. */
Test(tls_context, uses_the_good_certificates_of_a_generation_with_a_bad_one)
{
    const struct tls_maker makers[] = {
        {.common_name = "a", .names = "DNS:a.org"},
        {.common_name = "b", .names = "DNS:b.org"},
        {.common_name = "c", .names = "DNS:c.org"},
    };
    const struct tls_maker renewed[] = {
        {.common_name = "new a", .names = "DNS:a.org"},
        {.common_name = "new b", .names = "DNS:b.org"},
        {.common_name = "new d", .names = "DNS:d.org"},
    };
    static const struct {
        const char *host, *name;
    } rows[] = {{"a.org", "new a"}, {"b.org", "b"}, {"c.org", "c"}, {"d.org", "new a"}};
    struct tls_certificates *first = tls_rig_certificates(makers, COUNT_OF(makers));
    struct tls_certificates *made = tls_rig_certificates(renewed, COUNT_OF(renewed));
    struct tls_certificate *items[] = {made->items[0], made->items[1], made->items[2],
                                       first->items[2]};
    for (unsigned i = 1; i < 3; i++) {
        struct str pem = items[i]->chain_pem;
        memset((char *)(uintptr_t)pem.at + pem.length / 2, '!', 8);
    }
    tls_shared_publish(rig.shared, first);
    tls_context_refresh(rig.context);
    tls_shared_publish(rig.shared,
                       tls_certificates_create(items, COUNT_OF(items), (int64_t)time(NULL)));
    tls_certificates_unref(made);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_link *link = connect_to(rig.context, &(struct tls_client){.host = rows[i].host});
        cr_expect_str_eq(tls_link_common_name(link), rows[i].name, "%s", rows[i].host);
        cr_expect_eq(
            tls_certificate_match(tls_stream_certificate(link->stream), str_of(rows[i].host)),
            i < 3 ? TLS_MATCH_EXACT : TLS_MATCH_NONE);
        tls_link_destroy(link);
    }
}

Test(tls_context, refuses_clients_below_the_least_version)
{
    struct tls_rig strict;
    struct problem problem;
    const struct tls_shared_config config = {
        .certificates = tls_rig_certificates(&(struct tls_maker){.names = NULL}, 1),
        .least = TLS_VERSION_1_3,
    };
    cr_assert_eq(tls_shared_create(&strict.shared, &config, &problem), 0);
    cr_assert_eq(tls_context_create(&strict.context, strict.shared, &problem), 0);
    for (unsigned i = 0; i < 2; i++) {
        struct tls_link *link =
            tls_link_create(strict.context, &(struct tls_client){.version = versions[i]});
        cr_expect_eq(tls_link_shake(link, SIZE_MAX), versions[i] == TLS1_3_VERSION);
        tls_link_destroy(link);
    }
    tls_rig_fini(&strict);
}

/* Whether a client that speaks VERSION alone is served. */
static bool serves_version(int version)
{
    struct tls_link *link = tls_link_create(rig.context, &(struct tls_client){.version = version});
    const bool served = tls_link_shake(link, SIZE_MAX);
    tls_link_destroy(link);
    return served;
}

Test(tls_context, changes_the_least_version_for_new_clients_alone)
{
    struct tls_link *kept =
        connect_to(rig.context, &(struct tls_client){.version = TLS1_2_VERSION});
    for (unsigned i = 0; i < 3; i++) {
        tls_shared_set_least(rig.shared, TLS_VERSION_1_3);
        cr_expect_not(serves_version(TLS1_2_VERSION));
        cr_expect(serves_version(TLS1_3_VERSION));
        cr_expect(tls_link_answers(kept, text));
        tls_shared_set_least(rig.shared, TLS_VERSION_1_2);
        cr_expect(serves_version(TLS1_2_VERSION));
    }
    const unsigned generation = atomic_load(&rig.shared->generation);
    tls_shared_set_least(rig.shared, TLS_VERSION_1_2);
    cr_expect_eq(atomic_load(&rig.shared->generation), generation, "nothing is built anew");
    tls_link_destroy(kept);
}

/* --- Resumption ------------------------------------------------------------------------------- */

/* Whether a session that CONTEXT gave is resumed with OTHER, after AFTER was called. */
static bool resumes(struct tls_context *context, struct tls_context *other, int version,
                    void (*after)(void))
{
    struct tls_link *first = connect_to(context, &(struct tls_client){.version = version});
    cr_assert_not_null(first->session, "no ticket in version %x", (unsigned)version);
    if (after)
        after();
    struct tls_link *second =
        connect_to(other, &(struct tls_client){.version = version, .session = first->session});
    bool is_resumed = SSL_session_reused(second->client) == 1;
    cr_expect_eq(tls_stream_is_resumed(second->stream), is_resumed);
    cr_expect(tls_link_answers(second, text));
    cr_expect_eq(tls_link_feed(second, tls_link_write(second, text)), TLS_WANTS_INPUT);
    cr_expect_eq(second->received_length, text.length);
    if (is_resumed && version == TLS1_3_VERSION)
        cr_expect_not_null(second->session, "a resumed session gets a ticket of its own");
    tls_link_destroy(second);
    tls_link_destroy(first);
    return is_resumed;
}

Test(tls_context, resumes_with_every_worker)
{
    struct tls_context *other;
    struct problem problem;
    cr_assert_eq(tls_context_create(&other, rig.shared, &problem), 0);
    for (unsigned i = 0; i < 2; i++) {
        cr_expect(resumes(rig.context, rig.context, versions[i], NULL));
        cr_expect(resumes(rig.context, other, versions[i], NULL));
        cr_expect(resumes(other, rig.context, versions[i], NULL));
    }
    tls_context_destroy(other);
}

static int64_t now_s = 1000000;

static void rotate_once(void)
{
    tls_shared_rotate(rig.shared, now_s);
    tls_shared_rotate(rig.shared, now_s += TLS_TICKET_ROTATION_S);
}

static void rotate_twice(void)
{
    rotate_once();
    rotate_once();
}

static void publish(void)
{
    tls_shared_publish(rig.shared,
                       tls_rig_certificates(&(struct tls_maker){.names = "DNS:example.org"}, 1));
}

Test(tls_context, resumes_after_one_rotation_but_not_after_two)
{
    for (unsigned i = 0; i < 2; i++) {
        cr_expect(resumes(rig.context, rig.context, versions[i], rotate_once));
        cr_expect_not(resumes(rig.context, rig.context, versions[i], rotate_twice));
    }
}

Test(tls_context, resumes_after_certificates_have_changed)
{
    for (unsigned i = 0; i < 2; i++)
        cr_expect(resumes(rig.context, rig.context, versions[i], publish));
}

/* RFC 6066 section 3. */
Test(tls_context, resumes_a_session_for_the_names_that_it_was_made_for)
{
    static const struct tls_maker makers[] = {
        {.names = "DNS:a.org,DNS:www.a.org"}, {.names = "DNS:b.org"}, {.names = "IP:192.0.2.1"}};
    static const struct {
        const char *host;
        bool resumed;
    } rows[] = {{"a.org", true}, {"www.a.org", true}, {"b.org", false}};
    tls_shared_publish(rig.shared, tls_rig_certificates(makers, COUNT_OF(makers)));
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        const int version = versions[i % 2];
        const char *host = rows[i / 2].host;
        struct tls_link *first =
            connect_to(rig.context, &(struct tls_client){.host = "a.org", .version = version});
        struct tls_link *second = connect_to(
            rig.context,
            &(struct tls_client){.host = host, .version = version, .session = first->session});
        cr_expect_eq(tls_stream_is_resumed(second->stream), rows[i / 2].resumed, "%s, %x", host,
                     (unsigned)version);
        tls_link_destroy(second);
        tls_link_destroy(first);
    }
}

static struct tls_rig next;

static void hand_over(void)
{
    struct tls_ticket_keys keys;
    tls_tickets_export(&rig.shared->tickets, &keys);
    tls_tickets_import(&next.shared->tickets, &keys);
    OPENSSL_cleanse(&keys, sizeof keys);
}

Test(tls_context, resumes_in_another_process_that_got_the_keys)
{
    tls_rig_init(&next, NULL, 0);
    for (unsigned i = 0; i < 2; i++) {
        cr_expect(resumes(rig.context, next.context, versions[i], hand_over));
        tls_rig_fini(&next);
        tls_rig_init(&next, NULL, 0);
        cr_expect_not(resumes(rig.context, next.context, versions[i], NULL));
    }
    tls_rig_fini(&next);
}

Test(tls_context, gives_tickets_that_live_no_longer_than_their_key)
{
    for (unsigned i = 0; i < 2; i++) {
        struct tls_link *link =
            connect_to(rig.context, &(struct tls_client){.version = versions[i]});
        cr_expect_eq(SSL_SESSION_get_ticket_lifetime_hint(link->session), TLS_TICKET_LIFETIME_S);
        tls_link_destroy(link);
    }
}

#endif
