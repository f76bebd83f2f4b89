/* loop_uring: receives and sends that complete in any order, with any result, or are refused. */
#include "support/uring_rig.h"

#ifdef SLUICE_HAVE_LIBURING

TestSuite(uring_order, .init = set_up, .fini = tear_down, .timeout = 120);

/* --- Input ------------------------------------------------------------------------------------ */

static uint64_t late;

static void input_comes_for_a_closing_connection(void)
{
    expect_closing();
    late = uring_script_find(OP_RECEIVE)->identity;
    uring_script_receive(STR("GET / HTT"), false);
}

static void input_comes_for_a_closed_connection(void)
{
    expect_closed();
    uring_script_receive_for(late, STR("P/1.1"), false);
}

Test(uring_order, returns_the_buffers_of_input_for_connections_that_are_over)
{
    RUN(client_is_accepted, hold_cancels, peer_resets, input_comes_for_a_closing_connection,
        input_comes_for_a_closed_connection, expect_closed);
}

static void input_fails_without_buffers(void)
{
    uring_script_complete(OP_RECEIVE, -ENOBUFS, false);
}

static void input_is_interrupted(void)
{
    uring_script_complete(OP_RECEIVE, -EINTR, false);
}

static void expect_receive(void)
{
    cr_expect_eq(uring_script_count(OP_RECEIVE), 1);
    cr_expect_eq(conns.open_count, 1);
}

Test(uring_order, receives_again_after_a_receive_that_ended)
{
    RUN(client_is_accepted, input_fails_without_buffers, expect_receive, input_is_interrupted,
        expect_receive);
    cr_expect_eq(count_of(COUNTER_CONNECTIONS_RESET), 0);
}

static void input_fails_with_a_reset(void)
{
    uring_script_complete(OP_RECEIVE, -ECONNRESET, false);
}

Test(uring_order, closes_a_connection_whose_receive_fails)
{
    RUN(client_is_accepted, input_fails_with_a_reset, expect_closed);
    cr_expect_eq(count_of(COUNTER_CONNECTIONS_RESET), 1);
}

static void receive_is_refused_once(void)
{
    uring_script_refuse(OP_RECEIVE, 1);
    client_is_accepted();
}

static void expect_no_sleep(void)
{
    cr_expect_eq(uring_script_wait_ms(), 0);
    cr_expect_eq(uring_script_count(OP_RECEIVE), 0);
}

Test(uring_order, asks_in_the_next_turn_for_a_receive_that_was_refused)
{
    RUN(receive_is_refused_once, expect_no_sleep, expect_receive);
}

static void two_requests_arrive_in_pieces(void)
{
    uring_script_receive(STR("GET /tiny.txt HTTP/1.1\r\nHo"), true);
    uring_script_receive(STR("st: a\r\n\r\n"), true);
    uring_script_receive(STR(GET("/tiny.txt")), true);
}

static void expect_no_buffer_lent(void)
{
    cr_expect_eq(uring_script_lent(), 0, "an incomplete head waits in the connection's storage");
}

Test(uring_order, parses_a_request_that_arrives_in_several_buffers)
{
    RUN(client_is_accepted, two_requests_arrive_in_pieces, send_completes, expect_no_buffer_lent,
        send_completes, nothing_happens);
    cr_expect_eq(count_of(COUNTER_RESPONSES), 2);
}

static void half_a_request_arrives(void)
{
    uring_script_receive(STR("GET /tiny.txt HTTP/1.1\r\nHo"), true);
}

static void the_rest_arrives_with_the_end(void)
{
    uring_script_receive(STR("st: a\r\n\r\n"), true);
    peer_ends();
}

Test(uring_order, keeps_no_buffer_between_turns_and_answers_before_the_end)
{
    RUN(client_is_accepted, half_a_request_arrives, expect_no_buffer_lent,
        the_rest_arrives_with_the_end, send_completes, expect_closed);
    cr_expect_eq(count_of(COUNTER_RESPONSES), 1);
}

/* --- Output ----------------------------------------------------------------------------------- */

static void expect_output_to_stay(void)
{
    const struct uring_request *send = uring_script_find(OP_SEND);
    expect_closing();
    cr_assert_not_null(send);
    cr_expect_eq(memcmp(send->bytes, "HTTP/1.1 200", 12), 0, "the kernel may be reading it");
    cr_expect_eq(uring_script_count(OP_RECEIVE), 0, "it has been cancelled");
}

