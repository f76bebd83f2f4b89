/* conn: how a connection ends, and its deadlines. */
#include "support/conn_rig.h"

static struct rig rig;
static struct conn conn;

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    conn_init(&conn, -1);
}

static void tear_down(void)
{
    conn_fini(&rig.context, &conn);
    rig_fini(&rig);
}

TestSuite(conn_ends, .init = set_up, .fini = tear_down, .timeout = 120);

#define GET_OF(path, more) "GET " path " HTTP/1.1\r\nHost: a\r\n" more "\r\n"
#define GET(path)          GET_OF(path, "")
#define LAST(path)         GET_OF(path, "Connection: close\r\n")

/* --- The verdict ------------------------------------------------------------------------------ */

struct verdict_row {
    const char *name;
    const char *input;
    bool unsent;      /* no output has been sent */
    bool input_ended; /* the peer has ended its side */
    bool draining;
    bool grace;
    bool readable;
    enum conn_verdict verdict;
};

static const struct verdict_row verdicts[] = {
    {.name = "a fresh one", .input = "", .verdict = CONN_GOES_ON},
    {.name = "kept alive", .input = GET("/tiny.txt"), .verdict = CONN_GOES_ON},
    {.name = "half a head", .input = "GET /tiny", .verdict = CONN_GOES_ON},
    {.name = "gone before the first byte", .input = "", .input_ended = true, .verdict = CONN_ENDS},
    {.name = "gone in a head", .input = "GET /ti", .input_ended = true, .verdict = CONN_ENDS},
    {.name = "gone after an answer",
     .input = GET("/tiny.txt"),
     .input_ended = true,
     .verdict = CONN_ENDS},
    {.name = "half-closed, with an answer to come",
     .input = GET("/tiny.txt"),
     .unsent = true,
     .input_ended = true,
     .verdict = CONN_GOES_ON},
    {.name = "close asked for, and all is sent", .input = LAST("/tiny.txt"), .verdict = CONN_ENDS},
    {.name = "close asked for, not all sent",
     .input = LAST("/tiny.txt"),
     .unsent = true,
     .verdict = CONN_GOES_ON},
    {.name = "close asked for, more may stand in the socket",
     .input = LAST("/tiny.txt"),
     .readable = true,
     .verdict = CONN_LINGERS},
    {.name = "close asked for, and more came all the same",
     .input = LAST("/tiny.txt") "x",
     .verdict = CONN_LINGERS},
    {.name = "a bad request", .input = "\x16\x03\x01", .verdict = CONN_LINGERS},
    {.name = "a bad request, and gone",
     .input = "BAD\r\n\r\n",
     .input_ended = true,
     .verdict = CONN_ENDS},
    {.name = "a body too large",
     .input = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n12345",
     .verdict = CONN_LINGERS},
    {.name = "draining, idle", .input = GET(""), .draining = true, .verdict = CONN_LINGERS},
    {.name = "draining, nothing asked", .input = "", .draining = true, .verdict = CONN_CLOSES},
    {.name = "draining, nothing asked, in the grace",
     .input = "",
     .draining = true,
     .grace = true,
     .verdict = CONN_GOES_ON},
    {.name = "draining, perhaps asked",
     .input = "",
     .draining = true,
     .readable = true,
     .verdict = CONN_GOES_ON},
    {.name = "draining, half a head", .input = "GET", .draining = true, .verdict = CONN_GOES_ON},
    {.name = "draining, an answer to come",
     .input = GET("/tiny.txt"),
     .unsent = true,
     .draining = true,
     .verdict = CONN_GOES_ON},
};

Test(conn_ends, gives_the_verdict_for_each_situation)
{
    for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
        const struct verdict_row *row = &verdicts[i];
        struct str bytes = str_of(row->input);
        struct conn one;
        conn_init(&one, -1);
        rig.context.draining = row->draining;
        rig.context.drain_grace_ms = row->grace ? 1000 : 0;
        if (row->draining)
            conn_close_soon(&rig.context, &one);
        one.socket.writable = true;
        if (bytes.length > 0)
            cr_assert(rig_give(&rig, &one, &bytes));
        if (row->input_ended)
            conn_input_ended(&one);
        one.socket.readable = row->readable;
        if (!row->unsent)
            rig_take(&rig, &one, NULL, SIZE_MAX);
        conn_work(&rig.context, &one);
        cr_expect_eq(conn_verdict(&rig.context, &one), row->verdict, "%s: %d", row->name,
                     conn_verdict(&rig.context, &one));
        conn_fini(&rig.context, &one);
    }
    rig.context.draining = false;
    rig.context.drain_grace_ms = 0;
}

/* What bounds lingering stands where lent input would. */
Test(conn_ends, lends_nothing_while_lingering)
{
    conn_linger(&rig.context, &conn);
    cr_expect_eq(conn_unlend(&conn).length, 0);
    cr_expect_eq(conn.linger_left, CONN_LINGER_BYTES_MAX);
    cr_expect_gt(conn.linger_end_ms, rig.context.now.ms);
}

