/* site_rules: which responses have the fields of a site's rules: those to the paths that the rules
 * match, whatever they are answered with. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <string.h>

E2E_SUITE(site_rules);

static const struct server *start(const struct site *site, const char *const *words)
{
    return server_start_with(&(struct server_setup){
        .kind = PIPELINED, .root = site->path, .options = "--threads 1", .words = words});
}

static const char *ask(const char *method, const char *target, const char *fields)
{
    return text_format("%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", method, target,
                       fields);
}

static void expect_field(const char *what, const struct response *response, const char *name,
                         const char *value)
{
    const char *found = response_field(response, name);
    cr_expect(value ? found && strcmp(found, value) == 0 : !found, "%s: %s: %s", what, name,
              found ? found : "(none)");
}

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
    const struct server *server = start(&site, words);
    if (expect_fetch(server, "preflight", ask("OPTIONS", "/fonts/a.woff2", ""), 204, &response)) {
        expect_field("preflight", &response, "Access-Control-Max-Age", "600");
        expect_field("preflight", &response, "Access-Control-Allow-Origin", "https://a.example");
        expect_field("preflight", &response, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
        expect_field("preflight", &response, "Allow", "GET, HEAD, OPTIONS");
        expect_field("preflight", &response, "X-File", "1");
    }
    if (expect_fetch(server, "of no rule", ask("OPTIONS", "/x", ""), 204, &response)) {
        expect_field("of no rule", &response, "Access-Control-Max-Age", "86400");
        expect_field("of no rule", &response, "Access-Control-Allow-Origin", "*");
        expect_field("of no rule", &response, "X-File", NULL);
    }
    if (expect_fetch(server, "removed", ask("OPTIONS", "/bare", ""), 204, &response))
        expect_field("removed", &response, "Access-Control-Allow-Methods", NULL);
    if (expect_fetch(server, "*", ask("OPTIONS", "*", ""), 204, &response))
        expect_field("*", &response, "Access-Control-Max-Age", "86400");
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
                          ask(refusals[i].method, refusals[i].target, refusals[i].fields),
                          refusals[i].status, &response))
            continue;
        expect_field(label, &response, "Access-Control-Allow-Origin", "https://a.example");
        expect_field(label, &response, "X-File", "1");
        expect_field(label, &response, "X-Content-Type-Options", "nosniff");
        expect_field(label, &response, "Cache-Control", NULL);
    }
    site_replace_text(&site, "_headers", "/fonts/*\n X-File: 2\n");
    const struct server *strict = server_start(PIPELINED, &site, "--threads 2 --cache-valid 0");
    if (expect_fetch(strict, "a new server", ask("OPTIONS", "/fonts/", ""), 204, &response))
        expect_field("a new server", &response, "X-File", "2");
    site_replace_text(&site, "_headers", "/fonts/*\n X-File: 3\n");
    if (expect_fetch(strict, "followed", ask("OPTIONS", "/fonts/", ""), 204, &response))
        expect_field("followed", &response, "X-File", "3");
}

E2E_TEST(site_rules, match_the_path_that_was_asked_for)
{
    static const char *const words[] = {"--spa", "/index.html", NULL};
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "index.html", "<title>app</title>");
    site_write_text(&site, "404.html", "<title>lost</title>");
    site_write_text(&site, "_headers",
                    "/index.html\n X-Page: index\n Cache-Control: max-age=7\n"
                    "/404.html\n X-Page: error\n"
                    "/users/*\n X-Page: users\n Cache-Control: max-age=9\n"
                    "/lost/*\n X-Page: lost\n");
    const struct server *server = start(&site, words);
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
            if (!expect_fetch(server, target, ask("GET", target, accept), rows[i].status,
                              &response))
                continue;
            expect_field(target, &response, "X-Page", rows[i].page);
            expect_field(target, &response, "Cache-Control", rows[i].cache);
        }
    }
    if (expect_fetch(server, "200", ask("GET", "/users/7", ""), 200, &response)) {
        const char *fields =
            text_format("If-None-Match: %s\r\n", response_field(&response, "ETag"));
        if (expect_fetch(server, "304", ask("GET", "/users/7", fields), 304, &response))
            expect_field("304", &response, "X-Page", "users");
        fields = text_format("If-Match: \"x\"\r\n");
        if (expect_fetch(server, "412", ask("GET", "/users/7", fields), 412, &response))
            expect_field("412", &response, "X-Page", "users");
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
    const struct server *server = start(&site, NULL);
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
            expect_field(host, &response, "X-All", "1");
            if (value && strstr(value, "has"))
                value = text_format("www has %s", target + 1);
            expect_field(host, &response, "X-Host", value);
        }
    }
}
