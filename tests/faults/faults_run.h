/* faults_run: one run of the generator of faults: a server in a child process, in which chosen
 * calls fail, the scenario that clients play against it, and the judgement.
 *
 * The child runs server_main, with calls wrapped by support/faults.h; the parent plays the clients
 * and is not affected. A run owns its directory and its child, and leaves neither. */
#ifndef SLUICE_TESTS_FAULTS_RUN_H
#define SLUICE_TESTS_FAULTS_RUN_H

#include "support/answers.h"
#include "support/faults.h"
#include "support/tree.h"

#include <sys/types.h>

enum run_kind {
    RUN_SERVE, /* one thread, one address, the whole scenario */
    RUN_START, /* as many threads as CPUs, every address: starts, serves one request, ends */
    RUN_SITES, /* several sites and listeners, a reload, an upgrade; see faults_sites.c */
    RUN_KIND_COUNT,
};

enum { SITES_LOGS = 4 };
#define SITES_PROGRAM "faults-sites" /* the name by which main is started in an upgrade */

/* What to inject: nothing if COUNT is 0. */
struct run_fault {
    enum fault call;
    int error; /* an errno, or FAULT_SHORT */
    unsigned skip, count;
    uint64_t shuffle_seed; /* not 0: faults_shuffle as well */
    uint64_t storm_seed;   /* not 0: many calls fail, each with an error of its row */
};

struct run_setup {
    const char *backend;
    enum run_kind kind;
    struct run_fault fault;
};

enum {
    RUN_STEPS_MAX = 64,
    RUN_TEXT_BYTES = 400,
    RUN_DESCRIPTORS_MAX = 256, /* no descriptor of a child is above it */
};

/* The outcomes that are right, and the one that is wrong. */
enum run_outcome {
    RUN_UNHARMED,    /* every request was answered as without a fault */
    RUN_REFUSED,     /* some were refused: 403, 404, 500, 503 */
    RUN_CLOSED,      /* some connections were closed without an answer, or within one */
    RUN_NOT_STARTED, /* the server ended at its start with status 1, and said why */
    RUN_FAILED,
    RUN_OUTCOME_COUNT,
};

/* What is expected of the answer of a step: that of the run without a fault. */
struct run_answer {
    bool known;
    unsigned status;
    size_t length;
    uint64_t hash; /* of the body */
};

/* In memory that shards and children share. */
struct run_result {
    enum run_outcome outcome;
    unsigned injected;
    unsigned refused, closed;  /* requests, connections */
    char text[RUN_TEXT_BYTES]; /* what was wrong */
};

/* The run without a fault; filled by a run with no fault to inject. */
struct run_answers {
    struct run_answer steps[RUN_STEPS_MAX];
    unsigned start_calls[FAULT_COUNT]; /* made before the server served */
    unsigned calls[FAULT_COUNT];
    unsigned lines; /* on standard error, which are not counted as messages */
};

/* Whether nothing is injected. */
bool run_is_faultless(const struct run_setup *setup);

/* One run. ANSWERS is filled if nothing is injected, and compared with otherwise. */
void faults_run(const struct run_setup *setup, struct run_answers *answers, struct run_result *ret);

/* --- The clients' part -------------------------------------------------------------------------*/

struct play {
    uint16_t port; /* of RUN_SITES not 0 */
    pid_t pid;     /* of the server */
    int log;       /* its standard error, a file */
    const struct tree *tree;
    const struct run_setup *setup;
    struct run_answers *answers;
    struct run_result *result;
    unsigned step; /* the number of answers so far */
};

/* Makes the files that the scenario requests. */
void scenario_fill(const struct tree *tree);

/* Sets the size of a file, in place. Bytes that are added take no space on the disk. */
void scenario_resize(const struct tree *tree, const char *name, off_t bytes);

/* Plays the scenario, up to and including SIGTERM. False: something was wrong, and the result says
 * what. */
bool scenario_play(struct play *play);

/* Judges ANSWER, that of step STEP; a body that differs is right if LOOSE, or if it is that of the
 * step before, which is the same file in another representation. */
bool play_judge(struct play *play, unsigned step, const struct answer *answer, bool loose,
                const char *what);

/* Notes that neither an answer nor an end has come. Returns false. */
bool play_silence(struct play *play, const char *what);

/* --- The scenario of RUN_SITES -----------------------------------------------------------------*/

/* Serves, with the words of the command line. Returns the exit status. */
int sites_serve(int argc, char **argv);

/* Makes the configuration. */
void sites_fill(const struct tree *tree);

/* As scenario_play. */
bool sites_play(struct play *play);

/* Has processes that upgrades start become children of this one when the server ends. */
void sites_adopt(void);

/* Ends those processes, and notes what was wrong with them. */
void sites_end_successors(struct run_result *result);

/* Notes what was wrong, unless there is such a note. Returns false. */
bool run_wrong(struct run_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
