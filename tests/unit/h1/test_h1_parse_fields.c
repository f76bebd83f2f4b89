/* h1_parse, the fields: RFC 9112 sections 3.2 and 5, RFC 9110 sections 5 and 7.2. Each row
 * is split at every position (see parse_check.h). */
#include "support/parse_check.h"
#include "support/rows.h"

#include <criterion/criterion.h>

enum { HEAD_MAX = 8 << 10 };

static const struct str post = STR_INIT("POST /x HTTP/1.1");

/* --- Field lines ------------------------------------------------------------------------------ */

Test(h1_parse, refuses_malformed_field_lines)
{
    static const struct {
        const char *section; /* of RFC 9112, and 9110 section 5.5 for values */
        struct str line;     /* also the label */
    } rows[] = {
        {"5", STR_INIT(": b\r\n")},
        {"5", STR_INIT(":\r\n")},
        {"5", STR_INIT("A\r\n")},
        {"5", STR_INIT("A b\r\n")},
        {"5.1", STR_INIT("A : b\r\n")},
        {"5.1", STR_INIT("A\t: b\r\n")},
        {"5.2", STR_INIT(" A: b\r\n")},
        {"5", STR_INIT("A b: c\r\n")},
        {"5", STR_INIT("A(b): c\r\n")},
        {"5", STR_INIT("A/b: c\r\n")},
        {"5", STR_INIT("A\"b\": c\r\n")},
        {"5", STR_INIT("A@b: c\r\n")},
        {"5", STR_INIT("\xc3\x84: c\r\n")},
        {"5", STR_INIT("A=b\r\n")},
        {"5", STR_INIT("{A}: c\r\n")},
        {"5", STR_INIT("A: b\r\n: c\r\n")},
        {"5", STR_INIT("A\0: c\r\n")},
        {"5.5", STR_INIT("A: c\x01\r\n")},
        {"5.1", STR_INIT("Content-Length : 5\r\n")},
        {"5.1", STR_INIT("Transfer-Encoding : chunked\r\n")},
    };
    rows_begin("parser", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next(rows[i].section, rows[i].line.at);
        struct parsed parsed = parse_fields(post, rows[i].line);
        row_expect(parsed.result == H1_PARSE_BAD, "%d", parsed.result);
        row_expect(parsed.head.request.refusal == HTTP_BAD_REQUEST, "%d",
                   parsed.head.request.refusal);
    }
    rows_end();
}

Test(h1_parse, trims_values_and_ignores_the_case_of_names)
{
    static const struct {
        const char *section; /* of RFC 9112 */
        struct str fields;   /* also the label */
        const char *if_none_match;
    } rows[] = {
        {"5.1", STR_INIT("If-None-Match: \"a\"\r\n"), "\"a\""},
        {"5.1", STR_INIT("if-none-match:\"a\"\r\n"), "\"a\""},
        {"5.1", STR_INIT("IF-NONE-MATCH: \t \"a\" \t \r\n"), "\"a\""},
        {"5.1", STR_INIT("If-None-Match: \"a\",\t\"b c\"\r\n"), "\"a\",\t\"b c\""},
        {"5.1", STR_INIT("If-None-Match: \"\xc3\xbc\"\r\n"), "\"\xc3\xbc\""},
        {"5.1", STR_INIT("If-None-Match:\r\n"), ""},
        {"5.1", STR_INIT("If-None-Match: \t\r\n"), ""},
        {"5.1", STR_INIT("X-If-None-Match: \"a\"\r\n"), NULL},
        {"5.1", STR_INIT("If-None-Matc: \"a\"\r\n"), NULL},
        {"5.1", STR_INIT(""), NULL},
    };
    rows_begin("parser", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next(rows[i].section, rows[i].fields.at);
        struct parsed parsed = parse_fields(post, rows[i].fields);
        struct str value = parsed.head.request.fields[HTTP_FIELD_IF_NONE_MATCH];
        const char *expected = rows[i].if_none_match;
        row_expect(parsed.result == H1_PARSE_HEAD, "%d", parsed.result);
        row_expect((value.at != NULL) == (expected != NULL), "there, or not");
        row_expect(!expected || str_equal(value, str_of(expected)), "%.*s", (int)value.length,
                   value.at);
        row_expect(!parsed.head.request.fields[HTTP_FIELD_IF_MODIFIED_SINCE].at, "another field");
    }
    rows_end();
    struct parsed since = parse_fields(post, STR("If-Modified-Since:  then \r\n"));
    cr_expect(str_equal(since.head.request.fields[HTTP_FIELD_IF_MODIFIED_SINCE], STR("then")));
}

