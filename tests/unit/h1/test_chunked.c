/* chunked: RFC 9112 section 7.1, and Sluice's own limits. Every body is given whole, split at each
 * position, and byte by byte, each time up to a guard page. The model is in chunked_model.c. */
#include "h1/chunked.h"
#include "support/chunked_model.h"
#include "support/guard.h"
#include "support/rows.h"

#include <criterion/criterion.h>

static const char *const result_names[] = {
    [CHUNKED_MORE] = "more",
    [CHUNKED_DONE] = "done",
    [CHUNKED_BAD] = "bad",
    [CHUNKED_TOO_LARGE] = "too large",
};

/* A copy of PIECE that ends at the guard page; valid until the next call. */
static struct str at_guard(struct str piece)
{
    enum { ROOM = 1 << 20 };
    static char filler[ROOM];
    static struct str area;
    if (area.at == NULL)
        area = guard_copy((struct str){filler, ROOM});
    struct str copy = str_from(area, ROOM - piece.length);
    str_put((char *)(uintptr_t)copy.at, piece);
    return copy;
}

static struct chunked_outcome skip_pieces(struct str input, uint64_t content_bytes_max,
                                          size_t first, size_t piece)
{
    struct chunked chunked;
    struct chunked_outcome outcome = {CHUNKED_MORE, 0};
    chunked_init(&chunked);
    for (size_t length = first;; length = piece) {
        struct str rest = str_first(str_from(input, outcome.consumed), length);
        size_t consumed = SIZE_MAX;
        outcome.result = chunked_skip(&chunked, at_guard(rest), content_bytes_max, &consumed);
        cr_assert_leq(consumed, rest.length);
        outcome.consumed += consumed;
        if (outcome.result != CHUNKED_MORE)
            break;
        cr_assert_eq(consumed, rest.length);
        if (outcome.consumed == input.length)
            break;
    }
    size_t consumed = SIZE_MAX;
    enum chunked_result again = chunked_skip(&chunked, STR(""), content_bytes_max, &consumed);
    cr_assert(again == outcome.result && consumed == 0, "an empty input changes nothing");
    if (outcome.result != CHUNKED_MORE) {
        again = chunked_skip(&chunked, STR("0\r\n\r\n"), content_bytes_max, &consumed);
        cr_assert(again == outcome.result && consumed == 0, "a result stays");
    }
    return outcome;
}

static struct chunked_outcome skip_every_way(const char *label, struct str input,
                                             uint64_t content_bytes_max)
{
    struct chunked_outcome whole = skip_pieces(input, content_bytes_max, SIZE_MAX, SIZE_MAX);
    for (size_t first = 0; first <= input.length; first++) {
        struct chunked_outcome split = skip_pieces(input, content_bytes_max, first, SIZE_MAX);
        cr_assert(split.result == whole.result && split.consumed == whole.consumed,
                  "%s: split at %zu", label, first);
    }
    struct chunked_outcome bytewise = skip_pieces(input, content_bytes_max, 1, 1);
    cr_assert(bytewise.result == whole.result && bytewise.consumed == whole.consumed,
              "%s: byte by byte", label);
    return whole;
}

struct row {
    const char *section; /* of RFC 9112 */
    const char *label;
    struct str input;
    enum chunked_result result;
    int behind; /* bytes of INPUT left over; -1: only the result counts */
};

static void expect_row(const struct row *row, uint64_t content_bytes_max)
{
    rows_next(row->section, row->label);
    struct chunked_outcome outcome = skip_every_way(row->label, row->input, content_bytes_max);
    row_expect(outcome.result == row->result, "%s, not %s", result_names[outcome.result],
               result_names[row->result]);
    if (row->behind >= 0)
        row_expect(outcome.consumed == row->input.length - (size_t)row->behind, "%zu taken",
                   outcome.consumed);
}

static void expect_rows(const struct row *rows, size_t count, uint64_t content_bytes_max)
{
    rows_begin("framing", count);
    for (size_t i = 0; i < count; i++)
        expect_row(&rows[i], content_bytes_max);
    rows_end();
}

