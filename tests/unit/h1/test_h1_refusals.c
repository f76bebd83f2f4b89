/* h1: how a session answers odd messages, RFC 9112. A message whose framing cannot be trusted gets
 * exactly one response, and nothing after it is ever taken for a request (sections 6.3, 9.2 and
 * 11.2): each row is followed by two good requests, which would be answered. */
#include "support/rows.h"
#include "support/session_bench.h"

#include <criterion/criterion.h>

struct session_row {
    const char *section, *label; /* of RFC 9112 */
    struct str input;
    enum http_status status; /* of the first response */
    unsigned answers;        /* to INPUT and the two requests after it */
};

/* LATE: the fault shows only after the first response has been given. */
static void expect_sessions(const char *group, const struct session_row *rows, size_t count,
                            bool late)
{
    driver_site_create();
    rows_begin(group, count);
    for (size_t i = 0; i < count; i++) {
        struct driver *driver = driver_create(&pipelined, RING_BYTES_MAX, 0, NULL);
        char line[32];
        snprintf(line, sizeof line, " %d ", rows[i].status);
        rows_next(rows[i].section, rows[i].label);
        driver_receive(driver, rows[i].input);
        driver_receive(driver, plain);
        driver_receive(driver, plain);
        driver_finish(driver);
        struct str sent = text_view(&driver->sent);
        bool ends = rows[i].answers == 1;
        row_expect(driver->answered == rows[i].answers, "%u answers", driver->answered);
        row_expect(str_starts_with(str_from(sent, 8), str_of(line)), "%.12s", sent.at);
        row_expect((driver->stop == DRIVER_ENDED) == ends, "goes on, or not");
        /* RFC 9112 section 9.6: a server that reads no further says so as soon as it knows. */
        bool says = ends && !late;
        row_expect(has(sent, "\r\nConnection: close\r\n") == says, "says that it ends, or not");
        driver_destroy(driver);
    }
    rows_end();
    driver_site_destroy();
}

#define GET_A  "GET /small HTTP/1.1\r\nHost: a\r\n"
#define POST_A "POST /small HTTP/1.1\r\nHost: a\r\n"

