/* session and exchange: a protocol with streams drives them through a connection, without a
 * socket. Each stream waits for its own look-up. (Over sockets: test_seams.c.) */
#include "conn/conn_wait.h"
#include "support/mux_session.h"

static struct rig rig;
static struct conn conn;
static struct mux_client client;
static struct pile output;
static size_t understood; /* bytes of OUTPUT that CLIENT has taken */

enum { SESSION_MUX = 1 };

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    rig.context.sessions[SESSION_MUX] = &mux_session;
    conn_init(&conn, -1);
    conn.session_index = SESSION_MUX;
}

static void tear_down(void)
{
    conn_fini(&rig.context, &conn);
    mux_client_clear(&client);
    pile_clear(&output);
    rig_fini(&rig);
}

TestSuite(session, .init = set_up, .fini = tear_down, .timeout = 120);

/* The connection receives FRAMES, works and sends all it has, without waiting for look-ups. */
static void give(struct pile *frames)
{
    struct str left = pile_view(frames);
    do {
        if (left.length > 0)
            cr_assert(rig_give(&rig, &conn, &left));
        conn_work(&rig.context, &conn);
    } while (rig_take(&rig, &conn, &output, SIZE_MAX) > 0 || left.length > 0);
    conn_settle(&rig.context, &conn);
    struct str news = str_from(pile_view(&output), understood);
    size_t before = news.length;
    cr_assert(mux_client_take(&client, &news));
    understood += before - news.length;
    pile_clear(frames);
}

static void ask(unsigned stream, const char *path)
{
    struct pile frames = {0};
    mux_add(&frames, MUX_REQUEST, stream, str_of(path));
    give(&frames);
}

static void cancel(unsigned stream)
{
    struct pile frames = {0};
    mux_add(&frames, MUX_CANCEL, stream, STR(""));
    give(&frames);
}

/* Lets all look-ups end, and everything be sent. */
static void finish(void)
{
    struct pile none = {0};
    while (conn_waits(&conn)) {
        rig_await(&rig, &conn);
        give(&none);
    }
}

static void expect_body(unsigned stream, size_t bytes, uint64_t seed)
{
    cr_expect_eq(client.streams[stream].status, 200, "stream %u", stream);
    cr_expect(client.streams[stream].ended, "stream %u", stream);
    cr_expect(tree_filled(pile_view(&client.streams[stream].body), bytes, seed), "stream %u",
              stream);
}

static unsigned pending_waits(void)
{
    unsigned count = 0;
    for (const struct conn_wait *wait = conn.waits; wait; wait = wait->next)
        count += wait->waiter.lookup != NULL;
    return count;
}

Test(session, answers_a_cached_stream_while_another_waits)
{
    ask(1, "/tiny.txt");
    finish();
    rig_make_cold(true);
    ask(2, "/large.bin");
    cr_expect(conn_waits(&conn));
    ask(3, "/tiny.txt");
    cr_expect_eq(client.streams[2].status, 0, "not yet");
    expect_body(3, 100, 1);
    finish();
    expect_body(2, RIG_LARGE_BYTES, 3);
    cr_expect_gt(client.streams[2].ended, client.streams[3].ended);
    cr_expect_eq(client.ended, 3);
}

Test(session, waits_for_many_look_ups_at_the_same_time)
{
    rig_make_cold(true);
    ask(1, "/tiny.txt");
    ask(2, "/small.txt");
    ask(3, "/large.bin");
    cr_expect_eq(pending_waits(), 3);
    finish();
    expect_body(1, 100, 1);
    expect_body(2, RIG_SMALL_BYTES, 2);
    expect_body(3, RIG_LARGE_BYTES, 3);
    cr_expect_null(conn.waits);
    cr_expect_not(conn.busy);
}

Test(session, does_not_answer_a_stream_that_was_cancelled_while_its_job_ran)
{
    rig_make_cold(true);
    ask(1, "/small.txt");
    ask(2, "/tiny.txt");
    cr_expect_eq(pending_waits(), 2);
    cancel(1);
    cr_expect_eq(pending_waits(), 1, "its wait has gone");
    finish();
    expect_body(2, 100, 1);
    cr_expect_eq(client.streams[1].status, 0);
    cr_expect_eq(client.ended, 1);
    cr_expect_null(conn.waits);
    cr_expect_eq(rig.woken, 1, "the one that still waits");
}

/* Two streams that wait for the same file: cancelling one leaves the other its wait. */
Test(session, keeps_the_wait_of_another_stream_for_the_same_file)
{
    rig_make_cold(true);
    ask(1, "/small.txt");
    ask(2, "/small.txt");
    cancel(1);
    finish();
    expect_body(2, RIG_SMALL_BYTES, 2);
    cr_expect_eq(client.ended, 1);
}

/* tear_down ends the connection, and rig_fini finds that nothing is lent. */
Test(session, leaves_nothing_when_the_connection_goes_while_streams_wait)
{
    rig_make_cold(true);
    ask(1, "/small.txt");
    ask(2, "/large.bin");
    ask(3, "/small.txt");
    cr_expect_eq(pending_waits(), 3);
}

Test(session, alternates_the_frames_of_two_answers)
{
    struct pile frames = {0};
    ask(1, "/large.bin");
    finish();
    mux_add(&frames, MUX_REQUEST, 2, STR("/large.bin"));
    mux_add(&frames, MUX_REQUEST, 3, STR("/large.bin"));
    give(&frames);
    finish();
    expect_body(2, RIG_LARGE_BYTES, 3);
    expect_body(3, RIG_LARGE_BYTES, 3);
    cr_expect_gt(client.switches, 3 * (RIG_LARGE_BYTES / MUX_DATA_MAX) / 2);
}

/* The answers of streams are counted when their last frame has been sent. */
Test(session, counts_an_answer_once_its_frames_are_sent)
{
    ask(1, "/large.bin");
    finish();
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES), 1);
    ask(2, "/none");
    finish();
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES), 2);
    cr_expect_eq(client.streams[2].status, 404);
}

Test(session, ends_after_its_streams_when_the_server_drains)
{
    rig_make_cold(true);
    ask(1, "/small.txt");
    rig.context.draining = true;
    conn_close_soon(&rig.context, &conn);
    ask(2, "/tiny.txt");
    cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_GOES_ON);
    finish();
    expect_body(1, RIG_SMALL_BYTES, 2);
    cr_expect_eq(client.streams[2].status, 0, "it came too late");
    cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_LINGERS);
    rig.context.draining = false;
}
