/* admin_healthcheck: `sluice healthcheck`: asks the admin listener whether the server is healthy,
 * for containers, which have neither a shell nor curl. */
#ifndef SLUICE_ADMIN_HEALTHCHECK_H
#define SLUICE_ADMIN_HEALTHCHECK_H

#include "config/subcommand.h"

/* Its own options. */
extern const struct subcommand_option admin_healthcheck_options[1];

/* Returns the exit status: 0 healthy; 1 not, with one line on standard error. */
int admin_healthcheck_run(const struct subcommand_call *call);

#endif