Test(h1, reads_nothing_after_a_framing_error)
{
    static const struct session_row rows[] = {
        {"6.3", "two lengths", STR_INIT(POST_A "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"),
         400, 1},
        {"6.3", "a list of equal lengths", STR_INIT(POST_A "Content-Length: 0, 0\r\n\r\n"), 400, 1},
        {"6.3", "a signed length", STR_INIT(POST_A "Content-Length: +0\r\n\r\n"), 400, 1},
        {"6.3", "a negative length", STR_INIT(POST_A "Content-Length: -1\r\n\r\n"), 400, 1},
        {"6.3", "a length over 64 bits",
         STR_INIT(POST_A "Content-Length: 18446744073709551616\r\n\r\n"), 400, 1},
        {"6.3", "a length over the limit", STR_INIT(POST_A "Content-Length: 9999999999\r\n\r\n"),
         413, 1},
        {"6.1", "length and coding",
         STR_INIT(POST_A "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400,
         1},
        {"6.1", "coding and length",
         STR_INIT(POST_A "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), 400,
         1},
        {"6.1", "a coding in HTTP/1.0",
         STR_INIT("POST / HTTP/1.0\r\nConnection: keep-alive\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
         400, 1},
        {"6.3", "chunked is not the last coding",
         STR_INIT(POST_A "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), 400, 1},
        {"6.3", "identity", STR_INIT(POST_A "Transfer-Encoding: identity\r\n\r\n"), 400, 1},
        {"6.1", "chunked twice",
         STR_INIT(POST_A "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), 400, 1},
        {"6.1", "chunked in two lines",
         STR_INIT(POST_A "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"),
         400, 1},
        {"6.1", "an unknown coding",
         STR_INIT(POST_A "Transfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n"), 501, 1},
        {"5.1", "white space before the colon of a coding",
         STR_INIT(POST_A "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), 400, 1},
        {"5.1", "white space before the colon of a length",
         STR_INIT(POST_A "Content-Length : 0\r\n\r\n"), 400, 1},
        {"5.2", "a folded coding", STR_INIT(POST_A "Transfer-Encoding:\r\n chunked\r\n\r\n"), 400,
         1},
        {"2.2", "a bare CR hides a length", STR_INIT(POST_A "X: y\rContent-Length: 0\r\n\r\n"), 400,
         1},
        {"2.2", "a bare LF hides a length", STR_INIT(POST_A "X: y\nContent-Length: 0\r\n\r\n"), 400,
         1},
        {"2.2", "a NUL", STR_INIT(POST_A "X: \0\r\n\r\n"), 400, 1},
        {"2.2", "bare LFs", STR_INIT("GET /small HTTP/1.1\nHost: a\n\n"), 400, 1},
    };
    expect_sessions("framing", rows, COUNT_OF(rows), false);
}

Test(h1, reads_nothing_after_malformed_content)
{
    static const struct session_row rows[] = {
        {"7.1", "chunks that end in nonsense",
         STR_INIT(POST_A "Transfer-Encoding: chunked\r\n\r\n1\r\nxX\r\n"), 405, 1},
        {"7.1", "a chunk without an end to its size",
         STR_INIT(POST_A "Transfer-Encoding: chunked\r\n\r\n1\n\r\nx\r\n0\r\n\r\n"), 405, 1},
        {"7.1.1", "a bare CR in an extension",
         STR_INIT(POST_A "Transfer-Encoding: chunked\r\n\r\n0;a=\"\r\"\r\n\r\n"), 405, 1},
    };
    expect_sessions("framing", rows, COUNT_OF(rows), true);
}

Test(h1, does_not_take_content_for_requests)
{
    static const struct session_row rows[] = {
        {"6.2", "a length", STR_INIT(POST_A "Content-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
         405, 3},
        {"6.2", "GET with content",
         STR_INIT(GET_A "Content-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n"), 200, 3},
        {"6.2", "HEAD with content",
         STR_INIT("HEAD /small HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nG"), 200, 3},
        {"6.2", "a length of nothing", STR_INIT(POST_A "Content-Length: 0\r\n\r\n"), 405, 3},
        {"6.1", "chunks",
         STR_INIT(POST_A "Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n"), 405, 3},
        {"7.1.1", "chunks with extensions",
         STR_INIT(POST_A "Transfer-Encoding: Chunked\r\n\r\n1;a=\"b\"\r\nG\r\n0;c\r\n\r\n"), 405,
         3},
        {"7.1.2", "chunks with trailers",
         STR_INIT(POST_A "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nHost: b\r\n\r\n"), 405,
         3},
        {"6.3", "none said, none there", STR_INIT(POST_A "\r\n"), 405, 3},
        {"6.2", "content that looks like the next method",
         STR_INIT(
             "POST / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nGE"),
         405, 3},
    };
    expect_sessions("framing", rows, COUNT_OF(rows), false);
}

Test(h1, answers_odd_messages)
{
    static const struct session_row rows[] = {
        {"3.3", "the beginning of HTTP/2", STR_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, 1},
        {"2.3", "HTTP/2 in words", STR_INIT("GET /small HTTP/2\r\nHost: a\r\n\r\n"), 400, 1},
        {"2.3", "HTTP/2.0", STR_INIT("GET /small HTTP/2.0\r\nHost: a\r\n\r\n"), 505, 1},
        {"2.3", "HTTP/0.9 by name", STR_INIT("GET /small HTTP/0.9\r\n\r\n"), 505, 1},
        {"2.3", "HTTP/0.9 by form", STR_INIT("GET /small\r\n"), 400, 1},
        {"2.3", "HTTP/1.9", STR_INIT("GET /small HTTP/1.9\r\nHost: a\r\n\r\n"), 200, 3},
        {"2.3", "nonsense", STR_INIT("GET /small SMTP\r\n\r\n"), 400, 1},
        {"2.2", "an empty line before", STR_INIT("\r\n" GET_A "\r\n"), 200, 3},
        {"2.2", "many empty lines before",
         STR_INIT("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n" GET_A "\r\n"), 200, 3},
        {"2.2", "an empty line after it", STR_INIT(GET_A "\r\n\r\n"), 200, 3},
        {"2.2", "a bare LF before", STR_INIT("\n" GET_A "\r\n"), 400, 1},
        {"2.2", "a bare CR before", STR_INIT("\r" GET_A "\r\n"), 400, 1},
        {"2.2", "a space before", STR_INIT(" " GET_A "\r\n"), 400, 1},
        {"2.2", "white space before the first field",
         STR_INIT("GET /small HTTP/1.1\r\n Host: a\r\n\r\n"), 400, 1},
        {"3.2", "no Host", STR_INIT("GET /small HTTP/1.1\r\n\r\n"), 400, 1},
        {"3.2", "two Hosts", STR_INIT(GET_A "Host: a\r\n\r\n"), 400, 1},
        {"3.2", "a malformed Host", STR_INIT("GET /small HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400, 1},
        {"3.2.2", "absolute-form", STR_INIT("GET http://b/small HTTP/1.1\r\nHost: a\r\n\r\n"), 200,
         3},
        {"3.2.3", "CONNECT", STR_INIT("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), 405, 3},
        {"3.2.4", "OPTIONS *", STR_INIT("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 204, 3},
        {"3.2.4", "GET *", STR_INIT("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), 400, 1},
        {"3.1", "TRACE", STR_INIT("TRACE /small HTTP/1.1\r\nHost: a\r\n\r\n"), 405, 3},
        {"3.1", "DELETE", STR_INIT("DELETE /small HTTP/1.1\r\nHost: a\r\n\r\n"), 405, 3},
        {"3.1", "no such method", STR_INIT("BREW /small HTTP/1.1\r\nHost: a\r\n\r\n"), 501, 3},
        {"3.1", "get", STR_INIT("get /small HTTP/1.1\r\nHost: a\r\n\r\n"), 501, 3},
        {"5", "no name", STR_INIT(GET_A ": b\r\n\r\n"), 400, 1},
        {"5", "a name that is not a token", STR_INIT(GET_A "A(b): c\r\n\r\n"), 400, 1},
        {"5.1", "white space before a colon", STR_INIT(GET_A "A : b\r\n\r\n"), 400, 1},
        {"5.2", "a folded line", STR_INIT(GET_A "A: b\r\n c\r\n\r\n"), 400, 1},
        {"9.3", "TLS", STR_INIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400, 1},
    };
    expect_sessions("parser", rows, COUNT_OF(rows), false);
}
