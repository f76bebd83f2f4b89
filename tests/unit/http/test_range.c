/* range: RFC 9110 sections 14.1 (units, range-specs), 14.2 (Range) and 15.3.7.2 (several parts). */
#include "http/range.h"
#include "support/guard.h"
#include "support/prng.h"
#include "support/rows.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

struct row {
    const char *section; /* of RFC 9110 */
    const char *label;
    uint64_t bytes;
    struct str value;
    const char *expected; /* "ignored", "unsatisfiable", or the ranges as first-last */
};

static const struct range_set untouched = {.items = {{77, 78}}, .count = 79};

/* The result in the notation of the rows. Also checks that the set is untouched unless
 * satisfiable. */
static const char *outcome(struct str value, uint64_t bytes)
{
    static char text[RANGE_MAX * 44 + 1];
    struct str input = guard_copy(value);
    struct range_set set = untouched;
    enum range_result result = range_parse(input, bytes, &set);
    guard_drop(input);
    if (result != RANGE_SATISFIABLE) {
        cr_expect(set.count == untouched.count && set.items[0].first == untouched.items[0].first,
                  "%.*s", (int)value.length, value.at);
        return result == RANGE_IGNORED ? "ignored" : "unsatisfiable";
    }
    size_t at = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < set.count && i < RANGE_MAX; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%" PRIu64 "-%" PRIu64,
                               i > 0 ? "," : "", set.items[i].first,
                               set.items[i].first + set.items[i].length - 1);
    return text;
}

static void expect_rows(const struct row *rows, size_t count)
{
    rows_begin("ranges", count);
    for (size_t i = 0; i < count; i++) {
        rows_next(rows[i].section, rows[i].label);
        const char *text = outcome(rows[i].value, rows[i].bytes);
        row_expect(strcmp(text, rows[i].expected) == 0, "%s, not %s", text, rows[i].expected);
    }
    rows_end();
}

