/* check: `sluice check`, which validates settings and all that they name without serving. */
#ifndef SLUICE_CHECK_H
#define SLUICE_CHECK_H

#include "config/subcommand.h"

enum { CHECK_OPTIONS = 1 };

/* Its own options. */
extern const struct subcommand_option check_options[CHECK_OPTIONS];

/* Validates the settings of CALL, and says that all is well, or what is wrong. A mistake that a
 * server only warns of, such as one in header rules, is a warning here, too. Returns the exit
 * status. */
int check_run(const struct subcommand_call *call);

#endif
