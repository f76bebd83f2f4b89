/* environment: the options in environment variables: "SLUICE_THREADS" is --threads.
 *
 * A name is that of the option in capitals, with an underscore for each hyphen. A flag has the
 * value yes or no (also true, false, 1, 0). A variable can hold one value of a repeatable option.
 * An empty variable counts as not set: compose files and unit files cannot leave one out. Each
 * other variable with the same prefix gets a notice that it has no effect; but those that
 * Kubernetes makes for a Service called sluice (a port that is a URL, a service's host) get one
 * notice together. Text is *borrowed* from the environment. */
#ifndef SLUICE_ENVIRONMENT_H
#define SLUICE_ENVIRONMENT_H

#include "config/options.h"
#include "config/settings.h"

enum { ENVIRONMENT_NAME_BYTES = 48 };

/* Writes the variable of OPTION, and a NUL, at TO. */
void environment_name(const struct option_spec *option, char to[static ENVIRONMENT_NAME_BYTES]);

/* The value of --config in VARIABLES, as environ(7). NULL: not set. */
const char *environment_config(char *const *variables);

/* Sets what VARIABLES say in SETTINGS, in LISTENER and in all sites, and adds notices. Returns 0,
 * or -EINVAL or -ENOMEM with *RET_PROBLEM set. */
int environment_apply(char *const *variables, struct settings *settings,
                      struct listener_settings *listener, struct problem *ret_problem);

#endif
