/* transport: one that transforms bytes (xor_transport), under calls that move little, are
 * interrupted or fail. Real sockets, no loop. */
#include "support/conn_rig.h"
#include "support/wire.h"
#include "support/xor_transport.h"

#include <errno.h>

enum { TURN_BYTES = 256 << 10, TRANSPORT_XOR = 1 };

#define GET(path, more) "GET " path " HTTP/1.1\r\nHost: a\r\n" more "\r\n"

static const char mixed[] =
    GET("/small.txt", "") GET("/none", "") GET("/large.bin", "") GET("/tiny.txt", "")
        GET("/large.bin", "Range: bytes=5-70000\r\n") GET("/small.txt", "Connection: close\r\n");

static struct rig rig;
static struct conn conn;
static struct pile output;
static int client;

static void open_conn(void)
{
    int server;
    wire_pair(&server, &client);
    conn_init(&conn, server);
    conn.transport_index = TRANSPORT_XOR;
}

static void close_conn(void)
{
    conn_fini(&rig.context, &conn);
    close(conn.socket.fd);
    close(client);
    pile_clear(&output);
}

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    rig.context.transports[TRANSPORT_XOR] = &xor_transport;
    xor_reset(1);
    open_conn();
}

static void tear_down(void)
{
    close_conn();
    rig_fini(&rig);
}

TestSuite(transport_records, .init = set_up, .fini = tear_down, .timeout = 120);

static void read_arrived(void)
{
    pile_add_arrived(&output, client);
}

/* One move, as a loop's turn would do it, if events said all the time that there is something. */
static enum transport_result move(void)
{
    size_t budget = TURN_BYTES;
    enum transport_result result = TRANSPORT_NOTHING;
    conn.socket.readable = conn.socket.writable = true;
    conn_work(&rig.context, &conn);
    if (conn_wants_output(&conn))
        result = xor_transport.send(&rig.context, &conn, &budget);
    else if (conn_wants_input(&conn))
        result = xor_transport.receive(&rig.context, &conn, &budget);
    conn_work(&rig.context, &conn);
    return result;
}

/* Moves until the session has ended and our side is shut. */
static void run_to_end(void)
{
    for (unsigned i = 0;; i++) {
        cr_assert_lt(i, 2000000, "no progress");
        cr_assert_neq(move(), TRANSPORT_FAILED);
        rig_await(&rig, &conn);
        if (i % 64 == 0)
            conn_settle(&rig.context, &conn);
        read_arrived();
        if (conn_verdict(&rig.context, &conn) != CONN_GOES_ON &&
            xor_transport.shut(&rig.context, &conn) == TRANSPORT_PROGRESS)
            return;
    }
}

/* A handshake and MIXED in records of at most RECORD_MAX bytes. */
static void send_records(size_t record_max)
{
    struct pile raw = {0};
    struct xor_key key = {0};
    pile_add(&raw, XOR_HELLO, sizeof XOR_HELLO - 1);
    xor_seal(&raw, &key, STR(mixed), record_max);
    cr_assert(wire_send(client, pile_view(&raw)));
    pile_clear(&raw);
}

/* The bytes that the client has received, opened. */
static struct pile opened(void)
{
    struct pile plain = {0};
    struct xor_key key = {0};
    struct str records = pile_view(&output), ready = STR(XOR_READY);
    cr_assert(str_starts_with(records, ready), "no handshake");
    cr_expect(xor_open(&plain, &key, str_from(records, ready.length)), "a record is not whole");
    return plain;
}

Test(transport_records, any_pattern_of_partial_calls_gives_the_same_bytes)
{
    struct pile expected = {0};
    struct conn other;
    conn_init(&other, -1);
    rig_exchange(&rig, &other, STR(mixed), &expected);
    conn_fini(&rig.context, &other);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        close_conn();
        open_conn();
        faults_hinder(FAULT_SEND, seed * 10);
        faults_hinder(FAULT_RECV, seed * 10 + 1);
        send_records(1 + (size_t)(seed * 71 % XOR_RECORD_MAX));
        run_to_end();
        read_arrived();
        struct pile plain = opened();
        cr_expect(str_equal(pile_view(&plain), pile_view(&expected)), "seed %d", (int)seed);
        pile_clear(&plain);
    }
    cr_expect_eq(xor_counts().broken, 0);
    pile_clear(&expected);
}

Test(transport_records, errors_of_the_socket_are_failures)
{
    static const enum fault calls[] = {FAULT_RECV, FAULT_SEND};
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        close_conn();
        open_conn();
        send_records(XOR_RECORD_MAX);
        faults_fail(calls[i], 0, FAULT_ALWAYS, ECONNRESET);
        enum transport_result result = TRANSPORT_PROGRESS;
        for (unsigned moves = 0; result != TRANSPORT_FAILED && moves < 1000; moves++)
            result = move();
        faults_clear();
        cr_expect_eq(result, TRANSPORT_FAILED);
    }
}

/* Sealed bytes are kept while the socket takes nothing, and sent before others are sealed. */
Test(transport_records, keeps_sealed_bytes_while_the_socket_takes_nothing)
{
    send_records(XOR_RECORD_MAX);
    while (!conn.socket.holds_output)
        cr_assert_neq(move(), TRANSPORT_FAILED);
    faults_fail(FAULT_SEND, 0, 50, EAGAIN);
    uint64_t unsent = outq_unsent(&conn.output);
    for (unsigned i = 0; i < 50; i++) {
        cr_expect_eq(move(), TRANSPORT_NOTHING);
        cr_expect_not(conn.socket.writable);
        cr_expect(conn.socket.holds_output);
        cr_expect_eq(outq_unsent(&conn.output), unsent);
        cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_GOES_ON);
    }
    run_to_end();
    read_arrived();
    struct pile plain = opened();
    cr_expect_gt(plain.length, RIG_LARGE_BYTES);
    pile_clear(&plain);
}
