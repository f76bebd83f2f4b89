/* conn_counts: connections by phase, requests by method and status, and durations. */
#include "support/conn_rig.h"

static struct rig rig;

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
}

static void tear_down(void)
{
    rig_fini(&rig);
}

TestSuite(conn_counts, .init = set_up, .fini = tear_down, .timeout = 120);

#define GET(name) "GET /" name " HTTP/1.1\r\nHost: h\r\n\r\n"

static uint64_t gauge(enum counter which)
{
    return counters_read(&rig.counters, which);
}

static uint64_t requests(enum http_method method, enum http_status status)
{
    const unsigned index = counters_request_index(method, status);
    return rig.counters.requests[index] + rig.counters.requests[COUNTED_BY_MEMO + index];
}

static struct durations_sum durations(void)
{
    struct durations_sum sum = {0};
    durations_sum_add(&sum, &rig.counters.durations);
    return sum;
}

/* 70 us after the beginning of a turn. */
static uint64_t clock_us(void)
{
    return 1000070;
}

/* Has quick answers take so long. */
static void set_clock(void)
{
    rig.context.now.clock_seconds = 1;
    rig.context.timing.clock_us = clock_us;
}

Test(conn_counts, a_connection_is_counted_in_the_phase_that_it_is_in)
{
    struct conn conn;
    struct pile output = {0};
    struct str part = STR("GET / HT");
    conn_init(&conn, -1);
    conn_settle(&rig.context, &conn);
    cr_expect_eq(gauge(COUNTER_OPEN_IDLE), 1);
    rig_give(&rig, &conn, &part);
    conn_settle(&rig.context, &conn);
    cr_expect_eq(gauge(COUNTER_OPEN_IDLE), 0);
    cr_expect_eq(gauge(COUNTER_OPEN_READING), 1);
    rig_exchange(&rig, &conn, STR("TP/1.1\r\nHost: h\r\n\r\n"), &output);
    cr_expect_eq(gauge(COUNTER_OPEN_READING), 0);
    cr_expect_eq(gauge(COUNTER_OPEN_IDLE), 1);
    conn_fini(&rig.context, &conn);
    for (unsigned i = COUNTER_OPEN_HANDSHAKING; i <= COUNTER_OPEN_CLOSING; i++)
        cr_expect_eq(gauge((enum counter)i), 0, "gauge %u", i);
    pile_clear(&output);
}

Test(conn_counts, a_connection_that_is_retired_is_counted_out_once)
{
    struct conn conn;
    conn_init(&conn, -1);
    conn_settle(&rig.context, &conn);
    conn_retire(&rig.context, &conn);
    cr_expect_eq(gauge(COUNTER_OPEN_IDLE), 0);
    conn_fini(&rig.context, &conn);
    cr_expect_eq(gauge(COUNTER_OPEN_IDLE), 0);
}

Test(conn_counts, requests_are_counted_by_method_and_status_memos_too)
{
    struct conn conn;
    struct pile output = {0};
    conn_init(&conn, -1);
    for (int i = 0; i < 5; i++)
        rig_exchange(&rig, &conn, STR(GET("tiny.txt")), &output);
    cr_expect_eq(counters_cache_hits(&rig.counters), 4);
    cr_expect_lt(gauge(COUNTER_CACHE_LOOKUP_HITS), 4, "the last of them are answered by a memo");
    rig_exchange(&rig, &conn, STR(GET("absent")), &output);
    rig_exchange(&rig, &conn, STR("HEAD /tiny.txt HTTP/1.1\r\nHost: h\r\n\r\n"), &output);
    rig_exchange(&rig, &conn, STR("PUT /tiny.txt HTTP/1.1\r\nHost: h\r\n\r\n"), &output);
    rig_exchange(&rig, &conn, STR("nonsense\r\n\r\n"), &output);
    cr_expect_eq(requests(HTTP_GET, HTTP_OK), 5);
    cr_expect_eq(requests(HTTP_GET, HTTP_NOT_FOUND), 1);
    cr_expect_eq(requests(HTTP_HEAD, HTTP_OK), 1);
    cr_expect_eq(requests(HTTP_PUT, HTTP_METHOD_NOT_ALLOWED), 1);
    cr_expect_eq(requests(HTTP_METHOD_OTHER, HTTP_BAD_REQUEST), 1);
    cr_expect_eq(gauge(COUNTER_RESPONSES), 9);
    conn_fini(&rig.context, &conn);
    pile_clear(&output);
}

