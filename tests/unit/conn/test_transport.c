/* transport: over real sockets, with calls that move little, are interrupted, or fail. */
#include "conn/conn_wait.h"
#include "support/transport_rig.h"
#include "system/net.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>

TestSuite(transport, .init = set_up, .fini = tear_down, .timeout = 120);

static const char mixed[] =
    GET("/small.txt") GET("/none") "HEAD /large.bin HTTP/1.1\r\nHost: a\r\n\r\n" GET("/large.bin")
        GET("/tiny.txt") GET("/large.bin") GET("/tiny.txt") GET("/none") GET("/small.txt");

static struct pile undisturbed(void)
{
    struct pile pile = {0};
    struct conn other;
    conn_init(&other, -1);
    rig_exchange(&rig, &other, STR(mixed), &pile);
    conn_fini(&rig.context, &other);
    return pile;
}

Test(transport, any_pattern_of_partial_calls_gives_the_same_bytes)
{
    static const enum fault hindered[] = {FAULT_SEND, FAULT_SENDFILE, FAULT_RECV, FAULT_READV};
    struct pile expected = undisturbed();
    for (uint64_t seed = 1; seed <= 25; seed++) {
        close_conn();
        open_conn();
        for (size_t i = 0; i < COUNT_OF(hindered); i++)
            faults_hinder(hindered[i], seed * 10 + i);
        cr_assert(wire_send(client, STR(mixed)));
        run_until(expected.length);
        read_arrived();
        cr_assert(str_equal(pile_view(&output), pile_view(&expected)), "seed %d", (int)seed);
        cr_expect(outq_empty(&conn.output));
    }
    pile_clear(&expected);
}

Test(transport, a_byte_at_a_time_in_both_directions)
{
    struct str small = STR(GET("/small.txt") GET("/none") GET("/tiny.txt"));
    struct pile expected = {0};
    struct conn other;
    conn_init(&other, -1);
    rig_exchange(&rig, &other, small, &expected);
    conn_fini(&rig.context, &other);
    for (size_t i = 0; i < small.length; i++) {
        cr_assert(wire_send(client, str_first(str_from(small, i), 1)));
        conn.socket.readable = true;
        cr_assert(turn());
        conn_settle(&rig.context, &conn);
        read_arrived();
    }
    run_until(expected.length);
    cr_expect(str_equal(pile_view(&output), pile_view(&expected)));
    pile_clear(&expected);
}

Test(transport, sixteen_pipelined_files_cost_one_call_in_and_one_out)
{
    static char many[16 * sizeof GET("/small.txt")];
    char *end = many;
    for (unsigned i = 0; i < 16; i++)
        end = str_put(end, STR(GET("/small.txt")));
    cr_assert(wire_send(client, str_of(many)));
    cr_assert(turn());
    cr_assert(turn());
    cr_expect_eq(outq_unsent(&conn.output), 0);
    cr_expect_eq(faults_calls(FAULT_RECV) + faults_calls(FAULT_READV), 1);
    cr_expect_eq(faults_calls(FAULT_SEND), 1);
}

/* --- files that aren't in the page cache ------------------------------------------------------ */

/* Everything is cold, always: each window is read by a job before it is sent, and sending goes
 * on. */
