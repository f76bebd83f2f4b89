/* transport_tls: over real sockets, without a loop, with a client of libssl. */
#ifdef SLUICE_HAVE_OPENSSL

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
static struct conn conn;
static struct tls_talker client;
static int client_fd;

static void open_conn(int version)
{
    int server;
    wire_pair(&server, &client_fd);
    conn_init(&conn, server);
    conn.transport_index = TRANSPORT_TLS;
    tls_talker_init(&client, version);
}

static void close_conn(void)
{
    conn_fini(&rig.context, &conn);
    close(conn.socket.fd);
    close(client_fd);
    tls_talker_fini(&client);
}

static void reopen_conn(int version)
{
    close_conn();
    open_conn(version);
}

static void set_up(void)
{
    struct problem problem;
    rig_init(&rig, 1 << 20);
    shared = tls_talker_shared();
    cr_assert_eq(transport_tls_init(&rig.context, shared, SLOTS, &problem), 0);
    rig.context.plain_on_tls_origin = PLAIN_ORIGIN;
    open_conn(TLS1_3_VERSION);
}

static void tear_down(void)
{
    close_conn();
    transport_tls_fini(&rig.context);
    tls_shared_destroy(shared);
    rig_fini(&rig);
}

TestSuite(transport_tls, .init = set_up, .fini = tear_down, .timeout = 240);

static void read_arrived(void)
{
    struct pollfd event = {.fd = client_fd, .events = POLLIN};
    while (poll(&event, 1, 0) == 1 && tls_talker_receive(&client, client_fd)) {
    }
}

/* One move, as a loop's turn would do it, if events said all the time that there is something. */
static enum transport_result move(void)
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
static enum transport_result settle(void)
{
    enum transport_result result;
    do
        result = move();
    while (result == TRANSPORT_PROGRESS && !conn.socket.input_ended);
    read_arrived();
    return result;
}

static void shake_hands(void)
{
    for (unsigned i = 0; i < 4; i++) {
        tls_talker_work(&client);
        cr_assert(tls_talker_send(&client, client_fd));
        settle();
    }
    cr_assert(client.ready && !conn.socket.handshaking);
}

static void request(struct str bytes)
{
    tls_talker_seal(&client, bytes, TLS_RECORD_BYTES_MAX);
    cr_assert(tls_talker_send(&client, client_fd));
}

/* Moves until the session has ended and our side is shut; SEALED is sent after the handshake. */
static void run_to_end(struct str sealed, size_t record_bytes)
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

static struct pile undisturbed(struct str requests)
{
    struct pile pile = {0};
    struct conn other;
    conn_init(&other, -1);
    rig_exchange(&rig, &other, requests, &pile);
    conn_fini(&rig.context, &other);
    return pile;
}

/* --- Any pattern of calls --------------------------------------------------------------------- */

Test(transport_tls, any_pattern_of_partial_calls_gives_the_same_bytes)
{
    struct pile expected = undisturbed(STR(mixed));
    for (uint64_t seed = 1; seed <= 20; seed++) {
        reopen_conn(seed % 2 ? TLS1_3_VERSION : TLS1_2_VERSION);
        faults_hinder(FAULT_SEND, seed * 10);
        faults_hinder(FAULT_RECV, seed * 10 + 1);
        run_to_end(STR(mixed), 1 + (size_t)(seed * 71 % 500));
        faults_clear();
        cr_expect(str_equal(pile_view(&client.opened), pile_view(&expected)), "seed %d", (int)seed);
    }
    pile_clear(&expected);
}

Test(transport_tls, a_socket_that_takes_one_byte_at_a_time_gets_every_byte)
{
    static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
    struct str requests = STR(GET("/small.txt", "") GET("/none", "Connection: close\r\n"));
    struct pile expected = undisturbed(requests);
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        reopen_conn(versions[i]);
        faults_fail(FAULT_SEND, 0, FAULT_ALWAYS, FAULT_SHORT);
        run_to_end(requests, TLS_RECORD_BYTES_MAX);
        faults_clear();
        cr_expect(str_equal(pile_view(&client.opened), pile_view(&expected)));
    }
    pile_clear(&expected);
}

/* Sends RAW in two parts, the first one of LENGTH bytes. */
static void send_cut(struct str raw, size_t length)
{
    cr_assert(wire_send(client_fd, str_first(raw, length)));
    cr_assert_neq(settle(), TRANSPORT_FAILED);
    cr_assert(wire_send(client_fd, str_from(raw, length)));
    cr_assert_neq(settle(), TRANSPORT_FAILED);
}

