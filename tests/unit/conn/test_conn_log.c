/* conn_log: one line for each answer, with what was sent of it, however it ends. */
#include "conn/conn_log.h"
#include "http/pattern.h"
#include "site/hosts.h"
#include "support/conn_rig.h"
#include "system/event_fd.h"

enum { LINES_MAX = 64 };

static struct rig rig;
static struct conn conn;
static struct log_waker waker;
static struct log_ring *ring;
static char text[64 << 10];         /* of the lines */
static const char *seen[LINES_MAX]; /* each line, without its LF */
static unsigned count;
static struct pile output;

/* Logs in JSON, but for paths that match EXCLUDED, a prepared pattern. */
static void start_log(const struct str *excluded)
{
    const struct conn_log_channel channel = {
        .style = {.format = ACCESS_FORMAT_JSON},
        .ring = ring,
        .excluded = excluded,
        .excluded_count = excluded != NULL,
    };
    const struct conn_log_config config = {
        .channels = &channel,
        .channel_count = 1,
        .slot_count = 8,
        .counters = &rig.counters,
    };
    cr_assert_eq(conn_log_create(&rig.context.log, &config), 0);
}

/* Replaces the log by one that leaves out paths of PATTERN. */
static void start_log_without(const char *pattern)
{
    static char prepared[PATTERN_PREPARED_BYTES_MAX];
    static struct str excluded;
    struct problem problem;
    excluded.at = prepared;
    cr_assert(pattern_prepare(str_of(pattern), prepared, &excluded.length, &problem));
    conn_log_destroy(rig.context.log);
    start_log(&excluded);
}

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    waker.fd = event_fd_open();
    ring = log_ring_create(&waker);
    cr_assert(ring);
    start_log(NULL);
    conn_init(&conn, -1);
}

static void tear_down(void)
{
    struct conn_log *log = rig.context.log;
    conn_fini(&rig.context, &conn);
    rig_fini(&rig);
    conn_log_destroy(log);
    log_ring_destroy(ring);
    close(waker.fd);
    pile_clear(&output);
}

TestSuite(conn_log, .init = set_up, .fini = tear_down, .timeout = 120);

/* Takes the lines that have been written since the last call. */
static void read_lines(void)
{
    struct iovec pieces[2];
    count = 0;
    if (log_ring_view(ring, pieces) == 0)
        return;
    cr_assert_lt(pieces[0].iov_len, sizeof text);
    memcpy(text, pieces[0].iov_base, pieces[0].iov_len);
    text[pieces[0].iov_len] = '\0';
    log_ring_consume(ring, pieces[0].iov_len);
    for (char *at = text, *end; (end = strchr(at, '\n')); at = end + 1) {
        cr_assert_lt(count, LINES_MAX);
        seen[count++] = at;
        *end = '\0';
    }
}

/* Whether line INDEX has the member NAME with VALUE, as JSON has it. */
static bool has(unsigned index, const char *name, const char *value)
{
    char member[256];
    snprintf(member, sizeof member, "\"%s\":%s", name, value);
    const char *found = strstr(seen[index], member);
    return found && (found[strlen(member)] == ',' || found[strlen(member)] == '}');
}

static void expect_number(const char *label, unsigned index, const char *name, uint64_t value)
{
    char number[32];
    snprintf(number, sizeof number, "%ju", (uintmax_t)value);
    cr_expect(has(index, name, number), "%s: %s is not %s: %s", label, name, number, seen[index]);
}

#define GET(path, more) "GET " path " HTTP/1.1\r\nHost: a\r\n" more "\r\n"

/* NULL: null. */
static void expect_part(const char *label, unsigned index, const char *name, const char *expected)
{
    char value[128];
    snprintf(value, sizeof value, expected ? "\"%s\"" : "null", expected);
    cr_expect(has(index, name, value), "%s: %s is not %s: %s", label, name, value, seen[index]);
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
        pile_clear(&output);
        rig_exchange(&rig, &once, str_of(rows[i / 3].request), &output);
        read_lines();
        cr_assert_eq(count, 1, "%s: %u", label, count);
        expect_number(label, 0, "status", rows[i / 3].status);
        expect_number(label, 0, "bytes", body_bytes());
        cr_expect(has(0, "complete", "true"), "%s", label);
        expect_part(label, 0, "client", "0.0.0.0"); /* there is no socket */
        expect_part(label, 0, "method", rows[i / 3].method);
        expect_part(label, 0, "target", rows[i / 3].target);
        expect_part(label, 0, "host", rows[i / 3].host);
        conn_fini(&rig.context, &once);
        read_lines();
        cr_expect_eq(count, 0, "%s: once", label);
    }
}

