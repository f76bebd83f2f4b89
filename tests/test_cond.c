/* cond: RFC 9110 sections 8.8.3 (entity tags) and 13.1.2, 13.1.3, 13.2.2 (conditions). */
#include "cond.h"
#include "guard.h"
#include "prng.h"

#include <criterion/criterion.h>

static const int64_t now = 1750000000;
static const int64_t modified = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */

/* Asks with both header fields at a guard page. */
static bool not_modified(struct str if_none_match, struct str if_modified_since, struct str etag)
{
    struct cond_request request = {
        .if_none_match = guard_copy(if_none_match),
        .if_modified_since = guard_copy(if_modified_since),
    };
    struct cond_validators current = {guard_copy(etag), modified};
    bool result = cond_evaluate(&request, &current, now) == COND_NOT_MODIFIED;
    guard_drop(request.if_none_match);
    guard_drop(request.if_modified_since);
    guard_drop(current.etag);
    return result;
}

static const struct str absent = {NULL, 0};

Test(cond, compares_entity_tags_weakly)
{
    static const struct { /* the table of section 8.8.3.2 */
        const char *label;
        struct str asked, current;
        bool match;
    } rows[] = {
        {"W/\"1\" and W/\"1\"", STR_INIT("W/\"1\""), STR_INIT("W/\"1\""), true},
        {"W/\"1\" and W/\"2\"", STR_INIT("W/\"1\""), STR_INIT("W/\"2\""), false},
        {"W/\"1\" and \"1\"", STR_INIT("W/\"1\""), STR_INIT("\"1\""), true},
        {"\"1\" and W/\"1\"", STR_INIT("\"1\""), STR_INIT("W/\"1\""), true},
        {"\"1\" and \"1\"", STR_INIT("\"1\""), STR_INIT("\"1\""), true},
        {"case matters", STR_INIT("\"a\""), STR_INIT("\"A\""), false},
        {"a prefix is not it", STR_INIT("\"1\""), STR_INIT("\"12\""), false},
        {"longer is not it", STR_INIT("\"12\""), STR_INIT("\"1\""), false},
        {"the empty tag", STR_INIT("\"\""), STR_INIT("\"\""), true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(not_modified(rows[i].asked, absent, rows[i].current), rows[i].match, "%s",
                     rows[i].label);
}

Test(cond, reads_lists_of_entity_tags)
{
    static const struct {
        const char *label;
        struct str list;
        bool match; /* with "x" */
    } rows[] = {
        {"alone", STR_INIT("\"x\""), true},
        {"first", STR_INIT("\"x\", \"y\""), true},
        {"in the middle", STR_INIT("\"w\", \"x\", \"y\""), true},
        {"last", STR_INIT("\"y\", \"x\""), true},
        {"no white space", STR_INIT("\"y\",\"x\""), true},
        {"tabs and spaces", STR_INIT(" \t\"y\"\t ,\t \"x\" "), true},
        {"weak in a list", STR_INIT("\"y\", W/\"x\""), true},
        {"empty elements", STR_INIT(",, \"y\",,\t, \"x\",,"), true},
        {"none of them", STR_INIT("\"a\", \"b\""), false},
        {"comma within a tag", STR_INIT("\"a,b\", \"x\""), true},
        {"our tag within a tag", STR_INIT("\"a,\"x\",b\""), false},
        {"a backslash is an ordinary byte", STR_INIT("\"\\\", \"x\""), true},
        {"a backslash does not escape", STR_INIT("\"a\\\"x\""), false},
        {"obs-text within a tag", STR_INIT("\"\xc3\xbc\", \"x\""), true},
        {"star", STR_INIT("*"), true},
        {"star with white space", STR_INIT(" * "), true},
        {"star in quotes is a tag", STR_INIT("\"*\""), false},
        {"star in a list", STR_INIT("\"a\", *"), false},
        {"star before a list", STR_INIT("*, \"x\""), false},
        {"two stars", STR_INIT("**"), false},
        {"empty", STR_INIT(""), false},
        {"white space", STR_INIT("  "), false},
        {"a comma", STR_INIT(","), false},
        {"no quotes", STR_INIT("x"), false},
        {"no quotes, then ours", STR_INIT("y, \"x\""), false},
        {"ours, then no quotes", STR_INIT("\"x\", y"), true},
        {"a quote never closed", STR_INIT("\"x"), false},
        {"one quote", STR_INIT("\""), false},
        {"ours after a quote never closed", STR_INIT("\"y, \"x\""), false},
        {"single quotes", STR_INIT("'x'"), false},
        {"bytes after a tag", STR_INIT("\"x\"y"), false},
        {"no comma between", STR_INIT("\"y\" \"x\""), false},
        {"ours, no comma after it", STR_INIT("\"x\" \"y\""), false},
        {"semicolon between", STR_INIT("\"y\"; \"x\""), false},
        {"a space within a tag", STR_INIT("\"a b\", \"x\""), false},
        {"a control byte within a tag", STR_INIT("\"a\x01\", \"x\""), false},
        {"DEL within a tag", STR_INIT("\"a\x7f\", \"x\""), false},
        {"small w", STR_INIT("w/\"x\""), false},
        {"W alone", STR_INIT("W/"), false},
        {"W without slash", STR_INIT("W\"x\""), false},
        {"W, slash, space", STR_INIT("W/ \"x\""), false},
        {"W twice", STR_INIT("W/W/\"x\""), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_expect_eq(not_modified(rows[i].list, absent, STR("\"x\"")), rows[i].match, "%s",
                     rows[i].label);
        cr_expect_eq(not_modified(rows[i].list, absent, STR("W/\"x\"")), rows[i].match, "weak: %s",
                     rows[i].label);
    }
}

Test(cond, compares_dates)
{
    static const struct {
        const char *label;
        struct str since;
        bool match;
    } rows[] = {
        {"the same second", STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT"), true},
        {"a second later", STR_INIT("Sun, 06 Nov 1994 08:49:38 GMT"), true},
        {"a second earlier", STR_INIT("Sun, 06 Nov 1994 08:49:36 GMT"), false},
        {"rfc850-date, the same", STR_INIT("Sunday, 06-Nov-94 08:49:37 GMT"), true},
        {"rfc850-date, earlier", STR_INIT("Sunday, 06-Nov-94 08:49:36 GMT"), false},
        {"asctime-date, the same", STR_INIT("Sun Nov  6 08:49:37 1994"), true},
        {"asctime-date, earlier", STR_INIT("Sun Nov  6 08:49:36 1994"), false},
        {"white space around it", STR_INIT(" Sun, 06 Nov 1994 08:49:37 GMT\t"), true},
        {"in the future", STR_INIT("Fri, 31 Dec 9999 23:59:59 GMT"), true},
        {"before 1970", STR_INIT("Wed, 31 Dec 1969 23:59:59 GMT"), false},
        {"no date", STR_INIT("yesterday"), false},
        {"no such day", STR_INIT("Thu, 31 Nov 2024 00:00:00 GMT"), false},
        {"with IE's length", STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT; length=5"), false},
        {"a list of dates",
         STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT"), false},
        {"empty", STR_INIT(""), false},
        {"absent", {NULL, 0}, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(not_modified(absent, rows[i].since, STR("\"x\"")), rows[i].match, "%s",
                     rows[i].label);
}

Test(cond, entity_tags_take_precedence)
{
    static const struct {
        const char *label;
        struct str none_match;
        struct str since;
        bool match;
    } rows[] = {
        {"tag new, date old", STR_INIT("\"y\""), STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT"), false},
        {"tag same, date earlier", STR_INIT("\"x\""), STR_INIT("Sun, 06 Nov 1994 08:49:36 GMT"),
         true},
        {"tag same, no date", STR_INIT("\"x\""), STR_INIT("soon"), true},
        {"tag malformed", STR_INIT("y"), STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT"), false},
        {"tag field empty", STR_INIT(""), STR_INIT("Sun, 06 Nov 1994 08:49:37 GMT"), false},
        {"neither", {NULL, 0}, {NULL, 0}, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(not_modified(rows[i].none_match, rows[i].since, STR("\"x\"")), rows[i].match,
                     "%s", rows[i].label);
}

Test(cond, star_needs_no_entity_tag)
{
    cr_expect(not_modified(STR("*"), absent, absent));
    cr_expect_not(not_modified(STR("\"x\""), absent, absent));
    cr_expect_not(not_modified(STR("W/"), absent, STR("")));
}

Test(cond, random_lists_are_survived_and_found_only_if_there)
{
    static const char alphabet[] = "xy\"\"\",, W/*\\\t";
    struct prng prng = {13};
    struct str etag = STR("\"x\"");
    for (int round = 0; round < 50000; round++) {
        char bytes[24];
        size_t length = prng_below(&prng, sizeof(bytes) + 1);
        for (size_t i = 0; i < length; i++)
            bytes[i] = alphabet[prng_below(&prng, sizeof(alphabet) - 1)];
        struct str list = {bytes, length};
        if (!not_modified(list, absent, etag))
            continue;
        bool there = memmem(bytes, length, etag.at, etag.length) != NULL;
        cr_assert(there || str_equal(str_trim(list), STR("*")), "%.*s", (int)length, bytes);
    }
}

/* --- all four, section 13.2.2 ----------------------------------------------------------------- */

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define EQUAL  "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

static struct str field(const char *text)
{
    return text ? guard_copy(str_of(text)) : absent;
}

Test(cond, evaluates_in_order)
{
    static const struct {
        const char *label;
        const char *match, *unmodified, *none_match, *modified;
        enum cond_verdict verdict;
    } rows[] = {
        {"nothing", NULL, NULL, NULL, NULL, COND_PROCEED},
        {"13.1.1 match", "\"x\"", NULL, NULL, NULL, COND_PROCEED},
        {"13.1.1 match in a list", "\"y\", \"x\"", NULL, NULL, NULL, COND_PROCEED},
        {"13.1.1 any", "*", NULL, NULL, NULL, COND_PROCEED},
        {"13.1.1 no match", "\"y\"", NULL, NULL, NULL, COND_FAILED},
        {"13.1.1 weak is no match", "W/\"x\"", NULL, NULL, NULL, COND_FAILED},
        {"13.1.1 empty", "", NULL, NULL, NULL, COND_FAILED},
        {"13.1.1 not a tag", "x", NULL, NULL, NULL, COND_FAILED},
        {"13.1.4 unmodified since later", NULL, AFTER, NULL, NULL, COND_PROCEED},
        {"13.1.4 unmodified since then", NULL, EQUAL, NULL, NULL, COND_PROCEED},
        {"13.1.4 modified since", NULL, BEFORE, NULL, NULL, COND_FAILED},
        {"13.1.4 no date", NULL, "yesterday", NULL, NULL, COND_PROCEED},
        {"13.1.4 obsolete form", NULL, "Sun Nov  6 08:49:36 1994", NULL, NULL, COND_FAILED},
        {"step 2 is skipped with If-Match", "\"x\"", BEFORE, NULL, NULL, COND_PROCEED},
        {"step 2 is skipped, and 1 fails", "\"y\"", AFTER, NULL, NULL, COND_FAILED},
        {"step 1 goes on to 3", "\"x\"", NULL, "\"x\"", NULL, COND_NOT_MODIFIED},
        {"step 1 fails before 3", "\"y\"", NULL, "\"x\"", NULL, COND_FAILED},
        {"step 2 goes on to 3", NULL, AFTER, "\"x\"", NULL, COND_NOT_MODIFIED},
        {"step 2 fails before 3", NULL, BEFORE, "\"x\"", NULL, COND_FAILED},
        {"step 2 goes on to 4", NULL, EQUAL, NULL, EQUAL, COND_NOT_MODIFIED},
        {"step 4 is skipped with If-None-Match", NULL, NULL, "\"y\"", AFTER, COND_PROCEED},
        {"weak is a match for step 3", NULL, NULL, "W/\"x\"", NULL, COND_NOT_MODIFIED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cond_request request = {
            .if_match = field(rows[i].match),
            .if_unmodified_since = field(rows[i].unmodified),
            .if_none_match = field(rows[i].none_match),
            .if_modified_since = field(rows[i].modified),
        };
        struct cond_validators current = {STR("\"x\""), modified};
        cr_expect_eq(cond_evaluate(&request, &current, now), rows[i].verdict, "%s", rows[i].label);
    }
}

/* Section 13.1.5. */
Test(cond, a_range_applies_to_what_it_was_begun_with)
{
    static const struct {
        const char *label, *value, *etag;
        int64_t date;
        bool applies;
    } rows[] = {
        {"the same tag", "\"x\"", "\"x\"", 1750000000, true},
        {"another tag", "\"y\"", "\"x\"", 1750000000, false},
        {"a weak tag", "W/\"x\"", "\"x\"", 1750000000, false},
        {"a weak current tag", "\"x\"", "W/\"x\"", 1750000000, false},
        {"both weak", "W/\"x\"", "W/\"x\"", 1750000000, false},
        {"a list", "\"x\", \"y\"", "\"x\"", 1750000000, false},
        {"any", "*", "\"x\"", 1750000000, false},
        {"empty", "", "\"x\"", 1750000000, false},
        {"the same date", EQUAL, "\"x\"", 1750000000, true},
        {"an earlier date", BEFORE, "\"x\"", 1750000000, false},
        {"a later date", AFTER, "\"x\"", 1750000000, false},
        {"a date that is too fresh", EQUAL, "\"x\"", 784111777, false},
        {"a date a second old", EQUAL, "\"x\"", 784111778, true},
        {"no date", "yesterday", "\"x\"", 1750000000, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str value = guard_copy(str_of(rows[i].value));
        struct cond_validators current = {str_of(rows[i].etag), modified};
        cr_expect_eq(cond_range_applies(value, &current, rows[i].date), rows[i].applies, "%s",
                     rows[i].label);
        guard_drop(value);
    }
}