/* The ClientHello, then the client's Finished with a request and another one, each in two parts. */
Test(transport_tls, takes_what_the_client_sends_cut_at_any_byte)
{
    struct str requests = STR(GET("/tiny.txt", "") GET("/small.txt", ""));
    struct pile expected = undisturbed(requests);
    size_t hello_bytes = 1, rest_bytes = 1;
    for (size_t cut = 1; cut < hello_bytes || cut < rest_bytes; cut++) {
        struct pile raw = {0};
        reopen_conn(cut % 4 ? TLS1_3_VERSION : TLS1_2_VERSION);
        tls_talker_work(&client);
        tls_talker_give(&client, &raw);
        hello_bytes = raw.length;
        send_cut(pile_view(&raw), size_min(cut, raw.length));
        pile_clear(&raw);
        if (!client.ready) { /* TLS 1.2 */
            cr_assert(tls_talker_send(&client, client_fd));
            settle();
        }
        tls_talker_seal(&client, requests, 30);
        tls_talker_give(&client, &raw);
        rest_bytes = raw.length;
        send_cut(pile_view(&raw), size_min(cut, raw.length));
        pile_clear(&raw);
        cr_assert(str_equal(pile_view(&client.opened), pile_view(&expected)), "cut at %zu", cut);
    }
    pile_clear(&expected);
}

/* --- Records and sends ------------------------------------------------------------------------ */

Test(transport_tls, sixteen_pipelined_files_are_one_record_in_one_send)
{
    static char many[16 * sizeof GET("/tiny.txt", "")];
    size_t records[RECORDS_MAX];
    char *end = many;
    for (unsigned i = 0; i < 16; i++)
        end = str_put(end, STR(GET("/tiny.txt", "")));
    shake_hands();
    pile_clear(&client.received);
    const unsigned sends = faults_calls(FAULT_SEND), receives = faults_calls(FAULT_RECV);
    request(str_of(many));
    cr_expect_eq(move(), TRANSPORT_PROGRESS);
    cr_expect_eq(move(), TRANSPORT_PROGRESS);
    read_arrived();
    cr_expect_eq(faults_calls(FAULT_SEND) - sends, 1);
    cr_expect_eq(faults_calls(FAULT_RECV) - receives, 1);
    cr_expect_eq(tls_talker_records(pile_view(&client.received), records, RECORDS_MAX), 1);
    cr_expect_gt(client.opened.length, SMALL_RECORD);
}

/* The ticket goes with the first answer, close_notify with the last one. */
Test(transport_tls, what_belongs_together_is_sent_at_once)
{
    tls_talker_work(&client);
    cr_assert(tls_talker_send(&client, client_fd));
    settle();
    cr_assert(client.ready);
    const unsigned sends = faults_calls(FAULT_SEND);
    request(STR(GET("/small.txt", "Connection: close\r\n")));
    settle();
    cr_expect_eq(faults_calls(FAULT_SEND) - sends, 1);
    cr_expect(client.ended, "close_notify");
    cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_LINGERS);
    cr_expect_eq(conn_transport(&rig.context, &conn)->shut(&rig.context, &conn),
                 TRANSPORT_PROGRESS);
    cr_expect_eq(faults_calls(FAULT_SEND) - sends, 1);
}

/* The records of the answer to a request for a large file. */
static unsigned records_of_large(size_t *ret)
{
    pile_clear(&client.received);
    pile_clear(&client.opened);
    client.received = client.opened = (struct pile){0};
    request(STR(GET("/large.bin", "")));
    for (unsigned i = 0; client.opened.length < RIG_LARGE_BYTES; i++) {
        cr_assert_lt(i, 10000);
        cr_assert_neq(move(), TRANSPORT_FAILED);
        rig_await(&rig, &conn);
        read_arrived();
    }
    return tls_talker_records(pile_view(&client.received), ret, RECORDS_MAX);
}

Test(transport_tls, records_are_small_at_first_and_after_a_silence)
{
    static size_t records[RECORDS_MAX];
    shake_hands();
    for (unsigned i = 0; i < 3; i++) {
        const unsigned count = records_of_large(records);
        const size_t first = i == 1 ? TLS_RECORD_BYTES_MAX : SMALL_RECORD;
        cr_assert_gt(count, 20);
        cr_expect_eq(records[0], first + OVERHEAD, "answer %u: %zu", i, records[0]);
        cr_expect_eq(records[count - 2], TLS_RECORD_BYTES_MAX + OVERHEAD);
        if (i == 1)
            rig_pass_ms(&rig, 1100);
    }
}

/* With 64 KiB in each send. */
Test(transport_tls, a_large_file_takes_few_calls)
{
    static size_t records[RECORDS_MAX];
    shake_hands();
    const unsigned sends = faults_calls(FAULT_SEND), reads = faults_calls(FAULT_PREAD);
    records_of_large(records);
    cr_expect_leq(faults_calls(FAULT_SEND) - sends, RIG_LARGE_BYTES / TLS_SEND_BYTES + 4);
    cr_expect_leq(faults_calls(FAULT_PREAD) - reads, RIG_LARGE_BYTES / TLS_SEND_BYTES + 4);
}

