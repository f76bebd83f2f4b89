/* tls_http_port: --http-port (redirects to https, challenges of a certificate authority: RFC 8555
 * 8.3), --hsts (RFC 6797 7.1), and 421 for a host that the certificate is not for (RFC 9110
 * 15.5.20). */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <string.h>

E2E_SUITE(tls_http_port);

#define CHALLENGES ".well-known/acme-challenge/"

/* Serves SITE by HTTPS for NAMES. */
static struct server *start(const struct site *site, const char *names, const char *options)
{
    struct certificate certificate;
    certificate_make(&certificate, &(struct certificate_setup){.names = names});
    const char *path = certificate_write(&certificate, site, "../chain.pem");
    return server_start(PIPELINED, site, text_format("--cert %s %s", path, options));
}

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
    site_write_text(site, "page.html", "page");
    site_write_text(site, "dir/index.html", "dir");
    site_write_text(site, CHALLENGES "token", "token.thumbprint");
    site_write_text(site, CHALLENGES ".hidden", "hidden");
}

/* Asks the plain port of SERVER. */
static bool fetch_plain(const struct server *server, const char *request, int status,
                        struct response *ret)
{
    struct client client;
    client_connect_with(&client, &(struct client_setup){.port = server->plain_port, .plain = true});
    client_queue_text(&client, request);
    bool met = expect_status(&client, request, strncmp(request, "HEAD ", 5) == 0, status, ret);
    client_close(&client);
    return met;
}

static bool is_text(const char *value, const char *expected)
{
    return value && strcmp(value, expected) == 0;
}

/* --- --http-port ------------------------------------------------------------------------------ */

E2E_TEST(tls_http_port, everything_is_redirected_to_https)
{
    static const struct {
        const char *request;
        const char *location; /* after the port; NULL: 400 */
        const char *host;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: example.org\r\n", "/", "example.org"},
        {"GET /page.html?a=b&c HTTP/1.1\r\nHost: example.org:80\r\n", "/page.html?a=b&c",
         "example.org"},
        {"HEAD /missing HTTP/1.1\r\nHost: www.example.org\r\n", "/missing", "www.example.org"},
        {"POST /form HTTP/1.1\r\nHost: example.org\r\nContent-Length: 0\r\n", "/form",
         "example.org"},
        {"GET /a%2Fb/%E2%82%AC HTTP/1.1\r\nHost: example.org\r\n", "/a%2Fb/%E2%82%AC",
         "example.org"},
        {"GET http://example.org/dir HTTP/1.1\r\nHost: x.invalid\r\n", "/dir", "example.org"},
        {"GET //evil.example/ HTTP/1.1\r\nHost: example.org\r\n", "//evil.example/", "example.org"},
        {"GET / HTTP/1.1\r\n", NULL, NULL},
    };
    struct site site;
    create_site(&site);
    struct server *server =
        start(&site, "DNS:example.org,DNS:*.example.org", "--http-port 0 --hsts");
    cr_assert(server->plain_port != 0, "no plain port on the screen: %s",
              bytes_text(&server->screen));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct response response;
        const char *request = text_format("%s\r\n", rows[i].request);
        if (!fetch_plain(server, request, rows[i].location ? 308 : 400, &response))
            continue;
        const char *location = response_field(&response, "Location");
        cr_expect(response_field(&response, "Strict-Transport-Security") == NULL,
                  "HSTS without TLS");
        if (rows[i].location)
            cr_expect(is_text(location, text_format("https://%s:%u%s", rows[i].host, server->port,
                                                    rows[i].location)),
                      "%s: Location: %s", request, location ? location : "none");
    }
}

