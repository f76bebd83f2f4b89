/* loop: the seams that TLS and HTTP/2 will use, on each engine and over real sockets: another
 * session, with streams (mux_session), and another transport, with records (xor_transport). */
#include "loop/loop_epoll.h"
#include "loop/loop_uring.h"
#include "support/mux_session.h"
#include "support/uring_or_skip.h"
#include "support/worker_rig.h"
#include "support/xor_transport.h"

#include <pthread.h>
#include <sys/stat.h>

enum { STORAGE_BYTES = 1 << 20, REPLY_BYTES_MAX = 32 << 20, SESSION_MUX = 1, TRANSPORT_XOR = 1 };

static struct rig rig;
static struct conn_table conns;
static struct loop *loop;
static uint16_t port;
static pthread_t thread;
static bool started;

/* Files that were just written have weak entity tags for a while. */
static void make_old(const char *name)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    cr_assert_eq(utimensat(rig.tree.fd, name, times, 0), 0);
}

static void set_up_with(const struct loop_engine *engine)
{
    signal(SIGPIPE, SIG_IGN);
    rig_init(&rig, STORAGE_BYTES);
    make_old("tiny.txt");
    make_old("small.txt");
    make_old("large.bin");
    conn_context_fini(&rig.context);
    date_now_set(&rig.context.now, worker_rig_now_ms(), 784111777);
    conn_context_init(&rig.context, STORAGE_BYTES, 1 << 20, rig.context.now.ms);
    rig.context.header_ms = rig.context.idle_ms = 20000;
    rig.context.sessions[SESSION_MUX] = &mux_session;
    rig.context.transports[TRANSPORT_XOR] = &xor_transport;
    cr_assert_eq(conn_table_init(&conns, &rig.context, 200), 0);
    int listener = wire_listen(&port);
    const struct loop_config config = {
        .context = &rig.context,
        .conns = &conns,
        .listeners = &listener,
        .listener_count = 1,
        .drain_ms = 5000,
    };
    cr_assert_eq(loop_create(&loop, engine, &config), 0);
    xor_reset(1);
}

static void set_up_epoll(void)
{
    set_up_with(&loop_epoll_engine);
}

static void *run(void *argument)
{
    (void)argument;
    return loop_begin(loop) == 0 && loop_run(loop) == 0 ? NULL : loop;
}

/* Connections speak SESSION over TRANSPORT from now on. */
static void start(uint8_t session, uint8_t transport)
{
    loop->listeners.items[0].session_index = session;
    loop->listeners.items[0].transport_index = transport;
    cr_assert_eq(pthread_create(&thread, NULL, run, NULL), 0);
    started = true;
}

static void stop(void)
{
    void *result = NULL;
    loop_drain(loop);
    pthread_join(thread, &result);
    cr_expect_null(result);
    rig.context.draining = false;
    started = false;
}

static void tear_down(void)
{
    if (started)
        stop();
    loop_destroy(loop);
    conn_table_fini(&conns);
    rig_fini(&rig);
}

TestSuite(seams_epoll, .init = set_up_epoll, .fini = tear_down, .timeout = 120);

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

TestSuite(seams_uring, .init = set_up_uring, .fini = tear_down, .timeout = 120);

/* A test of a loop on each engine. */
#define BOTH(name)          \
    static void name(void); \
    Test(seams_epoll, name) \
    {                       \
        name();             \
    }                       \
    Test(seams_uring, name) \
    {                       \
        name();             \
    }                       \
    static void name(void)

/* --- Clients ---------------------------------------------------------------------------------- */

/* Sends REQUEST in pieces that PRNG decides, and reads to the end: the reply is added to RET. */
static void talk_plain(struct str request, struct prng *prng, struct pile *ret)
{
    int fd = wire_connect(port);
    while (request.length > 0) {
        struct str piece = str_first(request, 1 + prng_below(prng, 2000));
        cr_assert(wire_send(fd, piece));
        request = str_from(request, piece.length);
    }
    shutdown(fd, SHUT_WR);
    char *reply = malloc(REPLY_BYTES_MAX);
    cr_assert_not_null(reply);
    ssize_t length = wire_read_all(fd, reply, REPLY_BYTES_MAX);
    cr_assert_geq(length, 0, "the end does not come, or as a reset");
    pile_add(ret, reply, (size_t)length);
    free(reply);
    close(fd);
}