Test(transport, what_is_on_a_disk_is_read_by_jobs)
{
    enum { BYTES = (8 << 20) + 5, WINDOWS = 3 };
    unsigned waits = 0;
    tree_fill(&rig.tree, "huge.bin", BYTES, 5);
    cr_assert(wire_send(client, STR(GET("/huge.bin"))));
    cr_assert(turn());
    faults_fail(FAULT_PREADV2_NOWAIT, 0, FAULT_ALWAYS, EAGAIN);
    for (unsigned i = 0; i < 100000 && outq_unsent(&conn.output) > 0; i++) {
        conn.socket.writable = true;
        cr_assert(turn());
        read_arrived();
        if (!conn_awaits_file(&conn))
            continue;
        unsigned sends = faults_calls(FAULT_SENDFILE);
        cr_expect_not(conn_wants_output(&conn));
        conn_settle(&rig.context, &conn);
        cr_expect_eq(conn.phase, CONN_PHASE_JOB);
        cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_GOES_ON);
        cr_expect_eq(faults_calls(FAULT_SENDFILE), sends);
        waits++;
        rig_await(&rig, &conn);
    }
    read_arrived();
    cr_expect_eq(waits, WINDOWS);
    struct str stream = pile_view(&output);
    struct answer answer;
    cr_assert(answer_next(&stream, false, &answer));
    cr_expect(tree_filled(answer.body, BYTES, 5));
}

/* Without memory to wait with, the disk is waited for. */
Test(transport, what_is_on_a_disk_comes_even_without_memory)
{
    cr_assert(wire_send(client, STR(GET("/large.bin"))));
    cr_assert(turn());
    slab_give(&rig.context.waits, rig.context.spare_wait);
    rig.context.spare_wait = NULL;
    void *held = slab_take(&rig.context.waits); /* there was one */
    cr_expect_eq(rig.context.waits.idle_count, 0);
    faults_fail(FAULT_PREADV2_NOWAIT, 0, FAULT_ALWAYS, EAGAIN);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    run_until(RIG_LARGE_BYTES);
    cr_expect_not(conn_awaits_file(&conn));
    faults_clear();
    slab_give(&rig.context.waits, held);
}

Test(transport, who_goes_while_a_disk_is_read_leaves_nothing_behind)
{
    cr_assert(wire_send(client, STR(GET("/large.bin"))));
    cr_assert(turn());
    faults_fail(FAULT_PREADV2_NOWAIT, 0, FAULT_ALWAYS, EAGAIN);
    for (unsigned i = 0; i < 100 && !conn_awaits_file(&conn); i++) {
        conn.socket.writable = true;
        cr_assert(turn());
        read_arrived();
    }
    cr_assert(conn_awaits_file(&conn));
    cr_expect(conn_waits(&conn));
}

static int unsent_max(void)
{
    int bytes = -1;
    socklen_t length = sizeof bytes;
    getsockopt(conn.socket.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, &length);
    return bytes;
}

Test(transport, only_a_file_for_a_quick_peer_may_fill_the_socket)
{
    for (unsigned i = 0; i < 2; i++) {
        make_quick();
        cr_assert(wire_send(client, STR(GET("/large.bin"))));
        run_until(output.length + RIG_LARGE_BYTES);
        cr_expect_eq(unsent_max(), 0, "no bound of its own");
        cr_expect_eq(rig.context.lifted_count, 1);
        cr_assert(wire_send(client, STR(GET("/small.txt"))));
        run_until(output.length + 100);
        cr_expect_eq(unsent_max(), NET_UNSENT_BYTES_MAX);
        cr_expect_eq(rig.context.lifted_count, 0);
    }
}

Test(transport, the_bound_is_lifted_for_some_connections_only)
{
    rig.context.lifted_max = 0;
    make_quick();
    cr_assert(wire_send(client, STR(GET("/large.bin"))));
    run_until(RIG_LARGE_BYTES);
    cr_expect_not(conn.socket.lowat_lifted);
    rig.context.lifted_max = 1;
    cr_assert(wire_send(client, STR(GET("/large.bin"))));
    run_until(output.length + RIG_LARGE_BYTES);
    cr_expect_eq(rig.context.lifted_count, 1);
    close_conn();
    cr_expect_eq(rig.context.lifted_count, 0, "it is not counted when it is closed");
    open_conn();
}

