/* site_caching: what browsers may keep without asking again: files with a hash of their content in
 * their name, and those that patterns name. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <poll.h>

E2E_SUITE(site_caching);

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

E2E_TEST(site_caching, files_with_a_hash_in_their_name_may_be_cached_for_a_year)
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
    const struct server *automatic = server_start_words(&site, NULL);
    const struct server *fixed_one = server_start_words(&site, fixed);
    const struct server *without = server_start_words(&site, none);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *path = rows[i].path;
        if (expect_fetch(automatic, path, request_with("GET", path, ""), 200, &response))
            expect_header(path, &response, "Cache-Control", rows[i].value);
        if (expect_fetch(automatic, path, request_with("GET", path, "If-None-Match: *\r\n"), 304,
                         &response))
            expect_header(path, &response, "Cache-Control", rows[i].value);
        if (expect_fetch(fixed_one, path, request_with("GET", path, ""), 200, &response))
            expect_header(path, &response, "Cache-Control", "public, max-age=60");
        if (expect_fetch(without, path, request_with("GET", path, ""), 200, &response))
            expect_header(path, &response, "Cache-Control", NULL);
    }
    expect_fetch(automatic, "404", request_with("GET", "/assets/gone.3f2a9c1b.js", ""), 404,
                 &response);
    expect_header("404", &response, "Cache-Control", NULL);
}

E2E_TEST(site_caching, files_with_an_identifier_in_their_name_are_revalidated)
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
    const struct server *server = server_start_words(&site, NULL);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *path = text_format("/%s", names[i]);
        if (expect_fetch(server, path, request_with("GET", path, ""), 200, &response))
            expect_header(path, &response, "Cache-Control", "no-cache");
    }
}

E2E_TEST(site_caching, patterns_say_which_files_never_change)
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
    const struct server *server = server_start_words(&site, words);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *path = rows[i].path;
        if (expect_fetch(server, path, request_with("GET", path, "Accept: text/html\r\n"), 200,
                         &response))
            expect_header(path, &response, "Cache-Control", rows[i].value);
    }
    expect_fetch(server, "404", request_with("GET", "/docs/gone.js", "Accept: */*\r\n"), 404,
                 &response);
    expect_header("404", &response, "Cache-Control", NULL);
}

E2E_TEST(site_caching, a_file_that_has_changed_is_revalidated_whatever_its_name)
{
    static const char path[] = "/assets/app.3f2a9c1b.js";
    static const char *const contents[] = {"changed", "script"};
    struct site site;
    struct response response;
    site_create(&site);
    write_build(&site);
    const struct server *server = server_start(PIPELINED, &site, "--threads 2 --cache-valid 0");
    if (expect_fetch(server, "half of it", request_with("GET", path, ""), 200, &response))
        expect_header("it may still be written", &response, "Cache-Control", "no-cache");
    await_settled();
    if (expect_fetch(server, "at first", request_with("GET", path, ""), 200, &response))
        expect_header("at first", &response, "Cache-Control", year);
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        site_write_text(&site, path + 1, contents[i]);
        await_settled();
        if (expect_fetch(server, contents[i], request_with("GET", path, ""), 200, &response)) {
            cr_expect(response_has(&response, contents[i]));
            expect_header(contents[i], &response, "Cache-Control", "no-cache");
        }
    }
    if (expect_fetch(server, "another", request_with("GET", "/assets/app.5ef01a7d.css", ""), 200,
                     &response))
        expect_header("another", &response, "Cache-Control", year);
}
