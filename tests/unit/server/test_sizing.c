/* sizing: descriptors are divided among threads, caches and connections. */
#include "server/sizing.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(sizing, divides_the_descriptors)
{
    static const struct {
        const char *label;
        uint64_t descriptors;
        uint32_t threads, connections; /* as configured */
        struct sizes sizes;
    } rows[] = {
        /* 16 for the process, 4 for a site and 3 logs, 4 x (6 + 2) for the workers, a quarter for
         * files */
        {"a small limit", 1024, 4, 0, {4, 1024 - 256 - 16 - 4 - 32, 256}},
        {"a large limit", 100000, 4, 0, {4, 100000 - 4096 - 16 - 4 - 32, 4096}},
        {"more than anybody needs", 10000000, 4, 0, {4, 1000000, 4096}},
        {"fewer connections", 1024, 4, 100, {4, 100, 256}},
        {"more than the default", 10000000, 4, 2000000, {4, 2000000, 4096}},
        {"more than the limit allows", 1024, 4, 5000, {4, 1024 - 256 - 16 - 4 - 32, 256}},
        {"more threads than connections", 1024, 8, 3, {8, 3, 256}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct process_settings settings = {.threads = rows[i].threads,
                                                  .connections_max = rows[i].connections};
        const struct sizing_limits limits = {rows[i].descriptors, 2, 1, 3};
        struct sizes sizes = {0};
        struct problem problem;
        cr_assert_eq(sizing_find(&settings, &limits, &sizes, &problem), 0, "%s", rows[i].label);
        cr_expect_eq(sizes.threads, rows[i].sizes.threads, "%s", rows[i].label);
        cr_expect_eq(sizes.connections_max, rows[i].sizes.connections_max, "%s: %u", rows[i].label,
                     sizes.connections_max);
        cr_expect_eq(sizes.files_max, rows[i].sizes.files_max, "%s", rows[i].label);
    }
}

Test(sizing, counts_a_log_of_several_sites_once)
{
    static const char *const logs[] = {"a", NULL, "b", "a", "b", "c"};
    struct settings *settings = settings_create();
    for (size_t i = 0; i < COUNT_OF(logs); i++)
        settings_add_site(settings)->access_log = logs[i] ? str_of(logs[i]) : STR_ABSENT;
    cr_expect_eq(sizing_count_logs(settings), 3);
    settings_unref(settings);
}

Test(sizing, counts_the_cpus_where_no_threads_are_given)
{
    const struct process_settings settings = {.threads = 0};
    const struct sizing_limits limits = {100000, 1, 1, 0};
    struct sizes sizes;
    struct problem problem;
    cr_assert_eq(sizing_find(&settings, &limits, &sizes, &problem), 0);
    cr_expect_geq(sizes.threads, 1);
}

Test(sizing, refuses_when_a_thread_would_have_no_connection)
{
    const struct process_settings settings = {.threads = 64};
    const struct sizing_limits limits = {256, 1, 1, 0};
    struct sizes sizes = {.threads = 4711};
    struct problem problem;
    cr_assert_eq(sizing_find(&settings, &limits, &sizes, &problem), -EMFILE);
    cr_expect_str_eq(problem.what, "256 descriptors are too few for 64 threads");
    cr_expect_eq(sizes.threads, 4711, "untouched");
}

Test(sizing, loses_nothing_when_it_shares)
{
    for (unsigned count = 1; count < 20; count++)
        for (uint64_t total = 0; total < 100; total++) {
            uint64_t sum = 0;
            for (unsigned i = 0; i < count; i++)
                sum += sizing_share(total, i, count);
            cr_assert_eq(sum, total);
        }
}
