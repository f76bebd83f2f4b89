/* conditional: validators and conditional requests (RFC 9110 sections 8.8 and 13):
 * Last-Modified, ETag, If-Modified-Since in the three forms of a date, If-None-Match before it. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <poll.h>
#include <string.h>

E2E_SUITE(conditional);

struct conditional_case {
    const char *label;
    const char *fields; /* "%s" is the file's ETag */
    int status;
};

static const struct conditional_case cases[] = {
    {"the same moment", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 304},
    {"the same moment, RFC 850", "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n", 304},
    {"the same moment, asctime", "If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n", 304},
    {"a second before", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 200},
    {"a second before, RFC 850", "If-Modified-Since: Sunday, 06-Nov-94 08:49:36 GMT\r\n", 200},
    {"a second before, asctime", "If-Modified-Since: Sun Nov  6 08:49:36 1994\r\n", 200},
    {"a second after", "If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT\r\n", 304},
    {"years after", "If-Modified-Since: Sat, 29 Oct 2016 19:43:31 GMT\r\n", 304},
    {"years before", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n", 200},
    {"no date", "If-Modified-Since: yesterday\r\n", 200},
    {"no such month", "If-Modified-Since: Sun, 06 Now 1994 08:49:37 GMT\r\n", 200},
    {"no such day", "If-Modified-Since: Sun, 32 Nov 2014 08:49:37 GMT\r\n", 200},
    {"another zone", "If-Modified-Since: Sun, 06 Nov 2014 08:49:37 CET\r\n", 200},
    {"nothing", "If-Modified-Since:\r\n", 200},
    {"the same tag", "If-None-Match: %s\r\n", 304},
    {"the same tag, weak", "If-None-Match: W/%s\r\n", 304},
    {"the same tag among others", "If-None-Match: \"x\", %s , \"y\"\r\n", 304},
    {"the same tag on a second line", "If-None-Match: \"x\"\r\nIf-None-Match: %s\r\n", 304},
    {"other tags on two lines", "If-None-Match: \"x\"\r\nIf-None-Match: \"y\"\r\n", 200},
    {"the same tag on a second line of If-Match",
     "If-Match: \"x\"\r\nAccept: */*\r\nIf-Match: %s\r\n", 200},
    {"other tags on two lines of If-Match", "If-Match: \"x\"\r\nIf-Match: \"y\"\r\n", 412},
    {"two moments",
     "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
     "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
     200},
    {"any tag", "If-None-Match: *\r\n", 304},
    {"another tag", "If-None-Match: \"x\"\r\n", 200},
    {"another tag before the same moment",
     "If-None-Match: \"x\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200},
    {"the same tag before an earlier moment",
     "If-None-Match: %s\r\nIf-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n", 304},
};

/* FIELDS with every "%s" as TAG. */
static const char *with_tag(const char *fields, const char *tag)
{
    struct bytes text = {0};

    for (const char *mark; (mark = strstr(fields, "%s")) != NULL; fields = mark + 2) {
        bytes_append(&text, fields, (size_t)(mark - fields));
        bytes_append_text(&text, tag);
    }
    bytes_append_text(&text, fields);
    return bytes_text(&text);
}

static const char *tag_of(const struct server *server, const char *path)
{
    struct response response;
    const char *tag;

    cr_assert(expect_fetch(server, path, request_text("GET", path), 200, &response));
    tag = response_field(&response, "ETag");
    cr_assert(tag != NULL, "%s: no ETag", path);
    return tag;
}

static void expect_not_modified(const char *what, const struct response *response, const char *tag)
{
    const char *modified = response_field(response, "Last-Modified");
    const char *etag = response_field(response, "ETag");

    cr_expect(response_field(response, "Content-Type") == NULL &&
                  response_field(response, "Content-Length") == NULL,
              "%s: a 304 that describes a body:\n%s", what,
              text_visible(response->head.data, response->head.length));
    cr_expect(modified && strcmp(modified, SITE_TIME_TEXT) == 0, "%s: Last-Modified: %s", what,
              modified ? modified : "(none)");
    cr_expect(etag && strcmp(etag, tag) == 0, "%s: ETag: %s", what, etag ? etag : "(none)");
    cr_expect(response_field(response, "Date") != NULL, "%s: no Date", what);
}

static void expect_cases(const struct server *server, const char *path, const char *method)
{
    const char *tag = tag_of(server, path);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *what = text_format("%s, %s %s, %s", server->name, method, path, cases[i].label);
        const char *request = text_format("%s %s HTTP/1.1\r\nHost: example.org\r\n%s\r\n%s", method,
                                          path, with_tag(cases[i].fields, tag), "");
        struct response response;
        struct client client;

        /* The answer to a next request shows that no body was sent. */
        client_connect(&client, server);
        client_queue_text(&client, request);
        if (server->kind != SIMPLE)
            client_queue_text(&client, request_text("HEAD", "/"));
        if (expect_status(&client, what, *method == 'H', cases[i].status, &response) &&
            cases[i].status == 304)
            expect_not_modified(what, &response, tag);
        if (server->kind != SIMPLE)
            expect_status(&client, what, true, 200, NULL);
        expect_end(&client, what);
        client_close(&client);
    }
}

E2E_TEST(conditional, requests_are_answered_by_their_validators)
{
    struct site site;

    site_create(&site);
    site_write_text(&site, "index.html", "<!doctype html>\n");
    site_fill(&site, "small.txt", 100, 1);
    site_fill(&site, "large.txt", KIB(300), 2);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, NULL);

        expect_cases(server, "/small.txt", "GET");
        expect_cases(server, "/small.txt", "HEAD");
        expect_cases(server, "/large.txt", "GET");
    }
}

