/* loop_uring: requests that are cancelled, at once, later or in vain; draining; the engine's own
 * requests. */
#include "support/uring_rig.h"

#ifdef SLUICE_HAVE_LIBURING

TestSuite(uring_cancel, .init = set_up, .fini = tear_down, .timeout = 120);

/* --- Cancelling ------------------------------------------------------------------------------- */

static void expect_client_to_see_the_end(void)
{
    char byte;
    expect_closing();
    cr_expect_eq(recvfrom(client, &byte, 1, MSG_DONTWAIT, NULL, NULL), 0);
    uring_script_hold_cancels(false);
}

/* The kernel keeps a socket open while it has requests on it. */
Test(uring_cancel, ends_the_connection_although_requests_are_with_the_kernel)
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
Test(uring_cancel, cancels_later_when_a_cancellation_of_a_closing_connection_is_refused)
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

Test(uring_cancel, cancels_again_when_the_request_was_not_found)
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

Test(uring_cancel, stops_receiving_from_a_peer_that_takes_nothing)
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

Test(uring_cancel, cancels_a_receive_again_when_that_has_failed)
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

Test(uring_cancel, waits_for_input_that_the_socket_has_once_when_draining)
{
    rig.context.drain_grace_ms = 0;
    cr_expect_eq(RUN(client_is_accepted, nothing_happens, bytes_wait_while_the_loop_drains,
                     nothing_happens, the_bytes_arrive, nothing_happens, nothing_happens),
                 0, "it is drained");
}

static void drain_begins(void)
{
    uring_script_hold_cancels(true);
    loop_drain(loop);
}

static void client_comes_at_the_last_moment(void)
{
    cr_expect_eq(uring_script_count(OP_LISTENER_CANCEL), 1);
    cr_expect_eq(loop->listeners.count, 1, "a closed listener would reset it");
    client_is_accepted();
    uring_script_hold_cancels(false);
}

Test(uring_cancel, takes_clients_that_come_before_the_accept_is_cancelled)
{
    RUN(nothing_happens, drain_begins, client_comes_at_the_last_moment, nothing_happens,
        nothing_happens);
    cr_expect_eq(count_of(COUNTER_CONNECTIONS_ACCEPTED), 1);
    cr_expect_eq(loop->listeners.count, 0);
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

Test(uring_cancel, polls_again_for_look_ups_and_orders)
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

Test(uring_cancel, accepts_again_after_an_accept_that_ended)
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

Test(uring_cancel, pauses_after_an_accept_that_failed)
{
    RUN(expect_accept, accept_fails, expect_accept_pause, nothing_happens, nothing_happens);
    cr_expect_eq(uring_script_count(OP_ACCEPT), 1);
}

#endif
