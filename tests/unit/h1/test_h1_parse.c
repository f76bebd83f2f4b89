/* h1_parse: RFC 9112 sections 2 to 7. The meaning of a head does not depend on how it arrives:
 * every row is split at every position (see parse_check.h). */
#include "support/parse_check.h"
#include "support/rows.h"

#include <criterion/criterion.h>

TestSuite(h1_parse, .timeout = 120);

enum { HEAD_MAX = 8 << 10 };

/* The request line LINE, FIELDS and the blank line, as a view that is valid until the next call. */
static struct str head_of(struct str line, struct str fields)
{
    static char text[PARSE_INPUT_MAX];
    char *at = str_put(text, line);
    at = str_put(at, STR("\r\n"));
    at = str_put(at, fields);
    at = str_put(at, STR("\r\n"));
    return (struct str){text, (size_t)(at - text)};
}

/* Expects VIEW to be TEXT; absent if TEXT is NULL. */
static bool is(struct str view, const char *text)
{
    return text ? view.at && str_equal(view, str_of(text)) : !view.at;
}

/* --- The request line, section 3 -------------------------------------------------------------- */

Test(h1_parse, parses_request_lines)
{
    static const struct {
        const char *section; /* of RFC 9112 */
        struct str line;     /* also the label */
        enum http_method method;
        unsigned minor;
        const char *path;
        const char *query;
    } rows[] = {
        {"3.2.1", STR_INIT("GET / HTTP/1.1"), HTTP_GET, 1, "/", NULL},
        {"2.3", STR_INIT("GET / HTTP/1.0"), HTTP_GET, 0, "/", NULL},
        {"2.3", STR_INIT("GET / HTTP/1.9"), HTTP_GET, 9, "/", NULL},
        {"3.2.1", STR_INIT("HEAD /a/b.c?d=e HTTP/1.1"), HTTP_HEAD, 1, "/a/b.c", "d=e"},
        {"3.2.1", STR_INIT("GET /? HTTP/1.1"), HTTP_GET, 1, "/", ""},
        {"3.2.1", STR_INIT("GET /a?b?c/d HTTP/1.1"), HTTP_GET, 1, "/a", "b?c/d"},
        {"3.2.1", STR_INIT("GET //a//b HTTP/1.1"), HTTP_GET, 1, "//a//b", NULL},
        {"3.2.1", STR_INIT("GET /%00%2F HTTP/1.1"), HTTP_GET, 1, "/%00%2F", NULL},
        /* UTF-8 that is not encoded, as browsers of old and scripts send it */
        {"3.2.1", STR_INIT("GET /\xc3\xbc HTTP/1.1"), HTTP_GET, 1, "/\xc3\xbc", NULL},
        {"3.2.1", STR_INIT("GET /0123456789abcdef\xe2\x82\xac/x?y HTTP/1.1"), HTTP_GET, 1,
         "/0123456789abcdef\xe2\x82\xac/x", "y"},
        {"3.2.1", STR_INIT("GET /a?\xf0\x9f\x8e\x89?b HTTP/1.1"), HTTP_GET, 1, "/a",
         "\xf0\x9f\x8e\x89?b"},
        {"3.2.2", STR_INIT("GET http://a/\xc3\xbc?\xc3\xa4 HTTP/1.1"), HTTP_GET, 1, "/\xc3\xbc",
         "\xc3\xa4"},
        {"3.2.2", STR_INIT("GET http://a/b?c HTTP/1.1"), HTTP_GET, 1, "/b", "c"},
        {"3.2.2", STR_INIT("GET HTTP://Example.com:80/ HTTP/1.1"), HTTP_GET, 1, "/", NULL},
        {"3.2.2", STR_INIT("GET https://a/b HTTP/1.1"), HTTP_GET, 1, "/b", NULL},
        {"3.2.2", STR_INIT("GET http://a HTTP/1.1"), HTTP_GET, 1, "/", NULL},
        {"3.2.2", STR_INIT("GET http://a?b=/c HTTP/1.1"), HTTP_GET, 1, "/", "b=/c"},
        {"3.2.2", STR_INIT("GET http://[::1]:8080/x HTTP/1.1"), HTTP_GET, 1, "/x", NULL},
        {"3.2.2", STR_INIT("GET http://a/http://b/ HTTP/1.1"), HTTP_GET, 1, "/http://b/", NULL},
        {"3.1", STR_INIT("POST / HTTP/1.1"), HTTP_POST, 1, "/", NULL},
        {"3.1", STR_INIT("DELETE /a HTTP/1.1"), HTTP_DELETE, 1, "/a", NULL},
        {"3.1", STR_INIT("TRACE / HTTP/1.0"), HTTP_TRACE, 0, "/", NULL},
        {"3.1", STR_INIT("get / HTTP/1.1"), HTTP_METHOD_OTHER, 1, "/", NULL},
        {"3.1", STR_INIT("G / HTTP/1.1"), HTTP_METHOD_OTHER, 1, "/", NULL},
        {"3.1", STR_INIT("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1"), HTTP_METHOD_OTHER, 1, "/", NULL},
    };
    rows_begin("parser", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *label = rows[i].line.at;
        rows_next(rows[i].section, label);
        struct str head = head_of(rows[i].line, STR("Host: a\r\n"));
        struct parsed parsed = parse_every_way(label, head, HEAD_MAX);
        row_expect(parsed.result == H1_PARSE_HEAD, "refused");
        if (parsed.result != H1_PARSE_HEAD)
            continue;
        row_expect(parsed.head.request.refusal == HTTP_NONE, "%d", parsed.head.request.refusal);
        row_expect(parsed.head.request.method == rows[i].method, "method");
        row_expect(parsed.head.minor == rows[i].minor, "version");
        row_expect(is(parsed.head.request.path, rows[i].path), "path");
        row_expect(is(parsed.head.request.query, rows[i].query), "query");
        row_expect(parsed.head.framing == H1_FRAMING_NONE, "framing");
        row_expect(parsed.head_bytes == head.length, "length");
    }
    rows_end();
}

