/* rules: RFC 9110 sections 5.1 (names), 5.3 (several lines), 5.5 (values); the big hosts' order of
 * rules; and what an answer may hold. Reading _headers files: test_site_rules_file.c. */
#include "http/rules.h"
#include "support/faults.h"
#include "support/guard.h"
#include "support/rules_rig.h"

#include <criterion/criterion.h>

Test(rules, applies_all_matching_rules_in_order)
{
    static const struct {
        const char *label;
        const char *const rules[6];
        const char *path, *expected;
    } rows[] = {
        {"nothing", {NULL}, "/a", ""},
        {"one", {"/a: X: 1"}, "/a", "X: 1\r\n"},
        {"not this one", {"/b: X: 1"}, "/a", ""},
        {"all that match", {"/*: X: 1", "/b: Y: 2", "/a: Z: 3"}, "/a", "X: 1\r\nZ: 3\r\n"},
        {"the order is theirs", {"/a: Z: 3", "/*: X: 1"}, "/a", "Z: 3\r\nX: 1\r\n"},
        {"5.3: lines of their own", {"/*: Vary: A", "/a: vary: B"}, "/a", "Vary: A\r\nvary: B\r\n"},
        {"the same once", {"/*: X: 1", "/a: x: 1"}, "/a", "X: 1\r\n"},
        {"the same but for case", {"/*: X: a", "/a: X: A"}, "/a", "X: a\r\nX: A\r\n"},
        {"taken away", {"/*: X: 1", "/*: Y: 2", "/a: ! x"}, "/a", "Y: 2\r\n"},
        {"all of it", {"/*: X: 1", "/*: X: 2", "/a: ! X"}, "/a", ""},
        {"and given again", {"/*: X: 1", "/a: ! X", "/a: X: 2"}, "/a", "X: 2\r\n"},
        {"taken away before", {"/a: ! X", "/*: X: 1"}, "/a", "X: 1\r\n"},
        {"taken away elsewhere", {"/*: X: 1", "/b: ! X"}, "/a", "X: 1\r\n"},
        {"5.3: no list, so the last counts",
         {"/*: X-Frame-Options: DENY", "/*: X: 1", "/a: x-frame-options: SAMEORIGIN"},
         "/a",
         "X: 1\r\nx-frame-options: SAMEORIGIN\r\n"},
        {"5.5: white space inside", {"/a: X:  a  b\t"}, "/a", "X: a  b\r\n"},
        {"5.5: a tab inside", {"/a: X: a\tb"}, "/a", "X: a\tb\r\n"},
        {"5.5: obs-text", {"/a: X: \xc3\xbc"}, "/a", "X: \xc3\xbc\r\n"},
        {"a colon in a value",
         {"/a: Link: <https://x/y>; rel=z"},
         "/a",
         "Link: <https://x/y>; rel=z\r\n"},
        {"no space after the name", {"/a: X:1"}, "/a", "X: 1\r\n"},
        {"a placeholder", {"/:any: X: 1"}, "/a", "X: 1\r\n"},
        {"white space around", {"  /a:\t X:1 "}, "/a", "X: 1\r\n"},
        {"white space before the colon", {"/a: X : 1", "/a: Y\t:2"}, "/a", "X: 1\r\nY: 2\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rules *rules = rules_create();
        for (size_t j = 0; j < COUNT_OF(rows[i].rules) && rows[i].rules[j]; j++)
            rig_add(rules, rows[i].rules[j]);
        rig_expect(rows[i].label, rules, rows[i].path, RULES_FILE, rows[i].expected);
        rules_destroy(rules);
    }
}

Test(rules, refuses_text_that_is_not_a_rule)
{
    static const struct {
        const char *label;
        struct str text;
        const char *word; /* of the problem */
    } rows[] = {
        {"empty", STR_INIT(""), "PATTERN: Name: value"},
        {"absent", {NULL, 0}, "PATTERN: Name: value"},
        {"a path alone", STR_INIT("/a"), "PATTERN: Name: value"},
        {"no white space", STR_INIT("/a:X:1"), "PATTERN: Name: value"},
        {"a colon at the end", STR_INIT("/a:"), "PATTERN: Name: value"},
        {"no pattern", STR_INIT("X: 1"), "pattern for the paths is missing"},
        {"no pattern, a URL in the value", STR_INIT("Link: <https://x/y>"),
         "pattern for the paths is missing"},
        {"no pattern, no space", STR_INIT("X:1"), "pattern for the paths is missing"},
        {"no pattern, taking away", STR_INIT("! X"), "pattern for the paths is missing"},
        {"no slash", STR_INIT("a: X: 1"), "begin with '/'"},
        {"no name", STR_INIT("/a: : 1"), "not a header name"},
        {"no colon", STR_INIT("/a: X"), "colon"},
        {"no value", STR_INIT("/a: X:"), "value is missing"},
        {"white space for a value", STR_INIT("/a: X:  \t"), "value is missing"},
        {"5.1: white space inside a name", STR_INIT("/a: X Y: 1"), "not a header name"},
        {"5.6.2: no token", STR_INIT("/a: X(Y): 1"), "not a header name"},
        {"5.6.2: beyond ASCII", STR_INIT("/a: \xc3\xbc: 1"), "not a header name"},
        {"5.5: CR LF", STR_INIT("/a: X: 1\r\nY: 2"), "control character"},
        {"5.5: LF", STR_INIT("/a: X: 1\nY: 2"), "control character"},
        {"5.5: NUL",
         STR_INIT("/a: X: 1\0"
                  "2"),
         "control character"},
        {"5.5: DEL", STR_INIT("/a: X: 1\x7f"), "control character"},
        {"8.6: the server's own", STR_INIT("/a: content-length: 1"), "leave it out"},
        {"taking away the server's own", STR_INIT("/a: ! Date"), "leave it out"},
        {"a password", STR_INIT("/a: Basic-Auth: me:secret"), "password"},
        {"taking away nothing", STR_INIT("/a: !"), "! Name"},
        {"taking away a value", STR_INIT("/a: ! X: 1"), "! Name"},
    };
    struct rules *rules = rules_create();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem;
        char text[PROBLEM_TEXT_BYTES];
        struct str input = guard_copy(rows[i].text);
        cr_assert_eq(rules_add(rules, input, &problem), -EINVAL, "%s", rows[i].label);
        guard_drop(input);
        problem_text(&problem, text);
        cr_expect_not_null(strstr(text, rows[i].word), "%s: %s", rows[i].label, text);
        cr_expect(problem.remedy[0] != '\0', "%s: %s", rows[i].label, text);
    }
    rig_expect("nothing was added", rules, "/a", RULES_FILE, "");
    rules_destroy(rules);
}

