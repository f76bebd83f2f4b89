/* negotiation: precompressed siblings by Accept-Encoding, with their validators, ranges and Vary
 * (RFC 9110 sections 8.4, 12.5.3, 12.5.5, 14.2): each form is a representation of its own. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <string.h>

E2E_SUITE(negotiation);

/* The site's /page.css in its forms. The content just names the form. */
static void create_forms(struct site *site, size_t scale)
{
    site_create(site);
    site_fill(site, "page.css", 1000 * scale, 1);
    site_fill(site, "page.css.br", 200 * scale, 2);
    site_fill(site, "page.css.zst", 300 * scale, 3);
    site_fill(site, "page.css.gz", 400 * scale, 4);
    site_fill(site, "alone.css", 1000, 5);
}

enum form { PLAIN, BR, ZSTD, GZIP, FORMS };

static const char *const coding_names[] = {NULL, "br", "zstd", "gzip"};

static struct view content_of(enum form form, size_t scale)
{
    static const size_t lengths[] = {1000, 200, 300, 400};
    return content_make(lengths[form] * scale, (uint64_t)form + 1);
}

static void expect_content(const char *what, struct view body, struct view content)
{
    cr_expect(body.length == content.length && memcmp(body.data, content.data, body.length) == 0,
              "%s: other content, of %zu bytes", what, body.length);
}

static const struct {
    const char *label, *fields;
    int status;
    enum form form;
} choices[] = {
    {"12.5.3: no field", "", 200, PLAIN},
    {"12.5.3: empty", "Accept-Encoding:\r\n", 200, PLAIN},
    {"a browser's", "Accept-Encoding: gzip, deflate, br, zstd\r\n", 200, BR},
    {"curl's", "Accept-Encoding: deflate, gzip\r\n", 200, GZIP},
    {"zstd alone", "Accept-Encoding: zstd\r\n", 200, ZSTD},
    {"8.4.1.3: x-gzip", "Accept-Encoding: x-gzip\r\n", 200, GZIP},
    {"any case", "Accept-Encoding: BR\r\n", 200, BR},
    {"unknown only", "Accept-Encoding: compress\r\n", 200, PLAIN},
    {"weights", "Accept-Encoding: br;q=0.5, gzip;q=0.8\r\n", 200, GZIP},
    {"refused", "Accept-Encoding: br;q=0, gzip\r\n", 200, GZIP},
    {"anything", "Accept-Encoding: *\r\n", 200, BR},
    {"anything but", "Accept-Encoding: *, br;q=0, zstd;q=0\r\n", 200, GZIP},
    {"identity preferred", "Accept-Encoding: identity, br;q=0.9\r\n", 200, PLAIN},
    {"identity refused, another at hand", "Accept-Encoding: gzip, identity;q=0\r\n", 200, GZIP},
    {"nothing acceptable", "Accept-Encoding: identity;q=0\r\n", 406, PLAIN},
    {"nothing at all", "Accept-Encoding: *;q=0\r\n", 406, PLAIN},
    {"5.3: two fields are one list", "Accept-Encoding: gzip;q=0.1\r\nAccept-Encoding: zstd\r\n",
     200, ZSTD},
};

static void expect_form(const char *what, const struct response *response, enum form form,
                        size_t scale)
{
    expect_header(what, response, "Content-Encoding", coding_names[form]);
    expect_header(what, response, "Content-Type", "text/css; charset=utf-8");
    expect_header(what, response, "Vary", "Accept-Encoding");
    expect_content(what, response->body, content_of(form, scale));
}

/* Small forms are in memory, large ones are sent from descriptors. */
E2E_TEST(negotiation, the_best_form_is_sent)
{
    static const size_t scales[] = {1, 400};
    for (size_t s = 0; s < COUNT_OF(scales); s++) {
        struct site site;
        create_forms(&site, scales[s]);
        for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
            const struct server *server = server_start(kind, &site, "--threads 1");
            for (size_t i = 0; i < COUNT_OF(choices); i++) {
                struct response response;
                const char *what = choices[i].label;
                if (!expect_fetch(server, what, request_with("GET", "/page.css", choices[i].fields),
                                  choices[i].status, &response))
                    continue;
                if (choices[i].status == 200)
                    expect_form(what, &response, choices[i].form, scales[s]);
                else
                    expect_header(what, &response, "Vary", "Accept-Encoding");
            }
        }
    }
}

/* Section 15.4.5: a 304 has the fields that the 200 would have had. */
static void expect_not_modified(const struct server *server, const char *accept, const char *tag)
{
    struct response response;
    const char *fields = text_format("%sIf-None-Match: %s\r\n", accept, tag);
    if (!expect_fetch(server, fields, request_with("GET", "/page.css", fields), 304, &response))
        return;
    expect_header(fields, &response, "Vary", "Accept-Encoding");
    expect_header(fields, &response, "ETag", tag);
    expect_header(fields, &response, "Cache-Control", "no-cache");
    expect_header(fields, &response, "Content-Encoding", NULL);
}

