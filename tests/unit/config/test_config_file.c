/* config_file: the syntax of configuration files: every form, and every mistake with its line. */
#include "config/config_file.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* The items of TEXT, one a line: "LINE [NAME]" or "LINE KEY=VALUE", until the end or the first
 * mistake, "LINE !WHAT". Static. */
static const char *read_all(struct str text)
{
    static char result[8192];
    char *at = result;
    struct str input = guard_copy(text);
    struct config_file file;
    struct problem problem;
    enum config_file_item item;
    *at = '\0';
    config_file_init(&file, "sluice.conf", input);
    while ((item = config_file_next(&file, &problem)) != CONFIG_FILE_END) {
        const size_t room = sizeof result - (size_t)(at - result);
        if (item == CONFIG_FILE_WRONG) {
            cr_expect_str_eq(problem.file, "sluice.conf");
            cr_expect_eq(problem.line, file.line);
            cr_expect(problem.remedy[0] != '\0', "says what to do: %s", problem.what);
            snprintf(at, room, "%u !%s\n", file.line, problem.what);
            break;
        }
        if (item == CONFIG_FILE_SECTION) {
            at += snprintf(at, room, "%u [%.*s]\n", file.line, (int)file.name.length, file.name.at);
            continue;
        }
        cr_expect_eq(file.value.at[file.value.length], '\0');
        at += snprintf(at, room, "%u %.*s=%s\n", file.line, (int)file.name.length, file.name.at,
                       file.value.at);
    }
    guard_drop(input);
    return result;
}

struct row {
    struct str text;
    const char *items;
};

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_expect_str_eq(read_all(rows[i].text), rows[i].items, "\"%.*s\"",
                         (int)rows[i].text.length, rows[i].text.at);
}