/* RFC 9112 section 3.2.2: the authority of an absolute target, as written, overrides Host. */
Test(h1_parse, keeps_the_authority_of_the_target_or_else_of_host)
{
    static const struct {
        const char *section; /* of RFC 9112 */
        struct str line;     /* also the label */
        struct str fields;
        const char *authority; /* NULL: absent */
    } rows[] = {
        {"3.2", STR_INIT("GET / HTTP/1.1"), STR_INIT("Host: a\r\n"), "a"},
        {"3.2", STR_INIT("GET / HTTP/1.1"), STR_INIT("Host:\tExample.COM:8080 \r\n"),
         "Example.COM:8080"},
        {"3.2", STR_INIT("GET / HTTP/1.1"), STR_INIT("Host: a.\r\n"), "a."},
        {"3.2", STR_INIT("GET / HTTP/1.1"), STR_INIT("Host: a:\r\n"), "a:"},
        {"3.2", STR_INIT("GET / HTTP/1.1"), STR_INIT("Host: [::1]:81\r\n"), "[::1]:81"},
        {"3.2", STR_INIT("GET / HTTP/1.1"), STR_INIT("Host:\r\n"), ""},
        {"3.2", STR_INIT("GET / HTTP/1.0"), STR_INIT(""), NULL},
        {"3.2", STR_INIT("GET / HTTP/1.0"), STR_INIT("Host: a\r\n"), "a"},
        {"3.2.2", STR_INIT("GET http://b/c HTTP/1.1"), STR_INIT("Host: a\r\n"), "b"},
        {"3.2.2", STR_INIT("GET HTTP://B.example:80/ HTTP/1.1"), STR_INIT("Host: a:81\r\n"),
         "B.example:80"},
        {"3.2.2", STR_INIT("GET https://[::2]:8443?q HTTP/1.1"), STR_INIT("Host: a\r\n"),
         "[::2]:8443"},
        {"3.2.2", STR_INIT("GET http://b HTTP/1.1"), STR_INIT("Host:\r\n"), "b"},
        {"3.2.2", STR_INIT("GET http://b/ HTTP/1.0"), STR_INIT(""), "b"},
        {"3.2.3", STR_INIT("CONNECT b:443 HTTP/1.1"), STR_INIT("Host: a\r\n"), "b:443"},
        {"3.2.4", STR_INIT("OPTIONS * HTTP/1.1"), STR_INIT("Host: a\r\n"), "a"},
    };
    rows_begin("parser", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *label = rows[i].line.at;
        rows_next(rows[i].section, label);
        struct parsed parsed =
            parse_every_way(label, head_of(rows[i].line, rows[i].fields), HEAD_MAX);
        row_expect(parsed.result == H1_PARSE_HEAD, "refused");
        struct str authority = parsed.head.request.authority;
        row_expect(is(authority, rows[i].authority), "%.*s", (int)authority.length, authority.at);
    }
    rows_end();
}