/* The socket holds more than the bound, and the peer may never take it. */
Test(transport, a_socket_that_is_full_stays_counted)
{
    make_quick();
    cr_assert(wire_send(client, STR(GET("/large.bin") GET("/large.bin") GET("/small.txt"))));
    for (unsigned i = 0; i < 100 && conn.socket.writable; i++)
        cr_assert(turn());
    cr_assert_gt(socket_held_bytes(&conn.socket), NET_UNSENT_BYTES_MAX);
    file_send_bound(&rig.context, &conn);
    cr_expect_eq(rig.context.lifted_count, 1);
}

Test(transport, a_peer_that_takes_enough_without_a_long_wait_is_quick)
{
    const size_t needed = (size_t)FILE_SEND_QUICK_COUNT << 16;
    tree_fill(&rig.tree, "huge.bin", 3 << 20, 5);
    cr_assert(wire_send(client, STR(GET("/huge.bin"))));
    while (output.length < needed) {
        cr_expect_lt(conn.socket.quick, FILE_SEND_QUICK_COUNT);
        run_until(output.length + 1);
        if (conn.socket.quick == FILE_SEND_QUICK_COUNT)
            break;
    }
    run_until(3 << 20);
    cr_expect_eq(conn.socket.quick, FILE_SEND_QUICK_COUNT);
}

/* Sends /huge.bin, of which the client reads nothing, until the socket refuses more. */
static void fill_socket(void)
{
    tree_fill(&rig.tree, "huge.bin", 16 << 20, 5);
    cr_assert(wire_send(client, STR(GET("/huge.bin"))));
    conn.socket.readable = true;
    for (unsigned i = 0; i < 100000 && conn.socket.writable; i++)
        cr_assert(turn());
    cr_assert_not(conn.socket.writable);
}

Test(transport, a_peer_that_lets_the_socket_wait_is_not_quick)
{
    static const unsigned waits_ms[] = {FILE_SEND_SLOW_MS - FILE_SEND_TICK_MS,
                                        FILE_SEND_SLOW_MS + FILE_SEND_TICK_MS, 66000};
    for (size_t i = 0; i < COUNT_OF(waits_ms); i++) {
        close_conn();
        open_conn();
        make_quick();
        fill_socket();
        rig_pass_ms(&rig, waits_ms[i]);
        conn.socket.writable = true;
        cr_assert(turn());
        cr_expect_eq(conn.socket.quick, i == 0 ? FILE_SEND_QUICK_COUNT : 0, "%u ms", waits_ms[i]);
    }
}

/* --- what each call may say ------------------------------------------------------------------- */

static enum transport_result receive(void)
{
    size_t budget = TURN_BYTES;
    return transport_plain_receive(&rig.context, &conn, &budget);
}

Test(transport, receiving_says_what_it_learnt)
{
    conn.socket.readable = true;
    cr_expect_eq(receive(), TRANSPORT_NOTHING);
    cr_expect_not(conn.socket.readable);
    conn.socket.readable = true;
    faults_fail(FAULT_RECV, 0, 1, EINTR);
    cr_expect_eq(receive(), TRANSPORT_PROGRESS);
    cr_expect(conn.socket.readable, "an interruption says nothing about the socket");
    cr_assert(wire_send(client, STR("GET")));
    size_t budget = 10;
    cr_expect_eq(transport_plain_receive(&rig.context, &conn, &budget), TRANSPORT_PROGRESS);
    cr_expect_eq(budget, 7);
    cr_expect_not(conn.socket.readable, "a short count: there was no more");
    cr_assert(wire_send(client, STR(" /")));
    shutdown(client, SHUT_WR);
    conn.socket.readable = conn.socket.hangup = true;
    cr_expect_eq(receive(), TRANSPORT_PROGRESS);
    cr_expect(conn.socket.readable, "but the end is there too");
    cr_expect_not(conn.socket.input_ended);
    cr_expect_eq(receive(), TRANSPORT_PROGRESS);
    cr_expect(conn.socket.input_ended);
    cr_expect(str_equal(ring_view(&conn.input), STR("GET /")));
}

