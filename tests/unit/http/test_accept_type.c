/* accept_type: RFC 9110 sections 12.5.1 (Accept), 12.4.2 (weights), 5.6 (lists, tokens,
 * parameters). */
#include "http/accept_type.h"
#include "support/guard.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <stdio.h>

static unsigned weigh(struct str accept, struct str media_type)
{
    struct str input = guard_copy(accept), type = guard_copy(media_type);
    unsigned weight = accept_type_weight(input, type);
    guard_drop(input);
    guard_drop(type);
    return weight;
}

struct weight_row {
    const char *section; /* of RFC 9110 */
    const char *label;
    struct str accept;
    struct str media_type;
    unsigned expected;
};

static void expect_weights(const struct weight_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned weight = weigh(rows[i].accept, rows[i].media_type);
        cr_expect_eq(weight, rows[i].expected, "section %s, %s: %s has %u, not %u", rows[i].section,
                     rows[i].label, rows[i].media_type.at, weight, rows[i].expected);
    }
}

#define HTML STR_INIT("text/html")
#define JSON STR_INIT("application/json")

Test(accept_type, weighs_the_examples_of_the_rfc)
{
#define FIRST  STR_INIT("audio/*; q=0.2, audio/basic")
#define SECOND STR_INIT("text/plain; q=0.5, text/html, text/x-dvi; q=0.8, text/x-c")
#define THIRD  STR_INIT("text/*, text/plain, text/plain;format=flowed, */*")
#define FOURTH                                                            \
    STR_INIT("text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, " \
             "text/plain;format=fixed;q=0.4, */*;q=0.5")
#define OLD                                                       \
    STR_INIT("text/*;q=0.3, text/html;q=0.7, text/html;level=1, " \
             "text/html;level=2;q=0.4, */*;q=0.5") /* RFC 7231 section 5.3.2 */
    static const struct weight_row rows[] = {
        {"12.5.1", "first example", FIRST, STR_INIT("audio/basic"), 1000},
        {"12.5.1", "first example", FIRST, STR_INIT("audio/mpeg"), 200},
        {"12.5.1", "first example", FIRST, HTML, 0},
        {"12.5.1", "second example", SECOND, HTML, 1000},
        {"12.5.1", "second example", SECOND, STR_INIT("text/x-c"), 1000},
        {"12.5.1", "second example", SECOND, STR_INIT("text/x-dvi"), 800},
        {"12.5.1", "second example", SECOND, STR_INIT("text/plain"), 500},
        {"12.5.1", "second example", SECOND, JSON, 0},
        {"12.5.1", "third example", THIRD, STR_INIT("text/plain"), 1000},
        {"12.5.1", "third example", THIRD, JSON, 1000},
        {"12.5.1", "table 5", FOURTH, STR_INIT("text/plain;format=flowed"), 1000},
        {"12.5.1", "table 5", FOURTH, STR_INIT("text/plain"), 700},
        {"12.5.1", "table 5", FOURTH, HTML, 300},
        {"12.5.1", "table 5", FOURTH, STR_INIT("image/jpeg"), 500},
        {"12.5.1", "table 5", FOURTH, STR_INIT("text/plain;format=fixed"), 400},
        {"12.5.1", "table 5, erratum 7138", FOURTH, STR_INIT("text/html;level=3"), 300},
        {"12.5.1", "the older table", OLD, STR_INIT("text/html;level=1"), 1000},
        {"12.5.1", "the older table", OLD, HTML, 700},
        {"12.5.1", "the older table", OLD, STR_INIT("text/plain"), 300},
        {"12.5.1", "the older table", OLD, STR_INIT("image/jpeg"), 500},
        {"12.5.1", "the older table", OLD, STR_INIT("text/html;level=2"), 400},
        {"12.5.1", "the older table", OLD, STR_INIT("text/html;level=3"), 700},
    };
    expect_weights(rows, COUNT_OF(rows));
}