/* The same with a handshake and in records. */
static void talk_xor(struct str request, struct prng *prng, struct pile *ret)
{
    struct xor_key out = {0}, in = {0};
    struct pile raw = {0}, reply = {0};
    pile_add(&raw, XOR_HELLO, sizeof XOR_HELLO - 1);
    xor_seal(&raw, &out, request, 1 + prng_below(prng, XOR_RECORD_MAX));
    talk_plain(pile_view(&raw), prng, &reply);
    struct str records = pile_view(&reply), ready = STR(XOR_READY);
    cr_assert(str_starts_with(records, ready), "no handshake");
    cr_expect(xor_open(ret, &in, str_from(records, ready.length)), "records that are not whole");
    pile_clear(&raw);
    pile_clear(&reply);
}

/* Makes all values of Date the same. */
static void blank_dates(struct pile *pile)
{
    char *at = pile->at, *end = pile->at + pile->length;
    while (at < end && (at = memmem(at, (size_t)(end - at), "\r\nDate: ", 8))) {
        memset(at + 8, '#', DATE_BYTES);
        at += 8;
    }
}

/* --- Streams ---------------------------------------------------------------------------------- */

static const struct {
    const char *path;
    unsigned status;
    size_t bytes;
    uint64_t seed;
} resources[] = {
    {"/tiny.txt", 200, 100, 1},
    {"/large.bin", 200, RIG_LARGE_BYTES, 3},
    {"/small.txt", 200, RIG_SMALL_BYTES, 2},
};

/* Requests of 30 streams, of which every fifth is cancelled at once. */
static void add_streams(struct pile *frames)
{
    for (unsigned i = 0; i < 30; i++) {
        mux_add(frames, MUX_REQUEST, i, str_of(resources[i % COUNT_OF(resources)].path));
        if (i % 5 == 4)
            mux_add(frames, MUX_CANCEL, i, STR(""));
    }
}

static void expect_streams(struct str reply)
{
    static struct mux_client client;
    cr_assert(mux_client_take(&client, &reply));
    cr_expect_eq(reply.length, 0, "a frame is cut");
    for (unsigned i = 0; i < 30; i++) {
        unsigned which = i % COUNT_OF(resources);
        if (i % 5 == 4)
            continue; /* it may have been answered before it was cancelled */
        cr_expect(client.streams[i].ended, "stream %u", i);
        cr_expect_eq(client.streams[i].status, resources[which].status, "stream %u", i);
        cr_expect(tree_filled(pile_view(&client.streams[i].body), resources[which].bytes,
                              resources[which].seed),
                  "stream %u", i);
    }
    mux_client_clear(&client);
}

static void serve_streams(void (*talk)(struct str request, struct prng *prng, struct pile *ret))
{
    struct prng prng = {5};
    rig_make_cold(true);
    for (unsigned i = 0; i < 4; i++) {
        struct pile frames = {0}, reply = {0};
        add_streams(&frames);
        talk(pile_view(&frames), &prng, &reply);
        expect_streams(pile_view(&reply));
        pile_clear(&frames);
        pile_clear(&reply);
    }
    rig_make_cold(false);
}

BOTH(serves_streams_that_wait_each_for_its_own_file)
{
    start(SESSION_MUX, TRANSPORT_PLAIN);
    serve_streams(talk_plain);
}

BOTH(serves_streams_over_records)
{
    start(SESSION_MUX, TRANSPORT_XOR);
    serve_streams(talk_xor);
    stop();
    cr_expect_eq(xor_counts().handshakes, 4);
}

/* --- Records ---------------------------------------------------------------------------------- */

#define HOST            "Host: a\r\n"
#define GET(path, more) "GET " path " HTTP/1.1\r\n" HOST more "\r\n"

