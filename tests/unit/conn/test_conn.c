/* conn: requests in, responses out, in order; look-ups that wait; storage that is lent and
 * returned. */
#include "conn/conn_wait.h"
#include "support/conn_rig.h"

#include <errno.h>

static struct rig rig;
static struct conn conn;
static struct pile output;

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    conn_init(&conn, -1);
}

static void tear_down(void)
{
    conn_fini(&rig.context, &conn);
    pile_clear(&output);
    rig_fini(&rig);
}

TestSuite(conn, .init = set_up, .fini = tear_down, .timeout = 120);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static uint32_t lent(void)
{
    return rig.context.small.lent_count + rig.context.full.lent_count;
}

/* Expects the next response in *STREAM to have STATUS and the LENGTH bytes of SEED. */
static void expect_answer(struct str *stream, unsigned status, size_t length, uint64_t seed)
{
    struct answer answer;
    cr_assert(answer_next(stream, false, &answer));
    cr_expect_eq(answer.status, status);
    if (status == 200)
        cr_expect(tree_filled(answer.body, length, seed));
}

/* --- Order and content ------------------------------------------------------------------------ */

static const char mixed[] =
    GET("/small.txt") GET("/none") "HEAD /large.bin HTTP/1.1\r\nHost: a\r\n\r\n" GET("/large.bin")
        GET("/tiny.txt") "POST /tiny.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
                         "12345" GET("/tiny.txt");

static void expect_mixed(struct str stream)
{
    struct answer answer;
    expect_answer(&stream, 200, RIG_SMALL_BYTES, 2);
    expect_answer(&stream, 404, 0, 0);
    cr_assert(answer_next(&stream, true, &answer));
    cr_expect(str_equal(answer_field(answer.head, "Content-Length"), STR("1200000")));
    expect_answer(&stream, 200, RIG_LARGE_BYTES, 3);
    expect_answer(&stream, 200, 100, 1);
    expect_answer(&stream, 405, 0, 0);
    expect_answer(&stream, 200, 100, 1);
    cr_expect_eq(stream.length, 0);
}

/* Like an event loop that receives into storage of its own. */
Test(conn, works_on_lent_input)
{
    conn_work(&rig.context, &conn);
    for (unsigned i = 0; i < 3; i++) {
        cr_expect(conn_wants_input(&conn));
        conn_lend(&conn, STR(GET("/tiny.txt")));
        conn_work(&rig.context, &conn);
        cr_expect_eq(conn_unlend(&conn).length, 0);
        cr_assert_gt(outq_unsent(&conn.output), 0);
        conn_sent(&rig.context, &conn, outq_unsent(&conn.output));
        conn_settle(&rig.context, &conn);
    }
}

Test(conn, answers_a_mixed_stream_in_order)
{
    rig_exchange(&rig, &conn, STR(mixed), &output);
    expect_mixed(pile_view(&output));
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES), 7);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_BYTES_SENT), output.length);
}

/* However bytes are split, and whether look-ups wait or not, the output is the same. The
 * files have been written long ago: their entity tags change when they settle. */
Test(conn, gives_the_same_bytes_however_they_are_split)
{
    faults_shift_clock(10);
    rig_exchange(&rig, &conn, STR(mixed), &output);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct prng prng = {seed};
        struct pile pile = {0};
        struct conn other;
        struct str left = STR(mixed);
        conn_init(&other, -1);
        rig_pass_ms(&rig, seed % 2 ? 1000 : 0);
        date_now_set(&rig.context.now, rig.context.now.ms, 784111777); /* the same Date */
        while (left.length > 0 || conn_waits(&other) || outq_unsent(&other.output) > 0) {
            rig_make_cold(prng_below(&prng, 2));
            struct str piece = str_first(left, 1 + (size_t)prng_below(&prng, 60));
            left = str_from(left, piece.length);
            while (piece.length > 0 && conn_wants_input(&other))
                cr_assert(rig_give(&rig, &other, &piece));
            left = (struct str){left.at - piece.length, left.length + piece.length};
            if (prng_below(&prng, 2))
                rig_await(&rig, &other);
            conn_work(&rig.context, &other);
            rig_take(&rig, &other, &pile, (size_t)prng_below(&prng, 30000));
            other.socket.writable = prng_below(&prng, 2);
            conn_settle(&rig.context, &other);
        }
        rig_exchange(&rig, &other, STR(""), &pile);
        cr_assert(str_equal(pile_view(&pile), pile_view(&output)), "seed %d", (int)seed);
        conn_fini(&rig.context, &other);
        pile_clear(&pile);
    }
}