Test(chunked, finds_the_end_of_a_body)
{
    static const struct row rows[] = {
        {"7.1", "no chunk", STR_INIT("0\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1", "one chunk", STR_INIT("5\r\nhello\r\n0\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1", "two chunks", STR_INIT("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1", "hexadecimal, small", STR_INIT("a\r\n0123456789\r\n0\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1", "hexadecimal, capital", STR_INIT("B\r\n0123456789a\r\n0\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1", "two digits", STR_INIT("10\r\n0123456789abcdef\r\n0\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1", "leading zeros", STR_INIT("0000000000000000000000001\r\na\r\n0\r\n\r\n"),
         CHUNKED_DONE, 0},
        {"7.1", "several zeros are the last", STR_INIT("000\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1", "content that looks like an end", STR_INIT("7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"),
         CHUNKED_DONE, 0},
        {"7.1", "content of control bytes", STR_INIT("4\r\n\0\1\r\n\r\n0\r\n\r\n"), CHUNKED_DONE,
         0},
        {"9.3.2", "the next request stays", STR_INIT("0\r\n\r\nGET / HTTP/1.1\r\n"), CHUNKED_DONE,
         16},
        {"9.3.2", "an empty line stays", STR_INIT("1\r\na\r\n0\r\n\r\n\r\n"), CHUNKED_DONE, 2},
        {"9.3.2", "garbage after it is left", STR_INIT("0\r\n\r\n\0"), CHUNKED_DONE, 1},
        {"7.1", "nothing yet", STR_INIT(""), CHUNKED_MORE, 0},
        {"7.1", "no end of the size", STR_INIT("5"), CHUNKED_MORE, 0},
        {"7.1", "no LF", STR_INIT("5\r"), CHUNKED_MORE, 0},
        {"7.1", "no content", STR_INIT("5\r\n"), CHUNKED_MORE, 0},
        {"7.1", "less content", STR_INIT("5\r\nhell"), CHUNKED_MORE, 0},
        {"7.1", "no CRLF after content", STR_INIT("5\r\nhello"), CHUNKED_MORE, 0},
        {"7.1", "no last chunk", STR_INIT("5\r\nhello\r\n"), CHUNKED_MORE, 0},
        {"7.1", "no empty line", STR_INIT("5\r\nhello\r\n0\r\n"), CHUNKED_MORE, 0},
        {"7.1", "half an empty line", STR_INIT("0\r\n\r"), CHUNKED_MORE, 0},
    };
    expect_rows(rows, COUNT_OF(rows), 100);
}

Test(chunked, refuses_malformed_sizes_and_line_ends)
{
    static const struct row rows[] = {
        {"7.1", "no size", STR_INIT("\r\n"), CHUNKED_BAD, 2},
        {"7.1", "no digit", STR_INIT("g\r\n"), CHUNKED_BAD, 3},
        {"7.1", "space before the size", STR_INIT(" 1\r\na\r\n"), CHUNKED_BAD, 7},
        {"7.1", "space after the size", STR_INIT("1 \r\na\r\n"), CHUNKED_BAD, 5},
        {"7.1", "tab after the size", STR_INIT("1\t\r\na\r\n"), CHUNKED_BAD, 5},
        {"7.1", "a plus", STR_INIT("+1\r\na\r\n"), CHUNKED_BAD, 7},
        {"7.1", "a minus", STR_INIT("-1\r\na\r\n"), CHUNKED_BAD, 7},
        {"7.1", "0x", STR_INIT("0x1\r\na\r\n"), CHUNKED_BAD, 7},
        {"7.1", "an underscore", STR_INIT("1_0\r\n"), CHUNKED_BAD, 4},
        {"7.1", "a comma", STR_INIT("1,1\r\n"), CHUNKED_BAD, 4},
        {"7.1", "a letter after the size", STR_INIT("1h\r\n"), CHUNKED_BAD, 3},
        {"7.1", "in quotes", STR_INIT("\"1\"\r\n"), CHUNKED_BAD, 5},
        {"7.1", "a NUL for a size", STR_INIT("\0"), CHUNKED_BAD, 1},
        {"7.1", "a NUL after the size", STR_INIT("1\0\r\n"), CHUNKED_BAD, 3},
        {"2.2", "bare LF after the size", STR_INIT("1\na\r\n0\r\n\r\n"), CHUNKED_BAD, 9},
        {"2.2", "bare CR after the size", STR_INIT("1\ra\r\n0\r\n\r\n"), CHUNKED_BAD, 8},
        {"2.2", "two CRs", STR_INIT("1\r\r\na\r\n"), CHUNKED_BAD, 5},
        {"2.2", "bare LF after content", STR_INIT("1\r\na\n0\r\n\r\n"), CHUNKED_BAD, 6},
        {"2.2", "bare CR after content", STR_INIT("1\r\na\r0\r\n\r\n"), CHUNKED_BAD, 5},
        {"2.2", "bare LF at the end", STR_INIT("0\r\n\n"), CHUNKED_BAD, 1},
        {"2.2", "bare LF after the last chunk", STR_INIT("0\n\r\n"), CHUNKED_BAD, 3},
        {"2.2", "bare CR at the end", STR_INIT("0\r\n\rGET"), CHUNKED_BAD, 3},
        {"7.1", "more content than said", STR_INIT("4\r\nhello\r\n0\r\n\r\n"), CHUNKED_BAD, 8},
        {"7.1", "less content than said", STR_INIT("6\r\nhello\r\n0\r\n\r\n"), CHUNKED_BAD, 6},
        {"7.1", "no CRLF after content", STR_INIT("5\r\nhello0\r\n\r\n"), CHUNKED_BAD, 5},
        {"7.1", "an empty line before a chunk", STR_INIT("1\r\na\r\n\r\n0\r\n\r\n"), CHUNKED_BAD,
         7},
    };
    expect_rows(rows, COUNT_OF(rows), 100);
}

Test(chunked, accepts_extensions_of_the_grammar)
{
    static const struct row rows[] = {
        {"7.1.1", "a name", STR_INIT("0;a\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1.1", "a name of hex digits", STR_INIT("1;ff\r\na\r\n0\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1.1", "a value", STR_INIT("0;a=b\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1.1", "a value of digits", STR_INIT("0;a=10\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1.1", "a quoted value", STR_INIT("0;a=\"b c\"\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1.1", "an empty quoted value", STR_INIT("0;a=\"\"\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1.1", "separators in quotes", STR_INIT("0;a=\";=,\\\"\\\\\t(\xff\"\r\n\r\n"),
         CHUNKED_DONE, 0},
        {"7.1.1", "several", STR_INIT("0;a;b=c;d=\"e\";f\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1.1", "white space everywhere", STR_INIT("0 ; a \t= b\t;c ;\td = \"e\" ;f\r\n\r\n"),
         CHUNKED_DONE, 0},
        {"7.1.1", "every token character", STR_INIT("0;!#$%&'*+-.^_`|~09azAZ\r\n\r\n"),
         CHUNKED_DONE, 0},
        {"7.1.1", "a semicolon alone", STR_INIT("0;\r\n\r\n"), CHUNKED_BAD, 4},
        {"7.1.1", "two semicolons", STR_INIT("0;;a\r\n\r\n"), CHUNKED_BAD, 6},
        {"7.1.1", "a semicolon at the end", STR_INIT("0;a;\r\n\r\n"), CHUNKED_BAD, 4},
        {"7.1.1", "no name", STR_INIT("0;=b\r\n\r\n"), CHUNKED_BAD, 6},
        {"7.1.1", "no value", STR_INIT("0;a=\r\n\r\n"), CHUNKED_BAD, 4},
        {"7.1.1", "a quoted name", STR_INIT("0;\"a\"\r\n\r\n"), CHUNKED_BAD, 7},
        {"7.1.1", "white space at the end", STR_INIT("0;a \r\n\r\n"), CHUNKED_BAD, 4},
        {"7.1.1", "white space after a value", STR_INIT("0;a=b \r\n\r\n"), CHUNKED_BAD, 4},
        {"7.1.1", "two names", STR_INIT("0;a b\r\n\r\n"), CHUNKED_BAD, 5},
        {"7.1.1", "no semicolon", STR_INIT("0 a\r\n\r\n"), CHUNKED_BAD, 5},
        {"7.1.1", "two values", STR_INIT("0;a=b=c\r\n\r\n"), CHUNKED_BAD, 6},
        {"7.1.1", "bytes after quotes", STR_INIT("0;a=\"b\"c\r\n\r\n"), CHUNKED_BAD, 5},
        {"7.1.1", "a quote in a token", STR_INIT("0;a=b\"c\"\r\n\r\n"), CHUNKED_BAD, 7},
        {"7.1.1", "a line break in quotes", STR_INIT("0;a=\"b\r\n\r\n\""), CHUNKED_BAD, 5},
        {"7.1.1", "an escaped line break", STR_INIT("0;a=\"\\\r\n\r\n\""), CHUNKED_BAD, 5},
        {"7.1.1", "a NUL in quotes", STR_INIT("0;a=\"\0\"\r\n\r\n"), CHUNKED_BAD, 6},
        {"7.1.1", "bare LF after a name", STR_INIT("0;a\n\r\n"), CHUNKED_BAD, 3},
        {"7.1.1", "bare LF after a semicolon", STR_INIT("0;\n\r\n"), CHUNKED_BAD, 3},
        {"7.1.1", "bare CR after a name", STR_INIT("0;a\rb\r\n\r\n"), CHUNKED_BAD, 5},
        {"7.1.1", "DEL", STR_INIT("0;a\x7f\r\n\r\n"), CHUNKED_BAD, 5},
        {"7.1.1", "obs-text in a name", STR_INIT("0;\xc3\xbc\r\n\r\n"), CHUNKED_BAD, 6},
    };
    expect_rows(rows, COUNT_OF(rows), 100);
}

Test(chunked, accepts_trailers_that_are_fields)
{
    static const struct row rows[] = {
        {"7.1.2", "one", STR_INIT("0\r\nA: b\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1.2", "two, and a request", STR_INIT("0\r\nA: b\r\nC:d\r\n\r\nGET"), CHUNKED_DONE, 3},
        {"7.1.2", "an empty value", STR_INIT("0\r\nA:\r\n\r\n"), CHUNKED_DONE, 0},
        {"7.1.2", "tabs, quotes, obs-text", STR_INIT("0\r\nA:\t\"\xff\" (;=:,) \r\n\r\n"),
         CHUNKED_DONE, 0},
        {"6.5.1 of 9110", "framing is not believed", STR_INIT("0\r\nContent-Length: 9\r\n\r\n"),
         CHUNKED_DONE, 0},
        {"7.1.2", "not over", STR_INIT("0\r\nA: b\r\n"), CHUNKED_MORE, 0},
        {"7.1.2", "cut in a name", STR_INIT("0\r\nAb"), CHUNKED_MORE, 0},
        {"5.1", "no name", STR_INIT("0\r\n: b\r\n\r\n"), CHUNKED_BAD, 7},
        {"5.1", "no colon", STR_INIT("0\r\nA\r\n\r\n"), CHUNKED_BAD, 4},
        {"5.1", "white space before the colon", STR_INIT("0\r\nA : b\r\n\r\n"), CHUNKED_BAD, 8},
        {"5.1", "a name that is not a token", STR_INIT("0\r\nA(: b\r\n\r\n"), CHUNKED_BAD, 8},
        {"5.2", "a folded line", STR_INIT("0\r\nA: b\r\n c\r\n\r\n"), CHUNKED_BAD, 6},
        {"5.2", "a folded first line", STR_INIT("0\r\n A: b\r\n\r\n"), CHUNKED_BAD, 9},
        {"5.5 of 9110", "a NUL", STR_INIT("0\r\nA: \0\r\n\r\n"), CHUNKED_BAD, 5},
        {"5.5 of 9110", "a control byte", STR_INIT("0\r\nA: \1\r\n\r\n"), CHUNKED_BAD, 5},
        {"2.2", "bare LF after a value", STR_INIT("0\r\nA: b\n\r\n"), CHUNKED_BAD, 3},
        {"2.2", "bare CR in a value", STR_INIT("0\r\nA: b\rc\r\n\r\n"), CHUNKED_BAD, 5},
        {"2.2", "bare LF after the fields", STR_INIT("0\r\nA: b\r\n\n"), CHUNKED_BAD, 1},
        {"7.1", "a chunk after the last", STR_INIT("0\r\n1\r\na\r\n0\r\n\r\n"), CHUNKED_BAD, 10},
        {"11.2", "a request for a trailer", STR_INIT("0\r\nGET / HTTP/1.1\r\n"), CHUNKED_BAD, 13},
    };
    expect_rows(rows, COUNT_OF(rows), 100);
}

Test(chunked, refuses_content_over_the_limit)
{
    static const struct {
        struct row row;
        uint64_t content_bytes_max;
    } rows[] = {
        {{"7.1", "at the limit", STR_INIT("5\r\nhello\r\n0\r\n\r\n"), CHUNKED_DONE, 0}, 5},
        {{"7.1", "one over", STR_INIT("5\r\nhello\r\n0\r\n\r\n"), CHUNKED_TOO_LARGE, 15}, 4},
        {{"7.1", "one over in sum", STR_INIT("3\r\nabc\r\n2\r\nde\r\n"), CHUNKED_TOO_LARGE, 7}, 4},
        {{"7.1", "the second digit makes it so", STR_INIT("10\r\n"), CHUNKED_TOO_LARGE, 3}, 15},
        {{"7.1", "none allowed, none there", STR_INIT("0\r\n\r\n"), CHUNKED_DONE, 0}, 0},
        {{"7.1", "none allowed, one there", STR_INIT("1\r\n"), CHUNKED_TOO_LARGE, 3}, 0},
        {{"7.1", "2^63 is a number", STR_INIT("8000000000000000\r\nx"), CHUNKED_MORE, 0},
         UINT64_MAX},
        {{"7.1", "UINT64_MAX is a number", STR_INIT("ffffffffffffffff\r\nx"), CHUNKED_MORE, 0},
         UINT64_MAX},
        {{"7.1", "2^64 is not", STR_INIT("10000000000000000\r\nx"), CHUNKED_TOO_LARGE, 4},
         UINT64_MAX},
        {{"7.1", "2^64 + 5 is not 5", STR_INIT("10000000000000005\r\nhello\r\n0\r\n\r\n"),
          CHUNKED_TOO_LARGE, 15},
         UINT64_MAX},
        {{"7.1", "a sum over 2^64", STR_INIT("1\r\na\r\nffffffffffffffff\r\n"), CHUNKED_TOO_LARGE,
          3},
         UINT64_MAX},
        {{"7.1", "malformed comes first", STR_INIT("g5\r\nhello\r\n"), CHUNKED_BAD, 11}, 4},
    };
    rows_begin("framing", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_row(&rows[i].row, rows[i].content_bytes_max);
    rows_end();
}

/* --- Overhead --------------------------------------------------------------------------------- */

static char long_text[1 << 20];

/* Gives COUNT times TEXT between BEFORE and AFTER, in pieces of PIECE bytes. */
static struct chunked_outcome skip_repeated(const char *before, const char *text, size_t count,
                                            const char *after, size_t piece)
{
    char *at = str_put(long_text, str_of(before));
    for (size_t i = 0; i < count; i++)
        at = str_put(at, str_of(text));
    at = str_put(at, str_of(after));
    struct str input = {long_text, (size_t)(at - long_text)};
    return skip_pieces(input, UINT64_MAX, piece, piece);
}

Test(chunked, refuses_overhead_over_the_limit)
{
    static const struct {
        const char *label, *before, *text, *after;
        size_t limit; /* the greatest number of TEXTs that is accepted */
    } rows[] = {
        {"leading zeros", "", "0", "\r\n\r\n", CHUNKED_OVERHEAD_BYTES_MAX - 4},
        {"a long extension", "0;a=", "b", "\r\n\r\n", CHUNKED_OVERHEAD_BYTES_MAX - 8},
        {"a long quoted value", "0;a=\"", "\\\\", "\"\r\n\r\n",
         (CHUNKED_OVERHEAD_BYTES_MAX - 10) / 2},
        {"white space", "0", "\t", ";a\r\n\r\n", CHUNKED_OVERHEAD_BYTES_MAX - 7},
        {"a long trailer", "0\r\nA:", " ", "\r\n\r\n", CHUNKED_OVERHEAD_BYTES_MAX - 9},
        {"many trailers", "0\r\n", "A:\r\n", "\r\n", (CHUNKED_OVERHEAD_BYTES_MAX - 5) / 4},
        {"one byte a chunk", "", "1\r\nx\r\n", "0\r\n\r\n", (CHUNKED_OVERHEAD_BYTES_MAX - 5) / 4},
        {"one byte a chunk, and extensions", "", "1;a=bcdef\r\nx\r\n", "0\r\n\r\n",
         (CHUNKED_OVERHEAD_BYTES_MAX - 5) / 12},
        {"content pays for overhead", "10\r\n0123456789abcdef\r\n0;a=", "b", "\r\n\r\n",
         CHUNKED_OVERHEAD_BYTES_MAX + 16 - 6 - 8},
    };
    static const size_t pieces[] = {SIZE_MAX, 1000, 7, 1};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t j = 0; j < COUNT_OF(pieces); j++) {
            struct chunked_outcome good = skip_repeated(rows[i].before, rows[i].text, rows[i].limit,
                                                        rows[i].after, pieces[j]);
            cr_expect_eq(good.result, CHUNKED_DONE, "%s: %s", rows[i].label,
                         result_names[good.result]);
            struct chunked_outcome bad = skip_repeated(rows[i].before, rows[i].text,
                                                       rows[i].limit + 1, rows[i].after, pieces[j]);
            cr_expect_eq(bad.result, CHUNKED_TOO_LARGE, "%s: %s", rows[i].label,
                         result_names[bad.result]);
        }
    }
    struct chunked_outcome small = skip_repeated("", "5\r\nhello\r\n", 90000, "0\r\n\r\n", 4096);
    cr_expect_eq(small.result, CHUNKED_DONE, "chunks of five bytes may go on for ever");
}

/* --- Against a naive model -------------------------------------------------------------------- */

Test(chunked, agrees_with_a_naive_model)
{
    struct prng prng = {71};
    unsigned seen[COUNT_OF(result_names)] = {0};
    for (int round = 0; round < 30000; round++) {
        char bytes[CHUNKED_MODEL_BYTES_MAX];
        struct str input = {bytes, chunked_model_write(&prng, bytes)};
        uint64_t content_bytes_max = prng_below(&prng, 4) == 0 ? 10 : 1000;
        struct chunked_outcome expected = chunked_model_skip(input, content_bytes_max);
        size_t first = prng_below(&prng, input.length + 1);
        size_t piece = 1 + prng_below(&prng, 8);
        struct chunked_outcome outcome =
            skip_pieces(input, content_bytes_max, first, prng_below(&prng, 2) ? piece : SIZE_MAX);
        cr_assert(outcome.result == expected.result && outcome.consumed == expected.consumed,
                  "%s after %zu, not %s after %zu: %.*s", result_names[outcome.result],
                  outcome.consumed, result_names[expected.result], expected.consumed,
                  (int)input.length, bytes);
        seen[outcome.result]++;
    }
    for (size_t i = 0; i < COUNT_OF(seen); i++)
        cr_expect_gt(seen[i], 500, "%s", result_names[i]);
}
