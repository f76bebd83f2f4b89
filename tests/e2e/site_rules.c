/* site_rules: the header fields that a site's rules and options add, and which responses have them:
 * those to the paths that the rules match, whatever they are answered with. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <string.h>
#include <unistd.h>

E2E_SUITE(site_rules);

/* --- The fields of rules ---------------------------------------------------------------------- */

E2E_TEST(site_rules, add_header_fields)
{
    static const char *const words[] = {"--header", "/*: X-Site: one",
                                        "--header", "/x.css: Content-Type: text/x-special",
                                        "--header", "/x.css: ! X-File",
                                        "--header", "/.*: X-Hidden: 1",
                                        "--header", "/none: X-Content-Type-Options: nosniff",
                                        NULL};
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "index.html", "<title>home</title>");
    site_write_text(&site, "x.css", "x{}");
    site_write_text(&site, "assets/a.txt", "a");
    site_write_text(&site, "_headers",
                    "# a comment\n"
                    "/*\n  Content-Security-Policy: default-src 'self'\n  X-File: 1\n"
                    "/assets/*\n  Cache-Control: max-age=60\n  ! X-File\n"
                    "  ! X-Content-Type-Options\n");
    const struct server *server = server_start_words(&site, words);
    static const char policy[] = "default-src 'self'";
    if (expect_fetch(server, "a page", request_with("GET", "/", ""), 200, &response)) {
        expect_header("a page", &response, "X-Site", "one");
        expect_header("a page", &response, "X-File", "1");
        expect_header("a page", &response, "Content-Security-Policy", policy);
        expect_header("a page", &response, "Cache-Control", "no-cache");
        expect_header("a page", &response, "X-Content-Type-Options", "nosniff");
    }
    if (expect_fetch(server, "a type", request_with("GET", "/x.css", ""), 200, &response)) {
        expect_header("a type", &response, "Content-Type", "text/x-special");
        expect_header("the last word", &response, "X-File", NULL);
    }
    if (expect_fetch(server, "an asset", request_with("GET", "/assets/a.txt", ""), 200,
                     &response)) {
        expect_header("an asset", &response, "X-Site", "one");
        expect_header("an asset", &response, "X-File", NULL);
        expect_header("an asset", &response, "Cache-Control", "max-age=60");
        expect_header("an asset", &response, "X-Content-Type-Options", NULL);
    }
    if (expect_fetch(server, "a redirect", request_with("GET", "/assets", ""), 301, &response))
        expect_header("a redirect", &response, "Content-Security-Policy", policy);
    if (expect_fetch(server, "an error", request_with("GET", "/assets/none", ""), 404, &response)) {
        expect_header("an error", &response, "Content-Security-Policy", policy);
        expect_header("an error", &response, "Cache-Control", NULL);
        expect_header("an error", &response, "Content-Type", "text/html; charset=utf-8");
        expect_header("an error", &response, "X-Content-Type-Options", NULL);
    }
    if (expect_fetch(server, "once", request_with("GET", "/none", ""), 404, &response))
        expect_header("once", &response, "X-Content-Type-Options", "nosniff");
    static const char *const closed[] = {"/_headers", "/.git/config", "/a%2Fb"};
    for (size_t i = 0; i < COUNT_OF(closed); i++) {
        if (!expect_fetch(server, closed[i], request_with("GET", closed[i], ""), 404, &response))
            continue;
        expect_header(closed[i], &response, "Content-Security-Policy", policy);
        expect_header(closed[i], &response, "X-Hidden", closed[i][1] == '.' ? "1" : NULL);
    }
    expect_fetch(server, "the rules", request_with("GET", "/_headers", ""), 404, NULL);
    expect_fetch(server, "the rules in capitals", request_with("GET", "/_HEADERS", ""), 404, NULL);
    expect_fetch(server, "the rules, encoded", request_with("GET", "/%5fheaders", ""), 404, NULL);
}

E2E_TEST(site_rules, are_followed_as_they_change)
{
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "a.txt", "a");
    const struct server *server = server_start(PIPELINED, &site, "--threads 2 --cache-valid 0");
    expect_fetch(server, "without", request_with("GET", "/a.txt", ""), 200, &response);
    expect_header("without", &response, "X-Rule", NULL);
    site_replace_text(&site, "_headers", "/a.txt\n X-Rule: one\n");
    expect_fetch(server, "with", request_with("GET", "/a.txt", ""), 200, &response);
    expect_header("with", &response, "X-Rule", "one");
    site_replace_text(&site, "_headers", "/a.txt\n X-Rule: two\nnonsense\n X-Other: x\n");
    expect_fetch(server, "changed", request_with("GET", "/a.txt", ""), 200, &response);
    expect_header("changed", &response, "X-Rule", "two");
    cr_expect(unlink(site_path(&site, "_headers")) == 0);
    expect_fetch(server, "gone", request_with("GET", "/a.txt", ""), 200, &response);
    expect_header("gone", &response, "X-Rule", NULL);
}

