/* loop_uring: requests that complete in any order, with any result, or are refused. The kernel is a
 * script of the test's, the sockets are real. */
#include "loop/loop_uring.h"
#include "support/conn_rig.h"
#include "support/uring_script.h"
#include "support/worker_rig.h"
#include "support/xor_transport.h"

#include <errno.h>
#include <poll.h>

#ifdef SLUICE_HAVE_LIBURING

enum { SLOTS = 6000, STORAGE_BYTES = 1 << 20, TRANSPORT_XOR = 1 };

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig rig;
static struct conn_table conns;
static struct loop *loop;
static uint16_t port;
static int server, client; /* the first connection's two ends */

static void set_up(void)
{
    struct timespec now;
    rig_init(&rig, STORAGE_BYTES);
    clock_gettime(CLOCK_MONOTONIC, &now);
    conn_context_fini(&rig.context);
    date_now_set(&rig.context.now, worker_rig_now_ms(), now.tv_sec);
    conn_context_init(&rig.context, STORAGE_BYTES, 1 << 20, rig.context.now.ms);
    rig.context.header_ms = rig.context.idle_ms = 20000;
    cr_assert_eq(conn_table_init(&conns, &rig.context, SLOTS), 0);
    wire_pair(&server, &client);
    uring_script_begin(NULL, 0);
    int listener = wire_listen(&port);
    const struct loop_config config = {
        .context = &rig.context,
        .conns = &conns,
        .listeners = &listener,
        .listener_count = 1,
        .drain_ms = 2000,
    };
    cr_assert_eq(loop_create(&loop, &loop_uring_engine, &config), 0);
}

/* Every buffer has come back. */
static void tear_down(void)
{
    cr_expect_eq(conns.open_count, 0);
    loop_destroy(loop);
    conn_table_fini(&conns);
    close(client);
    rig.context.draining = false;
    rig_fini(&rig);
}

TestSuite(uring_order, .init = set_up, .fini = tear_down, .timeout = 120);

/* --- Steps ------------------------------------------------------------------------------------ */

/* Runs the loop through STEPS. Returns loop_run's result: -ECANCELED after the last step, or 0. */
static int run(uring_step *const *steps, unsigned count)
{
    uring_script_begin(steps, count);
    return loop_run(loop);
}

#define RUN(...)                            \
    run((uring_step *const[]){__VA_ARGS__}, \
        sizeof((uring_step *const[]){__VA_ARGS__}) / sizeof(uring_step *))

/* The connection, open or closing. */
static struct conn *the_conn(void)
{
    struct conn *conn = conn_table_find(&conns, 0, conns.generation);
    cr_assert_not_null(conn);
    return conn;
}

static uint64_t identity(enum uring_opcode opcode)
{
    return uring_peer_identity(opcode, the_conn());
}

static uint64_t count_of(enum counter which)
{
    return counters_read(&rig.counters, which);
}

static void nothing_happens(void)
{
}

static void client_is_accepted(void)
{
    uring_script_complete(OP_ACCEPT, server, true);
}

static void request_arrives(void)
{
    uring_script_receive(STR(GET("/tiny.txt")), true);
}

static void send_completes(void)
{
    const struct uring_request *send = uring_script_find(OP_SEND);
    cr_assert_not_null(send);
    uring_script_complete(OP_SEND, (int)send->length, false);
}

static void send_takes_nothing(void)
{
    uring_script_complete(OP_SEND, -EAGAIN, false);
}

static void socket_polls_writable(void)
{
    uring_script_complete(OP_WRITABLE, POLLOUT, false);
}

/* A poll reports an error, as after a reset; whether or not one is with the kernel. */
static void peer_resets(void)
{
    uring_script_report(identity(OP_WRITABLE), POLLERR, 0);
}

static void peer_ends(void)
{
    uring_script_complete(OP_RECEIVE, 0, false);
}

static void expect_closed(void)
{
    cr_expect_eq(conns.open_count, 0);
    cr_expect_eq(uring_script_lent(), 0);
}

static void expect_closing(void)
{
    cr_expect_eq(conns.open_count, 1);
    cr_expect_eq(the_conn()->state, CONN_CLOSING);
    cr_expect_geq(fcntl(server, F_GETFD), 0, "the socket is still open");
}

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

