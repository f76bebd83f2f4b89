/* manual_shells: the shell completions; see manual.h. */
#include "config/manual.h"

#include "config/manual_parts.h"

/* How a shell completes the value of an option. */
enum values {
    VALUES_NONE,
    VALUES_FILES,
    VALUES_DIRECTORIES,
    VALUES_WORDS, /* of words_of */
    VALUES_COUNT,
};

/* The words that the value of OPTION can be, separated by spaces; NULL: it is not one of a few. */
static const char *words_of(const struct option_spec *option)
{
    switch (option->kind) {
    case OPTION_KIND_BACKEND:
        return "auto epoll io_uring";
    case OPTION_KIND_LOG_FORMAT:
        return "combined common json";
    case OPTION_KIND_LOG_LEVEL:
        return "error warning notice info";
    case OPTION_KIND_SWITCH:
        return "on off";
    case OPTION_KIND_TLS_VERSION:
        return "1.2 1.3";
    default:
        return NULL;
    }
}

static enum values values_of(const struct option_spec *option)
{
    if (words_of(option))
        return VALUES_WORDS;
    if (strcmp(option->name, "root") == 0)
        return VALUES_DIRECTORIES;
    switch (option->kind) {
    case OPTION_KIND_FILE:
    case OPTION_KIND_LOG:
    case OPTION_KIND_CONFIG:
    case OPTION_KIND_CERTIFICATE:
    case OPTION_KIND_KEY:
        return VALUES_FILES;
    default:
        return VALUES_NONE;
    }
}

/* The first sentence of TEXT, without its full stop. */
static struct str sentence(const char *text)
{
    const struct str all = str_of(text);
    for (size_t i = 0; i + 1 < all.length; i++) {
        if (all.at[i] == '.' && all.at[i + 1] == ' ')
            return str_first(all, i);
    }
    return str_ends_with(all, STR(".")) ? str_first(all, all.length - 1) : all;
}

/* Writes TEXT within single quotes of a POSIX shell; each byte of SPECIAL gets a backslash. */
static void write_quoted(FILE *out, struct str text, const char *special)
{
    for (size_t i = 0; i < text.length; i++) {
        if (strchr(special, text.at[i]))
            fputc('\\', out);
        if (text.at[i] == '\'')
            fputs("'\\''", out);
        else
            fputc(text.at[i], out);
    }
}

static void write_names(const struct subcommand_table *commands, FILE *out)
{
    for (size_t i = 0; i < commands->count; i++)
        fprintf(out, "%s ", commands->items[i].name);
    fputs("help", out);
}

/* --- bash --------------------------------------------------------------------------------------- */

/* Writes a pattern of case for the options whose values are VALUES, and what to do then. */
static void write_bash_case(FILE *out, enum values values, const char *action)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    const char *separator = "    ";
    for (size_t i = 0; i < count; i++) {
        if (!table[i].argument || table[i].implied || values_of(&table[i]) != values)
            continue;
        fprintf(out, "%s--%s", separator, table[i].name);
        if (table[i].letter)
            fprintf(out, " | -%c", table[i].letter);
        separator = " | ";
    }
    fprintf(out, ")\n        %s\n        return\n        ;;\n", action);
}

static void write_bash_words(FILE *out)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (values_of(&table[i]) == VALUES_WORDS)
            fprintf(out,
                    "    --%s)\n        COMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n"
                    "        return\n        ;;\n",
                    table[i].name, words_of(&table[i]));
    }
}

void manual_write_bash(const struct subcommand_table *commands, FILE *out)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    fputs("# bash completion for sluice(1), made from its tables of options.\n"
          "_sluice()\n{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} own=\n"
          "    case $prev in\n",
          out);
    write_bash_case(out, VALUES_FILES, "COMPREPLY=($(compgen -f -- \"$cur\"))");
    write_bash_case(out, VALUES_DIRECTORIES, "COMPREPLY=($(compgen -d -- \"$cur\"))");
    write_bash_case(out, VALUES_NONE, "COMPREPLY=()");
    write_bash_words(out);
    fputs("    help)\n        COMPREPLY=($(compgen -W '", out);
    write_names(commands, out);
    fputs("' -- \"$cur\"))\n        return\n        ;;\n    esac\n    case ${COMP_WORDS[1]} in\n",
          out);
    for (size_t i = 0; i < commands->count; i++) {
        const struct subcommand *command = &commands->items[i];
        fprintf(out, "    %s) own='", command->name);
        for (size_t k = 0; k < command->option_count; k++)
            fprintf(out, "%s--%s", k > 0 ? " " : "", command->options[k].name);
        fputs("' ;;\n", out);
    }
    fputs("    esac\n    if [[ $cur == -* ]]; then\n        COMPREPLY=($(compgen -W \"$own", out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, " --%s", table[i].name);
    fputs("\" -- \"$cur\"))\n        return\n    fi\n    COMPREPLY=($(compgen -d -- \"$cur\"))\n"
          "    if ((COMP_CWORD == 1)); then\n        COMPREPLY+=($(compgen -W '",
          out);
    write_names(commands, out);
    fputs("' -- \"$cur\"))\n    fi\n}\ncomplete -o filenames -F _sluice sluice\n", out);
}

