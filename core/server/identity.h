/* identity: the user that the server runs as: --user.
 *
 * Root's rights are needed for ports below 1024, for keys and for logs. They are given up when
 * these are open; then everything that will be opened again is tried once, so that a key that only
 * root can read is found at the start, and not at the renewal weeks later. Owns nothing. */
#ifndef SLUICE_IDENTITY_H
#define SLUICE_IDENTITY_H

#include "config/settings.h"
#include "observe/access_log.h"
#include "server/https.h"

/* Becomes the user that SETTINGS name, if they do. LOGS are open, and those files of them that this
 * process has made become the user's, who opens them again; the certificates of HTTPS are
 * loaded; both may be NULL. Returns 0, or a negative errno with *RET_PROBLEM set: the process has
 * to end. */
int identity_assume(const struct settings *settings, const struct https *https,
                    const struct access_logs *logs, struct problem *ret_problem);

#endif
