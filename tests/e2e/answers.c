/* answers: the fields of every answer: Server, Date, the pages of errors; HEAD's
 * fields; a Location that does not lead to another host (RFC 9110 sections 6.6, 9.3.2, 10.2.2). */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <string.h>
#include <time.h>

E2E_SUITE(answers);

#define H            "Host: example.org\r\n"
#define GET(target)  "GET " target " HTTP/1.1\r\n" H "\r\n"
#define WITH(fields) "GET /small.html HTTP/1.1\r\n" fields "\r\n"

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "<!doctype html><title>home</title>\n");
    site_fill(site, "small.html", 500, 1);
    site_write_text(site, "dir/index.html", "<!doctype html><title>dir</title>\n");
    site_fill(site, "dir/sub/inner.html", 100, 6);
}

/* --- Every answer ----------------------------------------------------------------------------- */

/* Seconds since 1970 of an IMF-fixdate. */
static time_t date_of(const char *text)
{
    struct tm fields_of_time = {0};

    strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &fields_of_time);
    return timegm(&fields_of_time);
}

static void expect_common(const char *what, const struct response *response)
{
    const char *server = response_field(response, "Server");
    const char *date = response_field(response, "Date");
    time_t now = time(NULL);

    cr_expect(server && strcmp(server, "Sluice") == 0, "%s: Server: %s", what,
              server ? server : "(none)");
    cr_expect(date && date_of(date) <= now && date_of(date) >= now - 3, "%s: Date: %s", what,
              date ? date : "(none)");
}

static void expect_page(const char *what, const struct response *response)
{
    const char *type = response_field(response, "Content-Type");
    const char *status = text_format("%d", response->status);

    cr_expect(type && strcmp(type, "text/html; charset=utf-8") == 0, "%s: Content-Type: %s", what,
              type ? type : "(none)");
    cr_expect(response->body.length > 0 && response->body.length < 4096, "%s: a page of %zu bytes",
              what, response->body.length);
    cr_expect(memmem(response->body.data, response->body.length, status, 3) &&
                  memmem(response->body.data, response->body.length, response->reason,
                         strlen(response->reason)),
              "%s: the page does not name the status: %s", what,
              text_visible(response->body.data, response->body.length));
    cr_expect(response_field(response, "Last-Modified") == NULL &&
                  response_field(response, "ETag") == NULL,
              "%s: an error page has no validators", what);
}

E2E_TEST(answers, every_answer_has_server_and_date)
{
    static const struct {
        const char *label;
        const char *request;
        int status;
        const char *reason;
    } rows[] = {
        {"200", GET("/small.html"), 200, "OK"},
        {"301", GET("/dir"), 301, "Moved Permanently"},
        {"304", WITH(H "If-None-Match: *\r\n"), 304, "Not Modified"},
        {"400", WITH(""), 400, "Bad Request"},
        {"404", GET("/nothing"), 404, "Not Found"},
        {"405", "PUT / HTTP/1.1\r\n" H "\r\n", 405, "Method Not Allowed"},
        {"413", WITH(H "Content-Length: 70000\r\n"), 413, "Content Too Large"},
        {"501", "BREW / HTTP/1.1\r\n" H "\r\n", 501, "Not Implemented"},
        {"505", "GET / HTTP/2.0\r\n" H "\r\n", 505, "HTTP Version Not Supported"},
    };
    struct site site;
    const struct server *server;

    create_site(&site);
    server = server_start(PIPELINED, &site, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct response response;

        if (!expect_fetch(server, rows[i].label, rows[i].request, rows[i].status, &response))
            continue;
        expect_common(rows[i].label, &response);
        cr_expect_str_eq(response.reason, rows[i].reason, "%s: %s", rows[i].label, response.reason);
        if (rows[i].status >= 400)
            expect_page(rows[i].label, &response);
    }
}