E2E_TEST(site_rules, that_are_invalid_are_reported)
{
    struct site site;
    site_create(&site);
    site_write_text(&site, "_headers", "/a\n  X-Good: 1\n  no colon here\n");
    struct server *server = server_start(PIPELINED, &site, "--threads 2");
    server_stop(server);
    const char *errors = process_errors(&server->process);
    const char *line = strstr(errors, "_headers, line 3: ");
    cr_expect(line && !strstr(line + 1, "_headers"), "once, by its number: %s", errors);
}

E2E_TEST(site_rules, of_cors_let_scripts_of_other_origins_read)
{
    static const char *const words[] = {"--cors", NULL};
    static const char origin[] = "Origin: https://example.org\r\n";
    static const char question[] = "Origin: https://example.org\r\n"
                                   "Access-Control-Request-Method: GET\r\n"
                                   "Access-Control-Request-Headers: range\r\n";
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "a.txt", "a");
    const struct server *server = server_start_words(&site, words);
    static const struct {
        const char *target;
        int status;
    } rows[] = {{"/a.txt", 200}, {"/none", 404}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (expect_fetch(server, rows[i].target, request_with("GET", rows[i].target, origin),
                         rows[i].status, &response))
            expect_header(rows[i].target, &response, "Access-Control-Allow-Origin", "*");
    }
    const char *beyond = text_format("%sRange: bytes=7-\r\n", origin);
    if (expect_fetch(server, "a range", request_with("GET", "/a.txt", beyond), 416, &response))
        expect_header("a range", &response, "Access-Control-Allow-Origin", "*");
    if (expect_fetch(server, "preflight", request_with("OPTIONS", "/a.txt", question), 204,
                     &response)) {
        expect_header("preflight", &response, "Access-Control-Allow-Origin", "*");
        expect_header("preflight", &response, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
        expect_header("preflight", &response, "Access-Control-Allow-Headers", "*");
    }
    const struct server *closed = server_start_words(&site, NULL);
    expect_fetch(closed, "not allowed", request_with("GET", "/a.txt", origin), 200, &response);
    expect_header("not allowed", &response, "Access-Control-Allow-Origin", NULL);
    expect_fetch(closed, "not allowed, preflight", request_with("OPTIONS", "/a.txt", question), 204,
                 &response);
    expect_header("not allowed, preflight", &response, "Access-Control-Allow-Origin", NULL);
}

/* --- The responses that have them -------------------------------------------------------------- */

/* Browsers ask with OPTIONS before a script of another origin may send some requests (Fetch,
 * CORS-preflight request); the site's rules determine the answer, for each path. */
E2E_TEST(site_rules, apply_to_preflights_and_refusals_of_their_path)
{
    static const char *const words[] = {"--cors",
                                        "--header",
                                        "/fonts/*: Access-Control-Max-Age: 600",
                                        "--header",
                                        "/fonts/*: Access-Control-Allow-Origin: https://a.example",
                                        "--header",
                                        "/fonts/*: Cache-Control: max-age=5",
                                        NULL};
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "fonts/a.woff2", "a");
    site_write_text(&site, "_headers",
                    "/fonts/*\n X-File: 1\n/bare\n ! Access-Control-Allow-Methods\n");
    const struct server *server = server_start_words(&site, words);
    if (expect_fetch(server, "preflight", request_with("OPTIONS", "/fonts/a.woff2", ""), 204,
                     &response)) {
        expect_header("preflight", &response, "Access-Control-Max-Age", "600");
        expect_header("preflight", &response, "Access-Control-Allow-Origin", "https://a.example");
        expect_header("preflight", &response, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
        expect_header("preflight", &response, "Allow", "GET, HEAD, OPTIONS");
        expect_header("preflight", &response, "X-File", "1");
    }
    if (expect_fetch(server, "of no rule", request_with("OPTIONS", "/x", ""), 204, &response)) {
        expect_header("of no rule", &response, "Access-Control-Max-Age", "86400");
        expect_header("of no rule", &response, "Access-Control-Allow-Origin", "*");
        expect_header("of no rule", &response, "X-File", NULL);
    }
    if (expect_fetch(server, "removed", request_with("OPTIONS", "/bare", ""), 204, &response))
        expect_header("removed", &response, "Access-Control-Allow-Methods", NULL);
    if (expect_fetch(server, "*", request_with("OPTIONS", "*", ""), 204, &response))
        expect_header("*", &response, "Access-Control-Max-Age", "86400");
    static const struct {
        const char *method, *target, *fields;
        int status;
    } refusals[] = {
        {"POST", "/fonts/a.woff2", "Content-Length: 0\r\n", 405},
        {"DELETE", "/fonts/none", "", 405},
        {"BREW", "/fonts/a.woff2", "", 501},
        {"GET", "/fonts/a.woff2", "Content-Length: 99999999999\r\n", 413},
        {"GET", "/fonts/a.woff2", "Host: b\r\n", 400},
        {"GET", "/fonts/a.woff2", "Range: bytes=7-\r\n", 416},
        {"GET", "/fonts/none", "", 404},
        {"GET", "/fonts/.git/x", "", 404},
    };
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const char *label = text_format("%d", refusals[i].status);
        if (!expect_fetch(server, label,
                          request_with(refusals[i].method, refusals[i].target, refusals[i].fields),
                          refusals[i].status, &response))
            continue;
        expect_header(label, &response, "Access-Control-Allow-Origin", "https://a.example");
        expect_header(label, &response, "X-File", "1");
        expect_header(label, &response, "X-Content-Type-Options", "nosniff");
        expect_header(label, &response, "Cache-Control", NULL);
    }
    site_replace_text(&site, "_headers", "/fonts/*\n X-File: 2\n");
    const struct server *strict = server_start(PIPELINED, &site, "--threads 2 --cache-valid 0");
    if (expect_fetch(strict, "a new server", request_with("OPTIONS", "/fonts/", ""), 204,
                     &response))
        expect_header("a new server", &response, "X-File", "2");
    site_replace_text(&site, "_headers", "/fonts/*\n X-File: 3\n");
    if (expect_fetch(strict, "followed", request_with("OPTIONS", "/fonts/", ""), 204, &response))
        expect_header("followed", &response, "X-File", "3");
}

