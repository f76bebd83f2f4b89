/* explain: `sluice explain`: what would be answered to a request, and why.
 *
 * It takes the way of a request in serving, in this process and without a socket: the same parser
 * reads it, the same exchange looks up and decides, the same session writes the head of the answer.
 * Then it shows what they have found. */
#ifndef SLUICE_EXPLAIN_H
#define SLUICE_EXPLAIN_H

#include "config/subcommand.h"

enum { EXPLAIN_OPTIONS = 2 };

/* -H and --method. */
extern const struct subcommand_option explain_options[EXPLAIN_OPTIONS];

/* Explains the answer that the settings of CALL give to its URL. Returns the exit status: 0 however
 * the answer is, 1 if the settings have a mistake, 2 for one in the request. */
int explain_run(const struct subcommand_call *call);

#endif
