/* command_line: PROGRAM PORT ROOT [options] as settings: one listener and one site.
 *
 * Owns nothing; all text is copied into the settings. Options and arguments may be mixed, "--"
 * ends the options, a value follows its option or an '='. Conventions: POSIX.1-2017 XBD 12.2,
 * and GNU's long options. Prints nothing. */
#ifndef SLUICE_COMMAND_LINE_H
#define SLUICE_COMMAND_LINE_H

#include "config/settings.h"

enum command {
    COMMAND_SERVE,
    COMMAND_HELP,    /* --help was found first: the rest was not read */
    COMMAND_VERSION, /* --version likewise */
};

struct command_line {
    const char *program; /* for messages */
    int argc;            /* as main has them; argv[0] is ignored */
    char *const *argv;
};

/* Adds a listener and a site to SETTINGS, which have none, and sets what LINE says. Returns 0
 * with *RET set, or -EINVAL or -ENOMEM with *RET_PROBLEM set. */
int command_line_parse(const struct command_line *line, struct settings *settings,
                       enum command *ret, struct problem *ret_problem);

#endif
