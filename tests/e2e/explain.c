/* explain: says what a server answers to a request, to the byte, and where that comes from. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <string.h>
#include <sys/wait.h>

E2E_SUITE(explain);

static struct site site;

static const char config[] = "listen = 127.0.0.1:0\n"
                             "[site one.example www.one.example]\n"
                             "root = root/one\n"
                             "canonical = one.example\n"
                             "redirect = /old/* /new/:splat 302\n"
                             "header = /a.css: X-Setting: s\n"
                             "[site *.two.example]\n"
                             "root = root/two\n"
                             "listing = yes\n"
                             "spa = app.html\n"
                             "cache-control = max-age=7\n";

static void fill(void)
{
    site_create(&site);
    site_write_text(&site, "one/index.html", "one");
    site_write_text(&site, "one/a.css",
                    "a { color: red; background: blue; border: 1px solid black }");
    site_write_text(&site, "one/a.css.gz", "gz");
    site_write_text(&site, "one/a.css.br", "br");
    site_write_text(&site, "one/404.html", "missing");
    site_write_text(&site, "one/dir/index.html", "dir");
    site_write_text(&site, "one/_headers",
                    "/a.css\n  X-Rule: r\n  Cache-Control: max-age=5\n/dir/*\n  X-D: d\n");
    site_write_text(&site, "two/app.html", "app");
    site_write_text(&site, "two/list/x.txt", "0123456789");
    site_write_text(&site, "../sluice.conf", config);
}

/* The output of "sluice explain --config sluice.conf WORDS -H FIELD...", kept; FIELDS end in
 * NULL. */
static const char *explain(const char *words, const char *const *fields, int status)
{
    struct process process;
    struct process_setup setup = {.program = "sluice", .directory = site.parent};
    struct bytes output = {0};

    process_add_words(&setup, "explain --config sluice.conf");
    process_add_words(&setup, words);
    for (; fields && *fields; fields++) {
        process_add_words(&setup, "-H");
        process_add_word(&setup, *fields);
    }
    process_start(&process, &setup);
    cr_assert(process_wait(&process, deadline_after(20000)), "explain %s", words);
    process_read_output(&process, &output);
    cr_expect(WIFEXITED(process.status) && WEXITSTATUS(process.status) == status, "%s: %s", words,
              status_text(process.status));
    return status == 0 ? bytes_text(&output) : process_errors(&process);
}

/* HEAD without CR and without Date. Kept until the call after the next. */
static const char *normal(const char *head, size_t length)
{
    static char texts[2][8192];
    static unsigned next;
    char *text = texts[next++ % 2], *to = text;
    for (const char *at = head, *end = head + length; at < end;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        const size_t bytes = line_end ? (size_t)(line_end + 1 - at) : (size_t)(end - at);
        for (size_t i = 0; strncmp(at, "Date: ", 6) != 0 && i < bytes; i++) {
            if (at[i] != '\r')
                *to++ = at[i];
        }
        at += bytes;
    }
    while (to > text && to[-1] == '\n')
        to--;
    *to = '\0';
    return text;
}

