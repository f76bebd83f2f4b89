/* loop: another transport, with records (xor_transport), on each engine. */
#include "support/seams_sessions.h"

TestSuite(records_epoll, .init = set_up_epoll, .fini = tear_down, .timeout = 120);
TestSuite(records_uring, .init = set_up_uring, .fini = tear_down, .timeout = 120);

static void expect_orderly_ends(unsigned count)
{
    struct xor_counts counts = xor_counts();
    cr_expect_eq(counts.handshakes, count);
    cr_expect_eq(counts.closes, count, "each is ended by a record before FIN");
    cr_expect_eq(counts.finis, count);
    cr_expect_eq(counts.broken, 0);
}

/* Pipelined and split anywhere: a client that opens the records reads the bytes that it would have
 * read without them. */
SEAMS_TEST(records, records_carry_every_session_unchanged)
{
    expect_sessions_unchanged(TRANSPORT_XOR, talk_xor);
    stop();
    expect_orderly_ends(SESSIONS);
}

/* On io_uring the rest stays with the engine, as raw bytes. */
SEAMS_TEST(records, records_wait_until_the_session_takes_them)
{
    expect_waiting_requests_answered(TRANSPORT_XOR, talk_xor);
}

/* A handshake that does not come has the time of a head, and one that is wrong ends the
 * connection. */
SEAMS_TEST(records, ends_connections_without_a_handshake)
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