Test(conn, answers_a_pending_request_in_its_place)
{
    rig_exchange(&rig, &conn, STR(GET("/tiny.txt")), NULL); /* now in the cache */
    rig_make_cold(true);
    struct str bytes = STR(GET("/tiny.txt") GET("/small.txt") GET("/tiny.txt") GET("/none"));
    cr_assert(rig_give(&rig, &conn, &bytes));
    cr_expect(conn_waits(&conn));
    cr_expect_not(conn_wants_input(&conn), "not while it waits");
    rig_take(&rig, &conn, &output, SIZE_MAX);
    struct str stream = pile_view(&output);
    expect_answer(&stream, 200, 100, 1);
    cr_expect_eq(stream.length, 0, "the requests after it wait as well");
    cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_GOES_ON);
    conn_settle(&rig.context, &conn);
    cr_expect_eq(conn.phase, CONN_PHASE_JOB);
    conn_work(&rig.context, &conn); /* too early: no effect */
    cr_expect_eq(outq_unsent(&conn.output), 0);
    rig_exchange(&rig, &conn, STR(""), &output);
    stream = pile_view(&output);
    expect_answer(&stream, 200, 100, 1);
    expect_answer(&stream, 200, RIG_SMALL_BYTES, 2);
    expect_answer(&stream, 200, 100, 1);
    expect_answer(&stream, 404, 0, 0);
    cr_expect_eq(stream.length, 0);
}

Test(conn, leaks_nothing_when_closed_during_a_look_up)
{
    struct str bytes = STR(GET("/small.txt"));
    struct conn other;
    rig_make_cold(true);
    cr_assert(rig_give(&rig, &conn, &bytes));
    conn_init(&other, -1);
    bytes = STR(GET("/small.txt"));
    cr_assert(rig_give(&rig, &other, &bytes));
    cr_expect_eq(conn.waits->waiter.lookup, other.waits->waiter.lookup, "they wait for the same");
    conn_fini(&rig.context, &conn);
    rig_exchange(&rig, &other, STR(""), &output);
    struct str stream = pile_view(&output);
    expect_answer(&stream, 200, RIG_SMALL_BYTES, 2);
    conn_fini(&rig.context, &other);
    conn_init(&conn, -1); /* and one that closes while the job runs */
    bytes = STR(GET("/tiny.txt"));
    cr_assert(rig_give(&rig, &conn, &bytes));
    conn_fini(&rig.context, &conn);
    conn_init(&conn, -1);
    cr_expect_eq(lent(), 0);
}

Test(conn, lets_many_wait_for_the_same_look_up)
{
    enum { CONNS = 20 };
    struct conn conns[CONNS];
    rig_make_cold(true);
    for (unsigned i = 0; i < CONNS; i++) {
        struct str bytes = STR(GET("/small.txt"));
        conn_init(&conns[i], -1);
        cr_assert(rig_give(&rig, &conns[i], &bytes));
        cr_expect(conn_waits(&conns[i]));
    }
    for (unsigned i = 0; i < CONNS; i++) {
        struct pile pile = {0};
        rig_exchange(&rig, &conns[i], STR(""), &pile);
        struct str stream = pile_view(&pile);
        expect_answer(&stream, 200, RIG_SMALL_BYTES, 2);
        conn_fini(&rig.context, &conns[i]);
        pile_clear(&pile);
    }
    cr_expect_eq(faults_calls(FAULT_OPENAT2), 2, "one look, one reading");
}

/* Takes everything that connections could wait with from the rig. Returns the number in HELD. */
static unsigned hold_waits(void *held[static 8])
{
    struct slab *waits = &rig.context.waits;
    unsigned count = 0;
    if (rig.context.spare_wait)
        held[count++] = rig.context.spare_wait;
    rig.context.spare_wait = NULL;
    while (waits->idle_count > 0 && count < 8)
        held[count++] = slab_take(waits);
    return count;
}

/* Whichever allocation fails, there is a response, if only that the server is busy. */
Test(conn, answers_without_memory_for_a_wait)
{
    rig_make_cold(true);
    for (unsigned nth = 0; nth < 6; nth++) {
        struct pile pile = {0};
        struct answer answer;
        void *held[8];
        struct str bytes = STR(GET("/small.txt"));
        rig_exchange(&rig, &conn, STR(GET("/tiny.txt")), NULL); /* storage is there */
        rig_pass_ms(&rig, 2000);                                /* the cache has to revalidate */
        unsigned held_count = hold_waits(held);
        faults_fail(FAULT_MEMORY, nth, 1, ENOMEM);
        cr_assert(rig_give(&rig, &conn, &bytes));
        cr_expect_eq(conn_waits(&conn), nth > 1,
                     "what to wait with, then the look-up, then neither");
        rig_exchange(&rig, &conn, STR(""), &pile);
        struct str stream = pile_view(&pile);
        cr_assert(answer_next(&stream, false, &answer), "nth %u", nth);
        cr_expect(answer.status == 503 || (answer.status == 200 && nth > 0), "nth %u: %u", nth,
                  answer.status);
        while (held_count > 0)
            slab_give(&rig.context.waits, held[--held_count]);
        faults_fail(FAULT_MEMORY, 0, 0, ENOMEM);
        pile_clear(&pile);
        conn_fini(&rig.context, &conn); /* a refusal is the last response */
        conn_init(&conn, -1);
    }
}

