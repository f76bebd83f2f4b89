/* manual: the man page; see manual.h. */
#include "config/manual.h"

#include "config/manual_parts.h"

enum { LINE_BYTES_MAX = 1024 };

/* Writes TEXT for groff_man(7): a backslash, a hyphen and a quote are what they look like. */
static void write_roff(FILE *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        switch (*at) {
        case '\\':
            fputs("\\e", out);
            break;
        case '-':
            fputs("\\-", out);
            break;
        case '\'':
            fputs("\\(aq", out);
            break;
        case '.':
            fputs(at == text ? "\\&." : ".", out);
            break;
        default:
            fputc(*at, out);
        }
    }
}

/* Writes the form of an option as a tagged paragraph. */
static void write_form(FILE *out, const struct manual_option *option)
{
    fputs(".TP\n", out);
    if (option->letter)
        fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
    fputs("\\fB\\-\\-", out);
    write_roff(out, option->name);
    fputs("\\fR", out);
    if (option->argument) {
        fputs(option->optional ? "[=\\fI" : " \\fI", out);
        write_roff(out, option->argument);
        fputs(option->optional ? "\\fR]" : "\\fR", out);
    }
    fputc('\n', out);
    write_roff(out, option->help);
    if (option->standard) {
        fputs(" The default is ", out);
        write_roff(out, option->standard[0] ? option->standard : "empty");
        fputc('.', out);
    }
    fputc('\n', out);
}

static void write_options(FILE *out)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (unsigned group = 0; group < OPTION_GROUP_COUNT; group++) {
        fputs(".SS ", out);
        write_roff(out, option_group_title((enum option_group)group));
        fputc('\n', out);
        for (size_t i = 0; i < count; i++) {
            const struct manual_option option = manual_option_of(&table[i]);
            if (table[i].group == group)
                write_form(out, &option);
        }
    }
}

static void write_commands(const struct subcommand_table *commands, FILE *out)
{
    for (size_t i = 0; i < commands->count; i++) {
        const struct subcommand *command = &commands->items[i];
        fputs(".TP\n\\fB", out);
        write_roff(out, command->name);
        fputs("\\fR ", out);
        write_roff(out, command->usage);
        fputc('\n', out);
        write_roff(out, command->summary);
        fputc('\n', out);
        if (command->option_count > 0)
            fputs(".RS\n", out);
        for (size_t k = 0; k < command->option_count; k++) {
            const struct manual_option option = manual_option_own(&command->options[k]);
            write_form(out, &option);
        }
        if (command->option_count > 0)
            fputs(".RE\n", out);
    }
    fputs(".TP\n\\fBhelp\\fR [COMMAND]\nShow the options, or how a command is called.\n", out);
}

void manual_write_page(const struct subcommand_table *commands, FILE *template, FILE *out)
{
    char line[LINE_BYTES_MAX];
    while (fgets(line, sizeof line, template)) {
        if (strcmp(line, "@COMMANDS@\n") == 0)
            write_commands(commands, out);
        else if (strcmp(line, "@OPTIONS@\n") == 0)
            write_options(out);
        else
            fputs(line, out);
    }
}
