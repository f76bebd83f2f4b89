/* options_help: --help, made from the table of options. See options.h. */
#include "config/options.h"

enum { HELP_COLUMN = 30, HELP_WIDTH = 80, FORM_BYTES = 64 };

/* Writes TEXT, starting at column AT, in lines of at most HELP_WIDTH columns that are indented to
 * the column INDENT. */
static void write_wrapped(FILE *out, size_t at, size_t indent, struct str text)
{
    while (text.length > 0) {
        size_t length = str_find(text, ' ');
        if (at > indent && at + 1 + length > HELP_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        }
        at += (size_t)fprintf(out, "%s%.*s", at > indent ? " " : "", (int)length, text.at);
        text = str_from(text, length + 1);
    }
    fputc('\n', out);
}

/* Writes one entry: LEFT is what to type, HELP what it does, STANDARD its default or NULL. */
static void write_entry(FILE *out, const char *left, const char *help, const char *standard)
{
    char text[512];
    snprintf(text, sizeof text, standard ? "%s (default: %s)" : "%s", help, standard);
    write_wrapped(out, (size_t)fprintf(out, "  %-*s", HELP_COLUMN - 2, left), HELP_COLUMN,
                  str_of(text));
}

/* Lists what the word at the front can be. */
static void write_subcommands(const struct profile *profile, FILE *out)
{
    const struct subcommand_table *table = &profile->subcommands;
    fputs("\nCommands:\n", out);
    for (size_t i = 0; i < table->count; i++)
        write_entry(out, table->items[i].name, table->items[i].summary, NULL);
    write_entry(out, "help [COMMAND]", "Show this, or how a command is called.", NULL);
}

/* Writes how the program PROFILE is called. */
static void write_usage(const struct profile *profile, FILE *out)
{
    static const char root[] = "Directory to serve. Nothing outside it is reachable.";
    const char *name = profile->name;
    if (profile->form == PROFILE_PORT_AND_ROOT) {
        fprintf(out, "Usage: %s PORT ROOT [options]\n\n", name);
        write_entry(out, "PORT", "TCP port to listen on; 0: any that is free.", NULL);
        write_entry(out, "ROOT", root, NULL);
        return;
    }
    fprintf(out,
            "Usage: %s [ROOT] [options]\n"
            "       %s --config FILE [options]\n"
            "       %s COMMAND ...\n\n",
            name, name, name);
    write_entry(out, "ROOT", root, ".");
    write_entry(out, "FILE",
                "Options by their long names, NAME = VALUE, flags with yes or no; below a line "
                "[site example.org www.example.org] those of a site. * is the site of all other "
                "hosts, *.example.org has one label for the asterisk.",
                NULL);
    fputs("\nIn the environment SLUICE_THREADS is --threads, and so on. The command line\n"
          "precedes the environment, the environment the file, the file the defaults.\n",
          out);
    write_subcommands(profile, out);
}

/* Writes what to type for the option NAME: LETTER may be 0, ARGUMENT NULL; with OPTIONAL it can be
 * left out. */
static void write_form(char to[static FORM_BYTES], const char *name, char letter,
                       const char *argument, bool optional)
{
    const char short_form[] = {'-', letter, ',', ' ', '\0'};
    snprintf(to, FORM_BYTES, optional ? "%s--%s[=%s]" : "%s--%s %s", letter ? short_form : "    ",
             name, argument ? argument : "");
}

void options_help_subcommand(const struct profile *profile, const struct subcommand *subcommand,
                             FILE *out)
{
    char form[FORM_BYTES];
    fprintf(out, "Usage: %s %s %s\n\n", profile->name, subcommand->name, subcommand->usage);
    write_wrapped(out, 0, 0, str_of(subcommand->summary));
    if (subcommand->option_count > 0)
        fputs("\nOptions:\n", out);
    for (size_t i = 0; i < subcommand->option_count; i++) {
        const struct subcommand_option *option = &subcommand->options[i];
        write_form(form, option->name, option->letter, option->argument, false);
        write_entry(out, form, option->help, NULL);
    }
    if (subcommand->takes_settings)
        fprintf(out, "\nROOT, --config FILE and all other options are as for %s: %s --help\n",
                profile->name, profile->name);
}

void options_help(const struct profile *profile, FILE *out)
{
    const char *name = profile->name;
    const bool configured = profile->form == PROFILE_CONFIGURED;
    size_t count;
    const struct option_spec *table = options_table(&count);
    char form[FORM_BYTES];
    fprintf(out, "%s: %s\n\n", name, profile->summary);
    write_usage(profile, out);
    for (unsigned group = 0; group < OPTION_GROUP_COUNT; group++) {
        fprintf(out, "\n%s:\n", option_group_title((enum option_group)group));
        for (const struct option_spec *option = table; option < table + count; option++) {
            if (option->group != group || (option->of_sluice && !configured))
                continue;
            write_form(form, option->name, option->letter, option->argument,
                       option->implied != NULL);
            write_entry(out, form, option->help,
                        option->derived ? option->derived : option->initial);
        }
    }
    fputs("\nTIME is a number with ms, s, m or h (none: seconds); SIZE one with K, M or G.\n"
          "SIGINT (Ctrl-C) and SIGTERM finish responses in flight and exit 0; a second one\n"
          "exits at once. SIGHUP has every file checked again before it is used.\n"
          "Exit status: 0 stopped as asked, 1 failed at run time, 2 usage.\n",
          out);
}