/* An open redirect would be kept by caches for ever. */
E2E_TEST(tls_http_port, no_redirect_leads_to_a_host_without_a_certificate)
{
    struct site site;
    struct response response;
    create_site(&site);
    struct server *server = start(&site, "DNS:example.org", "--http-port 0");
    struct client client;
    client_connect_with(&client, &(struct client_setup){.port = server->plain_port, .plain = true});
    client_queue_text(&client, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    cr_assert_eq(client_read_response(&client, false, &response), ANSWER_WHOLE);
    const char *location = response_field(&response, "Location");
    cr_expect(!location || !strstr(location, "evil"), "Location: %s", location);
    client_close(&client);
}

E2E_TEST(tls_http_port, challenges_are_answered_from_root)
{
    struct site site;
    struct response response;
    create_site(&site);
    site_write_text(&site, "_redirects", "/* /index.html 200\n");
    struct server *server = start(&site, "DNS:example.org", "--http-port 0 --spa index.html");
    if (fetch_plain(server, "GET /" CHALLENGES "token HTTP/1.1\r\nHost: example.org\r\n\r\n", 200,
                    &response))
        cr_expect(response.body.length == strlen("token.thumbprint"));
    fetch_plain(server, "GET /" CHALLENGES "missing HTTP/1.1\r\nHost: example.org\r\n\r\n", 404,
                NULL);
    fetch_plain(server, "GET /" CHALLENGES "../../page.html HTTP/1.1\r\nHost: example.org\r\n\r\n",
                308, NULL);
    expect_fetch(server, "over TLS",
                 "GET /" CHALLENGES "token HTTP/1.1\r\nHost: example.org\r\n\r\n", 200, NULL);
    site_write_text(&site, CHALLENGES "new", "new");
    fetch_plain(server, "GET /" CHALLENGES "new HTTP/1.1\r\nHost: example.org\r\n\r\n", 200, NULL);
}

/* --- --hsts ----------------------------------------------------------------------------------- */

/* More than a head may have. */
#define FIELD "X: 0123456789012345678901234567890123456789012345678901234567890\r\n"
#define MANY  FIELD FIELD FIELD FIELD FIELD FIELD FIELD FIELD FIELD FIELD FIELD FIELD FIELD FIELD
#define MUCH  MANY MANY MANY MANY MANY MANY MANY

static const struct {
    const char *request; /* without its last lines */
    int status;
} statuses[] = {
    {"GET / HTTP/1.1\r\nHost: example.org\r\n", 200},
    {"HEAD /page.html HTTP/1.1\r\nHost: example.org\r\n", 200},
    {"GET /page.html HTTP/1.1\r\nHost: example.org\r\nIf-None-Match: *\r\n", 304},
    {"GET /page.html HTTP/1.1\r\nHost: example.org\r\nRange: bytes=0-1\r\n", 206},
    {"GET /missing HTTP/1.1\r\nHost: example.org\r\n", 404},
    {"GET /dir HTTP/1.1\r\nHost: example.org\r\n", 301},
    {"GET /.hidden HTTP/1.1\r\nHost: example.org\r\n", 404},
    {"GET /page.html HTTP/1.1\r\nHost: example.org\r\nIf-Match: \"x\"\r\n", 412},
    {"GET /page.html HTTP/1.1\r\nHost: example.org\r\nRange: bytes=99-\r\n", 416},
    {"GET /%zz HTTP/1.1\r\nHost: example.org\r\n", 400},
    {"GET /page.html HTTP/1.1\r\nHost: example.org\r\nContent-Length: 99999999\r\n", 413},
    {"DELETE / HTTP/1.1\r\nHost: example.org\r\n", 405},
    {"BREW / HTTP/1.1\r\nHost: example.org\r\n", 501},
    {"GET / HTTP/1.1\r\nHost: other.example\r\n", 421},
    {"GET / HTTP/1.1\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: example.org\r\nno colon\r\n", 400},
    {"GET / HTTP/3.0\r\nHost: example.org\r\n", 505},
    {"GET / HTTP/1.1\r\nHost: example.org\r\n" MUCH MUCH MUCH MUCH, 431},
};

static size_t count_hsts(const struct response *response)
{
    static const char name[] = "Strict-Transport-Security:";
    size_t count = 0, left = response->head.length;
    const char *at = response->head.data;
    while ((at = memmem(at, left, name, sizeof name - 1))) {
        count++;
        at += sizeof name - 1;
        left = (size_t)(response->head.data + response->head.length - at);
    }
    return count;
}

E2E_TEST(tls_http_port, hsts_is_one_field_of_every_answer)
{
    static const struct {
        const char *options;
        const char *value; /* NULL: no field */
    } rows[] = {
        {"", NULL},
        {"--hsts", "max-age=31536000"},
        {"--hsts=86400", "max-age=86400"},
        {"--hsts=0", "max-age=0"},
    };
    for (size_t row = 0; row < COUNT_OF(rows); row++) {
        struct site site;
        create_site(&site);
        struct server *server = start(&site, "DNS:example.org", rows[row].options);
        for (size_t i = 0; i < 2 * COUNT_OF(statuses); i++) {
            struct response response;
            const char *request =
                text_format("%sConnection: close\r\n\r\n", statuses[i / 2].request);
            if (!expect_fetch(server, request, request, statuses[i / 2].status, &response))
                continue;
            const char *value = response_field(&response, "Strict-Transport-Security");
            cr_expect(rows[row].value ? is_text(value, rows[row].value) : value == NULL,
                      "%s: %s: %s", rows[row].options, request, value ? value : "none");
            cr_expect(count_hsts(&response) <= 1, "%s: %s: two fields", rows[row].options, request);
        }
        server_stop(server);
    }
}

/* A browser would keep it for other programs on this machine. */
E2E_TEST(tls_http_port, hsts_is_not_sent_for_localhost_and_addresses)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]", "localhost:8443"};
    struct site site;
    create_site(&site);
    struct server *server =
        start(&site, "DNS:localhost,DNS:example.org,IP:127.0.0.1,IP:::1", "--hsts");
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct response response;
        const char *request =
            text_format("GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", hosts[i]);
        if (expect_fetch(server, request, request, 200, &response))
            cr_expect(response_field(&response, "Strict-Transport-Security") == NULL, "%s",
                      request);
    }
}