Test(accept_type, prefers_the_most_specific_range)
{
    static const struct weight_row rows[] = {
        {"12.5.1", "absent", {NULL, 0}, JSON, 1000},
        {"12.5.1", "empty", STR_INIT(""), JSON, 1000},
        {"5.6.1", "empty elements", STR_INIT(" ,, ,"), JSON, 1000},
        {"12.5.1", "anything", STR_INIT("*/*"), JSON, 1000},
        {"12.5.1", "anything, less", STR_INIT("*/*;q=0.1"), JSON, 100},
        {"12.5.1", "nothing", STR_INIT("*/*;q=0"), JSON, 0},
        {"12.5.1", "this type", STR_INIT("application/json"), JSON, 1000},
        {"12.5.1", "not this type", STR_INIT("application/json"), HTML, 0},
        {"12.5.1", "any subtype", STR_INIT("application/*"), JSON, 1000},
        {"12.5.1", "any subtype of another", STR_INIT("text/*"), JSON, 0},
        {"12.5.1", "type before subtype's star", STR_INIT("application/*, application/json;q=0.2"),
         JSON, 200},
        {"12.5.1", "subtype's star before star", STR_INIT("application/*;q=0.3, */*"), JSON, 300},
        {"12.5.1", "type before star", STR_INIT("*/*, application/json;q=0"), JSON, 0},
        {"12.5.1", "all refused except one", STR_INIT("*/*;q=0, application/json;q=0.4"), JSON,
         400},
        {"12.5.1", "a prefix does not match", STR_INIT("application/js, text/htm"), JSON, 0},
        {"12.5.1", "a suffix does not match", STR_INIT("application/json5"), JSON, 0},
        {"12.5.1", "a star is not a pattern", STR_INIT("application/js*"), JSON, 0},
        {"8.3.1", "capitals", STR_INIT("Application/JSON;Q=0.6"), JSON, 600},
        {"8.3.1", "the type's capitals", STR_INIT("application/json;q=0.6"),
         STR_INIT("APPLICATION/Json"), 600},
        {"12.4.2", "twice: the lower counts", STR_INIT("text/html;q=0.9, text/html;q=0.2"), HTML,
         200},
        {"12.4.2", "twice, the other way", STR_INIT("text/html;q=0.2, text/html;q=0.9"), HTML, 200},
        {"5.6.3", "white space", STR_INIT(" \ttext/html\t ;\t q=0.5 ,\t*/*;q=0.1 "), HTML, 500},
        {"12.5.1", "a browser",
         STR_INIT("text/html,application/xhtml+xml,application/xml;q=0.9,"
                  "image/avif,image/webp,*/*;q=0.8"),
         HTML, 1000},
        {"12.5.1", "a browser",
         STR_INIT("text/html,application/xhtml+xml,application/xml;q=0.9,"
                  "image/avif,image/webp,*/*;q=0.8"),
         JSON, 800},
        {"12.5.1", "a script", STR_INIT("application/json, text/plain, */*"), HTML, 1000},
        {"8.3.1", "not a media type", STR_INIT("*/*"), STR_INIT("json"), 0},
    };
    expect_weights(rows, COUNT_OF(rows));
}