/* Section 3.2: which form of target is valid for which method, for each pair of them. */
Test(h1_parse, accepts_each_form_of_target_only_for_its_methods)
{
    enum form { ORIGIN, ABSOLUTE, AUTHORITY, ASTERISK, FORMS };
    static const char *const targets[FORMS] = {"/a", "http://a/a", "a:443", "*"};
    static const char *const sections[FORMS] = {"3.2.1", "3.2.2", "3.2.3", "3.2.4"};
    static const struct {
        const char *method;
        const char *paths[FORMS]; /* NULL: refused */
    } rows[] = {
        {"GET", {"/a", "/a", NULL, NULL}},     {"HEAD", {"/a", "/a", NULL, NULL}},
        {"OPTIONS", {"/a", "/a", NULL, "*"}},  {"POST", {"/a", "/a", NULL, NULL}},
        {"PUT", {"/a", "/a", NULL, NULL}},     {"DELETE", {"/a", "/a", NULL, NULL}},
        {"PATCH", {"/a", "/a", NULL, NULL}},   {"TRACE", {"/a", "/a", NULL, NULL}},
        {"CONNECT", {NULL, NULL, "/", NULL}},  {"BREW", {"/a", "/a", NULL, NULL}},
        {"options", {"/a", "/a", NULL, NULL}}, {"connect", {"/a", "/a", NULL, NULL}},
    };
    rows_begin("parser", COUNT_OF(rows) * FORMS);
    for (size_t i = 0; i < COUNT_OF(rows) * FORMS; i++) {
        const char *path = rows[i / FORMS].paths[i % FORMS];
        char line[64];
        int length = snprintf(line, sizeof line, "%s %s HTTP/1.1", rows[i / FORMS].method,
                              targets[i % FORMS]);
        rows_next(sections[i % FORMS], line);
        struct str head = head_of((struct str){line, (size_t)length}, STR("Host: a\r\n"));
        struct parsed parsed = parse_every_way(line, head, HEAD_MAX);
        row_expect(parsed.result == (path ? H1_PARSE_HEAD : H1_PARSE_BAD), "%d", parsed.result);
        row_expect(parsed.head.request.refusal == (path ? HTTP_NONE : HTTP_BAD_REQUEST), "%d",
                   parsed.head.request.refusal);
        row_expect(!path || is(parsed.head.request.path, path), "path");
    }
    rows_end();
}

/* A head that is refused with STATUS. */
struct refused {
    const char *section; /* of RFC 9112 unless it says otherwise */
    struct str text;     /* also the label */
    enum http_status status;
};

/* The text of each row is a request line. */
static void expect_lines_refused(const struct refused *rows, size_t count)
{
    rows_begin("parser", count);
    for (size_t i = 0; i < count; i++) {
        const char *label = rows[i].text.at;
        rows_next(rows[i].section, label);
        struct str head = head_of(rows[i].text, STR("Host: a\r\n"));
        struct parsed parsed = parse_every_way(label, head, HEAD_MAX);
        row_expect(parsed.result == H1_PARSE_BAD, "taken");
        row_expect(parsed.head.request.refusal == rows[i].status, "%d",
                   parsed.head.request.refusal);
    }
    rows_end();
}

