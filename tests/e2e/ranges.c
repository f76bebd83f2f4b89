/* ranges: parts of files (RFC 9110 section 14) of each kind of body: copied after the head, in
 * memory, from a descriptor; resumed downloads; conditions that take precedence (section
 * 13.2.2). */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <time.h>

E2E_SUITE(ranges);

static const size_t sizes[] = {10, 20000, 300000, 1500000};

static const char *range_request(const char *target, const char *fields)
{
    return text_format("GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", target, fields);
}

static void expect_field_is(const char *what, const struct response *response, const char *name,
                            const char *value)
{
    const char *found = response_field(response, name);
    cr_expect(value ? found && strcmp(found, value) == 0 : !found, "%s: %s is %s, not %s", what,
              name, found ? found : "absent", value ? value : "absent");
}

/* One range, as first byte and length, of a file of each size. */
static void expect_part(const struct server *server, const char *target, struct view content,
                        const char *specs, size_t first, size_t length)
{
    struct response response;
    const char *what = text_format("%s %s", target, specs);
    if (!expect_fetch(server, what, range_request(target, text_format("Range: %s\r\n", specs)), 206,
                      &response))
        return;
    expect_field_is(what, &response, "Content-Range",
                    text_format("bytes %zu-%zu/%zu", first, first + length - 1, content.length));
    expect_field_is(what, &response, "Content-Length", text_format("%zu", length));
    expect_field_is(what, &response, "Accept-Ranges", "bytes");
    cr_expect(response_field(&response, "ETag") && response_field(&response, "Last-Modified"));
    cr_expect(response.body.length == length &&
                  memcmp(response.body.data, content.data + first, length) == 0,
              "%s: not these bytes", what);
}

E2E_TEST(ranges, one_part_is_sent)
{
    struct site site;
    site_create(&site);
    const struct server *server = server_start(PIPELINED, &site, "--threads 1");
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        size_t size = sizes[i];
        const char *target = text_format("/%zu.bin", size);
        struct view content = site_fill(&site, target + 1, size, i);
        expect_part(server, target, content, "bytes=0-0", 0, 1);
        expect_part(server, target, content, "bytes=0-", 0, size);
        expect_part(server, target, content, "bytes=3-6", 3, 4);
        expect_part(server, target, content, "bytes=-4", size - 4, 4);
        expect_part(server, target, content, "bytes=7-99999999", 7, size - 7);
        expect_part(server, target, content, "bytes=-99999999", 0, size);
        expect_part(server, target, content, "bytes=0-3,2-5", 0, 6);
        expect_part(server, target, content, "bytes=5-, 99999999-", 5, size - 5);
    }
}

E2E_TEST(ranges, unsatisfiable_and_invalid_ones_are_not_sent)
{
    static const struct {
        const char *label, *method, *fields;
        int status;
        const char *content_range;
    } rows[] = {
        {"behind the end", "GET", "Range: bytes=10-\r\n", 416, "bytes */10"},
        {"no suffix", "GET", "Range: bytes=-0\r\n", 416, "bytes */10"},
        {"backwards", "GET", "Range: bytes=5-4\r\n", 200, NULL},
        {"another unit", "GET", "Range: lines=0-1\r\n", 200, NULL},
        {"no range", "GET", "Range: bytes=\r\n", 200, NULL},
        {"twice", "GET", "Range: bytes=0-1\r\nRange: bytes=2-3\r\n", 200, NULL},
        {"another version", "GET", "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n", 200, NULL},
        {"another date", "GET", "Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:36 GMT\r\n",
         200, NULL},
        {"this date", "GET", "Range: bytes=0-1\r\nIf-Range: " SITE_TIME_TEXT "\r\n", 206,
         "bytes 0-1/10"},
        {"HEAD", "HEAD", "Range: bytes=0-1\r\n", 200, NULL},
        {"unmodified", "GET", "Range: bytes=0-1\r\nIf-None-Match: *\r\n", 304, NULL},
        {"unmodified since", "GET", "Range: bytes=0-1\r\nIf-Modified-Since: " SITE_TIME_TEXT "\r\n",
         304, NULL},
        {"no match", "GET", "Range: bytes=0-1\r\nIf-Match: \"x\"\r\n", 412, NULL},
        {"modified since", "GET", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 412,
         NULL},
        {"not modified since", "GET", "If-Unmodified-Since: " SITE_TIME_TEXT "\r\n", 200, NULL},
        {"any match", "GET", "If-Match: *\r\n", 200, NULL},
    };
    struct site site;
    site_create(&site);
    site_fill(&site, "file", 10, 1);
    const struct server *server = server_start(PIPELINED, &site, "--threads 1");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client client;
        struct response response;
        client_connect(&client, server);
        client_queue_text(&client, text_format("%s /file HTTP/1.1\r\nHost: a\r\n%s\r\n",
                                               rows[i].method, rows[i].fields));
        if (expect_status(&client, rows[i].label, rows[i].method[0] == 'H', rows[i].status,
                          &response))
            expect_field_is(rows[i].label, &response, "Content-Range", rows[i].content_range);
        client_queue_text(&client, "GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
        expect_status(&client, "the connection goes on", false, 200, NULL);
        client_close(&client);
    }
}