/* Of the one site, see site_counts.h. */
Test(conn_counts, requests_and_their_content_are_counted_by_site_and_class)
{
    static const char conditional[] =
        "GET /tiny.txt HTTP/1.1\r\nHost: h\r\nIf-None-Match: *\r\n\r\n";
    struct conn conn;
    struct pile output = {0};
    conn_init(&conn, -1);
    for (int i = 0; i < 5; i++)
        rig_exchange(&rig, &conn, STR(GET("tiny.txt")), &output);
    for (int i = 0; i < 4; i++)
        rig_exchange(&rig, &conn, STR(conditional), &output);
    for (int i = 0; i < 3; i++)
        rig_exchange(&rig, &conn, STR("HEAD /tiny.txt HTTP/1.1\r\nHost: h\r\n\r\n"), &output);
    const struct site_counts *counts = store_site(rig.context.files, 0)->share->counts;
    struct site_sum sum = site_counts_sum(counts);
    cr_expect_eq(sum.requests[0], 8);
    cr_expect_eq(sum.requests[1], 4);
    cr_expect_eq(sum.requests[2], 0);
    cr_expect_eq(sum.body_bytes, 500, "HEAD and 304 have no content");
    rig_exchange(&rig, &conn, STR("nonsense\r\n\r\n"), &output);
    cr_expect_eq(site_counts_sum(counts).requests[2], 1);
    conn_fini(&rig.context, &conn);
    pile_clear(&output);
}

Test(conn_counts, a_quick_answer_is_timed_from_the_beginning_of_its_turn)
{
    struct conn conn;
    struct pile output = {0};
    set_clock();
    conn_init(&conn, -1);
    conn_settle(&rig.context, &conn);
    rig_exchange(&rig, &conn, STR(GET("tiny.txt")), &output);
    cr_expect_eq(durations().all, 1);
    cr_expect_eq(durations().sum_us, 70);
    cr_expect_eq(durations().count[4], 1, "in (50, 100]");
    conn_fini(&rig.context, &conn);
    pile_clear(&output);
}

Test(conn_counts, of_many_quick_answers_few_are_timed_and_all_are_counted)
{
    enum { MANY = 10000 };
    struct conn conn;
    struct pile output = {0};
    set_clock();
    conn_init(&conn, -1);
    conn_settle(&rig.context, &conn);
    for (int i = 0; i < MANY; i++) {
        rig_exchange(&rig, &conn, STR(GET("tiny.txt")), &output);
        output.length = 0;
    }
    const uint64_t all = durations().all;
    cr_expect(all <= MANY && all >= MANY - CONN_TIMING_INTERVAL_MAX, "%lu", (unsigned long)all);
    cr_expect_eq(durations().sum_us, all * 70);
    cr_expect_eq(rig.context.timing.interval, CONN_TIMING_INTERVAL_MAX);
    /* With time between them, each is timed again. */
    for (int i = 0; i < 2 * CONN_TIMING_INTERVAL_MAX; i++) {
        rig_pass_ms(&rig, 20);
        rig_exchange(&rig, &conn, STR(GET("tiny.txt")), &output);
    }
    cr_expect_eq(rig.context.timing.interval, 1);
    cr_expect_eq(durations().all, gauge(COUNTER_RESPONSES));
    conn_fini(&rig.context, &conn);
    pile_clear(&output);
}

Test(conn_counts, an_answer_that_waits_for_its_peer_is_timed_to_its_end)
{
    struct conn conn;
    struct pile output = {0};
    struct str request = STR(GET("small.txt"));
    conn_init(&conn, -1);
    conn_settle(&rig.context, &conn);
    rig_give(&rig, &conn, &request);
    rig_take(&rig, &conn, &output, 10);
    conn_settle(&rig.context, &conn);
    cr_expect_eq(conn.phase, CONN_PHASE_SEND);
    cr_expect_eq(gauge(COUNTER_OPEN_WRITING), 1);
    rig_pass_ms(&rig, 400);
    rig_take(&rig, &conn, &output, 10); /* progress does not begin it anew */
    conn_settle(&rig.context, &conn);
    rig_pass_ms(&rig, 300);
    while (rig_take(&rig, &conn, &output, 1 << 20) > 0) {
    }
    conn_settle(&rig.context, &conn);
    cr_expect_eq(durations().all, 1);
    cr_expect_eq(durations().sum_us, 700000);
    conn_fini(&rig.context, &conn);
    pile_clear(&output);
}
