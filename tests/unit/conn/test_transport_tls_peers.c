/* transport_tls: peers that speak something else, send garbage, leave, or are too many. */
#ifdef SLUICE_HAVE_OPENSSL

#include "support/transport_tls_rig.h"

TestSuite(transport_tls_peers, .init = set_up, .fini = tear_down, .timeout = 240);

/* --- What clients do -------------------------------------------------------------------------- */

Test(transport_tls_peers, plain_http_makes_a_plain_connection_of_another_origin)
{
    cr_assert(wire_send(client_fd, STR("G")));
    cr_expect_eq(move(), TRANSPORT_PROGRESS);
    cr_expect_eq(conn.transport_index, TRANSPORT_PLAIN);
    cr_expect_eq(conn.origin, PLAIN_ORIGIN);
    cr_expect_not(conn.socket.handshaking);
    cr_expect(conn.session.h1.closing, "more than one answer");
    cr_expect_null(transport_tls_peer(rig.context.tls, &conn));
    cr_expect_null(transport_tls_certificate(&rig.context, &conn));
    cr_assert(wire_send(client_fd, STR("ET /tiny.txt HTTP/1.1\r\nHost: a\r\n\r\n")));
    cr_expect_eq(move(), TRANSPORT_PROGRESS);
    cr_expect_eq(move(), TRANSPORT_PROGRESS);
    char bytes[100];
    cr_assert_geq(read(client_fd, bytes, sizeof bytes), 12);
    cr_expect(str_starts_with((struct str){bytes, 12}, STR("HTTP/1.1 200")));
}

/* Such as an upload, of which much comes at once. */
Test(transport_tls_peers, plain_http_of_any_length_is_taken)
{
    static char upload[60000];
    char bytes[100];
    memset(upload, 'x', sizeof upload);
    str_put(upload, STR("PUT /tiny.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 59000\r\n\r\n"));
    cr_assert(wire_send(client_fd, (struct str){upload, sizeof upload}));
    cr_expect_eq(move(), TRANSPORT_PROGRESS);
    cr_expect_eq(conn.transport_index, TRANSPORT_PLAIN);
    for (unsigned i = 0; i < 10; i++)
        cr_expect_neq(move(), TRANSPORT_FAILED);
    cr_assert_geq(read(client_fd, bytes, sizeof bytes), 12);
    cr_expect(str_starts_with((struct str){bytes, 12}, STR("HTTP/1.1 405")));
}

Test(transport_tls_peers, other_bytes_end_the_connection)
{
    static const char firsts[] = {'\0', ' ', '\x15', '\x17', '\x80', '\r', '5', '\xff'};
    for (size_t i = 0; i < sizeof firsts; i++) {
        reopen_conn(TLS1_3_VERSION);
        cr_assert(wire_send(client_fd, (struct str){&firsts[i], 1}));
        cr_expect_eq(move(), TRANSPORT_FAILED);
    }
}

/* Changes the last byte of what the client sends. */
static void send_broken(void)
{
    struct pile raw = {0};
    tls_talker_give(&client, &raw);
    raw.at[raw.length - 1] ^= 1;
    cr_assert(wire_send(client_fd, pile_view(&raw)));
    pile_clear(&raw);
}

/* All that follows is thrown away, so that no reset destroys the alert. */
static void expect_alert(void)
{
    cr_assert(wire_send(client_fd, STR("more that nobody waits for")));
    cr_expect_neq(settle(), TRANSPORT_FAILED);
    cr_expect(client.failed, "no alert has come");
    cr_expect_eq(client.opened.length, 0);
    cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_LINGERS);
    cr_expect_eq(conn_transport(&rig.context, &conn)->shut(&rig.context, &conn),
                 TRANSPORT_PROGRESS);
}

Test(transport_tls_peers, a_broken_record_is_answered_by_an_alert)
{
    shake_hands();
    tls_talker_seal(&client, STR(GET("/tiny.txt", "")), TLS_RECORD_BYTES_MAX);
    send_broken();
    expect_alert();
}

Test(transport_tls_peers, a_broken_finished_is_answered_by_an_alert)
{
    tls_talker_work(&client);
    cr_assert(tls_talker_send(&client, client_fd));
    settle();
    send_broken();
    expect_alert();
}

/* An alert can't come after an answer that is cut. */
Test(transport_tls_peers, a_broken_record_while_an_answer_waits_breaks_the_connection)
{
    shake_hands();
    request(STR(GET("/large.bin", "")));
    faults_fail(FAULT_SEND, 1, FAULT_ALWAYS, EAGAIN);
    for (unsigned i = 0; i < 100 && !conn.socket.holds_output; i++)
        cr_assert_neq(move(), TRANSPORT_FAILED);
    tls_talker_seal(&client, STR(GET("/tiny.txt", "")), TLS_RECORD_BYTES_MAX);
    send_broken();
    size_t budget = TURN_BYTES;
    cr_expect_eq(conn_transport(&rig.context, &conn)->receive(&rig.context, &conn, &budget),
                 TRANSPORT_FAILED);
}