/* Appends to EXPECTED the part FIRST to LAST of CONTENT, as a part of a multipart body. */
static void append_part(struct bytes *expected, const char *boundary, struct view content,
                        size_t first, size_t last)
{
    bytes_append_text(expected, text_format("%s--%s\r\nContent-Type: application/octet-stream\r\n"
                                            "Content-Range: bytes %zu-%zu/%zu\r\n\r\n",
                                            expected->length > 0 ? "\r\n" : "", boundary, first,
                                            last, content.length));
    bytes_append(expected, content.data + first, last - first + 1);
}

E2E_TEST(ranges, many_parts_are_sent_as_multipart)
{
    static const char prefix[] = "multipart/byteranges; boundary=";
    struct site site;
    site_create(&site);
    const struct server *server = server_start(PIPELINED, &site, "--threads 1");
    for (size_t i = 1; i < COUNT_OF(sizes); i++) {
        const char *target = text_format("/%zu.bin", sizes[i]);
        struct view content = site_fill(&site, target + 1, sizes[i], i);
        struct bytes specs = {0}, expected = {0};
        struct response response;
        for (size_t part = 0; part < 32; part++)
            bytes_append_text(&specs, text_format("%s%zu-%zu", part ? "," : "", part * 500,
                                                  part * 500 + part * 10));
        const char *fields = text_format("Range: bytes=%s\r\n", bytes_text(&specs));
        if (!expect_fetch(server, target, range_request(target, fields), 206, &response))
            continue;
        const char *type = response_field(&response, "Content-Type");
        cr_assert(type && strncmp(type, prefix, sizeof prefix - 1) == 0, "%s", type);
        const char *boundary = type + sizeof prefix - 1;
        for (size_t part = 0; part < 32; part++)
            append_part(&expected, boundary, content, part * 500, part * 500 + part * 10);
        bytes_append_text(&expected, text_format("\r\n--%s--\r\n", boundary));
        cr_expect(response.body.length == expected.length &&
                      memcmp(response.body.data, expected.data, expected.length) == 0,
                  "%s: not this body", target);
        fields = text_format("Range: bytes=%s,90000-\r\n", bytes_text(&specs));
        expect_fetch(server, "one more is too many", range_request(target, fields), 200, NULL);
    }
}

/* Ranges that would send the file more than once: an answer is never longer than the file. */
E2E_TEST(ranges, overlapping_ones_do_not_multiply_the_answer)
{
    struct site site;
    struct response response;
    site_create(&site);
    struct view content = site_fill(&site, "file", 300000, 1);
    const struct server *server = server_start(PIPELINED, &site, "--threads 1");
    const char *fields = "Range: bytes=0-,0-,-300000,1-,0-299999,5-10\r\n";
    if (expect_fetch(server, "all, six times", range_request("/file", fields), 206, &response))
        cr_expect(response.body.length == content.length &&
                  memcmp(response.body.data, content.data, content.length) == 0);
}

/* Ranges among other requests, in a pipeline, to a slow reader. */
E2E_TEST(ranges, are_answered_in_a_pipeline)
{
    enum { COUNT = 40 };
    struct site site;
    struct client client;
    site_create(&site);
    struct view content = site_fill(&site, "file", 300000, 1);
    const struct server *server = server_start(PIPELINED, &site, "--threads 1");
    client_connect_with(&client,
                        &(struct client_setup){.port = server->port, .receive_buffer_bytes = 4096});
    for (size_t i = 0; i < COUNT; i++)
        client_queue_text(&client, text_format("GET /file HTTP/1.1\r\nHost: a\r\n"
                                               "Range: bytes=%zu-%zu,%zu-%zu\r\n\r\n",
                                               i, i + 999, i + 5000, i + 5000 + i));
    for (size_t i = 0; i < COUNT; i++) {
        struct response response;
        if (!expect_status(&client, text_format("request %zu", i), false, 206, &response))
            break;
        cr_expect(
            memmem(response.body.data, response.body.length, content.data + i, 1000) &&
                memmem(response.body.data, response.body.length, content.data + i + 5000, i + 1),
            "request %zu: its bytes are not there", i);
    }
    client_close(&client);
}

/* A camera, an archive or another time zone dated the file; its tag becomes strong nevertheless. */
E2E_TEST(ranges, a_file_dated_in_the_future_can_be_resumed)
{
    enum { TRIES = 400, PAUSE_MS = 50, YEAR_SECONDS = 365 * 86400 };

    struct site site;
    struct response response;
    const char *tag = NULL;
    site_create(&site);
    site_fill(&site, "film.mp4", 300000, 1);
    site_set_time(&site, "film.mp4", time(NULL) + YEAR_SECONDS);
    const struct server *server = server_start(PIPELINED, &site, "--threads 1 --cache-valid 0");
    for (unsigned i = 0; i < TRIES && (!tag || tag[0] == 'W'); i++) {
        poll(NULL, 0, tag ? PAUSE_MS : 0);
        if (!expect_fetch(server, "it", range_request("/film.mp4", ""), 200, &response))
            return;
        tag = text_format("%s", response_field(&response, "ETag"));
    }
    cr_assert_eq(tag[0], '"', "%s", tag);
    const char *fields = text_format("Range: bytes=100000-\r\nIf-Range: %s\r\n", tag);
    expect_fetch(server, "the rest", range_request("/film.mp4", fields), 206, NULL);
}