Test(h1_parse, refuses_versions)
{
    static const struct refused rows[] = {
        {"2.3", STR_INIT("GET / HTTP/2.0"), 505},
        {"2.3", STR_INIT("GET / HTTP/3.0"), 505},
        {"2.3", STR_INIT("GET / HTTP/0.9"), 505},
        {"2.3", STR_INIT("GET / HTTP/2.1"), 505},
        {"2.3", STR_INIT("GET / HTTP/9.9"), 505},
        {"2.3", STR_INIT("PRI * HTTP/2.0"), 505},
        {"2.3", STR_INIT("GET / HTTP/1.10"), 400},
        {"2.3", STR_INIT("GET / HTTP/1"), 400},
        {"2.3", STR_INIT("GET / HTTP/1."), 400},
        {"2.3", STR_INIT("GET / HTTP/.1"), 400},
        {"2.3", STR_INIT("GET / HTTP/01.1"), 400},
        {"2.3", STR_INIT("GET / HTTP/11"), 400},
        {"2.3", STR_INIT("GET / HTTP/+1.1"), 400},
        {"2.3", STR_INIT("GET / HTTP/1,1"), 400},
        {"2.3", STR_INIT("GET / HTTP/a.b"), 400},
        {"2.3", STR_INIT("GET / HTTP/1.x"), 400},
        {"2.3", STR_INIT("GET / http/1.1"), 400},
        {"2.3", STR_INIT("GET / HTTp/1.1"), 400},
        {"2.3", STR_INIT("GET / XTTP/1.1"), 400},
        {"2.3", STR_INIT("GET / HTTP1.1"), 400},
        {"2.3", STR_INIT("GET / HTTP 1.1"), 400},
        {"2.3", STR_INIT("GET / HTTP//1.1"), 400},
        {"2.3", STR_INIT("GET / /HTTP/1.1"), 400},
        {"2.3", STR_INIT("GET / HTTP/1.1x"), 400},
        {"2.3", STR_INIT("GET / HTTP/1.1 "), 400},
        {"2.3", STR_INIT("GET / HTTP/1.1\t"), 400},
        {"2.3", STR_INIT("GET / HTTP/1.1\0"), 400},
        {"2.3", STR_INIT("GET /"), 400},
        {"2.3", STR_INIT("GET / "), 400},
        {"2.3", STR_INIT("GET / HTTP/1.1 HTTP/1.1"), 400},
        {"2.3", STR_INIT("GET / HTTP/\xb1.1"), 400},
        {"2.3", STR_INIT("GET / HTTP/1.\xff"), 400},
        {"2.3", STR_INIT("GET / FTP/1.1"), 400},
        {"2.3", STR_INIT("GET / HTTPS/1.1"), 400},
    };
    expect_lines_refused(rows, COUNT_OF(rows));
}

