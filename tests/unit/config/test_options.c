/* options: the rows of the table: names, limits, defaults, the text of --help and of README. */
#include "support/command_line_rig.h"

#include <inttypes.h>
#include <stdlib.h>

TestSuite(options, .fini = drop_last);

Test(options, takes_each_number_up_to_its_limits_and_no_further)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        const struct option_spec *spec = &table[i];
        const char *unit = spec->kind == OPTION_KIND_SPAN ? "ms" : "";
        if (spec->kind != OPTION_KIND_NUMBER && spec->kind != OPTION_KIND_SPAN &&
            spec->kind != OPTION_KIND_SIZE)
            continue;
        if ((spec->group == OPTION_GROUP_HTTPS && !can_https) || spec->of_sluice)
            continue;
        const struct {
            uint64_t value;
            bool taken;
        } rows[] = {{spec->least, true},
                    {spec->most, true},
                    {spec->most + 1, false},
                    {spec->least - 1, false}};
        for (size_t row = 0; row < COUNT_OF(rows) - (spec->least == 0); row++) {
            char text[80];
            snprintf(text, sizeof text, "--%s=%" PRIu64 "%s", spec->name, rows[row].value, unit);
            const bool secure = spec->group == OPTION_GROUP_HTTPS;
            const char *const arguments[] = {"0", "site", text, secure ? "--cert=x" : NULL, NULL};
            struct outcome outcome = parse(arguments);
            cr_expect_eq(serves(&outcome), rows[row].taken, "%s", text);
        }
        if (spec->field_bytes == sizeof(uint32_t))
            cr_expect(spec->most <= UINT32_MAX, "%s", spec->name);
    }
}

Test(options, recognises_each_name_with_one_byte_missing)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(table[i].name);
        for (size_t at = 0; at < length; at++) {
            char given[64], meant[64];
            snprintf(given, sizeof given, "--%s", table[i].name);
            snprintf(meant, sizeof meant, "'--%s'", table[i].name);
            memmove(&given[2 + at], &given[3 + at], length - at); /* one byte left out */
            const char *const arguments[] = {"80", "site", given, NULL};
            struct outcome outcome = parse(arguments);
            bool begins_another = strcmp(given, "--ind") == 0; /* index, not only bind */
            cr_expect(begins_another || strstr(outcome.mistake, meant), "%s: %s", given,
                      outcome.mistake);
        }
    }
}

Test(options, lists_every_option_with_its_default_in_help)
{
    char *text;
    size_t length, count;
    const struct option_spec *table = options_table(&count);
    FILE *out = open_memstream(&text, &length);
    options_help(&profile, out);
    fclose(out);
    cr_expect(strstr(text, "test-server PORT ROOT [options]"));
    for (size_t i = 0; i < count; i++) {
        char entry[64];
        if (table[i].of_sluice) {
            snprintf(entry, sizeof entry, "--%s ", table[i].name);
            cr_expect_not(strstr(text, entry), "%s", entry);
            continue;
        }
        cr_expect(strstr(text, usage_of(&table[i])), "%s", table[i].name);
        snprintf(entry, sizeof entry, "%s)", table[i].initial ? table[i].initial : "");
        cr_expect(!table[i].initial || strstr(text, entry), "%s", table[i].name);
        cr_expect(table[i].help[strlen(table[i].help) - 1] == '.', "%s", table[i].name);
    }
    for (unsigned group = 0; group < OPTION_GROUP_COUNT; group++)
        cr_expect(strstr(text, option_group_title((enum option_group)group)));
    for (struct str rest = str_of(text); rest.length > 0;) {
        size_t width = str_find(rest, '\n');
        cr_expect(width <= 80, "%.*s", (int)width, rest.at);
        rest = str_from(rest, width + 1);
    }
    free(text);
}

Test(options, have_unique_names_a_scope_and_a_place)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        cr_expect(strlen(table[i].name) < 32, "%s", table[i].name);
        cr_expect_eq(table[i].scope == OPTION_SCOPE_NONE, table[i].kind >= OPTION_KIND_HELP, "%s",
                     table[i].name);
        cr_expect_eq(strspn(table[i].name, "abcdefghijklmnopqrstuvwxyz-"), strlen(table[i].name));
        for (size_t j = 0; j < i; j++) {
            cr_expect_str_neq(table[i].name, table[j].name);
            cr_expect(!table[i].letter || table[i].letter != table[j].letter);
        }
    }
}

/* The README's table is written by hand. */
Test(options, are_all_in_the_readme)
{
    static char text[1 << 16];
    char name[512], row[80];
    const char *top = getenv("SLUICE_TOP");
    snprintf(name, sizeof name, "%s/README.md", top ? top : ".");
    FILE *file = fopen(name, "re");
    cr_assert_not_null(file, "%s", name);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        snprintf(row, sizeof row, "`%s`", usage_of(&table[i]));
        cr_expect(strstr(text, row), "%s", row);
    }
}
