/* jobs: memory passes to the pool's threads and back, without a race. */
#include "system/jobs.h"

#include "observe/counters.h"
#include "plain.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

enum { COUNT = 20000, PATIENCE_MS = 10000, ADDED = 100000 };

struct sum {
    struct job job;
    unsigned input;  /* written by the submitter */
    unsigned output; /* written by the job, read by the submitter: neither is atomic */
};

static void double_it(struct job *job)
{
    struct sum *sum = CONTAINER_OF(job, struct sum, job);
    sum->output = 2 * sum->input;
}

static unsigned abandoned;

static void count_abandoned(struct job *job)
{
    (void)job;
    abandoned++;
}

void jobs_with_many_threads(void)
{
    struct sum *sums = calloc(COUNT, sizeof *sums);
    struct jobs *jobs = NULL;
    unsigned submitted = 0, got = 0, wrong = 0;
    EXPECT(sums && jobs_create(&jobs, 4, 100) == 0);
    while (got < COUNT) {
        for (; submitted < COUNT; submitted++) {
            sums[submitted].job.run = double_it;
            sums[submitted].input = submitted;
            if (!jobs_submit(jobs, &sums[submitted].job))
                break;
        }
        struct pollfd event = {.fd = jobs_fd(jobs), .events = POLLIN};
        if (poll(&event, 1, PATIENCE_MS) != 1)
            break;
        for (struct job *job = jobs_collect(jobs); job; job = job->next, got++) {
            const struct sum *sum = CONTAINER_OF(job, struct sum, job);
            wrong += sum->output != 2 * sum->input;
        }
    }
    EXPECT(got == COUNT);
    EXPECT(wrong == 0);
    jobs_destroy(jobs, count_abandoned);
    EXPECT(abandoned == 0);
    free(sums);
}

void jobs_destroyed_under_way(void)
{
    for (unsigned round = 0; round < 100; round++) {
        struct sum sums[50] = {{.input = 0}};
        struct jobs *jobs = NULL;
        unsigned collected = 0;
        abandoned = 0;
        EXPECT(jobs_create(&jobs, 3, COUNT_OF(sums)) == 0);
        for (unsigned i = 0; i < COUNT_OF(sums); i++) {
            sums[i].job.run = double_it;
            EXPECT(jobs_submit(jobs, &sums[i].job));
        }
        if (round % 2) {
            for (struct job *job = jobs_collect(jobs); job; job = job->next)
                collected++;
        }
        jobs_destroy(jobs, count_abandoned);
        EXPECT(collected + abandoned == COUNT_OF(sums));
    }
}

static struct counters counters;

static void *add(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < ADDED; i++)
        counters_add(&counters, COUNTER_RESPONSES, 1);
    return NULL;
}

void counters_read_by_others(void)
{
    pthread_t owner;
    uint64_t last = 0;
    bool grows = true;
    EXPECT(pthread_create(&owner, NULL, add, NULL) == 0);
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t seen = counters_read(&counters, COUNTER_RESPONSES);
        grows = grows && seen >= last;
        last = seen;
    }
    pthread_join(owner, NULL);
    EXPECT(grows);
    EXPECT(counters_read(&counters, COUNTER_RESPONSES) == ADDED);
}
