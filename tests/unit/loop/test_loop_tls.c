/* loop: TLS on each engine, with clients of libssl. */
#ifdef SLUICE_HAVE_OPENSSL

#include "support/seams_sessions.h"
#include "support/seams_tls.h"

TestSuite(tls_epoll, .init = set_up_tls_epoll, .fini = tear_down_tls, .timeout = 120);
TestSuite(tls_uring, .init = set_up_tls_uring, .fini = tear_down_tls, .timeout = 120);

/* --- Clients ---------------------------------------------------------------------------------- */

/* Receives until close_notify and the end. */
static void receive_all(struct tls_talker *client, int fd)
{
    while (tls_talker_receive(client, fd)) {
    }
    cr_expect(client->ended && !client->failed, "no orderly end");
}

/* Seals REQUEST in records of any size, and sends them cut anywhere. */
static void talk_tls(struct str request, int version, struct prng *prng, struct pile *ret)
{
    struct tls_talker client;
    struct pile raw = {0};
    const int fd = connect_tls(&client, version);
    tls_talker_seal(&client, request, 1 + prng_below(prng, 3000));
    tls_talker_give(&client, &raw);
    struct str left = pile_view(&raw);
    while (left.length > 0) {
        struct str piece = str_first(left, 1 + prng_below(prng, 2000));
        cr_assert(wire_send(fd, piece));
        left = str_from(left, piece.length);
    }
    shutdown(fd, SHUT_WR);
    receive_all(&client, fd);
    pile_add(ret, client.opened.at, client.opened.length);
    pile_clear(&raw);
    tls_talker_fini(&client);
    close(fd);
}

static bool is_served(void)
{
    struct tls_talker client;
    const int fd = connect_tls(&client, TLS1_3_VERSION);
    tls_talker_seal(&client, STR(GET("/tiny.txt", "Connection: close\r\n")), TLS_RECORD_BYTES_MAX);
    const bool sent = tls_talker_send(&client, fd);
    receive_all(&client, fd);
    const bool served = sent && client.opened.length > 100;
    tls_talker_fini(&client);
    close(fd);
    return served;
}

/* --- Sessions --------------------------------------------------------------------------------- */

static void talk_either(struct str request, struct prng *prng, struct pile *ret)
{
    talk_tls(request, prng_below(prng, 3) ? TLS1_3_VERSION : TLS1_2_VERSION, prng, ret);
}

SEAMS_TEST(tls, tls_carries_every_session_unchanged)
{
    expect_sessions_unchanged(TRANSPORT_TLS, talk_either);
}

/* The rest waits as ciphertext. */
SEAMS_TEST(tls, requests_wait_until_the_session_takes_them)
{
    expect_waiting_requests_answered(TRANSPORT_TLS, talk_either);
}

/* The first bytes come in pieces, so that some of them are left with the engine. */
SEAMS_TEST(tls, serves_plain_http_on_its_port_whole)
{
    struct prng prng = {13};
    start(SESSION_HTTP_1, TRANSPORT_TLS);
    for (unsigned i = 0; i < 20; i++) {
        struct pile session = {0}, reply = {0};
        add_session(&session, i);
        talk_plain(pile_view(&session), &prng, &reply);
        cr_expect(str_starts_with(pile_view(&reply), STR("HTTP/1.")), "session %u", i);
        pile_clear(&session);
        pile_clear(&reply);
    }
}

/* --- Clients that stop or go ------------------------------------------------------------------ */

SEAMS_TEST(tls, a_handshake_that_stops_has_the_time_of_a_head)
{
    struct tls_talker client;
    struct pile hello = {0};
    char byte;
    rig.context.header_ms = 200;
    start(SESSION_HTTP_1, TRANSPORT_TLS);
    const int silent = wire_connect(port), stopped = wire_connect(port);
    tls_talker_init(&client, TLS1_3_VERSION);
    tls_talker_work(&client);
    tls_talker_give(&client, &hello);
    cr_assert(wire_send(stopped, str_first(pile_view(&hello), 100)));
    cr_expect_eq(read(silent, &byte, 1), 0);
    cr_expect_eq(read(stopped, &byte, 1), 0);
    cr_expect(is_served());
    close(silent);
    close(stopped);
    pile_clear(&hello);
    tls_talker_fini(&client);
}