Test(uring_order, keeps_the_output_of_a_reset_connection_until_its_send_completes)
{
    RUN(client_is_accepted, request_arrives, peer_resets, nothing_happens, expect_output_to_stay,
        send_completes, expect_closed);
    cr_expect_eq(count_of(COUNTER_RESPONSES), 0);
    cr_expect_eq(count_of(COUNTER_RESPONSES_CUT), 1);
}

static size_t answer_bytes;

static void expect_one_send(void)
{
    cr_assert_eq(uring_script_count(OP_SEND), 1);
    cr_expect_eq(uring_script_count(OP_WRITABLE), 0);
    answer_bytes = uring_script_find(OP_SEND)->length;
}

static void expect_poll_for_output(void)
{
    cr_expect_eq(uring_script_count(OP_SEND), 0);
    cr_assert_eq(uring_script_count(OP_WRITABLE), 1);
    cr_expect_eq(uring_script_find(OP_WRITABLE)->events, POLLOUT);
    cr_expect_neq(uring_script_wait_ms(), 0);
    cr_expect_eq(count_of(COUNTER_BYTES_SENT), 0);
}

static void expect_the_same_send(void)
{
    cr_assert_eq(uring_script_count(OP_SEND), 1);
    cr_expect_eq(uring_script_find(OP_SEND)->length, answer_bytes);
}

Test(uring_order, polls_for_output_after_a_send_that_took_nothing)
{
    RUN(client_is_accepted, request_arrives, expect_one_send, send_takes_nothing,
        expect_poll_for_output, socket_polls_writable, expect_the_same_send, send_completes,
        nothing_happens);
    cr_expect_eq(count_of(COUNTER_RESPONSES), 1);
    cr_expect_eq(count_of(COUNTER_BYTES_SENT), answer_bytes);
}

static void expect_pause(void)
{
    int ms = uring_script_wait_ms();
    cr_expect_eq(uring_script_count(OP_SEND) + uring_script_count(OP_WRITABLE), 0);
    cr_expect(ms > 0 && ms <= 2 * WHEEL_TICK_MS, "%d ms", ms);
    poll(NULL, 0, ms); /* the time passes */
}

/* A poll would complete at once. */
Test(uring_order, pauses_after_a_poll_for_output_that_was_spurious)
{
    RUN(client_is_accepted, request_arrives, expect_one_send, send_takes_nothing,
        socket_polls_writable, send_takes_nothing, expect_pause, expect_the_same_send,
        send_completes, nothing_happens);
    cr_expect_eq(count_of(COUNTER_RESPONSES), 1);
}

static void expect_output_to_be_movable(void)
{
    cr_expect_not(the_conn()->pinned);
    cr_expect_null(the_conn()->output.store, "and its storage is given back");
}

Test(uring_order, returns_the_storage_of_output_that_has_been_sent)
{
    RUN(client_is_accepted, request_arrives, send_completes, expect_output_to_be_movable);
}

static void send_is_interrupted(void)
{
    uring_script_complete(OP_SEND, -EINTR, false);
}

static void send_takes_part(void)
{
    uring_script_complete(OP_SEND, 10, false);
}

static void expect_the_rest(void)
{
    cr_assert_eq(uring_script_count(OP_SEND), 1);
    cr_expect_eq(uring_script_find(OP_SEND)->length, answer_bytes - 10);
}

Test(uring_order, sends_the_rest_after_part_of_it_or_an_interruption)
{
    RUN(client_is_accepted, request_arrives, expect_one_send, send_is_interrupted,
        expect_the_same_send, send_takes_part, expect_the_rest, send_completes, nothing_happens);
    cr_expect_eq(count_of(COUNTER_RESPONSES), 1);
    cr_expect_eq(count_of(COUNTER_BYTES_SENT), answer_bytes);
}

static void send_fails(void)
{
    uring_script_complete(OP_SEND, -EPIPE, false);
}

Test(uring_order, closes_a_connection_whose_send_fails)
{
    RUN(client_is_accepted, request_arrives, send_fails, nothing_happens, expect_closed);
    cr_expect_eq(count_of(COUNTER_RESPONSES_CUT), 1);
}

/* The socket says so only to the send that comes next. */
static void socket_polls_writable_during_a_send(void)
{
    uring_script_report(identity(OP_WRITABLE), POLLOUT, 0);
}

Test(uring_order, has_at_most_one_send_with_the_kernel)
{
    RUN(client_is_accepted, request_arrives, expect_one_send, socket_polls_writable_during_a_send,
        request_arrives, expect_the_same_send, send_completes, nothing_happens, send_completes,
        nothing_happens);
    cr_expect_eq(count_of(COUNTER_RESPONSES), 2);
}

