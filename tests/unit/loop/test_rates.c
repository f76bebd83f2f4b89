/* rates: slow peers are disconnected, others are not; on each engine, with windows of a fraction of
 * a second. The loop runs on a thread of its own over real sockets. */
#include "conn/conn_rate.h"
#include "loop/loop_epoll.h"
#include "loop/loop_uring.h"
#include "support/conn_rig.h"
#include "support/loop_rig.h"
#include "support/uring_or_skip.h"
#include "support/worker_rig.h"

#include <pthread.h>

enum {
    SLOTS = 16,
    WINDOW_MS = 300,
    FILE_BYTES = 20000000, /* more than sockets hold */
};

static struct rig rig;
static struct conn_table conns;
static struct conn_rates rates;
static struct loop *loop;
static uint16_t port;
static pthread_t thread;

static void set_up_with(const struct loop_engine *engine)
{
    signal(SIGPIPE, SIG_IGN);
    rig_init(&rig, 1 << 20);
    tree_fill(&rig.tree, "huge.bin", FILE_BYTES, 4);
    tree_fill(&rig.tree, "medium.bin", 100000, 5);
    rig_use_real_time(&rig, 1 << 20);
    rig.context.h1.limits.body_bytes_max = 100000;
    cr_assert_eq(conn_table_init(&conns, &rig.context, SLOTS), 0);
    cr_assert_eq(conn_rates_init(&rates, SLOTS, 2000000), 0);
    rates.window_ms = WINDOW_MS;
    rates.check_ms = 50;
    rig.context.rates = &rates;
    loop = loop_rig_create(engine, &conns, 1000, &port);
}

static void *run(void *argument)
{
    (void)argument;
    if (loop_begin(loop) == 0)
        loop_run(loop);
    return NULL;
}

static void start(void)
{
    cr_assert_eq(pthread_create(&thread, NULL, run, NULL), 0);
}

static void set_up(void)
{
    set_up_with(&loop_epoll_engine);
    start();
}

static void set_up_uring(void)
{
    uring_or_skip();
#ifdef SLUICE_HAVE_LIBURING
    set_up_with(&loop_uring_engine);
    start();
#endif
}

static void tear_down(void)
{
    loop_drain(loop);
    pthread_join(thread, NULL);
    rig.context.draining = false;
    loop_destroy(loop);
    conn_rates_fini(&rates, &rig.context.wheel);
    conn_table_fini(&conns);
    rig_fini(&rig);
}

TestSuite(rates_epoll, .init = set_up, .fini = tear_down, .timeout = 120);
TestSuite(rates_uring, .init = set_up_uring, .fini = tear_down, .timeout = 120);

/* A test on each engine. */
#define BOTH(name)          \
    static void name(void); \
    Test(rates_epoll, name) \
    {                       \
        name();             \
    }                       \
    Test(rates_uring, name) \
    {                       \
        name();             \
    }                       \
    static void name(void)

static uint64_t slow_count(void)
{
    return counters_read(&rig.counters, COUNTER_CONNECTIONS_SLOW);
}

static int ask_for_huge(void)
{
    int fd = wire_connect(port);
    cr_assert(wire_send(fd, STR("GET /huge.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")));
    return fd;
}

/* Reads at most PIECE bytes every PAUSE_MS, for at most LIMIT_MS. Returns the number of bytes; *RET
 * is 0 at the end of input, -1 after a reset, 1 when the time is over. */
static size_t read_slowly(int fd, size_t piece, int pause_ms, uint64_t limit_ms, int *ret)
{
    static char bytes[1 << 16];
    uint64_t end_ms = worker_rig_now_ms() + limit_ms;
    size_t total = 0;
    *ret = 1;
    while (worker_rig_now_ms() < end_ms) {
        ssize_t got = read(fd, bytes, piece);
        if (got <= 0) {
            *ret = (int)got;
            break;
        }
        total += (size_t)got;
        poll(NULL, 0, pause_ms);
    }
    return total;
}