/* As curl: close_notify, then close. The server's own close_notify is answered by a reset. */
SEAMS_TEST(tls, a_client_that_says_it_is_done_is_not_counted_as_one_that_reset)
{
    start(SESSION_HTTP_1, TRANSPORT_TLS);
    for (unsigned i = 0; i < 20; i++) {
        struct tls_talker client;
        const int fd = connect_tls(&client, TLS1_3_VERSION);
        tls_talker_seal(&client, STR(GET("/tiny.txt", "")), TLS_RECORD_BYTES_MAX);
        cr_assert(tls_talker_send(&client, fd));
        while (client.opened.length == 0 && tls_talker_receive(&client, fd)) {
        }
        SSL_shutdown(client.ssl);
        cr_assert(tls_talker_send(&client, fd));
        tls_talker_fini(&client);
        close(fd);
    }
    cr_expect(is_served());
    stop();
    cr_expect_eq(counters_read(&rig.counters, COUNTER_CONNECTIONS_RESET), 0);
}

SEAMS_TEST(tls, an_idle_connection_ends_with_close_notify)
{
    struct tls_talker client;
    rig.context.idle_ms = 200;
    start(SESSION_HTTP_1, TRANSPORT_TLS);
    const int fd = connect_tls(&client, TLS1_3_VERSION);
    tls_talker_seal(&client, STR(GET("/tiny.txt", "")), TLS_RECORD_BYTES_MAX);
    cr_assert(tls_talker_send(&client, fd));
    receive_all(&client, fd);
    tls_talker_fini(&client);
    close(fd);
}

/* Sends the first LENGTH bytes that a client sends by itself, its answer to the server's flight and
 * a request for a large file, and resets the connection. Whether there were so many bytes. */
static bool reset_after(size_t length)
{
    struct tls_talker client;
    struct pile raw = {0};
    const int fd = wire_connect(port);
    tls_talker_init(&client, TLS1_3_VERSION);
    tls_talker_work(&client);
    tls_talker_give(&client, &raw);
    const size_t hello_bytes = raw.length;
    cr_assert(wire_send(fd, str_first(pile_view(&raw), length)));
    if (length >= hello_bytes) {
        while (!client.ready && tls_talker_receive(&client, fd)) {
        }
        tls_talker_seal(&client, STR(GET("/medium.bin", "")), TLS_RECORD_BYTES_MAX);
        tls_talker_give(&client, &raw);
        wire_send(fd, str_from(str_first(pile_view(&raw), length), hello_bytes));
    }
    if (length > raw.length)
        tls_talker_receive(&client, fd); /* in the middle of the answer */
    const bool enough = length <= raw.length;
    wire_reset(fd);
    pile_clear(&raw);
    tls_talker_fini(&client);
    return enough;
}

SEAMS_TEST(tls, a_client_that_resets_at_any_point_harms_nothing)
{
    start(SESSION_HTTP_1, TRANSPORT_TLS);
    size_t length = 0;
    while (reset_after(length))
        length += length % 50 == 0 ? 1 : 7;
    cr_expect(is_served());
    stop();
    cr_expect_eq(conns.open_count, 0);
}

/* More than a turn has steps for. All are served, whichever comes first. */
SEAMS_TEST(tls, a_crowd_of_handshakes_is_served)
{
    enum { CROWD = 100 };
    static struct tls_talker clients[CROWD];
    static int fds[CROWD];
    start(SESSION_HTTP_1, TRANSPORT_TLS);
    for (unsigned i = 0; i < CROWD; i++) {
        fds[i] = wire_connect(port);
        tls_talker_init(&clients[i], i % 4 ? TLS1_3_VERSION : TLS1_2_VERSION);
        tls_talker_work(&clients[i]);
    }
    for (unsigned i = 0; i < CROWD; i++)
        cr_assert(tls_talker_send(&clients[i], fds[i]));
    for (unsigned i = 0; i < CROWD; i++) {
        while (!clients[i].ready && tls_talker_receive(&clients[i], fds[i]))
            cr_assert(tls_talker_send(&clients[i], fds[i]));
        cr_assert(clients[i].ready, "client %u", i);
        tls_talker_seal(&clients[i], STR(GET("/tiny.txt", "Connection: close\r\n")),
                        TLS_RECORD_BYTES_MAX);
        cr_assert(tls_talker_send(&clients[i], fds[i]));
    }
    for (unsigned i = 0; i < CROWD; i++) {
        receive_all(&clients[i], fds[i]);
        cr_expect_gt(clients[i].opened.length, 100, "client %u", i);
        tls_talker_fini(&clients[i]);
        close(fds[i]);
    }
}

/* More than may be at once stop in the middle of their handshakes. A client that waits for one of
 * them to end is served when it does, and one with a connection all the time. */