Test(conn_log, has_the_agent_and_the_referer_of_a_memo)
{
    struct str request = STR(GET("/tiny.txt", "User-Agent: curl\r\nReferer: http://r/\r\n"));
    for (unsigned i = 0; i < 5; i++)
        rig_exchange(&rig, &conn, request, NULL);
    cr_expect_gt(counters_cache_hits(&rig.counters), 0, "memos count as hits");
    read_lines();
    cr_assert_eq(count, 5);
    for (unsigned i = 0; i < 5; i++) {
        expect_part("agent", i, "user_agent", "curl");
        expect_part("referer", i, "referer", "http://r/");
        expect_number("bytes", i, "bytes", 100);
        cr_expect(has(i, "cache_hit", i == 0 ? "false" : "true"), "%u: %s", i, seen[i]);
    }
}

Test(conn_log, keeps_the_order_of_pipelined_requests)
{
    struct str requests = STR(GET("/tiny.txt", "") GET("/none", "") GET("/small.txt", "")
                                  GET("/tiny.txt", "If-None-Match: *\r\n"));
    static const uint16_t statuses[] = {200, 404, 200, 304};
    rig_exchange(&rig, &conn, requests, NULL);
    read_lines();
    cr_assert_eq(count, COUNT_OF(statuses));
    for (unsigned i = 0; i < count; i++)
        expect_number("in order", i, "status", statuses[i]);
    expect_number("in order", 2, "bytes", RIG_SMALL_BYTES);
}

Test(conn_log, has_a_record_of_a_408)
{
    rig_exchange(&rig, &conn, STR("GET /slow HTTP/1.1\r\nHost: a\r\n"), NULL);
    rig_pass_ms(&rig, RIG_HEADER_MS + 1000);
    cr_assert_eq(conn_expired(&rig.context, &conn), CONN_GOES_ON);
    rig_take(&rig, &conn, &output, SIZE_MAX);
    read_lines();
    cr_assert_eq(count, 1);
    expect_number("408", 0, "status", HTTP_REQUEST_TIMEOUT);
    expect_number("408", 0, "bytes", body_bytes());
    expect_part("408", 0, "target", "/slow");
}

/* The body counts as far as it has been sent; the responses after it count nothing. */
Test(conn_log, reports_a_response_that_the_client_did_not_wait_for)
{
    struct str requests = STR(GET("/large.bin", "") GET("/tiny.txt", ""));
    cr_assert(rig_give(&rig, &conn, &requests));
    rig_await(&rig, &conn);
    conn_work(&rig.context, &conn);
    rig_take(&rig, &conn, &output, 5000);
    read_lines();
    cr_expect_eq(count, 0);
    conn_fini(&rig.context, &conn);
    read_lines();
    cr_assert_geq(count, 1);
    cr_expect(has(0, "complete", "false") && has(0, "status", "200"), "%s", seen[0]);
    expect_number("cut", 0, "bytes", body_bytes());
    cr_expect_gt(body_bytes(), 4000);
    for (unsigned i = 1; i < count; i++)
        cr_expect(has(i, "complete", "false") && has(i, "bytes", "0") && has(i, "status", "499"),
                  "%u: %s", i, seen[i]);
    conn_init(&conn, -1);
}

Test(conn_log, says_499_of_an_answer_of_which_nothing_was_sent)
{
    for (unsigned i = 0; i < 3; i++) { /* parsed, parsed for a memo, by the memo */
        struct conn once;
        struct str request = STR(GET("/tiny.txt", ""));
        conn_init(&once, -1);
        cr_assert(rig_give(&rig, &once, &request));
        rig_await(&rig, &once);
        conn_work(&rig.context, &once);
        conn_fini(&rig.context, &once);
        read_lines();
        cr_assert_eq(count, 1);
        cr_expect(has(0, "complete", "false") && has(0, "bytes", "0") && has(0, "status", "499"),
                  "%u: %s", i, seen[0]);
    }
}

Test(conn_log, measures_from_the_arrival_to_the_last_byte)
{
    struct str request = STR(GET("/large.bin", ""));
    char time[64], date[DATE_LOCAL_BYTES];
    rig_make_cold(true);
    cr_assert(rig_give(&rig, &conn, &request));
    cr_assert(conn_waits(&conn));
    const int64_t seconds = rig.context.now.seconds;
    rig_pass_ms(&rig, 3000); /* for the look-up */
    rig_await(&rig, &conn);
    conn_work(&rig.context, &conn);
    cr_assert_not(conn_waits(&conn));
    rig_take(&rig, &conn, &output, 5000);
    rig_pass_ms(&rig, 500); /* for the client */
    rig_take(&rig, &conn, &output, SIZE_MAX);
    rig_make_cold(false);
    read_lines();
    cr_assert_eq(count, 1);
    expect_number("duration", 0, "duration_us", 3500000);
    cr_expect(has(0, "cache_hit", "false"), "%s", seen[0]);
    date_write_local(date, seconds, 0);
    snprintf(time, sizeof time, "{\"time\":\"%.17s", date); /* within ten seconds */
    cr_expect(strstr(seen[0], time), "%s: %s", time, seen[0]);
}

