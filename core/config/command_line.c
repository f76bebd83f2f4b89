/* command_line: see command_line.h. */
#include "config/command_line.h"

#include "base/num.h"
#include "config/arguments.h"
#include "config/configuration.h"
#include "config/options.h"

#include <errno.h>
#include <stdio.h>

static bool is_port(const char *text, uint64_t *ret)
{
    return num_parse_u64(str_of(text), ret) && *ret <= UINT16_MAX;
}

/* Describes what is wrong with PORT and ROOT. */
static int refuse_positionals(const char *program, const char *port, const char *root,
                              struct problem *ret_problem)
{
    uint64_t number;
    if (!port) {
        problem_set(ret_problem, "PORT and ROOT are missing");
        problem_remedy(ret_problem, "give both: %s PORT ROOT", program);
    } else if (!root && is_port(port, &number)) {
        problem_set(ret_problem, "ROOT is missing");
        problem_remedy(ret_problem, "name a directory: %s %s ROOT", program, port);
    } else if (!root) {
        problem_set(ret_problem, "PORT or ROOT is missing");
        problem_remedy(ret_problem, "give both: %s PORT ROOT", program);
    } else if (is_port(port, &number)) {
        problem_set(ret_problem, "ROOT is empty");
        problem_remedy(ret_problem, "name the directory to serve");
    } else if (is_port(root, &number)) {
        problem_set(ret_problem, "PORT '%s' is not a number but ROOT '%s' is", port, root);
        problem_remedy(ret_problem, "did you swap the two?");
    } else {
        problem_set(ret_problem, "PORT '%s' is not a port", port);
        problem_remedy(ret_problem, "give a number from 0 (any free one) to 65535");
    }
    return -EINVAL;
}

static int no_memory(struct problem *ret_problem)
{
    problem_set_no_memory(ret_problem);
    return -ENOMEM;
}

/* PORT ROOT [options]. */
static int set_port_and_root(const struct command_line *line, const struct arguments *arguments,
                             struct settings *settings, struct problem *ret_problem)
{
    struct listener_settings *listener = settings->listeners[0];
    struct site_settings *site = settings->sites[0];
    const char *port = arguments->positionals[0], *root = arguments->positionals[1];
    uint64_t number;
    int error = 0;
    for (unsigned i = 0; !error && i < arguments->options.count; i++)
        error = settings_set_all(settings, listener, &arguments->options.items[i], ret_problem);
    if (error)
        return error;
    if (!port || !root || !is_port(port, &number) || *root == '\0')
        return refuse_positionals(line->program, port, root, ret_problem);
    listener->port = (uint16_t)number;
    site->root_text = arena_copy(&settings->arena, str_of(root));
    if (!site->root_text.at)
        return no_memory(ret_problem);
    return settings_complete_listener(settings, listener, ret_problem);
}

/* Notes that options for a log were set, if no site has one. 0 or -ENOMEM. */
static int note_missing_log(struct settings *settings)
{
    static const char *const names[] = {"log-format", "log-query", "log-exclude"};
    char text[128];
    for (unsigned i = 0; i < settings->site_count; i++) {
        if (settings->sites[i]->access_log.at)
            return 0;
    }
    for (size_t i = 0; i < COUNT_OF(names) * settings->site_count; i++) {
        const char *name = names[i % COUNT_OF(names)];
        const struct site_settings *site = settings->sites[i / COUNT_OF(names)];
        if (settings_source(settings, site, option_find(str_of(name))) == SETTING_DEFAULT)
            continue;
        snprintf(text, sizeof text, "%s has no effect: no access log is set; add access-log", name);
        return arena_list_append(&settings->notices, &settings->arena, str_of(text));
    }
    return 0;
}

int command_line_parse(const struct command_line *line, struct settings *settings,
                       enum command *ret, struct problem *ret_problem)
{
    struct arguments arguments;
    const bool configured = line->form == PROFILE_CONFIGURED;
    if (!settings_add_listener(settings) || (!configured && !settings_add_site(settings)))
        return no_memory(ret_problem);
    int error = arguments_split(line, &settings->arena, &arguments, ret_problem);
    const struct subcommand *subcommand = line->call ? line->call->subcommand : NULL;
    arguments.inherited = line->inherited;
    if (!error && subcommand && subcommand->reports_all && arguments.command != COMMAND_PRINT) {
        settings->problems = arena_alloc(&settings->arena, sizeof *settings->problems);
        if (!settings->problems)
            return no_memory(ret_problem);
    }
    const bool helps = arguments.command == COMMAND_HELP || arguments.command == COMMAND_VERSION;
    if (!error && !helps && (!subcommand || subcommand->takes_settings))
        error = configured
                    ? configuration_make(settings, &arguments, line->environment, ret_problem)
                    : set_port_and_root(line, &arguments, settings, ret_problem);
    if (!error && note_missing_log(settings) < 0)
        return no_memory(ret_problem);
    if (!error)
        *ret = arguments.command;
    return error;
}