static void hold_cancels(void)
{
    uring_script_hold_cancels(true);
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

Test(uring_order, lingers_on_when_both_directions_are_shut)
{
    RUN(client_is_accepted, last_request_and_more_arrive, poll_reports_our_own_shutdown,
        more_arrives, peer_ends, expect_closed);
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

/* --- Cancelling ------------------------------------------------------------------------------- */

static void expect_client_to_see_the_end(void)
{
    char byte;
    expect_closing();
    cr_expect_eq(recvfrom(client, &byte, 1, MSG_DONTWAIT, NULL, NULL), 0);
    uring_script_hold_cancels(false);
}

/* The kernel keeps a socket open while it has requests on it. */
Test(uring_order, ends_the_connection_although_requests_are_with_the_kernel)
{
    RUN(client_is_accepted, hold_cancels, peer_resets, expect_client_to_see_the_end,
        nothing_happens, expect_closed);
}

static void cancel_is_refused(void)
{
    uring_script_refuse(OP_CANCEL, 1);
    peer_resets();
}

/* Its socket is shut, but that does not end a multishot request. */
Test(uring_order, cancels_later_when_a_cancellation_of_a_closing_connection_is_refused)
{
    RUN(client_is_accepted, cancel_is_refused, nothing_happens, nothing_happens, nothing_happens,
        expect_closed);
}

static void cancel_fails(void)
{
    expect_closing();
    cr_expect_eq(uring_script_count(OP_CANCEL), 1);
    uring_script_report(identity(OP_CANCEL), -ENOENT, 0);
    uring_script_hold_cancels(false);
}

Test(uring_order, cancels_again_when_the_request_was_not_found)
{
    RUN(client_is_accepted, hold_cancels, peer_resets, cancel_fails, nothing_happens,
        nothing_happens, expect_closed);
    cr_expect_eq(uring_script_asked(OP_CANCEL), 2);
}

static void many_requests_arrive(void)
{
    for (unsigned i = 0; i < 100; i++)
        uring_script_receive(STR(GET("/large.bin")), true);
}

static void more_requests_arrive(void)
{
    char bytes[2000];
    memset(bytes, 'x', sizeof bytes);
    for (unsigned i = 0; i < 8; i++)
        uring_script_receive((struct str){bytes, sizeof bytes}, true);
}

static void expect_cancelled_receive(void)
{
    cr_expect_eq(uring_script_lent(), 0);
    cr_expect_eq(uring_script_asked(OP_CANCEL), 1);
}

static void expect_no_receive(void)
{
    cr_expect_eq(uring_script_count(OP_RECEIVE), 0, "the peer takes nothing");
    cr_expect_eq(conns.open_count, 1);
}

Test(uring_order, stops_receiving_from_a_peer_that_takes_nothing)
{
    RUN(client_is_accepted, many_requests_arrive, more_requests_arrive, expect_cancelled_receive,
        nothing_happens, expect_no_receive, nothing_happens, expect_no_receive, peer_resets,
        nothing_happens, expect_closed);
}

static void cancel_of_the_receive_fails(void)
{
    cr_expect_eq(uring_script_asked(OP_CANCEL), 1);
    uring_script_report(identity(OP_CANCEL), -EALREADY, 0);
    uring_script_hold_cancels(false);
}

static void expect_another_cancel(void)
{
    cr_expect_eq(uring_script_asked(OP_CANCEL), 2);
}

Test(uring_order, cancels_a_receive_again_when_that_has_failed)
{
    RUN(client_is_accepted, hold_cancels, many_requests_arrive, more_requests_arrive,
        cancel_of_the_receive_fails, expect_another_cancel, nothing_happens, expect_no_receive);
}

/* --- Draining --------------------------------------------------------------------------------- */

static void bytes_wait_while_the_loop_drains(void)
{
    cr_assert(wire_send(client, STR("\r\n"))); /* an empty line before a request: ignored */
    loop_drain(loop);
}

static void expect_open(void)
{
    cr_assert_eq(the_conn()->state, CONN_OPEN, "a request may be on its way");
}

static void the_bytes_arrive(void)
{
    expect_open();
    uring_script_receive(STR("\r\n"), true);
}

Test(uring_order, waits_for_input_that_the_socket_has_once_when_draining)
{
    rig.context.drain_grace_ms = 0;
    cr_expect_eq(RUN(client_is_accepted, nothing_happens, bytes_wait_while_the_loop_drains,
                     nothing_happens, the_bytes_arrive, nothing_happens, nothing_happens),
                 0, "it is drained");
}

/* --- The engine's own requests ---------------------------------------------------------------- */

static void look_up_poll_ends(void)
{
    uring_script_complete(OP_FILES, POLLIN, false);
    uring_script_complete(OP_WAKE, POLLIN, false);
}

static void expect_polls(void)
{
    cr_expect_eq(uring_script_count(OP_FILES), 1);
    cr_expect_eq(uring_script_find(OP_FILES)->fd, store_fd(rig.context.files));
    cr_expect_eq(uring_script_count(OP_WAKE), 1);
    cr_expect_eq(uring_script_find(OP_WAKE)->fd, loop->wake_fd);
}

static void polls_are_refused(void)
{
    uring_script_refuse(OP_FILES, 1);
    uring_script_refuse(OP_WAKE, 1);
    look_up_poll_ends();
}

Test(uring_order, polls_again_for_look_ups_and_orders)
{
    RUN(expect_polls, look_up_poll_ends, expect_polls, polls_are_refused, nothing_happens,
        expect_polls);
}

static void accept_is_cancelled(void)
{
    uring_script_complete(OP_ACCEPT, -ECANCELED, false);
}

static void expect_accept(void)
{
    cr_expect_eq(uring_script_count(OP_ACCEPT), 1);
    cr_expect_eq(count_of(COUNTER_ACCEPT_PAUSES), 0);
}

static void accept_ends_with_a_client(void)
{
    uring_script_complete(OP_ACCEPT, server, false);
}

Test(uring_order, accepts_again_after_an_accept_that_ended)
{
    RUN(expect_accept, accept_is_cancelled, expect_accept, accept_ends_with_a_client,
        expect_accept);
    cr_expect_eq(count_of(COUNTER_CONNECTIONS_ACCEPTED), 1);
}

static void accept_fails(void)
{
    uring_script_complete(OP_ACCEPT, -EMFILE, false);
}

static void expect_accept_pause(void)
{
    cr_expect_eq(uring_script_count(OP_ACCEPT), 0);
    cr_expect_eq(count_of(COUNTER_ACCEPT_PAUSES), 1);
    poll(NULL, 0, uring_script_wait_ms());
}

Test(uring_order, pauses_after_an_accept_that_failed)
{
    RUN(expect_accept, accept_fails, expect_accept_pause, nothing_happens, nothing_happens);
    cr_expect_eq(uring_script_count(OP_ACCEPT), 1);
}

#endif
