/* site_features: the features of a site beyond its files: a page for errors, fallbacks for
 * applications, caching, its own header fields, other origins, listings. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

E2E_SUITE(site_features);

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

static bool body_has(const struct response *response, const char *text)
{
    return memmem(response->body.data, response->body.length, text, strlen(text)) != NULL;
}

/* --- The page for errors, and for routes ------------------------------------------------------ */

E2E_TEST(site_features, a_404_is_answered_with_the_sites_page)
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
        if (!expect_fetch(server, targets[i], ask("GET", targets[i], ""), 404, &response))
            continue;
        cr_expect(body_has(&response, "lost"), "%s", targets[i]);
        expect_field(targets[i], &response, "Content-Type", "text/html; charset=utf-8");
        expect_field(targets[i], &response, "ETag", NULL);
        expect_field(targets[i], &response, "Cache-Control", NULL);
    }
    if (expect_fetch(server, "conditions don't matter",
                     ask("GET", "/nothing", "If-None-Match: *\r\nRange: bytes=0-1\r\n"), 404,
                     &response))
        cr_expect(body_has(&response, "lost"));
    if (expect_fetch(server, "the page itself", ask("GET", "/404.html", ""), 200, &response))
        cr_expect(response_field(&response, "ETag") != NULL);
    expect_fetch(server, "another error", ask("PUT", "/", ""), 405, &response);
    cr_expect_not(body_has(&response, "lost"));
    site_replace_text(&site, "404.html", "<title>other</title>");
    if (expect_fetch(server, "replaced", ask("GET", "/nothing", ""), 404, &response))
        cr_expect(body_has(&response, "other"));
}

E2E_TEST(site_features, a_404_has_the_nearest_page_upward)
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
        if (expect_fetch(server, rows[i].target, ask("GET", rows[i].target, ""), 404, &response))
            cr_expect(body_has(&response, rows[i].page), "%s", rows[i].target);
    }
    if (expect_fetch(server, "the path's rules", ask("GET", "/docs/none", ""), 404, &response)) {
        expect_field("the path's rules", &response, "X-Rule", "docs");
        expect_field("the path's rules", &response, "X-Page", NULL);
    }
    unlink(site_path(&site, "docs/404.html"));
    if (expect_fetch(server, "removed", ask("GET", "/docs/none", ""), 404, &response))
        cr_expect(body_has(&response, "ROOT's"));
    unlink(site_path(&site, "404.html"));
    if (expect_fetch(server, "none", ask("GET", "/docs/none", ""), 404, &response))
        cr_expect_not(body_has(&response, "ROOT's"));
}

E2E_TEST(site_features, files_that_configure_a_site_are_neither_served_nor_listed)
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
        if (expect_fetch(server, hidden[i], ask("GET", hidden[i], ""), 404, &response))
            cr_expect_not(body_has(&response, "secret"), "%s", hidden[i]);
    }
    expect_fetch(server, "in a directory", ask("GET", "/dir/_redirects", ""), 200, NULL);
    if (expect_fetch(server, "the list", ask("GET", "/", ""), 200, &response))
        cr_expect(body_has(&response, "dir/") && !body_has(&response, "_redirects") &&
                  !body_has(&response, "_headers"));
    if (expect_fetch(server, "another list", ask("GET", "/dir/", ""), 200, &response))
        cr_expect(body_has(&response, "_redirects"));
}

E2E_TEST(site_features, head_of_a_404_has_its_fields)
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
        expect_field("HEAD", &response, "Content-Length", "19");
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

E2E_TEST(site_features, routes_of_an_application_are_answered_with_its_page)
{
    static const char *const words[] = {"--spa", "/index.html", NULL};
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "index.html", "<title>app</title>");
    site_write_text(&site, "404.html", "<title>lost</title>");
    site_write_text(&site, "file.txt", "file");
    const struct server *server = start(&site, words);
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        const char *accept = text_format("Accept: %s\r\n", routes[i].accept);
        if (!expect_fetch(server, routes[i].label, ask("GET", routes[i].target, accept),
                          routes[i].status, &response))
            continue;
        cr_expect(body_has(&response, routes[i].content), "%s", routes[i].label);
    }
    if (expect_fetch(server, "a route, validated", ask("GET", "/users", ""), 200, &response)) {
        expect_field("a route", &response, "Vary", "Accept, Sec-Fetch-Dest");
        expect_field("a route", &response, "Cache-Control", "no-cache");
        const char *fields =
            text_format("If-None-Match: %s\r\n", response_field(&response, "ETag"));
        expect_fetch(server, "304", ask("GET", "/users", fields), 304, NULL);
    }
}

