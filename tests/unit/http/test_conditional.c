/* conditional: RFC 9110 sections 8.8.3 (entity tags), 13.1 (conditions) and 13.2.2 (their
 * order). */
#include "http/conditional.h"
#include "support/guard.h"
#include "support/prng.h"
#include "support/rows.h"

#include <criterion/criterion.h>

static const int64_t now = 1750000000;
static const int64_t modified = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */

/* Evaluates a request with both fields, each at a guard page. */
static bool not_modified(struct str if_none_match, struct str if_modified_since, struct str etag)
{
    struct conditional_request request = {
        .if_none_match = guard_copy(if_none_match),
        .if_modified_since = guard_copy(if_modified_since),
    };
    struct conditional_validators current = {guard_copy(etag), true, modified};
    bool result = conditional_evaluate(&request, &current, now) == CONDITIONAL_NOT_MODIFIED;
    guard_drop(request.if_none_match);
    guard_drop(request.if_modified_since);
    guard_drop(current.etag);
    return result;
}

static const struct str absent = {NULL, 0};

Test(conditional, compares_entity_tags_weakly)
{
    static const struct { /* the table of section 8.8.3.2 */
        const char *section, *label;
        struct str asked, current;
        bool match;
    } rows[] = {
        {"8.8.3.2", "W/\"1\" and W/\"1\"", STR_INIT("W/\"1\""), STR_INIT("W/\"1\""), true},
        {"8.8.3.2", "W/\"1\" and W/\"2\"", STR_INIT("W/\"1\""), STR_INIT("W/\"2\""), false},
        {"8.8.3.2", "W/\"1\" and \"1\"", STR_INIT("W/\"1\""), STR_INIT("\"1\""), true},
        {"8.8.3.2", "\"1\" and W/\"1\"", STR_INIT("\"1\""), STR_INIT("W/\"1\""), true},
        {"8.8.3.2", "\"1\" and \"1\"", STR_INIT("\"1\""), STR_INIT("\"1\""), true},
        {"8.8.3.2", "case matters", STR_INIT("\"a\""), STR_INIT("\"A\""), false},
        {"8.8.3.2", "a prefix is not it", STR_INIT("\"1\""), STR_INIT("\"12\""), false},
        {"8.8.3.2", "longer is not it", STR_INIT("\"12\""), STR_INIT("\"1\""), false},
        {"8.8.3.2", "the empty tag", STR_INIT("\"\""), STR_INIT("\"\""), true},
    };
    rows_begin("conditionals", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next(rows[i].section, rows[i].label);
        bool match = not_modified(rows[i].asked, absent, rows[i].current);
        row_expect(match == rows[i].match, "%d", match);
    }
    rows_end();
}

