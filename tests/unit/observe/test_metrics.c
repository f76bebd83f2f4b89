/* metrics: sums over workers, and the line at the end. */
#include "observe/metrics.h"

#include <criterion/criterion.h>
#include <pthread.h>

Test(metrics, summary_reads_well)
{
    static const struct {
        uint64_t responses, bytes, connections;
        const char *line;
    } rows[] = {
        {0, 0, 0, "served 0 responses, 0 B, on 0 connections"},
        {1, 12, 1, "served 1 response, 12 B, on 1 connection"},
        {999, 1023, 2, "served 999 responses, 1023 B, on 2 connections"},
        {1000, 8192, 100, "served 1,000 responses, 8 KiB, on 100 connections"},
        {1234, 5872026, 78, "served 1,234 responses, 5.6 MiB, on 78 connections"},
        {1234567, 0, 12345, "served 1,234,567 responses, 0 B, on 12,345 connections"},
        {100000, 0, 10, "served 100,000 responses, 0 B, on 10 connections"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct metrics sum = {0};
        char line[METRICS_LINE_BYTES];
        sum.value[COUNTER_RESPONSES] = rows[i].responses;
        sum.value[COUNTER_BYTES_SENT] = rows[i].bytes;
        sum.value[COUNTER_CONNECTIONS_ACCEPTED] = rows[i].connections;
        metrics_summary(&sum, line);
        cr_expect_str_eq(line, rows[i].line);
    }
}

Test(metrics, the_longest_line_has_room)
{
    struct metrics sum;
    char line[METRICS_LINE_BYTES];

    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        sum.value[i] = UINT64_MAX;
    metrics_summary(&sum, line);
    cr_expect(strstr(line, "served 18,446,744,073,709,551,615 responses, "), "%s", line);
    cr_expect(strstr(line, " on 18,446,744,073,709,551,615 connections"), "%s", line);
}

Test(metrics, names_the_reasons_that_occurred)
{
    struct metrics sum = {0};
    char line[METRICS_REASONS_BYTES];

    metrics_reasons(&sum, line);
    cr_expect_str_eq(line, "");
    sum.value[COUNTER_CONNECTIONS_ACCEPTED] = sum.value[COUNTER_CONNECTIONS_CLOSED] = 9999;
    sum.value[COUNTER_CONNECTIONS_EVICTED] = 1200;
    metrics_reasons(&sum, line);
    cr_expect_str_eq(line, "1,200 closed for new ones at --max-connections");
    sum.value[COUNTER_CONNECTIONS_SLOW] = 1;
    sum.value[COUNTER_CONNECTIONS_RESET] = 2;
    metrics_reasons(&sum, line);
    cr_expect_str_eq(line,
                     "1,200 closed for new ones at --max-connections, "
                     "1 slower than --min-rate, 2 reset by the client, or with a changed file");
}

Test(metrics, each_reason_has_a_text_and_all_have_room)
{
    for (unsigned i = COUNTER_CONNECTIONS_REFUSED; i <= COUNTER_CONNECTIONS_DRAINED; i++) {
        struct metrics sum = {0};
        char line[METRICS_REASONS_BYTES];
        sum.value[i] = 1;
        metrics_reasons(&sum, line);
        cr_expect(strncmp(line, "1 ", 2) == 0, "counter %u: %s", i, line);
    }
    struct metrics all;
    char line[METRICS_REASONS_BYTES];
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        all.value[i] = UINT64_MAX;
    metrics_reasons(&all, line);
    cr_expect_lt(strlen(line), sizeof line);
}

Test(metrics, workers_are_summed_counter_by_counter)
{
    static struct counters workers[3];
    struct metrics sum = {0};

    for (unsigned w = 0; w < COUNT_OF(workers); w++)
        for (unsigned i = 0; i < COUNTER_COUNT; i++)
            counters_add(&workers[w], (enum counter)i, (w + 1) * (i + 1));
    for (unsigned w = 0; w < COUNT_OF(workers); w++)
        metrics_add(&sum, &workers[w]);
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        cr_expect_eq(sum.value[i], 6 * (i + 1), "counter %u", i);
}

static void *count_up(void *counters)
{
    for (int i = 0; i < 100000; i++)
        counters_add(counters, COUNTER_RESPONSES, 1);
    return NULL;
}

Test(metrics, reading_while_a_worker_counts)
{
    static struct counters counters;
    uint64_t last = 0;
    pthread_t worker;

    cr_assert_eq(pthread_create(&worker, NULL, count_up, &counters), 0);
    for (int i = 0; i < 1000; i++) {
        struct metrics sum = {0};
        metrics_add(&sum, &counters);
        cr_expect(sum.value[COUNTER_RESPONSES] >= last);
        last = sum.value[COUNTER_RESPONSES];
    }
    pthread_join(worker, NULL);
    cr_expect_eq(counters_read(&counters, COUNTER_RESPONSES), 100000);
}
