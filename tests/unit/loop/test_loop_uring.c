/* loop_uring: multishot requests, and peers that take advantage of them. A whole worker. */
#include "support/faults.h"
#include "support/uring_or_skip.h"
#include "support/worker_rig.h"

#include <errno.h>
#include <sys/resource.h>

enum { CONNECTIONS_MAX = 6000 }; /* so that a multishot accept may stay with the kernel */

static struct worker_rig rig;
static unsigned descriptors;

static void set_up(void)
{
    uring_or_skip();
    descriptors = tree_open_descriptors();
    worker_rig_init(&rig);
    rig.config.backend = BACKEND_IO_URING;
    rig.config.connections_max = CONNECTIONS_MAX;
}

/* Nothing may leak in any test. */
static void tear_down(void)
{
    faults_clear();
    worker_drain(rig.worker);
    cr_expect(worker_rig_ends(&rig, WORKER_RIG_PATIENCE_MS));
    cr_expect_eq(worker_rig_count(&rig, COUNTER_CONNECTIONS_CLOSED),
                 worker_rig_count(&rig, COUNTER_CONNECTIONS_ACCEPTED));
    worker_rig_fini(&rig);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

TestSuite(worker_on_uring, .init = set_up, .fini = tear_down, .timeout = 120);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

Test(worker_on_uring, accepts_by_a_multishot_request)
{
    worker_rig_start(&rig);
    for (unsigned i = 0; i < 100; i++)
        cr_expect(worker_rig_serves_small(&rig));
    cr_expect_eq(faults_calls(FAULT_ACCEPT4), 0);
}

static void set_files_max(rlim_t files)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = files;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The ring is enabled on the worker's thread. */
Test(worker_on_uring, reports_at_the_start_that_its_ring_cannot_be_enabled)
{
    struct problem problem;
    cr_assert_eq(worker_create(&rig.worker, &rig.config, &problem), 0);
    faults_fail(FAULT_URING_REGISTER, 0, 1, ENOMEM);
    cr_expect_eq(worker_start(rig.worker, &problem), -ENOMEM);
    cr_expect(strstr(problem.what, "io_uring"), "%s", problem.what);
}

/* Accepting fails without descriptors; waiting clients are served when others have left. */
Test(worker_on_uring, pauses_accepting_without_descriptors_and_resumes)
{
    enum { CLIENTS = 12, ROOM = 3 };
    int fds[CLIENTS];
    struct problem problem;
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    cr_assert_eq(worker_create(&rig.worker, &rig.config, &problem), 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = wire_connect(rig.port);
        cr_assert(wire_send(fds[i], STR("OPTIONS * HTTP/1.0\r\n\r\n")));
    }
    set_files_max((rlim_t)fds[CLIENTS - 1] + 1 + ROOM);
    cr_assert_eq(worker_start(rig.worker, &problem), 0);
    cr_expect(worker_rig_counts(&rig, COUNTER_ACCEPT_PAUSES, 1));
    for (unsigned i = 0; i < CLIENTS; i++) {
        cr_expect(worker_rig_is_answered(fds[i], 204), "client %u", i);
        close(fds[i]);
    }
    cr_expect_eq(faults_calls(FAULT_ACCEPT4), 0);
    set_files_max(before.rlim_cur);
}

/* --- Crowds ----------------------------------------------------------------------------------- */

static int gate[2];

static void wait_at_gate(void *argument)
{
    char byte;
    (void)argument;
    (void)!read(gate[0], &byte, 1);
}

/* Extends a head from START on to LENGTH bytes and ends it. */
static void pad(char *head, size_t start, size_t length)
{
    memset(head + start, 'x', length - 4 - start);
    for (size_t i = length - 4; i < length; i++)
        head[i] = i % 2 == length % 2 ? '\r' : '\n';
}

static void open_gate(void)
{
    cr_assert_eq(pipe2(gate, O_CLOEXEC), 0);
    descriptors += 2;
}

/* Blocks the worker in the middle of a response to a client, which is returned. */
static int hold_worker(void)
{
    unsigned calls = faults_calls(FAULT_SENDFILE);
    faults_act(FAULT_SENDFILE, 0, wait_at_gate, NULL);
    int fd = wire_connect(rig.port);
    cr_assert(wire_send(fd, STR(GET("/large.bin"))));
    for (unsigned ms = 0; faults_calls(FAULT_SENDFILE) == calls && ms < WORKER_RIG_PATIENCE_MS;
         ms++)
        poll(NULL, 0, 1);
    return fd;
}

static void let_worker_go(int fd)
{
    cr_assert_eq(write(gate[1], "", 1), 1);
    close(fd);
}

/* While the worker is blocked, each client sends more than a buffer holds: more in all than there
 * are buffers, submissions and completions. Twice, to show that the worker continues. */
Test(worker_on_uring, answers_two_thousand_simultaneous_senders)
{
    enum { SENDERS = 2500, HEAD_BYTES = 5000 };
    static int fds[SENDERS];
    static char head[HEAD_BYTES];
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < 2 * SENDERS + 100) {
        worker_rig_start(&rig);
        tear_down();
        cr_skip_test("RLIMIT_NOFILE allows too few descriptors");
    }
    set_files_max(limit.rlim_max);
    open_gate();
    worker_rig_start(&rig);
    for (unsigned i = 0; i < SENDERS; i++)
        fds[i] = wire_connect(rig.port);
    cr_assert(worker_rig_counts(&rig, COUNTER_CONNECTIONS_ACCEPTED, SENDERS));
    for (unsigned round = 0; round < 2; round++) {
        int held = hold_worker();
        int start = snprintf(head, sizeof head, "GET /small.txt HTTP/1.1\r\nHost: a\r\n%sX: ",
                             round ? "Connection: close\r\n" : "");
        pad(head, (size_t)start, sizeof head);
        for (unsigned i = 0; i < SENDERS; i++)
            cr_assert(wire_send(fds[i], (struct str){head, sizeof head}));
        let_worker_go(held);
        for (unsigned i = 0; i < SENDERS && round == 1; i++)
            cr_expect(worker_rig_is_answered(fds[i], 200), "sender %u", i);
        for (unsigned i = 0; i < SENDERS && round == 0; i++)
            cr_expect(worker_rig_gets_answer(fds[i], 200), "sender %u", i);
    }
    for (unsigned i = 0; i < SENDERS; i++)
        close(fds[i]);
}