Test(conditional, reads_lists_of_entity_tags)
{
    static const struct {
        const char *section, *label;
        struct str list;
        bool match; /* with "x" */
    } rows[] = {
        {"13.1.2", "alone", STR_INIT("\"x\""), true},
        {"13.1.2", "first", STR_INIT("\"x\", \"y\""), true},
        {"13.1.2", "in the middle", STR_INIT("\"w\", \"x\", \"y\""), true},
        {"13.1.2", "last", STR_INIT("\"y\", \"x\""), true},
        {"13.1.2", "no white space", STR_INIT("\"y\",\"x\""), true},
        {"5.6.1", "tabs and spaces", STR_INIT(" \t\"y\"\t ,\t \"x\" "), true},
        {"13.1.2", "weak in a list", STR_INIT("\"y\", W/\"x\""), true},
        {"5.6.1", "empty elements", STR_INIT(",, \"y\",,\t, \"x\",,"), true},
        {"13.1.2", "none of them", STR_INIT("\"a\", \"b\""), false},
        {"8.8.3", "comma within a tag", STR_INIT("\"a,b\", \"x\""), true},
        {"8.8.3", "our tag within a tag", STR_INIT("\"a,\"x\",b\""), false},
        {"8.8.3", "a backslash is an ordinary byte", STR_INIT("\"\\\", \"x\""), true},
        {"8.8.3", "a backslash does not escape", STR_INIT("\"a\\\"x\""), false},
        {"8.8.3", "obs-text within a tag", STR_INIT("\"\xc3\xbc\", \"x\""), true},
        {"13.1.2", "star", STR_INIT("*"), true},
        {"13.1.2", "star with white space", STR_INIT(" * "), true},
        {"13.1.2", "star in quotes is a tag", STR_INIT("\"*\""), false},
        {"13.1.2", "star in a list", STR_INIT("\"a\", *"), false},
        {"13.1.2", "star before a list", STR_INIT("*, \"x\""), false},
        {"13.1.2", "two stars", STR_INIT("**"), false},
        {"5.6.1", "empty", STR_INIT(""), false},
        {"5.6.1", "white space", STR_INIT("  "), false},
        {"5.6.1", "a comma", STR_INIT(","), false},
        {"8.8.3", "no quotes", STR_INIT("x"), false},
        {"8.8.3", "no quotes, then ours", STR_INIT("y, \"x\""), false},
        {"8.8.3", "ours, then no quotes", STR_INIT("\"x\", y"), true},
        {"8.8.3", "a quote never closed", STR_INIT("\"x"), false},
        {"8.8.3", "one quote", STR_INIT("\""), false},
        {"8.8.3", "ours after a quote never closed", STR_INIT("\"y, \"x\""), false},
        {"8.8.3", "single quotes", STR_INIT("'x'"), false},
        {"8.8.3", "bytes after a tag", STR_INIT("\"x\"y"), false},
        {"8.8.3", "no comma between", STR_INIT("\"y\" \"x\""), false},
        {"8.8.3", "ours, no comma after it", STR_INIT("\"x\" \"y\""), false},
        {"8.8.3", "semicolon between", STR_INIT("\"y\"; \"x\""), false},
        {"8.8.3", "a space within a tag", STR_INIT("\"a b\", \"x\""), false},
        {"8.8.3", "a control byte within a tag", STR_INIT("\"a\x01\", \"x\""), false},
        {"8.8.3", "DEL within a tag", STR_INIT("\"a\x7f\", \"x\""), false},
        {"8.8.3", "small w", STR_INIT("w/\"x\""), false},
        {"8.8.3", "W alone", STR_INIT("W/"), false},
        {"8.8.3", "W without slash", STR_INIT("W\"x\""), false},
        {"8.8.3", "W, slash, space", STR_INIT("W/ \"x\""), false},
        {"8.8.3", "W twice", STR_INIT("W/W/\"x\""), false},
    };
    rows_begin("conditionals", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next(rows[i].section, rows[i].label);
        bool strong = not_modified(rows[i].list, absent, STR("\"x\""));
        bool weak = not_modified(rows[i].list, absent, STR("W/\"x\""));
        row_expect(strong == rows[i].match, "%d", strong);
        row_expect(weak == rows[i].match, "weak: %d", weak);
    }
    rows_end();
}