/* RFC 9110 section 5.3: several lines of a list are one; sections 5.6.1, 12.5.1, 12.5.3, 13.1. */
Test(h1_parse, joins_repeated_lines_of_lists_and_empties_other_fields)
{
    static const struct {
        const char *section, *label; /* of RFC 9110 */
        struct str fields;
        enum http_field field;
        const char *value;
    } rows[] = {
        {"5.3", "If-None-Match twice", STR_INIT("If-None-Match: \"a\"\r\nif-none-match: \"b\"\r\n"),
         HTTP_FIELD_IF_NONE_MATCH, "\"a\", \"b\""},
        {"5.3", "three times, others between",
         STR_INIT("If-None-Match: \"a\"\r\nX: y\r\nIf-None-Match: \"b\" , W/\"c\"\r\n"
                  "If-Match: \"z\"\r\nIf-None-Match:\t\"d\"\r\n"),
         HTTP_FIELD_IF_NONE_MATCH, "\"a\", \"b\" , W/\"c\", \"d\""},
        {"5.6.1", "empty lines of a list are left out",
         STR_INIT("If-Match:\r\nIf-Match: \"a\"\r\nIf-Match: \t\r\nIf-Match: \"b\"\r\n"),
         HTTP_FIELD_IF_MATCH, "\"a\", \"b\""},
        {"5.6.1", "a list of empty lines", STR_INIT("If-Match:\r\nIf-Match: \r\n"),
         HTTP_FIELD_IF_MATCH, ""},
        {"5.3", "two lists at once: one",
         STR_INIT("If-Match: \"a\"\r\nAccept: b\r\nIf-Match: \"c\"\r\nAccept: d\r\n"),
         HTTP_FIELD_IF_MATCH, "\"a\", \"c\""},
        {"5.3", "two lists at once: the other",
         STR_INIT("If-Match: \"a\"\r\nAccept: b\r\nIf-Match: \"c\"\r\nAccept: d\r\n"),
         HTTP_FIELD_ACCEPT, "b, d"},
        {"5.3", "Accept-Encoding", STR_INIT("Accept-Encoding: gzip;q=0\r\nAccept-Encoding: br\r\n"),
         HTTP_FIELD_ACCEPT_ENCODING, "gzip;q=0, br"},
        {"5.3", "Accept alone", STR_INIT("Accept: */*\r\n"), HTTP_FIELD_ACCEPT, "*/*"},
        {"5.3", "If-Modified-Since is not a list",
         STR_INIT("If-Modified-Since: a\r\nIf-Modified-Since: a\r\n"), HTTP_FIELD_IF_MODIFIED_SINCE,
         ""},
        {"5.3", "If-Unmodified-Since is not a list",
         STR_INIT("If-Unmodified-Since: a\r\nX: y\r\nIf-Unmodified-Since: b\r\n"),
         HTTP_FIELD_IF_UNMODIFIED_SINCE, ""},
        {"5.3", "Range is not a list",
         STR_INIT("Range: bytes=0-0\r\nRange: bytes=1-1\r\nRange: x\r\n"), HTTP_FIELD_RANGE, ""},
        {"5.3", "If-Range is not a list", STR_INIT("If-Range: \"a\"\r\nIf-Range: \"a\"\r\n"),
         HTTP_FIELD_IF_RANGE, ""},
        {"5.1", "Sec-Fetch-Dest", STR_INIT("sec-fetch-DEST: document\r\n"),
         HTTP_FIELD_SEC_FETCH_DEST, "document"},
        {"5.3", "Sec-Fetch-Dest is not a list",
         STR_INIT("Sec-Fetch-Dest: document\r\nSec-Fetch-Dest: document\r\n"),
         HTTP_FIELD_SEC_FETCH_DEST, ""},
        {"5.3", "none", STR_INIT("X: y\r\nX: y\r\n"), HTTP_FIELD_IF_MATCH, NULL},
    };
    static char scratch[REQUEST_JOINED_BYTES_MAX];
    rows_begin("parser", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next(rows[i].section, rows[i].label);
        struct parsed parsed = parse_fields(post, rows[i].fields);
        struct str value = request_field(&parsed.head.request, rows[i].field, scratch);
        row_expect(parsed.result == H1_PARSE_HEAD, "%d", parsed.result);
        row_expect((value.at != NULL) == (rows[i].value != NULL), "there, or not");
        row_expect(!rows[i].value || str_equal(value, str_of(rows[i].value)), "%.*s",
                   (int)value.length, value.at);
    }
    rows_end();
}

