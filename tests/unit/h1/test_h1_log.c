/* h1_log: the parts of a request that a log shows, from whole, malformed and incomplete heads. */
#include "h1/h1_log.h"
#include "support/guard.h"

#include <criterion/criterion.h>

static const struct {
    const char *label, *head;
    const char *parts[LOG_PART_COUNT]; /* as enum log_part; NULL: absent */
} rows[] = {
    {"all parts",
     "GET /a?b HTTP/1.1\r\nHost: a.b:80\r\nUser-Agent: curl/8 (x)\r\nReferer: http://c/\r\n\r\n",
     {"GET", "/a?b", "HTTP/1.1", "a.b:80", "http://c/", "curl/8 (x)", NULL}},
    {"names in any case",
     "GET / HTTP/1.1\r\nHOST: a\r\nuser-agent:\tx \r\n\r\n",
     {"GET", "/", "HTTP/1.1", "a", NULL, "x", NULL}},
    {"LF alone", "GET / HTTP/1.1\nHost: a\n\n", {"GET", "/", "HTTP/1.1", "a", NULL, NULL, NULL}},
    {"an empty field",
     "GET / HTTP/1.1\r\nHost:\r\nReferer: \r\n\r\n",
     {"GET", "/", "HTTP/1.1", "", "", NULL, NULL}},
    {"fields of the next request",
     "GET / HTTP/1.0\r\n\r\nGET /b HTTP/1.1\r\nHost: b\r\n\r\n",
     {"GET", "/", "HTTP/1.0", NULL, NULL, NULL, NULL}},
    {"a field that comes twice",
     "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
     {"GET", "/", "HTTP/1.1", "a", NULL, NULL, NULL}},
    {"RFC 9112 3.2.2: absolute form",
     "GET http://c.d/x HTTP/1.1\r\nHost: a\r\n\r\n",
     {"GET", "http://c.d/x", "HTTP/1.1", "c.d", NULL, NULL, NULL}},
    {"absolute form without a path",
     "GET http://c.d?x HTTP/1.1\r\n\r\n",
     {"GET", "http://c.d?x", "HTTP/1.1", "c.d", NULL, NULL, NULL}},
    {"absolute form with a fragment",
     "GET http://c.d#x HTTP/1.1\r\n\r\n",
     {"GET", "http://c.d#x", "HTTP/1.1", "c.d", NULL, NULL, NULL}},
    {"a URL inside a path",
     "GET /http://c.d/x HTTP/1.1\r\nHost: a\r\n\r\n",
     {"GET", "/http://c.d/x", "HTTP/1.1", "a", NULL, NULL, NULL}},
    {"asterisk form",
     "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
     {"OPTIONS", "*", "HTTP/1.1", "a", NULL, NULL, NULL}},
    {"not HTTP", "hello\r\n\r\n", {"hello", NULL, NULL, NULL, NULL, NULL, NULL}},
    {"a malformed field",
     "GET / HTTP/1.1\r\nnonsense\r\nHost : a\r\nHost: b\r\n\r\n",
     {"GET", "/", "HTTP/1.1", "b", NULL, NULL, NULL}},
    {"half a request line", "GET /a HT", {NULL, NULL, NULL, NULL, NULL, NULL, NULL}},
    {"half a field",
     "GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent: cu",
     {"GET", "/a", "HTTP/1.1", "a", NULL, NULL, NULL}},
    {"a range",
     "GET / HTTP/1.1\r\nrange: bytes=0-9 \r\n\r\n",
     {"GET", "/", "HTTP/1.1", NULL, NULL, NULL, "bytes=0-9"}},
    {"spaces in the target",
     "GET /a b c HTTP/1.1\r\n\r\n",
     {"GET", "/a b c", "HTTP/1.1", NULL, NULL, NULL, NULL}},
    {"no protocol", "GET /a b\r\n\r\n", {"GET", "/a b", NULL, NULL, NULL, NULL, NULL}},
    {"nothing", "", {NULL, NULL, NULL, NULL, NULL, NULL, NULL}},
    {"an empty line", "\r\n", {NULL, NULL, NULL, NULL, NULL, NULL, NULL}},
};

static void expect_parts(const char *label, const struct str parts[static LOG_PART_COUNT],
                         const char *const expected[static LOG_PART_COUNT])
{
    for (unsigned i = 0; i < LOG_PART_COUNT; i++) {
        cr_expect_eq(parts[i].at != NULL, expected[i] != NULL, "%s: part %u", label, i);
        cr_expect(!expected[i] || str_equal(parts[i], str_of(expected[i])), "%s: part %u: %.*s",
                  label, i, (int)parts[i].length, parts[i].at);
    }
}

Test(h1_log, cuts_a_head_into_parts)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str parts[LOG_PART_COUNT], input = guard_copy(str_of(rows[i].head));
        h1_log_parts(parts, input);
        expect_parts(rows[i].label, parts, rows[i].parts);
        guard_drop(input);
    }
}
