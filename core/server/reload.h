/* reload: from SIGHUP to workers that follow the configuration as it is now.
 *
 * The command line, the environment and the file are parsed again by the code of the start, into
 * a generation that is made and checked as a whole: sites, roots, rules, redirects, certificates,
 * logs, and listeners with their new sockets. Only then does anything change, and nothing can fail
 * after that: each worker changes over between two turns of its loop, and says so. A generation
 * with a mistake is dropped and reported, and the present one serves on. Settings that cannot
 * change while the process runs are named.
 *
 * One reload at a time: a signal that comes meanwhile has another one follow, for any number of
 * signals. Used by the main thread. docs/decisions/reload.md has the reasons. */
#ifndef SLUICE_RELOAD_H
#define SLUICE_RELOAD_H

#include "config/command_line.h"
#include "server/generation.h"
#include "server/listening.h"
#include "server/logs.h"
#include "server/reload_limits.h"
#include "server/watching.h"
#include "server/worker.h"

struct service;

struct reload {
    const struct command_line *line; /* *borrowed*; NULL: the settings were not made of one */
    struct settings *started;        /* of the start: a reference */
    struct generation **generation;  /* the present one, which is replaced */
    struct logs logs;
    struct reload_limits limits;
    struct service *service;
    struct listening *listening; /* those that run; a reload changes them */
    int **sockets;               /* of all workers, see listening.h; likewise */
    struct watching *watching;   /* the admin listener; likewise */
    struct worker **workers;     /* *borrowed*, as all that is pointed to above */
    unsigned worker_count;
    unsigned waiting; /* workers that have not changed over yet */
    bool same_file;   /* its bytes are those of the reload before */
};

/* Whether there is a configuration file to read again. */
bool reload_is_possible(const struct reload *reload);

/* Whether a reload is under way: workers have to change over. */
static inline bool reload_is_under_way(const struct reload *reload)
{
    return reload->waiting > 0;
}

/* Makes the next generation and gives it to all workers; none is under way. False: nothing has
 * changed, for a reason that was reported. */
bool reload_begin(struct reload *reload);

/* Reports that COUNT workers have changed over. With the last one, the reload is at its end, and is
 * reported. */
void reload_count(struct reload *reload, unsigned count);

#endif
