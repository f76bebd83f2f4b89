/* transport_tls_rig: one connection over TLS with a real socket, without a loop, and its client of
 * libssl. Criterion only; only in builds with OpenSSL. */
#ifndef SLUICE_TESTS_TRANSPORT_TLS_RIG_H
#define SLUICE_TESTS_TRANSPORT_TLS_RIG_H

#ifdef SLUICE_HAVE_OPENSSL

#include "conn/conn_phase.h"
#include "conn/transport_tls_parts.h"
#include "support/tls_talker.h"

#include <errno.h>
#include <poll.h>

enum {
    TURN_BYTES = 256 << 10,
    SLOTS = 4,
    PLAIN_ORIGIN = 5,
    RECORDS_MAX = 4096,
    OVERHEAD = 22,       /* of a record of TLS 1.3 */
    SMALL_RECORD = 4096, /* of plaintext, at first */
};

#define GET(path, more) "GET " path " HTTP/1.1\r\nHost: a\r\n" more "\r\n"

static const char mixed[] = GET("/small.txt", "") GET("/none", "") GET("/large.bin", "")
    GET("/tiny.txt", "") GET("/medium.bin", "") GET("/large.bin", "Range: bytes=5-70000\r\n")
        GET("/small.txt", "Connection: close\r\n");

static struct rig rig;
static struct tls_shared *shared;
static const struct origin origins[ORIGINS_MAX] = {{.plain_index = PLAIN_ORIGIN}};
static struct conn conn;
static struct tls_talker client;
static int client_fd;

static inline void open_conn(int version)
{
    int server;
    wire_pair(&server, &client_fd);
    conn_init(&conn, server);
    conn.transport_index = TRANSPORT_TLS;
    tls_talker_init(&client, version);
}

static inline void close_conn(void)
{
    conn_fini(&rig.context, &conn);
    close(conn.socket.fd);
    close(client_fd);
    tls_talker_fini(&client);
}

static inline void reopen_conn(int version)
{
    close_conn();
    open_conn(version);
}

static inline void set_up(void)
{
    struct problem problem;
    rig_init(&rig, 1 << 20);
    shared = tls_talker_shared();
    struct transport_tls *tls;
    cr_assert_eq(transport_tls_create(&tls, shared, SLOTS, &problem), 0);
    transport_tls_use(&rig.context, tls);
    rig.context.origins = origins;
    open_conn(TLS1_3_VERSION);
}

static inline void tear_down(void)
{
    close_conn();
    transport_tls_destroy(rig.context.tls);
    tls_shared_destroy(shared);
    rig_fini(&rig);
}

static inline void read_arrived(void)
{
    struct pollfd event = {.fd = client_fd, .events = POLLIN};
    while (poll(&event, 1, 0) == 1 && tls_talker_receive(&client, client_fd)) {
    }
}

/* One move, as a loop's turn would do it, if events said all the time that there is something. */
static inline enum transport_result move(void)
{
    const struct transport *transport = conn_transport(&rig.context, &conn);
    size_t budget = TURN_BYTES;
    enum transport_result result = TRANSPORT_NOTHING;
    rig.context.now.turn++;
    conn.socket.readable = conn.socket.writable = true;
    conn_work(&rig.context, &conn);
    if (conn_wants_output(&conn))
        result = transport->send(&rig.context, &conn, &budget);
    else if (conn_wants_input(&conn))
        result = transport->receive(&rig.context, &conn, &budget);
    conn_work(&rig.context, &conn);
    return result;
}

/* Moves until there is nothing to move. */
static inline enum transport_result settle(void)
{
    enum transport_result result;
    do
        result = move();
    while (result == TRANSPORT_PROGRESS && !conn.socket.input_ended);
    read_arrived();
    return result;
}

static inline void shake_hands(void)
{
    for (unsigned i = 0; i < 4; i++) {
        tls_talker_work(&client);
        cr_assert(tls_talker_send(&client, client_fd));
        settle();
    }
    cr_assert(client.ready && !conn.socket.handshaking);
}

static inline void request(struct str bytes)
{
    tls_talker_seal(&client, bytes, TLS_RECORD_BYTES_MAX);
    cr_assert(tls_talker_send(&client, client_fd));
}

/* Moves until the session has ended and our side is shut; SEALED is sent after the handshake. */
static inline void run_to_end(struct str sealed, size_t record_bytes)
{
    bool asked = false;
    for (unsigned i = 0;; i++) {
        cr_assert_lt(i, 2000000, "no progress");
        tls_talker_work(&client);
        if (client.ready && !asked)
            tls_talker_seal(&client, sealed, record_bytes);
        asked = client.ready;
        cr_assert(tls_talker_send(&client, client_fd));
        cr_assert_neq(move(), TRANSPORT_FAILED);
        rig_await(&rig, &conn);
        if (i % 64 == 0)
            conn_settle(&rig.context, &conn);
        read_arrived();
        if (conn_verdict(&rig.context, &conn) != CONN_GOES_ON &&
            conn_transport(&rig.context, &conn)->shut(&rig.context, &conn) == TRANSPORT_PROGRESS)
            break;
    }
    read_arrived();
    cr_expect(client.ended && !client.failed, "no close_notify");
}

static inline struct pile undisturbed(struct str requests)
{
    struct pile pile = {0};
    struct conn other;
    conn_init(&other, -1);
    rig_exchange(&rig, &other, requests, &pile);
    conn_fini(&rig.context, &other);
    return pile;
}

#endif
#endif
