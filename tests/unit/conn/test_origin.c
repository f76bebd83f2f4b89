/* origin: redirects to https, ACME challenges, HSTS: RFC 9110 sections 7.4 and 15.4.9, RFC 6797
 * sections 7 and 8.1, RFC 8555 section 8.3. */
#include "conn/origin.h"

#include "support/conn_rig.h"

#ifdef SLUICE_HAVE_OPENSSL
#include "tls/tls_certificates.h"

#include <stdlib.h>
#endif

enum { PLAIN, SECURE, REDIRECTING, PLAIN_ON_TLS };

#define HSTS_VALUE "max-age=31536000"
#define HSTS_LINE  "\r\nStrict-Transport-Security: " HSTS_VALUE "\r\n"

static const struct origin table[ORIGINS_MAX] = {
    [SECURE] = {.hsts = STR_INIT(HSTS_VALUE)},
    [REDIRECTING] = {.redirects = true, .has_challenges = true, .https_port = 443},
    [PLAIN_ON_TLS] = {.redirects = true, .https_port = 8443},
};

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    rig.context.origins = table;
}

static void tear_down(void)
{
    rig_fini(&rig);
}

TestSuite(origin, .init = set_up, .fini = tear_down, .timeout = 20);

/* The answer to BYTES on a connection of ORIGIN, as text, until the next call. */
static const char *answer_to(unsigned origin, const char *bytes)
{
    static char text[8192];
    struct conn conn;
    struct pile output = {0};
    conn_init(&conn, -1);
    conn.origin = origin & (CONN_ORIGINS_MAX - 1);
    rig_exchange(&rig, &conn, str_of(bytes), &output);
    cr_assert_lt(output.length, sizeof text);
    *str_put(text, pile_view(&output)) = '\0';
    conn_fini(&rig.context, &conn);
    pile_clear(&output);
    return text;
}

static void expect_status(const char *request, const char *answer, const char *status)
{
    cr_expect(strncmp(answer + 9, status, 3) == 0, "%s: %s", request, answer);
}

static void expect_location(unsigned origin, const char *request, const char *location)
{
    char line[512];
    const char *answer = answer_to(origin, request);
    snprintf(line, sizeof line, "\r\nLocation: %s\r\n", location);
    expect_status(request, answer, "308");
    cr_expect(strstr(answer, line), "%s: not to %s: %s", request, location, answer);
}

/* --- Redirects -------------------------------------------------------------------------------- */

