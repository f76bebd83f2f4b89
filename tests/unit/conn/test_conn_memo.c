/* conn with memos: for any requests, splits and times, the output is the same as without memos. */
#include "support/conn_rig.h"

/* So short that it is always given whole; of longer ones a random part is left out. */
enum { VALID_MS = 3 };

static struct rig rig, plain; /* with memos, and without */

static const char *const names[] = {"tiny.txt", "small.txt", "large.bin"};

/* Gives the file NAME in both trees the same time. */
static void set_time(const char *name, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = seconds}};
    cr_assert_eq(utimensat(rig.tree.fd, name, times, 0), 0);
    cr_assert_eq(utimensat(plain.tree.fd, name, times, 0), 0);
}

static void set_up(void)
{
    rig_init_valid(&rig, 1 << 20, VALID_MS);
    rig_init_valid(&plain, 1 << 20, VALID_MS);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        set_time(names[i], 1000);
    h1_memos_fini(&plain.context.h1.memos);
    h1_memos_init(&plain.context.h1.memos, 0);
}

static void tear_down(void)
{
    rig_fini(&rig);
    rig_fini(&plain);
}

TestSuite(conn_memo, .init = set_up, .fini = tear_down, .timeout = 120);

#define HOST            "Host: a\r\n"
#define GET(path, more) "GET " path " HTTP/1.1\r\n" HOST more "\r\n"

