/* manual: the man page and the completions name every option and every command. */
#include "config/manual.h"
#include "config/options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct subcommand_option own[] = {
    {.name = "own-flag", .letter = 'F', .help = "It's a 'flag'."},
    {.name = "pace", .argument = "slow|fast", .help = "How fast."},
};
static const struct subcommand items[] = {
    {.name = "try",
     .usage = "[ROOT] URL",
     .summary = "Try it: [now]. Then stop.",
     .options = own,
     .option_count = COUNT_OF(own)},
};
static const struct subcommand_table commands = {items, COUNT_OF(items)};

static char *text;
static size_t length;

/* What WRITE writes, until the next call. */
static const char *written(void (*write)(const struct subcommand_table *commands, FILE *out))
{
    free(text);
    FILE *out = open_memstream(&text, &length);
    write(&commands, out);
    fclose(out);
    return text;
}

static void write_page(const struct subcommand_table *table, FILE *out)
{
    static char template[] = ".TH X 1\n@COMMANDS@\n.SH OPTIONS\n@OPTIONS@\n.SH END\n";
    FILE *in = fmemopen(template, sizeof template - 1, "r");
    manual_write_page(table, in, out);
    fclose(in);
}

/* Every option must be in WRITE's text, as PREFIX and its name, with BACKSLASHES before hyphens. */
static void expect_all(void (*write)(const struct subcommand_table *commands, FILE *out),
                       const char *prefix, bool backslashes)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    const char *found = written(write);
    for (size_t i = 0; i < count; i++) {
        char name[128], *to = name + snprintf(name, sizeof name, "%s", prefix);
        for (const char *at = table[i].name; *at; at++) {
            if (*at == '-' && backslashes)
                *to++ = '\\';
            *to++ = *at;
        }
        *to = '\0';
        cr_expect(strstr(found, name), "%s", name);
    }
    cr_expect(strstr(found, "try"));
    cr_expect(strstr(found, "flag"));
}

Test(manual, names_all_options_and_commands)
{
    expect_all(write_page, "\\-\\-", true);
    expect_all(manual_write_bash, "--", false);
    expect_all(manual_write_zsh, "--", false);
    expect_all(manual_write_fish, "-l ", false);
    free(text);
    text = NULL;
}

Test(manual, replaces_the_places_of_the_template)
{
    static const char start[] =
        ".TH X 1\n.TP\n\\fBtry\\fR [ROOT] URL\nTry it: [now]. Then stop.\n.RS\n.TP\n";
    const char *page = written(write_page);
    cr_expect_eq(strncmp(page, start, strlen(start)), 0, "%.80s", page);
    cr_expect(strstr(page, "\\fB\\-F\\fR, \\fB\\-\\-own\\-flag\\fR\nIt\\(aqs a \\(aqflag\\(aq.\n"),
              "%s", page);
    cr_expect_not(strstr(page, "@COMMANDS@") || strstr(page, "@OPTIONS@"));
    cr_expect(strstr(page, "\n.SH END\n"));
}

Test(manual, completes_the_words_that_a_value_can_be)
{
    cr_expect(strstr(written(manual_write_bash), "try' --pace') _sluice_words 'slow fast'"), "%s",
              text);
    cr_expect(strstr(text, "*' --log-format') _sluice_words 'combined common json'"));
    cr_expect(strstr(written(manual_write_zsh), "'*--pace=[How fast]:slow|fast:(slow fast)'"));
    cr_expect(strstr(text, "'*-p+[TCP port to listen on; 0\\: any that is free]:N:'"), "%s", text);
    cr_expect(strstr(written(manual_write_fish), "-l pace -r -d 'How fast' -f -a 'slow fast'"));
}

Test(manual, quotes_for_each_shell)
{
    cr_expect(strstr(written(manual_write_zsh), "'try:Try it\\: [now]'"), "%s", text);
    cr_expect(strstr(text, "[It'\\''s a '\\''flag'\\'']"), "%s", text);
    cr_expect(strstr(written(manual_write_fish), "-s F -l own-flag -d 'It\\'s a \\'flag\\''"), "%s",
              text);
}