Test(h1_parse, refuses_request_lines)
{
    static const struct refused rows[] = {
        {"3", STR_INIT("GET"), 400},
        {"3", STR_INIT("GET "), 400},
        {"3", STR_INIT("GET HTTP/1.1"), 400},
        {"3", STR_INIT("GET  HTTP/1.1"), 400},
        {"3", STR_INIT(" GET / HTTP/1.1"), 400},
        {"3", STR_INIT("\tGET / HTTP/1.1"), 400},
        {"3", STR_INIT("GET  / HTTP/1.1"), 400},
        {"3", STR_INIT("GET /  HTTP/1.1"), 400},
        {"3", STR_INIT("GET\t/ HTTP/1.1"), 400},
        {"3", STR_INIT("GET /\tHTTP/1.1"), 400},
        {"3", STR_INIT("GET /\vHTTP/1.1"), 400},
        {"3", STR_INIT("GET / a HTTP/1.1"), 400},
        {"3", STR_INIT("GET /a b HTTP/1.1"), 400},
        {"3.1", STR_INIT("/ HTTP/1.1"), 400},
        {"3.1", STR_INIT("G(T / HTTP/1.1"), 400},
        {"3.1", STR_INIT("GET: / HTTP/1.1"), 400},
        {"3.1", STR_INIT("\"GET\" / HTTP/1.1"), 400},
        {"3.1", STR_INIT("G\xcb\x86T / HTTP/1.1"), 400},
        {"3.2.4", STR_INIT("GET * HTTP/1.1"), 400},
        {"3.2.1", STR_INIT("GET a HTTP/1.1"), 400},
        {"3.2.3", STR_INIT("GET a:80 HTTP/1.1"), 400},
        {"3.2.1", STR_INIT("GET index.html HTTP/1.1"), 400},
        {"3.2.1", STR_INIT("GET ?a HTTP/1.1"), 400},
        {"3.2.1", STR_INIT("GET #a HTTP/1.1"), 400},
        {"3.2.2", STR_INIT("GET http:// HTTP/1.1"), 400},
        {"3.2.2", STR_INIT("GET http:///a HTTP/1.1"), 400},
        {"3.2.2", STR_INIT("GET http:/a HTTP/1.1"), 400},
        {"3.2.2", STR_INIT("GET http:a HTTP/1.1"), 400},
        {"3.2.2", STR_INIT("GET http://?a HTTP/1.1"), 400},
        {"3.2.2", STR_INIT("GET ftp://a/ HTTP/1.1"), 400},
        {"3.2.2", STR_INIT("GET file:///etc/passwd HTTP/1.1"), 400},
        {"3.2.2", STR_INIT("GET http://user@a/ HTTP/1.1"), 400}, /* RFC 9110 section 4.2.4 */
        {"3.2.2", STR_INIT("GET http://a:b/ HTTP/1.1"), 400},
        {"3.2.2", STR_INIT("GET http://a\\b/ HTTP/1.1"), 400},
        {"3.2.2", STR_INIT("GET http://[::1/ HTTP/1.1"), 400},
        {"3.2.3", STR_INIT("CONNECT a HTTP/1.1"), 400},
        {"3.2.3", STR_INIT("CONNECT a: HTTP/1.1"), 400},
        {"3.2.3", STR_INIT("CONNECT :443 HTTP/1.1"), 400},
        {"3.2.3", STR_INIT("CONNECT a:b HTTP/1.1"), 400},
        {"3.2.3", STR_INIT("CONNECT u@a:443 HTTP/1.1"), 400},
        {"3.2.3", STR_INIT("CONNECT a:443/ HTTP/1.1"), 400},
        {"3.2.3", STR_INIT("CONNECT [::1] HTTP/1.1"), 400},
        {"3.2.3", STR_INIT("CONNECT ::1 HTTP/1.1"), 400},
        {"3.2.3", STR_INIT("CONNECT https://a:443 HTTP/1.1"), 400},
        {"3.2.4", STR_INIT("OPTIONS ** HTTP/1.1"), 400},
        {"3.2.4", STR_INIT("OPTIONS *? HTTP/1.1"), 400},
        {"3.2.4", STR_INIT("OPTIONS a HTTP/1.1"), 400},
        {"3.2.4", STR_INIT("OPTIONS /* HTTP/1.1x"), 400},
        {"3.2", STR_INIT("GET /\x01 HTTP/1.1"), 400},
        {"3.2", STR_INIT("GET /\x7f HTTP/1.1"), 400},
        {"3.2", STR_INIT("GET /\xfc HTTP/1.1"), 400}, /* not UTF-8 */
        {"3.2", STR_INIT("GET /?\xfc HTTP/1.1"), 400},
        {"3.2", STR_INIT("GET /\xc3 HTTP/1.1"), 400},
        {"3.2", STR_INIT("GET /\xc0\xaf HTTP/1.1"), 400},
        {"3.2", STR_INIT("GET /\xed\xa0\x80 HTTP/1.1"), 400},
        {"3.2", STR_INIT("GET /\xc3\xbc#a HTTP/1.1"), 400},
        {"3.2", STR_INIT("GET /\xc3\xbc\x7f HTTP/1.1"), 400},
        {"3.2", STR_INIT("GET \xc3\xbc HTTP/1.1"), 400},
        {"3.2.2", STR_INIT("GET http://\xc3\xbc/ HTTP/1.1"), 400},
        {"3.2.3", STR_INIT("CONNECT \xc3\xbc:443 HTTP/1.1"), 400},
        {"3.2", STR_INIT("GET /\0 HTTP/1.1"), 400},
        {"3.2", STR_INIT("GET /a\rb HTTP/1.1"), 400},
    };
    expect_lines_refused(rows, COUNT_OF(rows));
}

/* How much of a refused message was understood decides the form of the response: no content for
 * HEAD, and its version. */
Test(h1_parse, keeps_method_and_version_of_a_refused_head)
{
    static const struct {
        struct str line, fields;
        enum http_method method;
        unsigned minor;
    } rows[] = {
        {STR_INIT("HEAD / HTTP/1.1"), STR_INIT("no colon\r\n"), HTTP_HEAD, 1},
        {STR_INIT("HEAD / HTTP/1.0"), STR_INIT("no colon\r\n"), HTTP_HEAD, 0},
        {STR_INIT("GET x HTTP/1.0"), STR_INIT(""), HTTP_GET, 0},
        {STR_INIT("HEAD / HTTP/2.0"), STR_INIT(""), HTTP_HEAD, 1},
        {STR_INIT("HEAD /"), STR_INIT(""), HTTP_HEAD, 1},
        {STR_INIT("(\x01)"), STR_INIT(""), HTTP_METHOD_OTHER, 1},
        {STR_INIT("HEAD / HTTP/1.1"), STR_INIT(""), HTTP_HEAD, 1}, /* no Host */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *label = rows[i].line.at;
        struct parsed parsed =
            parse_every_way(label, head_of(rows[i].line, rows[i].fields), HEAD_MAX);
        cr_assert_eq(parsed.result, H1_PARSE_BAD, "%s", label);
        cr_expect_eq(parsed.head.request.method, rows[i].method, "%s", label);
        cr_expect_eq(parsed.head.minor, rows[i].minor, "%s", label);
    }
}