/* --- Peers ------------------------------------------------------------------------------------ */

Test(worker_on_uring, leaks_nothing_when_peers_reset_during_a_response)
{
    worker_rig_start(&rig);
    for (unsigned i = 0; i < 200; i++) {
        char byte[1000];
        int fd = wire_connect(rig.port);
        cr_assert(wire_send(fd, i % 2 ? STR(GET("/large.bin") GET("/large.bin"))
                                      : STR(GET("/small.txt") GET("/large.bin"))));
        if (i % 4)
            cr_expect_gt(read(fd, byte, sizeof byte), 0);
        wire_reset(fd);
    }
    cr_expect(worker_rig_serves_small(&rig));
}

/* Whether the worker stops trying to send within the usual time: no more calls for 50 ms. */
static bool stops_sending(void)
{
    unsigned calls = faults_calls(FAULT_SENDFILE);
    uint64_t begun_ms = worker_rig_now_ms(), still_ms = begun_ms;
    while (worker_rig_now_ms() - begun_ms < WORKER_RIG_PATIENCE_MS) {
        poll(NULL, 0, 1);
        if (faults_calls(FAULT_SENDFILE) != calls)
            still_ms = worker_rig_now_ms();
        calls = faults_calls(FAULT_SENDFILE);
        if (worker_rig_now_ms() - still_ms >= 50)
            return true;
    }
    return false;
}

/* Polls of a half-closed socket complete at once, with POLLRDHUP. */
Test(worker_on_uring, waits_for_a_half_closed_peer_without_spinning)
{
    enum { REQUESTS = 20, ROOM = REQUESTS * (WORKER_RIG_LARGE_BYTES + 1000) };
    char *bytes = malloc(ROOM);
    cr_assert_not_null(bytes);
    worker_rig_start(&rig);
    int fd = wire_connect(rig.port);
    for (unsigned i = 0; i < REQUESTS; i++)
        cr_assert(wire_send(fd, STR(GET("/large.bin"))));
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    cr_expect(stops_sending());
    ssize_t got = wire_read_all(fd, bytes, ROOM);
    cr_assert_gt(got, 0);
    struct str stream = {bytes, (size_t)got};
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct answer answer;
        cr_assert(answer_next(&stream, false, &answer), "answer %u", i);
        cr_expect(tree_filled(answer.body, WORKER_RIG_LARGE_BYTES, 2));
    }
    cr_expect_eq(stream.length, 0);
    free(bytes);
    close(fd);
}

struct flood {
    int fd;
    size_t sent; /* bytes of requests */
    char *bytes; /* of responses */
    size_t got;
};

enum { REQUEST_BYTES = 500, ANSWERS_MAX = 64 << 20 };

/* Request INDEX of the flood, REQUEST_BYTES long; every third is for a missing file. */
static void write_request(char *to, size_t index)
{
    int start = snprintf(to, REQUEST_BYTES,
                         "GET /%s.txt HTTP/1.1\r\nHost: a\r\nX: ", index % 3 ? "small" : "none");
    pad(to, (size_t)start, REQUEST_BYTES);
}

/* Sends as much as the socket takes; to the end of a request if FINISH. Returns whether it took
 * any. */