/* A response has been sent while its request's content is still arriving: closing now would reset
 * it. */
Test(conn_ends, waits_for_a_body_while_draining)
{
    struct str bytes = STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n12345");
    rig_give(&rig, &conn, &bytes);
    rig_take(&rig, &conn, NULL, SIZE_MAX);
    rig.context.draining = true;
    conn_close_soon(&rig.context, &conn);
    conn_work(&rig.context, &conn);
    cr_expect_neq(conn_verdict(&rig.context, &conn), CONN_CLOSES);
    rig.context.draining = false;
}

Test(conn_ends, says_close_in_the_last_response_of_a_drain)
{
    struct pile output = {0};
    rig.context.draining = true;
    conn_close_soon(&rig.context, &conn);
    rig_exchange(&rig, &conn, STR(GET("/tiny.txt") GET("/tiny.txt")), &output);
    struct str stream = pile_view(&output);
    struct answer answer;
    cr_assert(answer_next(&stream, false, &answer));
    cr_expect(str_equal(answer_field(answer.head, "Connection"), STR("close")));
    cr_expect_eq(stream.length, 0, "and the requests after it are not answered");
    cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_LINGERS);
    rig.context.draining = false;
    pile_clear(&output);
}

Test(conn_ends, answers_every_request_of_a_half_closed_peer)
{
    struct pile output = {0};
    struct str bytes = STR(GET("/tiny.txt") GET("/small.txt") GET("/large.bin") GET("/tiny.txt"));
    struct str stream;
    struct answer answer;
    unsigned answers = 0;
    rig_make_cold(true);
    rig_give(&rig, &conn, &bytes);
    conn_input_ended(&conn);
    while (conn_verdict(&rig.context, &conn) == CONN_GOES_ON)
        rig_exchange(&rig, &conn, STR(""), &output);
    for (stream = pile_view(&output); answer_next(&stream, false, &answer); answers++)
        cr_expect_eq(answer.status, 200);
    cr_expect_eq(answers, 4);
    cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_ENDS);
    pile_clear(&output);
}

Test(conn_ends, discards_a_bounded_amount_while_lingering)
{
    struct str bytes = STR(LAST("/tiny.txt") "and more");
    rig_give(&rig, &conn, &bytes);
    rig_take(&rig, &conn, NULL, SIZE_MAX);
    cr_assert_eq(conn_verdict(&rig.context, &conn), CONN_LINGERS);
    conn_linger(&rig.context, &conn);
    conn_settle(&rig.context, &conn);
    cr_expect_eq(conn.state, CONN_LINGERING);
    cr_expect_eq(conn.phase, CONN_PHASE_LINGER);
    cr_expect_not(conn_wants_input(&conn));
    cr_expect_null(conn.input.storage, "and holds nothing");
    cr_expect_null(conn.output.store);
    cr_expect(conn_discarded(&conn, 1000));
    cr_expect(conn_discarded(&conn, CONN_LINGER_BYTES_MAX - 1001));
    cr_expect_not(conn_discarded(&conn, 1));
}

/* --- Time ------------------------------------------------------------------------------------- */

/* Whether CONN has expired after MS more; the wheel may be a tick late. */
static bool expires_within(uint64_t ms)
{
    rig_pass_ms(&rig, ms);
    struct wheel_timer *timer = wheel_expire(&rig.context.wheel, rig.context.now.ms);
    cr_assert(!timer || timer == &conn.timer);
    return timer != NULL;
}

/* A peer that goes on sending is discarded from for 30 s in all, not for 5 s after each byte. */
Test(conn_ends, lingers_for_at_most_30_s)
{
    conn_linger(&rig.context, &conn);
    conn_settle(&rig.context, &conn);
    for (unsigned s = 0; s < 28; s += 4) {
        cr_expect_not(expires_within(4000));
        cr_assert(conn_discarded(&conn, 1));
        conn_settle(&rig.context, &conn);
    }
    cr_expect_not(expires_within(2000 - 1));
    cr_expect(expires_within(1 + WHEEL_TICK_MS));
    cr_expect_eq(conn_expired(&rig.context, &conn), CONN_CLOSES);
}

/* Not every engine reports the delivery, so the slot would be held for 5 s after it. */
Test(conn_ends, checks_the_delivery_to_a_half_closed_peer_soon)
{
    conn_input_ended(&conn);
    conn_linger(&rig.context, &conn);
    conn_settle(&rig.context, &conn);
    cr_expect(expires_within(100 + WHEEL_TICK_MS));
    conn_await_delivery(&rig.context, &conn, 20);
    cr_expect(expires_within(100 + WHEEL_TICK_MS));
    conn_await_delivery(&rig.context, &conn, 400);
    cr_expect_not(expires_within(400 - 1), "a peer that takes nothing is checked less often");
    cr_expect(expires_within(1 + WHEEL_TICK_MS));
}

