/* content_coding: RFC 9110 sections 8.4.1 (codings), 12.4.2 (quality values), 12.5.3
 * (Accept-Encoding). */
#include "http/content_coding.h"
#include "support/guard.h"
#include "support/prng.h"
#include "support/rows.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum {
    IDENTITY = 1 << CONTENT_CODING_IDENTITY,
    GZIP = 1 << CONTENT_CODING_GZIP,
    ZSTD = 1 << CONTENT_CODING_ZSTD
};
enum { BR = 1 << CONTENT_CODING_BR, ALL = IDENTITY | GZIP | ZSTD | BR };

enum { NONE = CONTENT_CODING_COUNT }; /* no coding is acceptable */

static void weigh(struct str value, uint16_t weights[static CONTENT_CODING_COUNT])
{
    struct str input = guard_copy(value);
    content_coding_weigh(input, weights);
    guard_drop(input);
}

static unsigned choose(struct str value, unsigned available)
{
    struct str input = guard_copy(value);
    enum content_coding coding = CONTENT_CODING_COUNT;
    bool chosen = content_coding_choose(input, available, &coding);
    guard_drop(input);
    cr_expect_eq(chosen, coding != CONTENT_CODING_COUNT, "untouched on failure: %.*s",
                 (int)value.length, value.at);
    return coding;
}

struct weight_row {
    const char *section; /* of RFC 9110 */
    const char *label;
    struct str value;
    uint16_t expected[CONTENT_CODING_COUNT]; /* identity, gzip, zstd, br */
};

static void expect_weights(const struct weight_row *rows, size_t count)
{
    rows_begin("negotiation", count);
    for (size_t i = 0; i < count; i++) {
        uint16_t weights[CONTENT_CODING_COUNT];
        rows_next(rows[i].section, rows[i].label);
        weigh(rows[i].value, weights);
        for (unsigned j = 0; j < CONTENT_CODING_COUNT; j++)
            row_expect(weights[j] == rows[i].expected[j], "%s is %u, not %u",
                       content_coding_texts[j].name.at, weights[j], rows[i].expected[j]);
    }
    rows_end();
}

Test(content_coding, weighs_listed_and_unlisted_codings)
{
    static const struct weight_row rows[] = {
        {"12.5.3", "absent", {NULL, 0}, {1, 0, 0, 0}},
        {"12.5.3", "empty", STR_INIT(""), {1, 0, 0, 0}},
        {"5.6.1", "empty elements", STR_INIT(" , ,,"), {1, 0, 0, 0}},
        {"12.5.3", "the RFC's first", STR_INIT("compress, gzip"), {1, 1000, 0, 0}},
        {"12.5.3", "the RFC's third", STR_INIT("*"), {1000, 1000, 1000, 1000}},
        {"12.5.3", "the RFC's fourth", STR_INIT("compress;q=0.5, gzip;q=1.0"), {1, 1000, 0, 0}},
        {"12.5.3",
         "the RFC's fifth",
         STR_INIT("gzip;q=1.0, identity; q=0.5, *;q=0"),
         {500, 1000, 0, 0}},
        {"12.5.3", "a browser", STR_INIT("gzip, deflate, br, zstd"), {1, 1000, 1000, 1000}},
        {"12.5.3", "curl", STR_INIT("deflate, gzip, br, zstd"), {1, 1000, 1000, 1000}},
        {"12.5.3", "identity alone", STR_INIT("identity"), {1000, 0, 0, 0}},
        {"12.5.3", "identity refused", STR_INIT("identity;q=0"), {0, 0, 0, 0}},
        {"12.5.3",
         "identity refused, gzip wanted",
         STR_INIT("gzip, identity;q=0"),
         {0, 1000, 0, 0}},
        {"12.5.3", "the star refuses identity", STR_INIT("*;q=0"), {0, 0, 0, 0}},
        {"12.5.3", "the star refuses the rest", STR_INIT("gzip, *;q=0"), {0, 1000, 0, 0}},
        {"12.5.3", "identity is more specific", STR_INIT("*;q=0, identity;q=0.2"), {200, 0, 0, 0}},
        {"12.5.3",
         "the star is for unlisted codings",
         STR_INIT("*;q=0.5, br;q=0.7, gzip;q=0"),
         {500, 0, 500, 700}},
        {"8.4.1", "capitals", STR_INIT("GZIP, Br, zStd, Identity;q=0"), {0, 1000, 1000, 1000}},
        {"8.4.1.3", "x-gzip", STR_INIT("x-gzip"), {1, 1000, 0, 0}},
        {"8.4.1.3", "X-GZip, less", STR_INIT("X-GZip;q=0.25"), {1, 250, 0, 0}},
        {"8.4.1", "no such coding", STR_INIT("snappy, x-br, gz, gzipp, zst"), {1, 0, 0, 0}},
        {"5.6.1", "white space and tabs", STR_INIT("\t gzip ,\tbr\t"), {1, 1000, 0, 1000}},
        {"12.5.3", "twice: the lower counts", STR_INIT("gzip, gzip;q=0"), {1, 0, 0, 0}},
        {"12.5.3", "twice, the other way", STR_INIT("gzip;q=0, gzip"), {1, 0, 0, 0}},
        {"12.5.3", "twice under two names", STR_INIT("gzip;q=0.9, x-gzip;q=0.4"), {1, 400, 0, 0}},
        {"12.5.3", "two stars", STR_INIT("*;q=0.9, *;q=0.1"), {100, 100, 100, 100}},
    };
    expect_weights(rows, COUNT_OF(rows));
}

