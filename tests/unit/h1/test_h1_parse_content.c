/* h1_parse, the fields about content and the connection: RFC 9112 section 6, RFC 9110 sections
 * 7.6.1, 8.6 and 10.1.1. Each row is split at every position (see parse_check.h). */
#include "support/parse_check.h"
#include "support/rows.h"

#include <criterion/criterion.h>

static const struct str post = STR_INIT("POST /x HTTP/1.1");

/* The fields of a request and their result: framing if REFUSAL is HTTP_NONE. */
struct framing_row {
    const char *section; /* of RFC 9112, or 9110 section 8.6 */
    struct str fields;   /* also the label */
    enum http_status refusal;
    enum h1_framing framing;
    uint64_t content_bytes;
};

static void expect_framing(struct str line, const struct framing_row *rows, size_t count)
{
    rows_begin("framing", count);
    for (size_t i = 0; i < count; i++) {
        rows_next(rows[i].section, rows[i].fields.at);
        struct parsed parsed = parse_fields(line, rows[i].fields);
        const struct h1_head *head = &parsed.head;
        row_expect(parsed.result == (rows[i].refusal ? H1_PARSE_BAD : H1_PARSE_HEAD), "%d",
                   parsed.result);
        row_expect(head->request.refusal == rows[i].refusal, "%d", head->request.refusal);
        if (rows[i].refusal)
            continue;
        row_expect(head->framing == rows[i].framing, "%d", head->framing);
        row_expect(head->content_bytes == rows[i].content_bytes, "%ju",
                   (uintmax_t)head->content_bytes);
    }
    rows_end();
}

Test(h1_parse, requires_content_length_to_be_one_number)
{
    static const struct framing_row rows[] = {
        {"8.6", STR_INIT(""), HTTP_NONE, H1_FRAMING_NONE, 0},
        {"8.6", STR_INIT("Content-Length: 0\r\n"), HTTP_NONE, H1_FRAMING_LENGTH, 0},
        {"8.6", STR_INIT("Content-Length: 5\r\n"), HTTP_NONE, H1_FRAMING_LENGTH, 5},
        {"8.6", STR_INIT("content-length:\t5 \r\n"), HTTP_NONE, H1_FRAMING_LENGTH, 5},
        {"8.6", STR_INIT("Content-Length: 0005\r\n"), HTTP_NONE, H1_FRAMING_LENGTH, 5},
        {"8.6", STR_INIT("Content-Length: 18446744073709551615\r\n"), HTTP_NONE, H1_FRAMING_LENGTH,
         UINT64_MAX},
        {"6.3", STR_INIT("Content-Length: 18446744073709551616\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 18446744073709551621\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 99999999999999999999999999\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length:\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: +5\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: -5\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: -0\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 0x5\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5 5\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5,5\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5, 6\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5,\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5.0\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5e1\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: \"5\"\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: ,\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: ,5\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5;\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 1_0\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5h\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: \v5\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5\0\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5\r\n 6\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length:\r\nContent-Length: 5\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: five\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5\xc2\xa0\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5\r\nContent-Length: 5\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5\r\ncontent-length: 6\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 0\r\nX: y\r\nContent-Length: 6\r\n"), 400, 0, 0},
    };
    expect_framing(post, rows, COUNT_OF(rows));
    expect_framing(STR("GET / HTTP/1.0"), rows, COUNT_OF(rows));
}

