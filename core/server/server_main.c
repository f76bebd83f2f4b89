/* server_main: from main's arguments to a server that serves, or to the answer to --help and its
 * like; see server.h. */
#include "base/version.h"
#include "config/options.h"
#include "config/settings_print.h"
#include "observe/log.h"
#include "observe/trace.h"
#include "server/process.h"
#include "server/server_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Answers --help, --version and --print-config. */
static int show(const struct subcommand_call *call, enum command command)
{
    const struct profile *profile = call->profile;
    if (command == COMMAND_HELP && call->subcommand)
        options_help_subcommand(profile, call->subcommand, stdout);
    else if (command == COMMAND_HELP)
        options_help(profile, stdout);
    else if (command == COMMAND_PRINT)
        settings_print(call->settings, stdout);
    else
        printf("%s (Sluice) %s\n" SLUICE_LICENCE "\n", profile->name, SLUICE_VERSION);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return SERVER_STATUS_DONE;
    log_write(LOG_LEVEL_ERROR, "cannot write to standard output: %s; redirect it", strerror(errno));
    return SERVER_STATUS_FAILED;
}

/* Does COMMAND, which CALL is made for. Returns the exit status. */
static int execute(const struct subcommand_call *call, enum command command,
                   const struct server_start *start)
{
    /* check reports each warning, whatever the level of the log. */
    if (command != COMMAND_SUBCOMMAND || !call->subcommand->reports_all)
        log_set_level(call->settings->process.log_level);
    for (unsigned i = 0; i < call->settings->notices.count; i++)
        log_write(LOG_LEVEL_WARNING, "%s", call->settings->notices.items[i]);
    if (command == COMMAND_SERVE)
        return server_serve(start);
    return command == COMMAND_SUBCOMMAND ? call->subcommand->run(call) : show(call, command);
}

/* The exit status for ERROR in a command line or in settings. */
static int status_of(const struct subcommand_call *call, int error)
{
    if (error != -EINVAL)
        return SERVER_STATUS_FAILED;
    return call->subcommand ? call->subcommand->status_if_refused : SERVER_STATUS_USAGE;
}

int server_main(const struct profile *profile, int argc, char **argv)
{
    struct subcommand_call call = {.profile = profile};
    struct inherited inherited = {.count = 0};
    const struct command_line line = {
        .program = profile->name,
        .argc = argc,
        .argv = argv,
        .form = profile->form,
        .environment = environ,
        .inherited = &inherited,
        .call = &call,
    };
    struct problem problem;
    struct signals signals = {.fd = -1};
    enum command command = COMMAND_SERVE;
    if (argc < 2 || !subcommand_find(&profile->subcommands, argv[1]))
        signals_begin(&signals); /* in a subcommand, signals have their usual effect */
    process_fill_standard_descriptors();
    trace_catch_crashes();
    log_open(profile->name);
    struct settings *settings = call.settings = settings_create();
    int error = settings ? inherited_read(&inherited, environ, &problem) : -ENOMEM;
    if (!settings)
        problem_set_no_memory(&problem);
    if (!error)
        error = command_line_parse(&line, settings, &command, &problem);
    if (error)
        log_problem(&problem);
    const struct server_start start = {profile, settings, &line, &inherited, &signals};
    const int status = error ? status_of(&call, error) : execute(&call, command, &start);
    inherited_fini(&inherited);
    settings_unref(settings);
    return status;
}