Test(content_coding, parses_quality_values)
{
    static const struct weight_row rows[] = {
        {"12.4.2", "0", STR_INIT("gzip;q=0, *;q=0.123"), {123, 0, 123, 123}},
        {"12.4.2", "1", STR_INIT("gzip;q=1"), {1, 1000, 0, 0}},
        {"12.4.2", "0.", STR_INIT("gzip;q=0., *"), {1000, 0, 1000, 1000}},
        {"12.4.2", "1.", STR_INIT("gzip;q=1."), {1, 1000, 0, 0}},
        {"12.4.2", "0.5", STR_INIT("gzip;q=0.5"), {1, 500, 0, 0}},
        {"12.4.2", "0.25", STR_INIT("gzip;q=0.25"), {1, 250, 0, 0}},
        {"12.4.2", "0.001", STR_INIT("gzip;q=0.001"), {1, 1, 0, 0}},
        {"12.4.2", "0.000", STR_INIT("identity;q=0.000"), {0, 0, 0, 0}},
        {"12.4.2", "0.999", STR_INIT("gzip;q=0.999"), {1, 999, 0, 0}},
        {"12.4.2", "1.000", STR_INIT("gzip;q=1.000"), {1, 1000, 0, 0}},
        {"12.4.2", "a capital Q", STR_INIT("gzip;Q=0.3"), {1, 300, 0, 0}},
        {"12.4.2",
         "white space around the semicolon",
         STR_INIT("gzip \t; \tq=0.3"),
         {1, 300, 0, 0}},
    };
    expect_weights(rows, COUNT_OF(rows));
}