E2E_TEST(negotiation, each_form_has_validators_of_its_own)
{
    struct site site;
    struct response response;
    const char *tags[FORMS];
    create_forms(&site, 1);
    site_fill(&site, "page.css.zst", 200, 3); /* of the same size as another */
    const struct server *server = server_start(PIPELINED, &site, "--threads 1");
    for (enum form form = 0; form < FORMS; form++) {
        const char *accept =
            form == PLAIN ? "" : text_format("Accept-Encoding: %s\r\n", coding_names[form]);
        cr_assert(
            expect_fetch(server, accept, request_with("GET", "/page.css", accept), 200, &response));
        tags[form] = response_field(&response, "ETag");
        cr_assert_not_null(tags[form]);
        for (enum form other = 0; other < form; other++)
            cr_expect(strcmp(tags[form], tags[other]) != 0, "%s: %s", accept, tags[form]);
        expect_not_modified(server, accept, tags[form]);
    }
    const char *other = text_format("Accept-Encoding: br\r\nIf-None-Match: %s\r\n", tags[GZIP]);
    expect_fetch(server, "another form's tag", request_with("GET", "/page.css", other), 200,
                 &response);
}

/* Section 14.2: a range applies to the selected representation. */
E2E_TEST(negotiation, ranges_are_of_the_form)
{
    struct site site;
    struct response response;
    create_forms(&site, 1);
    const struct server *server = server_start(PIPELINED, &site, "--threads 1");
    const char *fields = "Accept-Encoding: br\r\nRange: bytes=150-\r\n";
    if (expect_fetch(server, "one range", request_with("GET", "/page.css", fields), 206,
                     &response)) {
        struct view content = content_of(BR, 1);
        expect_header("it", &response, "Content-Range", "bytes 150-199/200");
        expect_header("it", &response, "Content-Encoding", "br");
        expect_header("it", &response, "Vary", "Accept-Encoding");
        expect_content("it", response.body, (struct view){content.data + 150, 50});
    }
    fields = "Accept-Encoding: br\r\nRange: bytes=200-\r\n";
    if (expect_fetch(server, "after the end", request_with("GET", "/page.css", fields), 416,
                     &response))
        expect_header("it", &response, "Content-Range", "bytes */200");
    fields = "Accept-Encoding: br\r\nRange: bytes=0-1,9-10\r\n";
    if (expect_fetch(server, "two ranges", request_with("GET", "/page.css", fields), 206,
                     &response)) {
        static const char coded[] = "\r\nContent-Encoding: br\r\n";
        expect_header("the parts are coded, not all", &response, "Content-Encoding", NULL);
        cr_expect(memmem(response.body.data, response.body.length, coded, strlen(coded)) != NULL);
    }
}

/* An older sibling was made from another file; a sibling must be a regular file. */
E2E_TEST(negotiation, stale_and_special_siblings_are_ignored)
{
    static const char browser[] = "Accept-Encoding: gzip, br, zstd\r\n";
    struct site site;
    struct response response;
    create_forms(&site, 1);
    site_set_time(&site, "page.css.br", SITE_TIME - 1);
    site_mkdir(&site, "alone.css.br");
    site_write_text(&site, "alone.css.gz", "");
    site_fifo(&site, "alone.css.zst");
    site_fill(&site, "only.css.gz", 100, 1);
    site_fill(&site, "picture.png", 100, 6);
    site_fill(&site, "picture.png.gz", 50, 7);
    const struct server *server = server_start(PIPELINED, &site, "--threads 1 --cache-valid 0");
    if (expect_fetch(server, "an older one", request_with("GET", "/page.css", browser), 200,
                     &response))
        expect_form("the next best", &response, ZSTD, 1);
    if (expect_fetch(server, "none", request_with("GET", "/alone.css", browser), 200, &response)) {
        expect_header("nothing to choose from", &response, "Vary", NULL);
        expect_header("it", &response, "Content-Encoding", NULL);
    }
    expect_fetch(server, "no plain file", request_with("GET", "/only.css", browser), 404, NULL);
    if (expect_fetch(server, "compressed already", request_with("GET", "/picture.png", browser),
                     200, &response))
        cr_expect(response.body.length == 100);
    /* The server follows changes. */
    site_set_time(&site, "page.css.br", SITE_TIME + 1);
    if (expect_fetch(server, "renewed", request_with("GET", "/page.css", browser), 200, &response))
        expect_form("renewed", &response, BR, 1);
    site_set_time(&site, "page.css", SITE_TIME + 2);
    if (expect_fetch(server, "all outdated", request_with("GET", "/page.css", browser), 200,
                     &response))
        expect_content("it", response.body, content_of(PLAIN, 1));
}

E2E_TEST(negotiation, the_index_and_the_page_for_errors_have_forms_too)
{
    static const char gzip[] = "Accept-Encoding: gzip\r\n";
    struct site site;
    struct response response;
    site_create(&site);
    site_write_text(&site, "index.html", "<title>home</title>");
    site_write_text(&site, "index.html.gz", "home, smaller");
    site_write_text(&site, "404.html", "<title>lost</title>");
    site_write_text(&site, "404.html.gz", "lost, smaller");
    const struct server *server = server_start(PIPELINED, &site, "--threads 1");
    if (expect_fetch(server, "index", request_with("GET", "/", gzip), 200, &response)) {
        expect_header("it", &response, "Content-Encoding", "gzip");
        expect_content("it", response.body, (struct view){"home, smaller", 13});
    }
    if (expect_fetch(server, "404", request_with("GET", "/nothing", gzip), 404, &response)) {
        expect_header("it", &response, "Content-Encoding", "gzip");
        expect_header("it", &response, "Content-Type", "text/html; charset=utf-8");
        expect_header("it", &response, "Vary", "Accept-Encoding");
        expect_header("it is not this that has validators", &response, "ETag", NULL);
        expect_content("it", response.body, (struct view){"lost, smaller", 13});
    }
}
