/* loop under pressure, in a whole worker on each engine: sockets that poll writable and take
 * nothing, as on a host that is short of TCP memory, and crowds that read nothing. */
#include "support/faults.h"
#include "support/uring_or_skip.h"
#include "support/worker_rig.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct worker_rig rig;

static void set_up(void)
{
    worker_rig_init(&rig);
}

static void tear_down(void)
{
    faults_clear();
    rig.settings->process.drain_ms = 1;
    worker_drain(rig.worker);
    cr_expect(worker_rig_ends(&rig, WORKER_RIG_PATIENCE_MS));
    cr_expect_eq(worker_rig_count(&rig, COUNTER_CONNECTIONS_CLOSED),
                 worker_rig_count(&rig, COUNTER_CONNECTIONS_ACCEPTED));
    worker_rig_fini(&rig);
}

TestSuite(pressure_epoll, .init = set_up, .fini = tear_down, .timeout = 120);

static void set_up_uring(void)
{
    uring_or_skip();
    set_up();
    rig.config.backend = BACKEND_IO_URING;
}

TestSuite(pressure_uring, .init = set_up_uring, .fini = tear_down, .timeout = 120);

/* A test of a worker on each backend. */
#define BOTH(name)             \
    static void name(void);    \
    Test(pressure_epoll, name) \
    {                          \
        name();                \
    }                          \
    Test(pressure_uring, name) \
    {                          \
        name();                \
    }                          \
    static void name(void)

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

enum { CROWD = 200, SHORTAGE_MS = 700 };

static int crowd[CROWD];

/* Each client pipelines requests for a large file and reads nothing. */
static void gather_crowd(void)
{
    for (unsigned i = 0; i < CROWD; i++) {
        crowd[i] = wire_connect(rig.port);
        for (unsigned j = 0; j < 8; j++)
            cr_assert(wire_send(crowd[i], STR(GET("/large.bin"))));
    }
}

static void dismiss_crowd(void)
{
    for (unsigned i = 0; i < CROWD; i++)
        wire_reset(crowd[i]);
}

static void pass_ms(uint64_t ms)
{
    uint64_t begun_ms = worker_rig_now_ms();
    while (worker_rig_now_ms() - begun_ms < ms)
        poll(NULL, 0, 10);
}

/* With an error that passes, sending goes on without an event: epoll(7) reports none, since the
 * socket has not stopped being writable. */
BOTH(sends_on_after_a_shortage)
{
    worker_rig_start(&rig);
    for (unsigned failures = 1; failures <= 4; failures++) {
        faults_fail(FAULT_SENDFILE, failures % 2, failures, EAGAIN);
        cr_expect(worker_rig_serves(&rig, "large.bin", 2, WORKER_RIG_LARGE_BYTES, 2));
    }
}

/* The socket is known to the engine, and has taken a part: nothing announces that it takes more. */
BOTH(sends_on_after_a_shortage_in_the_middle_of_a_file)
{
    worker_rig_start(&rig);
    for (unsigned passed = 0; passed <= 2; passed++) {
        int fd = wire_connect(rig.port);
        cr_assert(wire_send(fd, STR(GET("/small.txt"))));
        cr_assert(worker_rig_gets_answer(fd, 200));
        faults_fail(FAULT_SENDFILE, passed, 1, EAGAIN);
        cr_expect(worker_rig_asks(fd, "large.bin", 1, WORKER_RIG_LARGE_BYTES, 2));
        close(fd);
    }
}

BOTH(tries_with_pauses_while_a_writable_socket_takes_nothing)
{
    worker_rig_start(&rig);
    cr_expect(worker_rig_serves_small(&rig));
    faults_fail(FAULT_SENDFILE, 0, FAULT_ALWAYS, EAGAIN);
    unsigned calls = faults_calls(FAULT_SENDFILE);
    gather_crowd();
    uint64_t begun_ms = worker_rig_now_ms();
    cr_assert(worker_rig_counts(&rig, COUNTER_CONNECTIONS_ACCEPTED, CROWD + 1));
    pass_ms(SHORTAGE_MS);
    unsigned tries = faults_calls(FAULT_SENDFILE) - calls;
    uint64_t ms = worker_rig_now_ms() - begun_ms;
    /* Two that need no pause, then pauses of 32 ms, 64 ms … */
    unsigned per_client = 2 + 6 + (unsigned)(ms / 1000);
    cr_expect_leq(tries, CROWD * per_client, "%u tries in %u ms", tries, (unsigned)ms);
    cr_expect_geq(tries, CROWD * 3, "%u tries in %u ms", tries, (unsigned)ms);
    cr_expect(worker_rig_serves_small(&rig), "others are served meanwhile");
    dismiss_crowd();
}

BOTH(serves_others_beside_a_crowd_that_reads_nothing)
{
    worker_rig_start(&rig);
    gather_crowd();
    for (unsigned i = 0; i < 20; i++) {
        uint64_t begun_ms = worker_rig_now_ms();
        cr_expect(worker_rig_serves_small(&rig));
        cr_expect_lt(worker_rig_now_ms() - begun_ms, 2000, "request %u", i);
    }
    dismiss_crowd();
}

/* Both directions of the socket are shut then, which events report as a hang-up. */
BOTH(does_not_take_the_end_of_lingering_for_a_reset)
{
    char bytes[2000];
    worker_rig_start(&rig);
    int fd = wire_connect(rig.port);
    cr_assert(wire_send(fd, STR("no request\r\n\r\n"))); /* after which a client may go on */
    cr_expect_gt(wire_read_all(fd, bytes, sizeof bytes), 0);
    cr_assert(wire_send(fd, STR("more")));
    shutdown(fd, SHUT_WR);
    cr_expect(worker_rig_counts(&rig, COUNTER_CONNECTIONS_CLOSED, 1));
    cr_expect_eq(worker_rig_count(&rig, COUNTER_CONNECTIONS_RESET), 0);
    close(fd);
}
