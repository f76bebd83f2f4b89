/* loop: another transport, with records (xor_transport), on each engine. */
#include "support/seams_rig.h"

TestSuite(records_epoll, .init = set_up_epoll, .fini = tear_down, .timeout = 120);
TestSuite(records_uring, .init = set_up_uring, .fini = tear_down, .timeout = 120);

/* A test of a loop on each engine. */
#define BOTH(name)            \
    static void name(void);   \
    Test(records_epoll, name) \
    {                         \
        name();               \
    }                         \
    Test(records_uring, name) \
    {                         \
        name();               \
    }                         \
    static void name(void)

/* --- Records ---------------------------------------------------------------------------------- */

#define HOST            "Host: a\r\n"
#define GET(path, more) "GET " path " HTTP/1.1\r\n" HOST more "\r\n"

static const struct str requests[] = {
    STR_INIT(GET("/tiny.txt", "")),
    STR_INIT(GET("/small.txt", "")),
    STR_INIT(GET("/medium.bin", "")),
    STR_INIT("HEAD /medium.bin HTTP/1.1\r\n" HOST "\r\n"),
    STR_INIT("GET /tiny.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    STR_INIT(GET("/none", "")),
    STR_INIT(GET("/medium.bin", "Range: bytes=1000-199999\r\n")),
    STR_INIT(GET("/small.txt", "Range: bytes=0-9, 100-109\r\n")),
    STR_INIT(GET("/small.txt", "If-None-Match: *\r\n")),
    STR_INIT("POST /tiny.txt HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"),
    STR_INIT("POST /tiny.txt HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
             "1\r\nG\r\n0\r\n\r\n"),
    STR_INIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
};

static const struct str last_requests[] = {
    STR_INIT(GET("/small.txt", "Connection: close\r\n")),
    STR_INIT("GET /medium.bin HTTP/1.0\r\n\r\n"),
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
