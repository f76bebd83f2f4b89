/* admin_top: `sluice top`: a live view of a server, by its admin listener.
 *
 * On a terminal it shows a screen that is renewed until q, Ctrl-C or a signal ends it, and then
 * gives the terminal back as it was. Elsewhere, and where TERM is dumb, it prints one view. */
#ifndef SLUICE_ADMIN_TOP_H
#define SLUICE_ADMIN_TOP_H

#include "config/subcommand.h"

/* Its own options. */
extern const struct subcommand_option admin_top_options[1];

/* Returns the exit status. */
int admin_top_run(const struct subcommand_call *call);

#endif