/* RFC 9110 section 8.8.2.1: even if the file has a modification time in the future. */
E2E_TEST(answers, last_modified_is_never_in_the_future)
{
    static const char *const paths[] = {"/small.html", "/large.jpg", "/dir/"};
    static const char *const fields[] = {"", "If-None-Match: *\r\n"};
    static const int statuses[] = {200, 304}; /* the answers with those fields */
    struct site site;
    time_t future = time(NULL) + (time_t)2 * 24 * 3600;

    create_site(&site);
    site_fill(&site, "large.jpg", KIB(300), 7);
    site_set_time(&site, "small.html", future);
    site_set_time(&site, "large.jpg", future);
    site_set_time(&site, "dir/index.html", future);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);

        for (size_t i = 0; i < COUNT_OF(paths) * COUNT_OF(fields); i++) {
            const char *path = paths[i / COUNT_OF(fields)];
            size_t which = i % COUNT_OF(fields);
            const char *request =
                text_format("GET %s HTTP/1.1\r\n" H "%s\r\n", path, fields[which]);
            const char *modified;
            const char *date;
            struct response response;

            if (!expect_fetch(server, path, request, statuses[which], &response))
                continue;
            modified = response_field(&response, "Last-Modified");
            date = response_field(&response, "Date");
            cr_expect(modified && date && date_of(modified) <= date_of(date),
                      "%s, %s, %d: Last-Modified: %s is later than Date: %s", server->name, path,
                      response.status, modified ? modified : "(none)", date ? date : "(none)");
        }
    }
}

/* RFC 9110 section 9.3.2: HEAD's fields are GET's. */
E2E_TEST(answers, head_has_the_fields_of_get)
{
    static const char *const paths[] = {"/",        "/small.html", "/dir",
                                        "/nothing", "/%zz",        "/dir/sub/"};
    struct site site;

    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);

        for (size_t i = 0; i < COUNT_OF(paths); i++) {
            struct view heads[2];

            for (size_t head = 0; head < 2; head++) {
                struct response response;
                struct client client;
                enum answer answer;

                client_connect(&client, server);
                client_queue_text(&client, request_text(head ? "HEAD" : "GET", paths[i]));
                answer = client_read_response(&client, head, &response);
                cr_assert(answer == ANSWER_WHOLE, "%s: %s", paths[i], answer_text(&client, answer));
                heads[head] = response_masked_head(&response);
                expect_end(&client, paths[i]);
                client_close(&client);
            }
            cr_expect(heads[0].length == heads[1].length &&
                          memcmp(heads[0].data, heads[1].data, heads[0].length) == 0,
                      "%s: GET\n%sand HEAD\n%s", paths[i],
                      text_visible(heads[0].data, heads[0].length),
                      text_visible(heads[1].data, heads[1].length));
        }
    }
}

/* A browser must not take Location for another host or another scheme. */
E2E_TEST(answers, location_never_leads_to_another_host)
{
    static const char *const paths[] = {"//dir", "///dir", "/dir//sub",  "//example.org/../dir",
                                        "/x:y",  "/./dir", "/dir/../dir"};
    struct site site;
    const struct server *server;

    create_site(&site);
    site_write_text(&site, "x:y/file", "");
    server = server_start(PIPELINED, &site, NULL);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct client client;
        struct response response;
        const char *location;

        client_connect(&client, server);
        client_queue_text(&client, request_text("GET", paths[i]));
        cr_assert(client_read_response(&client, false, &response) == ANSWER_WHOLE, "%s", paths[i]);
        location = response_field(&response, "Location");
        cr_expect(response.status == 404 || (response.status == 301 && location), "%s: %d",
                  paths[i], response.status);
        /* RFC 3986 section 4.2: a first segment with a colon would be read as a scheme. */
        cr_expect(!location ||
                      (location[0] != '/' && location[0] != '\\' &&
                       (!strchr(location, ':') || strchr(location, '/') < strchr(location, ':'))),
                  "%s: Location: %s", paths[i], location);
        client_close(&client);
    }
}
