/* subcommands: those of the program sluice, a row each. Add a new one in subcommands.c; the format
 * of a row is in config/subcommand.h. */
#ifndef SLUICE_SUBCOMMANDS_H
#define SLUICE_SUBCOMMANDS_H

#include "config/subcommand.h"

enum { SUBCOMMANDS_COUNT = 5 };

/* In the order of help. Static. */
extern const struct subcommand subcommands[SUBCOMMANDS_COUNT];

#endif