static const struct str requests[] = {
    STR_INIT(GET("/tiny.txt", "")),
    STR_INIT(GET("/small.txt", "")),
    STR_INIT(GET("/large.bin", "")),
    STR_INIT("HEAD /small.txt HTTP/1.1\r\n" HOST "\r\n"),
    STR_INIT("HEAD /large.bin HTTP/1.1\r\n" HOST "\r\n"),
    STR_INIT("GET /tiny.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    STR_INIT(GET("/tiny.txt", "Connection: keep-alive\r\n")),
    STR_INIT(GET("/none", "")),
    STR_INIT(GET("/small.txt", "Range: bytes=10-99\r\n")),
    STR_INIT(GET("/large.bin", "Range: bytes=1000-199999\r\n")),
    STR_INIT(GET("/small.txt", "Range: bytes=0-9, 100-109\r\n")),
    STR_INIT(GET("/small.txt", "Range: bytes=5000-\r\n")),
    STR_INIT(GET("/small.txt", "If-None-Match: *\r\n")),
    STR_INIT(GET("/small.txt", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n")),
    STR_INIT(GET("/small.txt", "If-Match: \"x\"\r\n")),
    STR_INIT(GET("/tiny.txt", "Accept-Encoding: identity;q=0\r\n")),
    STR_INIT(GET("/tiny.txt", "Content-Length: 3\r\n") "abc"),
    STR_INIT("POST /tiny.txt HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
             "1\r\nG\r\n0\r\n\r\n"),
    STR_INIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
    STR_INIT("\r\n" GET("/tiny.txt", "")),
    STR_INIT(GET("http://a/tiny.txt", "")),
};

/* These end the connection. */
static const struct str last_requests[] = {
    STR_INIT(GET("/small.txt", "Connection: close\r\n")),
    STR_INIT("GET /small.txt HTTP/1.0\r\n\r\n"),
    STR_INIT("HEAD /large.bin HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"),
    STR_INIT(GET("/tiny.txt", "Expect: 100-continue\r\nContent-Length: 1\r\n")),
    STR_INIT("GET /tiny.txt HTTP/1.1\r\n\r\n"),
    STR_INIT("GET /tiny.txt\r\n\r\n"),
};

static void add(struct pile *pile, const struct str *from, size_t count, struct prng *prng)
{
    struct str picked = from[prng_below(prng, count)];
    pile_add(pile, picked.at, picked.length);
}

/* Gives both BYTES, in random pieces, and expects the same output. */
static void exchange(struct str bytes, struct prng *prng)
{
    struct conn conn, other;
    struct pile output = {0}, expected = {0};
    conn_init(&conn, -1);
    conn_init(&other, -1);
    if (rig.context.draining) {
        conn_close_soon(&rig.context, &conn);
        conn_close_soon(&plain.context, &other);
    }
    rig_exchange(&plain, &other, bytes, &expected);
    while (bytes.length > 0) {
        struct str piece = str_first(bytes, 1 + (size_t)prng_below(prng, 400));
        bytes = str_from(bytes, piece.length);
        rig_exchange(&rig, &conn, piece, &output);
    }
    cr_assert(str_equal(pile_view(&output), pile_view(&expected)));
    cr_assert_eq(conn.session.h1.state, other.session.h1.state);
    cr_assert_eq(conn.session.h1.requests, other.session.h1.requests);
    cr_assert_eq(conn.session.h1.peer_done, other.session.h1.peer_done);
    cr_assert_eq(conn_verdict(&rig.context, &conn), conn_verdict(&plain.context, &other));
    conn_fini(&rig.context, &conn);
    conn_fini(&plain.context, &other);
    pile_clear(&output);
    pile_clear(&expected);
}

/* Makes the same change in both trees, with the same times. */
static void change(struct prng *prng)
{
    const char *name = names[prng_below(prng, COUNT_OF(names))];
    size_t length = 1 + (size_t)prng_below(prng, RIG_LARGE_BYTES);
    uint64_t seed = prng_next(prng);
    tree_fill(&rig.tree, name, length, seed);
    tree_fill(&plain.tree, name, length, seed);
    set_time(name, (time_t)prng_below(prng, 784111777));
    rig_pass_ms(&rig, 0); /* the next turn */
    rig_pass_ms(&plain, 0);
}

static void pass(struct prng *prng)
{
    uint64_t ms = prng_below(prng, 3);
    int64_t seconds = rig.context.now.seconds + (int64_t)prng_below(prng, 2);
    date_now_set(&rig.context.now, rig.context.now.ms + ms, seconds);
    date_now_set(&plain.context.now, plain.context.now.ms + ms, seconds);
}

Test(conn_memo, gives_the_same_output_as_without_memos)
{
    struct prng prng = {1};
    for (unsigned round = 0; round < 1500; round++) {
        struct pile pile = {0};
        unsigned count = (unsigned)prng_below(&prng, 12);
        for (unsigned i = 0; i < count; i++)
            add(&pile, requests, COUNT_OF(requests), &prng);
        if (prng_below(&prng, 2))
            add(&pile, last_requests, COUNT_OF(last_requests), &prng);
        exchange(pile_view(&pile), &prng);
        pile_clear(&pile);
        if (prng_below(&prng, 8) == 0)
            pass(&prng);
        if (prng_below(&prng, 40) == 0)
            change(&prng);
    }
    cr_expect_gt(rig.context.h1.memos.bytes, 0);
}

Test(conn_memo, uses_a_memo)
{
    struct pile output = {0};
    struct conn conn;
    conn_init(&conn, -1);
    for (unsigned i = 0; i < 10; i++)
        rig_exchange(&rig, &conn, requests[1], &output);
    struct h1_memo *memo = rig.context.h1.memos.latest;
    cr_assert_not_null(memo);
    cr_expect_eq(counters_cache_hits(&rig.counters), 9, "it counts as one");
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES), 10);
    cr_expect_eq(memo->parts[0].blob->references, 1);
    pile_clear(&output);
    memcpy(h1_memo_answer(memo), "MEMO", 4);
    rig_exchange(&rig, &conn, requests[1], &output);
    cr_expect(str_starts_with(pile_view(&output), STR("MEMO/1.1 200 OK")));
    conn_fini(&rig.context, &conn);
    pile_clear(&output);
}

/* A condition that depends on the time, sent before and after. RFC 9110 section 8.8.2.2: a date is
 * strong only when its second is over. */
Test(conn_memo, evaluates_dates_in_each_second)
{
    static const struct str request =
        STR_INIT(GET("/tiny.txt", "Range: bytes=0-1\r\n"
                                  "If-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    struct pile output = {0};
    struct conn conn;
    conn_init(&conn, -1);
    set_time("tiny.txt", rig.context.now.seconds);
    for (unsigned i = 0; i < 6; i++) {
        if (i == 3)
            date_now_set(&rig.context.now, rig.context.now.ms, rig.context.now.seconds + 1);
        rig_exchange(&rig, &conn, request, &output);
        cr_expect(
            str_starts_with(pile_view(&output), i < 3 ? STR("HTTP/1.1 200") : STR("HTTP/1.1 206")));
        pile_clear(&output);
    }
    conn_fini(&rig.context, &conn);
}

/* With little room for memos, and clients that are slow to read queued ones. */
Test(conn_memo, gives_the_same_output_with_little_room)
{
    struct prng prng = {5};
    for (uint64_t bytes_max = 1; bytes_max < 6000; bytes_max += 300) {
        h1_memos_fini(&rig.context.h1.memos);
        h1_memos_init(&rig.context.h1.memos, bytes_max);
        for (unsigned round = 0; round < 20; round++) {
            struct pile pile = {0};
            for (unsigned i = 0; i < 20; i++)
                add(&pile, requests, 6, &prng);
            exchange(pile_view(&pile), &prng);
            pile_clear(&pile);
            cr_assert_leq(rig.context.h1.memos.bytes, bytes_max);
        }
    }
}

Test(conn_memo, counts_queued_memos_until_they_are_sent)
{
    enum { BYTES_MAX = 8000, CONNS = 8, ROUNDS = 50 };
    static struct conn conns[CONNS];
    struct h1_memos *memos = &rig.context.h1.memos;
    char text[128];
    h1_memos_fini(memos);
    h1_memos_init(memos, BYTES_MAX);
    for (unsigned i = 0; i < CONNS; i++)
        conn_init(&conns[i], -1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < CONNS; i++) { /* each sends its own request and reads nothing */
            int length = snprintf(text, sizeof text, "GET /small.txt HTTP/1.1\r\nHost: %u\r\n\r\n",
                                  100 * (round / 3) + i);
            struct str bytes = {text, (size_t)length};
            if (conn_wants_input(&conns[i]))
                cr_assert(rig_give(&rig, &conns[i], &bytes));
            rig_await(&rig, &conns[i]);
            conn_work(&rig.context, &conns[i]);
            cr_assert_leq(memos->bytes, BYTES_MAX);
        }
    }
    cr_expect_not(list_is_empty(&memos->detached));
    for (unsigned i = 0; i < CONNS; i++)
        conn_fini(&rig.context, &conns[i]);
    struct conn conn;
    struct pile output = {0};
    conn_init(&conn, -1);
    for (unsigned i = 0; i < 20; i++) { /* the storage taken before is free again */
        int length =
            snprintf(text, sizeof text, "GET /small.txt HTTP/1.1\r\nHost: b%u\r\n\r\n", i / 2);
        rig_exchange(&rig, &conn, (struct str){text, (size_t)length}, &output);
    }
    cr_expect(list_is_empty(&memos->detached));
    cr_expect_not_null(memos->latest);
    conn_fini(&rig.context, &conn);
    pile_clear(&output);
}

/* The limits of a session hold with memos, too. */
Test(conn_memo, keeps_the_limits_of_a_session)
{
    struct prng prng = {3};
    struct pile pile = {0};
    for (unsigned i = 0; i < 12; i++)
        pile_add(&pile, requests[0].at, requests[0].length);
    for (unsigned requests_max = 1; requests_max < 14; requests_max++) {
        rig.context.h1.limits.requests_max = plain.context.h1.limits.requests_max = requests_max;
        rig.context.h1.limits.inflight_max = plain.context.h1.limits.inflight_max =
            1 + requests_max % 3;
        exchange(pile_view(&pile), &prng);
    }
    pile_clear(&pile);
}

/* While draining the next response is the last, as without memos. */
Test(conn_memo, ends_the_connection_while_draining)
{
    struct prng prng = {4};
    for (unsigned i = 0; i < 5; i++)
        exchange(requests[1], &prng);
    rig.context.draining = plain.context.draining = true;
    exchange(requests[1], &prng);
    exchange(requests[0], &prng);
}

/* The memo of one origin is marked, so that its answers can be told apart from others. */
Test(conn_memo, answers_connections_of_its_own_origin_only)
{
    struct prng prng = {5};
    for (unsigned i = 0; i < 3; i++)
        exchange(requests[0], &prng);
    struct h1_memo *memo = rig.context.h1.memos.latest;
    cr_assert_not_null(memo);
    h1_memo_answer(memo)[0] = '#';
    for (unsigned i = 0; i < 2; i++) {
        struct pile output = {0};
        struct conn conn;
        conn_init(&conn, -1);
        conn.origin = i;
        rig_exchange(&rig, &conn, requests[0], &output);
        cr_expect_eq(output.at[0], i == 0 ? '#' : 'H', "origin %u", i);
        conn_fini(&rig.context, &conn);
        pile_clear(&output);
    }
}

/* Sends REQUEST COUNT times on a connection of its own, and expects 404 with LENGTH bytes each
 * time. */
static void expect_missing(struct str request, unsigned count, const char *length)
{
    struct conn conn;
    conn_init(&conn, -1);
    for (unsigned i = 0; i < count; i++) {
        struct pile output = {0};
        struct answer answer = {0};
        rig_exchange(&rig, &conn, request, &output);
        struct str stream = pile_view(&output);
        cr_assert(answer_next(&stream, false, &answer));
        cr_expect_eq(answer.status, 404);
        cr_expect(str_equal(answer_field(answer.head, "Content-Length"), str_of(length)),
                  "%u of %s", i, length);
        pile_clear(&output);
    }
    conn_fini(&rig.context, &conn);
}

/* The page's lease may be over before that of the 404 which it is sent with. */
Test(conn_memo, sends_a_replaced_404_page_when_the_pages_lease_is_over)
{
    static const struct str page = STR_INIT(GET("/404.html", ""));
    static const struct str missing = STR_INIT(GET("/none", ""));
    struct pile output = {0};
    struct conn conn;
    rig.site.error_page = STR("404.html");
    tree_fill(&rig.tree, "404.html", 100, 7);
    conn_init(&conn, -1);
    rig_exchange(&rig, &conn, page, &output);
    conn_fini(&rig.context, &conn);
    pile_clear(&output);
    rig_pass_ms(&rig, VALID_MS - 1);
    expect_missing(missing, 4, "100");
    tree_fill(&rig.tree, "404.html", 200, 8);
    rig_pass_ms(&rig, VALID_MS - 1);
    expect_missing(missing, 4, "200");
}
