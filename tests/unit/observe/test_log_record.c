/* log_record: the line of an answer when it has been sent, and what happens without records. */
#include "observe/log_record.h"
#include "support/faults.h"
#include "system/event_fd.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { RECORDS = 3 };

static struct counters counters;
static struct log_records records;
static struct log_waker waker;
static struct log_ring *ring;
static const struct access_style style = {.format = ACCESS_FORMAT_JSON};
static struct access_text *text;
static char last[1024]; /* the last line */

static struct access_text *create_text(void)
{
    static char scratch[ACCESS_TEXT_BYTES_MAX];
    const struct access_facts facts = {
        .parts = {[LOG_PART_METHOD] = STR_INIT("GET"), [LOG_PART_TARGET] = STR_INIT("/")},
        .status = 200,
        .body_bytes = 100,
    };
    return access_text_create(&style, &facts, scratch);
}

static void set_up(void)
{
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
    waker.fd = event_fd_open();
    ring = log_ring_create(&waker);
    text = create_text();
    cr_assert(ring && text);
    text->owner = ring;
    cr_assert_eq(log_records_init(&records, RECORDS, &counters), 0);
    log_records_compare(&records, 5000000, 784111777250000);
}

static void tear_down(void)
{
    log_records_fini(&records);
    access_text_drop(text);
    log_ring_destroy(ring);
    close(waker.fd);
}

TestSuite(log_record, .init = set_up, .fini = tear_down);

/* Takes what is in the ring as the last lines. Returns the number of lines. */
static unsigned read_lines(void)
{
    struct iovec pieces[2];
    unsigned lines = 0;
    last[0] = '\0';
    if (log_ring_view(ring, pieces) == 0)
        return 0;
    cr_assert_lt(pieces[0].iov_len, sizeof last);
    memcpy(last, pieces[0].iov_base, pieces[0].iov_len);
    last[pieces[0].iov_len] = '\0';
    log_ring_consume(ring, pieces[0].iov_len);
    for (const char *c = last; *c; c++)
        lines += *c == '\n';
    return lines;
}

/* Takes and finishes a record of 350 bytes. */
static void log_one(uint64_t arrived_us, uint64_t now_us, uint64_t unsent_bytes)
{
    struct log_finish finish = {
        .client = STR("192.0.2.1"), .now_us = now_us, .unsent_bytes = unsent_bytes};
    log_records_finish(&records, log_records_take(&records, text, arrived_us, 350), &finish);
}

Test(log_record, writes_a_line_when_the_answer_has_been_sent)
{
    uint32_t index = log_records_take(&records, text, 4000000, 350);
    cr_assert_neq(index, LOG_RECORD_NONE);
    cr_expect_eq(text->references, 2);
    cr_expect_eq(read_lines(), 0, "not before its end");
    struct log_finish finish = {.client = STR("192.0.2.1"), .now_us = 4000815};
    log_records_finish(&records, index, &finish);
    cr_expect_eq(text->references, 1);
    cr_assert_eq(read_lines(), 1);
    cr_expect(strstr(last, "{\"time\":\"1994-11-06T09:49:36.250+01:00\",\"client\":\"192.0.2.1\","
                           "\"duration_us\":815,\"tls\":null,\"status\":200,\"bytes\":100,"
                           "\"complete\":true,"),
              "%s", last);
}

/* A text in FORMAT; NAMED: with a client that a proxy named. */
static struct access_text *other_text(enum access_format format, bool named)
{
    static char scratch[ACCESS_TEXT_BYTES_MAX];
    const struct access_style other = {.format = format};
    const struct access_facts facts = {.client = named ? STR("203.0.113.9") : STR_ABSENT};
    struct access_text *made = access_text_create(&other, &facts, scratch);
    cr_assert(made);
    made->owner = ring;
    return made;
}

/* Lines of answers that end together may share their beginnings, but only if they are the same. */
Test(log_record, begins_each_line_with_its_own_client_time_and_format)
{
    struct access_text *const named = other_text(ACCESS_FORMAT_JSON, true),
                              *const common = other_text(ACCESS_FORMAT_COMMON, false);
    const struct {
        struct access_text *text;
        uint64_t arrived_us;
        const char *expected;
    } rows[] = {
        {text, 4000000, "36.250+01:00\",\"client\":\"::1\",\"duration_us\":2000000,"},
        {text, 4000000, "36.250+01:00\",\"client\":\"::1\",\"duration_us\":2000000,"},
        {text, 4001000, "36.251+01:00\",\"client\":\"::1\",\"duration_us\":1999000,"},
        {common, 4001000, "::1 - - [06/Nov/1994:09:49:36 +0100] \"-\" 0 0\n"},
        {common, 4001000, "::1 - - [06/Nov/1994:09:49:36 +0100] \"-\" 0 0\n"},
        {named, 4001000, "36.251+01:00\",\"client\":\"203.0.113.9\",\"duration_us\":1999000,"},
        {named, 4001000, "36.251+01:00\",\"client\":\"203.0.113.9\",\"duration_us\":1999000,"},
        {text, 4001000, "36.251+01:00\",\"client\":\"::1\",\"duration_us\":1999000,"},
        {named, 4001000, "36.251+01:00\",\"client\":\"203.0.113.9\",\"duration_us\":1999000,"},
    };
    struct log_finish finish = {.client = STR("::1"), .now_us = 6000000};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const uint32_t index = log_records_take(&records, rows[i].text, rows[i].arrived_us, 1);
        log_records_finish(&records, index, &finish);
        cr_assert_eq(read_lines(), 1);
        cr_expect(strstr(last, rows[i].expected), "%zu: %s", i, last);
    }
    access_text_drop(named);
    access_text_drop(common);
}