/* If there are more lines than there is room for, none of them counts, and other fields are
 * unaffected. */
Test(h1_parse, empties_a_list_of_too_many_lines)
{
    static char text[1024], scratch[REQUEST_JOINED_BYTES_MAX];
    for (unsigned lines = 1; lines <= 2 * REQUEST_MORE_MAX; lines++) {
        char *at = str_put(text, STR("Accept: x\r\nAccept: y\r\n"));
        for (unsigned i = 0; i < lines; i++)
            at = str_put(at, STR("If-Match: \"a\"\r\n"));
        struct parsed parsed = parse_fields(post, (struct str){text, (size_t)(at - text)});
        cr_assert_eq(parsed.result, H1_PARSE_HEAD, "%u", lines);
        struct str match = request_field(&parsed.head.request, HTTP_FIELD_IF_MATCH, scratch);
        size_t expected = lines <= REQUEST_MORE_MAX ? lines * 5 - 2 : 0;
        cr_expect(match.at && match.length == expected, "%u: %zu", lines, match.length);
        struct str accept = request_field(&parsed.head.request, HTTP_FIELD_ACCEPT, scratch);
        cr_expect(str_equal(accept, STR("x, y")), "%u: %.*s", lines, (int)accept.length, accept.at);
    }
}

/* The classes of bytes, from RFC 9110 sections 5.5 and 5.6.2 and RFC 3986 section 3.3. */
static bool is_alnum(int byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

static bool among(int byte, const char *bytes)
{
    return byte != 0 && strchr(bytes, byte) != NULL;
}

/* Parses a head with BYTE between BEFORE and AFTER. */
static enum h1_parse_result parse_with(const char *before, int byte, const char *after)
{
    static char text[256];
    char *at = stpcpy(text, before);
    *at++ = (char)byte;
    at = stpcpy(at, after);
    return parse_every_way(before, (struct str){text, (size_t)(at - text)}, HEAD_MAX).result;
}

Test(h1_parse, accepts_exactly_the_valid_bytes_in_each_part)
{
    for (int byte = 0; byte < 256; byte++) {
        bool token = is_alnum(byte) || among(byte, "!#$%&'*+-.^_`|~");
        bool target = is_alnum(byte) || among(byte, "-._~!$&'()*+,;=:@%/?");
        bool visible = byte > 0x20 && byte < 0x7f;
        bool value = visible || byte >= 0x80 || byte == ' ' || byte == '\t';
        enum h1_parse_result in_method = parse_with("GE", byte, "T / HTTP/1.1\r\nHost: a\r\n\r\n");
        enum h1_parse_result in_target =
            parse_with("GET /a", byte, "b HTTP/1.1\r\nHost: a\r\n\r\n");
        enum h1_parse_result in_name =
            parse_with("GET / HTTP/1.1\r\nHost: a\r\nX", byte, "Y: b\r\n\r\n");
        enum h1_parse_result in_value =
            parse_with("GET / HTTP/1.1\r\nHost: a\r\nX: y", byte, "z\r\n\r\n");
        cr_expect_eq(in_method, token ? H1_PARSE_HEAD : H1_PARSE_BAD, "method: %d", byte);
        cr_expect_eq(in_name, token || byte == ':' ? H1_PARSE_HEAD : H1_PARSE_BAD, "name: %d",
                     byte);
        cr_expect_eq(in_value, value ? H1_PARSE_HEAD : H1_PARSE_BAD, "value: %d", byte);
        if (target || !visible) /* path_decode refuses the other visible bytes */
            cr_expect_eq(in_target, target ? H1_PARSE_HEAD : H1_PARSE_BAD, "target: %d", byte);
    }
}

/* --- Host, RFC 9112 section 3.2 --------------------------------------------------------------- */

Test(h1_parse, requires_exactly_one_valid_host)
{
    static const struct {
        const char *section; /* of RFC 9112, or 9110 section 7.2 */
        struct str head;     /* also the label */
        const char *host;    /* NULL: refused */
    } rows[] = {
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "a"},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nhOST:a\r\n\r\n"), "a"},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nX: y\r\nHost: example.com:8080\r\n\r\n"),
         "example.com:8080"},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n"), "[::1]"},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n"), "[2001:db8::1]:80"},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"), "127.0.0.1:8080"},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: xn--bcher-kva.example\r\n\r\n"),
         "xn--bcher-kva.example"},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: a_b-c.d~e\r\n\r\n"), "a_b-c.d~e"},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: a:\r\n\r\n"), "a:"}, /* port = *DIGIT */
        {"3.2.2", STR_INIT("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), "b"},
        {"7.2", STR_INIT("GET / HTTP/1.0\r\nHost: a\r\n\r\n"), "a"},
        {"3.2", STR_INIT("GET / HTTP/1.1\r\n\r\n"), NULL},
        {"3.2", STR_INIT("GET / HTTP/1.9\r\n\r\n"), NULL},
        {"3.2.2", STR_INIT("GET http://a/ HTTP/1.1\r\n\r\n"), NULL},
        {"3.2", STR_INIT("BREW / HTTP/1.1\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nX-Host: a\r\n\r\n"), NULL},
        {"3.2", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), NULL},
        {"3.2", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhost: b\r\n\r\n"), NULL},
        {"3.2", STR_INIT("GET / HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n"), NULL},
        {"3.2", STR_INIT("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: a:-1\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: ::1]\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: a[::1]\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: [::1]:a\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: [[::1]]\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: a#b\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: \xc3\xbc\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: \"a\"\r\n\r\n"), NULL},
        {"7.2", STR_INIT("GET / HTTP/1.1\r\nHost: <a>\r\n\r\n"), NULL},
    };
    rows_begin("parser", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *label = rows[i].head.at;
        rows_next(rows[i].section, label);
        struct parsed parsed = parse_every_way(label, rows[i].head, HEAD_MAX);
        struct str host = parsed.head.request.authority;
        row_expect(parsed.result == (rows[i].host ? H1_PARSE_HEAD : H1_PARSE_BAD), "%d",
                   parsed.result);
        row_expect(parsed.head.request.refusal == (rows[i].host ? HTTP_NONE : HTTP_BAD_REQUEST),
                   "%d", parsed.head.request.refusal);
        row_expect(!rows[i].host || str_equal(host, str_of(rows[i].host)), "%.*s", (int)host.length,
                   host.at);
    }
    rows_end();
    struct parsed none = parse_every_way("1.0", STR("GET / HTTP/1.0\r\n\r\n"), HEAD_MAX);
    cr_expect_eq(none.result, H1_PARSE_HEAD, "HTTP/1.0 needs none");
    cr_expect_null(none.head.request.authority.at);
}