BOTH(disconnects_a_slow_reader_with_a_reset)
{
    int end, fd = ask_for_huge();
    uint64_t begun_ms = worker_rig_now_ms();
    read_slowly(fd, 1000, 10, RIG_PATIENCE_MS, &end);
    cr_expect_eq(end, -1);
    cr_expect_eq(slow_count(), 1);
    cr_expect_geq(worker_rig_now_ms() - begun_ms, WINDOW_MS);
    close(fd);
}

/* A client whose kernel takes little, so that it acknowledges small pieces. */
static int connect_narrow(void)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), bytes = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* The socket holds the rest of the answer, so the connection is idle. */
BOTH(disconnects_a_slow_reader_of_a_finished_answer)
{
    int end, fd = connect_narrow();
    rig.context.idle_ms = 1500;
    cr_assert(wire_send(fd, STR("GET /medium.bin HTTP/1.1\r\nHost: a\r\n\r\n")));
    read_slowly(fd, 200, 10, RIG_PATIENCE_MS / 2, &end);
    cr_expect_eq(end, -1);
    cr_expect_eq(slow_count(), 1);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES), 1);
    close(fd);
}

BOTH(lets_a_reader_of_a_sufficient_rate_finish)
{
    int end, fd = ask_for_huge();
    size_t got = read_slowly(fd, 1 << 16, 2, RIG_PATIENCE_MS, &end);
    cr_expect_eq(end, 0);
    cr_expect_gt(got, FILE_BYTES);
    cr_expect_eq(slow_count(), 0);
    close(fd);
}

BOTH(lets_a_reader_pause)
{
    int end, fd = ask_for_huge();
    cr_assert_gt(read_slowly(fd, 1 << 16, 0, 10, &end), 0);
    poll(NULL, 0, 4 * WINDOW_MS);
    cr_expect_eq(slow_count(), 0);
    size_t got = read_slowly(fd, 1 << 16, 0, RIG_PATIENCE_MS, &end);
    cr_expect_eq(end, 0, "%zu bytes", got);
    cr_expect_eq(slow_count(), 0);
    close(fd);
}

/* Sends PIECE bytes of a body every 5 ms, until all of LENGTH are sent or the peer is gone. */
static bool send_body(int fd, size_t length, size_t piece)
{
    static const char zeros[1000];
    char head[100];
    int count = snprintf(head, sizeof head,
                         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", length);
    bool good = wire_send(fd, (struct str){head, (size_t)count});
    for (size_t sent = 0; good && sent < length; sent += piece) {
        good = wire_send(fd, (struct str){zeros, piece});
        poll(NULL, 0, 5);
    }
    return good;
}

BOTH(disconnects_a_slow_sender_of_a_body)
{
    int fd = wire_connect(port);
    rates.bytes_per_second = 50000;
    cr_expect_not(send_body(fd, 60000, 10));
    cr_expect_eq(slow_count(), 1);
    close(fd);
}

BOTH(lets_a_sender_of_a_sufficient_rate_finish)
{
    int fd = wire_connect(port);
    rates.bytes_per_second = 10000;
    cr_expect(send_body(fd, 100000, 500));
    cr_assert(
        wire_send(fd, STR("GET /small.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")));
    char bytes[4096];
    ssize_t length = wire_read_all(fd, bytes, sizeof bytes);
    cr_expect_gt(length, RIG_SMALL_BYTES);
    cr_expect_eq(slow_count(), 0);
    close(fd);
}

/* Without a connection to check the loop is not woken. */
BOTH(stops_checking_when_all_are_idle)
{
    int end, fd = ask_for_huge();
    read_slowly(fd, 1 << 16, 0, RIG_PATIENCE_MS, &end);
    cr_expect_eq(end, 0);
    int idle = wire_connect(port);
    cr_assert(wire_send(idle, STR("GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\n")));
    char bytes[4096];
    cr_assert_gt(read(idle, bytes, sizeof bytes), 0);
    unsigned quiet_ms = 0; /* several times the distance of two checks */
    for (unsigned ms = 0; quiet_ms < 100 && ms < RIG_PATIENCE_MS; ms++) {
        poll(NULL, 0, 1);
        quiet_ms = wheel_armed(&rates.timer) ? 0 : quiet_ms + 1;
    }
    cr_expect_eq(quiet_ms, 100);
    close(idle);
    close(fd);
}