/* --- Caching ---------------------------------------------------------------------------------- */

static const char year[] = "public, max-age=31536000, immutable";

/* Waits until files that have just been written count as whole. */
static void await_settled(void)
{
    poll(NULL, 0, 3100);
}

/* Writes what a bundler would: a page, a script and a style sheet with a hash in their names. */
static void write_build(const struct site *site)
{
    site_write_text(site, "index.html", "<title>app</title>");
    site_write_text(site, "app.js", "content");
    site_write_text(site, "assets/app.3f2a9c1b.js", "script");
    site_write_text(site, "assets/app.5ef01a7d.css", "style");
}

E2E_TEST(site_features, files_with_a_hash_in_their_name_may_be_cached_for_a_year)
{
    static const char *const fixed[] = {"--cache-control", "public, max-age=60", NULL};
    static const char *const none[] = {"--cache-control", "", NULL};
    static const struct {
        const char *path, *value;
    } rows[] = {{"/index.html", "no-cache"},
                {"/assets/app.3f2a9c1b.js", year},
                {"/assets/app.5ef01a7d.css", year},
                {"/app.js", "no-cache"}};
    struct site site;
    struct response response;
    site_create(&site);
    write_build(&site);
    await_settled();
    const struct server *automatic = start(&site, NULL);
    const struct server *fixed_one = start(&site, fixed);
    const struct server *without = start(&site, none);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *path = rows[i].path;
        if (expect_fetch(automatic, path, ask("GET", path, ""), 200, &response))
            expect_field(path, &response, "Cache-Control", rows[i].value);
        if (expect_fetch(automatic, path, ask("GET", path, "If-None-Match: *\r\n"), 304, &response))
            expect_field(path, &response, "Cache-Control", rows[i].value);
        if (expect_fetch(fixed_one, path, ask("GET", path, ""), 200, &response))
            expect_field(path, &response, "Cache-Control", "public, max-age=60");
        if (expect_fetch(without, path, ask("GET", path, ""), 200, &response))
            expect_field(path, &response, "Cache-Control", NULL);
    }
    expect_fetch(automatic, "404", ask("GET", "/assets/gone.3f2a9c1b.js", ""), 404, &response);
    expect_field("404", &response, "Cache-Control", NULL);
}

E2E_TEST(site_features, files_with_an_identifier_in_their_name_are_revalidated)
{
    static const char *const names[] = {
        "cam-b827eb1a2b3c.jpg", "cam-b827eb77f01d.jpg",
        "user-5f3a9c1b.webp",   "user-0b7de4a2.webp",
        "one/app.3f2a9c1b.js",  "one/app.js",
        "one/logo.svg",         "app.js",
        "site-overview.js",     "5d41402abc4b2a76b9719d911017c592.png",
    };
    struct site site;
    struct response response;
    site_create(&site);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        site_write_text(&site, names[i], "content");
    const struct server *server = start(&site, NULL);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *path = text_format("/%s", names[i]);
        if (expect_fetch(server, path, ask("GET", path, ""), 200, &response))
            expect_field(path, &response, "Cache-Control", "no-cache");
    }
}

E2E_TEST(site_features, patterns_say_which_files_never_change)
{
    static const char *const words[] = {
        "--immutable", "/docs/*",    "--immutable", "none",
        "--spa",       "index.html", "--header",    "/docs/c.txt: Cache-Control: no-store",
        NULL};
    static const struct {
        const char *path, *value;
    } rows[] = {{"/docs/a.txt", year},
                {"/docs/c.txt", "no-store"},
                {"/docs/gone", "no-cache"},
                {"/a.txt", "no-cache"},
                {"/assets/app.3f2a9c1b.js", "no-cache"}};
    struct site site;
    struct response response;
    site_create(&site);
    write_build(&site);
    site_write_text(&site, "docs/a.txt", "a");
    site_write_text(&site, "docs/c.txt", "c");
    site_write_text(&site, "a.txt", "a");
    const struct server *server = start(&site, words);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *path = rows[i].path;
        if (expect_fetch(server, path, ask("GET", path, "Accept: text/html\r\n"), 200, &response))
            expect_field(path, &response, "Cache-Control", rows[i].value);
    }
    expect_fetch(server, "404", ask("GET", "/docs/gone.js", "Accept: */*\r\n"), 404, &response);
    expect_field("404", &response, "Cache-Control", NULL);
}

