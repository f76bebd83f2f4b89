/* pattern: the syntax of the large hosts' _headers files (literals, `*`, `:name`) and
 * percent-encoding (RFC 3986 section 2.1), by a table and by a naive model. */
#include "http/pattern.h"
#include "support/guard.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <time.h>

/* PREPARED is copied to end at a guard page, so that no byte after it is read. */
static bool prepare(struct str text, struct str *ret)
{
    char to[PATTERN_PREPARED_BYTES_MAX];
    size_t length = SIZE_MAX;
    struct problem problem = {.line = 0};
    struct str input = guard_copy(text);
    bool prepared = pattern_prepare(input, to, &length, &problem);
    guard_drop(input);
    cr_expect_eq(prepared, length != SIZE_MAX, "untouched on failure: %s", text.at);
    cr_expect_eq(prepared, problem.what[0] == '\0', "a problem for a failure: %s", text.at);
    if (prepared)
        *ret = guard_copy((struct str){to, length});
    return prepared;
}

static bool matches(struct str text, struct str path)
{
    struct str prepared;
    if (!prepare(text, &prepared))
        return false;
    struct str copy = guard_copy(path);
    struct str captures[PATTERN_WILDCARDS_MAX];
    bool result = pattern_matches(prepared, copy, PATTERN_PATH, captures);
    guard_drop(copy);
    guard_drop(prepared);
    return result;
}

