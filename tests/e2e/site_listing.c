/* site_listing: directories without an index, as lists for people and for programs. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

E2E_SUITE(site_listing);

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

E2E_TEST(site_listing, directories_are_listed_with_listing)
{
    static const char *const words[] = {"--listing", NULL};
    struct site site;
    struct response response;
    create_directory(&site);
    const struct server *server = server_start_words(&site, words);
    if (expect_fetch(server, "HTML",
                     request_with("GET", "/dir/", "Accept: text/html,*/*;q=0.8\r\n"), 200,
                     &response)) {
        expect_header("HTML", &response, "Content-Type", "text/html; charset=utf-8");
        expect_header("HTML", &response, "Vary", "Accept");
        expect_header("HTML", &response, "Cache-Control", "no-cache");
        expect_header("HTML", &response, "Last-Modified", NULL);
        expect_header("HTML", &response, "X-Rule", "1");
        cr_expect(response_has(&response, "href=\"a%20%26%20%3Cb%3E.txt\""));
        cr_expect(response_has(&response, "a &amp; &lt;b&gt;.txt"));
        cr_expect(response_has(&response, "href=\"sub/\""));
        cr_expect_not(response_has(&response, ".hidden"));
        cr_expect_not(response_has(&response, "href=\"out\""));
        cr_expect_not(response_has(&response, "fifo"));
        const char *fields =
            text_format("If-None-Match: %s\r\n", response_field(&response, "ETag"));
        expect_fetch(server, "304", request_with("GET", "/dir/", fields), 304, NULL);
    }
}

E2E_TEST(site_listing, of_a_huge_directory_the_first_entries_are_listed)
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
    const struct server *server = server_start_words(&site, words);
    if (expect_fetch(server, "HTML", request_with("GET", "/huge/", ""), 200, &response)) {
        cr_expect(response_has(&response, "only the first 20000 are listed"));
        cr_expect(response_has(&response, "href=\"0\"") &&
                  response_has(&response, "href=\"19999\""));
        cr_expect_not(response_has(&response, "href=\"20000\""));
    }
}

E2E_TEST(site_listing, directories_are_listed_as_json_for_programs)
{
    static const char *const words[] = {"--listing", NULL};
    struct site site;
    struct response response;
    create_directory(&site);
    const struct server *server = server_start_words(&site, words);
    if (expect_fetch(server, "JSON", request_with("GET", "/dir/", "Accept: application/json\r\n"),
                     200, &response)) {
        expect_header("JSON", &response, "Content-Type", "application/json");
        const char *nine = memmem(response.body.data, response.body.length, "\"b9.txt\"", 8);
        const char *ten = memmem(response.body.data, response.body.length, "\"b10.txt\"", 9);
        cr_expect(nine && ten && nine < ten, "sorted as people do");
        cr_expect(response_has(&response, "1994-11-06T08:49:37Z"));
    }
    if (expect_fetch(server, "by query", request_with("GET", "/dir/?format=json", ""), 200,
                     &response))
        expect_header("by query", &response, "Content-Type", "application/json");
    expect_fetch(server, "neither", request_with("GET", "/dir/", "Accept: image/png\r\n"), 406,
                 NULL);
}

E2E_TEST(site_listing, only_a_directory_without_a_page_is_listed)
{
    static const char *const words[] = {"--listing", NULL};
    struct site site;
    struct response response;
    create_directory(&site);
    const struct server *server = server_start_words(&site, words);
    if (expect_fetch(server, "an index goes first", request_with("GET", "/with/", ""), 200,
                     &response))
        cr_expect(response_has(&response, "index"));
    if (expect_fetch(server, "the root", request_with("GET", "/", ""), 200, &response)) {
        cr_expect(response_has(&response, "href=\"dir/\""));
        cr_expect_not(response_has(&response, "_headers"));
    }
    expect_fetch(server, "no slash", request_with("GET", "/dir", ""), 301, NULL);
    expect_fetch(server, "no directory", request_with("GET", "/none/", ""), 404, NULL);
    const struct server *silent = server_start_words(&site, NULL);
    expect_fetch(silent, "not told", request_with("GET", "/dir/", ""), 404, NULL);
}