static void send_is_refused(void)
{
    uring_script_refuse(OP_SEND, 1);
    request_arrives();
}

static void expect_answer_at_client(void)
{
    char bytes[2000];
    cr_expect_eq(uring_script_asked(OP_SEND), 0);
    cr_expect_gt(read(client, bytes, sizeof bytes), 100);
}

Test(uring_order, sends_by_itself_when_the_queue_takes_no_send)
{
    RUN(client_is_accepted, send_is_refused, expect_answer_at_client);
    cr_expect_eq(count_of(COUNTER_RESPONSES), 1);
}

static void peer_half_closes(void)
{
    uring_script_complete(OP_WRITABLE, POLLRDHUP, false);
}

static void expect_multishot_poll(void)
{
    cr_assert_eq(uring_script_count(OP_WRITABLE), 1);
    cr_expect(uring_script_find(OP_WRITABLE)->multishot, "another one would complete at once");
    cr_expect_eq(count_of(COUNTER_CONNECTIONS_RESET), 0);
}

/* io_uring adds POLLRDHUP to each poll. */
Test(uring_order, polls_a_half_closed_socket_with_one_request)
{
    RUN(client_is_accepted, request_arrives, send_takes_nothing, peer_half_closes,
        expect_multishot_poll, nothing_happens, expect_multishot_poll);
    cr_expect_eq(uring_script_asked(OP_WRITABLE), 2);
}

static void last_request_and_more_arrive(void)
{
    uring_script_receive(STR("GET /tiny.txt HTTP/1.0\r\n\r\nand more"), true);
}

static void poll_reports_our_own_shutdown(void)
{
    cr_assert_eq(the_conn()->state, CONN_LINGERING);
    uring_script_report(identity(OP_WRITABLE), POLLOUT | POLLHUP, 0);
}

static void more_arrives(void)
{
    cr_assert_eq(the_conn()->state, CONN_LINGERING, "a reset would destroy the answer");
    uring_script_receive(STR("and more"), true);
}

/* Its kernel may acknowledge the end of our side late. */
static void client_acknowledges_all(void)
{
    const struct socket socket = {.fd = server};
    for (unsigned ms = 0; ms < 5000 && !socket_delivered(&socket); ms++)
        poll(NULL, 0, 1);
    cr_assert(socket_delivered(&socket));
}

Test(uring_order, lingers_on_when_both_directions_are_shut)
{
    RUN(client_is_accepted, last_request_and_more_arrive, poll_reports_our_own_shutdown,
        more_arrives, client_acknowledges_all, peer_ends, expect_closed);
    cr_expect_eq(count_of(COUNTER_CONNECTIONS_RESET), 0);
    cr_expect_eq(count_of(COUNTER_RESPONSES), 1);
}

/* --- Records ---------------------------------------------------------------------------------- */

static struct pile records;

/* A handshake, and more requests than the client takes answers of. */
static void records_arrive(void)
{
    struct xor_key key = {0};
    struct str left;
    pile_add(&records, XOR_HELLO, sizeof XOR_HELLO - 1);
    for (unsigned i = 0; i < 60; i++)
        xor_seal(&records, &key, STR(GET("/large.bin")), XOR_RECORD_MAX);
    for (left = pile_view(&records); left.length > 0; left = str_from(left, 2000))
        uring_script_receive(str_first(left, 2000), true);
}

static void more_records_arrive(void)
{
    cr_expect_not(the_conn()->socket.writable, "the client takes nothing more");
    uring_script_receive(str_first(pile_view(&records), 2000), true);
}

static void expect_raw_input_with_the_engine(void)
{
    const struct loop_uring *self = uring_peer_loop(loop);
    cr_expect_eq(uring_script_lent(), 0);
    cr_expect_eq(the_conn()->input.length, 0, "the session must not see raw bytes");
    cr_expect_geq(uring_input_spilled(&uring_peer_of(self, the_conn())->input), 2000);
    uring_script_hold_cancels(false);
}

/* The session would take them for a request. */
Test(uring_order, keeps_raw_input_from_the_session_until_the_transport_takes_it)
{
    signal(SIGPIPE, SIG_IGN);
    rig.context.transports[TRANSPORT_XOR] = &xor_transport;
    loop->listeners.items[0].transport_index = TRANSPORT_XOR;
    xor_reset(1);
    RUN(client_is_accepted, records_arrive, nothing_happens, nothing_happens, nothing_happens,
        nothing_happens, nothing_happens, nothing_happens, hold_cancels, more_records_arrive,
        expect_raw_input_with_the_engine, peer_resets, nothing_happens, expect_closed);
    pile_clear(&records);
}

#endif
