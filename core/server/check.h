/* check: `sluice check`, which validates settings and all that they name without serving. */
#ifndef SLUICE_CHECK_H
#define SLUICE_CHECK_H

#include "config/subcommand.h"

/* Validates the settings of CALL, and says that all is well, or what is wrong. Returns the exit
 * status. */
int check_run(const struct subcommand_call *call);

#endif
