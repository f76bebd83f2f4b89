/* str: views, and comma-separated lists (RFC 9110 section 5.6.1). */
#include "base/str.h"
#include "support/guard.h"
#include "support/prng.h"

#include <criterion/criterion.h>

static const struct str absent = {NULL, 0};

Test(str, compares_with_and_without_case)
{
    static const struct {
        const char *label;
        struct str a, b;
        bool equal, equal_nocase, starts, ends;
    } rows[] = {
        {"the same", STR_INIT("abc"), STR_INIT("abc"), true, true, true, true},
        {"case differs", STR_INIT("aBc"), STR_INIT("AbC"), false, true, false, false},
        {"prefix", STR_INIT("abc"), STR_INIT("ab"), false, false, true, false},
        {"suffix", STR_INIT("abc"), STR_INIT("bc"), false, false, false, true},
        {"longer", STR_INIT("ab"), STR_INIT("abc"), false, false, false, false},
        {"empty in a word", STR_INIT("abc"), STR_INIT(""), false, false, true, true},
        {"both empty", STR_INIT(""), STR_INIT(""), true, true, true, true},
        {"absent and empty", {NULL, 0}, STR_INIT(""), true, true, true, true},
        {"both absent", {NULL, 0}, {NULL, 0}, true, true, true, true},
        {"absent in a word", STR_INIT("abc"), {NULL, 0}, false, false, true, true},
        {"a word in absent", {NULL, 0}, STR_INIT("a"), false, false, false, false},
        {"'@' is not '`'", STR_INIT("@"), STR_INIT("`"), false, false, false, false},
        {"'[' is not '{'", STR_INIT("["), STR_INIT("{"), false, false, false, false},
        {"no case beyond ASCII", STR_INIT("\xc4"), STR_INIT("\xe4"), false, false, false, false},
        {"NUL is a byte", STR_INIT("a\0b"), STR_INIT("a\0c"), false, false, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str a = guard_copy(rows[i].a), b = guard_copy(rows[i].b);
        cr_expect_eq(str_equal(a, b), rows[i].equal, "%s", rows[i].label);
        cr_expect_eq(str_equal_nocase(a, b), rows[i].equal_nocase, "%s", rows[i].label);
        cr_expect_eq(str_starts_with(a, b), rows[i].starts, "%s", rows[i].label);
        cr_expect_eq(str_ends_with(a, b), rows[i].ends, "%s", rows[i].label);
    }
}

Test(str, finds_the_first_and_last_byte)
{
    static const struct {
        const char *label;
        struct str text;
        size_t first, last;
    } rows[] = {
        {"once", STR_INIT("a/b"), 1, 1},       {"twice", STR_INIT("/a/b"), 0, 2},
        {"at the end", STR_INIT("ab/"), 2, 2}, {"none", STR_INIT("ab"), 2, 2},
        {"empty", STR_INIT(""), 0, 0},         {"absent", {NULL, 0}, 0, 0},
        {"after NUL", STR_INIT("a\0/"), 2, 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str text = guard_copy(rows[i].text);
        cr_expect_eq(str_find(text, '/'), rows[i].first, "%s", rows[i].label);
        cr_expect_eq(str_find_last(text, '/'), rows[i].last, "%s", rows[i].label);
    }
}

Test(str, cuts_within_bounds)
{
    struct str text = STR("abc");
    cr_expect(str_equal(str_from(text, 1), STR("bc")));
    cr_expect(str_equal(str_first(text, 2), STR("ab")));
    cr_expect_eq(str_from(text, 4).length, 0);
    cr_expect_eq(str_from(text, SIZE_MAX).at, text.at + 3);
    cr_expect_eq(str_first(text, SIZE_MAX).length, 3);
    cr_expect_null(str_from(absent, 1).at);
    cr_expect_null(str_trim(absent).at);
    cr_expect_eq(str_of("abc").length, 3);
    cr_expect_eq(str_of("").length, 0);
}

Test(str, trims_spaces_and_tabs_only)
{
    static const struct {
        struct str text, trimmed;
    } rows[] = {
        {STR_INIT("a"), STR_INIT("a")},         {STR_INIT(" \t a b\t "), STR_INIT("a b")},
        {STR_INIT("  "), STR_INIT("")},         {STR_INIT(""), STR_INIT("")},
        {STR_INIT("\r\na"), STR_INIT("\r\na")}, {STR_INIT("a\v"), STR_INIT("a\v")},
        {STR_INIT(" a"), STR_INIT("a")},        {STR_INIT("a "), STR_INIT("a")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect(str_equal(str_trim(guard_copy(rows[i].text)), rows[i].trimmed), "%s",
                  rows[i].text.at);
}

Test(str, takes_words_off_a_text)
{
    static const struct {
        struct str text;
        const char *words; /* joined by '|' */
    } rows[] = {
        {STR_INIT(""), ""},
        {STR_INIT(" \t "), ""},
        {STR_INIT("a"), "a"},
        {STR_INIT("/old/*  /new/:splat\t301 "), "/old/*|/new/:splat|301"},
        {STR_INIT("\ta\r\nb c"), "a\r\nb|c"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str rest = guard_copy(rows[i].text), word;
        char joined[64] = "";
        while ((word = str_take_word(&rest)).length > 0) {
            strcat(joined, joined[0] ? "|" : "");
            strncat(joined, word.at, word.length);
        }
        cr_expect_str_eq(joined, rows[i].words);
        cr_expect_eq(rest.length, 0);
    }
}

Test(str, splits_lists_at_unquoted_commas)
{
    static const struct {
        const char *label;
        struct str list;
        const char *items; /* joined by '|' */
    } rows[] = {
        {"one", STR_INIT("close"), "close|"},
        {"several", STR_INIT("a, b ,c"), "a|b|c|"},
        {"no white space", STR_INIT("a,b"), "a|b|"},
        {"tabs", STR_INIT("\ta\t,\tb\t"), "a|b|"},
        {"inner space stays", STR_INIT("a b, c"), "a b|c|"},
        {"empty elements, section 5.6.1.2", STR_INIT("foo , ,bar,charlie"), "foo|bar|charlie|"},
        {"only a comma, section 5.6.1.2", STR_INIT(","), ""},
        {"only commas and space", STR_INIT(",   ,"), ""},
        {"empty", STR_INIT(""), ""},
        {"absent", {NULL, 0}, ""},
        {"leading and trailing commas", STR_INIT(",a,"), "a|"},
        {"comma in a quoted-string", STR_INIT("a=\"x,y\", b"), "a=\"x,y\"|b|"},
        {"quoted-pair of a quote", STR_INIT("\"x\\\",y\",b"), "\"x\\\",y\"|b|"},
        {"quoted-pair of a backslash", STR_INIT("\"x\\\\\",b"), "\"x\\\\\"|b|"},
        {"backslash outside quotes", STR_INIT("a\\,b"), "a\\|b|"},
        {"quote never closed", STR_INIT("a, \"b,c"), "a|\"b,c|"},
        {"backslash at the very end", STR_INIT("\"b\\"), "\"b\\|"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char joined[64];
        size_t length = 0;
        struct str list = guard_copy(rows[i].list), item = absent;
        while (str_next_item(&list, &item)) {
            memcpy(joined + length, item.at, item.length);
            length += item.length;
            joined[length++] = '|';
        }
        struct str got = {joined, length};
        cr_expect(str_equal(got, str_of(rows[i].items)), "%s: %.*s", rows[i].label, (int)length,
                  joined);
    }
}

Test(str, leaves_the_item_untouched_at_the_end_of_a_list)
{
    struct str list = STR(" , "), item = STR("before");
    cr_expect_not(str_next_item(&list, &item));
    cr_expect(str_equal(item, STR("before")));
}

Test(str, finds_tokens_in_lists)
{
    static const struct {
        const char *label;
        struct str list, name;
        bool has;
    } rows[] = {
        {"alone", STR_INIT("close"), STR_INIT("close"), true},
        {"any case", STR_INIT("Keep-Alive, CLOSE"), STR_INIT("close"), true},
        {"not a part of a word", STR_INIT("closed, not-close"), STR_INIT("close"), false},
        {"not within quotes", STR_INIT("\"x, close\""), STR_INIT("close"), false},
        {"in the middle", STR_INIT("a,close,b"), STR_INIT("close"), true},
        {"absent list", {NULL, 0}, STR_INIT("close"), false},
        {"empty elements match nothing", STR_INIT(", ,"), STR_INIT(""), false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool has = str_list_has(guard_copy(rows[i].list), guard_copy(rows[i].name));
        cr_expect_eq(has, rows[i].has, "%s", rows[i].label);
    }
}

Test(str, splits_random_lists_within_their_bounds)
{
    static const char alphabet[] = "ab,,\"\\ \t";
    struct prng prng = {7};
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        size_t length = prng_below(&prng, sizeof bytes + 1);
        for (size_t i = 0; i < length; i++)
            bytes[i] = alphabet[prng_below(&prng, sizeof alphabet - 1)];
        struct str copy = guard_copy((struct str){bytes, length});
        struct str list = copy, item;
        const char *end = copy.at;
        while (str_next_item(&list, &item)) {
            cr_assert_gt(item.length, 0);
            cr_assert(item.at >= end && item.at + item.length <= copy.at + length);
            cr_assert(str_equal(str_trim(item), item));
            end = item.at + item.length;
        }
        guard_drop(copy);
    }
}

Test(str, recognises_hexadecimal_digits)
{
    for (int c = -128; c < 128; c++) {
        static const char digits[] = "0123456789abcdef";
        const char *at = c > 0 ? strchr(digits, c >= 'A' && c <= 'Z' ? c + 32 : c) : NULL;
        int value = at != NULL ? (int)(at - digits) : -1;
        cr_expect_eq(char_hex((char)c), value, "byte %d", c);
        cr_expect_eq(char_is_digit((char)c), c >= '0' && c <= '9', "byte %d", c);
    }
}

/* RFC 9110 section 5.6.2: token = 1*tchar. */
Test(str, recognises_tokens)
{
    static const char tchars[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int c = -128; c < 128; c++) {
        char bytes[] = {'a', (char)c, 'z'};
        bool expected = c != 0 && strchr(tchars, c) != NULL;
        cr_expect_eq(str_is_token((struct str){bytes, 3}), expected, "byte %d", c);
        cr_expect_eq(str_is_token((struct str){bytes + 1, 1}), expected, "byte %d", c);
    }
    cr_expect(str_is_token(guard_copy((struct str){tchars, sizeof tchars - 1})));
    cr_expect_not(str_is_token(guard_copy(STR(""))));
    cr_expect_not(str_is_token(absent));
}

Test(str, takes_whole_lines_without_their_ends)
{
    struct str text = STR("a\r\n\nb\rc\n\r\nrest"), line;
    static const char *const lines[] = {"a", "", "b\rc", ""};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        cr_assert(str_take_line(&text, &line));
        cr_expect(str_equal(line, str_of(lines[i])), "%zu", i);
    }
    cr_expect_not(str_take_line(&text, &line));
    cr_expect(str_equal(text, STR("rest")));
}
