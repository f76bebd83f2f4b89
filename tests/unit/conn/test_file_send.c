/* file_send: files that change while they are sent, over real sockets. */
#include "conn/conn_wait.h"
#include "conn/file_doubt.h"
#include "conn/file_watch.h"
#include "support/transport_rig.h"

#include <errno.h>
#include <poll.h>

TestSuite(file_send, .init = set_up, .fini = tear_down, .timeout = 120);

/* Sends the first LENGTH bytes of the answer to REQUEST, for large.bin, has CHANGE done to the
 * file, and sends the rest; in parts, as a socket that is nearly full takes them. Returns whether
 * all could be sent. */
static bool send_changed(struct str request, size_t length, void (*change)(void))
{
    faults_hinder(FAULT_SENDFILE, 1);
    faults_hinder(FAULT_SEND, 2);
    cr_assert(wire_send(client, request));
    while (output.length < length) {
        cr_assert(turn());
        conn.socket.writable = true;
        read_arrived();
    }
    poll(NULL, 0, TICK_MS);
    rig_pass_ms(&rig, TICK_MS);
    change();
    bool failed = false;
    for (unsigned i = 0; i < 100000 && !failed && outq_unsent(&conn.output) > 0; i++) {
        conn.socket.writable = true;
        failed = !turn();
        read_arrived();
        if (conn_awaits_file(&conn))
            rig_check_doubts(&rig);
    }
    read_arrived();
    faults_clear();
    return !failed;
}

/* By sendfile and by copy. */
static void expect_cut(void (*change)(void))
{
    for (unsigned i = 0; i < 2; i++) {
        close_conn();
        open_conn();
        tree_fill(&rig.tree, "large.bin", RIG_LARGE_BYTES, 3);
        rig_pass_ms(&rig, RIG_HEADER_MS);
        conn.socket.quick = i == 0 ? 0 : FILE_SEND_QUICK_COUNT;
        cr_expect_not(send_changed(STR(GET("/large.bin")), 100000, change));
        struct str stream = pile_view(&output);
        struct answer answer;
        cr_expect_not(answer_next(&stream, false, &answer), "it must not look complete");
    }
}

static void truncate_it(void)
{
    int fd = openat(rig.tree.fd, "large.bin", O_WRONLY | O_CLOEXEC);
    cr_assert_eq(ftruncate(fd, 1000), 0);
    close(fd);
}

static void rewrite_it(void)
{
    char *bytes = tree_bytes(RIG_LARGE_BYTES, 77);
    int fd = openat(rig.tree.fd, "large.bin", O_WRONLY | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, bytes, RIG_LARGE_BYTES, 0), RIG_LARGE_BYTES);
    close(fd);
    free(bytes);
}

static void touch_one_byte(void)
{
    int fd = openat(rig.tree.fd, "large.bin", O_WRONLY | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, "!", 1, RIG_LARGE_BYTES - 1), 1);
    close(fd);
}

static void append_to_it(void)
{
    tree_append(&rig.tree, "large.bin", STR("a line\n"));
}

static void append_and_cut_off(void)
{
    append_to_it();
    int fd = openat(rig.tree.fd, "large.bin", O_WRONLY | O_CLOEXEC);
    cr_assert_eq(ftruncate(fd, RIG_LARGE_BYTES), 0);
    close(fd);
}

Test(file_send, a_file_that_is_truncated_ends_the_connection)
{
    expect_cut(truncate_it);
}

Test(file_send, a_file_that_is_rewritten_ends_the_connection)
{
    expect_cut(rewrite_it);
}

Test(file_send, one_rewritten_byte_ends_the_connection)
{
    expect_cut(touch_one_byte);
}

/* Whether its old bytes are the same can't be known. */
Test(file_send, a_file_that_grew_and_was_cut_to_its_old_size_ends_the_connection)
{
    expect_cut(append_and_cut_off);
}