Test(config_file, reads_keys_and_values)
{
    static const struct row rows[] = {
        {STR_INIT(""), ""},
        {STR_INIT("\n\n"), ""},
        {STR_INIT("a = b"), "1 a=b\n"},
        {STR_INIT("a=b\n"), "1 a=b\n"},
        {STR_INIT(" \ta \t=\t b  \t\n"), "1 a=b\n"},
        {STR_INIT("a =\n"), "1 a=\n"},
        {STR_INIT("a = b = c\n"), "1 a=b = c\n"},
        {STR_INIT("a = b  c\n"), "1 a=b  c\n"},
        {STR_INIT("max-connections-per-ip = 8\n"), "1 max-connections-per-ip=8\n"},
        {STR_INIT("a = $HOME/%n\\t\\\n"), "1 a=$HOME/%n\\t\\\n"},
        {STR_INIT("a = \xc3\xa4\n"), "1 a=\xc3\xa4\n"},
        {STR_INIT("\xef\xbb\xbf"
                  "a = b\n"),
         "1 a=b\n"},
        {STR_INIT("\n\na = 1\n\nb = 2"), "3 a=1\n5 b=2\n"},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(config_file, ends_lines_with_cr_lf_too)
{
    static const struct row rows[] = {
        {STR_INIT("a = b\r\n[s]\r\nc = d\r\n"), "1 a=b\n2 [s]\n3 c=d\n"},
        {STR_INIT("a = \"b\"\r\n\r\n# c\r\n"), "1 a=b\n"},
        {STR_INIT("a = b\r"), "1 a=b\n"},
        {STR_INIT("a = b\rc = d\n"), "1 !the line has a control character\n"},
        {STR_INIT("a = b\r\r\n"), "1 !the line has a control character\n"},
    };
    expect_rows(rows, COUNT_OF(rows));
}

/* A colour or an anchor in a value is not cut off, a comment after a value is not part of it. */
Test(config_file, begins_comments_only_at_the_start_or_after_white_space)
{
    static const struct row rows[] = {
        {STR_INIT("# a = b"), ""},
        {STR_INIT("  # a = b"), ""},
        {STR_INIT("; a = b"), ""},
        {STR_INIT("#"), ""},
        {STR_INIT("a = b # c"), "1 a=b\n"},
        {STR_INIT("a = b\t#c"), "1 a=b\n"},
        {STR_INIT("a = b#c"), "1 a=b#c\n"},
        {STR_INIT("a = #fff"), "1 a=\n"},
        {STR_INIT("a =#fff"), "1 a=\n"},
        {STR_INIT("a = /x#y /z#w # both"), "1 a=/x#y /z#w\n"},
        {STR_INIT("a = b ; c"), "1 a=b ; c\n"},
        {STR_INIT("[s] # c"), "1 [s]\n"},
        {STR_INIT("a # = b"), "1 !the line has no =\n"},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(config_file, protects_values_by_quotes)
{
    static const struct row rows[] = {
        {STR_INIT("a = \"b # c\""), "1 a=b # c\n"},
        {STR_INIT("a = \" b \" # c"), "1 a= b \n"},
        {STR_INIT("a = \"b\"#c"), "1 a=b\n"},
        {STR_INIT("a = \"\""), "1 a=\n"},
        {STR_INIT("a = \"b\\\"c\\\\d\\e\""), "1 a=b\"c\\d\\e\n"},
        {STR_INIT("a = \"b"), "1 !the value has no \" at its end\n"},
        {STR_INIT("a = \"b\\\""), "1 !the value has no \" at its end\n"},
        {STR_INIT("a = \""), "1 !the value has no \" at its end\n"},
        {STR_INIT("a = \"b\" c"), "1 !the quoted value is followed by more text\n"},
        {STR_INIT("a = \"b\" \"c\""), "1 !the quoted value is followed by more text\n"},
        {STR_INIT("a = /*: Report-To: {\"group\":\"x # y\"} # c"),
         "1 a=/*: Report-To: {\"group\":\"x # y\"}\n"},
        {STR_INIT("a = 5\" disk # c"), "1 !the value has a \" without another one\n"},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(config_file, reads_sections)
{
    static const struct row rows[] = {
        {STR_INIT("[site a.example *.b.example]\nroot = x\n"),
         "1 [site a.example *.b.example]\n2 root=x\n"},
        {STR_INIT("  [ s ]  "), "1 [s]\n"},
        {STR_INIT("[]"), "1 []\n"},
        {STR_INIT("[site [::1] *]"), "1 [site [::1] *]\n"},
        {STR_INIT("[site"), "1 !the section has no ] at its end\n"},
        {STR_INIT("["), "1 !the section has no ] at its end\n"},
        {STR_INIT("[site] x"), "1 !the section has no ] at its end\n"},
        {STR_INIT("[site # a]"), "1 !the section has no ] at its end\n"},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(config_file, refuses_what_is_not_a_setting)
{
    static const struct row rows[] = {
        {STR_INIT("x = y\nlisting\n"), "1 x=y\n2 !the line has no =\n"},
        {STR_INIT("= b"), "1 !'' is not a key\n"},
        {STR_INIT("a b = c"), "1 !'a b' is not a key\n"},
        {STR_INIT("Root = /srv"), "1 !'Root' is not a key\n"},
        {STR_INIT("a_b = c"), "1 !'a_b' is not a key\n"},
        {STR_INIT("\"a\" = c"), "1 !'\"a\"' is not a key\n"},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(config_file, refuses_bytes_that_are_not_text)
{
    static const struct row rows[] = {
        {STR_INIT("a = b\n\0\n"),
         "1 a=b\n2 !the line has a NUL, as binary files and UTF-16 have\n"},
        {STR_INIT("# \0\n"), "1 !the line has a NUL, as binary files and UTF-16 have\n"},
        {STR_INIT("\xff\xfe"
                  "a\0=\0b\0"),
         "1 !the line has a NUL, as binary files and UTF-16 have\n"},
        {STR_INIT("a = b\nc = caf\xe9\n"), "1 a=b\n2 !the line is not UTF-8\n"},
        {STR_INIT("# caf\xe9\n"), "1 !the line is not UTF-8\n"},
        {STR_INIT("a = \x1b[1m\n"), "1 !the line has a control character\n"},
        {STR_INIT("a = \x7f\n"), "1 !the line has a control character\n"},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(config_file, bounds_lines)
{
    static char text[CONFIG_FILE_LINE_BYTES_MAX + 16];
    struct config_file file;
    struct problem problem;
    memset(text, 'v', sizeof text);
    text[0] = 'a';
    text[1] = '=';
    config_file_init(&file, "f", (struct str){text, CONFIG_FILE_LINE_BYTES_MAX});
    cr_expect_eq(config_file_next(&file, &problem), CONFIG_FILE_VALUE);
    cr_expect_eq(file.value.length, CONFIG_FILE_LINE_BYTES_MAX - 2);
    config_file_init(&file, "f", (struct str){text, CONFIG_FILE_LINE_BYTES_MAX + 1});
    cr_expect_eq(config_file_next(&file, &problem), CONFIG_FILE_WRONG);
    cr_expect_str_eq(problem.what, "the line is longer than 4096 bytes");
}

/* So that a check can report every line that is wrong. */
Test(config_file, goes_on_after_a_mistake)
{
    struct config_file file;
    struct problem problem;
    config_file_init(&file, "f", STR("wrong\nb = 2\n"));
    cr_expect_eq(config_file_next(&file, &problem), CONFIG_FILE_WRONG);
    cr_expect_eq(config_file_next(&file, &problem), CONFIG_FILE_VALUE);
    cr_expect_eq(file.line, 2);
    cr_expect_eq(config_file_next(&file, &problem), CONFIG_FILE_END);
    cr_expect_eq(config_file_next(&file, &problem), CONFIG_FILE_END);
}
