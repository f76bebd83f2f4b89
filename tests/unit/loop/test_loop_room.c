/* loop_room: two workers that share a pool of slots: whichever has the idle connections, a new
 * client of the other is served; on each backend. */
#include "support/faults.h"
#include "support/uring_or_skip.h"
#include "support/worker_rig.h"

#include <criterion/criterion.h>

enum { WORKERS = 2, SLOTS = 4 };

static struct worker_rig rigs[WORKERS]; /* each has a listener of its own */
static struct conn_pool pool;

static void set_up_on(enum backend backend)
{
    cr_assert_eq(conn_pool_init(&pool, SLOTS, WORKERS), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_rig_init(&rigs[i]);
        rigs[i].config.backend = backend;
        rigs[i].config.connections_max = SLOTS;
        rigs[i].config.pool = &pool;
        rigs[i].config.index = i;
    }
}

static void set_up(void)
{
    set_up_on(BACKEND_EPOLL);
}

static void set_up_uring(void)
{
    uring_or_skip();
    set_up_on(BACKEND_IO_URING);
}

/* The end of each test: expectations in .fini don't count. */
static void end(void)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_drain(rigs[i].worker);
        cr_expect(worker_rig_ends(&rigs[i], WORKER_RIG_PATIENCE_MS));
    }
    for (unsigned i = 0; i < WORKERS; i++)
        worker_join(rigs[i].worker);
    cr_expect_eq(conn_pool_free_slots(&pool), SLOTS, "every slot is given back");
}

static void tear_down(void)
{
    for (unsigned i = 0; i < WORKERS; i++)
        worker_rig_fini(&rigs[i]);
    conn_pool_fini(&pool);
}

TestSuite(loop_room, .init = set_up, .fini = tear_down, .timeout = 120);
TestSuite(loop_room_uring, .init = set_up_uring, .fini = tear_down, .timeout = 120);

#define BOTH(name)              \
    static void name(void);     \
    Test(loop_room, name)       \
    {                           \
        name();                 \
        end();                  \
    }                           \
    Test(loop_room_uring, name) \
    {                           \
        name();                 \
        end();                  \
    }                           \
    static void name(void)

/* Both workers are created before the first starts, as the supervisor does. */
static void start(void)
{
    struct problem problem;
    for (unsigned i = 0; i < WORKERS; i++)
        cr_assert_eq(worker_create(&rigs[i].worker, &rigs[i].config, &problem), 0);
    for (unsigned i = 0; i < WORKERS; i++)
        cr_assert_eq(worker_start(rigs[i].worker, &problem), 0);
}

/* Connects SLOTS clients to worker INDEX, each of which has sent TEXT. */
static void fill(unsigned index, const char *text, int ret_fds[static SLOTS])
{
    for (unsigned i = 0; i < SLOTS; i++) {
        ret_fds[i] = wire_connect(rigs[index].port);
        cr_assert(wire_send(ret_fds[i], str_of(text)));
    }
    cr_assert(worker_rig_counts(&rigs[index], COUNTER_CONNECTIONS_ACCEPTED, SLOTS));
}

static void close_all(const int *fds)
{
    for (unsigned i = 0; i < SLOTS; i++)
        close(fds[i]);
}

BOTH(closes_an_idle_connection_of_another_worker)
{
    int fds[SLOTS];
    start();
    fill(0, "GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\n", fds);
    cr_assert(worker_rig_counts(&rigs[0], COUNTER_RESPONSES, SLOTS));
    for (unsigned i = 1; i <= SLOTS; i++) {
        cr_expect(worker_rig_serves(&rigs[1], "small.txt", 1, WORKER_RIG_SMALL_BYTES, 1));
        cr_expect_leq(worker_rig_count(&rigs[0], COUNTER_CONNECTIONS_EVICTED), i);
    }
    cr_expect_geq(worker_rig_count(&rigs[0], COUNTER_CONNECTIONS_EVICTED), 1);
    cr_expect_eq(worker_rig_count(&rigs[1], COUNTER_CONNECTIONS_EVICTED), 0);
    close_all(fds);
}

BOTH(waits_until_another_worker_has_a_free_slot)
{
    int fds[SLOTS];
    start();
    fill(0, "GET /sm", fds); /* not idle */
    int waits = wire_connect(rigs[1].port);
    cr_assert(worker_rig_counts(&rigs[1], COUNTER_ACCEPT_PAUSES, 1));
    poll(NULL, 0, 250); /* two pauses may pass; it does not spin */
    cr_expect_leq(worker_rig_count(&rigs[1], COUNTER_ACCEPT_PAUSES), 10);
    cr_expect_eq(worker_rig_count(&rigs[1], COUNTER_CONNECTIONS_ACCEPTED), 0);
    cr_expect_eq(worker_rig_count(&rigs[0], COUNTER_CONNECTIONS_EVICTED), 0);
    close(fds[2]);
    fds[2] = -1;
    cr_expect(worker_rig_asks(waits, "small.txt", 1, WORKER_RIG_SMALL_BYTES, 1));
    close(waits);
    close_all(fds);
}

/* All slots are held by clients of worker 0 that have sent TEXT and then stall. A new client must
 * get one of them, and not at once. */
