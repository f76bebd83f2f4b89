/* jobs: every submitted job is run once and returned once. */
#include "support/faults.h"
#include "system/jobs.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

enum { PATIENCE_MS = 10000 };

TestSuite(jobs, .timeout = 120);

/* A job that records its run, and may be blocked meanwhile. */
struct errand {
    struct job job;
    unsigned number;
    atomic_uint runs;
    unsigned abandoned;
};

static atomic_uint running;
static atomic_bool open_gate = true;

static void run_errand(struct job *job)
{
    struct errand *errand = CONTAINER_OF(job, struct errand, job);
    atomic_fetch_add(&running, 1);
    while (!atomic_load(&open_gate))
        poll(NULL, 0, 1);
    atomic_fetch_add(&errand->runs, 1);
}

/* Like run_errand, but never blocked. */
static void run_at_once(struct job *job)
{
    atomic_fetch_add(&CONTAINER_OF(job, struct errand, job)->runs, 1);
}

static void abandon(struct job *job)
{
    CONTAINER_OF(job, struct errand, job)->abandoned++;
}

static void no_abandon(struct job *job)
{
    (void)job;
    cr_assert_fail("nothing should have been left");
}

static struct jobs *create(unsigned threads_max, unsigned queue_max)
{
    struct jobs *jobs = NULL;
    cr_assert_eq(jobs_create(&jobs, threads_max, queue_max), 0);
    return jobs;
}

static bool submit(struct jobs *jobs, struct errand *errand)
{
    errand->job.run = run_errand;
    return jobs_submit(jobs, &errand->job);
}

static bool announced(const struct jobs *jobs, int wait_ms)
{
    struct pollfd event = {.fd = jobs_fd(jobs), .events = POLLIN};
    return poll(&event, 1, wait_ms) == 1;
}

/* Waits until COUNT jobs are running. */
static void wait_for_running(unsigned count)
{
    for (unsigned ms = 0; atomic_load(&running) < count && ms < PATIENCE_MS; ms++)
        poll(NULL, 0, 1);
    cr_assert_geq(atomic_load(&running), count);
}

/* Collects until COUNT jobs have been returned; RET gets their numbers, in order. */
static void collect(struct jobs *jobs, unsigned count, unsigned *ret)
{
    for (unsigned got = 0; got < count;) {
        cr_assert(announced(jobs, PATIENCE_MS));
        struct job *job = jobs_collect(jobs);
        for (; job; job = job->next) {
            cr_assert_lt(got, count);
            ret[got++] = CONTAINER_OF(job, struct errand, job)->number;
        }
    }
}

Test(jobs, are_returned_in_order_by_one_thread)
{
    enum { COUNT = 1000 };
    static struct errand errands[COUNT];
    unsigned numbers[COUNT];
    struct jobs *jobs = create(1, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        errands[i].number = i;
        cr_assert(submit(jobs, &errands[i]));
    }
    collect(jobs, COUNT, numbers);
    for (unsigned i = 0; i < COUNT; i++) {
        cr_expect_eq(numbers[i], i);
        cr_expect_eq(atomic_load(&errands[i].runs), 1);
    }
    jobs_destroy(jobs, no_abandon);
}

Test(jobs, are_returned_once_each_by_many_threads)
{
    enum { COUNT = 20000 };
    static struct errand errands[COUNT];
    static unsigned numbers[COUNT], seen[COUNT];
    struct jobs *jobs = create(4, 64);
    unsigned submitted = 0, got = 0;
    while (got < COUNT) {
        while (submitted < COUNT && submit(jobs, &errands[submitted])) {
            errands[submitted].number = submitted;
            submitted++;
        }
        cr_assert(announced(jobs, PATIENCE_MS));
        struct job *job = jobs_collect(jobs);
        for (; job; job = job->next)
            numbers[got++] = CONTAINER_OF(job, struct errand, job)->number;
    }
    for (unsigned i = 0; i < COUNT; i++)
        seen[numbers[i]]++;
    for (unsigned i = 0; i < COUNT; i++)
        cr_assert(seen[i] == 1 && atomic_load(&errands[i].runs) == 1, "job %u", i);
    jobs_destroy(jobs, no_abandon);
}

Test(jobs, go_on_while_one_of_them_takes_long)
{
    enum { COUNT = 5 };
    static struct errand slow = {.number = COUNT}, others[COUNT];
    unsigned numbers[COUNT];
    struct jobs *jobs = create(2, 64);
    atomic_store(&open_gate, false);
    cr_assert(submit(jobs, &slow));
    wait_for_running(1);
    for (unsigned i = 0; i < COUNT; i++) {
        others[i].job.run = run_at_once;
        others[i].number = i;
        cr_assert(jobs_submit(jobs, &others[i].job));
    }
    collect(jobs, COUNT, numbers);
    for (unsigned i = 0; i < COUNT; i++)
        cr_expect_eq(numbers[i], i);
    cr_expect(jobs_busy(jobs));
    atomic_store(&open_gate, true);
    collect(jobs, 1, numbers);
    cr_expect_eq(numbers[0], slow.number);
    cr_expect_not(jobs_busy(jobs));
    jobs_destroy(jobs, no_abandon);
}