/* Conditions must not change other answers than 200. */
E2E_TEST(conditional, conditions_leave_other_statuses_alone)
{
    static const struct {
        const char *label;
        const char *line;
        int status;
    } rows[] = {
        {"a missing file", "GET /missing HTTP/1.1", 404},
        {"a directory", "GET /dir HTTP/1.1", 301},
        {"another method", "PUT /small.txt HTTP/1.1", 405},
    };
    struct site site;
    const struct server *server;

    site_create(&site);
    site_fill(&site, "small.txt", 100, 1);
    site_mkdir(&site, "dir");
    server = server_start(PIPELINED, &site, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_fetch(server, rows[i].label,
                     text_format("%s\r\nHost: x\r\nIf-None-Match: *\r\n"
                                 "If-Modified-Since: " SITE_TIME_TEXT "\r\n\r\n",
                                 rows[i].line),
                     rows[i].status, NULL);
}

/* Those of small files are made of the content; those of large ones are "hex-hex", the time in
 * nanoseconds and the size. All are strong at once. */
E2E_TEST(conditional, tags_differ_for_different_files)
{
    static const struct {
        const char *name;
        size_t length;
        uint64_t seed;
        time_t time;
        const char *same_as;
    } rows[] = {
        {"a.txt", 100, 1, SITE_TIME, "a.txt"},
        {"longer.txt", 101, 1, SITE_TIME, NULL},
        {"later.txt", 100, 1, SITE_TIME + 1, "a.txt"},
        {"other.txt", 100, 2, SITE_TIME, NULL},
        {"empty.txt", 0, 1, SITE_TIME, NULL},
        {"large.txt", KIB(1300), 1, SITE_TIME, NULL},
        {"later_large.txt", KIB(1300), 1, SITE_TIME + 1, NULL},
        {"larger.txt", KIB(1301), 1, SITE_TIME, NULL},
    };
    const char *tags[COUNT_OF(rows)];
    struct site site;
    site_create(&site);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        site_fill(&site, rows[i].name, rows[i].length, rows[i].seed);
        site_set_time(&site, rows[i].name, rows[i].time);
    }
    const struct server *server = server_start(PIPELINED, &site, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        tags[i] = tag_of(server, text_format("/%s", rows[i].name));
        cr_expect(tags[i][0] == '"', "%s", tags[i]);
        for (size_t j = 0; j < i; j++) {
            bool same = rows[i].same_as && strcmp(rows[i].same_as, rows[j].name) == 0;
            cr_expect((strcmp(tags[i], tags[j]) == 0) == same, "%s: %s, %s: %s", rows[i].name,
                      tags[i], rows[j].name, tags[j]);
        }
    }
    cr_expect_str_eq(tags[5],
                     text_format("\"%llx-%zx\"", SITE_TIME * 1000000000ULL, (size_t)KIB(1300)));
}

/* A build that gives all files one time: the next release has other content of the same size. Its
 * validators must not match, and a part of it must not be appended to a part of the last one. */
