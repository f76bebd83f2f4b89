/* rules: parses _headers files, in the format that Netlify and Cloudflare Pages document. */
#include "support/faults.h"
#include "support/rules_rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { MISTAKES_MAX = 8 };

struct mistakes {
    unsigned count;
    struct problem items[MISTAKES_MAX];
};

static void note(void *context, const struct problem *problem)
{
    struct mistakes *mistakes = context;
    cr_assert_lt(mistakes->count, MISTAKES_MAX, "line %u: %s", problem->line, problem->what);
    mistakes->items[mistakes->count++] = *problem;
}

/* PROBLEM in words, until the next call. */
static const char *text_of(const struct problem *problem)
{
    static char text[PROBLEM_TEXT_BYTES];
    problem_text(problem, text);
    return text;
}

static struct rules *read_file(struct str text, struct mistakes *mistakes)
{
    struct rules *rules = rules_create();
    struct str input = guard_copy(text);
    *mistakes = (struct mistakes){0};
    cr_assert_eq(rules_read(rules, input, note, mistakes), 0);
    guard_drop(input); /* copied, so it may go */
    return rules;
}

Test(rules_file, parses_the_documented_format)
{
    static const struct str text = STR_INIT("# a comment\n"
                                            "/secure/page\n"
                                            "  X-Frame-Options: DENY\n"
                                            "  X-Content-Type-Options: nosniff\n"
                                            "\n"
                                            "/static/*\n"
                                            "\tAccess-Control-Allow-Origin: *\n"
                                            "  # another\n"
                                            " X-Robots-Tag:nosnippet\n"
                                            "   \n"
                                            "  Cache-Control: public\n"
                                            "  Cache-Control: max-age=31536000 \n"
                                            "/static/private/*\n"
                                            "  ! X-Robots-Tag\n"
                                            "  !Access-Control-Allow-Origin\n"
                                            "/movies/:title\n"
                                            "  X-Movie: yes");
    static const struct {
        const char *path, *expected;
    } rows[] = {
        {"/", ""},
        {"/secure/page", "X-Frame-Options: DENY\r\nX-Content-Type-Options: nosniff\r\n"},
        {"/static/a.css", "Access-Control-Allow-Origin: *\r\nX-Robots-Tag: nosnippet\r\n"
                          "Cache-Control: public\r\nCache-Control: max-age=31536000\r\n"},
        {"/static/private/a", "Cache-Control: public\r\nCache-Control: max-age=31536000\r\n"},
        {"/movies/m", "X-Movie: yes\r\n"},
        {"/movies/m/n", ""},
    };
    struct mistakes mistakes;
    struct rules *rules = read_file(text, &mistakes);
    cr_expect_eq(mistakes.count, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        rig_expect("as documented", rules, rows[i].path, RULES_FILE, rows[i].expected);
    rules_destroy(rules);
}

Test(rules_file, accepts_any_line_ends)
{
    static const struct {
        const char *label;
        struct str text;
        const char *expected;
    } rows[] = {
        {"LF", STR_INIT("/*\n X: 1\n Y: 2\n"), "X: 1\r\nY: 2\r\n"},
        {"CRLF", STR_INIT("/*\r\n X: 1\r\n\r\n Y: 2\r\n"), "X: 1\r\nY: 2\r\n"},
        {"none at the end", STR_INIT("/*\n X: 1"), "X: 1\r\n"},
        {"CR at the end", STR_INIT("/*\r\n X: 1\r"), "X: 1\r\n"},
        {"a byte order mark", STR_INIT("\xef\xbb\xbf/*\n X: 1\n"), "X: 1\r\n"},
        {"a mark and a comment", STR_INIT("\xef\xbb\xbf# y\n/*\n X: 1\n"), "X: 1\r\n"},
        {"white space after the path", STR_INIT("/* \t\n X: 1\n"), "X: 1\r\n"},
        {"nothing", STR_INIT(""), ""},
        {"absent", {NULL, 0}, ""},
        {"a mark alone", STR_INIT("\xef\xbb\xbf"), ""},
        {"comments alone", STR_INIT("# a\n#b"), ""},
        {"a path again", STR_INIT("/*\n X: 1\n/b\n Z: 1\n/*\n Y: 2\n"), "X: 1\r\nY: 2\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mistakes mistakes;
        struct rules *rules = read_file(rows[i].text, &mistakes);
        cr_expect_eq(mistakes.count, 0, "%s", rows[i].label);
        rig_expect(rows[i].label, rules, "/", RULES_FILE, rows[i].expected);
        rules_destroy(rules);
    }
}

/* Both large hosts trim each line before they read it. */
Test(rules_file, ignores_indentation)
{
    static const struct {
        const char *label;
        struct str text;
        const char *expected;
    } rows[] = {
        {"headers in column one", STR_INIT("/*\nA: 1\nB:2\n"), "A: 1\r\nB: 2\r\n"},
        {"a removal in column one", STR_INIT("/*\n A: 1\n B: 2\n! A\n"), "B: 2\r\n"},
        {"an indented path", STR_INIT("/b\n Z: 1\n  /*\n    A: 1\n"), "A: 1\r\n"},
        {"an indented path above all", STR_INIT("\t/*\n\tA: 1\n"), "A: 1\r\n"},
        {"all indented alike", STR_INIT("  /b\n  Z: 1\n  /*\n  A: 1\n"), "A: 1\r\n"},
        {"white space before a colon", STR_INIT("/*\nA : 1\n B\t:\t2\n"), "A: 1\r\nB: 2\r\n"},
        {"a slash in a value", STR_INIT("/*\nLink: </a>; rel=b\n"), "Link: </a>; rel=b\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mistakes mistakes;
        struct rules *rules = read_file(rows[i].text, &mistakes);
        cr_expect_eq(mistakes.count, 0, "%s: %s", rows[i].label,
                     mistakes.count > 0 ? mistakes.items[0].what : "");
        rig_expect(rows[i].label, rules, "/", RULES_FILE, rows[i].expected);
        rules_destroy(rules);
    }
}

Test(rules_file, matches_hosts_of_absolute_patterns)
{
    static const struct str text = STR_INIT("https://example.org/*\n  A: 1\n"
                                            "  HTTP://:name.Example.org/a/*\n  B: :name\n"
                                            "https://bare.org\nC: 3\n"
                                            "/*\n  D: 4\n");
    static const struct {
        const char *target, *expected;
    } rows[] = {
        {"/a/b", "D: 4\r\n"},
        {"//other.org/a/b", "D: 4\r\n"},
        {"//example.org/a/b", "A: 1\r\nD: 4\r\n"},
        {"//www.example.org/a/b", "B: www\r\nD: 4\r\n"},
        {"//www.example.org/c", "D: 4\r\n"},
        {"//bare.org/", "C: 3\r\nD: 4\r\n"},
        {"//bare.org/a", "D: 4\r\n"},
    };
    struct mistakes mistakes;
    struct rules *rules = read_file(text, &mistakes);
    cr_expect_eq(mistakes.count, 0);
    cr_expect(rules_have_hosts(rules));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        rig_expect_at(rows[i].target, rules, rows[i].target, rows[i].expected);
    rules_destroy(rules);
}

/* As both large hosts document it; a capture is percent-encoded, as in the URL. */
Test(rules_file, fills_captures_in)
{
    static const struct {
        const char *label, *text, *target, *expected;
    } rows[] = {
        {"a placeholder", "/movies/:title\n x-movie-name: You are watching \":title\"\n",
         "/movies/up", "x-movie-name: You are watching \"up\"\r\n"},
        {"a splat", "/news/*\n Link: </blog/:splat>\n", "/news/a/b", "Link: </blog/a/b>\r\n"},
        {"several", "/:a/:b\n X: :b-:a-:b\n", "/1/2", "X: 2-1-2\r\n"},
        {"whole names", "/:a\n X: :ab :a\n", "/1", "X: :ab 1\r\n"},
        {"names that the path does not have", "/:a\n X: :b :splat\n", "/1", "X: :b :splat\r\n"},
        {"colons that are not names", "/:a\n X: https://x:80/:a:\n", "/1",
         "X: https://x:80/1:\r\n"},
        {"encoded", "/:a\n X: :a\n", "/a\"b\r\n;\xc3\xbc", "X: a%22b%0D%0A%3B%C3%BC\r\n"},
        {"a percent sign is encoded again", "/:a\n X: :a\n", "/a%20", "X: a%2520\r\n"},
        {"empty: left out", "/*\n X: :splat\n Y: a:splat\n", "/", "Y: a\r\n"},
        {"white space at an end", "/*\n X: a :splat\n", "/", "X: a\r\n"},
        {"of the host", "https://:who.org/*\n X: :who :splat\n", "//me.org/a", "X: me a\r\n"},
        {"of the host's second label", "https://:a.:b.org/*\n X: :b\n", "//x.y.org/p", "X: y\r\n"},
        {"the path's first", "https://*.org/*\n X: :splat\n", "//me.org/a", "X: a\r\n"},
        {"equal when filled in", "/:a\n X: 1\n X: :a\n", "/1", "X: 1\r\n"},
        {"not a list", "/:a\n X-Frame-Options: a\n X-Frame-Options: :a\n", "/1",
         "X-Frame-Options: 1\r\n"},
        {"taken away", "/:a\n X: :a\n/*\n ! X\n", "/1", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mistakes mistakes;
        struct rules *rules = read_file(str_of(rows[i].text), &mistakes);
        cr_expect_eq(mistakes.count, 0, "%s", rows[i].label);
        rig_expect_at(rows[i].label, rules, rows[i].target, rows[i].expected);
        rules_destroy(rules);
    }
}

Test(rules_file, leaves_out_a_value_that_gets_too_long)
{
    struct mistakes mistakes;
    struct rules *rules =
        read_file(STR("/*\n A: 1\n B: :splat:splat:splat\n C: :splat\n"), &mistakes);
    char target[1500], expected[1600];
    snprintf(target, sizeof target, "/%0*d", 1400, 0);
    snprintf(expected, sizeof expected, "A: 1\r\nC: %0*d\r\n", 1400, 0);
    rig_expect_at("4200 bytes", rules, target, expected);
    rules_destroy(rules);
}

Test(rules_file, reports_mistakes_and_uses_the_rest)
{
    static const struct {
        const char *label;
        struct str text;
        const char *expected;
        unsigned lines[3]; /* of mistakes */
        const char *word;  /* of the first one's reason */
    } rows[] = {
        {"a bad field", STR_INIT("/*\n A: 1\n B\n C: 3\n"), "A: 1\r\nC: 3\r\n", {3}, "colon"},
        {"two", STR_INIT("/*\n A\n B: 2\n C:\n"), "B: 2\r\n", {2, 4}, "colon"},
        {"no rule may have it", STR_INIT("/*\n Date: now\n B: 2\n"), "B: 2\r\n", {2}, "leave it"},
        {"a password", STR_INIT("/*\n Basic-Auth: me:secret\n"), "", {2}, "password"},
        {"a CR inside", STR_INIT("/*\n A: 1\r2\n B: 2\n"), "B: 2\r\n", {2}, "control"},
        {"a NUL inside",
         STR_INIT("/*\n A: 1\0"
                  "2\n B: 2\n"),
         "B: 2\r\n",
         {2},
         "control"},
        {"before any path", STR_INIT("\n A: 1\n/*\n B: 2\n"), "B: 2\r\n", {2}, "no path above"},
        {"a bad path, and its lines",
         STR_INIT("/*\n A: 1\nx/*\n B: 2\n C\n/*\n D: 4\n"),
         "A: 1\r\nD: 4\r\n",
         {3},
         "begin with '/'"},
        {"a path with a query", STR_INIT("/?a=b\n B: 2\n/*\n C: 3\n"), "C: 3\r\n", {1}, "%3F"},
        {"a host with a port",
         STR_INIT("https://a.b:80/*\n B: 2\n/*\n C: 3\n"),
         "C: 3\r\n",
         {1},
         "port"},
        {"no host", STR_INIT("https:///*\n B: 2\n/*\n C: 3\n"), "C: 3\r\n", {1}, "missing"},
        {"a host, and a path with a query",
         STR_INIT("https://a.b/?c\n B: 2\n/*\n C: 3\n"),
         "C: 3\r\n",
         {1},
         "%3F"},
        {"not indented, under a bad path", STR_INIT("x\nA: 1\n B: 2\n"), "", {1}, "'/'"},
        {"indented, neither path nor header",
         STR_INIT("/*\n A: 1\n x/*\n B: 2\n"),
         "A: 1\r\nB: 2\r\n",
         {3},
         "colon"},
        {"all in one line", STR_INIT("/* A: 1\n/*\n B: 2\n"), "B: 2\r\n", {1}, "white space"},
        {"nothing below", STR_INIT("/a\n/*\n B: 2\n"), "B: 2\r\n", {1}, "no header lines"},
        {"nothing below, comments",
         STR_INIT("/a\n # X: 1\n\n/*\n B: 2\n"),
         "B: 2\r\n",
         {1},
         "no header lines"},
        {"nothing below, at the end",
         STR_INIT("/*\n B: 2\n/a\n"),
         "B: 2\r\n",
         {3},
         "no header lines"},
        {"only a mistake below", STR_INIT("/a\n B\n"), "", {2}, "colon"},
        {"lone CRs", STR_INIT("/*\r A: 1\r B: 2\r"), "", {1}, "white space"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mistakes mistakes;
        struct rules *rules = read_file(rows[i].text, &mistakes);
        for (unsigned j = 0; j < COUNT_OF(rows[i].lines); j++)
            cr_expect_eq(mistakes.items[j].line, rows[i].lines[j], "%s: line %u, %s", rows[i].label,
                         mistakes.items[j].line, text_of(&mistakes.items[j]));
        cr_assert_gt(mistakes.count, 0, "%s", rows[i].label);
        cr_expect_not_null(strstr(text_of(&mistakes.items[0]), rows[i].word), "%s: %s",
                           rows[i].label, text_of(&mistakes.items[0]));
        rig_expect(rows[i].label, rules, "/", RULES_FILE, rows[i].expected);
        rules_destroy(rules);
    }
}

Test(rules_file, reports_long_lines)
{
    struct mistakes mistakes;
    char *text;
    size_t length;
    FILE *memory = open_memstream(&text, &length);
    fprintf(memory, "/*\n A: 1\n B: %0*d\n", RULES_LINE_BYTES_MAX - 3, 0); /* one too many */
    fprintf(memory, "# %0*d\n C: %0*d\n", RULES_LINE_BYTES_MAX, 0, RULES_VALUE_BYTES_MAX + 1, 0);
    fprintf(memory, " D: 4\n/%0*d\n E: 5\n", RULES_LINE_BYTES_MAX, 0);
    fclose(memory);
    struct rules *rules = read_file((struct str){text, length}, &mistakes);
    free(text);
    cr_assert_eq(mistakes.count, 3);
    cr_expect_eq(mistakes.items[0].line, 3);
    cr_expect_not_null(strstr(text_of(&mistakes.items[0]), "8192"));
    cr_expect_eq(mistakes.items[1].line, 5);
    cr_expect_not_null(strstr(text_of(&mistakes.items[1]), "2048"));
    cr_expect_eq(mistakes.items[2].line, 7);
    rig_expect("the rest", rules, "/", RULES_FILE, "A: 1\r\nD: 4\r\n");
    rules_destroy(rules);
}

Test(rules_file, reports_too_many_lines_once)
{
    struct mistakes mistakes;
    char *lines;
    size_t length;
    FILE *memory = open_memstream(&lines, &length);
    fputs("/b\n", memory);
    for (unsigned i = 0; i < RULES_MAX + 5; i++)
        fprintf(memory, " X: %u\n", i);
    fclose(memory);
    struct rules *rules = read_file((struct str){lines, length}, &mistakes);
    free(lines);
    cr_assert_eq(mistakes.count, 1);
    cr_expect_eq(mistakes.items[0].line, 1 + RULES_MAX + 1);
    cr_expect_not_null(strstr(text_of(&mistakes.items[0]), "1000"));
    struct str text = STR("/a\n X: 1\n/*\n Y: 2\nbad\n");
    mistakes.count = 0;
    cr_expect_eq(rules_read(rules, text, note, &mistakes), 0);
    cr_expect_eq(mistakes.count, 1, "and no more from then on");
    rig_expect("nothing was added", rules, "/a", RULES_FILE, "");
    rules_destroy(rules);
}

Test(rules_file, reports_lack_of_memory)
{
    struct mistakes mistakes = {0};
    struct str text = STR("/a\n X: 1\n Y: 2\n");
    for (unsigned skip = 0; skip < 5; skip++) {
        struct rules *rules = rules_create();
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        cr_expect_eq(rules_read(rules, text, note, &mistakes), -ENOMEM, "%u", skip);
        rig_expect("the rules before it", rules, "/a", RULES_FILE, skip < 3 ? "" : "X: 1\r\n");
        rules_destroy(rules);
    }
    cr_expect_eq(mistakes.count, 0);
}
