/* site_pages: which page answers where no file does: the site's page for errors, that of an
 * application for its routes, and the index of a directory. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <unistd.h>
E2E_SUITE(site_pages);

/* --- For errors and for routes ---------------------------------------------------------------- */

E2E_TEST(site_pages, a_404_is_answered_with_the_sites_page)
{
    static const char *const targets[] = {"/nothing", "/no/dir/", "/.git/config", "/a%2fb",
                                          "/nothing?q=1"};
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "404.html", "<title>lost</title>");
    site_mkdir(&site, "dir");
    const struct server *server = server_start(PIPELINED, &site, "--threads 1 --cache-valid 0");
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        if (!expect_fetch(server, targets[i], request_with("GET", targets[i], ""), 404, &response))
            continue;
        cr_expect(response_has(&response, "lost"), "%s", targets[i]);
        expect_header(targets[i], &response, "Content-Type", "text/html; charset=utf-8");
        expect_header(targets[i], &response, "ETag", NULL);
        expect_header(targets[i], &response, "Cache-Control", NULL);
    }
    if (expect_fetch(server, "conditions don't matter",
                     request_with("GET", "/nothing", "If-None-Match: *\r\nRange: bytes=0-1\r\n"),
                     404, &response))
        cr_expect(response_has(&response, "lost"));
    if (expect_fetch(server, "the page itself", request_with("GET", "/404.html", ""), 200,
                     &response))
        cr_expect(response_field(&response, "ETag") != NULL);
    expect_fetch(server, "another error", request_with("PUT", "/", ""), 405, &response);
    cr_expect_not(response_has(&response, "lost"));
    site_replace_text(&site, "404.html", "<title>other</title>");
    if (expect_fetch(server, "replaced", request_with("GET", "/nothing", ""), 404, &response))
        cr_expect(response_has(&response, "other"));
}

E2E_TEST(site_pages, a_404_has_the_nearest_page_upward)
{
    static const struct {
        const char *target, *page; /* NULL: Sluice's own */
    } rows[] = {
        {"/none", "ROOT's"},          {"/docs/none", "the manual's"},
        {"/docs/", "the manual's"},   {"/docs/a/b/c/none.png?q", "the manual's"},
        {"/docs.html", "ROOT's"},     {"/docsx/none", "ROOT's"},
        {"/docs/%2e%2e/n", "ROOT's"}, {"/docs/empty/none", "the manual's"},
    };
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "_headers", "/docs/*\n  X-Rule: docs\n/docs/404.html\n  X-Page: 1\n");
    site_write_text(&site, "404.html", "<title>ROOT's</title>");
    site_write_text(&site, "docs/404.html", "<title>the manual's</title>");
    site_mkdir(&site, "docs/empty");
    const struct server *server = server_start(PIPELINED, &site, "--threads 1 --cache-valid 0");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (expect_fetch(server, rows[i].target, request_with("GET", rows[i].target, ""), 404,
                         &response))
            cr_expect(response_has(&response, rows[i].page), "%s", rows[i].target);
    }
    if (expect_fetch(server, "the path's rules", request_with("GET", "/docs/none", ""), 404,
                     &response)) {
        expect_header("the path's rules", &response, "X-Rule", "docs");
        expect_header("the path's rules", &response, "X-Page", NULL);
    }
    unlink(site_path(&site, "docs/404.html"));
    if (expect_fetch(server, "removed", request_with("GET", "/docs/none", ""), 404, &response))
        cr_expect(response_has(&response, "ROOT's"));
    unlink(site_path(&site, "404.html"));
    if (expect_fetch(server, "none", request_with("GET", "/docs/none", ""), 404, &response))
        cr_expect_not(response_has(&response, "ROOT's"));
}

E2E_TEST(site_pages, files_that_configure_a_site_are_neither_served_nor_listed)
{
    static const char *const hidden[] = {"/_redirects", "/_Redirects", "/%5fredirects",
                                         "/_redirects/", "/_headers"};
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "_redirects", "/secret /other 301");
    site_write_text(&site, "_headers", "/*\n  X-Rule: 1\n");
    site_write_text(&site, "dir/_redirects", "an ordinary file");
    const struct server *server = server_start(PIPELINED, &site, "--threads 1 --listing");
    for (size_t i = 0; i < COUNT_OF(hidden); i++) {
        if (expect_fetch(server, hidden[i], request_with("GET", hidden[i], ""), 404, &response))
            cr_expect_not(response_has(&response, "secret"), "%s", hidden[i]);
    }
    expect_fetch(server, "in a directory", request_with("GET", "/dir/_redirects", ""), 200, NULL);
    if (expect_fetch(server, "the list", request_with("GET", "/", ""), 200, &response))
        cr_expect(response_has(&response, "dir/") && !response_has(&response, "_redirects") &&
                  !response_has(&response, "_headers"));
    if (expect_fetch(server, "another list", request_with("GET", "/dir/", ""), 200, &response))
        cr_expect(response_has(&response, "_redirects"));
}