/* A socket that referred to the pages of the file would send what is in them later. */
Test(file_send, what_a_socket_holds_for_a_peer_that_is_not_quick_does_not_change)
{
    enum { TAIL = 300000 };
    char *bytes = tree_bytes(RIG_LARGE_BYTES, 3);
    cr_assert(wire_send(client, STR(GET_TAIL)));
    for (unsigned i = 0; i < 100 && (i < 2 || outq_unsent(&conn.output) > 0); i++) {
        conn.socket.writable = true;
        cr_assert(turn());
    }
    cr_assert_eq(outq_unsent(&conn.output), 0);
    rewrite_it();
    for (unsigned i = 0; i < 1000 && output.length < TAIL; i++) {
        struct pollfd event = {.fd = client, .events = POLLIN};
        poll(&event, 1, 100);
        read_arrived();
    }
    struct str stream = pile_view(&output);
    struct answer answer;
    cr_assert(answer_next(&stream, false, &answer));
    cr_expect(str_equal(answer.body, (struct str){bytes + RIG_LARGE_BYTES - TAIL, TAIL}));
    free(bytes);
}

/* Until LENGTH bytes have arrived, and all is sent. */
static void run_to_end(size_t length)
{
    run_until(length);
    while (outq_unsent(&conn.output) > 0)
        run_until(output.length + 1);
    read_arrived();
}

static void expect_large_file_sent(void)
{
    struct str stream = pile_view(&output);
    struct answer answer;
    cr_assert(answer_next(&stream, false, &answer));
    cr_expect(tree_filled(answer.body, RIG_LARGE_BYTES, 3));
    cr_expect_eq(stream.length, 0, "no byte more than Content-Length says");
}

/* A log that is written, a download in progress: before the last piece is sent, and before the
 * first. */
Test(file_send, a_file_that_grows_is_sent_to_its_content_length)
{
    static const size_t moments[] = {100, 100000};
    for (size_t i = 0; i < COUNT_OF(moments); i++) {
        tree_fill(&rig.tree, "large.bin", RIG_LARGE_BYTES, 3);
        close_conn();
        open_conn();
        rig_pass_ms(&rig, RIG_HEADER_MS); /* the cache's time is over */
        cr_assert(send_changed(STR(GET("/large.bin")), moments[i], append_to_it));
        expect_large_file_sent();
    }
}

/* It grows between its head, which says how long it was, and its only piece. */
Test(file_send, a_file_that_grows_before_its_first_byte_is_sent_to_its_content_length)
{
    cr_assert(wire_send(client, STR(GET("/large.bin"))));
    cr_assert(turn());
    cr_assert_gt(outq_unsent(&conn.output), RIG_LARGE_BYTES);
    rig_pass_ms(&rig, TICK_MS); /* another turn */
    append_to_it();
    run_to_end(RIG_LARGE_BYTES + 1);
    expect_large_file_sent();
}

Test(file_send, ranges_of_a_file_that_grows_are_sent)
{
    static const char request[] = "GET /large.bin HTTP/1.1\r\nHost: a\r\n"
                                  "Range: bytes=0-99999,100001-199999,200001-\r\n\r\n";
    cr_assert(send_changed(STR(request), 150000, append_to_it));
    struct str stream = pile_view(&output);
    struct answer answer;
    cr_assert(answer_next(&stream, false, &answer));
    cr_expect_eq(answer.status, 206);
    cr_expect_eq(stream.length, 0);
    cr_expect_gt(answer.body.length, RIG_LARGE_BYTES - 2);
}

/* The next answer has the length that the file has then. */
Test(file_send, a_file_that_grew_is_announced_with_its_new_length)
{
    cr_assert(send_changed(STR(GET("/large.bin")), 100000, append_to_it));
    pile_clear(&output);
    cr_assert(wire_send(client, STR(GET("/large.bin"))));
    run_to_end(RIG_LARGE_BYTES + 7);
    struct str stream = pile_view(&output);
    struct answer answer;
    cr_assert(answer_next(&stream, false, &answer));
    cr_expect_eq(answer.body.length, RIG_LARGE_BYTES + 7);
}