Test(accept_type, compares_parameters_ignoring_case_and_quoting)
{
#define UTF8 STR_INIT("text/html; charset=utf-8")
    static const struct weight_row rows[] = {
        {"12.5.1", "a parameter that the range lacks", STR_INIT("text/html;q=0.4"), UTF8, 400},
        {"12.5.1", "the same", STR_INIT("text/html;charset=utf-8;q=0.4, text/html"), UTF8, 400},
        {"12.5.1", "another value", STR_INIT("text/html;charset=koi8-r;q=0.4, text/html;q=0.6"),
         UTF8, 600},
        {"5.6.6", "capitals", STR_INIT("text/html;CharSet=UTF-8;q=0.4, text/html"), UTF8, 400},
        {"5.6.6", "quoted", STR_INIT("text/html;charset=\"utf-8\";q=0.4, text/html"), UTF8, 400},
        {"5.6.4", "escaped", STR_INIT("text/html;charset=\"\\utf\\-8\";q=0.4, text/html"), UTF8,
         400},
        {"5.6.4", "a longer value", STR_INIT("text/html;charset=utf-88;q=0.4, text/html"), UTF8,
         1000},
        {"5.6.4", "a shorter value", STR_INIT("text/html;charset=utf-;q=0.4, text/html"), UTF8,
         1000},
        {"5.6.4", "an empty value", STR_INIT("text/html;charset=\"\";q=0.4, text/html"), UTF8,
         1000},
        {"5.6.4", "commas, semicolons, quotes", STR_INIT("text/html;a=\",;\\\"q=0.1\\\\\";q=0.4"),
         HTML, 400},
        {"5.6.6", "empty parameters", STR_INIT("text/html;;; ;q=0.4; ;"), HTML, 400},
        {"12.5.1", "the weight comes first", STR_INIT("text/html;q=0.4;charset=utf-8, text/html"),
         UTF8, 400},
        {"12.5.1", "more is more specific",
         STR_INIT("a/b;x=1, a/b;x=1;y=2;q=0.2, a/b;y=2;q=0.6, */*;q=0.9"),
         STR_INIT("a/b; y=2; x=1"), 200},
        {"12.5.1", "lacking, but asked for", STR_INIT("application/json;charset=utf-8"), JSON,
         1000},
        {"12.5.1", "lacking, with a weight", STR_INIT("application/json;v=2;q=0.7, */*;q=0.1"),
         JSON, 700},
        {"12.5.1", "lacking is less than plain",
         STR_INIT("application/json;v=2, application/json;q=0.3"), JSON, 300},
        {"12.5.1", "lacking is more than a star",
         STR_INIT("application/json;v=2;q=0.3, application/*"), JSON, 300},
        {"12.5.1", "lacking refuses nothing", STR_INIT("application/json;v=2;q=0, */*;q=0.5"), JSON,
         500},
        {"12.5.1", "but is there", STR_INIT("application/json;v=2;q=0"), JSON, 0},
        {"12.5.1", "one lacking of two", STR_INIT("text/html;charset=utf-8;v=2, text/html;q=0.2"),
         UTF8, 200},
        {"12.5.1", "a star's parameter", STR_INIT("*/*;v=b3;q=0.7"), HTML, 700},
    };
    expect_weights(rows, COUNT_OF(rows));
}

