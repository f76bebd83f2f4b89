/* manual_shells: the shell completions; see manual.h. */
#include "config/manual.h"

#include "config/manual_parts.h"

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

/* How a shell completes values of one kind: the text before the words, if it is one of words, and
 * that after them. */
struct action {
    const char *before, *after;
};

static void write_action(FILE *out, const struct action *actions,
                         const struct manual_option *option)
{
    const struct action *action = &actions[option->values];
    fprintf(out, "%s%s%s", action->before, option->words, action->after);
}

static void write_names(const struct subcommand_table *commands, FILE *out)
{
    for (size_t i = 0; i < commands->count; i++)
        fprintf(out, "%s ", commands->items[i].name);
    fputs("help", out);
}

/* --- bash --------------------------------------------------------------------------------------- */

/* Writes a row of case that completes the value of OPTION; COMMAND has the option for itself, or is
 * "". A value that can be left out is completed after an equals sign only. */
static void write_bash_row(FILE *out, const char *command, const struct manual_option *option)
{
    static const struct action actions[] = {
        [MANUAL_VALUES_NONE] = {"", ""},
        [MANUAL_VALUES_FILES] = {"_sluice_paths -f; ", ""},
        [MANUAL_VALUES_DIRECTORIES] = {"_sluice_paths -d; ", ""},
        [MANUAL_VALUES_WORDS] = {"_sluice_words '", "'; "},
    };
    static_assert(COUNT_OF(actions) == MANUAL_VALUES_COUNT, "an action for each kind of values");
    const char *name = *command ? command : "*";
    if (!option->argument || option->optional)
        return;
    fprintf(out, "    %s' --%s'", name, option->name);
    if (option->letter)
        fprintf(out, " | %s' -%c'", name, option->letter);
    fputs(") ", out);
    write_action(out, actions, option);
    fputs("return ;;\n", out);
}

static void write_bash_rows(const struct subcommand_table *commands, FILE *out)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (size_t i = 0; i < commands->count; i++) {
        for (size_t k = 0; k < commands->items[i].option_count; k++) {
            const struct manual_option option = manual_option_own(&commands->items[i].options[k]);
            write_bash_row(out, commands->items[i].name, &option);
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct manual_option option = manual_option_of(&table[i]);
        write_bash_row(out, "", &option);
    }
}

/* Writes the assignments of OWN, the options of the command at hand. */
static void write_bash_own(const struct subcommand_table *commands, FILE *out)
{
    for (size_t i = 0; i < commands->count; i++) {
        const struct subcommand *command = &commands->items[i];
        if (command->option_count == 0)
            continue;
        fprintf(out, "    %s) own='", command->name);
        for (size_t k = 0; k < command->option_count; k++)
            fprintf(out, "--%s ", command->options[k].name);
        fputs("' ;;\n", out);
    }
}

void manual_write_bash(const struct subcommand_table *commands, FILE *out)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    fputs("# bash completion for sluice(1), made from its tables of options.\n"
          "_sluice_words()\n{\n    mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n}\n"
          "_sluice_paths()\n{\n    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
          "    compopt -o filenames 2>/dev/null\n}\n"
          "_sluice()\n{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    local command=${COMP_WORDS[1]} equals='' own='' names='",
          out);
    write_names(commands, out);
    fputs("'\n    COMPREPLY=()\n"
          "    # An equals sign is a word of its own.\n"
          "    if [[ $cur == '=' ]]; then\n        cur='' equals=1\n"
          "    elif [[ $prev == '=' ]]; then\n        prev=${COMP_WORDS[COMP_CWORD - 2]} equals=1\n"
          "    fi\n    case \"$command $prev\" in\n",
          out);
    write_bash_rows(commands, out);
    fputs("    esac\n    [[ $equals ]] && return\n    case $command in\n", out);
    write_bash_own(commands, out);
    fputs("    help)\n        ((COMP_CWORD == 2)) && _sluice_words \"$names\"\n"
          "        ((COMP_CWORD > 1)) && return\n        ;;\n"
          "    esac\n    if [[ $cur == -* ]]; then\n        _sluice_words \"$own",
          out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "--%s ", table[i].name);
    fputs("\"\n        return\n    fi\n    _sluice_paths -d\n"
          "    if ((COMP_CWORD == 1)); then\n"
          "        mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -W \"$names\" -- "
          "\"$cur\")\n    fi\n}\ncomplete -F _sluice sluice\n",
          out);
}

/* --- zsh ---------------------------------------------------------------------------------------- */

/* Writes what _arguments needs to know of the option's form NAME, such as "--port=". */
static void write_zsh_form(FILE *out, const struct manual_option *option, const char *name)
{
    static const struct action actions[] = {
        [MANUAL_VALUES_NONE] = {"", ""},
        [MANUAL_VALUES_FILES] = {"_files", ""},
        [MANUAL_VALUES_DIRECTORIES] = {"_files -/", ""},
        [MANUAL_VALUES_WORDS] = {"(", ")"},
    };
    static_assert(COUNT_OF(actions) == MANUAL_VALUES_COUNT, "an action for each kind of values");
    fprintf(out, "    '*%s[", name);
    write_quoted(out, sentence(option->help), "[]:\\");
    fputc(']', out);
    if (option->argument) {
        fputs(option->optional ? "::" : ":", out);
        write_quoted(out, str_of(option->argument), ":\\");
        fputc(':', out);
        write_action(out, actions, option);
    }
    fputs("'\n", out);
}