E2E_TEST(site_rules, match_the_path_that_was_asked_for)
{
    static const char *const words[] = {"--spa", "/index.html", NULL};
    struct site site;
    struct response response;
    site_create_application(&site);
    site_write_text(&site, "_headers",
                    "/index.html\n X-Page: index\n Cache-Control: max-age=7\n"
                    "/404.html\n X-Page: error\n"
                    "/users/*\n X-Page: users\n Cache-Control: max-age=9\n"
                    "/lost/*\n X-Page: lost\n");
    const struct server *server = server_start_words(&site, words);
    static const struct {
        const char *target, *accept;
        int status;
        const char *page, *cache;
    } rows[] = {
        {"/index.html", "text/html", 200, "index", "max-age=7"},
        {"/users/7", "text/html", 200, "users", "max-age=9"},
        {"/lost/x", "text/html", 200, "lost", "no-cache"},
        {"/none", "text/html", 200, NULL, "no-cache"},
        {"/lost/x.js", "*/*", 404, "lost", NULL},
        {"/none.js", "*/*", 404, NULL, NULL},
        {"/404.html", "text/html", 200, "error", "no-cache"},
    };
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            const char *target = rows[i].target;
            const char *accept = text_format("Accept: %s\r\n", rows[i].accept);
            if (!expect_fetch(server, target, request_with("GET", target, accept), rows[i].status,
                              &response))
                continue;
            expect_header(target, &response, "X-Page", rows[i].page);
            expect_header(target, &response, "Cache-Control", rows[i].cache);
        }
    }
    if (expect_fetch(server, "200", request_with("GET", "/users/7", ""), 200, &response)) {
        const char *fields =
            text_format("If-None-Match: %s\r\n", response_field(&response, "ETag"));
        if (expect_fetch(server, "304", request_with("GET", "/users/7", fields), 304, &response))
            expect_header("304", &response, "X-Page", "users");
        fields = text_format("If-Match: \"x\"\r\n");
        if (expect_fetch(server, "412", request_with("GET", "/users/7", fields), 412, &response))
            expect_header("412", &response, "X-Page", "users");
    }
}

E2E_TEST(site_rules, of_absolute_patterns_match_the_host)
{
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "a.txt", "a");
    site_write_text(&site, "_headers",
                    "https://example.org/*\n X-Host: exact\n"
                    "https://:name.example.org/:file\n X-Host: :name has :file\n"
                    "/*\n X-All: 1\n");
    const struct server *server = server_start_words(&site, NULL);
    static const struct {
        const char *host, *value;
    } rows[] = {
        {"a", NULL},
        {"example.org", "exact"},
        {"EXAMPLE.org.:8080", "exact"},
        {"www.example.org", "www has %s"},
        {"a.b.example.org", NULL},
    };
    static const struct {
        const char *method, *target;
        int status;
    } targets[] = {{"GET", "/a.txt", 200}, {"GET", "/none", 404}, {"OPTIONS", "/x", 204}};
    for (unsigned round = 0; round < 3; round++) { /* the third is answered with memos */
        for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(targets); i++) {
            const char *host = rows[i / COUNT_OF(targets)].host;
            const char *value = rows[i / COUNT_OF(targets)].value;
            const char *target = targets[i % COUNT_OF(targets)].target;
            const char *request =
                text_format("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                            targets[i % COUNT_OF(targets)].method, target, host);
            if (!expect_fetch(server, host, request, targets[i % COUNT_OF(targets)].status,
                              &response))
                continue;
            expect_header(host, &response, "X-All", "1");
            if (value && strstr(value, "has"))
                value = text_format("www has %s", target + 1);
            expect_header(host, &response, "X-Host", value);
        }
    }
}