/* An element that is not a media-range, or has a malformed weight, is skipped. */
Test(accept_type, skips_malformed_elements)
{
    static const struct {
        const char *section, *label;
        struct str element;
    } rows[] = {
        {"12.5.1", "no subtype", STR_INIT("text;q=0")},
        {"12.5.1", "an empty subtype", STR_INIT("text/;q=0")},
        {"12.5.1", "an empty type", STR_INIT("/html;q=0")},
        {"12.5.1", "a slash alone", STR_INIT("/")},
        {"12.5.1", "a star alone", STR_INIT("*;q=0")},
        {"12.5.1", "any type of one subtype", STR_INIT("*/html;q=0")},
        {"12.5.1", "two slashes", STR_INIT("text/html/x;q=0")},
        {"12.5.1", "space around the slash", STR_INIT("text / html;q=0")},
        {"12.5.1", "a space for a semicolon", STR_INIT("text/html q=0")},
        {"12.5.1", "quoted", STR_INIT("\"text/html\";q=0")},
        {"12.5.1", "no range", STR_INIT(";q=0")},
        {"12.4.2", "over 1", STR_INIT("text/html;q=1.5")},
        {"12.4.2", "four decimals", STR_INIT("text/html;q=0.0000")},
        {"12.4.2", "no leading digit", STR_INIT("text/html;q=.2")},
        {"12.4.2", "no value", STR_INIT("text/html;q=")},
        {"12.4.2", "no equals", STR_INIT("text/html;q")},
        {"12.4.2", "quoted weight", STR_INIT("text/html;q=\"0\"")},
        {"12.4.2", "two weights", STR_INIT("text/html;q=0;q=0")},
        {"12.4.2", "white space around the equals", STR_INIT("text/html;q = 0")},
        {"5.6.6", "no value", STR_INIT("text/html;a=;q=0")},
        {"5.6.6", "no equals", STR_INIT("text/html;a;q=0")},
        {"5.6.6", "no name", STR_INIT("text/html;=a;q=0")},
        {"5.6.6", "white space in the value", STR_INIT("text/html;a=b c;q=0")},
        {"5.6.6", "white space before the value", STR_INIT("text/html;a= b;q=0")},
        {"5.6.6", "something after the quotes", STR_INIT("text/html;a=\"b\"c;q=0")},
        {"5.6.6", "no semicolon after the quotes", STR_INIT("text/html;a=\"b\"c=d;q=0")},
        {"5.6.4", "a backslash after the quotes", STR_INIT("text/html;a=\"b\"\\;q=0")},
        {"5.6.2", "a NUL", STR_INIT("text/html\0;q=0")},
        {"5.6.2", "beyond ASCII", STR_INIT("text/html\xc3\xbc;q=0")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[64];
        struct str element = rows[i].element;
        cr_expect_eq(weigh(element, (struct str)HTML), 1000, "section %s, %s: alone",
                     rows[i].section, rows[i].label);
        struct str list = {text,
                           (size_t)(str_put(str_put(text, element), STR(", */*;q=0.3")) - text)};
        cr_expect_eq(weigh(list, (struct str)HTML), 300, "section %s, %s: %u", rows[i].section,
                     rows[i].label, weigh(list, (struct str)HTML));
    }
    cr_expect_eq(weigh(STR("*/*;q=0.3, text/html;a=\"b, text/html"), (struct str)HTML), 300,
                 "a quote never closed takes the rest");
    cr_expect_eq(weigh(STR("*/*;q=0.3, text/html;a=\"b\\\""), (struct str)HTML), 300,
                 "nor does an escaped one close it");
}

/* --- Against a naive model -------------------------------------------------------------------- */

Test(accept_type, agrees_with_a_naive_model)
{
    /* Ranges by how specifically they match "a/b;x=1"; the first does not match. */
    static const struct {
        const char *text;
        unsigned precedence;
    } ranges[] = {{"c/d", 0}, {"*/*", 1},     {"a/*", 2},          {"a/b;z=1", 3},
                  {"a/b", 4}, {"a/b;x=1", 5}, {"A/B; X=\"1\"", 5}, {"a/c", 0}};
    struct prng prng = {12};
    for (int round = 0; round < 100000; round++) {
        char text[512];
        size_t at = 0;
        unsigned best = 0, expected = 0, count = (unsigned)prng_below(&prng, 7);
        for (unsigned i = 0; i < count; i++) {
            unsigned which = (unsigned)prng_below(&prng, COUNT_OF(ranges));
            unsigned weight = 1 + (unsigned)prng_below(&prng, 999);
            unsigned precedence = ranges[which].precedence;
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%s;q=0.%03u", i > 0 ? "," : "",
                                   ranges[which].text, weight);
            if (precedence > best || (precedence == best && best > 0 && weight < expected)) {
                best = precedence;
                expected = weight;
            }
        }
        unsigned weight = accept_type_weight((struct str){text, at}, STR("a/b;x=1"));
        cr_assert_eq(weight, count > 0 ? expected : 1000, "%.*s: %u", (int)at, text, weight);
    }
}

Test(accept_type, gives_a_valid_weight_for_any_bytes)
{
    static const char alphabet[] = "ab//**;;q==0011..55,,, \t\"\\";
    struct prng prng = {13};
    for (int round = 0; round < 40000; round++) {
        char bytes[40];
        size_t length = prng_below(&prng, sizeof bytes + 1);
        for (size_t i = 0; i < length; i++)
            bytes[i] = alphabet[prng_below(&prng, sizeof alphabet - 1)];
        struct str random = {bytes, length};
        cr_assert_leq(weigh(random, STR("a/b;a=b")), QVALUE_MAX);
        cr_assert_leq(weigh(STR("a/b;a=b"), random), QVALUE_MAX);
    }
}
