/* arguments: see arguments.h. */
#include "config/arguments.h"

#include "config/options.h"

#include <errno.h>

struct split {
    const struct command_line *line;
    struct arena *arena;
    struct arguments *arguments;
    int next;  /* index of the next argument */
    bool done; /* the rest is not read */
    struct problem *problem;
};

static bool is_configured(const struct split *split)
{
    return split->line->form == PROFILE_CONFIGURED;
}

static const struct subcommand *subcommand_of(const struct split *split)
{
    return split->line->call ? split->line->call->subcommand : NULL;
}

/* Whether the options of the server are taken. */
static bool takes_settings(const struct split *split)
{
    return !subcommand_of(split) || subcommand_of(split)->takes_settings;
}

/* The option that ARGUMENT names, "--name", "--name=value" or "-n". NULL: none. */
static const struct option_spec *find(const struct split *split, const char *argument)
{
    size_t count;
    const struct option_spec *table = options_table(&count), *found = NULL;
    struct str all = str_of(argument);
    if (str_starts_with(all, STR("--")))
        found = option_find(str_from(str_first(all, str_find(all, '=')), 2));
    for (size_t i = 0; !found && all.length == 2 && i < count; i++) {
        if (table[i].letter && argument[1] == table[i].letter)
            found = &table[i];
    }
    if (found && found->of_sluice && !is_configured(split))
        return NULL;
    return found && found->kind != OPTION_KIND_HELP && !takes_settings(split) ? NULL : found;
}

static int refuse_unknown(const struct split *split, const char *argument)
{
    struct str name = str_from(str_of(argument), strspn(argument, "-"));
    size_t shown = str_find(str_of(argument), '=');
    name = str_first(name, str_find(name, '='));
    const struct subcommand *subcommand = subcommand_of(split);
    const struct option_spec *meant = option_nearest(name);
    const struct subcommand_option *own = subcommand ? option_nearest_own(subcommand, name) : NULL;
    problem_set(split->problem, "unknown option '%.*s'", (int)shown, argument);
    if (own)
        problem_remedy(split->problem, "did you mean '--%s'? (%s help %s lists all)", own->name,
                       split->line->program, subcommand->name);
    else if (subcommand && !subcommand->takes_settings)
        problem_remedy(split->problem, "%s help %s lists all", split->line->program,
                       subcommand->name);
    else if (meant && meant->of_sluice && !is_configured(split))
        problem_remedy(split->problem, "the program sluice has '--%s' (--help lists all of %s)",
                       meant->name, split->line->program);
    else if (meant)
        problem_remedy(split->problem, "did you mean '--%s'? (--help lists all)", meant->name);
    else
        problem_remedy(split->problem, "--help lists all");
    return -EINVAL;
}

static int refuse(const struct split *split, const char *option, const char *what)
{
    problem_set(split->problem, "%s", what);
    problem_of_option(split->problem, option);
    return -EINVAL;
}

/* Keeps OPTION and its VALUE, which may be NULL. 0 or a negative errno. */
static int keep(struct split *split, const struct option_spec *option, const char *value)
{
    const struct setting setting = {
        .option = option,
        .text = value,
        .source = SETTING_COMMAND_LINE,
    };
    switch (option->kind) {
    case OPTION_KIND_HELP:
    case OPTION_KIND_VERSION:
        split->arguments->command =
            option->kind == OPTION_KIND_HELP ? COMMAND_HELP : COMMAND_VERSION;
        split->done = true;
        return 0;
    case OPTION_KIND_PRINT:
        split->arguments->command = COMMAND_PRINT;
        return 0;
    case OPTION_KIND_CONFIG:
        split->arguments->config_path = value;
        return 0;
    default:
        break;
    }
    if (setting_list_append(&split->arguments->options, split->arena, &setting) == 0)
        return 0;
    problem_set_no_memory(split->problem);
    return -ENOMEM;
}

/* How the value of an option is given. */
struct value_form {
    const char *name;
    const char *argument; /* its placeholder; NULL: it takes none */
    const char *implied;  /* the value if none is given; NULL: the next argument is */
};

/* Finds the value for an option of FORM: ATTACHED, if that is not NULL; *RET is NULL if it takes
 * none. */
static int take_value(struct split *split, const char *attached, const struct value_form *form,
                      const char **ret)
{
    const char *value = attached;
    if (!form->argument && attached) {
        int error = refuse(split, form->name, "takes no value");
        problem_remedy(split->problem, "remove '=%s'", attached);
        return error;
    }
    if (!value && form->implied)
        value = form->implied;
    else if (!value && form->argument && split->next < split->line->argc)
        value = split->line->argv[split->next++];
    if (value || !form->argument) {
        *ret = value;
        return 0;
    }
    int error = refuse(split, form->name, "needs a value");
    problem_remedy(split->problem, "give it as --%s=%s", form->name, form->argument);
    return error;
}

/* Keeps OPTION of the subcommand and its VALUE, which may be NULL. 0 or a negative errno. */
static int keep_own(struct split *split, const struct subcommand_option *option, const char *value)
{
    struct subcommand_call *call = split->line->call;
    if (call->value_count == COUNT_OF(call->values)) {
        int error = refuse(split, option->name, "is one option too many");
        problem_remedy(split->problem, "give at most %zu options of %s", COUNT_OF(call->values),
                       call->subcommand->name);
        return error;
    }
    call->values[call->value_count++] =
        (struct subcommand_value){.option = option, .text = value ? value : ""};
    return 0;
}

/* An option that an argument names: of the subcommand, or of the table. */
struct named {
    const struct subcommand_option *own;
    const struct option_spec *option; /* NULL, as OWN: no option has the name */
    struct value_form form;
};