Test(transport_tls, little_is_kept_for_a_socket_that_takes_nothing)
{
    shake_hands();
    request(STR(GET("/large.bin", "")));
    faults_fail(FAULT_SEND, 1, FAULT_ALWAYS, EAGAIN);
    for (unsigned i = 0; i < 100 && !conn.socket.holds_output; i++)
        cr_assert_neq(move(), TRANSPORT_FAILED);
    cr_assert(conn.socket.holds_output);
    const uint64_t unsent = outq_unsent(&conn.output);
    for (unsigned i = 0; i < 10; i++) {
        cr_expect_eq(move(), TRANSPORT_NOTHING);
        cr_expect_eq(outq_unsent(&conn.output), unsent, "sealed although bytes wait");
        cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_GOES_ON);
    }
    cr_expect_leq(transport_tls_peer(rig.context.tls, &conn)->sealed->length,
                  TLS_SEND_BYTES + 20 * OVERHEAD);
}

/* Asks for a large file, of which the socket takes nothing. Returns the bytes that are kept. */
static size_t stall(void)
{
    request(STR(GET("/large.bin", "")));
    faults_fail(FAULT_SEND, 0, FAULT_ALWAYS, EAGAIN);
    for (unsigned i = 0; i < 100 && !conn.socket.holds_output; i++)
        cr_assert_neq(move(), TRANSPORT_FAILED);
    cr_assert(conn.socket.holds_output);
    faults_clear();
    return transport_tls_peer(rig.context.tls, &conn)->sealed->length;
}

Test(transport_tls, less_is_kept_for_a_socket_when_much_is_kept_for_others)
{
    shake_hands();
    cr_expect_gt(stall(), TLS_SEND_BYTES / 2);
    reopen_conn(TLS1_3_VERSION);
    shake_hands();
    rig.context.kept.bytes += TLS_SEALED_MUCH + 1;
    cr_expect_leq(stall(), SMALL_RECORD + OVERHEAD);
    reopen_conn(TLS1_3_VERSION);
    rig.context.kept.bytes -= TLS_SEALED_MUCH + 1;
    cr_expect_eq(rig.context.kept.bytes, 0);
}

/* By a handshake, by a rest that is sent, in parts or with more, and by a rest that is not. */
Test(transport_tls, what_is_kept_is_counted_until_it_is_sent_or_dropped)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        reopen_conn(seed % 2 ? TLS1_3_VERSION : TLS1_2_VERSION);
        faults_hinder(FAULT_SEND, seed);
        run_to_end(STR(mixed), TLS_RECORD_BYTES_MAX);
        faults_clear();
        cr_expect_eq(rig.context.kept.bytes, 0);
    }
    reopen_conn(TLS1_3_VERSION);
    shake_hands();
    const size_t kept = stall();
    cr_expect_geq(rig.context.kept.bytes, kept);
    reopen_conn(TLS1_3_VERSION);
    cr_expect_eq(rig.context.kept.bytes, 0);
}

/* --- What a disk and a writer do -------------------------------------------------------------- */

Test(transport_tls, what_is_on_a_disk_is_read_by_jobs)
{
    unsigned waits = 0;
    shake_hands();
    request(STR(GET("/large.bin", "")));
    cr_assert_eq(move(), TRANSPORT_PROGRESS);
    faults_fail(FAULT_PREADV2_NOWAIT, 0, FAULT_ALWAYS, EAGAIN);
    for (unsigned i = 0; i < 100000 && client.opened.length < RIG_LARGE_BYTES; i++) {
        cr_assert_neq(move(), TRANSPORT_FAILED);
        read_arrived();
        waits += conn_awaits_file(&conn);
        rig_await(&rig, &conn);
    }
    cr_expect_gt(waits, 0);
    struct str stream = pile_view(&client.opened);
    struct answer answer;
    cr_assert(answer_next(&stream, false, &answer));
    cr_expect(tree_filled(answer.body, RIG_LARGE_BYTES, 3));
}