E2E_TEST(site_features, a_file_that_has_changed_is_revalidated_whatever_its_name)
{
    static const char path[] = "/assets/app.3f2a9c1b.js";
    static const char *const contents[] = {"changed", "script"};
    struct site site;
    struct response response;
    site_create(&site);
    write_build(&site);
    const struct server *server = server_start(PIPELINED, &site, "--threads 2 --cache-valid 0");
    if (expect_fetch(server, "half of it", ask("GET", path, ""), 200, &response))
        expect_field("it may still be written", &response, "Cache-Control", "no-cache");
    await_settled();
    if (expect_fetch(server, "at first", ask("GET", path, ""), 200, &response))
        expect_field("at first", &response, "Cache-Control", year);
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        site_write_text(&site, path + 1, contents[i]);
        await_settled();
        if (expect_fetch(server, contents[i], ask("GET", path, ""), 200, &response)) {
            cr_expect(body_has(&response, contents[i]));
            expect_field(contents[i], &response, "Cache-Control", "no-cache");
        }
    }
    if (expect_fetch(server, "another", ask("GET", "/assets/app.5ef01a7d.css", ""), 200, &response))
        expect_field("another", &response, "Cache-Control", year);
}

/* --- Header fields ---------------------------------------------------------------------------- */

E2E_TEST(site_features, rules_add_header_fields)
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
    const struct server *server = start(&site, words);
    static const char policy[] = "default-src 'self'";
    if (expect_fetch(server, "a page", ask("GET", "/", ""), 200, &response)) {
        expect_field("a page", &response, "X-Site", "one");
        expect_field("a page", &response, "X-File", "1");
        expect_field("a page", &response, "Content-Security-Policy", policy);
        expect_field("a page", &response, "Cache-Control", "no-cache");
        expect_field("a page", &response, "X-Content-Type-Options", "nosniff");
    }
    if (expect_fetch(server, "a type", ask("GET", "/x.css", ""), 200, &response)) {
        expect_field("a type", &response, "Content-Type", "text/x-special");
        expect_field("the last word", &response, "X-File", NULL);
    }
    if (expect_fetch(server, "an asset", ask("GET", "/assets/a.txt", ""), 200, &response)) {
        expect_field("an asset", &response, "X-Site", "one");
        expect_field("an asset", &response, "X-File", NULL);
        expect_field("an asset", &response, "Cache-Control", "max-age=60");
        expect_field("an asset", &response, "X-Content-Type-Options", NULL);
    }
    if (expect_fetch(server, "a redirect", ask("GET", "/assets", ""), 301, &response))
        expect_field("a redirect", &response, "Content-Security-Policy", policy);
    if (expect_fetch(server, "an error", ask("GET", "/assets/none", ""), 404, &response)) {
        expect_field("an error", &response, "Content-Security-Policy", policy);
        expect_field("an error", &response, "Cache-Control", NULL);
        expect_field("an error", &response, "Content-Type", "text/html; charset=utf-8");
        expect_field("an error", &response, "X-Content-Type-Options", NULL);
    }
    if (expect_fetch(server, "once", ask("GET", "/none", ""), 404, &response))
        expect_field("once", &response, "X-Content-Type-Options", "nosniff");
    static const char *const closed[] = {"/_headers", "/.git/config", "/a%2Fb"};
    for (size_t i = 0; i < COUNT_OF(closed); i++) {
        if (!expect_fetch(server, closed[i], ask("GET", closed[i], ""), 404, &response))
            continue;
        expect_field(closed[i], &response, "Content-Security-Policy", policy);
        expect_field(closed[i], &response, "X-Hidden", closed[i][1] == '.' ? "1" : NULL);
    }
    expect_fetch(server, "the rules", ask("GET", "/_headers", ""), 404, NULL);
    expect_fetch(server, "the rules in capitals", ask("GET", "/_HEADERS", ""), 404, NULL);
    expect_fetch(server, "the rules, encoded", ask("GET", "/%5fheaders", ""), 404, NULL);
}

