/* loop: fairness, shortage of storage, the end; on each engine. The loop runs on a thread of its
 * own over real sockets. */
#include "loop/loop_epoll.h"
#include "loop/loop_uring.h"
#include "support/conn_rig.h"
#include "support/uring_or_skip.h"
#include "support/worker_rig.h"

#include <errno.h>
#include <pthread.h>

enum {
    FULL_COUNT = 4,
    SMALL_COUNT = FULL_COUNT * CONN_FULL_BYTES / CONN_SMALL_BYTES,
    CLIENTS = 24
};

static struct rig rig;
static struct conn_table conns;
static struct loop *loop;
static struct loop_config config;
static struct worker_rig clients; /* only its port, for the functions of clients */
static int listener;
static pthread_t thread;
static bool started;
static int result;

static void set_up_with(const struct loop_engine *engine)
{
    signal(SIGPIPE, SIG_IGN);
    rig_init(&rig, (uint64_t)FULL_COUNT * CONN_FULL_BYTES);
    rig_use_real_time(&rig, (uint64_t)FULL_COUNT * CONN_FULL_BYTES);
    cr_assert_eq(conn_table_init(&conns, &rig.context, 200), 0);
    listener = wire_listen(&clients.port);
    config = (struct loop_config){
        .context = &rig.context,
        .conns = &conns,
        .listeners = &listener,
        .listener_count = 1,
        .drain_ms = 2000,
    };
    cr_assert_eq(loop_create(&loop, engine, &config), 0);
}

static void set_up(void)
{
    set_up_with(&loop_epoll_engine);
}

static void *run(void *argument)
{
    (void)argument;
    result = loop_begin(loop);
    if (result == 0)
        result = loop_run(loop);
    return NULL;
}

static void start(void)
{
    cr_assert_eq(pthread_create(&thread, NULL, run, NULL), 0);
    started = true;
}

static void tear_down(void)
{
    if (started) {
        loop_drain(loop);
        pthread_join(thread, NULL);
        rig.context.draining = false;
    }
    loop_destroy(loop);
    conn_table_fini(&conns);
    rig_fini(&rig);
}

TestSuite(loop_epoll, .init = set_up, .fini = tear_down, .timeout = 120);

#ifdef SLUICE_HAVE_LIBURING
static void set_up_uring(void)
{
    uring_or_skip();
    set_up_with(&loop_uring_engine);
}
#else
static void set_up_uring(void)
{
    uring_or_skip();
}
#endif

TestSuite(loop_uring, .init = set_up_uring, .fini = tear_down, .timeout = 120);

/* A test of a loop on each engine. */
#define BOTH(name)          \
    static void name(void); \
    Test(loop_epoll, name)  \
    {                       \
        name();             \
    }                       \
    Test(loop_uring, name)  \
    {                       \
        name();             \
    }                       \
    static void name(void)

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static uint64_t count_of(enum counter which)
{
    return counters_read(&rig.counters, which);
}

static void wait_for_count(enum counter which, uint64_t least)
{
    for (unsigned ms = 0; count_of(which) < least && ms < RIG_PATIENCE_MS; ms++)
        poll(NULL, 0, 1);
    cr_assert_geq(count_of(which), least);
}

BOTH(runs_until_drained)
{
    start();
    cr_expect(worker_rig_serves(&clients, "small.txt", 10, RIG_SMALL_BYTES, 2));
    loop_drain(loop);
    pthread_join(thread, NULL);
    started = false;
    cr_expect_eq(result, 0);
    cr_expect_eq(conns.open_count, 0);
    rig.context.draining = false;
}

Test(loop_epoll, ends_and_leaks_nothing_when_epoll_fails)
{
    start();
    int fd = wire_connect(clients.port);
    wait_for_count(COUNTER_CONNECTIONS_ACCEPTED, 1);
    faults_fail(FAULT_EPOLL_WAIT, 0, 1, EBADF);
    cr_assert(wire_send(fd, STR("GET"))); /* wakes it, so that it waits again */
    pthread_join(thread, NULL);
    started = false;
    cr_expect_eq(result, -EBADF);
    cr_expect_eq(conns.open_count, 0);
    close(fd);
}