Test(jobs, abandon_those_that_were_not_started)
{
    static struct errand errands[4];
    unsigned abandoned = 0;
    struct jobs *jobs = create(2, 4);
    atomic_store(&open_gate, false);
    for (unsigned i = 0; i < COUNT_OF(errands); i++)
        cr_assert(submit(jobs, &errands[i]));
    wait_for_running(1);
    atomic_store(&open_gate, true);
    jobs_destroy(jobs, abandon);
    for (unsigned i = 0; i < COUNT_OF(errands); i++)
        abandoned += errands[i].abandoned;
    cr_expect_eq(abandoned, COUNT_OF(errands), "finished or not, none was collected");
}

Test(jobs, make_the_descriptor_readable_exactly_while_some_are_finished)
{
    struct errand errand = {0};
    unsigned number;
    struct jobs *jobs = create(2, 4);
    cr_expect_not(announced(jobs, 0));
    cr_expect_null(jobs_collect(jobs), "and it doesn't wait");
    atomic_store(&open_gate, false);
    cr_assert(submit(jobs, &errand));
    wait_for_running(1);
    cr_expect_not(announced(jobs, 0));
    cr_expect_null(jobs_collect(jobs));
    atomic_store(&open_gate, true);
    collect(jobs, 1, &number);
    cr_expect_not(announced(jobs, 0), "collecting resets it");
    jobs_destroy(jobs, no_abandon);
}

Test(jobs, are_refused_when_the_queue_is_full)
{
    struct errand errands[4] = {{.number = 0}};
    unsigned numbers[4];
    struct jobs *jobs = create(1, 3);
    atomic_store(&open_gate, false);
    for (unsigned i = 0; i < 3; i++)
        cr_expect(submit(jobs, &errands[i]));
    wait_for_running(1);
    cr_expect_not(submit(jobs, &errands[3]), "one that runs counts");
    atomic_store(&open_gate, true);
    collect(jobs, 3, numbers);
    cr_expect_eq(atomic_load(&errands[3].runs), 0);
    cr_expect(submit(jobs, &errands[3]));
    collect(jobs, 1, numbers);
    jobs_destroy(jobs, no_abandon);
}

Test(jobs, do_not_count_as_queued_when_finished)
{
    struct errand errands[2] = {{.number = 0}};
    unsigned numbers[2];
    struct jobs *jobs = create(1, 1);
    cr_assert(submit(jobs, &errands[0]));
    cr_assert(announced(jobs, PATIENCE_MS));
    cr_expect(submit(jobs, &errands[1]));
    collect(jobs, 2, numbers);
    jobs_destroy(jobs, no_abandon);
}

/* When all threads are idle, as many jobs as threads run at once. */
Test(jobs, run_although_one_of_them_blocks)
{
    struct errand errands[4] = {{.number = 0}};
    unsigned numbers[2];
    struct jobs *jobs = create(2, 8);
    cr_assert(submit(jobs, &errands[0]));
    collect(jobs, 1, numbers);
    poll(NULL, 0, 20); /* until the thread is idle; the rest must hold in any case */
    atomic_store(&running, 0);
    atomic_store(&open_gate, false);
    cr_assert(submit(jobs, &errands[1]));
    cr_assert(submit(jobs, &errands[2]));
    wait_for_running(2);
    atomic_store(&open_gate, true);
    collect(jobs, 2, numbers);
    jobs_destroy(jobs, no_abandon);
}

static void *open_gate_soon(void *argument)
{
    (void)argument;
    poll(NULL, 0, 50);
    atomic_store(&open_gate, true);
    return NULL;
}

Test(jobs, are_finished_or_abandoned_when_the_pool_is_destroyed)
{
    struct errand errands[6] = {{.number = 0}};
    pthread_t opener;
    struct jobs *jobs = create(1, 8);
    cr_assert(submit(jobs, &errands[0])); /* finished, not collected */
    cr_assert(announced(jobs, PATIENCE_MS));
    atomic_store(&open_gate, false);
    atomic_store(&running, 0);
    for (unsigned i = 1; i < 6; i++)
        cr_assert(submit(jobs, &errands[i]));
    wait_for_running(1);
    cr_assert_eq(pthread_create(&opener, NULL, open_gate_soon, NULL), 0);
    jobs_destroy(jobs, abandon);
    pthread_join(opener, NULL);
    cr_expect_eq(atomic_load(&errands[1].runs), 1, "it was running");
    cr_expect_eq(atomic_load(&errands[2].runs), 0, "it was waiting");
    for (unsigned i = 0; i < 6; i++)
        cr_expect_eq(errands[i].abandoned, 1, "job %u", i);
}

Test(jobs, are_refused_without_a_thread)
{
    struct errand errands[2] = {{.number = 0}};
    unsigned numbers[2];
    struct jobs *jobs = create(2, 8);
    faults_fail(FAULT_THREAD, 0, 1, EAGAIN);
    cr_expect_not(submit(jobs, &errands[0]));
    cr_expect(submit(jobs, &errands[0]), "the next time there is one");
    collect(jobs, 1, numbers);
    faults_fail(FAULT_THREAD, 0, FAULT_ALWAYS, EAGAIN);
    cr_expect(submit(jobs, &errands[0]), "one thread is enough");
    cr_expect(submit(jobs, &errands[1]));
    collect(jobs, 2, numbers);
    jobs_destroy(jobs, no_abandon);
}

Test(jobs, allow_destroying_no_pool)
{
    jobs_destroy(NULL, no_abandon);
    jobs_destroy(create(8, 0), no_abandon);
    struct errand errand = {0};
    struct jobs *jobs = create(8, 0);
    cr_expect_not(submit(jobs, &errand));
    jobs_destroy(jobs, no_abandon);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_eq(jobs_create(&jobs, 1, 1), -ENOMEM);
}