Test(range, parses_single_ranges)
{
    static const struct row rows[] = {
        {"14.1.2", "the first 500", 10000, STR_INIT("bytes=0-499"), "0-499"},
        {"14.1.2", "the second 500", 10000, STR_INIT("bytes=500-999"), "500-999"},
        {"14.1.2", "the final 500, by suffix", 10000, STR_INIT("bytes=-500"), "9500-9999"},
        {"14.1.2", "the final 500, open", 10000, STR_INIT("bytes=9500-"), "9500-9999"},
        {"14.1.2", "one byte", 10000, STR_INIT("bytes=7-7"), "7-7"},
        {"14.1.2", "the first byte", 10000, STR_INIT("bytes=0-0"), "0-0"},
        {"14.1.2", "the last byte", 10000, STR_INIT("bytes=9999-9999"), "9999-9999"},
        {"14.1.2", "the last byte, by suffix", 10000, STR_INIT("bytes=-1"), "9999-9999"},
        {"14.1.2", "all, open", 10000, STR_INIT("bytes=0-"), "0-9999"},
        {"14.1.2", "all, exactly", 10000, STR_INIT("bytes=0-9999"), "0-9999"},
        {"14.1.2", "last beyond the end", 10000, STR_INIT("bytes=9990-10000"), "9990-9999"},
        {"14.1.2", "last far beyond the end", 10000, STR_INIT("bytes=1-99999999"), "1-9999"},
        {"14.1.2", "suffix of the very length", 10000, STR_INIT("bytes=-10000"), "0-9999"},
        {"14.1.2", "suffix longer than all", 10000, STR_INIT("bytes=-10001"), "0-9999"},
        {"14.1.1", "leading zeros", 10000, STR_INIT("bytes=0001-0002"), "1-2"},
        {"14.1.1", "more digits in first than in last", 10000, STR_INIT("bytes=0005-10"), "5-10"},
        {"14.1.1", "zeros only", 10000, STR_INIT("bytes=000-000"), "0-0"},
        {"14.1.1", "leading zeros beyond 20 digits", 10000,
         STR_INIT("bytes=0000000000000000000000001-0000000000000000000000002"), "1-2"},
        {"14.1.1", "zeros in front of a suffix", 10000, STR_INIT("bytes=-005"), "9995-9999"},
        {"14.1", "the unit in capitals", 10000, STR_INIT("BYTES=0-1"), "0-1"},
        {"14.1", "the unit in both", 10000, STR_INIT("ByTeS=0-1"), "0-1"},
        {"14.1.2", "a representation of one byte", 1, STR_INIT("bytes=0-"), "0-0"},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(range, parses_numbers_of_any_size)
{
    static const struct row rows[] = {
        {"14.1.2", "last is UINT64_MAX", 10, STR_INIT("bytes=4-18446744073709551615"), "4-9"},
        {"14.1.2", "last is 2^64", 10, STR_INIT("bytes=4-18446744073709551616"), "4-9"},
        {"14.1.2", "last of 40 digits", 10,
         STR_INIT("bytes=4-9999999999999999999999999999999999999999"), "4-9"},
        {"14.1.2", "first is UINT64_MAX", 10, STR_INIT("bytes=18446744073709551615-"),
         "unsatisfiable"},
        {"14.1.2", "first is 2^64", 10, STR_INIT("bytes=18446744073709551616-"), "unsatisfiable"},
        {"14.1.2", "first and last over 2^64", 10,
         STR_INIT("bytes=18446744073709551616-18446744073709551617"), "unsatisfiable"},
        {"14.1.1", "ends before it begins, both over 2^64", 10,
         STR_INIT("bytes=18446744073709551617-18446744073709551616"), "ignored"},
        {"14.1.1", "ends before it begins, first over 2^64", 10,
         STR_INIT("bytes=18446744073709551616-18446744073709551615"), "ignored"},
        {"14.1.1", "ends before it begins in spite of zeros", 10, STR_INIT("bytes=9-0000001"),
         "ignored"},
        {"14.1.2", "suffix is 2^64", 10, STR_INIT("bytes=-18446744073709551616"), "0-9"},
        {"14.1.2", "suffix is UINT64_MAX", 10, STR_INIT("bytes=-18446744073709551615"), "0-9"},
        {"14.1.2", "the largest representation", UINT64_MAX, STR_INIT("bytes=0-"),
         "0-18446744073709551614"},
        {"14.1.2", "the end of the largest", UINT64_MAX, STR_INIT("bytes=18446744073709551614-"),
         "18446744073709551614-18446744073709551614"},
        {"14.1.2", "after the largest", UINT64_MAX, STR_INIT("bytes=18446744073709551615-"),
         "unsatisfiable"},
        {"15.3.7.2", "parts of the largest that touch", UINT64_MAX,
         STR_INIT("bytes=9223372036854775808-,0-9223372036854775807"), "0-18446744073709551614"},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(range, ignores_malformed_fields)
{
    static const struct row rows[] = {
        {"14.2", "absent", 100, {NULL, 0}, "ignored"},
        {"14.2", "empty", 100, STR_INIT(""), "ignored"},
        {"14.1", "another unit", 100, STR_INIT("lines=0-1"), "ignored"},
        {"14.1", "the unit's beginning", 100, STR_INIT("byte=0-1"), "ignored"},
        {"14.1", "the unit and more", 100, STR_INIT("bytes2=0-1"), "ignored"},
        {"14.1", "no unit", 100, STR_INIT("=0-1"), "ignored"},
        {"14.1", "no unit, no equals", 100, STR_INIT("0-1"), "ignored"},
        {"14.1.1", "the unit alone", 100, STR_INIT("bytes"), "ignored"},
        {"14.1.1", "no equals", 100, STR_INIT("bytes 0-1"), "ignored"},
        {"14.1.1", "a colon", 100, STR_INIT("bytes:0-1"), "ignored"},
        {"14.1.1", "white space before the equals", 100, STR_INIT("bytes =0-1"), "ignored"},
        {"14.1.1", "white space before the unit", 100, STR_INIT(" bytes=0-1"), "ignored"},
        {"14.1.1", "two equals", 100, STR_INIT("bytes==0-1"), "ignored"},
        {"14.1.1", "no range", 100, STR_INIT("bytes="), "ignored"},
        {"5.6.1", "empty elements alone", 100, STR_INIT("bytes=, ,,"), "ignored"},
        {"14.1.1", "a dash alone", 100, STR_INIT("bytes=-"), "ignored"},
        {"14.1.1", "no dash", 100, STR_INIT("bytes=5"), "ignored"},
        {"14.1.1", "two dashes", 100, STR_INIT("bytes=1--2"), "ignored"},
        {"14.1.1", "a dash at the end", 100, STR_INIT("bytes=1-2-"), "ignored"},
        {"14.1.1", "negative", 100, STR_INIT("bytes=--5"), "ignored"},
        {"14.1.1", "a plus", 100, STR_INIT("bytes=+1-2"), "ignored"},
        {"14.1.1", "hexadecimal", 100, STR_INIT("bytes=0x1-0x2"), "ignored"},
        {"14.1.1", "a decimal point", 100, STR_INIT("bytes=1.0-2"), "ignored"},
        {"14.1.1", "letters", 100, STR_INIT("bytes=a-b"), "ignored"},
        {"14.1.1", "white space before the dash", 100, STR_INIT("bytes=1 -2"), "ignored"},
        {"14.1.1", "white space after the dash", 100, STR_INIT("bytes=1- 2"), "ignored"},
        {"14.1.1", "a semicolon between", 100, STR_INIT("bytes=0-1;3-4"), "ignored"},
        {"14.1.1", "white space between", 100, STR_INIT("bytes=0-1 3-4"), "ignored"},
        {"14.1.1", "as in Content-Range", 100, STR_INIT("bytes=0-1/100"), "ignored"},
        {"14.1.1", "in quotes", 100, STR_INIT("bytes=\"0-1\""), "ignored"},
        {"14.1.1", "a quote that hides the rest", 100, STR_INIT("bytes=0-1,\",2-3"), "ignored"},
        {"14.1.1", "ends before it begins", 100, STR_INIT("bytes=5-4"), "ignored"},
        {"14.1.1", "ends before it begins, after the end", 100, STR_INIT("bytes=500-400"),
         "ignored"},
        {"14.1.1", "one good, one malformed", 100, STR_INIT("bytes=0-1,x"), "ignored"},
        {"14.1.1", "one malformed, one good", 100, STR_INIT("bytes=x,0-1"), "ignored"},
        {"14.1.1", "one good, one that ends early", 100, STR_INIT("bytes=0-1,9-8"), "ignored"},
        {"14.1.1", "unsatisfiable and malformed", 100, STR_INIT("bytes=100-,x"), "ignored"},
        {"14.1.1", "a NUL", 100, STR_INIT("bytes=0-1\0"), "ignored"},
        {"14.1.1", "Arabic digits", 100, STR_INIT("bytes=\xd9\xa1-\xd9\xa2"), "ignored"},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(range, reports_unsatisfiable_ranges)
{
    static const struct row rows[] = {
        {"14.1.2", "first at the end", 100, STR_INIT("bytes=100-"), "unsatisfiable"},
        {"14.1.2", "first after the end", 100, STR_INIT("bytes=101-200"), "unsatisfiable"},
        {"14.1.2", "a suffix of nothing", 100, STR_INIT("bytes=-0"), "unsatisfiable"},
        {"14.1.2", "a suffix of nothing, in zeros", 100, STR_INIT("bytes=-0000"), "unsatisfiable"},
        {"14.2", "all of several", 100, STR_INIT("bytes=100-,-0,300-400"), "unsatisfiable"},
        {"14.2", "one of several is not", 100, STR_INIT("bytes=100-,3-4,-0"), "3-4"},
        {"15.3.7", "those that are not are dropped", 100, STR_INIT("bytes=7-8,100-,3-4"),
         "7-8,3-4"},
        {"14.1.2", "empty: first and last", 0, STR_INIT("bytes=0-0"), "unsatisfiable"},
        {"14.1.2", "empty: open", 0, STR_INIT("bytes=0-"), "unsatisfiable"},
        {"14.1.2", "empty: a suffix of nothing", 0, STR_INIT("bytes=-0"), "unsatisfiable"},
        {"14.1.2", "empty: a suffix is all of it", 0, STR_INIT("bytes=-1"), "ignored"},
        {"14.1.2", "empty: one of two is all of it", 0, STR_INIT("bytes=0-0,-1"), "ignored"},
        {"14.1.1", "empty: malformed", 0, STR_INIT("bytes=1-0"), "ignored"},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(range, joins_ranges_that_touch_and_keeps_the_order)
{
    static const struct row rows[] = {
        {"14.1.2", "first and last byte", 10000, STR_INIT("bytes=0-0,-1"), "0-0,9999-9999"},
        {"14.1.2", "three", 10000, STR_INIT("bytes= 0-999, 4500-5499, -1000"),
         "0-999,4500-5499,9000-9999"},
        {"14.1.2", "the second 500, in touching parts", 10000, STR_INIT("bytes=500-600,601-999"),
         "500-999"},
        {"14.1.2", "the second 500, overlapping", 10000, STR_INIT("bytes=500-700,601-999"),
         "500-999"},
        {"15.3.7.2", "descending stays descending", 100, STR_INIT("bytes=20-29,0-9"), "20-29,0-9"},
        {"15.3.7.2", "no order stays so", 100, STR_INIT("bytes=50-59,0-9,90-99,20-29"),
         "50-59,0-9,90-99,20-29"},
        {"15.3.7.2", "a gap of one byte is not closed", 100, STR_INIT("bytes=0-8,10-19"),
         "0-8,10-19"},
        {"15.3.7.2", "the same twice", 100, STR_INIT("bytes=3-4,3-4"), "3-4"},
        {"15.3.7.2", "one inside another", 100, STR_INIT("bytes=0-99,3-4"), "0-99"},
        {"15.3.7.2", "one around another", 100, STR_INIT("bytes=3-4,0-99"), "0-99"},
        {"15.3.7.2", "touching, descending", 100, STR_INIT("bytes=10-19,0-9"), "0-19"},
        {"15.3.7.2", "the earliest one's place", 100, STR_INIT("bytes=50-59,0-9,90-94,10-19,60-69"),
         "50-69,0-19,90-94"},
        {"15.3.7.2", "one that joins two", 100, STR_INIT("bytes=0-9,20-29,5-25"), "0-29"},
        {"15.3.7.2", "one that joins two around a third", 100,
         STR_INIT("bytes=0-9,90-99,20-29,10-19"), "0-29,90-99"},
        {"15.3.7.2", "one that joins all", 100, STR_INIT("bytes=80-89,10-19,50-59,0-"), "0-99"},
        {"15.3.7.2", "all of it, many times", 100, STR_INIT("bytes=0-,0-,0-,0-,-100,-999"), "0-99"},
        {"5.6.1", "white space around commas", 100, STR_INIT("bytes=0-1 ,\t3-4 , \t6-7"),
         "0-1,3-4,6-7"},
        {"5.6.1", "empty elements", 100, STR_INIT("bytes=,,0-1,, ,3-4,"), "0-1,3-4"},
        {"5.6.1", "white space before the first", 100, STR_INIT("bytes= \t0-1"), "0-1"},
        {"5.6.1", "white space after the last", 100, STR_INIT("bytes=0-1 \t"), "0-1"},
    };
    expect_rows(rows, COUNT_OF(rows));
}

/* Parses a field of COUNT range-specs of a single byte each, STRIDE apart, in 1000 bytes. */
static const char *outcome_of_many(unsigned count, unsigned stride)
{
    static char text[1024];
    size_t at = (size_t)snprintf(text, sizeof text, "bytes=");
    for (unsigned i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%u-%u", i > 0 ? "," : "", i * stride,
                               i * stride);
    return outcome((struct str){text, at}, 1000);
}

/* Section 14.2: many small ranges may be ignored. */
Test(range, accepts_range_max_ranges_and_no_more)
{
    cr_expect_eq(str_of(outcome_of_many(RANGE_MAX, 2)).length, 5 * 4 + 27 * 6 - 1);
    cr_expect_str_eq(outcome_of_many(RANGE_MAX + 1, 2), "ignored");
    cr_expect_str_eq(outcome_of_many(RANGE_MAX, 1), "0-31");
    cr_expect_str_eq(outcome_of_many(RANGE_MAX + 1, 1), "ignored", "although they join to one");
    cr_expect_str_eq(outcome_of_many(RANGE_MAX + 1, 0), "ignored");
    cr_expect_str_eq(outcome(STR("bytes=,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,0-1"), 9),
                     "0-1", "empty elements do not count");
}

/* --- Against a naive model -------------------------------------------------------------------- */

enum { BYTES_MAX = 64, SPECS_MAX = 8 };

/* Writes a random field and marks its bytes in WANTED. Returns the number of satisfiable
 * range-specs. */
static unsigned random_field(struct prng *prng, uint64_t bytes, char *text, size_t room,
                             bool *wanted)
{
    unsigned specs = 1 + (unsigned)prng_below(prng, SPECS_MAX), satisfiable = 0;
    size_t at = (size_t)snprintf(text, room, "bytes=");
    for (unsigned i = 0; i < specs; i++) {
        uint64_t first = prng_below(prng, BYTES_MAX + 8);
        uint64_t last = first + prng_below(prng, prng_below(prng, 2) ? 4 : BYTES_MAX);
        const char *comma = i > 0 ? "," : "";
        switch (prng_below(prng, 4)) {
        case 0:
            at += (size_t)snprintf(text + at, room - at, "%s%" PRIu64 "-", comma, first);
            last = UINT64_MAX;
            break;
        case 1:
            at += (size_t)snprintf(text + at, room - at, "%s-%" PRIu64, comma, first);
            last = first > 0 ? UINT64_MAX : 0;
            first = first > bytes ? 0 : bytes - first;
            break;
        default:
            at += (size_t)snprintf(text + at, room - at, "%s%" PRIu64 "-%" PRIu64, comma, first,
                                   last);
        }
        satisfiable += first < bytes;
        for (uint64_t byte = first; byte <= last && byte < bytes; byte++)
            wanted[byte] = true;
    }
    return satisfiable;
}

Test(range, covers_every_requested_byte_exactly_once)
{
    struct prng prng = {14};
    for (int round = 0; round < 200000; round++) {
        char text[256];
        bool wanted[BYTES_MAX] = {false}, sent[BYTES_MAX] = {false};
        uint64_t bytes = 1 + prng_below(&prng, BYTES_MAX), total = 0;
        unsigned satisfiable = random_field(&prng, bytes, text, sizeof text, wanted);
        struct range_set set;
        enum range_result result = range_parse(str_of(text), bytes, &set);
        cr_assert_eq(result, satisfiable > 0 ? RANGE_SATISFIABLE : RANGE_UNSATISFIABLE, "%s", text);
        if (result != RANGE_SATISFIABLE)
            continue;
        cr_assert(set.count >= 1 && set.count <= satisfiable, "%s", text);
        for (unsigned i = 0; i < set.count; i++) {
            total += set.items[i].length;
            for (uint64_t j = 0; j < set.items[i].length; j++) {
                uint64_t byte = set.items[i].first + j;
                cr_assert(byte < bytes && wanted[byte] && !sent[byte], "%s: byte %" PRIu64, text,
                          byte);
                sent[byte] = true;
            }
        }
        cr_assert_leq(total, bytes, "%s", text);
        cr_assert(memcmp(wanted, sent, sizeof wanted) == 0, "%s of %" PRIu64, text, bytes);
        for (unsigned i = 0; i < set.count; i++) { /* adjacent: the right one's first byte */
            uint64_t end = set.items[i].first + set.items[i].length;
            cr_assert(end == bytes || !sent[end], "%s: two that touch", text);
        }
    }
}

Test(range, survives_any_bytes)
{
    static const char alphabet[] = "0123456789-----,,, \t=\"x";
    struct prng prng = {15};
    for (int round = 0; round < 20000; round++) {
        char bytes[48] = "bytes=";
        size_t length = 6 + prng_below(&prng, sizeof bytes - 5);
        for (size_t i = 6; i < length; i++)
            bytes[i] = alphabet[prng_below(&prng, sizeof alphabet - 1)];
        outcome((struct str){bytes, length}, prng_below(&prng, 3) * 50);
    }
}
