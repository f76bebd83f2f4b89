/* worker: a whole worker in this process, from start to end, with failing calls; on each
 * backend. */
#include "support/faults.h"
#include "support/uring_or_skip.h"
#include "support/worker_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/ioctl.h>

static struct worker_rig rig;
static unsigned descriptors;

static void set_up(void)
{
    descriptors = tree_open_descriptors();
    worker_rig_init(&rig);
}

static void tear_down(void)
{
    faults_clear();
    if (rig.worker) {
        worker_drain(rig.worker);
        cr_expect(worker_rig_ends(&rig, WORKER_RIG_PATIENCE_MS));
        cr_expect_eq(worker_rig_count(&rig, COUNTER_CONNECTIONS_CLOSED),
                     worker_rig_count(&rig, COUNTER_CONNECTIONS_ACCEPTED));
    } else {
        close(rig.listener);
    }
    worker_rig_fini(&rig);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

TestSuite(worker, .init = set_up, .fini = tear_down, .timeout = 120);

static void set_up_uring(void)
{
    uring_or_skip();
    set_up();
    rig.config.backend = BACKEND_IO_URING;
}

TestSuite(worker_uring, .init = set_up_uring, .fini = tear_down, .timeout = 120);

/* A test of a worker on each backend. */
#define BOTH(name)           \
    static void name(void);  \
    Test(worker, name)       \
    {                        \
        name();              \
    }                        \
    Test(worker_uring, name) \
    {                        \
        name();              \
    }                        \
    static void name(void)

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

BOTH(serves_a_request)
{
    worker_rig_start(&rig);
    cr_expect(worker_rig_serves(&rig, "small.txt", 1, WORKER_RIG_SMALL_BYTES, 1));
    cr_expect(worker_rig_serves(&rig, "small.txt", 1000, WORKER_RIG_SMALL_BYTES, 1));
    cr_expect(worker_rig_serves(&rig, "large.bin", 3, WORKER_RIG_LARGE_BYTES, 2));
    cr_expect_eq(worker_rig_count(&rig, COUNTER_RESPONSES), 1004);
}

BOTH(serves_from_all_its_listeners)
{
    uint16_t other_port;
    int listeners[] = {rig.listener, wire_listen(&other_port)};
    rig.config.listeners = listeners;
    rig.config.listener_count = 2;
    worker_rig_start(&rig);
    cr_expect(worker_rig_serves_small(&rig));
    rig.port = other_port;
    cr_expect(worker_rig_serves_small(&rig));
}

Test(worker_uring, survives_a_kernel_that_is_short_of_memory)
{
    static const int errors[] = {ENOMEM, EAGAIN, EBUSY};
    worker_rig_start(&rig);
    for (unsigned i = 0; i < COUNT_OF(errors); i++) {
        cr_expect(worker_rig_serves_small(&rig));
        faults_fail(FAULT_URING_ENTER, 0, 10, errors[i]);
        cr_expect(worker_rig_serves_small(&rig), "%d", errors[i]);
    }
}

Test(worker, leaves_the_listeners_open_when_creation_fails)
{
    struct problem problem;
    struct worker *worker = NULL;
    rig.site->root = "/nonexistent/root";
    cr_expect_eq(worker_create(&worker, &rig.config, &problem), -ENOENT);
    cr_expect(strstr(problem.what, "(open ROOT)"), "%s", problem.what);
    rig.site->root = rig.tree.path;
    for (unsigned skip = 0; skip < 10; skip++) {
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        int error = worker_create(&worker, &rig.config, &problem);
        cr_expect(error == 0 || error == -ENOMEM);
        if (error == 0) {
            worker_destroy(worker); /* without having been started; it had the listeners */
            rig.listener = wire_listen(&rig.port);
        }
    }
    faults_clear();
    faults_fail(FAULT_EPOLL_CTL, 2, 1, ENOSPC);
    cr_expect_eq(worker_create(&worker, &rig.config, &problem), -ENOSPC);
    cr_expect(strstr(problem.what, "(epoll)"), "%s", problem.what);
    cr_expect_geq(fcntl(rig.listener, F_GETFD), 0);
}

/* --- Accepting -------------------------------------------------------------------------------- */

BOTH(pauses_accepting_without_descriptors_and_resumes)
{
    static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    worker_rig_start(&rig);
    for (unsigned i = 0; i < COUNT_OF(errors); i++) {
        unsigned calls = faults_calls(FAULT_ACCEPT4), waits = faults_calls(FAULT_EPOLL_WAIT);
        uint64_t pauses = worker_rig_count(&rig, COUNTER_ACCEPT_PAUSES);
        faults_fail(FAULT_ACCEPT4, 0, 3, errors[i]);
        uint64_t begun_ms = worker_rig_now_ms();
        cr_expect(worker_rig_serves_small(&rig));
        cr_expect_geq(worker_rig_now_ms() - begun_ms, 100);
        cr_expect_eq(worker_rig_count(&rig, COUNTER_ACCEPT_PAUSES), pauses + 3);
        cr_expect_leq(faults_calls(FAULT_ACCEPT4) - calls, 3 + 4, "it must not spin");
        cr_expect_leq(faults_calls(FAULT_EPOLL_WAIT) - waits, 40);
    }
}

/* Begins a pause and ends a connection. Returns how long another one then has to wait. */
static uint64_t resumed_after_ms(void)
{
    uint64_t accepted = worker_rig_count(&rig, COUNTER_CONNECTIONS_ACCEPTED);
    int first = wire_connect(rig.port);
    cr_assert(worker_rig_counts(&rig, COUNTER_CONNECTIONS_ACCEPTED, accepted + 1));
    faults_fail(FAULT_ACCEPT4, 0, FAULT_ALWAYS, EMFILE);
    uint64_t pauses = worker_rig_count(&rig, COUNTER_ACCEPT_PAUSES);
    int second = wire_connect(rig.port);
    cr_assert(worker_rig_counts(&rig, COUNTER_ACCEPT_PAUSES, pauses + 1));
    uint64_t begun_ms = worker_rig_now_ms();
    faults_fail(FAULT_ACCEPT4, 0, 0, 0);
    close(first);
    cr_expect(worker_rig_asks(second, "small.txt", 1, WORKER_RIG_SMALL_BYTES, 1));
    uint64_t end_ms = worker_rig_now_ms();
    close(second);
    return end_ms - begun_ms;
}

/* Not only when the pause of 100 ms is over: one of a few tries must be faster, even on a busy
 * machine. */
BOTH(resumes_accepting_at_once_when_a_connection_ends)
{
    uint64_t least_ms = UINT64_MAX;
    worker_rig_start(&rig);
    for (unsigned i = 0; i < 8 && least_ms >= 60; i++) {
        uint64_t ms = resumed_after_ms();
        least_ms = ms < least_ms ? ms : least_ms;
    }
    cr_expect_lt(least_ms, 60);
}

BOTH(accepts_others_after_an_error_of_one_connection)
{
    static const int errors[] = {EINTR, ECONNABORTED, EPROTO, ENETDOWN, EPERM};
    worker_rig_start(&rig);
    for (unsigned i = 0; i < COUNT_OF(errors); i++) {
        faults_fail(FAULT_ACCEPT4, 0, 5, errors[i]);
        cr_expect(worker_rig_serves_small(&rig));
    }
    cr_expect_eq(worker_rig_count(&rig, COUNTER_ACCEPT_PAUSES), 0);
}

BOTH(lets_the_next_client_wait_when_all_connections_are_in_use)
{
    rig.config.connections_max = 2;
    worker_rig_start(&rig);
    int first = wire_connect(rig.port), second = wire_connect(rig.port);
    cr_assert(wire_send(first, STR("GET /")) && wire_send(second, STR("GET /"))); /* not idle */
    cr_assert(worker_rig_counts(&rig, COUNTER_CONNECTIONS_ACCEPTED, 2));
    int third = wire_connect(rig.port);
    cr_assert(worker_rig_counts(&rig, COUNTER_ACCEPT_PAUSES, 1));
    unsigned waits = faults_calls(FAULT_EPOLL_WAIT);
    poll(NULL, 0, 300);
    cr_expect_leq(faults_calls(FAULT_EPOLL_WAIT) - waits, 20, "it must not spin");
    cr_expect_eq(worker_rig_count(&rig, COUNTER_CONNECTIONS_ACCEPTED), 2);
    close(second);
    cr_expect(worker_rig_asks(third, "small.txt", 2, WORKER_RIG_SMALL_BYTES, 1));
    close(third);
    close(first);
}

BOTH(closes_an_idle_connection_only_for_one_that_waits)
{
    enum { SLOTS = 2 };
    rig.config.connections_max = SLOTS;
    worker_rig_start(&rig);
    int first = wire_connect(rig.port), second = wire_connect(rig.port);
    cr_assert(worker_rig_counts(&rig, COUNTER_CONNECTIONS_ACCEPTED, SLOTS));
    int third = wire_connect(rig.port);
    cr_expect(worker_rig_asks(third, "small.txt", 2, WORKER_RIG_SMALL_BYTES, 1));
    close(third);
    cr_expect_eq(worker_rig_count(&rig, COUNTER_CONNECTIONS_EVICTED), 1, "%lu",
                 (unsigned long)worker_rig_count(&rig, COUNTER_CONNECTIONS_EVICTED));
    cr_expect_eq(worker_rig_count(&rig, COUNTER_CONNECTIONS_EXPIRED_IDLE), 0);
    close(second);
    close(first);
}

/* --- Calls that are interrupted or fail ------------------------------------------------------- */

BOTH(tolerates_interrupted_system_calls)
{
    static const enum fault calls[] = {FAULT_EPOLL_WAIT, FAULT_RECV, FAULT_SEND, FAULT_SENDFILE,
                                       FAULT_OPENAT2_CACHED};
    worker_rig_start(&rig);
    for (unsigned i = 0; i < COUNT_OF(calls); i++) {
        faults_fail(calls[i], i % 2, 20, EINTR);
        cr_expect(worker_rig_serves(&rig, "large.bin", 2, WORKER_RIG_LARGE_BYTES, 2));
        cr_expect(worker_rig_serves_small(&rig));
    }
}

Test(worker, closes_only_a_connection_that_cannot_be_watched)
{
    worker_rig_start(&rig);
    cr_expect(worker_rig_serves_small(&rig));
    faults_fail(FAULT_EPOLL_CTL, 0, 1, ENOSPC);
    char byte;
    int fd = wire_connect(rig.port);
    cr_expect_leq(read(fd, &byte, 1), 0);
    close(fd);
    cr_expect(worker_rig_serves_small(&rig));
    cr_expect_eq(worker_rig_count(&rig, COUNTER_CONNECTIONS_RESET), 1);
}

BOTH(answers_in_order_although_a_file_is_not_cached)
{
    worker_rig_start(&rig);
    for (unsigned i = 0; i < 20; i++) {
        faults_fail(FAULT_OPENAT2_CACHED, i % 3, FAULT_ALWAYS, EAGAIN);
        cr_expect(worker_rig_serves(&rig, i % 2 ? "small.txt" : "large.bin", 20,
                                    i % 2 ? WORKER_RIG_SMALL_BYTES : WORKER_RIG_LARGE_BYTES,
                                    i % 2 ? 1 : 2));
    }
}

/* Clients that come and go at any time, also while their look-ups are in progress. */
BOTH(survives_clients_that_leave_at_any_time)
{
    struct prng prng = {11};
    worker_rig_start(&rig);
    for (unsigned i = 0; i < 600; i++) {
        char bytes[100];
        if (i % 50 == 0)
            faults_fail(FAULT_OPENAT2_CACHED, 0, i % 100 ? FAULT_ALWAYS : 0, EAGAIN);
        int fd = wire_connect(rig.port);
        static const char *const inputs[] = {"", "GET", GET("/small.txt") GET("/none"),
                                             GET("/large.bin") GET("/large.bin"), "\x16\x03"};
        wire_send(fd, str_of(inputs[prng_below(&prng, COUNT_OF(inputs))]));
        switch (prng_below(&prng, 4)) {
        case 0:
            wire_reset(fd);
            continue;
        case 1:
            shutdown(fd, SHUT_WR);
            cr_expect_geq(wire_read_all(fd, bytes, sizeof bytes), 0);
            break;
        case 2:
            poll(NULL, 0, (int)prng_below(&prng, 3));
            break;
        default:
            break;
        }
        close(fd);
    }
    faults_clear();
    cr_expect(worker_rig_serves_small(&rig));
}

/* --- Time ------------------------------------------------------------------------------------- */

/* SILENT, which has sent nothing, is closed when its time of 200 ms is over. */
static void expect_closed_in_time(int silent)
{
    char byte;
    uint64_t begun_ms = worker_rig_now_ms();
    cr_expect_eq(wire_read_all(silent, &byte, 1), 0);
    cr_expect_geq(worker_rig_now_ms() - begun_ms, 200 - 1);
}

BOTH(closes_silent_clients_and_answers_408_to_half_requests)
{
    rig.settings->process.header_ms = 200;
    rig.settings->process.idle_ms = 300;
    worker_rig_start(&rig);
    int silent = wire_connect(rig.port), half = wire_connect(rig.port);
    int idle = wire_connect(rig.port);
    cr_assert(wire_send(half, STR("GET / HTTP/1.1\r\nHo")) && wire_send(idle, STR(GET("/none"))));
    expect_closed_in_time(silent);
    cr_expect(worker_rig_is_answered(half, 408));
    cr_expect(worker_rig_is_answered(idle, 404));
    cr_expect_eq(worker_rig_count(&rig, COUNTER_CONNECTIONS_EXPIRED_HEAD), 2);
    cr_expect_eq(worker_rig_count(&rig, COUNTER_CONNECTIONS_EXPIRED_IDLE), 1);
    close(silent);
    close(half);
    close(idle);
}

/* --- Draining --------------------------------------------------------------------------------- */

static bool is_refused(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused = connect(fd, (const struct sockaddr *)&at, sizeof at) < 0;
    close(fd);
    return refused;
}

BOTH(finishes_responses_in_progress_when_draining)
{
    char *bytes = malloc(WORKER_RIG_LARGE_BYTES + 1024);
    rig.settings->process.drain_grace_ms = 0;
    worker_rig_start(&rig);
    int idle = wire_connect(rig.port), busy = wire_connect(rig.port);
    cr_assert(wire_send(busy, STR(GET("/large.bin"))));
    cr_assert_eq(recv(busy, bytes, 1000, MSG_WAITALL), 1000);
    worker_drain(rig.worker);
    worker_drain(rig.worker); /* a second call has no effect */
    cr_expect_eq(read(idle, bytes + 1000, 1), 0, "an idle connection is closed at once");
    ssize_t rest = wire_read_all(busy, bytes + 1000, WORKER_RIG_LARGE_BYTES + 24);
    struct str stream = {bytes, 1000 + (rest > 0 ? (size_t)rest : 0)};
    struct answer answer;
    cr_expect(answer_next(&stream, false, &answer) &&
              tree_filled(answer.body, WORKER_RIG_LARGE_BYTES, 2));
    cr_expect(worker_rig_ends(&rig, WORKER_RIG_PATIENCE_MS));
    cr_expect(is_refused(rig.port));
    close(idle);
    close(busy);
    free(bytes);
}

BOTH(accepts_pending_connections_before_draining)
{
    enum { QUEUED = 100 };
    int fds[QUEUED];
    struct problem problem;
    cr_assert_eq(worker_create(&rig.worker, &rig.config, &problem), 0);
    for (unsigned i = 0; i < QUEUED; i++) {
        fds[i] = wire_connect(rig.port);
        cr_assert(wire_send(fds[i], STR(GET("/small.txt"))));
    }
    worker_drain(rig.worker);
    cr_assert_eq(worker_start(rig.worker, &problem), 0);
    for (unsigned i = 0; i < QUEUED; i++) {
        char bytes[WORKER_RIG_SMALL_BYTES + 1024];
        ssize_t length = wire_read_all(fds[i], bytes, sizeof bytes);
        struct str stream = {bytes, length > 0 ? (size_t)length : 0};
        struct answer answer;
        cr_assert(answer_next(&stream, false, &answer), "connection %u", i);
        cr_expect_eq(answer.status, 200);
        close(fds[i]);
    }
    cr_expect(worker_rig_ends(&rig, WORKER_RIG_PATIENCE_MS));
}

BOTH(ends_draining_in_time_although_a_client_still_reads)
{
    rig.settings->process.drain_ms = 300;
    worker_rig_start(&rig);
    int slow = wire_connect(rig.port), half = wire_connect(rig.port);
    for (unsigned i = 0; i < 20; i++)
        cr_assert(wire_send(slow, STR(GET("/large.bin"))));
    cr_assert(wire_send(half, STR("GET /small")));
    int waiting = 0;
    for (unsigned ms = 0; waiting == 0 && ms < WORKER_RIG_PATIENCE_MS; ms++) {
        poll(NULL, 0, 1);
        ioctl(slow, FIONREAD, &waiting);
    }
    uint64_t begun_ms = worker_rig_now_ms();
    worker_drain(rig.worker);
    cr_expect(worker_rig_ends(&rig, WORKER_RIG_PATIENCE_MS));
    cr_expect_geq(worker_rig_now_ms() - begun_ms, 300 - 1);
    cr_expect_lt(worker_rig_now_ms() - begun_ms, 3000);
    cr_expect_geq(worker_rig_count(&rig, COUNTER_RESPONSES_CUT), 1);
    close(slow);
    close(half);
}