/* --- 421 -------------------------------------------------------------------------------------- */

E2E_TEST(tls_http_port, a_host_needs_a_certificate_that_covers_it)
{
    static const struct {
        const char *host;
        int status;
    } rows[] = {
        {"example.org", 200},     {"EXAMPLE.org:443", 200}, {"www.example.org", 200},
        {"a.b.example.org", 421}, {"other.example", 421},   {"example.org.", 200},
    };
    struct site site;
    create_site(&site);
    struct certificate certificates[2];
    certificate_make(&certificates[0],
                     &(struct certificate_setup){.names = "DNS:example.org,DNS:*.example.org"});
    certificate_make(&certificates[1], &(struct certificate_setup){.names = "DNS:other.example"});
    certificate_write(&certificates[0], &site, "../first.pem");
    certificate_write(&certificates[1], &site, "../second.pem");
    site_write_text(&site, "../sluice.conf",
                    "[site example.org *.example.org]\nroot = root\ncert = first.pem\n"
                    "[site other.example]\nroot = root/dir\ncert = second.pem\n");
    struct server *server = server_start_with(&(struct server_setup){
        .config = site_path(&site, "../sluice.conf"),
        .own_tls = true,
    });
    struct secure_setup secure = {.server_name = "example.org"};
    /* Twice: a kept answer must not be given to another host. */
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        const char *host = rows[i % COUNT_OF(rows)].host;
        struct client client;
        client_connect_with(&client,
                            &(struct client_setup){.port = server->port, .secure = &secure});
        client_queue_text(&client, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
        expect_status(&client, "the first request", false, 200, NULL);
        client_queue_text(&client, text_format("GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host));
        expect_status(&client, host, false, rows[i % COUNT_OF(rows)].status, NULL);
        client_close(&client);
    }
}

#endif