/* --- Lines, sections 2.2 and 5.2 -------------------------------------------------------------- */

Test(h1_parse, accepts_only_crlf_as_the_end_of_a_line)
{
    static const struct {
        const char *section, *label; /* of RFC 9112 */
        struct str input;
    } rows[] = {
        {"2.2", "LF everywhere", STR_INIT("GET / HTTP/1.1\nHost: a\n\n")},
        {"2.2", "LF after the request line", STR_INIT("GET / HTTP/1.1\nHost: a\r\n\r\n")},
        {"2.2", "LF after a field", STR_INIT("GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n")},
        {"2.2", "LF for the blank line", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\n\n")},
        {"2.2", "LF LF after a field", STR_INIT("GET / HTTP/1.1\r\nHost: a\n\n")},
        {"2.2", "LF, then CRLF", STR_INIT("GET / HTTP/1.1\r\nHost: a\n\r\n")},
        {"2.2", "CR in the request line", STR_INIT("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n")},
        {"2.2", "CR CR LF", STR_INIT("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n")},
        {"2.2", "CR in a value", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nB: c\rd\r\n\r\n")},
        {"2.2", "CR at a value's end", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\r\n\r\n")},
        {"2.2", "CR before a name", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\n\rB: c\r\n\r\n")},
        {"5", "NUL in a value", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nB: c\0d\r\n\r\n")},
        {"5", "NUL in a name", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nB\0: c\r\n\r\n")},
        {"5", "DEL in a value", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nB: c\x7f\r\n\r\n")},
        {"5", "ESC in a value", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nB: \x1b[1m\r\n\r\n")},
        {"5.2", "folded with SP", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n d\r\n\r\n")},
        {"5.2", "folded with HTAB", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\td\r\n\r\n")},
        {"2.2", "SP before the first field",
         STR_INIT("GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n")},
        {"2.2", "SP alone on a line", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n")},
    };
    rows_begin("parser", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next(rows[i].section, rows[i].label);
        struct parsed parsed = parse_every_way(rows[i].label, rows[i].input, HEAD_MAX);
        row_expect(parsed.result == H1_PARSE_BAD, "%d", parsed.result);
        row_expect(parsed.head.request.refusal == HTTP_BAD_REQUEST, "%d",
                   parsed.head.request.refusal);
    }
    rows_end();
}

/* Bytes that cannot become a request are refused at once, before the peer has to wait. */
Test(h1_parse, refuses_by_the_first_byte_if_possible)
{
    for (int byte = 0; byte < 256; byte++) {
        static const char others[] = "!#$%&'*+-.^_`|~";
        char first = (char)byte, lower = char_lower(first);
        bool token = char_is_digit(first) || (lower >= 'a' && lower <= 'z') ||
                     (byte != 0 && strchr(others, byte));
        struct parsed parsed = parse_every_way("one byte", (struct str){&first, 1}, HEAD_MAX);
        cr_expect_eq(parsed.result, token ? H1_PARSE_MORE : H1_PARSE_BAD, "%d", byte);
        cr_expect(token || parsed.head.request.refusal == HTTP_BAD_REQUEST, "%d", byte);
    }
    struct str hello = STR("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    cr_expect_eq(parse_every_way("TLS", hello, HEAD_MAX).head.request.refusal, HTTP_BAD_REQUEST);
    struct str preface = STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    cr_expect_eq(parse_every_way("HTTP/2", preface, HEAD_MAX).head.request.refusal,
                 HTTP_VERSION_NOT_SUPPORTED);
}

Test(h1_parse, consumes_exactly_up_to_the_blank_line)
{
    struct str head = STR("GET /a HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\nGET /b HTTP/1.1\r\n\r\n\r\n");
    size_t head_bytes = strlen("GET /a HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n");
    for (size_t bytes = 0; bytes <= head.length; bytes++) {
        struct parsed parsed = parse_every_way("a prefix", str_first(head, bytes), HEAD_MAX);
        cr_assert_eq(parsed.result, bytes < head_bytes ? H1_PARSE_MORE : H1_PARSE_HEAD, "%zu",
                     bytes);
        cr_assert(bytes < head_bytes || parsed.head_bytes == head_bytes, "%zu", bytes);
    }
}