/* --- zsh ---------------------------------------------------------------------------------------- */

static void write_zsh_option(FILE *out, const struct manual_option *option, const char *action)
{
    fputs("    '*", out);
    fprintf(out, "--%s%s[", option->name, !option->argument ? "" : option->optional ? "=-" : "=");
    write_quoted(out, sentence(option->help), "[]:\\");
    fputc(']', out);
    if (option->argument)
        fprintf(out, "%s:%s:%s", option->optional ? ":" : "", option->argument, action);
    fputs("'\n", out);
}

void manual_write_zsh(const struct subcommand_table *commands, FILE *out)
{
    static const char *const actions[] = {
        [VALUES_NONE] = "",
        [VALUES_FILES] = "_files",
        [VALUES_DIRECTORIES] = "_files -/",
        [VALUES_WORDS] = "",
    };
    static_assert(COUNT_OF(actions) == VALUES_COUNT, "an action for each kind of values");
    size_t count;
    const struct option_spec *table = options_table(&count);
    fputs("#compdef sluice\n# zsh completion for sluice(1), made from its tables of options.\n"
          "local -a commands options\ncommands=(\n",
          out);
    for (size_t i = 0; i < commands->count; i++) {
        fprintf(out, "    '%s:", commands->items[i].name);
        write_quoted(out, sentence(commands->items[i].summary), ":\\");
        fputs("'\n", out);
    }
    fputs("    'help:Show this, or how a command is called'\n)\noptions=(\n", out);
    for (size_t i = 0; i < count; i++) {
        char words[128];
        const struct manual_option option = manual_option_of(&table[i]);
        const char *list = words_of(&table[i]);
        snprintf(words, sizeof words, "(%s)", list ? list : "");
        write_zsh_option(out, &option, list ? words : actions[values_of(&table[i])]);
    }
    fputs(")\ncase $words[2] in\n", out);
    for (size_t i = 0; i < commands->count; i++) {
        fprintf(out, "%s)\n    options+=(\n", commands->items[i].name);
        for (size_t k = 0; k < commands->items[i].option_count; k++) {
            const struct manual_option option = manual_option_own(&commands->items[i].options[k]);
            write_zsh_option(out, &option, "");
        }
        fputs("    )\n    ;;\n", out);
    }
    fputs("esac\n_sluice_first() {\n    _describe command commands\n    _files -/\n}\n"
          "_arguments -s $options '1: :_sluice_first' '*: :_files -/'\n",
          out);
}

/* --- fish --------------------------------------------------------------------------------------- */

/* Writes an option for command lines on which CONDITION holds; "": all. */
static void write_fish_option(FILE *out, const struct manual_option *option, const char *condition)
{
    fprintf(out, "complete -c sluice%s", condition);
    if (option->letter)
        fprintf(out, " -s %c", option->letter);
    fprintf(out, " -l %s%s -d '", option->name, option->argument && !option->optional ? " -r" : "");
    const struct str help = sentence(option->help);
    for (size_t i = 0; i < help.length; i++) {
        if (help.at[i] == '\'' || help.at[i] == '\\')
            fputc('\\', out);
        fputc(help.at[i], out);
    }
    fputc('\'', out);
}

void manual_write_fish(const struct subcommand_table *commands, FILE *out)
{
    static const char *const values[] = {
        [VALUES_NONE] = " -f",
        [VALUES_FILES] = " -F",
        [VALUES_DIRECTORIES] = " -f -a '(__fish_complete_directories)'",
        [VALUES_WORDS] = " -f -a ",
    };
    static_assert(COUNT_OF(values) == VALUES_COUNT, "an action for each kind of values");
    size_t count;
    const struct option_spec *table = options_table(&count);
    fputs("# fish completion for sluice(1), made from its tables of options.\n"
          "complete -c sluice -f -a '(__fish_complete_directories)'\n",
          out);
    for (size_t i = 0; i < commands->count; i++) {
        fprintf(out, "complete -c sluice -n __fish_use_subcommand -a %s\n",
                commands->items[i].name);
        for (size_t k = 0; k < commands->items[i].option_count; k++) {
            char condition[96];
            const struct manual_option option = manual_option_own(&commands->items[i].options[k]);
            snprintf(condition, sizeof condition, " -n '__fish_seen_subcommand_from %s'",
                     commands->items[i].name);
            write_fish_option(out, &option, condition);
            fputs(" -f\n", out);
        }
    }
    fputs("complete -c sluice -n __fish_use_subcommand -a help\n", out);
    for (size_t i = 0; i < count; i++) {
        const struct manual_option option = manual_option_of(&table[i]);
        write_fish_option(out, &option, "");
        fputs(values[values_of(&table[i])], out);
        if (words_of(&table[i]))
            fprintf(out, "'%s'", words_of(&table[i]));
        fputc('\n', out);
    }
}