Test(conn_log, says_499_of_a_request_whose_client_leaves_during_a_look_up)
{
    struct str request = STR(GET("/large.bin?q", "User-Agent: curl\r\n"));
    struct conn once;
    conn_init(&once, -1);
    rig_make_cold(true);
    cr_assert(rig_give(&rig, &once, &request));
    cr_assert(conn_waits(&once));
    rig_pass_ms(&rig, 200);
    conn_fini(&rig.context, &once);
    rig_make_cold(false);
    read_lines();
    cr_assert_eq(count, 1);
    expect_number("left", 0, "status", 499);
    expect_number("left", 0, "bytes", 0);
    expect_number("left", 0, "duration_us", 200000);
    expect_part("left", 0, "target", "/large.bin?q");
    expect_part("left", 0, "user_agent", "curl");
    cr_expect(has(0, "complete", "false"), "%s", seen[0]);
}

/* --- A reload during a look-up ---------------------------------------------------------------- */

/* Sites that do not have the host "a". *Gives*: hosts_destroy. */
static struct hosts *make_other_hosts(void)
{
    static const char *names[] = {"b", "c"};
    static const struct site_settings settings[] = {{.root = "/", .hosts = {&names[0], 1, 1}},
                                                    {.root = "/", .hosts = {&names[1], 1, 1}}};
    static const struct site_settings *const items[] = {&settings[0], &settings[1]};
    const struct hosts_sites sites = {.items = items, .count = COUNT_OF(items)};
    struct hosts *hosts = NULL;
    struct problem problem;
    cr_assert_eq(hosts_create(&hosts, &sites, &problem), 0, "%s", problem.what);
    return hosts;
}

/* The answer needs no look-up any more: what has been waited for is forgotten. */
Test(conn_log, has_one_record_of_a_request_whose_site_changes_during_a_look_up)
{
    static const struct {
        const char *label, *request;
        bool removed; /* the site is; else it has another canonical name */
        enum http_status status;
    } rows[] = {
        {"removed", GET("/large.bin", ""), true, HTTP_MISDIRECTED_REQUEST},
        {"canonical", GET("/medium.bin", "Connection: close\r\n"), false, HTTP_PERMANENT_REDIRECT},
    };
    struct hosts *others = make_other_hosts();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str request = str_of(rows[i].request);
        struct conn once;
        conn_init(&once, -1);
        rig_make_cold(true);
        cr_assert(rig_give(&rig, &once, &request));
        cr_assert(conn_waits(&once));
        rig.context.hosts = rows[i].removed ? others : NULL;
        rig.site.canonical = rows[i].removed ? STR_ABSENT : STR("b");
        rig_exchange(&rig, &once, STR(""), NULL);
        rig_make_cold(false);
        rig.context.hosts = NULL;
        rig.site.canonical = STR_ABSENT;
        cr_expect_null(once.waits, "%s", rows[i].label);
        conn_linger(&rig.context, &once);
        conn_fini(&rig.context, &once);
        read_lines();
        cr_assert_eq(count, 1, "%s: %u", rows[i].label, count);
        expect_number(rows[i].label, 0, "status", rows[i].status);
    }
    hosts_destroy(others);
}

Test(conn_log, leaves_out_paths_that_are_excluded)
{
    start_log_without("/tiny*");
    for (unsigned i = 0; i < 4; i++) {
        rig_exchange(&rig, &conn, STR(GET("/tiny.txt?q", "")), NULL);
        rig_exchange(&rig, &conn, STR(GET("/%74iny.txt", "")), NULL);
        rig_exchange(&rig, &conn, STR(GET("/small.txt", "")), NULL);
    }
    read_lines();
    cr_expect_eq(count, 4);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES_UNLOGGED), 0);
}

Test(conn_log, leaves_out_a_directory_by_its_slash)
{
    start_log_without("/none/");
    rig_exchange(&rig, &conn, STR(GET("/none/", "")), NULL);
    rig_exchange(&rig, &conn, STR(GET("/none", "")), NULL);
    read_lines();
    cr_assert_eq(count, 1);
    expect_part("a file", 0, "target", "/none");
}

Test(conn_log, counts_the_lines_that_could_not_be_written)
{
    for (unsigned i = 0; i < 3; i++)
        rig_exchange(&rig, &conn, STR(GET("/tiny.txt", "")), NULL);
    log_ring_discard(ring, UINT64_MAX);
    rig_pass_ms(&rig, 1000);
    rig_exchange(&rig, &conn, STR(GET("/tiny.txt", "")), NULL);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_LOG_LINES_LOST), 3);
    log_ring_discard(ring, UINT64_MAX);
    conn_log_set_channels(rig.context.log, calloc(1, sizeof(struct conn_log_channel)), 1);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_LOG_LINES_LOST), 4, "before a reload");
}

Test(conn_log, takes_no_records_without_a_log)
{
    struct conn_log *former = rig.context.log;
    rig.context.log = NULL;
    for (unsigned i = 0; i < 4; i++)
        rig_exchange(&rig, &conn, STR(GET("/tiny.txt", "")), NULL);
    read_lines();
    cr_expect_eq(count, 0);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES), 4);
    conn_log_destroy(former);
}