Test(transport_tls_peers, close_notify_ends_the_input)
{
    shake_hands();
    tls_talker_seal(&client, STR(GET("/tiny.txt", "")), TLS_RECORD_BYTES_MAX);
    SSL_shutdown(client.ssl);
    cr_assert(tls_talker_send(&client, client_fd));
    settle();
    for (unsigned i = 0; i < 4; i++)
        move();
    read_arrived();
    cr_expect(conn.socket.input_ended);
    cr_expect_gt(client.opened.length, 100);
    cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_ENDS);
}

Test(transport_tls_peers, a_client_that_goes_in_the_middle_of_a_handshake_gets_nothing_more)
{
    for (unsigned flights = 0; flights < 2; flights++) {
        reopen_conn(TLS1_3_VERSION);
        tls_talker_work(&client);
        if (flights > 0)
            cr_assert(tls_talker_send(&client, client_fd));
        settle();
        const unsigned sends = faults_calls(FAULT_SEND);
        shutdown(client_fd, SHUT_WR);
        cr_expect_eq(move(), TRANSPORT_PROGRESS);
        cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_ENDS);
        cr_expect_eq(conn_transport(&rig.context, &conn)->shut(&rig.context, &conn),
                     TRANSPORT_PROGRESS);
        cr_expect_eq(faults_calls(FAULT_SEND), sends);
    }
}

/* --- Bounds ----------------------------------------------------------------------------------- */

Test(transport_tls_peers, a_turn_has_a_bounded_number_of_handshakes)
{
    size_t budget = TURN_BYTES;
    struct transport_tls *tls = rig.context.tls;
    tls_talker_work(&client);
    cr_assert(tls_talker_send(&client, client_fd));
    conn.socket.readable = true;
    tls->turn = rig.context.now.turn;
    tls->steps = TRANSPORT_TLS_STEPS_MAX;
    cr_expect_eq(conn_transport(&rig.context, &conn)->receive(&rig.context, &conn, &budget),
                 TRANSPORT_LATER);
    cr_expect(conn.postponed && rig.context.postponed.next == &conn.queue);
    list_remove(&conn.queue);
    shake_hands(); /* in other turns */
    cr_expect_not(conn.postponed);
}

Test(transport_tls_peers, beyond_a_number_of_handshakes_a_client_waits_for_the_end_of_another)
{
    struct handshakes *handshakes = &rig.context.handshakes;
    struct conn first = conn;
    const int first_client = client_fd;
    size_t budget = TURN_BYTES;
    tls_talker_work(&client);
    cr_assert(tls_talker_send(&client, client_fd));
    conn.socket.readable = true;
    cr_assert_eq(move(), TRANSPORT_PROGRESS);
    first = conn;
    handshakes->count_max = 1;
    tls_talker_fini(&client);
    open_conn(TLS1_3_VERSION);
    conn.slot = 1;
    tls_talker_work(&client);
    cr_assert(tls_talker_send(&client, client_fd));
    conn.socket.readable = true;
    cr_expect_eq(conn_transport(&rig.context, &conn)->receive(&rig.context, &conn, &budget),
                 TRANSPORT_LATER);
    cr_expect(list_is_empty(&rig.context.postponed));
    cr_expect_null(rig.context.tls->peers[1]);
    conn_settle(&rig.context, &conn);
    cr_expect_eq(conn.phase, CONN_PHASE_HANDSHAKE, "the time passes for it");
    cr_expect_null(handshakes_next(&rig.context));
    conn_fini(&rig.context, &first);
    cr_expect(rig.context.postponed.next == &conn.queue);
    cr_expect_eq(handshakes->count, 0);
    list_remove(&conn.queue);
    shake_hands();
    close(first.socket.fd);
    close(first_client);
}

/* One of several connections, whose client is FD. */
static void open_another(struct conn *ret, uint32_t slot, int *ret_fd)
{
    int server;
    wire_pair(&server, ret_fd);
    conn_init(ret, server);
    ret->transport_index = TRANSPORT_TLS;
    ret->slot = slot;
}

static void send_and_wait(struct conn *waiting, int fd, struct str bytes)
{
    size_t budget = TURN_BYTES;
    cr_assert(wire_send(fd, bytes));
    waiting->socket.readable = true;
    cr_expect_eq(conn_transport(&rig.context, waiting)->receive(&rig.context, waiting, &budget),
                 TRANSPORT_LATER);
    conn_settle(&rig.context, waiting);
}

