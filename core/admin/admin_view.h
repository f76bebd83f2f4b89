/* admin_view: two snapshots as a screen of text: what each worker did between them.
 *
 * Fits any terminal: numbers that have no room are left out, never cut; so are the last lines.
 * Pure. */
#ifndef SLUICE_ADMIN_VIEW_H
#define SLUICE_ADMIN_VIEW_H

#include "admin/admin_snapshot.h"

#include <stdio.h>

enum { ADMIN_VIEW_HISTORY = 120 };

struct admin_view {
    const char *where;                  /* the listener; *borrowed* */
    unsigned columns;                   /* of the terminal */
    unsigned rows;                      /* of it; 0: as many as are needed */
    bool colors;                        /* ANSI's, ECMA-48 */
    bool returns;                       /* lines end in CR LF, as a terminal in raw mode wants it */
    bool live;                          /* says how to leave */
    bool unicode;                       /* the terminal shows UTF-8 */
    double history[ADMIN_VIEW_HISTORY]; /* requests a second, the latest last */
    unsigned history_count;
    unsigned lines; /* that have been written of this view */
};

/* Writes what happened in SECONDS between BEFORE and NOW, of the same process, to OUT. Returns the
 * requests a second. */
double admin_view_write(struct admin_view *view, const struct admin_snapshot *before,
                        const struct admin_snapshot *now, double seconds, FILE *out);

#endif
