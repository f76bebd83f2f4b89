/* h1_parse: how long a head may be, and heads with random damage. */
#include "support/parse_check.h"
#include "support/prng.h"

#include <criterion/criterion.h>

TestSuite(h1_parse_limits, .timeout = 120);

enum { HEAD_MAX = 8 << 10 };

/* --- Limits ----------------------------------------------------------------------------------- */

/* A head whose request line has LINE_BYTES, with its CRLF, and which has HEAD_BYTES in all. */
static struct str head_of_size(size_t line_bytes, size_t head_bytes)
{
    static char text[PARSE_INPUT_MAX];
    memset(text, 'a', sizeof text);
    str_put(text, STR("GET /"));
    str_put(text + line_bytes - 11, STR(" HTTP/1.0\r\n"));
    if (head_bytes > line_bytes + 2) {
        text[line_bytes + 1] = ':';
        str_put(text + head_bytes - 4, STR("\r\n\r\n"));
    } else {
        str_put(text + line_bytes, STR("\r\n"));
    }
    return (struct str){text, head_bytes};
}

Test(h1_parse_limits, bounds_the_head_exactly)
{
    static const struct {
        const char *label;
        size_t line_bytes, head_bytes, head_bytes_max;
        enum http_status refusal;
    } rows[] = {
        {"just fits", 30, 100, 100, HTTP_NONE},
        {"just fits, one line", 98, 100, 100, HTTP_NONE},
        {"one too many", 30, 101, 100, HTTP_FIELDS_TOO_LARGE},
        {"a line that leaves no room for the blank one", 99, 101, 100, HTTP_FIELDS_TOO_LARGE},
        {"a line that takes it all", 100, 102, 100, HTTP_FIELDS_TOO_LARGE},
        {"a line one too long", 101, 103, 100, HTTP_URI_TOO_LONG},
        {"a line two too long", 102, 200, 100, HTTP_URI_TOO_LONG},
        {"far too many", 30, 5000, 100, HTTP_FIELDS_TOO_LARGE},
        {"a line far too long", 4900, 5000, 100, HTTP_URI_TOO_LONG},
        {"8 KiB", 1000, HEAD_MAX, HEAD_MAX, HTTP_NONE},
        {"8 KiB and 1", 1000, HEAD_MAX + 1, HEAD_MAX, HTTP_FIELDS_TOO_LARGE},
        {"8 KiB of one line", HEAD_MAX + 1, HEAD_MAX + 3, HEAD_MAX, HTTP_URI_TOO_LONG},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str head = head_of_size(rows[i].line_bytes, rows[i].head_bytes);
        size_t max = rows[i].head_bytes_max;
        struct parsed parsed = parse_every_way(rows[i].label, head, max);
        cr_assert_neq(parsed.result, H1_PARSE_MORE, "%s", rows[i].label);
        cr_expect_eq(parsed.head.request.refusal, rows[i].refusal, "%s: %d", rows[i].label,
                     parsed.head.request.refusal);
        if (!rows[i].refusal)
            continue;
        parsed = parse_whole(str_first(head, max), max);
        cr_expect_eq(parsed.head.request.refusal, rows[i].refusal, "%s: with MAX bytes",
                     rows[i].label);
        parsed = parse_whole(str_first(head, max - 1), max);
        cr_expect_eq(parsed.result, H1_PARSE_MORE, "%s: with one less", rows[i].label);
    }
}

/* As above, for the longest heads there can be. They are split at a few positions only. */
Test(h1_parse_limits, bounds_the_longest_head_exactly)
{
    enum { MAX = H1_PARSE_BYTES_MAX };
    static const struct {
        const char *label;
        size_t line_bytes, head_bytes;
        enum http_status refusal;
    } rows[] = {
        {"64 KiB", 1000, MAX, HTTP_NONE},
        {"64 KiB and 1", 1000, MAX + 1, HTTP_FIELDS_TOO_LARGE},
        {"64 KiB in one line", MAX - 2, MAX, HTTP_NONE},
        {"a line that takes it all", MAX, MAX + 2, HTTP_FIELDS_TOO_LARGE},
        {"a line one too long", MAX + 1, MAX + 3, HTTP_URI_TOO_LONG},
    };
    static const size_t splits[] = {1,       900,     1000,    1001,    16384, 40000,
                                    MAX - 4, MAX - 3, MAX - 2, MAX - 1, MAX};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str head = head_of_size(rows[i].line_bytes, rows[i].head_bytes);
        struct parsed parsed = parse_whole(head, MAX);
        cr_assert_neq(parsed.result, H1_PARSE_MORE, "%s", rows[i].label);
        cr_expect_eq(parsed.head.request.refusal, rows[i].refusal, "%s: %d", rows[i].label,
                     parsed.head.request.refusal);
        for (size_t j = 0; j < COUNT_OF(splits); j++)
            parse_split(rows[i].label, head, MAX, splits[j], &parsed);
        parsed = parse_whole(str_first(head, MAX - 1), MAX);
        cr_expect_eq(parsed.result, H1_PARSE_MORE, "%s: with one less", rows[i].label);
    }
}

/* --- Random input ----------------------------------------------------------------------------- */

/* Changes TEXT of LENGTH bytes in up to three places. Returns the new length. */
static size_t spoil(char *text, size_t length, struct prng *prng)
{
    static const char spices[] = "\r\n\r\n \t:,?/\0\x7f\x80"
                                 "aH1";
    for (uint64_t count = prng_below(prng, 4); count > 0 && length > 1; count--) {
        size_t at = prng_below(prng, length);
        char spice = spices[prng_below(prng, sizeof spices - 1)];
        switch (prng_below(prng, 3)) {
        case 0:
            text[at] = spice;
            break;
        case 1:
            memmove(text + at, text + at + 1, --length - at);
            break;
        default:
            memmove(text + at + 1, text + at, length++ - at);
            text[at] = spice;
        }
    }
    return length;
}

Test(h1_parse_limits, gives_the_same_result_however_damaged_heads_arrive)
{
    static const struct str whole =
        STR_INIT("HEAD http://a:80/b?c HTTP/1.1\r\nHost: a:80\r\nConnection: close, x\r\n"
                 "Content-Length: 10\r\nIf-None-Match: \"x\"\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    struct prng prng = {9112};
    unsigned counts[3] = {0};
    for (int round = 0; round < 20000; round++) {
        char text[256];
        str_put(text, whole);
        struct str input = {text, spoil(text, whole.length, &prng)};
        if (prng_below(&prng, 8) == 0)
            input.length = prng_below(&prng, input.length + 1);
        size_t max = prng_below(&prng, 4) == 0 ? 1 + prng_below(&prng, 200) : HEAD_MAX;
        struct parsed parsed = parse_whole(input, max);
        for (int i = 0; i < 4; i++)
            parse_split("damaged", input, max, prng_below(&prng, input.length + 1), &parsed);
        counts[parsed.result]++;
    }
    cr_expect(counts[H1_PARSE_HEAD] > 2000 && counts[H1_PARSE_BAD] > 2000 &&
                  counts[H1_PARSE_MORE] > 1000,
              "%u %u %u", counts[H1_PARSE_HEAD], counts[H1_PARSE_BAD], counts[H1_PARSE_MORE]);
}