Test(origin, redirects_to_the_same_target_at_the_tls_port)
{
    expect_location(REDIRECTING, "GET /a/b?c=d&e HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    "https://localhost/a/b?c=d&e");
    expect_location(REDIRECTING, "GET /%41%2f HTTP/1.1\r\nHost: LOCALHOST.:8080\r\n\r\n",
                    "https://localhost/%41%2f");
    expect_location(PLAIN_ON_TLS, "GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n",
                    "https://127.0.0.1:8443/");
    expect_location(PLAIN_ON_TLS, "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
                    "https://[::1]:8443/");
    expect_location(REDIRECTING, "GET http://127.0.0.1:1/x?y HTTP/1.1\r\nHost: a\r\n\r\n",
                    "https://127.0.0.1/x?y");
    expect_location(REDIRECTING, "GET http://127.0.0.1?y HTTP/1.1\r\nHost: a\r\n\r\n",
                    "https://127.0.0.1?y");
    expect_location(REDIRECTING, "POST //tiny.txt HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    "https://localhost//tiny.txt");
}

Test(origin, redirects_files_and_directories_alike)
{
    expect_location(REDIRECTING, "GET /tiny.txt HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    "https://localhost/tiny.txt");
    expect_location(REDIRECTING, "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    "https://localhost/none");
}

Test(origin, redirects_only_where_there_is_a_host)
{
    static const char *const requests[] = {
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(requests); i++)
        expect_status(requests[i], answer_to(REDIRECTING, requests[i]), "400");
}

Test(origin, never_redirects_to_a_host_that_it_does_not_know)
{
    const char *request = "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    const char *answer = answer_to(REDIRECTING, request);
    expect_status(request, answer, "421");
    cr_expect_null(strstr(answer, "evil"), "%s", answer);
}

Test(origin, keeps_a_connection_for_the_request_after_a_redirect)
{
    const char *answer = answer_to(REDIRECTING, "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                                "GET /b HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_expect(strstr(answer, "https://localhost/a\r\n"), "%s", answer);
    cr_expect(strstr(answer, "https://localhost/b\r\n"), "%s", answer);
}

Test(origin, sends_no_body_with_a_redirect_to_head)
{
    const char *answer = answer_to(REDIRECTING, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    size_t length = strlen(answer);
    cr_expect(length > 4 && strcmp(answer + length - 4, "\r\n\r\n") == 0, "%s", answer);
}

Test(origin, serves_plain_connections_as_before)
{
    const char *request = "GET /tiny.txt HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    const char *answer = answer_to(PLAIN, request);
    expect_status(request, answer, "200");
    cr_expect_null(strstr(answer, "Strict-Transport-Security"), "%s", answer);
}

#ifdef SLUICE_HAVE_OPENSSL

/* A generation of one certificate for the COUNT names. */
static struct tls_certificates *certificates_for(const char *const *names, unsigned count)
{
    struct tls_certificates *all = calloc(1, sizeof *all + sizeof all->items[0]);
    struct tls_certificate *one = calloc(1, sizeof *one);
    cr_assert(all && one);
    all->count = 1;
    all->items[0] = one;
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(tls_names_add_text(&one->names, str_of(names[i])), 0);
    return all;
}

static void drop(struct tls_certificates *all)
{
    tls_names_fini(&all->items[0]->names);
    free(all->items[0]);
    free(all);
}

Test(origin, redirects_to_names_of_certificates_only)
{
    static const char *const names[] = {"*.example.org", "example.org", "www.example.org",
                                        "198.51.100.7", "2001:db8::7"};
    static const struct {
        const char *authority, *prefix;
    } rows[] = {
        {"www.example.org", "https://www.example.org:8443"},
        {"a.example.org:80", "https://a.example.org:8443"},
        {"EXAMPLE.org.", "https://example.org:8443"},
        {"a.b.example.org", "https://example.org:8443"},
        {"evil.example", "https://example.org:8443"},
        {"198.51.100.7", "https://198.51.100.7:8443"},
        {"[2001:db8::7]:80", "https://[2001:db8::7]:8443"},
        {"192.0.2.1", "https://example.org:8443"},
        {"[2001:db8::8]", "https://example.org:8443"},
        {"127.0.0.1", "https://127.0.0.1:8443"},
        {"[::1]", "https://[::1]:8443"},
        {"localhost", "https://localhost:8443"},
        {"", "https://example.org:8443"},
    };
    struct tls_certificates *all = certificates_for(names, COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[ORIGIN_PREFIX_BYTES_MAX];
        struct str prefix =
            origin_https_prefix(&table[PLAIN_ON_TLS], all, str_of(rows[i].authority), to);
        cr_expect(str_equal(prefix, str_of(rows[i].prefix)), "%s: %.*s", rows[i].authority,
                  (int)prefix.length, prefix.at);
    }
    drop(all);
}

Test(origin, finds_requests_for_sites_that_the_certificate_does_not_cover)
{
    static const char *const names[] = {"example.org", "*.example.net"};
    static const struct {
        const char *authority;
        bool misdirected;
    } rows[] = {
        {"example.org", false},    {"EXAMPLE.org:8443", false},
        {"a.example.net.", false}, {"other.example", true},
        {"www.example.org", true}, {"a.b.example.net", true},
        {"localhost", false},      {"127.0.0.1:443", false},
        {"[::1]", false},          {"", false},
    };
    struct tls_certificates *all = certificates_for(names, COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(origin_is_misdirected(all->items[0], str_of(rows[i].authority)),
                     rows[i].misdirected, "%s", rows[i].authority);
    cr_expect_not(origin_is_misdirected(NULL, STR("other.example")), "a plain connection");
    all->items[0]->self_signed = true;
    cr_expect_not(origin_is_misdirected(all->items[0], STR("other.example")), "development");
    drop(all);
}

Test(origin, never_redirects_other_hosts_to_localhost)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "devbox"};
    char to[ORIGIN_PREFIX_BYTES_MAX];
    struct tls_certificates *all = certificates_for(names, COUNT_OF(names));
    struct str prefix = origin_https_prefix(&table[PLAIN_ON_TLS], all, STR("box.lan"), to);
    cr_expect(str_equal(prefix, STR("https://devbox:8443")), "%.*s", (int)prefix.length, prefix.at);
    drop(all);
}

Test(origin, redirects_to_any_own_address_in_development)
{
    static const char *const names[] = {"localhost", "127.0.0.1"};
    char to[ORIGIN_PREFIX_BYTES_MAX];
    struct tls_certificates *all = certificates_for(names, COUNT_OF(names));
    all->items[0]->self_signed = true;
    struct str prefix = origin_https_prefix(&table[PLAIN_ON_TLS], all, STR("192.0.2.1:80"), to);
    cr_expect(str_equal(prefix, STR("https://192.0.2.1:8443")), "%.*s", (int)prefix.length,
              prefix.at);
    drop(all);
}

Test(origin, has_no_name_to_redirect_to_if_certificates_have_wildcards_only)
{
    static const char *const names[] = {"*.example.org", "192.0.2.1"};
    char to[ORIGIN_PREFIX_BYTES_MAX];
    struct tls_certificates *all = certificates_for(names, COUNT_OF(names));
    cr_expect_null(origin_https_prefix(&table[PLAIN_ON_TLS], all, STR("evil.example"), to).at);
    drop(all);
}

#endif

/* --- Challenges ------------------------------------------------------------------------------- */

Test(origin, answers_challenges_from_the_site)
{
    tree_dir(&rig.tree, ".well-known");
    tree_dir(&rig.tree, ".well-known/acme-challenge");
    tree_write(&rig.tree, ".well-known/acme-challenge/token", STR("key"));
    const char *request =
        "GET /.well-known/acme-challenge/token HTTP/1.1\r\nHost: a.example\r\n\r\n";
    const char *answer = answer_to(REDIRECTING, request);
    expect_status(request, answer, "200");
    cr_expect(strstr(answer, "\r\n\r\nkey"), "%s", answer);
    expect_location(PLAIN_ON_TLS,
                    "GET /.well-known/acme-challenge/token HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    "https://localhost:8443/.well-known/acme-challenge/token");
}

Test(origin, answers_404_for_a_missing_token)
{
    const char *request = "GET /.well-known/acme-challenge/none HTTP/1.1\r\nHost: a\r\n\r\n";
    expect_status(request, answer_to(REDIRECTING, request), "404");
}

Test(origin, never_answers_a_challenge_with_the_page_for_routes)
{
    const char *request =
        "GET /.well-known/acme-challenge/none HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";
    const char *route = "GET /none HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";
    rig.site.fallback = STR("tiny.txt");
    expect_status(route, answer_to(PLAIN, route), "200");
    expect_status(request, answer_to(PLAIN, request), "404");
    expect_status(request, answer_to(REDIRECTING, request), "404");
}

Test(origin, redirects_paths_that_only_look_like_challenges)
{
    expect_location(REDIRECTING,
                    "GET /.well-known/acme-challenge/../../tiny.txt HTTP/1.1\r\n"
                    "Host: localhost\r\n\r\n",
                    "https://localhost/.well-known/acme-challenge/../../tiny.txt");
    expect_location(REDIRECTING,
                    "GET /.well-known/acme-challenge HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    "https://localhost/.well-known/acme-challenge");
    expect_location(REDIRECTING,
                    "GET /.well-known/security.txt HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    "https://localhost/.well-known/security.txt");
}

/* --- HSTS ------------------------------------------------------------------------------------- */

static unsigned count_of(const char *text, const char *part)
{
    unsigned count = 0;
    while ((text = strstr(text, part))) {
        count++;
        text += strlen(part);
    }
    return count;
}

Test(origin, sends_hsts_once_with_every_status)
{
    static const char *const requests[] = {
        "GET /tiny.txt HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "HEAD /tiny.txt HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "GET /tiny.txt HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: *\r\n\r\n",
        "GET /tiny.txt HTTP/1.1\r\nHost: a.example\r\nRange: bytes=1-2\r\n\r\n",
        "GET /tiny.txt HTTP/1.1\r\nHost: a.example\r\nRange: bytes=1-2, 5-6\r\n\r\n",
        "GET /tiny.txt HTTP/1.1\r\nHost: a.example\r\nRange: bytes=999-\r\n\r\n",
        "GET /tiny.txt HTTP/1.1\r\nHost: a.example\r\nIf-Match: \"x\"\r\n\r\n",
        "GET /none HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "POST /tiny.txt HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "GET /tiny.txt HTTP/1.1\r\n\r\n",
        "GET /tiny.txt HTTP/1.1\r\nHost: a b\r\n\r\n",
        "nonsense\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        const char *answer = answer_to(SECURE, requests[i]);
        cr_expect_eq(count_of(answer, HSTS_LINE), 1, "%s: %s", requests[i], answer);
        answer = answer_to(PLAIN, requests[i]);
        cr_expect_eq(count_of(answer, "Strict-Transport-Security"), 0, "%s: %s", requests[i],
                     answer);
    }
}

Test(origin, sends_hsts_with_repeated_answers)
{
    const char *request = "GET /tiny.txt HTTP/1.1\r\nHost: a.example\r\n\r\n";
    for (unsigned i = 0; i < 5; i++) {
        cr_expect_eq(count_of(answer_to(SECURE, request), HSTS_LINE), 1, "%u", i);
        cr_expect_eq(count_of(answer_to(PLAIN, request), HSTS_LINE), 0, "%u", i);
    }
}

Test(origin, lets_a_rule_of_the_site_replace_hsts)
{
    struct problem problem;
    const char *request = "GET /tiny.txt HTTP/1.1\r\nHost: a.example\r\n\r\n";
    const char *missing = "GET /none HTTP/1.1\r\nHost: a.example\r\n\r\n";
    struct rules *rules = rules_create();
    cr_assert_not_null(rules);
    cr_assert_eq(rules_add(rules, STR("/*: strict-transport-security: max-age=5"), &problem), 0);
    rig.site.rules = rules;
    const char *answer = answer_to(SECURE, request);
    cr_expect_eq(count_of(answer, "max-age=5\r\n"), 1, "%s", answer);
    cr_expect_eq(count_of(answer, HSTS_LINE), 0, "%s", answer);
    answer = answer_to(SECURE, missing);
    cr_expect_eq(count_of(answer, "max-age=5\r\n"), 1, "%s", answer);
    cr_expect_eq(count_of(answer, HSTS_LINE), 0, "%s", answer);
    rig.site.rules = NULL;
    rules_destroy(rules);
}

Test(origin, sends_no_hsts_for_localhost_and_addresses)
{
    static const char *const hosts[] = {"localhost",     "LocalHost:8443", "a.localhost",
                                        "127.0.0.1:443", "[::1]",          "192.0.2.1"};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        char request[128];
        snprintf(request, sizeof request, "GET /tiny.txt HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);
        cr_expect_eq(count_of(answer_to(SECURE, request), "Strict-Transport-Security"), 0, "%s",
                     hosts[i]);
    }
}