static void write_zsh_option(FILE *out, const struct manual_option *option)
{
    char form[64];
    const char *tail = !option->argument ? "" : option->optional ? "=-" : "=";
    snprintf(form, sizeof form, "--%s%s", option->name, tail);
    write_zsh_form(out, option, form);
    if (!option->letter)
        return;
    snprintf(form, sizeof form, "-%c%s", option->letter, option->argument ? "+" : "");
    write_zsh_form(out, option, form);
}

/* The names of the arrays must not be those of zshmodules(1), as "commands" and "options" are. */
void manual_write_zsh(const struct subcommand_table *commands, FILE *out)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    fputs("#compdef sluice\n# zsh completion for sluice(1), made from its tables of options.\n"
          "local -a sluice_commands sluice_options\nsluice_commands=(\n",
          out);
    for (size_t i = 0; i < commands->count; i++) {
        fprintf(out, "    '%s:", commands->items[i].name);
        write_quoted(out, sentence(commands->items[i].summary), ":\\");
        fputs("'\n", out);
    }
    fputs("    'help:Show this, or how a command is called'\n)\nsluice_options=(\n", out);
    for (size_t i = 0; i < count; i++) {
        const struct manual_option option = manual_option_of(&table[i]);
        write_zsh_option(out, &option);
    }
    fputs(")\ncase $words[2] in\n", out);
    for (size_t i = 0; i < commands->count; i++) {
        fprintf(out, "%s)\n    sluice_options+=(\n", commands->items[i].name);
        for (size_t k = 0; k < commands->items[i].option_count; k++) {
            const struct manual_option option = manual_option_own(&commands->items[i].options[k]);
            write_zsh_option(out, &option);
        }
        fputs("    )\n    ;;\n", out);
    }
    fputs("help)\n    _arguments '1: :' '2: :{_describe command sluice_commands}'\n    return\n"
          "    ;;\nesac\n"
          "_sluice_first() {\n    _describe command sluice_commands\n    _files -/\n}\n"
          "_arguments -s $sluice_options '1: :_sluice_first' '*: :_files -/'\n",
          out);
}

/* --- fish --------------------------------------------------------------------------------------- */

/* Writes the first sentence of TEXT as a description, within single quotes of fish. */
static void write_fish_description(FILE *out, const char *text)
{
    const struct str all = sentence(text);
    fputs(" -d '", out);
    for (size_t i = 0; i < all.length; i++) {
        if (all.at[i] == '\'' || all.at[i] == '\\')
            fputc('\\', out);
        fputc(all.at[i], out);
    }
    fputc('\'', out);
}

/* Writes an option for command lines on which CONDITION holds; "": all. */
static void write_fish_option(FILE *out, const struct manual_option *option, const char *condition)
{
    static const struct action actions[] = {
        [MANUAL_VALUES_NONE] = {" -f", ""},
        [MANUAL_VALUES_FILES] = {" -F", ""},
        [MANUAL_VALUES_DIRECTORIES] = {" -f -a '(__fish_complete_directories)'", ""},
        [MANUAL_VALUES_WORDS] = {" -f -a '", "'"},
    };
    static_assert(COUNT_OF(actions) == MANUAL_VALUES_COUNT, "an action for each kind of values");
    fprintf(out, "complete -c sluice%s", condition);
    if (option->letter)
        fprintf(out, " -s %c", option->letter);
    fprintf(out, " -l %s%s", option->name, option->argument && !option->optional ? " -r" : "");
    write_fish_description(out, option->help);
    write_action(out, actions, option);
    fputc('\n', out);
}

static void write_fish_command(FILE *out, const struct subcommand *command)
{
    char condition[96];
    fprintf(out, "complete -c sluice -n __fish_use_subcommand -a %s", command->name);
    write_fish_description(out, command->summary);
    fputc('\n', out);
    snprintf(condition, sizeof condition, " -n '__fish_seen_subcommand_from %s'", command->name);
    for (size_t i = 0; i < command->option_count; i++) {
        const struct manual_option option = manual_option_own(&command->options[i]);
        write_fish_option(out, &option, condition);
    }
}

void manual_write_fish(const struct subcommand_table *commands, FILE *out)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    fputs("# fish completion for sluice(1), made from its tables of options.\n"
          "complete -c sluice -n 'not __fish_seen_subcommand_from help' -f -a "
          "'(__fish_complete_directories)'\n",
          out);
    for (size_t i = 0; i < commands->count; i++)
        write_fish_command(out, &commands->items[i]);
    fputs("complete -c sluice -n __fish_use_subcommand -a help -d 'Show how a command is called'\n"
          "complete -c sluice -n '__fish_seen_subcommand_from help' -f -a '",
          out);
    write_names(commands, out);
    fputs("'\n", out);
    for (size_t i = 0; i < count; i++) {
        const struct manual_option option = manual_option_of(&table[i]);
        write_fish_option(out, &option, "");
    }
}
