/* profile: what makes the programs different, as values.
 *
 * A profile is const and lives as long as the program. The core never checks which program it
 * is: it uses one of these values. */
#ifndef SLUICE_PROFILE_H
#define SLUICE_PROFILE_H

#include "config/subcommand.h"
#include "h1/h1.h"

/* How a program is called. */
enum profile_form {
    PROFILE_PORT_AND_ROOT, /* NAME PORT ROOT [options] */
    PROFILE_CONFIGURED,    /* NAME [ROOT] [options], with a file or the environment */
};

struct profile {
    const char *name;    /* of the program */
    const char *summary; /* one line for --help */
    enum profile_form form;
    struct subcommand_table subcommands; /* for PROFILE_CONFIGURED only */
    struct h1_limits limits; /* the sizes of head and body are settings, so here they are 0 */
};

#endif
