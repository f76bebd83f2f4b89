/* precompress: `sluice precompress`: makes compressed siblings beside the files of a site.
 *
 * Several threads take files from one walk and make their siblings. A failure of one file does not
 * stop the others. A signal that would end the process ends it once the temporary files are
 * removed. */
#ifndef SLUICE_PRECOMPRESS_H
#define SLUICE_PRECOMPRESS_H

#include "config/subcommand.h"

enum { PRECOMPRESS_OPTIONS = 7 };

extern const struct subcommand_option precompress_options[PRECOMPRESS_OPTIONS];

/* Returns the exit status: 0; 1 if anything failed; 2 for a mistake on the command line; 128 and
 * the number of the signal that ended it. */
int precompress_run(const struct subcommand_call *call);

#endif
