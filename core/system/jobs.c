/* jobs: see jobs.h. */
#include "system/jobs.h"

#include "system/event_fd.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS_MAX = 8 };

struct queue {
    struct job *first;
    struct job **last; /* where to link the next one */
};

struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct queue waiting; /* under LOCK, like all members below */
    struct queue finished;
    unsigned unfinished_count; /* waiting or running */
    unsigned waiting_count;
    unsigned idle_count; /* threads that wait for work, or were woken and have not taken it yet */
    unsigned thread_count;
    bool stopping;
    unsigned thread_max; /* constant, like all members below */
    unsigned queue_max;
    int event_fd;
    pthread_t threads[THREADS_MAX];
};

static void queue_init(struct queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
}

static void queue_add(struct queue *queue, struct job *job)
{
    job->next = NULL;
    *queue->last = job;
    queue->last = &job->next;
}

static struct job *queue_take(struct queue *queue)
{
    struct job *job = queue->first;
    queue->first = job->next;
    if (!queue->first)
        queue->last = &queue->first;
    return job;
}

static struct job *queue_take_all(struct queue *queue)
{
    struct job *all = queue->first;
    queue_init(queue);
    return all;
}

/* Takes the job to run next; NULL: none. LOCK is held. */
static struct job *take(struct jobs *jobs)
{
    if (!jobs->waiting.first)
        return NULL;
    jobs->waiting_count--;
    return queue_take(&jobs->waiting);
}

/* Files JOB, which has been run, as finished. LOCK is held. */
static void finish(struct jobs *jobs, struct job *job)
{
    queue_add(&jobs->finished, job);
    jobs->unfinished_count--;
    event_fd_signal(jobs->event_fd);
}

static void *work(void *argument)
{
    struct jobs *jobs = argument;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping) {
        struct job *job = take(jobs);
        if (!job) {
            jobs->idle_count++;
            pthread_cond_wait(&jobs->work, &jobs->lock);
            jobs->idle_count--;
            continue;
        }
        pthread_mutex_unlock(&jobs->lock);
        job->run(job);
        pthread_mutex_lock(&jobs->lock);
        finish(jobs, job);
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

int jobs_create(struct jobs **ret, unsigned threads_max, unsigned queue_max)
{
    struct jobs *jobs = malloc(sizeof *jobs);
    if (!jobs)
        return -ENOMEM;
    *jobs = (struct jobs){
        .thread_max = threads_max < THREADS_MAX ? threads_max : THREADS_MAX,
        .queue_max = queue_max,
        .event_fd = event_fd_open(),
    };
    if (jobs->event_fd < 0) {
        int error = jobs->event_fd;
        free(jobs);
        return error;
    }
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->work, NULL);
    queue_init(&jobs->waiting);
    queue_init(&jobs->finished);
    *ret = jobs;
    return 0;
}

void jobs_destroy(struct jobs *jobs, void (*abandon)(struct job *job))
{
    if (!jobs)
        return;
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    pthread_cond_broadcast(&jobs->work);
    pthread_mutex_unlock(&jobs->lock);
    for (unsigned i = 0; i < jobs->thread_count; i++)
        pthread_join(jobs->threads[i], NULL);
    while (jobs->waiting.first)
        abandon(queue_take(&jobs->waiting));
    while (jobs->finished.first)
        abandon(queue_take(&jobs->finished));
    close(jobs->event_fd);
    pthread_cond_destroy(&jobs->work);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}

/* Starts one more thread, with all signals blocked. False: it failed. LOCK is held. */
static bool start_thread(struct jobs *jobs)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&jobs->threads[jobs->thread_count], NULL, work, jobs) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    jobs->thread_count += started;
    return started;
}

bool jobs_submit(struct jobs *jobs, struct job *job)
{
    pthread_mutex_lock(&jobs->lock);
    bool accepted = jobs->unfinished_count < jobs->queue_max;
    if (accepted && jobs->waiting_count >= jobs->idle_count &&
        jobs->thread_count < jobs->thread_max)
        accepted = start_thread(jobs) || jobs->thread_count > 0;
    accepted = accepted && jobs->thread_count > 0;
    if (accepted) {
        jobs->unfinished_count++;
        jobs->waiting_count++;
        queue_add(&jobs->waiting, job);
        pthread_cond_signal(&jobs->work);
    }
    pthread_mutex_unlock(&jobs->lock);
    return accepted;
}

bool jobs_busy(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    bool busy = jobs->unfinished_count > 0;
    pthread_mutex_unlock(&jobs->lock);
    return busy;
}

int jobs_fd(const struct jobs *jobs)
{
    return jobs->event_fd;
}

struct job *jobs_collect(struct jobs *jobs)
{
    event_fd_take(jobs->event_fd);
    pthread_mutex_lock(&jobs->lock);
    struct job *finished = queue_take_all(&jobs->finished);
    pthread_mutex_unlock(&jobs->lock);
    return finished;
}
