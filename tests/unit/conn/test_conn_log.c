/* conn_log: one log record for each response, with what was sent of it, however it ends. */
#include "support/conn_rig.h"

enum { RECORDS = 8, SEEN_MAX = 64 };

static struct rig rig;
static struct conn conn;
static struct log_record seen[SEEN_MAX]; /* that the reader got */
static unsigned count;
static struct pile output;

static void keep(void *context, const struct log_record *record)
{
    (void)context;
    cr_assert_lt(count, SEEN_MAX);
    seen[count++] = *record;
}

static void set_up(void)
{
    struct log_reader reader = {.read = keep};
    rig_init(&rig, 1 << 20);
    cr_assert_eq(log_records_init(&rig.context.log, RECORDS, reader, &rig.counters), 0);
    conn_init(&conn, -1);
}

static void tear_down(void)
{
    conn_fini(&rig.context, &conn);
    rig_fini(&rig);
    pile_clear(&output);
}

TestSuite(conn_log, .init = set_up, .fini = tear_down, .timeout = 120);

#define GET(path, more) "GET " path " HTTP/1.1\r\nHost: a\r\n" more "\r\n"

static void expect_part(const char *label, const struct log_record *record, enum log_part part,
                        const char *expected)
{
    struct str text = log_record_part(record, part);
    cr_expect_eq(text.at != NULL, expected != NULL, "%s: part %d", label, part);
    cr_expect(!expected || str_equal(text, str_of(expected)), "%s: part %d: %.*s", label, part,
              (int)text.length, text.at);
}

/* The bytes of the body in what has been sent of one response. */
static size_t body_bytes(void)
{
    const char *end = memmem(output.at, output.length, "\r\n\r\n", 4);
    return end ? output.length - (size_t)(end + 4 - output.at) : 0;
}

