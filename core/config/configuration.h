/* configuration: settings from a command line, the environment, a file and the defaults: each value
 * from the first of these that has it.
 *
 * Without a file there is one site: ROOT, by default the current directory, on port 8080, for this
 * machine only unless an option says where to listen. May use everything in config. Prints
 * nothing. */
#ifndef SLUICE_CONFIGURATION_H
#define SLUICE_CONFIGURATION_H

#include "config/arguments.h"

#define CONFIGURATION_PORT "8080"

/* Completes SETTINGS, which have one listener and no site, by ARGUMENTS and the variables of
 * ENVIRONMENT (environ(7); NULL: none). Returns 0, or a negative errno with *RET_PROBLEM set:
 * -EINVAL for a mistake. If SETTINGS have a list of problems, mistakes go there. */
int configuration_make(struct settings *settings, const struct arguments *arguments,
                       char *const *environment, struct problem *ret_problem);

#endif