E2E_TEST(site_features, rules_are_followed_as_they_change)
{
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "a.txt", "a");
    const struct server *server = server_start(PIPELINED, &site, "--threads 2 --cache-valid 0");
    expect_fetch(server, "without", ask("GET", "/a.txt", ""), 200, &response);
    expect_field("without", &response, "X-Rule", NULL);
    site_replace_text(&site, "_headers", "/a.txt\n X-Rule: one\n");
    expect_fetch(server, "with", ask("GET", "/a.txt", ""), 200, &response);
    expect_field("with", &response, "X-Rule", "one");
    site_replace_text(&site, "_headers", "/a.txt\n X-Rule: two\nnonsense\n X-Other: x\n");
    expect_fetch(server, "changed", ask("GET", "/a.txt", ""), 200, &response);
    expect_field("changed", &response, "X-Rule", "two");
    cr_expect(unlink(site_path(&site, "_headers")) == 0);
    expect_fetch(server, "gone", ask("GET", "/a.txt", ""), 200, &response);
    expect_field("gone", &response, "X-Rule", NULL);
}

E2E_TEST(site_features, an_invalid_rule_is_reported)
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

E2E_TEST(site_features, scripts_of_other_origins_may_read_with_cors)
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
    const struct server *server = start(&site, words);
    static const struct {
        const char *target;
        int status;
    } rows[] = {{"/a.txt", 200}, {"/none", 404}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (expect_fetch(server, rows[i].target, ask("GET", rows[i].target, origin), rows[i].status,
                         &response))
            expect_field(rows[i].target, &response, "Access-Control-Allow-Origin", "*");
    }
    const char *beyond = text_format("%sRange: bytes=7-\r\n", origin);
    if (expect_fetch(server, "a range", ask("GET", "/a.txt", beyond), 416, &response))
        expect_field("a range", &response, "Access-Control-Allow-Origin", "*");
    if (expect_fetch(server, "preflight", ask("OPTIONS", "/a.txt", question), 204, &response)) {
        expect_field("preflight", &response, "Access-Control-Allow-Origin", "*");
        expect_field("preflight", &response, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
        expect_field("preflight", &response, "Access-Control-Allow-Headers", "*");
    }
    const struct server *closed = start(&site, NULL);
    expect_fetch(closed, "not told", ask("GET", "/a.txt", origin), 200, &response);
    expect_field("not told", &response, "Access-Control-Allow-Origin", NULL);
    expect_fetch(closed, "not told, preflight", ask("OPTIONS", "/a.txt", question), 204, &response);
    expect_field("not told, preflight", &response, "Access-Control-Allow-Origin", NULL);
}

/* --- Directories ------------------------------------------------------------------------------ */

static void create_directory(struct site *site)
{
    site_create(site);
    site_write_text(site, "dir/b10.txt", "ten");
    site_write_text(site, "dir/b9.txt", "nine");
    site_write_text(site, "dir/a & <b>.txt", "odd");
    site_write_text(site, "dir/sub/inner.txt", "inner");
    site_write_text(site, "dir/.hidden", "hidden");
    site_link(site, "dir/out", "../../../../etc/passwd");
    site_fifo(site, "dir/fifo");
    site_write_text(site, "with/index.html", "<title>index</title>");
    site_write_text(site, "_headers", "/*\n  X-Rule: 1\n");
}

E2E_TEST(site_features, directories_are_listed_with_listing)
{
    static const char *const words[] = {"--listing", NULL};
    struct site site;
    struct response response;
    create_directory(&site);
    const struct server *server = start(&site, words);
    if (expect_fetch(server, "HTML", ask("GET", "/dir/", "Accept: text/html,*/*;q=0.8\r\n"), 200,
                     &response)) {
        expect_field("HTML", &response, "Content-Type", "text/html; charset=utf-8");
        expect_field("HTML", &response, "Vary", "Accept");
        expect_field("HTML", &response, "Cache-Control", "no-cache");
        expect_field("HTML", &response, "Last-Modified", NULL);
        expect_field("HTML", &response, "X-Rule", "1");
        cr_expect(body_has(&response, "href=\"a%20%26%20%3Cb%3E.txt\""));
        cr_expect(body_has(&response, "a &amp; &lt;b&gt;.txt"));
        cr_expect(body_has(&response, "href=\"sub/\""));
        cr_expect_not(body_has(&response, ".hidden"));
        cr_expect_not(body_has(&response, "href=\"out\""));
        cr_expect_not(body_has(&response, "fifo"));
        const char *fields =
            text_format("If-None-Match: %s\r\n", response_field(&response, "ETag"));
        expect_fetch(server, "304", ask("GET", "/dir/", fields), 304, NULL);
    }
}