Test(loop_epoll, takes_no_listeners_when_creation_fails)
{
    struct loop *other;
    unsigned descriptors = tree_open_descriptors();
    for (unsigned skip = 0; skip < 3; skip++) {
        faults_fail(FAULT_EPOLL_CTL, skip, 1, ENOMEM);
        cr_expect_eq(loop_create(&other, &loop_epoll_engine, &config), -ENOMEM);
        cr_expect_eq(tree_open_descriptors(), descriptors);
    }
    static int many[LISTENERS_MAX + 1];
    config.listeners = many;
    config.listener_count = LISTENERS_MAX + 1;
    cr_expect_lt(loop_create(&other, &loop_epoll_engine, &config), 0);
}

/* An idle loop sleeps: no timer, no event, no turn. */
Test(loop_epoll, sleeps_while_idle)
{
    start();
    int fd = wire_connect(clients.port);
    wait_for_count(COUNTER_CONNECTIONS_ACCEPTED, 1);
    cr_assert(wire_send(fd, STR(GET("/small.txt"))));
    wait_for_count(COUNTER_RESPONSES, 1);
    unsigned waits = faults_calls(FAULT_EPOLL_WAIT);
    poll(NULL, 0, 300); /* in which it could wait thousands of times */
    cr_expect_leq(faults_calls(FAULT_EPOLL_WAIT) - waits, 3);
    close(fd);
}

/* --- Fairness --------------------------------------------------------------------------------- */

static atomic_bool reading;
static atomic_ullong drunk;

/* Reads as fast as possible. */
static void *drink(void *argument)
{
    static const char request[] = GET("/large.bin");
    static char bytes[1 << 20];
    int fd = *(int *)argument;
    while (atomic_load(&reading) && wire_send(fd, STR(request))) {
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got <= 0)
            break;
        atomic_fetch_add(&drunk, (unsigned long long)got);
    }
    shutdown(fd, SHUT_RDWR);
    return NULL;
}

BOTH(does_not_let_a_large_download_starve_others)
{
    pthread_t drinker;
    start();
    int fd = wire_connect(clients.port);
    atomic_store(&reading, true);
    cr_assert_eq(pthread_create(&drinker, NULL, drink, &fd), 0);
    for (unsigned ms = 0; ms < WORKER_RIG_PATIENCE_MS && atomic_load(&drunk) == 0; ms++)
        poll(NULL, 0, 1); /* the download has begun */
    for (unsigned i = 0; i < 50; i++)
        cr_expect(worker_rig_serves(&clients, "small.txt", 2, RIG_SMALL_BYTES, 2));
    atomic_store(&reading, false);
    pthread_join(drinker, NULL);
    cr_expect_gt(atomic_load(&drunk), 0);
    close(fd);
}

/* --- Shortage of storage ---------------------------------------------------------------------- */

static void *serve_one(void *argument)
{
    bool *good = argument;
    *good = worker_rig_serves(&clients, "small.txt", 30, RIG_SMALL_BYTES, 2) &&
            worker_rig_serves(&clients, "large.bin", 3, RIG_LARGE_BYTES, 3);
    return NULL;
}

/* Each connection needs two of the four pieces of storage for a moment: they take turns. */
BOTH(serves_more_clients_than_it_has_storage_for)
{
    pthread_t threads[CLIENTS];
    bool good[CLIENTS] = {false};
    start();
    for (unsigned i = 0; i < CLIENTS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, serve_one, &good[i]), 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        cr_expect(good[i], "client %u", i);
    }
}