/* Each three times: parsed, parsed for a memo, and by the memo, if there is one. */
Test(conn_log, has_one_record_for_each_response)
{
    static const struct {
        const char *label, *request;
        enum http_status status;
        const char *method, *target, *host;
    } rows[] = {
        {"copied", GET("/tiny.txt", ""), HTTP_OK, "GET", "/tiny.txt", "a"},
        {"a query", GET("/tiny.txt?a", ""), HTTP_OK, "GET", "/tiny.txt?a", "a"},
        {"not copied", GET("/small.txt", ""), HTTP_OK, "GET", "/small.txt", "a"},
        {"a file", GET("/large.bin", ""), HTTP_OK, "GET", "/large.bin", "a"},
        {"HEAD", "HEAD /large.bin HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK, "HEAD", "/large.bin", "a"},
        {"304", GET("/large.bin", "If-None-Match: *\r\n"), HTTP_NOT_MODIFIED, "GET", "/large.bin",
         "a"},
        {"a range", GET("/large.bin", "Range: bytes=7-206\r\n"), HTTP_PARTIAL_CONTENT, "GET",
         "/large.bin", "a"},
        {"ranges", GET("/large.bin", "Range: bytes=7-206, 1000-1999\r\n"), HTTP_PARTIAL_CONTENT,
         "GET", "/large.bin", "a"},
        {"416", GET("/tiny.txt", "Range: bytes=999-\r\n"), HTTP_RANGE_NOT_SATISFIABLE, "GET",
         "/tiny.txt", "a"},
        {"404", GET("/none", ""), HTTP_NOT_FOUND, "GET", "/none", "a"},
        {"405", "PUT / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_METHOD_NOT_ALLOWED, "PUT", "/", "a"},
        {"OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_NO_CONTENT, "OPTIONS", "*", "a"},
        {"absolute form", GET("http://b:1/tiny.txt", ""), HTTP_OK, "GET", "http://b:1/tiny.txt",
         "b:1"},
        {"HTTP/1.0", "GET /tiny.txt HTTP/1.0\r\n\r\n", HTTP_OK, "GET", "/tiny.txt", NULL},
        {"400", "GET /tiny.txt HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST, "GET", "/tiny.txt", NULL},
        {"malformed", "nonsense\r\n\r\n", HTTP_BAD_REQUEST, "nonsense", NULL, NULL},
    };
    for (size_t i = 0; i < 3 * COUNT_OF(rows); i++) {
        const char *label = rows[i / 3].label;
        struct conn once;
        conn_init(&once, -1);
        count = 0;
        pile_clear(&output);
        rig_exchange(&rig, &once, str_of(rows[i / 3].request), &output);
        cr_assert_eq(count, 1, "%s: %u", label, count);
        cr_expect_eq(seen[0].status, rows[i / 3].status, "%s: %u", label, seen[0].status);
        cr_expect_eq(seen[0].body_bytes, body_bytes(), "%s: %ju", label,
                     (uintmax_t)seen[0].body_bytes);
        cr_expect(seen[0].complete, "%s", label);
        cr_expect_eq(seen[0].client.version, 0, "there is no socket");
        expect_part(label, &seen[0], LOG_PART_METHOD, rows[i / 3].method);
        expect_part(label, &seen[0], LOG_PART_TARGET, rows[i / 3].target);
        expect_part(label, &seen[0], LOG_PART_HOST, rows[i / 3].host);
        conn_fini(&rig.context, &once);
        cr_expect_eq(count, 1, "%s: once", label);
    }
}

Test(conn_log, has_the_agent_and_the_referer_of_a_memo)
{
    struct str request = STR(GET("/tiny.txt", "User-Agent: curl\r\nReferer: http://r/\r\n"));
    for (unsigned i = 0; i < 5; i++)
        rig_exchange(&rig, &conn, request, NULL);
    cr_expect_gt(counters_read(&rig.counters, COUNTER_CACHE_HITS), 0, "memos count as hits");
    cr_assert_eq(count, 5);
    for (unsigned i = 0; i < 5; i++) {
        expect_part("agent", &seen[i], LOG_PART_AGENT, "curl");
        expect_part("referer", &seen[i], LOG_PART_REFERER, "http://r/");
        cr_expect_eq(seen[i].body_bytes, 100);
    }
}

Test(conn_log, keeps_the_order_of_pipelined_requests)
{
    struct str requests = STR(GET("/tiny.txt", "") GET("/none", "") GET("/small.txt", "")
                                  GET("/tiny.txt", "If-None-Match: *\r\n"));
    static const uint16_t statuses[] = {200, 404, 200, 304};
    rig_exchange(&rig, &conn, requests, NULL);
    cr_assert_eq(count, COUNT_OF(statuses));
    for (unsigned i = 0; i < count; i++)
        cr_expect_eq(seen[i].status, statuses[i], "%u", i);
    cr_expect_eq(seen[2].body_bytes, RIG_SMALL_BYTES);
}

Test(conn_log, has_a_record_of_a_408)
{
    rig_exchange(&rig, &conn, STR("GET /slow HTTP/1.1\r\nHost: a\r\n"), NULL);
    cr_expect_eq(count, 0);
    rig_pass_ms(&rig, RIG_HEADER_MS + 1000);
    cr_assert_eq(conn_expired(&rig.context, &conn), CONN_GOES_ON);
    rig_take(&rig, &conn, &output, SIZE_MAX);
    cr_assert_eq(count, 1);
    cr_expect_eq(seen[0].status, HTTP_REQUEST_TIMEOUT);
    cr_expect_eq(seen[0].body_bytes, body_bytes());
    expect_part("408", &seen[0], LOG_PART_TARGET, "/slow");
}

/* The body counts as far as it has been sent; the responses after it count nothing. */
Test(conn_log, reports_a_response_that_the_client_did_not_wait_for)
{
    struct str requests = STR(GET("/large.bin", "") GET("/tiny.txt", ""));
    cr_assert(rig_give(&rig, &conn, &requests));
    rig_await(&rig, &conn);
    conn_work(&rig.context, &conn);
    rig_take(&rig, &conn, &output, 5000);
    cr_expect_eq(count, 0);
    conn_fini(&rig.context, &conn);
    cr_assert_geq(count, 1);
    cr_expect_not(seen[0].complete);
    cr_expect_eq(seen[0].body_bytes, body_bytes());
    cr_expect_gt(seen[0].body_bytes, 4000);
    for (unsigned i = 1; i < count; i++)
        cr_expect(!seen[i].complete && seen[i].body_bytes == 0, "%u", i);
    conn_init(&conn, -1);
}

Test(conn_log, measures_from_the_arrival_to_the_last_byte)
{
    struct str request = STR(GET("/large.bin", ""));
    int64_t seconds = rig.context.now.seconds;
    rig_make_cold(true);
    cr_assert(rig_give(&rig, &conn, &request));
    cr_assert(conn_waits(&conn));
    rig_pass_ms(&rig, 3000); /* for the look-up */
    rig_await(&rig, &conn);
    conn_work(&rig.context, &conn);
    cr_assert_not(conn_waits(&conn));
    rig_take(&rig, &conn, &output, 5000);
    rig_pass_ms(&rig, 500); /* for the client */
    rig_take(&rig, &conn, &output, SIZE_MAX);
    rig_make_cold(false);
    cr_assert_eq(count, 1);
    cr_expect_eq(seen[0].duration_ms, 3500, "%ju", (uintmax_t)seen[0].duration_ms);
    cr_expect_leq(llabs(seen[0].arrived_seconds - seconds), 1);
}

Test(conn_log, answers_without_a_record_when_all_are_in_use)
{
    static const char requests[] = GET("/tiny.txt", "") GET("/tiny.txt", "");
    for (unsigned i = 0; i < RECORDS; i += 2) {
        struct str input = str_of(requests);
        cr_assert(rig_give(&rig, &conn, &input));
        rig_await(&rig, &conn);
        conn_work(&rig.context, &conn);
    }
    struct str more = str_of(requests);
    cr_assert(rig_give(&rig, &conn, &more));
    conn_work(&rig.context, &conn);
    rig_take(&rig, &conn, &output, SIZE_MAX);
    cr_expect_eq(count, RECORDS);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES), RECORDS + 2, "all are sent");
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES_UNLOGGED), 2);
    rig_exchange(&rig, &conn, STR(GET("/tiny.txt", "")), NULL);
    cr_expect_eq(count, RECORDS + 1, "the records are free again");
}

Test(conn_log, takes_no_records_without_a_reader)
{
    log_records_fini(&rig.context.log);
    rig.context.log = (struct log_records){.items = NULL};
    for (unsigned i = 0; i < 4; i++)
        rig_exchange(&rig, &conn, STR(GET("/tiny.txt", "")), NULL);
    cr_expect_eq(count, 0);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES), 4);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES_UNLOGGED), 0);
}