static void expect_eviction_of_stalled(const char *text, uint64_t least_ms)
{
    int fds[SLOTS];
    start();
    uint64_t began_ms = worker_rig_now_ms();
    fill(0, text, fds);
    cr_expect(worker_rig_serves(&rigs[1], "small.txt", 1, WORKER_RIG_SMALL_BYTES, 1));
    cr_expect_geq(worker_rig_now_ms() - began_ms, least_ms);
    cr_expect_eq(worker_rig_count(&rigs[0], COUNTER_CONNECTIONS_EVICTED), 1);
    close_all(fds);
}

BOTH(closes_a_half_head_after_a_second)
{
    expect_eviction_of_stalled("GET /sm", 1000);
}

BOTH(closes_a_half_body_after_half_a_second)
{
    expect_eviction_of_stalled("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", 500);
}

BOTH(closes_an_answer_that_stalls_after_two_seconds)
{
    expect_eviction_of_stalled("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n"
                               "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n"
                               "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n",
                               2000);
}

BOTH(closes_a_lingering_connection_after_half_a_second)
{
    expect_eviction_of_stalled("GET /small.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                               "GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\n",
                               500);
}

/* However much its peer goes on to send. */
BOTH(closes_a_lingering_connection_whose_peer_sends_on)
{
    int fds[SLOTS];
    start();
    fill(0, "GET /small.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nabc", fds);
    int waits = wire_connect(rigs[1].port);
    cr_assert(wire_send(waits, STR("GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\n")));
    struct pollfd answered = {.fd = waits, .events = POLLIN};
    for (unsigned tenths = 0; tenths < 40 && poll(&answered, 1, 100) == 0; tenths++)
        for (unsigned i = 0; i < SLOTS; i++)
            send(fds[i], "d", 1, MSG_NOSIGNAL);
    cr_expect_neq(answered.revents & POLLIN, 0);
    close(waits);
    close_all(fds);
}

BOTH(closes_an_idle_connection_before_one_that_stalls)
{
    int fds[SLOTS];
    char byte;
    start();
    fill(0, "GET /sm", fds);
    poll(NULL, 0, 1100); /* until any of them could be closed */
    cr_assert(wire_send(fds[3], STR("all.txt HTTP/1.1\r\nHost: a\r\n\r\n")));
    cr_assert(worker_rig_counts(&rigs[0], COUNTER_RESPONSES, 1));
    int waits = wire_connect(rigs[0].port);
    cr_expect(worker_rig_asks(waits, "small.txt", 1, WORKER_RIG_SMALL_BYTES, 1));
    cr_expect_eq(recv(fds[0], &byte, 1, MSG_DONTWAIT), -1, "the half head is still open");
    cr_expect_eq(worker_rig_count(&rigs[0], COUNTER_CONNECTIONS_EVICTED), 1);
    close(waits);
    close_all(fds);
}

/* A client of worker INDEX whose request has been answered, later than that of the one before. */
static int idle_client(unsigned index)
{
    char bytes[1024];
    int fd = wire_connect(rigs[index].port);
    cr_assert(wire_send(fd, STR("GET /none HTTP/1.1\r\nHost: a\r\n\r\n")));
    cr_assert_gt(read(fd, bytes, sizeof bytes), 0);
    poll(NULL, 0, 5); /* their order is visible in the clock then */
    return fd;
}

BOTH(prefers_an_idle_connection_of_its_own)
{
    int fds[SLOTS];
    start();
    for (unsigned i = 0; i < SLOTS; i++)
        fds[i] = idle_client(i == 2);
    cr_expect(worker_rig_serves(&rigs[1], "small.txt", 1, WORKER_RIG_SMALL_BYTES, 1));
    cr_expect_eq(worker_rig_count(&rigs[1], COUNTER_CONNECTIONS_EVICTED), 1);
    cr_expect_eq(worker_rig_count(&rigs[0], COUNTER_CONNECTIONS_EVICTED), 0);
    close_all(fds);
}

/* While the first new connection is accepted, a request comes on an idle one, and another new
 * connection. */
struct arrival {
    int idle;
    int second;
};

static void arrive(void *argument)
{
    struct arrival *arrival = argument;
    wire_send(arrival->idle,
              STR("GET /small.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    arrival->second = wire_connect(rigs[0].port);
}

BOTH(keeps_an_idle_connection_whose_request_has_just_arrived)
{
    int fds[SLOTS];
    char byte;
    start();
    for (unsigned i = 0; i < SLOTS; i++)
        fds[i] = idle_client(0);
    struct arrival arrival = {.idle = fds[1]};
    faults_act(FAULT_ACCEPT4, 0, arrive, &arrival);
    cr_expect(worker_rig_serves(&rigs[0], "small.txt", 1, WORKER_RIG_SMALL_BYTES, 1));
    cr_expect(worker_rig_asks(arrival.second, "small.txt", 1, WORKER_RIG_SMALL_BYTES, 1));
    cr_expect(worker_rig_is_answered(fds[1], 200));
    cr_expect_eq(worker_rig_count(&rigs[0], COUNTER_CONNECTIONS_EVICTED), 2);
    cr_expect_eq(read(fds[0], &byte, 1), 0, "the longest idle");
    cr_expect_eq(read(fds[2], &byte, 1), 0, "the longest idle without a request");
    close(arrival.second);
    close_all(fds);
}