Test(content_coding, skips_malformed_elements)
{
    static const struct weight_row rows[] = {
        {"12.4.2", "1.001", STR_INIT("gzip;q=1.001, br"), {1, 0, 0, 1000}},
        {"12.4.2", "1.5", STR_INIT("gzip;q=1.5, br"), {1, 0, 0, 1000}},
        {"12.4.2", "2", STR_INIT("gzip;q=2, br"), {1, 0, 0, 1000}},
        {"12.4.2", "10", STR_INIT("gzip;q=10, br"), {1, 0, 0, 1000}},
        {"12.4.2", "negative", STR_INIT("gzip;q=-1, br"), {1, 0, 0, 1000}},
        {"12.4.2", "a plus", STR_INIT("gzip;q=+1, br"), {1, 0, 0, 1000}},
        {"12.4.2", "four decimals", STR_INIT("gzip;q=0.1234, br"), {1, 0, 0, 1000}},
        {"12.4.2", "four zeros", STR_INIT("gzip;q=1.0000, br"), {1, 0, 0, 1000}},
        {"12.4.2", "no leading digit", STR_INIT("gzip;q=.5, br"), {1, 0, 0, 1000}},
        {"12.4.2", "two points", STR_INIT("gzip;q=0..5, br"), {1, 0, 0, 1000}},
        {"12.4.2", "a decimal comma", STR_INIT("gzip;q=0,5;br"), {1, 0, 0, 0}},
        {"12.4.2", "a letter", STR_INIT("gzip;q=0.5a, br"), {1, 0, 0, 1000}},
        {"12.4.2", "an exponent", STR_INIT("gzip;q=1e0, br"), {1, 0, 0, 1000}},
        {"12.4.2", "no value", STR_INIT("gzip;q=, br"), {1, 0, 0, 1000}},
        {"12.4.2", "no equals", STR_INIT("gzip;q, br"), {1, 0, 0, 1000}},
        {"12.4.2", "nothing after the semicolon", STR_INIT("gzip;, br"), {1, 0, 0, 1000}},
        {"12.4.2", "white space around the equals", STR_INIT("gzip;q = 1, br"), {1, 0, 0, 1000}},
        {"12.4.2", "in quotes", STR_INIT("gzip;q=\"1\", br"), {1, 0, 0, 1000}},
        {"12.5.3", "another parameter", STR_INIT("gzip;level=9, br"), {1, 0, 0, 1000}},
        {"12.5.3", "a parameter after the weight", STR_INIT("gzip;q=1;a=b, br"), {1, 0, 0, 1000}},
        {"12.5.3", "a parameter before the weight", STR_INIT("gzip;a=b;q=1, br"), {1, 0, 0, 1000}},
        {"12.5.3", "no semicolon", STR_INIT("gzip q=1, br"), {1, 0, 0, 1000}},
        {"12.5.3", "no name", STR_INIT(";q=0, br"), {1, 0, 0, 1000}},
        {"12.5.3",
         "identity is not refused by nonsense",
         STR_INIT("identity;q=no, br"),
         {1, 0, 0, 1000}},
        {"12.5.3", "nor by a star with nonsense", STR_INIT("*;q=no, br"), {1, 0, 0, 1000}},
        {"12.5.3", "the star speaks for it", STR_INIT("gzip;q=no, *;q=0.5"), {500, 500, 500, 500}},
        {"12.5.3", "a quoted coding", STR_INIT("\"gzip\", br"), {1, 0, 0, 1000}},
        {"12.5.3", "a quote never closed", STR_INIT("br, \", gzip"), {1, 0, 0, 1000}},
        {"12.5.3", "semicolons for commas", STR_INIT("gzip;br"), {1, 0, 0, 0}},
        {"12.5.3", "a NUL", STR_INIT("gzip\0, br"), {1, 0, 0, 1000}},
    };
    expect_weights(rows, COUNT_OF(rows));
}

Test(content_coding, chooses_the_greatest_weight_then_the_best_coding)
{
    static const struct {
        const char *section, *label;
        struct str value;
        unsigned available;
        unsigned expected;
    } rows[] = {
        {"12.5.3", "absent", {NULL, 0}, ALL, CONTENT_CODING_IDENTITY},
        {"12.5.3", "absent, no identity at hand", {NULL, 0}, GZIP | BR, NONE},
        {"12.5.3", "empty", STR_INIT(""), ALL, CONTENT_CODING_IDENTITY},
        {"12.5.3", "equals: br", STR_INIT("gzip, zstd, br"), ALL, CONTENT_CODING_BR},
        {"12.5.3", "equals: zstd before gzip", STR_INIT("gzip, zstd, br"), IDENTITY | GZIP | ZSTD,
         CONTENT_CODING_ZSTD},
        {"12.5.3", "equals: gzip before identity", STR_INIT("identity, gzip"), ALL,
         CONTENT_CODING_GZIP},
        {"12.5.3", "star: br", STR_INIT("*"), ALL, CONTENT_CODING_BR},
        {"12.5.3", "star: what there is", STR_INIT("*"), IDENTITY | GZIP, CONTENT_CODING_GZIP},
        {"12.5.3", "the heaviest", STR_INIT("br;q=0.5, gzip;q=0.8, zstd;q=0.7"), ALL,
         CONTENT_CODING_GZIP},
        {"12.5.3", "the heaviest at hand", STR_INIT("br;q=0.5, gzip;q=0.8, zstd;q=0.7"),
         IDENTITY | BR | ZSTD, CONTENT_CODING_ZSTD},
        {"12.5.3", "identity is the heaviest", STR_INIT("identity, br;q=0.9"), ALL,
         CONTENT_CODING_IDENTITY},
        {"12.5.3", "identity unlisted is the lightest", STR_INIT("gzip;q=0.001"), ALL,
         CONTENT_CODING_GZIP},
        {"12.5.3", "the listed coding is not available", STR_INIT("br"), IDENTITY | GZIP,
         CONTENT_CODING_IDENTITY},
        {"12.5.3", "refused", STR_INIT("gzip;q=0, br;q=0"), IDENTITY | GZIP | BR,
         CONTENT_CODING_IDENTITY},
        {"12.5.3", "identity refused, nothing else", STR_INIT("identity;q=0"), ALL, NONE},
        {"12.5.3", "all refused", STR_INIT("*;q=0"), ALL, NONE},
        {"12.5.3", "identity refused, gzip not at hand", STR_INIT("gzip, identity;q=0"),
         IDENTITY | BR, NONE},
        {"12.5.3", "identity refused, star for the rest", STR_INIT("identity;q=0, *"),
         IDENTITY | GZIP, CONTENT_CODING_GZIP},
        {"12.5.3", "nothing at hand", STR_INIT("*"), 0, NONE},
    };
    rows_begin("negotiation", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next(rows[i].section, rows[i].label);
        unsigned coding = choose(rows[i].value, rows[i].available);
        row_expect(coding == rows[i].expected, "%u, not %u", coding, rows[i].expected);
    }
    rows_end();
}