Test(rules, keeps_fields_about_the_file_from_other_responses)
{
    struct rules *rules = rules_create();
    rig_add(rules, "/*: Content-Type: a/b");
    rig_add(rules, "/*: Cache-Control: max-age=9");
    rig_add(rules, "/*: CDN-Cache-Control: max-age=9");
    rig_add(rules, "/*: Expires: 0");
    rig_add(rules, "/*: Content-Disposition: attachment");
    rig_add(rules, "/*: X: 1");
    rig_expect("a file", rules, "/", RULES_FILE,
               "Content-Type: a/b\r\nCache-Control: max-age=9\r\nCDN-Cache-Control: max-age=9\r\n"
               "Expires: 0\r\nContent-Disposition: attachment\r\nX: 1\r\n");
    rig_expect("a redirect", rules, "/", RULES_OTHER,
               "Cache-Control: max-age=9\r\nCDN-Cache-Control: max-age=9\r\n"
               "Expires: 0\r\nContent-Disposition: attachment\r\nX: 1\r\n");
    rig_expect("an error", rules, "/", RULES_ERROR, "X: 1\r\n");
    rules_destroy(rules);
}

Test(rules, give_a_verdict_on_a_default)
{
    static const struct {
        const char *label;
        const char *const rules[3];
        const char *name;
        enum rules_response_kind kind;
        enum rules_verdict expected;
    } rows[] = {
        {"nothing", {NULL}, "X", RULES_FILE, RULES_SILENT},
        {"another", {"/a: Y: 1"}, "X", RULES_FILE, RULES_SILENT},
        {"another path", {"/b: X: 1"}, "X", RULES_FILE, RULES_SILENT},
        {"given", {"/a: X: 1"}, "x", RULES_FILE, RULES_REPLACED},
        {"taken away", {"/a: ! x"}, "X", RULES_FILE, RULES_REMOVED},
        {"given, taken away", {"/a: X: 1", "/*: ! X"}, "X", RULES_FILE, RULES_REMOVED},
        {"taken away, given", {"/*: ! X", "/a: X: 1"}, "X", RULES_FILE, RULES_REPLACED},
        {"taken away elsewhere", {"/b: ! X"}, "X", RULES_FILE, RULES_SILENT},
        {"a type", {"/a: Content-Type: a/b"}, "content-type", RULES_FILE, RULES_REPLACED},
        {"a type, not of this",
         {"/a: Content-Type: a/b"},
         "content-type",
         RULES_OTHER,
         RULES_SILENT},
        {"no type", {"/a: ! Content-Type"}, "Content-Type", RULES_FILE, RULES_REMOVED},
        {"no type, an error", {"/a: ! Content-Type"}, "Content-Type", RULES_ERROR, RULES_SILENT},
        {"stored", {"/a: Cache-Control: public"}, "Cache-Control", RULES_OTHER, RULES_REPLACED},
        {"stored, an error",
         {"/a: Cache-Control: public"},
         "Cache-Control",
         RULES_ERROR,
         RULES_SILENT},
        {"sniffed, an error",
         {"/a: ! X-Content-Type-Options"},
         "X-Content-Type-Options",
         RULES_ERROR,
         RULES_REMOVED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rules *rules = rules_create();
        for (size_t j = 0; j < COUNT_OF(rows[i].rules) && rows[i].rules[j]; j++)
            rig_add(rules, rows[i].rules[j]);
        const struct rules *sets[] = {rules};
        struct rules_query query = {sets, 1, STR("/a"), rows[i].kind, STR_ABSENT};
        cr_expect_eq(rules_verdict(&query, str_of(rows[i].name)), rows[i].expected, "%s",
                     rows[i].label);
        rules_destroy(rules);
    }
}

Test(rules, applies_sets_one_after_another)
{
    struct rules *first = rules_create(), *second = rules_create();
    const struct rules *sets[] = {first, NULL, second};
    struct rules_query query = {sets, 3, STR("/a"), RULES_FILE, STR_ABSENT};
    rig_add(second, "/*: X: 1");
    rig_add(second, "/*: ! Y");
    rig_add(first, "/*: Y: 2");
    rig_add(first, "/*: X: 1");
    rig_add(first, "/*: X: 2");
    rig_expect_query("both", &query, "X: 1\r\nX: 2\r\n");
    cr_expect_eq(rules_verdict(&query, STR("Y")), RULES_REMOVED);
    query.set_count = 2;
    rig_expect_query("the first", &query, "Y: 2\r\nX: 1\r\nX: 2\r\n");
    cr_expect_eq(rules_verdict(&query, STR("Y")), RULES_REPLACED);
    query.set_count = 0;
    rig_expect_query("none", &query, "");
    rules_destroy(first);
    rules_destroy(second);
    rules_destroy(NULL);
}

/* A line "Name: vvv…\r\n" of BYTES bytes. */
static void add_line(struct rules *rules, const char *name, size_t bytes)
{
    char text[4096];
    size_t value_bytes = bytes - strlen(name) - 4;
    snprintf(text, sizeof text, "/*: %s: %0*d", name, (int)value_bytes, 0);
    rig_add(rules, text);
}

Test(rules, bounds_the_bytes_of_one_response)
{
    struct rules *rules = rules_create();
    const struct rules *sets[] = {rules};
    struct rules_query query = {sets, 1, STR("/"), RULES_FILE, STR_ABSENT};
    char lines[RULES_ANSWER_BYTES_MAX];
    add_line(rules, "A", 2000);
    add_line(rules, "B", 2000);
    add_line(rules, "C", 97); /* one byte too many */
    add_line(rules, "D", 96);
    add_line(rules, "E", 6);
    cr_expect_eq(rig_lines(&query, lines), RULES_ANSWER_BYTES_MAX);
    cr_expect_eq(rules_verdict(&query, STR("B")), RULES_REPLACED);
    cr_expect_eq(rules_verdict(&query, STR("C")), RULES_SILENT, "left out, so the default stands");
    cr_expect_eq(rules_verdict(&query, STR("D")), RULES_REPLACED);
    cr_expect_eq(rules_verdict(&query, STR("E")), RULES_SILENT);
    rig_add(rules, "/*: ! E");
    add_line(rules, "E", 6);
    cr_expect_eq(rules_verdict(&query, STR("E")), RULES_REMOVED,
                 "left out, but no default, either");
    rig_add(rules, "/*: ! A");
    rig_add(rules, "/*: F: 1");
    cr_expect_eq(rig_lines(&query, lines), 2000 + 96 + 6, "removed fields make room");
    rules_destroy(rules);
}

Test(rules, bounds_the_fields_of_one_response)
{
    struct rules *rules = rules_create();
    const struct rules *sets[] = {rules};
    struct rules_query query = {sets, 1, STR("/"), RULES_FILE, STR_ABSENT};
    char lines[RULES_ANSWER_BYTES_MAX];
    for (unsigned i = 0; i < RULES_ANSWER_FIELDS_MAX + 10; i++) {
        char text[32];
        snprintf(text, sizeof text, "/*: X: %03u", i);
        rig_add(rules, text);
    }
    cr_expect_eq(rig_lines(&query, lines), RULES_ANSWER_FIELDS_MAX * strlen("X: 000\r\n"));
    rules_destroy(rules);
}

Test(rules, bounds_a_set_and_a_value)
{
    struct rules *rules = rules_create();
    struct problem problem;
    char text[RULES_VALUE_BYTES_MAX + 16];
    struct str longest = {
        text, (size_t)snprintf(text, sizeof text, "/: X: %0*d", RULES_VALUE_BYTES_MAX + 1, 0)};
    cr_expect_eq(rules_add(rules, longest, &problem), -EINVAL);
    cr_expect_not_null(strstr(problem.what, "2048"), "%s", problem.what);
    longest.length--;
    for (unsigned i = 0; i < RULES_MAX; i++)
        cr_assert_eq(rules_add(rules, i == 0 ? longest : STR("/: X: 1"), &problem), 0);
    cr_expect_eq(rules_add(rules, STR("/: X: 1"), &problem), -EINVAL);
    cr_expect_not_null(strstr(problem.what, "1000"), "%s", problem.what);
    rules_destroy(rules);
}

Test(rules, leaves_earlier_fields_of_the_list_alone)
{
    struct rules *rules = rules_create();
    const struct rules *sets[] = {rules};
    struct rules_query query = {sets, 1, STR("/"), RULES_FILE, STR_ABSENT};
    struct fields fields;
    rig_add(rules, "/*: X: 1");
    rig_add(rules, "/*: ! Y");
    rig_add(rules, "/*: X-Frame-Options: DENY");
    fields_init(&fields);
    fields_add(&fields, STR("X"), STR("1"));
    fields_add(&fields, STR("Y"), STR("2"));
    fields_add(&fields, STR("X-Frame-Options"), STR("SAMEORIGIN"));
    struct rules_values values;
    rules_apply(&query, &fields, &values);
    cr_assert_eq(fields.count, 5);
    cr_expect(str_equal(fields.items[1].value, STR("2")), "not removed");
    cr_expect(str_equal(fields.items[2].value, STR("SAMEORIGIN")), "not replaced");
    cr_expect(str_equal(fields.items[3].name, STR("X")), "equal to an earlier one, and added");
    cr_expect(str_equal(fields.items[4].value, STR("DENY")));
    rules_destroy(rules);
}

Test(rules, reports_lack_of_memory)
{
    struct problem problem;
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(rules_create());
    struct rules *rules = rules_create();
    for (unsigned skip = 0; skip < 3; skip++) {
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        cr_expect_eq(rules_add(rules, STR("/a: X: 1"), &problem), -ENOMEM, "%u", skip);
        cr_expect_not_null(strstr(problem.what, "memory"), "%s", problem.what);
    }
    rig_expect("nothing was added", rules, "/a", RULES_FILE, "");
    rig_add(rules, "/a: X: 1");
    rig_expect("now it is", rules, "/a", RULES_FILE, "X: 1\r\n");
    rules_destroy(rules);
}
