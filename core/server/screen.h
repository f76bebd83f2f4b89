/* screen: what a server writes to standard output: one screen when it serves, one line at its end.
 *
 * With an access log on standard output, that has lines of the log only, and standard error gets
 * these.
 *
 * Owns nothing. Standard output may be full or closed: that is ignored, and serving goes on. If it
 * is a pipe, its reader is waited for, for a second in all. */
#ifndef SLUICE_SCREEN_H
#define SLUICE_SCREEN_H

#include "config/profile.h"
#include "config/settings.h"
#include "observe/metrics.h"
#include "server/listening.h"

struct screen {
    const struct profile *profile;
    const struct settings *settings;
    const struct listening *listening; /* as listening_open left it */
    const struct admin *admin;         /* NULL: none */
    const char *fingerprint;           /* of the self-signed certificate; NULL: not made */
    unsigned threads;
    enum backend backend;
};

/* Writes what is served, the URLs, and how. */
void screen_show(const struct screen *screen);

/* Writes the totals of a server that ends. */
void screen_show_totals(const struct screen *screen, const struct metrics *totals);

#endif
