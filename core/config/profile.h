/* profile: what makes the three programs different, as values.
 *
 * A profile is const and lives as long as the program. No code in the core asks which program it is:
 * it asks for one of these values. */
#ifndef SLUICE_PROFILE_H
#define SLUICE_PROFILE_H

#include "base/base.h"

struct profile {
    const char *name;        /* of the program */
    const char *summary;     /* one line for --help */
    unsigned http_minor_max; /* answers as HTTP/1.x, at most this x */
    bool keepalive;          /* more than one request a connection */
    uint32_t inflight_max;   /* responses queued in order before parsing pauses */
    uint32_t requests_max;   /* per connection; 0: no limit */
};

#endif