Test(transport, a_reset_is_a_failure)
{
    wire_reset(client);
    client = -1;
    cr_expect_eq(receive(), TRANSPORT_FAILED);
}

Test(transport, errors_of_sending_are_failures)
{
    static const int errors[] = {EPIPE, ECONNRESET, EIO, ENOMEM};
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct str bytes = STR(GET("/tiny.txt") GET_TAIL);
        size_t budget = TURN_BYTES;
        make_quick();
        rig_give(&rig, &conn, &bytes);
        faults_fail(FAULT_SEND, 0, 1, errors[i]);
        cr_expect_eq(transport_plain_send(&rig.context, &conn, &budget), TRANSPORT_FAILED);
        cr_expect_eq(transport_plain_send(&rig.context, &conn, &budget), TRANSPORT_PROGRESS);
        faults_fail(FAULT_SENDFILE, 0, 1, errors[i]);
        budget = TURN_BYTES;
        cr_expect_eq(transport_plain_send(&rig.context, &conn, &budget), TRANSPORT_FAILED);
        conn.socket.quick = 0;
        faults_fail(FAULT_SEND, 0, 1, errors[i]);
        cr_expect_eq(transport_plain_send(&rig.context, &conn, &budget), TRANSPORT_FAILED);
        close_conn();
        open_conn();
    }
}

Test(transport, without_storage_it_says_so)
{
    static void *full[1 << 20 >> 14], *small[1 << 20 >> 10];
    for (size_t i = 0; i < COUNT_OF(full); i++)
        full[i] = slab_take(&rig.context.full);
    for (size_t i = 0; i < COUNT_OF(small); i++)
        small[i] = slab_take(&rig.context.small);
    cr_expect_eq(receive(), TRANSPORT_FULL);
    cr_expect(conn.socket.readable);
    for (size_t i = 0; i < COUNT_OF(full); i++)
        slab_give(&rig.context.full, full[i]);
    for (size_t i = 0; i < COUNT_OF(small); i++)
        slab_give(&rig.context.small, small[i]);
}

Test(transport, discarding_reads_on_until_the_end)
{
    char *bytes = tree_bytes(100000, 1);
    size_t budget = SIZE_MAX;
    conn_linger(&rig.context, &conn);
    cr_assert(wire_send(client, (struct str){bytes, 100000}));
    shutdown(client, SHUT_WR);
    for (unsigned i = 0; i < 100000 && !conn.socket.input_ended; i++) {
        enum transport_result result = transport_plain_discard(&rig.context, &conn, &budget);
        cr_assert_neq(result, TRANSPORT_FAILED);
        conn.socket.readable = conn.socket.hangup = true;
    }
    cr_expect(conn.socket.input_ended);
    cr_expect_eq(budget, SIZE_MAX - 100000);
    cr_expect_null(conn.input.storage);
    conn.linger_left = 5;
    free(bytes);
}

Test(transport, discarding_has_an_end)
{
    size_t budget = SIZE_MAX;
    conn_linger(&rig.context, &conn);
    conn.linger_left = 5;
    cr_assert(wire_send(client, STR("12345")));
    struct pollfd event = {.fd = conn.socket.fd, .events = POLLIN};
    cr_assert_eq(poll(&event, 1, RIG_PATIENCE_MS), 1);
    cr_expect_eq(transport_plain_discard(&rig.context, &conn, &budget), TRANSPORT_FAILED);
}

/* --- peers that take nothing ------------------------------------------------------------------ */

Test(transport, a_peer_without_room_is_stalled_until_it_reads)
{
    enum { STALL_MS = 60 };
    fill_socket();
    while (socket_stalled_ms(&conn.socket) < STALL_MS)
        poll(NULL, 0, 5);
    struct pollfd event = {.fd = conn.socket.fd, .events = POLLOUT};
    while (poll(&event, 1, 0) == 0)
        read_arrived();
    cr_expect_lt(socket_stalled_ms(&conn.socket), STALL_MS);
    cr_expect_eq(socket_stalled_ms(&(struct socket){.fd = -1}), UINT64_MAX);
}

