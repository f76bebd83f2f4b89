/* precompress: `sluice precompress`: makes compressed siblings beside the files of one site, or of
 * all sites of a configuration.
 *
 * Reads its options, and works on one site after the other (precompress_work.h). */
#ifndef SLUICE_PRECOMPRESS_H
#define SLUICE_PRECOMPRESS_H

#include "config/subcommand.h"

enum { PRECOMPRESS_OPTIONS = 7 };

extern const struct subcommand_option precompress_options[PRECOMPRESS_OPTIONS];

/* Returns the exit status: 0; 1 if anything failed; 2 for a mistake on the command line or in the
 * settings; 128 and the number of the signal that ended it. */
int precompress_run(const struct subcommand_call *call);

#endif
