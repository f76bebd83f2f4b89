/* transport_tls: what it sends and opens, over real sockets, without a loop, with a client of
 * libssl. */
#ifdef SLUICE_HAVE_OPENSSL

#include "support/transport_tls_rig.h"

TestSuite(transport_tls, .init = set_up, .fini = tear_down, .timeout = 240);

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

#endif