Test(conditional, compares_dates)
{
    static const struct {
        const char *section, *label;
        struct str since;
        bool match;
    } rows[] = {
        {"13.1.3", "the same second", STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT"), true},
        {"13.1.3", "a second later", STR_INIT("Sun, 06 Nov 1994 08:49:38 GMT"), true},
        {"13.1.3", "a second earlier", STR_INIT("Sun, 06 Nov 1994 08:49:36 GMT"), false},
        {"13.1.3", "rfc850-date, the same", STR_INIT("Sunday, 06-Nov-94 08:49:37 GMT"), true},
        {"13.1.3", "rfc850-date, earlier", STR_INIT("Sunday, 06-Nov-94 08:49:36 GMT"), false},
        {"13.1.3", "asctime-date, the same", STR_INIT("Sun Nov  6 08:49:37 1994"), true},
        {"13.1.3", "asctime-date, earlier", STR_INIT("Sun Nov  6 08:49:36 1994"), false},
        {"13.1.3", "white space around it", STR_INIT(" Sun, 06 Nov 1994 08:49:37 GMT\t"), true},
        {"13.1.3", "in the future", STR_INIT("Fri, 31 Dec 9999 23:59:59 GMT"), true},
        {"13.1.3", "before 1970", STR_INIT("Wed, 31 Dec 1969 23:59:59 GMT"), false},
        {"13.1.3", "no date", STR_INIT("yesterday"), false},
        {"13.1.3", "no such day", STR_INIT("Thu, 31 Nov 2024 00:00:00 GMT"), false},
        {"13.1.3", "with IE's length", STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT; length=5"), false},
        {"13.1.3", "a list of dates",
         STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT"), false},
        {"13.1.3", "empty", STR_INIT(""), false},
        {"13.1.3", "absent", {NULL, 0}, false},
    };
    rows_begin("conditionals", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next(rows[i].section, rows[i].label);
        bool match = not_modified(absent, rows[i].since, STR("\"x\""));
        row_expect(match == rows[i].match, "%d", match);
    }
    rows_end();
}

Test(conditional, prefers_if_none_match_to_if_modified_since)
{
    static const struct {
        const char *section, *label;
        struct str none_match;
        struct str since;
        bool match;
    } rows[] = {
        {"13.2.2", "tag new, date old", STR_INIT("\"y\""),
         STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT"), false},
        {"13.2.2", "tag same, date earlier", STR_INIT("\"x\""),
         STR_INIT("Sun, 06 Nov 1994 08:49:36 GMT"), true},
        {"13.2.2", "tag same, no date", STR_INIT("\"x\""), STR_INIT("soon"), true},
        {"13.2.2", "tag malformed", STR_INIT("y"), STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT"),
         false},
        {"13.2.2", "tag field empty", STR_INIT(""), STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT"),
         false},
        {"13.2.2", "neither", {NULL, 0}, {NULL, 0}, false},
    };
    rows_begin("conditionals", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next(rows[i].section, rows[i].label);
        bool match = not_modified(rows[i].none_match, rows[i].since, STR("\"x\""));
        row_expect(match == rows[i].match, "%d", match);
    }
    rows_end();
}

Test(conditional, matches_a_star_without_an_entity_tag)
{
    cr_expect(not_modified(STR("*"), absent, absent));
    cr_expect_not(not_modified(STR("\"x\""), absent, absent));
    cr_expect_not(not_modified(STR("W/"), absent, STR("")));
}

Test(conditional, finds_an_entity_tag_in_random_lists_only_if_present)
{
    static const char alphabet[] = "xy\"\"\",, W/*\\\t";
    struct prng prng = {13};
    struct str etag = STR("\"x\"");
    for (int round = 0; round < 50000; round++) {
        char bytes[24];
        size_t length = prng_below(&prng, sizeof bytes + 1);
        for (size_t i = 0; i < length; i++)
            bytes[i] = alphabet[prng_below(&prng, sizeof alphabet - 1)];
        struct str list = {bytes, length};
        if (!not_modified(list, absent, etag))
            continue;
        bool there = memmem(bytes, length, etag.at, etag.length) != NULL;
        cr_assert(there || str_equal(str_trim(list), STR("*")), "%.*s", (int)length, bytes);
    }
}

/* --- All four conditions, section 13.2.2 ------------------------------------------------------ */

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define EQUAL  "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

static struct str field(const char *text)
{
    return text ? guard_copy(str_of(text)) : absent;
}

Test(conditional, evaluates_in_the_order_of_the_rfc)
{
    static const struct {
        const char *section, *label;
        const char *match, *unmodified, *none_match, *modified;
        enum conditional_verdict verdict;
    } rows[] = {
        {"13.2.2", "nothing", NULL, NULL, NULL, NULL, CONDITIONAL_PROCEED},
        {"13.1.1", "match", "\"x\"", NULL, NULL, NULL, CONDITIONAL_PROCEED},
        {"13.1.1", "match in a list", "\"y\", \"x\"", NULL, NULL, NULL, CONDITIONAL_PROCEED},
        {"13.1.1", "any", "*", NULL, NULL, NULL, CONDITIONAL_PROCEED},
        {"13.1.1", "no match", "\"y\"", NULL, NULL, NULL, CONDITIONAL_FAILED},
        {"13.1.1", "a weak tag does not match", "W/\"x\"", NULL, NULL, NULL, CONDITIONAL_FAILED},
        {"13.1.1", "empty", "", NULL, NULL, NULL, CONDITIONAL_FAILED},
        {"13.1.1", "not a tag", "x", NULL, NULL, NULL, CONDITIONAL_FAILED},
        {"13.1.1", "any in a list", "\"y\", *", NULL, NULL, NULL, CONDITIONAL_FAILED},
        {"13.1.1", "any before a list", "*, \"x\"", NULL, NULL, NULL, CONDITIONAL_FAILED},
        {"13.1.1", "empty elements", ", ,\"x\",", NULL, NULL, NULL, CONDITIONAL_PROCEED},
        {"13.1.2", "no match", NULL, NULL, "\"y\"", NULL, CONDITIONAL_PROCEED},
        {"13.1.2", "any", NULL, NULL, "*", NULL, CONDITIONAL_NOT_MODIFIED},
        {"13.1.2", "in a list", NULL, NULL, "\"y\", \"x\"", NULL, CONDITIONAL_NOT_MODIFIED},
        {"13.1.3", "modified since then", NULL, NULL, NULL, EQUAL, CONDITIONAL_NOT_MODIFIED},
        {"13.1.3", "modified since later", NULL, NULL, NULL, AFTER, CONDITIONAL_NOT_MODIFIED},
        {"13.1.3", "modified since before", NULL, NULL, NULL, BEFORE, CONDITIONAL_PROCEED},
        {"13.1.3", "no date", NULL, NULL, NULL, "soon", CONDITIONAL_PROCEED},
        {"13.1.4", "empty", NULL, "", NULL, NULL, CONDITIONAL_PROCEED},
        {"13.1.4", "unmodified since later", NULL, AFTER, NULL, NULL, CONDITIONAL_PROCEED},
        {"13.1.4", "unmodified since then", NULL, EQUAL, NULL, NULL, CONDITIONAL_PROCEED},
        {"13.1.4", "modified since", NULL, BEFORE, NULL, NULL, CONDITIONAL_FAILED},
        {"13.1.4", "no date", NULL, "yesterday", NULL, NULL, CONDITIONAL_PROCEED},
        {"13.1.4", "obsolete form", NULL, "Sun Nov  6 08:49:36 1994", NULL, NULL,
         CONDITIONAL_FAILED},
        {"13.2.2", "step 2 is skipped with If-Match", "\"x\"", BEFORE, NULL, NULL,
         CONDITIONAL_PROCEED},
        {"13.2.2", "step 2 is skipped, and 1 fails", "\"y\"", AFTER, NULL, NULL,
         CONDITIONAL_FAILED},
        {"13.2.2", "step 1 goes on to 3", "\"x\"", NULL, "\"x\"", NULL, CONDITIONAL_NOT_MODIFIED},
        {"13.2.2", "step 1 fails before 3", "\"y\"", NULL, "\"x\"", NULL, CONDITIONAL_FAILED},
        {"13.2.2", "step 2 goes on to 3", NULL, AFTER, "\"x\"", NULL, CONDITIONAL_NOT_MODIFIED},
        {"13.2.2", "step 2 fails before 3", NULL, BEFORE, "\"x\"", NULL, CONDITIONAL_FAILED},
        {"13.2.2", "step 2 goes on to 4", NULL, EQUAL, NULL, EQUAL, CONDITIONAL_NOT_MODIFIED},
        {"13.2.2", "step 4 is skipped with If-None-Match", NULL, NULL, "\"y\"", AFTER,
         CONDITIONAL_PROCEED},
        {"13.2.2", "step 4 is skipped with a malformed If-None-Match", NULL, NULL, "y", EQUAL,
         CONDITIONAL_PROCEED},
        {"13.2.2", "step 2 is skipped with an empty If-Match", "", AFTER, NULL, NULL,
         CONDITIONAL_FAILED},
        {"13.2.2", "all four hold", "\"x\"", EQUAL, "\"x\"", EQUAL, CONDITIONAL_NOT_MODIFIED},
        {"13.2.2", "weak is a match for step 3", NULL, NULL, "W/\"x\"", NULL,
         CONDITIONAL_NOT_MODIFIED},
    };
    rows_begin("conditionals", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next(rows[i].section, rows[i].label);
        struct conditional_request request = {
            .if_match = field(rows[i].match),
            .if_unmodified_since = field(rows[i].unmodified),
            .if_none_match = field(rows[i].none_match),
            .if_modified_since = field(rows[i].modified),
        };
        struct conditional_validators current = {STR("\"x\""), true, modified};
        enum conditional_verdict verdict = conditional_evaluate(&request, &current, now);
        row_expect(verdict == rows[i].verdict, "%d", verdict);
    }
    rows_end();
}

/* Section 13.1.5. */
Test(conditional, applies_a_range_only_to_the_same_representation)
{
    static const struct {
        const char *section, *label, *value, *etag;
        int64_t date;
        bool applies;
    } rows[] = {
        {"13.1.5", "the same tag", "\"x\"", "\"x\"", 1750000000, true},
        {"13.1.5", "another tag", "\"y\"", "\"x\"", 1750000000, false},
        {"13.1.5", "a weak tag", "W/\"x\"", "\"x\"", 1750000000, false},
        {"13.1.5", "a weak current tag", "\"x\"", "W/\"x\"", 1750000000, false},
        {"13.1.5", "both weak", "W/\"x\"", "W/\"x\"", 1750000000, false},
        {"13.1.5", "a list", "\"x\", \"y\"", "\"x\"", 1750000000, false},
        {"13.1.5", "any", "*", "\"x\"", 1750000000, false},
        {"13.1.5", "empty", "", "\"x\"", 1750000000, false},
        {"13.1.5", "the same date", EQUAL, "\"x\"", 1750000000, true},
        {"13.1.5", "an earlier date", BEFORE, "\"x\"", 1750000000, false},
        {"13.1.5", "a later date", AFTER, "\"x\"", 1750000000, false},
        {"13.1.5", "a date that is too fresh", EQUAL, "\"x\"", 784111777, false},
        {"13.1.5", "a date a second old", EQUAL, "\"x\"", 784111778, true},
        {"13.1.5", "no date", "yesterday", "\"x\"", 1750000000, false},
    };
    rows_begin("ranges", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next(rows[i].section, rows[i].label);
        struct str value = guard_copy(str_of(rows[i].value));
        struct conditional_validators current = {str_of(rows[i].etag), true, modified};
        bool applies = conditional_range_applies(value, &current, rows[i].date);
        row_expect(applies == rows[i].applies, "%d", applies);
        guard_drop(value);
    }
    rows_end();
}