/* Opens COUNT connections with incomplete heads, longer than small storage or not. */
static void begin_heads(int *fds, unsigned count, bool large)
{
    char head[3000] = "GET /small.txt HTTP/1.1\r\nHost: a\r\nX: ";
    memset(head + strlen(head), 'x', sizeof head - strlen(head));
    for (unsigned i = 0; i < count; i++) {
        fds[i] = wire_connect(clients.port);
        cr_assert(wire_send(fds[i], (struct str){head, large ? sizeof head : 20}));
    }
}

static bool still_there(int fd)
{
    struct pollfd event = {.fd = fd, .events = POLLIN};
    return poll(&event, 1, 0) == 0;
}

/* Waits until the loop has taken all that has arrived so far: it takes events in their order, so
 * when a client that comes now has been answered. */
static void await_turn(void)
{
    cr_assert(worker_rig_serves(&clients, "tiny.txt", 1, 100, 1));
}

/* One after the other, so that their order of age is known. */
static void begin_large_heads(int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        begin_heads(&fds[i], 1, true);
        await_turn();
    }
}

/* Incomplete heads hold all storage except the last piece, which is for responses. */
BOTH(sheds_the_oldest_incomplete_head_when_storage_runs_out)
{
    int fds[FULL_COUNT];
    start();
    begin_large_heads(fds, FULL_COUNT - 1);
    cr_expect(worker_rig_serves(&clients, "tiny.txt", 1, 100, 1), "small storage will do");
    cr_expect_eq(count_of(COUNTER_CONNECTIONS_SHED), 0);
    begin_heads(&fds[FULL_COUNT - 1], 1, true);
    wait_for_count(COUNTER_CONNECTIONS_SHED, 1);
    cr_expect_not(still_there(fds[0]));
    for (unsigned i = 1; i < COUNT_OF(fds); i++)
        cr_expect(still_there(fds[i]), "head %u", i);
    cr_expect_eq(count_of(COUNTER_CONNECTIONS_SHED), 1);
    for (unsigned i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
}

/* The same for a complete request that is too long for small storage: it needs room for its
 * response. */
BOTH(finds_storage_for_a_response_among_incomplete_heads)
{
    int fds[FULL_COUNT - 1];
    char bytes[2000], head[3000] = "GET /tiny.txt HTTP/1.0\r\nX: ";
    memset(head + strlen(head), 'x', sizeof head - strlen(head));
    start();
    begin_large_heads(fds, COUNT_OF(fds));
    int fd = wire_connect(clients.port);
    cr_assert(wire_send(fd, (struct str){head, sizeof head}));
    cr_assert(wire_send(fd, STR("\r\n\r\n")));
    ssize_t length = wire_read_all(fd, bytes, sizeof bytes);
    struct str stream = {bytes, length > 0 ? (size_t)length : 0};
    struct answer answer;
    cr_assert(answer_next(&stream, false, &answer), "%zd", length);
    cr_expect_eq(answer.status, 200);
    close(fd);
    for (unsigned i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
}

/* Incomplete heads in small storage hold none of the large storage that is needed: shedding them
 * would not help. */
BOTH(sheds_no_connection_that_holds_only_small_storage)
{
    int large[FULL_COUNT - 1], small[10], more[2];
    start();
    begin_heads(small, COUNT_OF(small), false);
    await_turn();
    begin_heads(large, COUNT_OF(large), true);
    await_turn();
    begin_heads(more, COUNT_OF(more), true);
    wait_for_count(COUNTER_CONNECTIONS_SHED, 1);
    await_turn();
    unsigned left = 0;
    for (unsigned i = 0; i < COUNT_OF(small); i++)
        left += still_there(small[i]);
    cr_expect_eq(left, COUNT_OF(small));
    cr_expect_leq(count_of(COUNTER_CONNECTIONS_SHED), COUNT_OF(more));
    for (unsigned i = 0; i < COUNT_OF(small); i++)
        close(small[i]);
    for (unsigned i = 0; i < COUNT_OF(large); i++)
        close(large[i]);
    close(more[0]);
    close(more[1]);
}