/* The beginning is copied from a line of which a part is after the ring's end. */
Test(log_record, shares_beginnings_at_the_end_of_the_ring)
{
    struct log_finish finish = {.client = STR("2001:db8::1"), .now_us = 6000000};
    for (unsigned i = 0; i < LOG_RING_BYTES / 50; i++) {
        const uint32_t index = log_records_take(&records, text, 4000000, 1);
        log_records_finish(&records, index, &finish);
        struct iovec pieces[2];
        const unsigned count = log_ring_view(ring, pieces);
        cr_assert_geq(count, 1);
        memcpy(last, pieces[0].iov_base, pieces[0].iov_len);
        size_t length = pieces[0].iov_len;
        if (count == 2)
            memcpy(last + length, pieces[1].iov_base, pieces[1].iov_len);
        length += count == 2 ? pieces[1].iov_len : 0;
        log_ring_consume(ring, length);
        last[length] = '\0';
        cr_assert(strstr(last,
                         "{\"time\":\"1994-11-06T09:49:36.250+01:00\",\"client\":"
                         "\"2001:db8::1\",\"duration_us\":2000000,\"tls\":null,\"status\":200,"),
                  "%u: %s", i, last);
    }
}

/* The head is 250 bytes, the body 100; it is at the end, so it is the first to be missing. */
Test(log_record, shows_what_was_sent_of_an_answer)
{
    static const struct {
        uint64_t unsent;
        const char *expected;
    } rows[] = {
        {0, "\"status\":200,\"bytes\":100,\"complete\":true,"},
        {1, "\"status\":200,\"bytes\":99,\"complete\":false,"},
        {100, "\"status\":200,\"bytes\":0,\"complete\":false,"},
        {349, "\"status\":200,\"bytes\":0,\"complete\":false,"},
        {350, "\"status\":499,\"bytes\":0,\"complete\":false,"},
        {1000, "\"status\":499,\"bytes\":0,\"complete\":false,"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        log_one(5000000, 5000000, rows[i].unsent);
        cr_assert_eq(read_lines(), 1);
        cr_expect(strstr(last, rows[i].expected), "%ju unsent: %s", (uintmax_t)rows[i].unsent,
                  last);
    }
}

/* Central European Summer Time began on 1995-03-26 at 01:00 UTC. */
Test(log_record, has_the_offset_of_the_moment)
{
    log_records_compare(&records, 5000000, 796179599UL * 1000000);
    log_one(5000000, 5000000, 0);
    read_lines();
    cr_expect(strstr(last, "\"1995-03-26T01:59:59.000+01:00\""), "%s", last);
    log_one(6000000, 6000000, 0);
    read_lines();
    cr_expect(strstr(last, "\"1995-03-26T03:00:00.000+02:00\""), "%s", last);
}

Test(log_record, follows_a_clock_that_was_set)
{
    log_one(5000000, 5000000, 0);
    cr_expect_not(log_records_must_compare(&records, 5999999));
    cr_expect_not(log_records_must_compare(&records, 4999999), "a request that has waited");
    cr_expect(log_records_must_compare(&records, 6000000));
    log_records_compare(&records, 6000000, 100000000UL * 1000000);
    log_one(6000001, 6000001, 0);
    cr_assert_eq(read_lines(), 2);
    cr_expect(strstr(last, "\"1994-11-06T09:49:37.250+01:00\"") &&
                  strstr(last, "\"1973-03-03T10:46:40.000+01:00\""),
              "%s", last);
}

Test(log_record, counts_answers_that_get_no_record)
{
    uint32_t indexes[RECORDS];
    struct log_finish finish = {.client = STR("::1")};
    for (unsigned i = 0; i < RECORDS; i++)
        indexes[i] = log_records_take(&records, text, 0, 0);
    cr_expect_eq(counters_read(&counters, COUNTER_RESPONSES_UNLOGGED), 0);
    cr_expect_eq(log_records_take(&records, text, 0, 0), LOG_RECORD_NONE);
    cr_expect_eq(counters_read(&counters, COUNTER_RESPONSES_UNLOGGED), 1);
    log_records_finish(&records, LOG_RECORD_NONE, &finish);
    cr_expect_eq(read_lines(), 0);
    log_records_finish(&records, indexes[1], &finish);
    cr_expect_eq(log_records_take(&records, text, 0, 0), indexes[1], "free again");
    cr_expect_eq(counters_read(&counters, COUNTER_RESPONSES_UNLOGGED), 1);
    for (unsigned i = 0; i < RECORDS; i++)
        log_records_finish(&records, indexes[i], &finish);
    cr_expect_eq(text->references, 1);
}

Test(log_record, counts_lines_that_have_no_room)
{
    for (unsigned i = 0; i < LOG_RING_BYTES / 100; i++)
        log_one(5000000, 5000000, 0);
    cr_expect_gt(counters_read(&counters, COUNTER_LOG_LINES_DROPPED), 0);
    cr_expect_eq(counters_read(&counters, COUNTER_LOG_LINES_DROPPED), log_ring_dropped(ring));
}

Test(log_record, without_memory_there_are_no_records)
{
    struct log_records none;
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_eq(log_records_init(&none, RECORDS, &counters), -ENOMEM);
    faults_clear();
    log_records_fini(&none);
}
