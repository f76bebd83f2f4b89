/* watching: the admin listener (admin/admin.h) and what the server shows to it: the counters of its
 * workers and sites.
 *
 * Owns the listener. A reload may give it another address, or make the first one, or end it: the
 * new one answers before the former one ends. For the main thread, but for what the listener's
 * thread asks. */
#ifndef SLUICE_WATCHING_H
#define SLUICE_WATCHING_H

#include "admin/admin.h"
#include "server/generation.h"
#include "server/listening.h"
#include "server/worker.h"

#include <pthread.h>

/* Zeroed, with WATCHING_INIT: no listener. */
struct watching {
    struct admin *admin;           /* NULL: none */
    struct admin_source source;    /* what it answers about, once the workers serve */
    struct worker *const *workers; /* *borrowed* */
    pthread_mutex_t lock;          /* of the next one */
    struct generation *generation; /* whose sites are shown; a reference; NULL: none yet */
};

#define WATCHING_INIT                     \
    {                                     \
        .lock = PTHREAD_MUTEX_INITIALIZER \
    }

/* Opens the admin listener that SETTINGS ask for, if any, before LISTENING, whose ports it must not
 * take, or takes its sockets from those that the process was started with (admin/admin_sockets.h).
 * Returns 0, or a negative errno with *RET_PROBLEM set. */
int watching_open(struct watching *watching, const struct settings *settings,
                  const struct listening *listening, struct problem *ret_problem);

/* The sites of GENERATION are served from now on. */
void watching_follow(struct watching *watching, struct generation *generation);

/* Has it answer, once the sites are known, about WORKERS, which serve, and of which SOURCE has the
 * number. Returns 0, or a negative errno with *RET_PROBLEM set. */
int watching_start(struct watching *watching, const struct admin_source *source,
                   struct worker *const *workers, struct problem *ret_problem);

/* Ends the listener. No effect the second time. */
void watching_end(struct watching *watching);

/* --- Another listener, for a reload ----------------------------------------------------------- */

/* Zeroed: all stays as it is. */
struct watching_next {
    bool changes;
    struct admin *admin; /* NULL: none from then on */
};

/* Opens what SETTINGS, of the next generation, ask for, unless it is what there is, and has it
 * answer already. LISTENING has the content ports then. Returns 0, or a negative errno with
 * *RET_PROBLEM set. *Gives*: watching_change or watching_drop. */
int watching_prepare(const struct watching *watching, const struct settings *settings,
                     const struct listening *listening, struct watching_next *ret,
                     struct problem *ret_problem);

/* The listener of NEXT, which is *taken*, takes the place of the one before, which ends. Reports
 * what has changed. */
void watching_change(struct watching *watching, struct watching_next *next);

void watching_drop(struct watching_next *next);

#endif