Test(content_coding, has_the_registered_names)
{
    static const char *const texts[][2] = {
        [CONTENT_CODING_IDENTITY] = {"identity", ""},
        [CONTENT_CODING_GZIP] = {"gzip", ".gz"},
        [CONTENT_CODING_ZSTD] = {"zstd", ".zst"},
        [CONTENT_CODING_BR] = {"br", ".br"},
    };
    for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++) {
        cr_expect(str_equal(content_coding_texts[i].name, str_of(texts[i][0])), "%s", texts[i][0]);
        cr_expect(str_equal(content_coding_texts[i].suffix, str_of(texts[i][1])), "%s",
                  texts[i][0]);
    }
}

/* --- Against a naive model -------------------------------------------------------------------- */

/* Writes a random field. WEIGHTS are the weights by the model. */
static size_t random_field(struct prng *prng, char *text, size_t room, unsigned weights[])
{
    static const char *const names[] = {"identity", "gzip", "zstd", "br", "*", "x-gzip", "other"};
    unsigned listed[COUNT_OF(names)], count = (unsigned)prng_below(prng, 9);
    size_t at = 0;
    for (unsigned i = 0; i < COUNT_OF(names); i++)
        listed[i] = 9999;
    for (unsigned i = 0; i < count; i++) {
        unsigned which = (unsigned)prng_below(prng, COUNT_OF(names));
        unsigned weight = prng_below(prng, 3) == 0 ? 0 : (unsigned)prng_below(prng, 1000);
        at += (size_t)snprintf(text + at, room - at, "%s%s;q=0.%03u", i > 0 ? "," : "",
                               names[which], weight);
        if (weight < listed[which])
            listed[which] = weight;
    }
    if (listed[5] < listed[CONTENT_CODING_GZIP])
        listed[CONTENT_CODING_GZIP] = listed[5];
    for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++) {
        weights[i] = listed[i];
        if (weights[i] == 9999)
            weights[i] = listed[4];
        if (weights[i] == 9999)
            weights[i] = i == CONTENT_CODING_IDENTITY ? 1 : 0;
    }
    return at;
}

Test(content_coding, agrees_with_a_naive_model)
{
    struct prng prng = {12};
    for (int round = 0; round < 200000; round++) {
        char text[512];
        unsigned expected[CONTENT_CODING_COUNT], available = (unsigned)prng_below(&prng, ALL + 1);
        struct str value = {text, random_field(&prng, text, sizeof text, expected)};
        uint16_t weights[CONTENT_CODING_COUNT];
        enum content_coding coding = CONTENT_CODING_COUNT;
        content_coding_weigh(value, weights);
        bool chosen = content_coding_choose(value, available, &coding);
        unsigned best = NONE;
        for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++) {
            cr_assert_eq(weights[i], expected[i], "%.*s: %u", (int)value.length, value.at, i);
            if ((available >> i & 1) && expected[i] > 0 &&
                (best == NONE || expected[i] >= expected[best]))
                best = i;
        }
        cr_assert(chosen == (best != NONE) && coding == best, "%.*s", (int)value.length, value.at);
    }
}

Test(content_coding, gives_valid_weights_for_any_bytes)
{
    static const char alphabet[] = "gzipbr*;;q==0011..55,,, \t\"\\";
    struct prng prng = {13};
    for (int round = 0; round < 20000; round++) {
        char bytes[40];
        size_t length = prng_below(&prng, sizeof bytes + 1);
        for (size_t i = 0; i < length; i++)
            bytes[i] = alphabet[prng_below(&prng, sizeof alphabet - 1)];
        uint16_t weights[CONTENT_CODING_COUNT];
        weigh((struct str){bytes, length}, weights);
        for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++)
            cr_assert_leq(weights[i], QVALUE_MAX);
        choose((struct str){bytes, length}, ALL);
    }
}
