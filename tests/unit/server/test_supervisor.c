/* supervisor: whichever worker can't be made or started, nothing is left open. */
#include "server/supervisor.h"
#include "support/faults.h"
#include "support/worker_rig.h"

#include <criterion/criterion.h>
#include <errno.h>

enum { WORKERS = 3 };

static struct worker_rig rig; /* its worker and its listener are not used */
static int listeners[WORKERS];
static unsigned descriptors;
static struct supervisor supervisor;

static void set_up(void)
{
    uint16_t port;
    worker_rig_init(&rig);
    close(rig.listener);
    descriptors = tree_open_descriptors();
    for (unsigned i = 0; i < WORKERS; i++)
        listeners[i] = wire_listen(&port);
    rig.settings->process.connections_per_address_max = 5;
    rig.settings->process.min_rate = 100;
    supervisor = (struct supervisor){.settings = rig.settings, .done_fd = -1, .changed_fd = -1};
}

static void tear_down(void)
{
    worker_rig_fini(&rig);
}

TestSuite(supervisor, .init = set_up, .fini = tear_down, .timeout = 120);

/* Expectations in .fini don't count, so this belongs to each test. */
static void end(void)
{
    faults_clear();
    supervisor_fini(&supervisor);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

static int start(struct problem *ret_problem)
{
    const struct sizes sizes = {.threads = WORKERS, .connections_max = 10, .files_max = 10};
    struct worker_config config = rig.config;
    config.listeners = listeners;
    return supervisor_start(&supervisor, &config, &sizes, ret_problem);
}

static void fails_at(enum fault call, unsigned skip, int error)
{
    struct problem problem;
    faults_fail(call, skip, 1, error);
    cr_expect_eq(start(&problem), -error, "%s %u", faults_name(call), skip);
    cr_expect_eq(faults_failed(call), 1, "%s", faults_name(call));
    cr_expect(*problem.what != '\0');
    end();
}

Test(supervisor, leaves_nothing_when_the_first_worker_cannot_be_made)
{
    fails_at(FAULT_EPOLL_CREATE1, 0, EMFILE);
}

Test(supervisor, leaves_nothing_when_the_second_worker_cannot_be_made)
{
    fails_at(FAULT_EPOLL_CREATE1, 1, EMFILE);
}

Test(supervisor, leaves_nothing_when_the_last_worker_cannot_be_made)
{
    fails_at(FAULT_EPOLL_CREATE1, WORKERS - 1, EMFILE);
}

Test(supervisor, leaves_nothing_when_the_second_worker_cannot_be_started)
{
    fails_at(FAULT_THREAD, 1, EAGAIN);
}

Test(supervisor, leaves_nothing_without_memory_for_what_workers_share)
{
    fails_at(FAULT_MEMORY, 3, ENOMEM);
}

Test(supervisor, gives_all_workers_one_pool)
{
    struct problem problem;
    cr_assert_eq(start(&problem), 0);
    cr_expect_eq(supervisor.pool.member_count, WORKERS);
    cr_expect_eq(supervisor.pool.slot_max, 10);
    for (unsigned i = 0; i < WORKERS; i++)
        worker_drain(supervisor.workers[i]);
    end();
}
