/* jobs: a few threads for what would make an event loop wait.
 *
 * One owner submits and collects; threads are started when first needed. A finished job is
 * announced by an eventfd that the owner's loop watches. A job's memory is the submitter's; between
 * submission and collection it belongs to the pool. */
#ifndef SLUICE_JOBS_H
#define SLUICE_JOBS_H

#include "base/base.h"

struct job {
    struct job *next;
    void (*run)(struct job *job); /* on a thread of the pool */
    bool lengthy; /* may take seconds: one thread is always left for those that don't */
};

struct jobs;

/* At most THREADS_MAX threads (a single one does lengthy jobs, too), and QUEUE_MAX jobs that are
 * not yet finished. Returns 0 or a negative errno. *Gives*: jobs_destroy. */
int jobs_create(struct jobs **ret, unsigned threads_max, unsigned queue_max);

/* Waits for the jobs that are running, then for the threads. Jobs that have not been started or
 * collected are handed to ABANDON, on the caller's thread. */
void jobs_destroy(struct jobs *jobs, void (*abandon)(struct job *job));

/* False, with nothing changed, when the queue is full or no thread can be had. *Takes* JOB. */
bool jobs_submit(struct jobs *jobs, struct job *job);

/* Whether a job waits or is being run. */
bool jobs_busy(struct jobs *jobs);

/* The eventfd: readable when there is something to collect. */
int jobs_fd(const struct jobs *jobs);

/* The finished jobs as a list by `next`, oldest first, and resets the eventfd. *Gives* them
 * back. */
struct job *jobs_collect(struct jobs *jobs);

#endif
