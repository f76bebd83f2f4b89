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
    return found && found->of_sluice && !is_configured(split) ? NULL : found;
}

static int refuse_unknown(const struct split *split, const char *argument)
{
    struct str name = str_from(str_of(argument), strspn(argument, "-"));
    size_t shown = str_find(str_of(argument), '=');
    const struct option_spec *meant = option_nearest(str_first(name, str_find(name, '=')));
    problem_set(split->problem, "unknown option '%.*s'", (int)shown, argument);
    if (meant && meant->of_sluice && !is_configured(split))
        problem_remedy(split->problem, "the program sluice has '--%s' (--help lists all of %s)",
                       meant->name, split->line->program);
    else if (meant)
        problem_remedy(split->problem, "did you mean '--%s'? (--help lists all)", meant->name);
    else
        problem_remedy(split->problem, "--help lists all");
    return -EINVAL;
}

static int refuse(const struct split *split, const struct option_spec *option, const char *what)
{
    problem_set(split->problem, "%s", what);
    problem_of_option(split->problem, option->name);
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

/* Takes ARGUMENT, an option, whose value may be the next argument. */
static int take_option(struct split *split, const char *argument)
{
    const struct option_spec *option = find(split, argument);
    const char *value = strchr(argument, '=');
    if (!option)
        return refuse_unknown(split, argument);
    if (!option->argument && value) {
        int error = refuse(split, option, "takes no value");
        problem_remedy(split->problem, "remove '%s'", value);
        return error;
    }
    if (value)
        value++;
    else if (option->implied)
        value = option->implied;
    else if (option->argument && split->next < split->line->argc)
        value = split->line->argv[split->next++];
    if (value || !option->argument)
        return keep(split, option, value);
    int error = refuse(split, option, "needs a value");
    problem_remedy(split->problem, "give it as --%s=%s", option->name, option->argument);
    return error;
}

static int take_positional(struct split *split, const char *argument)
{
    struct arguments *arguments = split->arguments;
    const unsigned most = is_configured(split) ? 1 : COUNT_OF(arguments->positionals);
    if (arguments->positional_count < most) {
        arguments->positionals[arguments->positional_count++] = argument;
        return 0;
    }
    problem_set(split->problem, "'%s' is one argument too many", argument);
    problem_remedy(split->problem, "give %s only, and quote a ROOT that has spaces",
                   is_configured(split) ? "ROOT" : "PORT and ROOT");
    return -EINVAL;
}

/* Takes a word at the front that says what to do. */
static void take_command(struct split *split)
{
    const struct command_line *line = split->line;
    if (!is_configured(split) || line->argc < 2)
        return;
    const bool check = strcmp(line->argv[1], "check") == 0;
    const bool help = strcmp(line->argv[1], "help") == 0;
    if (check)
        split->arguments->command = COMMAND_CHECK;
    if (help)
        split->arguments->command = COMMAND_HELP;
    split->done = help;
    split->next += check || help;
}

int arguments_split(const struct command_line *line, struct arena *arena, struct arguments *ret,
                    struct problem *ret_problem)
{
    bool options_ended = false;
    int error = 0;
    *ret = (struct arguments){.command = COMMAND_SERVE};
    struct split split = {
        .line = line, .arena = arena, .arguments = ret, .next = 1, .problem = ret_problem};
    take_command(&split);
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
    return error;
}