Test(transport_tls, a_file_that_is_rewritten_ends_its_connection)
{
    shake_hands();
    request(STR(GET("/large.bin", "")));
    while (outq_unsent(&conn.output) > RIG_LARGE_BYTES / 2 || outq_unsent(&conn.output) == 0) {
        cr_assert_eq(move(), TRANSPORT_PROGRESS);
        read_arrived();
    }
    tree_fill(&rig.tree, "large.bin", RIG_LARGE_BYTES, 9);
    enum transport_result result = TRANSPORT_PROGRESS;
    for (unsigned i = 0; i < 100 && result != TRANSPORT_FAILED; i++) {
        result = move();
        read_arrived();
        rig_check_doubts(&rig);
    }
    cr_expect_eq(result, TRANSPORT_FAILED);
    struct str stream = pile_view(&client.opened);
    const char *end = memmem(stream.at, stream.length, "\r\n\r\n", 4);
    cr_assert_not_null(end);
    struct str body = str_from(stream, (size_t)(end - stream.at) + 4);
    char *bytes = tree_bytes(RIG_LARGE_BYTES, 3);
    cr_expect(str_starts_with((struct str){bytes, RIG_LARGE_BYTES}, body), "another version");
    free(bytes);
}

/* The mtime is new already, the length is not. */
Test(transport_tls, an_append_that_is_held_up_holds_up_the_answer)
{
    shake_hands();
    request(STR(GET("/large.bin", "")));
    while (outq_unsent(&conn.output) > RIG_LARGE_BYTES / 2 || outq_unsent(&conn.output) == 0) {
        cr_assert_eq(move(), TRANSPORT_PROGRESS);
        read_arrived();
    }
    tree_touch(&rig.tree, "large.bin");
    for (unsigned i = 0; i < 100 && !conn_awaits_file(&conn); i++) {
        cr_assert_neq(move(), TRANSPORT_FAILED);
        read_arrived();
    }
    cr_assert(conn_awaits_file(&conn));
    const uint64_t unsent = outq_unsent(&conn.output);
    for (unsigned i = 0; i < 10; i++) {
        cr_expect_eq(move(), TRANSPORT_NOTHING);
        rig_check_doubts(&rig);
    }
    cr_expect_eq(outq_unsent(&conn.output), unsent);
    tree_append(&rig.tree, "large.bin", STR("a line"));
    rig_check_doubts(&rig);
    for (unsigned i = 0; i < 100000 && client.opened.length < RIG_LARGE_BYTES; i++) {
        cr_assert_neq(move(), TRANSPORT_FAILED);
        read_arrived();
    }
    struct str stream = pile_view(&client.opened);
    struct answer answer;
    cr_assert(answer_next(&stream, false, &answer));
    cr_expect(tree_filled(answer.body, RIG_LARGE_BYTES, 3));
}

/* In one batch with the file, they have been counted as sent. */
Test(transport_tls, answers_before_a_file_that_is_cut_arrive)
{
    struct pile expected = undisturbed(STR(GET("/small.txt", "")));
    shake_hands();
    request(STR(GET("/small.txt", "") GET("/large.bin", "")));
    cr_assert_eq(move(), TRANSPORT_PROGRESS);
    cr_assert_gt(outq_unsent(&conn.output), RIG_LARGE_BYTES);
    tree_write(&rig.tree, "large.bin", STR(""));
    cr_expect_eq(move(), TRANSPORT_PROGRESS);
    cr_expect_eq(move(), TRANSPORT_FAILED);
    read_arrived();
    cr_expect(str_starts_with(pile_view(&client.opened), pile_view(&expected)));
    cr_expect_not(client.ended, "close_notify after an answer that is cut");
    pile_clear(&expected);
}

/* --- What clients do -------------------------------------------------------------------------- */

Test(transport_tls, plain_http_makes_a_plain_connection_of_another_origin)
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
Test(transport_tls, plain_http_of_any_length_is_taken)
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

Test(transport_tls, other_bytes_end_the_connection)
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

Test(transport_tls, a_broken_record_is_answered_by_an_alert)
{
    shake_hands();
    tls_talker_seal(&client, STR(GET("/tiny.txt", "")), TLS_RECORD_BYTES_MAX);
    send_broken();
    expect_alert();
}

Test(transport_tls, a_broken_finished_is_answered_by_an_alert)
{
    tls_talker_work(&client);
    cr_assert(tls_talker_send(&client, client_fd));
    settle();
    send_broken();
    expect_alert();
}

/* An alert can't come after an answer that is cut. */
Test(transport_tls, a_broken_record_while_an_answer_waits_breaks_the_connection)
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

Test(transport_tls, close_notify_ends_the_input)
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

Test(transport_tls, a_client_that_goes_in_the_middle_of_a_handshake_gets_nothing_more)
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

Test(transport_tls, a_turn_has_a_bounded_number_of_handshakes)
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

Test(transport_tls, beyond_a_number_of_handshakes_a_client_waits_for_the_end_of_another)
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
Test(transport_tls, a_client_that_waits_comes_no_sooner_by_sending_more)
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
Test(transport_tls, a_handshake_that_had_to_wait_has_all_its_time)
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
Test(transport_tls, a_client_that_reads_nothing_is_not_answered_without_end)
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

Test(transport_tls, without_memory_the_connection_fails_and_nothing_else)
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