static const struct str requests[] = {
    STR_INIT(GET("/tiny.txt", "")),
    STR_INIT(GET("/small.txt", "")),
    STR_INIT(GET("/large.bin", "")),
    STR_INIT("HEAD /large.bin HTTP/1.1\r\n" HOST "\r\n"),
    STR_INIT("GET /tiny.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    STR_INIT(GET("/none", "")),
    STR_INIT(GET("/large.bin", "Range: bytes=1000-199999\r\n")),
    STR_INIT(GET("/small.txt", "Range: bytes=0-9, 100-109\r\n")),
    STR_INIT(GET("/small.txt", "If-None-Match: *\r\n")),
    STR_INIT("POST /tiny.txt HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"),
    STR_INIT("POST /tiny.txt HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
             "1\r\nG\r\n0\r\n\r\n"),
    STR_INIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
};

static const struct str last_requests[] = {
    STR_INIT(GET("/small.txt", "Connection: close\r\n")),
    STR_INIT("GET /large.bin HTTP/1.0\r\n\r\n"),
    STR_INIT("GET /tiny.txt HTTP/1.1\r\n\r\n"),
    STR_INIT("GET /tiny.txt\r\n\r\n"),
};

static void add(struct pile *pile, const struct str *from, size_t count, struct prng *prng)
{
    struct str picked = from[prng_below(prng, count)];
    pile_add(pile, picked.at, picked.length);
}

enum { SESSIONS = 40 };

/* Session INDEX, the same in each call. */
static void add_session(struct pile *pile, unsigned index)
{
    struct prng prng = {index};
    unsigned count = (unsigned)prng_below(&prng, 20);
    for (unsigned i = 0; i < count; i++)
        add(pile, requests, COUNT_OF(requests), &prng);
    add(pile, last_requests, COUNT_OF(last_requests), &prng);
}

static void expect_orderly_ends(unsigned count)
{
    struct xor_counts counts = xor_counts();
    cr_expect_eq(counts.handshakes, count);
    cr_expect_eq(counts.closes, count, "each is ended by a record before FIN");
    cr_expect_eq(counts.finis, count);
    cr_expect_eq(counts.broken, 0);
}

/* Whole sessions, pipelined and split anywhere: a client that opens the records reads the bytes
 * that it would have read without them. */
BOTH(records_carry_every_session_unchanged)
{
    static struct pile expected[SESSIONS];
    struct prng prng = {9};
    start(SESSION_HTTP_1, TRANSPORT_PLAIN);
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct pile session = {0};
        add_session(&session, i);
        talk_plain(pile_view(&session), &prng, &expected[i]);
        blank_dates(&expected[i]);
        pile_clear(&session);
    }
    loop->listeners.items[0].transport_index = TRANSPORT_XOR;
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct pile session = {0}, reply = {0};
        add_session(&session, i);
        talk_xor(pile_view(&session), &prng, &reply);
        blank_dates(&reply);
        cr_expect_gt(reply.length, 0);
        cr_expect(str_equal(pile_view(&reply), pile_view(&expected[i])), "session %u", i);
        pile_clear(&session);
        pile_clear(&reply);
        pile_clear(&expected[i]);
    }
    stop();
    expect_orderly_ends(SESSIONS);
}

/* More input than the session takes while its output waits: on io_uring the rest stays with the
 * engine, as raw bytes. */
BOTH(records_wait_until_the_session_takes_them)
{
    enum { LARGE = 60, SMALL = 1500 }; /* 18 MB, more than a client's socket takes unread */
    struct prng prng = {11};
    struct pile session = {0}, reply = {0};
    for (unsigned i = 0; i < LARGE; i++)
        pile_add(&session, requests[2].at, requests[2].length);
    for (unsigned i = 0; i < SMALL; i++)
        pile_add(&session, requests[0].at, requests[0].length);
    pile_add(&session, last_requests[0].at, last_requests[0].length);
    start(SESSION_HTTP_1, TRANSPORT_XOR);
    talk_xor(pile_view(&session), &prng, &reply);
    struct str stream = pile_view(&reply);
    struct answer answer;
    unsigned answers = 0;
    while (answer_next(&stream, false, &answer))
        answers += answer.status == 200;
    cr_expect_eq(stream.length, 0);
    cr_expect_eq(answers, LARGE + SMALL + 1);
    pile_clear(&session);
    pile_clear(&reply);
}

/* A handshake that does not come has the time of a head, and one that is wrong ends the
 * connection. */
BOTH(ends_connections_without_a_handshake)
{
    char byte;
    rig.context.header_ms = 100;
    start(SESSION_HTTP_1, TRANSPORT_XOR);
    int silent = wire_connect(port), wrong = wire_connect(port);
    cr_assert(wire_send(silent, STR("HEL")));
    cr_assert(wire_send(wrong, STR("GET / HTTP/1.1\r\n")));
    cr_expect_leq(read(wrong, &byte, 1), 0);
    cr_expect_eq(read(silent, &byte, 1), 0);
    close(silent);
    close(wrong);
    stop();
    cr_expect_eq(xor_counts().handshakes, 0);
    cr_expect_eq(xor_counts().finis, 2);
}