Test(file_send, a_file_that_is_replaced_is_sent_as_it_was)
{
    cr_assert(wire_send(client, STR(GET("/large.bin"))));
    cr_assert(turn());
    tree_fill(&rig.tree, "new", 1000, 9);
    tree_rename(&rig.tree, "new", "large.bin");
    run_to_end(RIG_LARGE_BYTES + 1);
    expect_large_file_sent();
}

/* --- While it can't be known whether a file was rewritten ------------------------------------- */

/* As an append begins, which may be held up then. */
static void touch_it(void)
{
    tree_touch(&rig.tree, "large.bin");
}

/* Sends the first half of large.bin to a peer that is QUICK or not, and has CHANGE done to the
 * file: the connection waits then. */
static void bring_into_doubt(bool quick, void (*change)(void))
{
    close_conn();
    open_conn();
    tree_fill(&rig.tree, "large.bin", RIG_LARGE_BYTES, 3);
    rig_pass_ms(&rig, RIG_HEADER_MS);
    conn.socket.quick = quick ? FILE_SEND_QUICK_COUNT : 0;
    faults_hinder(FAULT_SENDFILE, 1);
    faults_hinder(FAULT_SEND, 2);
    cr_assert(wire_send(client, STR(GET("/large.bin"))));
    while (output.length < RIG_LARGE_BYTES / 2) {
        conn.socket.readable = conn.socket.writable = true;
        cr_assert(turn());
        read_arrived();
    }
    faults_clear();
    poll(NULL, 0, TICK_MS);
    read_arrived();
    change();
    for (unsigned i = 0; i < 100 && !conn_awaits_file(&conn); i++) {
        conn.socket.writable = true;
        cr_assert(turn());
    }
    cr_assert(conn_awaits_file(&conn));
    poll(NULL, 0, TICK_MS);
    read_arrived();
}

/* Lets MS pass, in which nothing may be sent. */
static void expect_silence(unsigned ms)
{
    const size_t length = output.length;
    for (unsigned i = 0; i < ms / FILE_DOUBT_CHECK_MS; i++) {
        conn.socket.writable = true;
        cr_assert(turn());
        rig_check_doubts(&rig);
        cr_expect(conn_awaits_file(&conn));
        cr_expect_not(conn_wants_output(&conn));
        cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_GOES_ON);
        conn_settle(&rig.context, &conn);
        cr_expect_eq(conn.phase, CONN_PHASE_JOB);
        read_arrived();
    }
    cr_expect_eq(output.length, length);
}

Test(file_send, an_append_that_is_held_up_holds_up_the_answer)
{
    for (unsigned quick = 0; quick < 2; quick++) {
        bring_into_doubt(quick, touch_it);
        expect_silence(FILE_DOUBT_MS / 2);
        append_to_it();
        rig_check_doubts(&rig);
        cr_expect_not(conn_awaits_file(&conn));
        while (outq_unsent(&conn.output) > 0) {
            conn.socket.writable = true;
            cr_assert(turn());
            read_arrived();
        }
        poll(NULL, 0, TICK_MS);
        read_arrived();
        expect_large_file_sent();
    }
}

Test(file_send, a_file_that_does_not_grow_in_time_ends_the_connection)
{
    for (unsigned quick = 0; quick < 2; quick++) {
        bring_into_doubt(quick, touch_it);
        expect_silence(FILE_DOUBT_MS - 2 * FILE_DOUBT_CHECK_MS);
        const size_t length = output.length;
        rig_pass_ms(&rig, 2 * FILE_DOUBT_CHECK_MS);
        rig_check_doubts(&rig);
        conn.socket.writable = true;
        cr_expect_not(turn());
        read_arrived();
        cr_expect_eq(output.length, length);
    }
}

