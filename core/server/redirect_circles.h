/* redirect_circles: whether the redirects of all sites together end.
 *
 * A rule may lead to another site of this server, and that back again. A URL is of this server if a
 * site has its host as a name, and a listener its scheme and port: another server on the same
 * machine may have others. Behind a trusted proxy every scheme is possible. Owns nothing, prints
 * nothing. Runs once for each generation. */
#ifndef SLUICE_REDIRECT_CIRCLES_H
#define SLUICE_REDIRECT_CIRCLES_H

#include "config/settings.h"
#include "site/hosts.h"

/* Checks the redirects of SETTINGS, prepared, whose names are in HOSTS. Returns 0; or -EINVAL with
 * *RET_PROBLEM set, which names the lines of two rules of the circle. If SETTINGS have a list of
 * problems, mistakes go there. */
int redirect_circles_check(const struct settings *settings, const struct hosts *hosts,
                           struct problem *ret_problem);

#endif