/* The latest is the next. The older one sends one more byte, and can't come before it by that. */
Test(transport_tls_peers, a_client_that_waits_comes_no_sooner_by_sending_more)
{
    enum { WAITING = 2 };
    struct conn waiting[WAITING];
    int fds[WAITING];
    tls_talker_work(&client);
    cr_assert(tls_talker_send(&client, client_fd));
    cr_assert_eq(move(), TRANSPORT_PROGRESS);
    rig.context.handshakes.count_max = 1;
    for (uint32_t i = 0; i < WAITING; i++) {
        open_another(&waiting[i], i + 1, &fds[i]);
        send_and_wait(&waiting[i], fds[i], STR("\x16"));
    }
    send_and_wait(&waiting[0], fds[0], STR("\x03"));
    conn_renew_phase(&waiting[0]); /* as a drain does */
    conn_settle(&rig.context, &waiting[0]);
    reopen_conn(TLS1_3_VERSION);
    cr_expect_eq(rig.context.postponed.next, &waiting[1].queue);
    cr_expect_not(list_linked(&waiting[0].queue));
    for (unsigned i = 0; i < WAITING; i++) {
        conn_fini(&rig.context, &waiting[i]);
        close(waiting[i].socket.fd);
        close(fds[i]);
    }
    cr_expect(list_is_empty(&rig.context.postponed));
    cr_expect(list_is_empty(&rig.context.handshakes.waiting));
}

/* It has waited for longer than a handshake may take while others wait. */
Test(transport_tls_peers, a_handshake_that_had_to_wait_has_all_its_time)
{
    struct conn late, other;
    int fds[2];
    size_t budget = TURN_BYTES;
    tls_talker_work(&client);
    cr_assert(tls_talker_send(&client, client_fd));
    cr_assert_eq(move(), TRANSPORT_PROGRESS);
    rig.context.handshakes.count_max = 1;
    open_another(&late, 1, &fds[0]);
    send_and_wait(&late, fds[0], STR("\x16"));
    rig_pass_ms(&rig, HANDSHAKES_PATIENCE_MS + 1);
    reopen_conn(TLS1_3_VERSION);
    cr_assert_eq(rig.context.postponed.next, &late.queue);
    list_remove(&late.queue);
    cr_assert_eq(conn_transport(&rig.context, &late)->receive(&rig.context, &late, &budget),
                 TRANSPORT_PROGRESS);
    open_another(&other, 2, &fds[1]);
    send_and_wait(&other, fds[1], STR("\x16"));
    handshakes_expired(&rig.context);
    cr_expect_null(handshakes_next(&rig.context));
    rig_pass_ms(&rig, HANDSHAKES_PATIENCE_MS);
    cr_expect_eq(handshakes_next(&rig.context), &late);
    conn_fini(&rig.context, &late);
    conn_fini(&rig.context, &other);
    close(late.socket.fd);
    close(other.socket.fd);
    close(fds[0]);
    close(fds[1]);
}

/* Each KeyUpdate is answered, and there is data between them. */
Test(transport_tls_peers, a_client_that_reads_nothing_is_not_answered_without_end)
{
    enum transport_result result = TRANSPORT_PROGRESS;
    size_t kept = 0;
    shake_hands();
    request(STR("GET / HTTP/1.1\r\nX: "));
    settle();
    faults_fail(FAULT_SEND, 0, FAULT_ALWAYS, EAGAIN);
    for (unsigned i = 0; i < 15000 && result == TRANSPORT_PROGRESS; i++) {
        size_t budget = TURN_BYTES;
        cr_assert_eq(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        request(STR("x"));
        conn.socket.readable = true;
        result = conn_transport(&rig.context, &conn)->receive(&rig.context, &conn, &budget);
        conn_work(&rig.context, &conn);
        const struct tls_bytes *sealed = transport_tls_peer(rig.context.tls, &conn)->sealed;
        kept = sealed ? sealed->length : 0;
    }
    cr_expect_eq(result, TRANSPORT_FAILED);
    cr_expect_leq(kept, TLS_SEALED_MAX + 4096, "%zu bytes", kept);
}

Test(transport_tls_peers, without_memory_the_connection_fails_and_nothing_else)
{
    for (unsigned skip = 0; skip < 6; skip++) {
        reopen_conn(TLS1_3_VERSION);
        tls_talker_work(&client);
        cr_assert(tls_talker_send(&client, client_fd));
        faults_fail(FAULT_MEMORY, skip, 1, ENOMEM);
        while (move() == TRANSPORT_PROGRESS) {
        }
        faults_clear();
    }
    reopen_conn(TLS1_3_VERSION);
    run_to_end(STR(mixed), TLS_RECORD_BYTES_MAX);
}

#endif