static bool pour(struct flood *flood)
{
    char request[REQUEST_BYTES + 1];
    write_request(request, flood->sent / REQUEST_BYTES);
    size_t first = flood->sent % REQUEST_BYTES;
    ssize_t sent = send(flood->fd, request + first, REQUEST_BYTES - first, MSG_DONTWAIT);
    if (sent > 0)
        flood->sent += (size_t)sent;
    return sent > 0;
}

static void drink(struct flood *flood)
{
    ssize_t got =
        recv(flood->fd, flood->bytes + flood->got, ANSWERS_MAX - flood->got, MSG_DONTWAIT);
    if (got > 0)
        flood->got += (size_t)got;
}

/* Sends until the worker has stopped reading. */
static void fill(struct flood *flood)
{
    for (unsigned still_ms = 0; still_ms < 300; still_ms++) {
        while (pour(flood))
            still_ms = 0;
        poll(NULL, 0, 1);
    }
}

/* Reads to the end: every request has its response, in order. */
static void expect_answers(struct flood *flood)
{
    cr_assert_eq(shutdown(flood->fd, SHUT_WR), 0);
    ssize_t rest = wire_read_all(flood->fd, flood->bytes + flood->got, ANSWERS_MAX - flood->got);
    cr_assert_geq(rest, 0);
    struct str stream = {flood->bytes, flood->got + (size_t)rest};
    for (size_t i = 0; i < flood->sent / REQUEST_BYTES; i++) {
        struct answer answer;
        cr_assert(answer_next(&stream, false, &answer), "answer %zu", i);
        cr_assert_eq(answer.status, i % 3 ? 200 : 404, "answer %zu", i);
    }
    cr_expect_eq(stream.length, 0);
    close(flood->fd);
}

/* A peer that does not read: the worker stops reading from it, and continues with others. When the
 * peer reads at last, it gets every response, in order: input received in advance was kept. */
Test(worker_on_uring, stops_reading_from_a_peer_that_does_not_read_and_loses_nothing)
{
    worker_rig_start(&rig);
    struct flood flood = {.fd = wire_connect(rig.port), .bytes = malloc(ANSWERS_MAX)};
    cr_assert_not_null(flood.bytes);
    fill(&flood);
    cr_expect_lt(flood.sent, ANSWERS_MAX / 4, "its own buffers and the kernel's, no more");
    cr_expect(worker_rig_serves_small(&rig));
    while (flood.sent % REQUEST_BYTES != 0) {
        drink(&flood);
        pour(&flood);
    }
    expect_answers(&flood);
    free(flood.bytes);
}

/* While the worker is blocked, each client sends so much that a few of them need all buffers:
 * receiving fails, and continues later. */
Test(worker_on_uring, receives_more_input_than_buffers_hold)
{
    enum { PEERS = 40, REQUESTS = 120 };
    static struct flood floods[PEERS];
    worker_rig_start(&rig);
    open_gate();
    int held = hold_worker();
    for (unsigned i = 0; i < PEERS; i++) {
        floods[i] = (struct flood){.fd = wire_connect(rig.port), .bytes = malloc(ANSWERS_MAX)};
        cr_assert_not_null(floods[i].bytes);
        for (unsigned j = 0; j < REQUESTS; j++) {
            char request[REQUEST_BYTES + 1];
            write_request(request, j);
            cr_assert(wire_send(floods[i].fd, (struct str){request, REQUEST_BYTES}));
        }
        floods[i].sent = (size_t)REQUESTS * REQUEST_BYTES;
    }
    let_worker_go(held);
    for (unsigned i = 0; i < PEERS; i++) {
        expect_answers(&floods[i]);
        free(floods[i].bytes);
    }
}

/* The peer's receive and poll are with the kernel when the time is up. */
Test(worker_on_uring, ends_in_time_although_peers_do_not_read)
{
    struct flood floods[20];
    rig.settings->process.drain_ms = 300;
    worker_rig_start(&rig);
    for (unsigned i = 0; i < COUNT_OF(floods); i++) {
        floods[i] = (struct flood){.fd = wire_connect(rig.port)};
        if (i % 2)
            cr_assert(wire_send(floods[i].fd,
                                STR(GET("/large.bin") GET("/large.bin") GET("/large.bin"))));
        else
            fill(&floods[i]);
    }
    uint64_t begun_ms = worker_rig_now_ms();
    worker_drain(rig.worker);
    cr_expect(worker_rig_ends(&rig, WORKER_RIG_PATIENCE_MS));
    cr_expect_lt(worker_rig_now_ms() - begun_ms, 3000);
    cr_expect_geq(worker_rig_count(&rig, COUNTER_RESPONSES_CUT), COUNT_OF(floods) / 2);
    for (unsigned i = 0; i < COUNT_OF(floods); i++)
        close(floods[i].fd);
}