/* --- Storage ---------------------------------------------------------------------------------- */

Test(conn, holds_no_storage_while_idle)
{
    cr_expect_eq(lent(), 0);
    for (unsigned i = 0; i < 3; i++) {
        rig_exchange(&rig, &conn, STR(GET("/tiny.txt") GET("/large.bin")), NULL);
        cr_expect_null(conn.input.storage);
        cr_expect_null(conn.output.store);
        cr_expect_eq(lent(), 0);
        cr_expect_eq(conn.phase, CONN_PHASE_IDLE);
    }
}

Test(conn, moves_an_incomplete_head_to_small_storage_and_back)
{
    struct str bytes = STR("GET /tiny.txt HT");
    rig_give(&rig, &conn, &bytes);
    cr_expect_eq(rig.context.full.lent_count, 1);
    conn_settle(&rig.context, &conn);
    cr_expect_eq(rig.context.full.lent_count, 0);
    cr_expect_eq(rig.context.small.lent_count, 1);
    cr_expect_eq(ring_capacity(&conn.input), CONN_SMALL_BYTES);
    char more[3000] = "TP/1.1\r\nHost: a\r\nX: ";
    memset(more + strlen(more), 'x', sizeof more - strlen(more));
    bytes = (struct str){more, sizeof more};
    while (bytes.length > 0)
        cr_assert(rig_give(&rig, &conn, &bytes));
    conn_settle(&rig.context, &conn);
    cr_expect_eq(rig.context.full.lent_count, 1);
    cr_expect_eq(rig.context.small.lent_count, 0);
    rig_exchange(&rig, &conn, STR("\r\n\r\n"), &output);
    struct str stream = pile_view(&output);
    expect_answer(&stream, 200, 100, 1);
    cr_expect_eq(lent(), 0);
}

/* A client that reads slowly: the rest of the response moves to small storage without changing. */
Test(conn, moves_the_rest_for_a_slow_reader_to_small_storage)
{
    struct str bytes = STR(GET("/large.bin") GET("/tiny.txt"));
    rig_give(&rig, &conn, &bytes);
    conn.socket.writable = true;
    conn_settle(&rig.context, &conn);
    cr_expect_eq(rig.context.full.lent_count, 1, "it may go on at once");
    rig_take(&rig, &conn, &output, 1000);
    conn.socket.writable = false;
    conn_settle(&rig.context, &conn);
    cr_expect_eq(rig.context.full.lent_count, 0);
    cr_expect_eq(rig.context.small.lent_count, 2, "and so does the request after it");
    cr_expect_eq(conn.phase, CONN_PHASE_SEND);
    rig_exchange(&rig, &conn, STR(GET("/none")), &output); /* needs full storage again */
    struct str stream = pile_view(&output);
    expect_answer(&stream, 200, RIG_LARGE_BYTES, 3);
    expect_answer(&stream, 200, 100, 1);
    expect_answer(&stream, 404, 0, 0);
    cr_expect_eq(lent(), 0);
}

Test(conn, stops_the_session_when_nothing_is_read)
{
    static char many[64 * sizeof GET("/large.bin")];
    char *end = many;
    for (unsigned i = 0; i < 64; i++)
        end = str_put(end, STR(GET("/large.bin")));
    struct str bytes = str_of(many);
    while (conn_wants_input(&conn) && bytes.length > 0)
        cr_assert(rig_give(&rig, &conn, &bytes));
    cr_expect_lt(outq_unsent(&conn.output), CONN_UNSENT_BYTES_MAX + RIG_LARGE_BYTES + 4096);
    cr_expect_leq(rig.context.full.lent_count, 2);
    cr_expect_not(conn_wants_input(&conn));
    cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_GOES_ON);
    rig_exchange(&rig, &conn, bytes, &output);
    struct str stream = pile_view(&output);
    for (unsigned i = 0; i < 64; i++)
        expect_answer(&stream, 200, RIG_LARGE_BYTES, 3);
    cr_expect_eq(stream.length, 0);
}