/* What was read of it in a copy, before the check found that it had changed, is thrown away. */
Test(file_send, nothing_of_another_version_is_sent)
{
    char *bytes = tree_bytes(RIG_LARGE_BYTES, 3);
    bring_into_doubt(false, rewrite_it);
    expect_silence(FILE_DOUBT_MS / 2);
    struct str stream = pile_view(&output);
    const char *end = memmem(stream.at, stream.length, "\r\n\r\n", 4);
    cr_assert_not_null(end);
    struct str body = str_from(stream, (size_t)(end - stream.at) + 4);
    cr_assert(body.length > 0 && body.length < RIG_LARGE_BYTES);
    cr_expect(str_starts_with((struct str){bytes, RIG_LARGE_BYTES}, body));
    free(bytes);
}

/* A held-up append is the only writer meanwhile. */
Test(file_send, a_second_write_without_growth_ends_the_connection_at_once)
{
    bring_into_doubt(false, touch_it);
    touch_it();
    rig_check_doubts(&rig);
    conn.socket.writable = true;
    cr_expect_not(turn());
}

Test(file_send, a_file_in_doubt_ends_the_connection_without_memory_to_wait_with)
{
    cr_assert(wire_send(client, STR(GET("/large.bin"))));
    cr_assert(turn());
    cr_assert(turn());
    slab_give(&rig.context.waits, rig.context.spare_wait);
    rig.context.spare_wait = NULL;
    void *held = slab_take(&rig.context.waits);
    touch_it();
    rig.context.now.turn++;
    faults_fail(FAULT_MEMORY, 0, FAULT_ALWAYS, ENOMEM);
    bool failed = false;
    for (unsigned i = 0; i < 100 && !failed; i++) {
        conn.socket.writable = true;
        failed = !turn();
    }
    cr_expect(failed);
    faults_clear();
    slab_give(&rig.context.waits, held);
}

Test(file_send, who_goes_while_a_file_is_in_doubt_leaves_nothing_behind)
{
    bring_into_doubt(false, touch_it);
    close_conn();
    cr_expect(list_is_empty(&rig.context.doubts.waiting));
    rig_check_doubts(&rig);
    open_conn();
}

/* --- Files that a socket holds ---------------------------------------------------------------- */

/* Has the socket take all of large.bin by reference, of which the client reads nothing. */
static void fill_with_pages(void)
{
    make_quick();
    cr_assert(wire_send(client, STR(GET("/large.bin"))));
    for (unsigned i = 0; i < 100 && (i < 2 || outq_unsent(&conn.output) > 0); i++) {
        conn.socket.readable = conn.socket.writable = true;
        cr_assert(turn());
    }
    cr_assert_eq(outq_unsent(&conn.output), 0);
    cr_assert_not(list_is_empty(&rig.context.watches.all));
    poll(NULL, 0, TICK_MS);
}

/* The connection whose answer may be a mixture, after the time until the next check. */
static struct conn *check_watches(void)
{
    rig_pass_ms(&rig, FILE_WATCH_MS);
    file_watch_expired(&rig.context);
    return file_watch_next(&rig.context);
}

Test(file_send, a_held_file_in_doubt_ends_the_connection_at_the_second_check)
{
    fill_with_pages();
    cr_expect_null(check_watches());
    touch_it();
    cr_expect_null(check_watches(), "it may be about to grow");
    cr_expect_eq(check_watches(), &conn);
}

Test(file_send, a_held_file_that_grows_by_the_second_check_is_delivered)
{
    fill_with_pages();
    touch_it();
    cr_expect_null(check_watches());
    append_to_it();
    for (unsigned i = 0; i < 5; i++)
        cr_expect_null(check_watches());
}

Test(file_send, a_held_file_that_is_truncated_ends_the_connection_at_the_first_check)
{
    fill_with_pages();
    truncate_it();
    cr_expect_eq(check_watches(), &conn);
}