/* Finds the option NAME, as find. */
static struct named find_named(const struct split *split, const char *name)
{
    const struct subcommand *subcommand = subcommand_of(split);
    const struct subcommand_option *own =
        subcommand ? subcommand_option_find(subcommand, name) : NULL;
    const struct option_spec *option = own ? NULL : find(split, name);
    struct named named = {.own = own, .option = option};
    if (own)
        named.form = (struct value_form){own->name, own->argument, NULL};
    else if (option)
        named.form = (struct value_form){option->name, option->argument, option->implied};
    return named;
}

/* Takes NAMED, with the value ATTACHED, or with the next argument if that is NULL. */
static int take_named(struct split *split, const struct named *named, const char *attached)
{
    const char *value = NULL;
    int error = take_value(split, attached, &named->form, &value);
    if (error)
        return error;
    return named->own ? keep_own(split, named->own, value) : keep(split, named->option, value);
}

/* Takes ARGUMENT, options by their letters, as getopt(3): "-p 80", "-p80", "-hV". But the name of a
 * long option with one hyphen too few is refused. */
static int take_letters(struct split *split, const char *argument)
{
    const struct str word = str_of(argument + 1);
    int error = 0;
    if (word.length > 1 && option_find(str_first(word, str_find(word, '='))))
        return refuse_unknown(split, argument);
    for (const char *at = word.at; !error && !split->done && *at; at++) {
        const char name[] = {'-', *at, '\0'};
        const struct named named = find_named(split, name);
        const char *rest = at[1] ? at + 1 : NULL;
        if (!named.form.name)
            return refuse_unknown(split, argument);
        if (named.form.argument)
            return take_named(split, &named, rest);
        error = take_named(split, &named, NULL);
    }
    return error;
}

/* Takes ARGUMENT, an option, whose value may be the next argument. */
static int take_option(struct split *split, const char *argument)
{
    if (argument[1] != '-')
        return take_letters(split, argument);
    const struct named named = find_named(split, argument);
    const char *equals = strchr(argument, '=');
    if (!named.form.name)
        return refuse_unknown(split, argument);
    return take_named(split, &named, equals ? equals + 1 : NULL);
}

/* How many arguments that are not options the command line can have. */
static unsigned most_positionals(const struct split *split)
{
    const struct subcommand *subcommand = subcommand_of(split);
    const unsigned own = subcommand ? subcommand->positionals : 0;
    if (!is_configured(split))
        return 2; /* PORT and ROOT */
    return own + (takes_settings(split) ? 1 : 0);
}

static int take_positional(struct split *split, const char *argument)
{
    struct arguments *arguments = split->arguments;
    if (arguments->positional_count < most_positionals(split)) {
        arguments->positionals[arguments->positional_count++] = argument;
        return 0;
    }
    problem_set(split->problem, "'%s' is one argument too many", argument);
    if (subcommand_of(split))
        problem_remedy(split->problem, "%s help %s shows how it is called", split->line->program,
                       subcommand_of(split)->name);
    else
        problem_remedy(split->problem, "give %s only, and quote a ROOT that has spaces",
                       is_configured(split) ? "ROOT" : "PORT and ROOT");
    return -EINVAL;
}

/* Gives the subcommand its own arguments, which are the last ones. */
static void give_positionals(struct split *split)
{
    struct arguments *arguments = split->arguments;
    struct subcommand_call *call = split->line->call;
    const unsigned own = call->subcommand->positionals;
    const unsigned count = arguments->positional_count;
    const unsigned first = count > own ? count - own : 0;
    for (unsigned i = first; i < count; i++) {
        call->positionals[i - first] = arguments->positionals[i];
        arguments->positionals[i] = NULL;
    }
    arguments->positional_count = first;
}

/* Takes the word after `help`, if there is one. */
static int take_topic(struct split *split)
{
    const struct command_line *line = split->line;
    split->arguments->command = COMMAND_HELP;
    split->done = true;
    if (line->argc < 3 || line->argv[2][0] == '-')
        return 0;
    if (line->call)
        line->call->subcommand = subcommand_find(&line->call->profile->subcommands, line->argv[2]);
    if (line->call && line->call->subcommand)
        return 0;
    problem_set(split->problem, "'%s' is not a command", line->argv[2]);
    problem_remedy(split->problem, "%s help lists all", line->program);
    return -EINVAL;
}

/* Takes a word at the front that says what to do. */
static int take_command(struct split *split)
{
    const struct command_line *line = split->line;
    if (!is_configured(split) || line->argc < 2)
        return 0;
    if (strcmp(line->argv[1], "help") == 0)
        return take_topic(split);
    if (!line->call)
        return 0;
    line->call->subcommand = subcommand_find(&line->call->profile->subcommands, line->argv[1]);
    if (line->call->subcommand) {
        split->arguments->command = COMMAND_SUBCOMMAND;
        split->next++;
    }
    return 0;
}

int arguments_split(const struct command_line *line, struct arena *arena, struct arguments *ret,
                    struct problem *ret_problem)
{
    bool options_ended = false;
    *ret = (struct arguments){.command = COMMAND_SERVE};
    struct split split = {
        .line = line, .arena = arena, .arguments = ret, .next = 1, .problem = ret_problem};
    int error = take_command(&split);
    while (!error && !split.done && split.next < line->argc) {
        const char *argument = line->argv[split.next++];
        bool dashed = argument[0] == '-' && argument[1] != '\0' && !char_is_digit(argument[1]);
        if (!dashed || options_ended)
            error = take_positional(&split, argument);
        else if (strcmp(argument, "--") == 0)
            options_ended = true;
        else
            error = take_option(&split, argument);
    }
    if (!error && subcommand_of(&split))
        give_positionals(&split);
    return error;
}
