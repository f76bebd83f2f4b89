/* arguments: splits a command line into options with their values, and other arguments.
 *
 * Options and arguments may be mixed, "--" ends the options. A value follows its option, or an '=',
 * or the letter of a short option. Conventions: POSIX.1-2017 XBD 12.2, and GNU's long options.
 * Values are not parsed here. All text is *borrowed* from argv. */
#ifndef SLUICE_ARGUMENTS_H
#define SLUICE_ARGUMENTS_H

#include "config/command_line.h"

struct arguments {
    enum command command;
    struct setting_list options;                             /* in order, without a scope */
    const char *positionals[1 + SUBCOMMAND_POSITIONALS_MAX]; /* of a subcommand: without its own */
    unsigned positional_count;
    const struct inherited *inherited; /* see command_line.h */
    const char *config_path;           /* of --config; NULL: not given */
};

/* Splits LINE; lists are in ARENA. Returns 0, or -EINVAL or -ENOMEM with *RET_PROBLEM set. */
int arguments_split(const struct command_line *line, struct arena *arena, struct arguments *ret,
                    struct problem *ret_problem);

#endif
