/* jobs: a few threads for work that would block an event loop.
 *
 * One owner submits jobs and collects them; threads are started when first needed. A finished job
 * is signalled by an eventfd that the owner's loop watches. The memory of a job is its submitter's;
 * from submission to collection it belongs to the pool. */
#ifndef SLUICE_JOBS_H
#define SLUICE_JOBS_H

#include "base/base.h"

struct job {
    struct job *next;
    void (*run)(struct job *job); /* called on a thread of the pool */
};

struct jobs;

/* Creates a pool of at most THREADS_MAX threads and QUEUE_MAX unfinished jobs. Returns 0 or a
 * negative errno. *Gives*: jobs_destroy. */
int jobs_create(struct jobs **ret, unsigned threads_max, unsigned queue_max);

/* Waits for the running jobs, then for the threads. Hands jobs that have not been started or
 * collected to ABANDON, on the caller's thread. No effect on NULL. */
void jobs_destroy(struct jobs *jobs, void (*abandon)(struct job *job));

/* Submits JOB, which it *takes*. False, with nothing changed: the queue is full, or no thread could
 * be started. */
bool jobs_submit(struct jobs *jobs, struct job *job);

/* Whether any job is waiting or running. */
bool jobs_busy(struct jobs *jobs);

/* The eventfd: readable while there are jobs to collect. */
int jobs_fd(const struct jobs *jobs);

/* Returns the finished jobs as a list by `next`, oldest first; NULL: none. Resets the eventfd.
 * *Gives* the jobs back. */
struct job *jobs_collect(struct jobs *jobs);

#endif