E2E_TEST(site_features, of_a_huge_directory_the_first_entries_are_listed)
{
    enum { FILES = 20010 };
    static const char *const words[] = {"--listing", NULL};
    struct site site;
    struct response response;
    char name[128];
    site_create(&site);
    site_write_text(&site, "huge/0", "x");
    const char *first = site_path(&site, "huge/0");
    for (int i = FILES - 1; i > 0; i--) {
        snprintf(name, sizeof name, "%s/huge/%d", site.path, i);
        if (link(first, name) < 0)
            e2e_skip("the file system has too few links");
    }
    const struct server *server = start(&site, words);
    if (expect_fetch(server, "HTML", ask("GET", "/huge/", ""), 200, &response)) {
        cr_expect(body_has(&response, "only the first 20000 are listed"));
        cr_expect(body_has(&response, "href=\"0\"") && body_has(&response, "href=\"19999\""));
        cr_expect_not(body_has(&response, "href=\"20000\""));
    }
}

E2E_TEST(site_features, directories_are_listed_as_json_for_programs)
{
    static const char *const words[] = {"--listing", NULL};
    struct site site;
    struct response response;
    create_directory(&site);
    const struct server *server = start(&site, words);
    if (expect_fetch(server, "JSON", ask("GET", "/dir/", "Accept: application/json\r\n"), 200,
                     &response)) {
        expect_field("JSON", &response, "Content-Type", "application/json");
        const char *nine = memmem(response.body.data, response.body.length, "\"b9.txt\"", 8);
        const char *ten = memmem(response.body.data, response.body.length, "\"b10.txt\"", 9);
        cr_expect(nine && ten && nine < ten, "sorted as people do");
        cr_expect(body_has(&response, "1994-11-06T08:49:37Z"));
    }
    if (expect_fetch(server, "by query", ask("GET", "/dir/?format=json", ""), 200, &response))
        expect_field("by query", &response, "Content-Type", "application/json");
    expect_fetch(server, "neither", ask("GET", "/dir/", "Accept: image/png\r\n"), 406, NULL);
}

E2E_TEST(site_features, only_a_directory_without_a_page_is_listed)
{
    static const char *const words[] = {"--listing", NULL};
    struct site site;
    struct response response;
    create_directory(&site);
    const struct server *server = start(&site, words);
    if (expect_fetch(server, "an index goes first", ask("GET", "/with/", ""), 200, &response))
        cr_expect(body_has(&response, "index"));
    if (expect_fetch(server, "the root", ask("GET", "/", ""), 200, &response)) {
        cr_expect(body_has(&response, "href=\"dir/\""));
        cr_expect_not(body_has(&response, "_headers"));
    }
    expect_fetch(server, "no slash", ask("GET", "/dir", ""), 301, NULL);
    expect_fetch(server, "no directory", ask("GET", "/none/", ""), 404, NULL);
    const struct server *silent = start(&site, NULL);
    expect_fetch(silent, "not told", ask("GET", "/dir/", ""), 404, NULL);
}

E2E_TEST(site_features, the_index_is_the_first_name_that_exists)
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
    const struct server *server = start(&site, words);
    if (expect_fetch(server, "both", ask("GET", "/a/", ""), 200, &response)) {
        cr_expect(body_has(&response, "<p>home"));
        expect_field("both", &response, "Content-Type", "text/html; charset=utf-8");
    }
    if (expect_fetch(server, "the second", ask("GET", "/b/", ""), 200, &response)) {
        cr_expect(body_has(&response, "text"));
        expect_field("the second", &response, "Content-Type", "text/plain; charset=utf-8");
    }
    if (expect_fetch(server, "neither", ask("GET", "/", ""), 200, &response))
        cr_expect(body_has(&response, "href=\"index.html\""), "the default has been replaced");
    site_write_text(&site, "b/home.htm", "<p>new");
    if (expect_fetch(server, "a better one", ask("GET", "/b/", ""), 200, &response))
        cr_expect(body_has(&response, "<p>new"));
}

E2E_TEST(site_features, the_index_may_have_another_name)
{
    static const char *const words[] = {"--index", "home.htm", NULL};
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "home.htm", "<title>home</title>");
    site_write_text(&site, "index.html", "<title>index</title>");
    const struct server *server = start(&site, words);
    if (expect_fetch(server, "the root", ask("GET", "/", ""), 200, &response)) {
        cr_expect(body_has(&response, "home"));
        expect_field("the root", &response, "Content-Type", "text/html; charset=utf-8");
    }
}