E2E_TEST(site_pages, head_of_a_404_has_its_fields)
{
    struct site site;
    struct client client;
    struct response response;
    site_create(&site);
    site_write_text(&site, "404.html", "<title>lost</title>");
    const struct server *server = server_start(PIPELINED, &site, "--threads 1");
    client_connect(&client, server);
    client_queue_text(&client, "HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
    if (expect_status(&client, "HEAD", true, 404, &response))
        expect_header("HEAD", &response, "Content-Length", "19");
    client_queue_text(&client, "GET /404.html HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_status(&client, "and on", false, 200, NULL);
    client_close(&client);
}

static const struct {
    const char *label, *target, *accept; /* may hold further fields */
    int status;
    const char *content;
} routes[] = {
    {"a route", "/users/7", "text/html,*/*;q=0.8", 200, "app"},
    {"a route with a slash", "/users/", "text/html", 200, "app"},
    {"a route as of old", "/page.html", "text/html", 200, "app"},
    {"curl", "/users/7", "*/*", 200, "app"},
    {"an asset", "/app.3f2a9c1b.js", "*/*", 404, "lost"},
    {"a picture", "/x/y.png", "image/avif,image/webp,*/*;q=0.8", 404, "lost"},
    {"a script's question", "/api/users", "application/json", 404, "lost"},
    {"HTML refused", "/users", "text/html;q=0, */*", 404, "lost"},
    {"a route with a slash in a name", "/files/a%2Fb", "text/html", 200, "app"},
    {"an asset with a slash in its name", "/files/a%2Fb.js", "*/*", 404, "lost"},
    {"hidden", "/.git/config", "text/html", 404, "lost"},
    {"a navigation", "/users/jane.doe", "text/html\r\nSec-Fetch-Dest: document", 200, "app"},
    {"a script", "/jane.doe.js", "*/*\r\nSec-Fetch-Dest: script", 404, "lost"},
    {"hidden, all the same", "/.env", "text/html\r\nSec-Fetch-Dest: document", 404, "lost"},
    {"what is there", "/file.txt", "text/html\r\nSec-Fetch-Dest: document", 200, "file"},
    {"the root", "/", "text/html", 200, "app"},
};

E2E_TEST(site_pages, routes_of_an_application_are_answered_with_its_page)
{
    static const char *const words[] = {"--spa", "/index.html", NULL};
    struct site site;
    struct response response;
    site_create_application(&site);
    site_write_text(&site, "file.txt", "file");
    const struct server *server = server_start_words(&site, words);
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        const char *accept = text_format("Accept: %s\r\n", routes[i].accept);
        if (!expect_fetch(server, routes[i].label, request_with("GET", routes[i].target, accept),
                          routes[i].status, &response))
            continue;
        cr_expect(response_has(&response, routes[i].content), "%s", routes[i].label);
    }
    if (expect_fetch(server, "a route, validated", request_with("GET", "/users", ""), 200,
                     &response)) {
        expect_header("a route", &response, "Vary", "Accept, Sec-Fetch-Dest");
        expect_header("a route", &response, "Cache-Control", "no-cache");
        const char *fields =
            text_format("If-None-Match: %s\r\n", response_field(&response, "ETag"));
        expect_fetch(server, "304", request_with("GET", "/users", fields), 304, NULL);
    }
}

/* --- For directories -------------------------------------------------------------------------- */

E2E_TEST(site_pages, the_index_is_the_first_name_that_exists)
{
    static const char *const words[] = {
        "--index", "home.htm", "--index=index.txt", "--listing", "--cache-valid", "0", NULL};
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "index.html", "not an index here");
    site_write_text(&site, "a/home.htm", "<p>home");
    site_write_text(&site, "a/index.txt", "text");
    site_write_text(&site, "b/index.txt", "text");
    const struct server *server = server_start_words(&site, words);
    if (expect_fetch(server, "both", request_with("GET", "/a/", ""), 200, &response)) {
        cr_expect(response_has(&response, "<p>home"));
        expect_header("both", &response, "Content-Type", "text/html; charset=utf-8");
    }
    if (expect_fetch(server, "the second", request_with("GET", "/b/", ""), 200, &response)) {
        cr_expect(response_has(&response, "text"));
        expect_header("the second", &response, "Content-Type", "text/plain; charset=utf-8");
    }
    if (expect_fetch(server, "neither", request_with("GET", "/", ""), 200, &response))
        cr_expect(response_has(&response, "href=\"index.html\""), "the default has been replaced");
    site_write_text(&site, "b/home.htm", "<p>new");
    if (expect_fetch(server, "a better one", request_with("GET", "/b/", ""), 200, &response))
        cr_expect(response_has(&response, "<p>new"));
}

E2E_TEST(site_pages, the_index_may_have_another_name)
{
    static const char *const words[] = {"--index", "home.htm", NULL};
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "home.htm", "<title>home</title>");
    site_write_text(&site, "index.html", "<title>index</title>");
    const struct server *server = server_start_words(&site, words);
    if (expect_fetch(server, "the root", request_with("GET", "/", ""), 200, &response)) {
        cr_expect(response_has(&response, "home"));
        expect_header("the root", &response, "Content-Type", "text/html; charset=utf-8");
    }
}