E2E_TEST(conditional, releases_with_one_time_have_different_tags)
{
    static const struct {
        time_t time;
        size_t length;
        bool dated;
    } rows[] = {
        {0, 100, false},         {1, KIB(300), false},         {315532800, KIB(300), false},
        {499162500, 100, false}, {499162500, KIB(300), false}, {946684800, KIB(300), false},
        {SITE_TIME, 100, true}, /* a time of the release */
    };
    struct site site;
    struct response response;
    site_create(&site);
    const struct server *server = server_start(PIPELINED, &site, "--threads 1 --cache-valid 0");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *name = text_format("app%zu.js", i), *path = text_format("/%s", name);
        site_fill(&site, name, rows[i].length, 1);
        site_set_time(&site, name, rows[i].time);
        if (!expect_fetch(server, path, request_text("GET", path), 200, &response))
            continue;
        cr_expect((response_field(&response, "Last-Modified") != NULL) == rows[i].dated, "%s",
                  path);
        const char *tag = tag_of(server, path);
        site_fill(&site, name, rows[i].length, 2);
        site_set_time(&site, name, rows[i].time);
        expect_fetch(server, path,
                     text_format("GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                 "If-None-Match: %s\r\n\r\n",
                                 path, tag),
                     200, NULL);
        expect_fetch(server, path,
                     text_format("GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                 "Range: bytes=50-\r\nIf-Range: %s\r\n\r\n",
                                 path, tag),
                     200, NULL);
    }
}

/* Requests PATH with FIELDS; the response stays valid. */
static void get_with(const struct server *server, const char *method, const char *path,
                     const char *fields, struct response *ret)
{
    struct client client;
    client_connect(&client, server);
    client_queue_text(&client, text_format("%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                           "%s\r\n",
                                           method, path, fields));
    enum answer answer = client_read_response(&client, strcmp(method, "HEAD") == 0, ret);
    cr_assert(answer == ANSWER_WHOLE, "%s: %s", path, answer_text(&client, answer));
    client_close(&client);
}

/* A hash of 4 GiB takes seconds. Without one, nothing identifies the content. */
E2E_TEST(conditional, answers_a_large_file_before_its_hash_is_known)
{
    static const struct {
        const char *method, *fields;
        int status;
    } rows[] = {
        {"HEAD", "", 200},
        {"HEAD", "If-None-Match: \"1\"\r\n", 200},
        {"HEAD", "If-Modified-Since: Sun, 06 Nov 2044 08:49:37 GMT\r\n", 200},
        {"HEAD", "If-Match: \"1\"\r\n", 412},
        {"GET", "Range: bytes=0-9\r\n", 206},
    };
    struct site site;
    struct response response;
    site_create(&site);
    site_write_sparse(&site, "huge.mp4", (off_t)4 << 30);
    site_set_time(&site, "huge.mp4", 1);
    poll(NULL, 0, 3100); /* a file that has just changed is not hashed yet */
    const struct server *server = server_start(PIPELINED, &site, "--threads 4");
    int64_t deadline = deadline_after(1000);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        get_with(server, rows[i].method, "/huge.mp4", rows[i].fields, &response);
        cr_expect(response.status == rows[i].status, "%s %s: %d", rows[i].method, rows[i].fields,
                  response.status);
        cr_expect(!response_field(&response, "ETag"));
        cr_expect(!response_field(&response, "Last-Modified"));
        cr_expect(!response_field(&response, "Accept-Ranges"));
    }
    cr_expect(deadline_left_ms(deadline) > 0);
    deadline = deadline_after(1000);
    server_stop((struct server *)(uintptr_t)server);
    cr_expect(deadline_left_ms(deadline) > 0, "it waits for the hash");
}

E2E_TEST(conditional, tags_a_large_file_when_its_hash_is_known)
{
    struct site site;
    struct response response;
    site_create(&site);
    site_fill(&site, "a.mp4", MIB(3), 1);
    site_set_time(&site, "a.mp4", 1);
    const struct server *server = server_start(PIPELINED, &site, "--threads 2 --cache-valid 1h");
    const char *tag = NULL;
    int64_t deadline = deadline_after(10000);
    while (!tag && deadline_left_ms(deadline) > 0) {
        get_with(server, "HEAD", "/a.mp4", "", &response);
        tag = response_field(&response, "ETag");
        poll(NULL, 0, tag ? 0 : 50);
    }
    cr_assert(tag != NULL);
    for (unsigned i = 0; i < 8; i++) { /* each worker has some of the connections */
        get_with(server, "GET", "/a.mp4", text_format("If-None-Match: %s\r\n", tag), &response);
        cr_expect(response.status == 304);
        get_with(server, "GET", "/a.mp4", text_format("Range: bytes=5-6\r\nIf-Range: %s\r\n", tag),
                 &response);
        cr_expect(response.status == 206);
        cr_expect(!response_field(&response, "Last-Modified"));
    }
}