Test(h1_parse, accepts_only_chunked_as_transfer_encoding)
{
    static const struct framing_row rows[] = {
        {"6.1", STR_INIT("Transfer-Encoding: chunked\r\n"), HTTP_NONE, H1_FRAMING_CHUNKED, 0},
        {"6.1", STR_INIT("transfer-encoding:\tCHUNKED \r\n"), HTTP_NONE, H1_FRAMING_CHUNKED, 0},
        {"6.1", STR_INIT("Transfer-Encoding: gzip, chunked\r\n"), 501, 0, 0},
        {"6.1", STR_INIT("Transfer-Encoding: gzip,\tCHUNKED\r\n"), 501, 0, 0},
        {"6.1", STR_INIT("Transfer-Encoding: identity, chunked\r\n"), 501, 0, 0},
        {"6.1", STR_INIT("Transfer-Encoding: gzip, deflate, chunked\r\n"), 501, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding: gzip\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding: identity\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding: xchunked\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding: chunkedx\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding: chunked, gzip\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding: chunked, identity\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding: gzip, identity\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding:\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding: ,\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding: chunked,\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding: ,chunked\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding: \"chunked\"\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding: chunked gzip\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding: chunked\0\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Transfer-Encoding:\r\n chunked\r\n"), 400, 0, 0},
        {"6.1", STR_INIT("Transfer-Encoding: chunked, chunked\r\n"), 400, 0, 0},
        {"6.1", STR_INIT("Transfer-Encoding: gzip, chunked, chunked\r\n"), 400, 0, 0},
        {"6.1", STR_INIT("Transfer-Encoding: chunked, gzip, chunked\r\n"), 400, 0, 0},
        {"7.1", STR_INIT("Transfer-Encoding: chunked;q=1\r\n"), 400, 0, 0},
        {"7.1", STR_INIT("Transfer-Encoding: gzip, chunked;a=b\r\n"), 400, 0, 0},
        {"6.1", STR_INIT("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400, 0,
         0},
        {"6.1", STR_INIT("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), 400, 0, 0},
        {"6.1", STR_INIT("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400, 0, 0},
        {"6.1", STR_INIT("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400, 0, 0},
        {"6.3", STR_INIT("Content-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n"), 400, 0, 0},
        {"5", STR_INIT("Transfer-Encoding: gzip, chunked\r\nno colon\r\n"), 400, 0, 0},
        {"5.1", STR_INIT("Transfer-Encoding : chunked\r\n"), 400, 0, 0},
        {"6.1",
         STR_INIT("Transfer-Encoding:\x0b"
                  "chunked\r\n"),
         400, 0, 0},
    };
    static const struct framing_row old_rows[] = {
        {"6.1", STR_INIT("Transfer-Encoding: chunked\r\n"), 400, 0, 0},
        {"6.1", STR_INIT("Transfer-Encoding: gzip\r\n"), 400, 0, 0},
        {"6.1", STR_INIT("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400, 0, 0},
    };
    expect_framing(post, rows, COUNT_OF(rows));
    expect_framing(STR("GET / HTTP/1.1"), rows, COUNT_OF(rows));
    expect_framing(STR("POST / HTTP/1.0"), old_rows, COUNT_OF(old_rows));
}

Test(h1_parse, finds_options_in_lists_of_connection_and_expect)
{
    static const struct {
        const char *section; /* of RFC 9110 */
        struct str fields;   /* also the label */
        bool close, keep_alive, expects_continue;
    } rows[] = {
        {"7.6.1", STR_INIT(""), false, false, false},
        {"7.6.1", STR_INIT("Connection: close\r\n"), true, false, false},
        {"7.6.1", STR_INIT("connection: CLOSE\r\n"), true, false, false},
        {"7.6.1", STR_INIT("Connection: keep-alive\r\n"), false, true, false},
        {"7.6.1", STR_INIT("Connection: Keep-Alive, Upgrade\r\n"), false, true, false},
        {"7.6.1", STR_INIT("Connection: ,upgrade ,\tclose,\r\n"), true, false, false},
        {"7.6.1", STR_INIT("Connection: keep-alive, close\r\n"), true, true, false},
        {"7.6.1", STR_INIT("Connection: close\r\nConnection: x\r\n"), true, false, false},
        {"7.6.1", STR_INIT("Connection: x\r\nConnection: close\r\n"), true, false, false},
        {"7.6.1", STR_INIT("Connection: closed\r\n"), false, false, false},
        {"7.6.1", STR_INIT("Connection: not close\r\n"), false, false, false},
        {"7.6.1", STR_INIT("Connection: \"close\"\r\n"), false, false, false},
        {"7.6.1", STR_INIT("Connection:\r\n"), false, false, false},
        {"7.6.1", STR_INIT("X-Connection: close\r\n"), false, false, false},
        {"7.6.1", STR_INIT("Keep-Alive: 5\r\n"), false, false, false},
        {"10.1.1", STR_INIT("Expect: 100-continue\r\n"), false, false, true},
        {"10.1.1", STR_INIT("expect: 100-CONTINUE\r\n"), false, false, true},
        {"10.1.1", STR_INIT("Expect: 100-continued\r\n"), false, false, false},
    };
    rows_begin("framing", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next(rows[i].section, rows[i].fields.at);
        struct parsed parsed = parse_fields(post, rows[i].fields);
        row_expect(parsed.result == H1_PARSE_HEAD, "%d", parsed.result);
        row_expect(parsed.head.close == rows[i].close, "close");
        row_expect(parsed.head.keep_alive == rows[i].keep_alive, "keep-alive");
        row_expect(parsed.head.expects_continue == rows[i].expects_continue, "100-continue");
    }
    rows_end();
}
