/* command_line: see command_line.h. */
#include "config/command_line.h"

#include "base/num.h"
#include "config/options.h"

#include <errno.h>

struct parse {
    const struct command_line *line;
    struct settings *settings;
    struct listener_settings *listener;
    struct site_settings *site;
    const char *positionals[2]; /* PORT, ROOT */
    unsigned positional_count;
    int next; /* index of the next argument */
    enum command command;
    struct problem *problem;
};

/* The option that ARGUMENT names, "--name", "--name=value" or "-n". NULL: none. */
static const struct option_spec *find(const char *argument)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    struct str all = str_of(argument);
    if (str_starts_with(all, STR("--")))
        return option_find(str_from(str_first(all, str_find(all, '=')), 2));
    for (size_t i = 0; all.length == 2 && i < count; i++) {
        if (table[i].letter && argument[1] == table[i].letter)
            return &table[i];
    }
    return NULL;
}

static int refuse_unknown(const struct parse *parse, const char *argument)
{
    struct str name = str_from(str_of(argument), strspn(argument, "-"));
    size_t shown = str_find(str_of(argument), '=');
    const struct option_spec *meant = option_nearest(str_first(name, str_find(name, '=')));
    problem_set(parse->problem, "unknown option '%.*s'", (int)shown, argument);
    if (meant)
        problem_remedy(parse->problem, "did you mean '--%s'? (--help lists all)", meant->name);
    else
        problem_remedy(parse->problem, "--help lists all");
    return -EINVAL;
}

static int set(const struct parse *parse, const struct option_spec *option, const char *text)
{
    void *const scopes[] = {
        [OPTION_SCOPE_PROCESS] = &parse->settings->process,
        [OPTION_SCOPE_LISTENER] = parse->listener,
        [OPTION_SCOPE_SITE] = parse->site,
    };
    static_assert(COUNT_OF(scopes) == OPTION_SCOPE_COUNT, "one struct a scope");
    const struct setting setting = {
        .option = option,
        .scope = scopes[option->scope],
        .text = text,
        .source = SETTING_COMMAND_LINE,
    };
    return settings_set(parse->settings, &setting, parse->problem);
}

/* Takes ARGUMENT, an option, whose value may be the next argument. */
static int take_option(struct parse *parse, const char *argument)
{
    const struct option_spec *option = find(argument);
    const char *value = strchr(argument, '=');
    if (!option)
        return refuse_unknown(parse, argument);
    if (!option->argument && value) {
        problem_set(parse->problem, "takes no value");
        problem_remedy(parse->problem, "remove '%s'", value);
        problem_of_option(parse->problem, option->name);
        return -EINVAL;
    }
    if (option->scope == OPTION_SCOPE_NONE) {
        parse->command = option->kind == OPTION_KIND_HELP ? COMMAND_HELP : COMMAND_VERSION;
        return 0;
    }
    if (value)
        value++;
    else if (option->implied)
        value = option->implied;
    else if (option->argument && parse->next < parse->line->argc)
        value = parse->line->argv[parse->next++];
    if (value || !option->argument)
        return set(parse, option, value);
    problem_set(parse->problem, "needs a value");
    problem_remedy(parse->problem, "give it as --%s=%s", option->name, option->argument);
    problem_of_option(parse->problem, option->name);
    return -EINVAL;
}

static int take_positional(struct parse *parse, const char *argument)
{
    if (parse->positional_count < COUNT_OF(parse->positionals)) {
        parse->positionals[parse->positional_count++] = argument;
        return 0;
    }
    problem_set(parse->problem, "'%s' is one argument too many", argument);
    problem_remedy(parse->problem, "give PORT and ROOT only, and quote a ROOT that has spaces");
    return -EINVAL;
}

static bool is_port(const char *text, uint64_t *ret)
{
    return num_parse_u64(str_of(text), ret) && *ret <= UINT16_MAX;
}

/* Describes what is wrong with PORT and ROOT. */
static int refuse_positionals(const struct parse *parse)
{
    const char *port = parse->positionals[0], *root = parse->positionals[1];
    const char *program = parse->line->program;
    struct problem *problem = parse->problem;
    uint64_t number;
    if (!port) {
        problem_set(problem, "PORT and ROOT are missing");
        problem_remedy(problem, "give both: %s PORT ROOT", program);
    } else if (!root && is_port(port, &number)) {
        problem_set(problem, "ROOT is missing");
        problem_remedy(problem, "name a directory: %s %s ROOT", program, port);
    } else if (!root) {
        problem_set(problem, "PORT or ROOT is missing");
        problem_remedy(problem, "give both: %s PORT ROOT", program);
    } else if (is_port(port, &number)) {
        problem_set(problem, "ROOT is empty");
        problem_remedy(problem, "name the directory to serve");
    } else if (is_port(root, &number)) {
        problem_set(problem, "PORT '%s' is not a number but ROOT '%s' is", port, root);
        problem_remedy(problem, "did you swap the two?");
    } else {
        problem_set(problem, "PORT '%s' is not a port", port);
        problem_remedy(problem, "give a number from 0 (any free one) to 65535");
    }
    return -EINVAL;
}

static int set_port_and_root(const struct parse *parse)
{
    const char *port = parse->positionals[0], *root = parse->positionals[1];
    uint64_t number;
    if (!port || !root || !is_port(port, &number) || *root == '\0')
        return refuse_positionals(parse);
    parse->listener->port = (uint16_t)number;
    parse->site->root_text = arena_copy(&parse->settings->arena, str_of(root));
    if (parse->site->root_text.at)
        return 0;
    problem_set_no_memory(parse->problem);
    return -ENOMEM;
}

static int take_arguments(struct parse *parse)
{
    bool options_ended = false;
    int error = 0;
    while (!error && parse->command == COMMAND_SERVE && parse->next < parse->line->argc) {
        const char *argument = parse->line->argv[parse->next++];
        bool dashed = argument[0] == '-' && argument[1] != '\0' && !char_is_digit(argument[1]);
        if (!dashed || options_ended)
            error = take_positional(parse, argument);
        else if (strcmp(argument, "--") == 0)
            options_ended = true;
        else
            error = take_option(parse, argument);
    }
    return error;
}

int command_line_parse(const struct command_line *line, struct settings *settings,
                       enum command *ret, struct problem *ret_problem)
{
    struct parse parse = {
        .line = line,
        .settings = settings,
        .listener = settings_add_listener(settings),
        .site = settings_add_site(settings),
        .next = 1,
        .command = COMMAND_SERVE,
        .problem = ret_problem,
    };
    if (!parse.listener || !parse.site) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    int error = take_arguments(&parse);
    if (!error && parse.command == COMMAND_SERVE)
        error = set_port_and_root(&parse);
    if (!error && parse.command == COMMAND_SERVE)
        error = settings_complete_listener(settings, parse.listener, ret_problem);
    if (!error)
        *ret = parse.command;
    return error;
}