SEAMS_TEST(tls, handshakes_that_stop_take_bounded_memory)
{
    enum { STOPPED = 100 };
    static int fds[STOPPED];
    struct tls_talker settled, client;
    rig.context.handshakes.count_max = STOPPED / 2;
    start(SESSION_HTTP_1, TRANSPORT_TLS);
    const int fd = connect_tls(&settled, TLS1_3_VERSION);
    for (unsigned i = 0; i < STOPPED; i++) {
        fds[i] = wire_connect(port);
        tls_talker_init(&client, TLS1_3_VERSION);
        tls_talker_work(&client);
        cr_assert(tls_talker_send(&client, fds[i]));
        tls_talker_fini(&client);
    }
    tls_talker_seal(&settled, STR(GET("/tiny.txt", "Connection: close\r\n")), TLS_RECORD_BYTES_MAX);
    cr_assert(tls_talker_send(&settled, fd));
    receive_all(&settled, fd);
    cr_expect_gt(settled.opened.length, 100);
    const int waiting = wire_connect(port);
    tls_talker_init(&client, TLS1_3_VERSION);
    tls_talker_work(&client);
    cr_assert(tls_talker_send(&client, waiting));
    for (unsigned i = 0; i < STOPPED; i++)
        close(fds[i]);
    cr_expect(tls_talker_connect(&client, waiting));
    tls_talker_fini(&client);
    tls_talker_fini(&settled);
    close(waiting);
    close(fd);
}

/* Connects COUNT clients that send HELLO and stop, once the server has answered each. */
static void connect_stopped(int *ret, unsigned count, struct str hello)
{
    char byte;
    for (unsigned i = 0; i < count; i++) {
        ret[i] = wire_connect(port);
        cr_assert(wire_send(ret[i], hello));
        cr_assert_eq(recv(ret[i], &byte, 1, MSG_PEEK), 1);
    }
}

/* Connects COUNT clients, of which half say nothing and half speak plain HTTP. */
static void connect_without_tls(int *ret, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        ret[i] = wire_connect(port);
        cr_assert(i % 2 || wire_send(ret[i], STR("GET / HTTP/1.1\r\n\r\n")));
    }
}

static void close_each(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

/* Connections that wait, and then begin no handshake, do not keep the others waiting. */
SEAMS_TEST(tls, a_client_does_not_wait_for_others_that_begin_no_handshake)
{
    enum { STOPPED = 10, OTHERS = 20 };
    static int stopped[STOPPED], others[OTHERS];
    struct tls_talker client, settled;
    struct pile hello = {0};
    rig.context.handshakes.count_max = STOPPED;
    start(SESSION_HTTP_1, TRANSPORT_TLS);
    const int first = connect_tls(&settled, TLS1_3_VERSION);
    tls_talker_init(&client, TLS1_3_VERSION);
    tls_talker_work(&client);
    tls_talker_give(&client, &hello);
    connect_stopped(stopped, STOPPED, pile_view(&hello));
    const int waiting = wire_connect(port);
    cr_assert(wire_send(waiting, pile_view(&hello)));
    connect_without_tls(others, OTHERS);
    tls_talker_seal(&settled, STR(GET("/tiny.txt", "Connection: close\r\n")), TLS_RECORD_BYTES_MAX);
    cr_assert(tls_talker_send(&settled, first));
    receive_all(&settled, first); /* the loop has had turns since */
    close(stopped[0]);
    while (!client.ready && tls_talker_receive(&client, waiting)) {
    }
    cr_expect(client.ready);
    close_each(&stopped[1], STOPPED - 1);
    close_each(others, OTHERS);
    close(waiting);
    close(first);
    tls_talker_fini(&client);
    tls_talker_fini(&settled);
    pile_clear(&hello);
}

/* The latest that waits comes first, and those that have been at it for a second go. */
SEAMS_TEST(tls, a_client_does_not_wait_for_handshakes_that_stop)
{
    enum { STOPPED = 150 };
    static int fds[STOPPED];
    struct tls_talker client;
    struct pile hello = {0};
    rig.context.handshakes.count_max = STOPPED / 3;
    start(SESSION_HTTP_1, TRANSPORT_TLS);
    tls_talker_init(&client, TLS1_3_VERSION);
    tls_talker_work(&client);
    tls_talker_give(&client, &hello);
    for (unsigned i = 0; i < STOPPED; i++) {
        fds[i] = wire_connect(port);
        cr_assert(wire_send(fds[i], str_first(pile_view(&hello), i % 2 ? hello.length : 100)));
    }
    cr_expect(is_served());
    cr_expect(is_served());
    for (unsigned i = 0; i < STOPPED; i++)
        close(fds[i]);
    tls_talker_fini(&client);
    pile_clear(&hello);
}

#endif