static const struct {
    const char *method, *host, *target;
    const char *fields[3];
    int status;
    const char *says; /* part of the explanation */
} rows[] = {
    {"GET", "one.example", "/", {NULL}, 200, "root/one/index.html\n"},
    {"HEAD", "one.example", "/", {NULL}, 200, "one.example (sluice.conf, line 2)\n"},
    {"GET", "one.example", "/a.css", {NULL}, 200, "identity, 59 bytes, acceptable: chosen\n"},
    {"GET",
     "one.example",
     "/a.css",
     {"Accept-Encoding: br;q=0.5, gzip"},
     200,
     "gzip, 2 bytes, q=1.000: chosen\n"},
    {"GET",
     "one.example",
     "/a.css",
     {"Accept-Encoding: br, gzip;q=0"},
     200,
     "gzip, 2 bytes, q=0.000: not acceptable\n"},
    {"GET", "one.example", "/a.css", {"Accept-Encoding: identity;q=0"}, 406, "not acceptable\n"},
    {"GET", "one.example", "/a.css", {"If-None-Match: *"}, 304, "X-Rule: r (_headers, line 2)\n"},
    {"GET",
     "one.example",
     "/a.css",
     {"Range: bytes=1-3"},
     206,
     "X-Setting: s (header, sluice.conf, line 6)\n"},
    {"GET", "one.example", "/a.css", {"Range: bytes=99-"}, 416, "Range"},
    {"GET", "one.example", "/a.css", {"Range: bytes=1-3, 5-6"}, 206, "chosen"},
    {"GET",
     "one.example",
     "/a.css",
     {"If-Modified-Since: " SITE_TIME_TEXT},
     304,
     "Cache-Control is that of a rule"},
    {"GET", "one.example", "/a.css", {"If-Match: \"x\""}, 412, "one.example"},
    {"GET", "one.example", "/none", {NULL}, 404, "nothing that is served: 404; with the page"},
    {"GET", "one.example", "/_headers", {NULL}, 404, "nothing"},
    {"GET", "one.example", "/dir", {NULL}, 301, "a directory, whose URL ends in a slash\n"},
    {"GET", "one.example", "/dir/?q", {NULL}, 200, "X-D: d (_headers, line 5)\n"},
    {"GET", "one.example", "/old/x?q=1", {NULL}, 302, "by a rule (redirect, sluice.conf, line 5)"},
    {"GET",
     "www.one.example",
     "/x",
     {NULL},
     308,
     "canonical name (canonical, sluice.conf, line 4)"},
    {"GET", "other.example", "/", {NULL}, 421, "none: no site has the host name 'other.example'\n"},
    {"GET", "a.two.example", "/list/", {NULL}, 200, "listed (listing, sluice.conf, line 9)\n"},
    {"GET", "a.two.example", "/list/", {"Accept: application/json"}, 200, "application/json, "},
    {"GET", "a.two.example", "/.git", {NULL}, 404, "nothing that is served: 404\n"},
    {"GET", "a.two.example", "/list/x.txt", {NULL}, 200, "(cache-control, sluice.conf, line 11)"},
    {"GET", "a.two.example", "/route", {"Accept: text/html"}, 200, "root/two/app.html\n"},
    {"OPTIONS", "a.two.example", "/route", {NULL}, 204, "*.two.example (sluice.conf, line 7)\n"},
    {"DELETE", "one.example", "/", {NULL}, 405, "one.example"},
    {"GET", "one.example", "/%2g", {NULL}, 400, "Refused     with 400"},
};

E2E_TEST(explain, says_what_a_server_answers)
{
    fill();
    struct server *server = server_start_with(&(struct server_setup){
        .config = site_path(&site, "../sluice.conf"), .no_bind = true, .own_tls = true});
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client client;
        struct response response;
        const char *field = rows[i].fields[0];
        const char *name = text_format("%s %s%s %s", rows[i].method, rows[i].host, rows[i].target,
                                       field ? field : "");
        const char *text = explain(
            text_format("--method %s http://%s%s", rows[i].method, rows[i].host, rows[i].target),
            rows[i].fields, 0);
        const char *head = strstr(text, "\n\n");
        cr_expect(strstr(text, rows[i].says), "%s: no '%s' in: %s", name, rows[i].says, text);
        client_connect(&client, server);
        client_queue_text(&client, text_format("%s %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n",
                                               rows[i].method, rows[i].target, rows[i].host,
                                               field ? field : "", field ? "\r\n" : ""));
        cr_assert_eq(client_read_response(&client, strcmp(rows[i].method, "HEAD") == 0, &response),
                     ANSWER_WHOLE, "%s", name);
        cr_expect_eq(response.status, rows[i].status, "%s: %d", name, response.status);
        cr_assert_not_null(head, "%s", name);
        const char *expected = normal(response.head.data, response.head.length);
        const char *found = normal(head + 2, strlen(head + 2));
        if (!strstr(expected, "multipart")) /* whose boundary is random */
            cr_expect_str_eq(found, expected, "%s:\n%s\n--\n%s", name, found, expected);
        client_close(&client);
    }
}

E2E_TEST(explain, refuses_what_is_not_a_url)
{
    static const struct {
        const char *words, *says;
        int status;
    } mistakes[] = {
        {"", "the URL is missing", 2},
        {"ftp://a/", "begins with neither http:// nor https://", 2},
        {"http:///x", "has no host", 2},
        {"http://a:x/", "has a port that is not a number", 2},
        {"http://u@a/", "has a user name", 2},
        {"https://one.example/", "no listener speaks https", 1},
        {"http://a/ -H x", "the field 'x' is malformed", 2},
        {"http://a/ --method a:b", "the method 'a:b' is malformed", 2},
        {"http://a/ /b /c", "one argument too many", 2},
        {"http://a/ --threads x", "'x' is not a number", 2},
    };
    fill();
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        const char *text = explain(mistakes[i].words, NULL, mistakes[i].status);
        cr_expect(strstr(text, mistakes[i].says), "%s: %s", mistakes[i].words, text);
    }
}