Test(transport, an_aborted_socket_is_reset_by_its_close)
{
    char byte;
    fill_socket();
    socket_abort(&conn.socket);
    close(conn.socket.fd);
    conn.socket.fd = open("/dev/null", O_RDONLY | O_CLOEXEC); /* for close_conn */
    struct pollfd event = {.fd = client};
    cr_expect_eq(poll(&event, 1, RIG_PATIENCE_MS), 1);
    cr_expect(event.revents & POLLERR);
    while (read(client, &byte, 1) > 0) {
    }
    cr_expect_eq(errno, ECONNRESET);
}

/* A listening socket of FAMILY on the loopback interface, and a client's connection to it. Returns
 * the server's end; -1: this machine does not have FAMILY. */
static int accept_over(int family, const struct sockaddr *address, socklen_t bytes, int *ret_client)
{
    struct sockaddr_storage bound;
    socklen_t bound_bytes = sizeof bound;
    int off = 0, listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (listener < 0 || bind(listener, address, bytes) != 0 || listen(listener, 1) != 0) {
        close(listener);
        return -1;
    }
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&bound, &bound_bytes), 0);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in6 *bound_v6 = (const struct sockaddr_in6 *)&bound;
    bool mapped = family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&bound_v6->sin6_addr);
    v4.sin_port = bound_v6->sin6_port;
    *ret_client = socket(mapped ? AF_INET : family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = mapped ? connect(*ret_client, (struct sockaddr *)&v4, sizeof v4)
                       : connect(*ret_client, (struct sockaddr *)&bound, bound_bytes);
    cr_assert_eq(error, 0);
    int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    close(listener);
    return accepted;
}

Test(transport, reports_the_peers_address)
{
    static const struct sockaddr_in v4 = {.sin_family = AF_INET,
                                          .sin_addr.s_addr = 0x0100007f}; /* 127.0.0.1 */
    static const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                                           .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    static const struct sockaddr_in6 dual = {.sin6_family = AF_INET6};
    static const struct {
        int family;
        const void *address;
        socklen_t bytes;
        struct endpoint expected;
    } rows[] = {
        {AF_INET, &v4, sizeof v4, {.version = 4, .address = {127, 0, 0, 1}}},
        {AF_INET6, &v6, sizeof v6, {.version = 6, .address = {[15] = 1}}},
        {AF_INET6, &dual, sizeof dual, {.version = 4, .address = {127, 0, 0, 1}}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sockaddr_in6 own;
        socklen_t own_bytes = sizeof own;
        struct endpoint peer;
        struct conn other;
        int end, fd = accept_over(rows[i].family, rows[i].address, rows[i].bytes, &end);
        if (fd < 0)
            continue;
        cr_assert_eq(getsockname(end, (struct sockaddr *)&own, &own_bytes), 0);
        conn_init(&other, fd);
        socket_peer(&other.socket, &peer);
        cr_expect_eq(peer.version, rows[i].expected.version, "%zu", i);
        cr_expect_arr_eq(peer.address, rows[i].expected.address, sizeof peer.address, "%zu", i);
        cr_expect_eq(peer.port, ntohs(own.sin6_port), "%zu: the client's", i);
        close(end);
        close(fd);
    }
    struct endpoint peer = {.version = 4};
    socket_peer(&(struct socket){.fd = -1}, &peer);
    cr_expect_eq(peer.version, ENDPOINT_UNKNOWN, "there is no socket");
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    socket_peer(&(struct socket){.fd = pair[0]}, &peer);
    cr_expect_eq(peer.version, ENDPOINT_UNIX);
    close(pair[0]);
    close(pair[1]);
}