Test(pattern, matches_only_whole_paths)
{
    static const struct {
        const char *label;
        struct str pattern, path;
        bool expected;
    } rows[] = {
        {"the root", STR_INIT("/"), STR_INIT("/"), true},
        {"the root is not a file", STR_INIT("/"), STR_INIT("/a"), false},
        {"a file", STR_INIT("/a/b.css"), STR_INIT("/a/b.css"), true},
        {"a directory", STR_INIT("/a/"), STR_INIT("/a/"), true},
        {"not its name", STR_INIT("/a/"), STR_INIT("/a"), false},
        {"nor the other way", STR_INIT("/a"), STR_INIT("/a/"), false},
        {"a prefix is not enough", STR_INIT("/a"), STR_INIT("/ab"), false},
        {"nor is a suffix", STR_INIT("/a/b"), STR_INIT("/b"), false},
        {"case counts", STR_INIT("/A"), STR_INIT("/a"), false},
        {"a point is a point", STR_INIT("/a.b"), STR_INIT("/axb"), false},
        {"everything", STR_INIT("/*"), STR_INIT("/a/b/c.html"), true},
        {"the root, too", STR_INIT("/*"), STR_INIT("/"), true},
        {"below a directory", STR_INIT("/a/*"), STR_INIT("/a/b/c"), true},
        {"the directory itself", STR_INIT("/a/*"), STR_INIT("/a/"), true},
        {"but not without its slash", STR_INIT("/a/*"), STR_INIT("/a"), false},
        {"nor beside it", STR_INIT("/a/*"), STR_INIT("/ab/c"), false},
        {"an extension anywhere", STR_INIT("/*.css"), STR_INIT("/a/b.css"), true},
        {"an extension at the end", STR_INIT("/*.css"), STR_INIT("/a.css.map"), false},
        {"an extension that comes twice", STR_INIT("/*.css"), STR_INIT("/a.css.css"), true},
        {"a star may be empty", STR_INIT("/a*b"), STR_INIT("/ab"), true},
        {"two stars", STR_INIT("/*/img/*.png"), STR_INIT("/x/img/y/z.png"), true},
        {"two stars, the middle missing", STR_INIT("/*/img/*.png"), STR_INIT("/x/imx/z.png"),
         false},
        {"stars in a row", STR_INIT("/**/***"), STR_INIT("/a/b"), true},
        {"the middle comes again", STR_INIT("/*ab*abc"), STR_INIT("/abababc"), true},
        {"a placeholder", STR_INIT("/:a/x"), STR_INIT("/foo/x"), true},
        {"a placeholder is one segment", STR_INIT("/:a/x"), STR_INIT("/foo/bar/x"), false},
        {"a placeholder is not empty", STR_INIT("/a/:b"), STR_INIT("/a/"), false},
        {"a placeholder at the end", STR_INIT("/a/:b"), STR_INIT("/a/b"), true},
        {"no slash after it", STR_INIT("/a/:b"), STR_INIT("/a/b/"), false},
        {"with an extension", STR_INIT("/:name.html"), STR_INIT("/a.html.html"), true},
        {"with an extension, too long", STR_INIT("/:name.html"), STR_INIT("/a.html/b"), false},
        {"with an extension alone", STR_INIT("/:name.html"), STR_INIT("/.html"), false},
        {"a long name", STR_INIT("/:a_1B2/:c"), STR_INIT("/x/y"), true},
        {"star and placeholder", STR_INIT("/*/:v/x"), STR_INIT("/a/b/c/x"), true},
        {"star and placeholder, no room", STR_INIT("/*/:v/x"), STR_INIT("/a/x"), false},
        {"placeholder and star", STR_INIT("/:v/*"), STR_INIT("/a/b/c"), true},
        {"a star at once", STR_INIT("/:v*"), STR_INIT("/ab/c"), true},
        {"a digit begins no name", STR_INIT("/:1"), STR_INIT("/:1"), true},
        {"a digit begins no name, so it is itself", STR_INIT("/:1"), STR_INIT("/x"), false},
        {"a colon inside", STR_INIT("/a:b"), STR_INIT("/a:b"), true},
        {"a colon inside is not a wildcard", STR_INIT("/a:b"), STR_INIT("/ax"), false},
        {"a colon alone", STR_INIT("/:"), STR_INIT("/:"), true},
        {"an escaped space", STR_INIT("/a%20b"), STR_INIT("/a b"), true},
        {"escapes, lower and upper", STR_INIT("/%c3%BC"), STR_INIT("/\xc3\xbc"), true},
        {"UTF-8 as it is", STR_INIT("/\xc3\xbc"), STR_INIT("/\xc3\xbc"), true},
        {"decoded once", STR_INIT("/%2541"), STR_INIT("/%41"), true},
        {"decoded once, not twice", STR_INIT("/%2541"), STR_INIT("/A"), false},
        {"an escaped star", STR_INIT("/%2a"), STR_INIT("/*"), true},
        {"an escaped star is not a wildcard", STR_INIT("/%2a"), STR_INIT("/a"), false},
        {"an escaped colon", STR_INIT("/%3Aa"), STR_INIT("/:a"), true},
        {"an escaped colon is not a wildcard", STR_INIT("/%3Aa"), STR_INIT("/x"), false},
        {"an escaped question mark", STR_INIT("/a%3fb"), STR_INIT("/a?b"), true},
        {"brackets are not a set", STR_INIT("/[ab]"), STR_INIT("/a"), false},
        {"a backslash is itself", STR_INIT("/\\*"), STR_INIT("/\\x"), true},
        {"eight wildcards", STR_INIT("/*a*a*a*a*a*a*a*"), STR_INIT("/aaaaaaa"), true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(matches(rows[i].pattern, rows[i].path), rows[i].expected, "%s: %s on %s",
                     rows[i].label, rows[i].pattern.at, rows[i].path.at);
}

Test(pattern, refuses_malformed_and_impossible_patterns)
{
    static const struct {
        const char *label;
        struct str pattern;
        const char *word; /* of the problem */
    } rows[] = {
        {"empty", STR_INIT(""), "begin with '/'"},
        {"absent", {NULL, 0}, "begin with '/'"},
        {"no slash", STR_INIT("a/b"), "begin with '/'"},
        {"a star first", STR_INIT("*"), "begin with '/'"},
        {"a query", STR_INIT("/a?b"), "%3F"},
        {"a fragment", STR_INIT("/a#b"), "%23"},
        {"a space", STR_INIT("/a b"), "%20"},
        {"a tab", STR_INIT("/a\tb"), "white space"},
        {"a NUL", STR_INIT("/a\0b"), "control character"},
        {"DEL", STR_INIT("/a\x7f"), "control character"},
        {"half an escape", STR_INIT("/a%2"), "%25"},
        {"no escape", STR_INIT("/100%"), "%25"},
        {"not hexadecimal", STR_INIT("/%2g"), "%25"},
        {"an escaped NUL", STR_INIT("/a%00"), "no file name"},
        {"an escaped slash", STR_INIT("/a%2Fb"), "no file name"},
        {"nine wildcards", STR_INIT("/*a*a*a*a*a*a*a*a*"), "8 wildcards"},
        {"nine placeholders", STR_INIT("/:a/:a/:a/:a/:a/:a/:a/:a/:a"), "8 wildcards"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[PATTERN_PREPARED_BYTES_MAX];
        size_t length;
        struct problem problem;
        char words[PROBLEM_TEXT_BYTES];
        struct str input = guard_copy(rows[i].pattern);
        cr_expect_not(pattern_prepare(input, to, &length, &problem), "%s", rows[i].label);
        guard_drop(input);
        problem_text(&problem, words);
        cr_expect_not_null(strstr(words, rows[i].word), "%s: %s", rows[i].label, words);
    }
}

Test(pattern, prepares_the_longest_pattern)
{
    char text[PATTERN_BYTES_MAX + 1];
    struct str prepared;
    memset(text, 'a', sizeof text);
    text[0] = '/';
    for (unsigned i = 0; i < PATTERN_WILDCARDS_MAX; i++)
        text[1 + 2 * i] = '*';
    cr_expect(prepare((struct str){text, PATTERN_BYTES_MAX}, &prepared));
    cr_expect_eq(prepared.length, PATTERN_PREPARED_BYTES_MAX);
    cr_expect_not(prepare((struct str){text, PATTERN_BYTES_MAX + 1}, &prepared));
}

Test(pattern, matches_hosts)
{
    static const struct {
        const char *label, *pattern, *host; /* as from authority_host */
        bool expected;
    } rows[] = {
        {"the same", "example.org", "example.org", true},
        {"in any case", "Example.ORG", "example.org", true},
        {"a trailing dot", "example.org.", "example.org", true},
        {"another", "example.org", "example.com", false},
        {"a label more", "example.org", "a.example.org", false},
        {"any labels", "*.example.org", "a.b.example.org", true},
        {"every host", "*", "a.b", true},
        {"one label", ":name.example.org", "a.example.org", true},
        {"one label, not two", ":name.example.org", "a.b.example.org", false},
        {"a label inside", "a.:b.c", "a.x.c", true},
        {"an empty host", ":name", "", false},
        {"an IPv6 address", "[FE80::a]", "[fe80::a]", true},
        {"another IPv6 address", "[fe80::a]", "[fe80::b]", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[PATTERN_PREPARED_BYTES_MAX];
        struct str captures[PATTERN_WILDCARDS_MAX];
        size_t length = 0;
        struct problem problem;
        cr_assert(pattern_prepare_host(str_of(rows[i].pattern), to, &length, &problem), "%s: %s",
                  rows[i].label, problem.what);
        cr_expect_eq(
            pattern_matches((struct str){to, length}, str_of(rows[i].host), PATTERN_HOST, captures),
            rows[i].expected, "%s", rows[i].label);
    }
}

Test(pattern, refuses_text_that_is_not_a_host)
{
    static const struct {
        const char *pattern, *word;
    } rows[] = {
        {"", "missing"},          {".", "missing"},
        {"a:80", "port"},         {"a:", "port"},
        {"[::1]:80", "port"},     {"a b", "not a host"},
        {"user@a", "not a host"}, {"a?b", "not a"},
        {"\xc3\xbc", "not a"},    {"*.*.*.*.*.*.*.*.*", "8 wildcards"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[PATTERN_PREPARED_BYTES_MAX];
        size_t length;
        struct problem problem;
        char words[PROBLEM_TEXT_BYTES];
        cr_expect_not(pattern_prepare_host(str_of(rows[i].pattern), to, &length, &problem), "%s",
                      rows[i].pattern);
        problem_text(&problem, words);
        cr_expect_not_null(strstr(words, rows[i].word), "%s: %s", rows[i].pattern, words);
    }
}

/* The definition of the syntax, literally, in exponential time. */
static bool model_matches(const char *pattern, char before, const char *path)
{
    if (*pattern == '\0')
        return *path == '\0';
    if (*pattern == '*')
        return model_matches(pattern + 1, '*', path) ||
               (*path && model_matches(pattern, before, path + 1));
    if (before == '/' && pattern[0] == ':' && pattern[1] == 'n') {
        for (size_t taken = 1; path[taken - 1] && path[taken - 1] != '/'; taken++) {
            if (model_matches(pattern + 2, 'n', path + taken))
                return true;
        }
        return false;
    }
    return *pattern == *path && model_matches(pattern + 1, *pattern, path + 1);
}

static void random_text(struct prng *prng, const char *alphabet, size_t length_max, char *to)
{
    size_t length = prng_below(prng, length_max);
    *to++ = '/';
    for (size_t i = 0; i < length; i++)
        *to++ = alphabet[prng_below(prng, strlen(alphabet))];
    *to = '\0';
}

/* With the captures in place of its wildcards, PREPARED is PATH. */
static void expect_rebuilt(struct str prepared, const struct str *captures, const char *path)
{
    char text[64], *end = text;
    for (size_t i = 0; i < prepared.length; i++) {
        if (prepared.at[i] == '\0') {
            end = str_put(end, *captures++);
            i++;
        } else {
            *end++ = prepared.at[i];
        }
    }
    cr_assert(str_equal((struct str){text, (size_t)(end - text)}, str_of(path)), "%s", path);
}

Test(pattern, agrees_with_a_naive_model)
{
    struct prng prng = {14};
    unsigned matched = 0;
    for (int round = 0; round < 300000; round++) {
        char to[PATTERN_PREPARED_BYTES_MAX], pattern[16], path[16];
        size_t length;
        struct problem problem;
        random_text(&prng, round % 2 ? "*a/" : "*:/:..", 9, pattern);
        random_text(&prng, round % 2 ? "ab/" : "./.x", 11, path);
        for (char *at = pattern; *at; at++) { /* placeholders: ":n" */
            if (at[0] == ':' && at[1])
                at[1] = 'n';
        }
        if (!pattern_prepare(str_of(pattern), to, &length, &problem))
            continue;
        /* A name is as long as possible. */
        if (strstr(pattern, "nn"))
            continue;
        bool expected = model_matches(pattern, '\0', path);
        struct str prepared = {to, length}, captures[PATTERN_WILDCARDS_MAX];
        bool got = pattern_matches(prepared, str_of(path), PATTERN_PATH, captures);
        cr_assert_eq(got, expected, "%s on %s: %d", pattern, path, got);
        if (got)
            expect_rebuilt(prepared, captures, path);
        matched += expected;
    }
    cr_expect_gt(matched, 10000);
}

/* The worst case: 8 wildcards that fail at the very end. Naive matching would practically never
 * end. */
Test(pattern, fails_fast_in_the_worst_case, .timeout = 20)
{
    static const struct {
        const char *label;
        char unit[4];
        const char *pattern;
    } rows[] = {
        {"stars", "a", "/*a*a*a*a*a*a*a*ab"},
        {"placeholders", "/a", "/*/:a/:a/:a/:a/:a/:a/:a/ab"},
        {"placeholders with an end", "/a", "/*/:aa/:aa/:aa/:aa/:aa/:aa/:aa/b"},
    };
    static char path[4096];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t unit_bytes = strlen(rows[i].unit);
        for (size_t at = 0; at < sizeof path; at++)
            path[at] = rows[i].unit[at % unit_bytes];
        path[0] = '/';
        clock_t before = clock();
        cr_expect_not(matches(str_of(rows[i].pattern), (struct str){path, sizeof path}));
        cr_expect_lt(clock() - before, CLOCKS_PER_SEC, "%s", rows[i].label);
    }
}
