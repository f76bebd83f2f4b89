/* log_record: what a log gets of a response, and what happens when there are no records. */
#include "observe/log_record.h"
#include "support/faults.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <errno.h>

enum { RECORDS = 3 };

static struct counters counters;
static struct log_records records;
static struct log_record last; /* that the reader got */
static unsigned count;

static void keep(void *context, const struct log_record *record)
{
    cr_assert_eq(context, &last);
    last = *record;
    count++;
}

static void set_up(void)
{
    struct log_reader reader = {keep, &last};
    cr_assert_eq(log_records_init(&records, RECORDS, reader, &counters), 0);
}

static void tear_down(void)
{
    log_records_fini(&records);
}

TestSuite(log_record, .init = set_up, .fini = tear_down);

static const struct date_now now = {.ms = 5000, .seconds = 784111777};

static const struct log_response response = {
    .client = {.version = 4, .port = 4711, .address = {127, 0, 0, 1}},
    .parts =
        {
            [LOG_PART_METHOD] = STR_INIT("GET"),
            [LOG_PART_TARGET] = STR_INIT("/a?b"),
            [LOG_PART_HOST] = STR_INIT(""),
            [LOG_PART_AGENT] = STR_INIT("curl"),
        },
    .status = 200,
    .body_bytes = 100,
    .arrived_ms = 2900,
};

static void expect_part(enum log_part part, const char *expected)
{
    struct str text = log_record_part(&last, part);
    cr_expect_eq(text.at != NULL, expected != NULL, "%d", part);
    cr_expect(!expected || str_equal(text, str_of(expected)), "%d: %.*s", part, (int)text.length,
              text.at);
}

Test(log_record, keeps_the_request_until_the_response_is_sent)
{
    struct log_response copied = response;
    for (unsigned i = 0; i < LOG_PART_COUNT; i++)
        copied.parts[i] = guard_copy(response.parts[i]);
    uint32_t index = log_records_take(&records, &copied, &now);
    for (unsigned i = 0; i < LOG_PART_COUNT; i++)
        guard_drop(copied.parts[i]);
    cr_assert_neq(index, LOG_RECORD_NONE);
    cr_expect_eq(count, 0, "not before its end");
    log_records_finish(&records, index, 0, 5300);
    cr_assert_eq(count, 1);
    expect_part(LOG_PART_METHOD, "GET");
    expect_part(LOG_PART_TARGET, "/a?b");
    expect_part(LOG_PART_HOST, "");
    expect_part(LOG_PART_REFERER, NULL);
    expect_part(LOG_PART_AGENT, "curl");
    cr_expect(last.client.version == 4 && last.client.port == 4711);
    cr_expect_eq(last.arrived_seconds, 784111775, "2.1 s before the response was queued");
    cr_expect_eq(last.duration_ms, 2400);
    cr_expect_eq(last.status, 200);
    cr_expect_eq(last.body_bytes, 100);
    cr_expect(last.complete && !last.cut);
}

/* The body is at the end of a response, so it is the first to be missing. */
Test(log_record, counts_the_bytes_of_the_body_that_were_sent)
{
    static const struct {
        uint64_t unsent, expected;
    } rows[] = {{0, 100}, {1, 99}, {100, 0}, {101, 0}, {350, 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint32_t index = log_records_take(&records, &response, &now);
        log_records_finish(&records, index, rows[i].unsent, 5000);
        cr_expect_eq(last.body_bytes, rows[i].expected, "%ju unsent", (uintmax_t)rows[i].unsent);
        cr_expect_eq(last.complete, rows[i].unsent == 0);
    }
}

Test(log_record, cuts_parts_that_are_too_long)
{
    static char text[10000];
    struct log_response longest = response;
    memset(text, 'x', sizeof text);
    for (unsigned i = 0; i < LOG_PART_COUNT; i++)
        longest.parts[i] = (struct str){text, sizeof text};
    log_records_finish(&records, log_records_take(&records, &longest, &now), 0, 5000);
    size_t sum = 0;
    for (unsigned i = 0; i < LOG_PART_COUNT; i++)
        sum += log_record_part(&last, (enum log_part)i).length;
    cr_expect(last.cut);
    cr_expect_eq(sum, LOG_RECORD_TEXT_BYTES);
}

Test(log_record, counts_responses_that_get_no_record)
{
    uint32_t indexes[RECORDS];
    for (unsigned i = 0; i < RECORDS; i++)
        indexes[i] = log_records_take(&records, &response, &now);
    cr_expect_eq(counters_read(&counters, COUNTER_RESPONSES_UNLOGGED), 0);
    cr_expect_eq(log_records_take(&records, &response, &now), LOG_RECORD_NONE);
    cr_expect_eq(counters_read(&counters, COUNTER_RESPONSES_UNLOGGED), 1);
    log_records_finish(&records, LOG_RECORD_NONE, 0, 5000);
    cr_expect_eq(count, 0);
    log_records_finish(&records, indexes[1], 0, 5000);
    cr_expect_eq(log_records_take(&records, &response, &now), indexes[1], "free again");
    cr_expect_eq(counters_read(&counters, COUNTER_RESPONSES_UNLOGGED), 1);
}

Test(log_record, a_pool_without_a_reader_has_no_records)
{
    struct log_records none = {0};
    cr_expect_not(log_records_wanted(&none));
    cr_expect_eq(log_records_take(&none, &response, &now), LOG_RECORD_NONE);
    log_records_fini(&none);
    cr_expect_eq(counters_read(&counters, COUNTER_RESPONSES_UNLOGGED), 0);
}

Test(log_record, without_memory_there_is_no_reader)
{
    struct log_records none;
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_eq(log_records_init(&none, RECORDS, (struct log_reader){keep, &last}, &counters),
                 -ENOMEM);
    cr_expect_not(log_records_wanted(&none));
    log_records_fini(&none);
}
