/* profile: what makes the three programs different, as values.
 *
 * A profile is const and lives as long as the program. The core never checks which program it
 * is: it uses one of these values. */
#ifndef SLUICE_PROFILE_H
#define SLUICE_PROFILE_H

#include "h1/h1.h"

struct profile {
    const char *name;        /* of the program */
    const char *summary;     /* one line for --help */
    struct h1_limits limits; /* the sizes of head and body are settings, so here they are 0 */
};

#endif
