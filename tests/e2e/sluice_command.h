/* sluice_command: the program sluice, run with some arguments until it ends. */
#ifndef E2E_SLUICE_COMMAND_H
#define E2E_SLUICE_COMMAND_H

#include "site.h"

struct outcome {
    int status; /* of exit */
    const char *output;
    const char *errors;
};

/* Makes SITE with the folders "one" and "two", which have an index with their name. */
void sluice_sites(struct site *site);

/* Runs sluice with WORDS in the parent directory of SITE until it ends. The text is valid until the
 * end of the test. */
struct outcome sluice_run(const struct site *site, const char *words);

#endif
