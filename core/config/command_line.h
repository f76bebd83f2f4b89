/* command_line: a command line as settings, by the form that the program has: PORT ROOT [options]
 * as one listener and one site; or [ROOT] [options], with a configuration file and the environment
 * (configuration.h).
 *
 * Owns nothing; all text is copied into the settings. Prints nothing. */
#ifndef SLUICE_COMMAND_LINE_H
#define SLUICE_COMMAND_LINE_H

#include "config/profile.h"
#include "config/settings.h"
#include "system/inherited.h"

enum command {
    COMMAND_SERVE,
    COMMAND_HELP,    /* --help was found first: the rest was not read */
    COMMAND_VERSION, /* --version likewise */
    COMMAND_PRINT,   /* show the settings */
    COMMAND_SUBCOMMAND,
};

struct command_line {
    const char *program; /* for messages */
    int argc;            /* as main has them; argv[0] is ignored */
    char *const *argv;
    enum profile_form form;
    /* Sockets that the process was started with, where a program of PROFILE_CONFIGURED listens if
     * nothing says where. NULL: none. *Borrowed* */
    const struct inherited *inherited;
    char *const *environment;     /* as environ(7); NULL: none. For PROFILE_CONFIGURED only */
    struct subcommand_call *call; /* its profile has the table of subcommands; NULL: none */
};

/* Adds a listener and a site, or more of them, to SETTINGS, which have none, and sets what LINE
 * says. A subcommand is described in LINE's call, also on failure and if its help is asked for.
 * Returns 0 with *RET set; or -EINVAL or -ENOMEM, or the error of reading a configuration file,
 * with *RET_PROBLEM set. */
int command_line_parse(const struct command_line *line, struct settings *settings,
                       enum command *ret, struct problem *ret_problem);

#endif