/* A peer that has said that it sends no more may keep its socket open. */
Test(conn_ends, checks_the_delivery_to_a_peer_that_sends_no_more_soon)
{
    conn.session_phase = SESSION_PEER_DONE;
    conn_linger(&rig.context, &conn);
    conn_settle(&rig.context, &conn);
    cr_expect(expires_within(100 + WHEEL_TICK_MS));
    conn_await_delivery(&rig.context, &conn, 20);
    cr_expect(expires_within(100 + WHEEL_TICK_MS));
    conn_discarded(&conn, 1);
    conn_settle(&rig.context, &conn);
    cr_expect_not(expires_within(4000), "it has sent more all the same");
}

Test(conn_ends, lingers_for_a_peer_that_sends_more_than_it_said)
{
    conn.session_phase = SESSION_PEER_DONE;
    conn.socket.readable = true;
    conn_linger(&rig.context, &conn);
    conn_settle(&rig.context, &conn);
    cr_expect_not(expires_within(4000));
}

/* An exit waits for a delivery, but not longer than for a quiet peer. */
Test(conn_ends, checks_a_delivery_soon_and_for_a_second_while_draining)
{
    conn.session_phase = SESSION_PEER_DONE;
    rig.context.draining = true;
    conn_linger(&rig.context, &conn);
    conn_settle(&rig.context, &conn);
    const uint64_t end_ms = conn.linger_end_ms;
    cr_expect_eq(end_ms, rig.context.now.ms + 1000);
    cr_expect(expires_within(100 + WHEEL_TICK_MS));
    conn_await_delivery(&rig.context, &conn, 100);
    cr_expect(expires_within(100 + WHEEL_TICK_MS));
    cr_expect_eq(conn.linger_end_ms, end_ms);
}

static void give(const char *text)
{
    struct str bytes = str_of(text);
    cr_assert(rig_give(&rig, &conn, &bytes));
    conn_settle(&rig.context, &conn);
}

Test(conn_ends, closes_silently_without_a_byte)
{
    conn_settle(&rig.context, &conn);
    cr_expect_eq(conn.phase, CONN_PHASE_FIRST);
    cr_expect_not(expires_within(RIG_HEADER_MS - 1));
    cr_expect(expires_within(1 + WHEEL_TICK_MS));
    cr_expect_eq(conn_expired(&rig.context, &conn), CONN_CLOSES);
    cr_expect_eq(outq_unsent(&conn.output), 0);
}

Test(conn_ends, answers_408_when_a_head_takes_too_long)
{
    struct pile output = {0};
    struct answer answer;
    conn_settle(&rig.context, &conn);
    rig_pass_ms(&rig, 100);
    give("GET /tiny.txt");
    cr_expect_eq(conn.phase, CONN_PHASE_HEAD);
    cr_expect_not(expires_within(RIG_HEADER_MS / 2));
    give(" HTTP/1.1\r\nHost:"); /* another byte does not extend the time */
    cr_expect_not(expires_within(RIG_HEADER_MS / 2 - 1));
    cr_expect(expires_within(1 + WHEEL_TICK_MS));
    cr_assert_eq(conn_expired(&rig.context, &conn), CONN_GOES_ON);
    rig_exchange(&rig, &conn, STR(""), &output);
    struct str stream = pile_view(&output);
    cr_assert(answer_next(&stream, false, &answer));
    cr_expect_eq(answer.status, 408);
    cr_expect(str_equal(answer_field(answer.head, "Connection"), STR("close")));
    cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_LINGERS);
    pile_clear(&output);
}

Test(conn_ends, expires_after_the_idle_time_without_progress)
{
    struct pile output = {0};
    rig_exchange(&rig, &conn, STR(GET("/tiny.txt")), NULL);
    cr_expect_eq(conn.phase, CONN_PHASE_IDLE);
    cr_expect_not(expires_within(RIG_IDLE_MS - 1));
    give(GET("/large.bin"));
    cr_expect_eq(conn.phase, CONN_PHASE_SEND);
    /* Each byte that is sent is progress. The loop asks the kernel twice in that time. */
    for (unsigned i = 0; i < 5; i++) {
        cr_expect_not(expires_within(RIG_IDLE_MS / 2 - WHEEL_TICK_MS));
        rig_take(&rig, &conn, &output, 1);
        conn_settle(&rig.context, &conn);
    }
    cr_expect_not(expires_within(RIG_IDLE_MS / 2 - 1));
    cr_expect(expires_within(1 + WHEEL_TICK_MS));
    cr_expect_eq(conn_expired(&rig.context, &conn), CONN_CLOSES);
    conn_fini(&rig.context, &conn);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES_CUT), 1);
    conn_init(&conn, -1);
    pile_clear(&output);
}

Test(conn_ends, expires_when_a_body_takes_the_idle_time)
{
    give("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    rig_take(&rig, &conn, NULL, SIZE_MAX);
    conn_settle(&rig.context, &conn);
    cr_expect_eq(conn.phase, CONN_PHASE_BODY);
    cr_expect_not(expires_within(RIG_IDLE_MS - 2));
    give("x");
    cr_expect(expires_within(2 + WHEEL_TICK_MS));
    cr_expect_eq(conn_expired(&rig.context, &conn), CONN_CLOSES);
}
