/* durations: buckets, sums and quantiles. */
#include "observe/durations.h"

#include <criterion/criterion.h>

static struct durations_sum sum_of(const struct durations *durations)
{
    struct durations_sum sum = {0};
    durations_sum_add(&sum, durations);
    return sum;
}

Test(durations, bounds_rise)
{
    for (unsigned i = 1; i < DURATIONS_BOUNDS; i++)
        cr_expect_lt(durations_bounds_us[i - 1], durations_bounds_us[i]);
}

Test(durations, a_bound_belongs_to_its_bucket_and_more_to_the_next)
{
    for (unsigned i = 0; i < DURATIONS_BOUNDS; i++) {
        struct durations durations = {0};
        durations_add(&durations, durations_bounds_us[i], 3);
        durations_add(&durations, durations_bounds_us[i] + (uint64_t)1, 5);
        const struct durations_sum sum = sum_of(&durations);
        cr_expect_eq(sum.count[i], 3);
        cr_expect_eq(sum.count[i + 1], 5);
        cr_expect_eq(sum.all, 8);
        cr_expect_eq(sum.sum_us, 8 * (uint64_t)durations_bounds_us[i] + 5);
    }
}

Test(durations, what_has_no_bound_is_in_the_last_bucket)
{
    struct durations durations = {0};
    durations_add(&durations, (uint64_t)1 << 50, 1);
    cr_expect_eq(sum_of(&durations).count[DURATIONS_BOUNDS], 1);
    const struct durations_sum sum = sum_of(&durations);
    cr_expect_eq(durations_quantile_us(&sum, 50), 60e6);
}

Test(durations, workers_are_summed)
{
    struct durations workers[2] = {0};
    struct durations_sum sum = {0};
    durations_add(&workers[0], 10, 1);
    durations_add(&workers[1], 10, 2);
    durations_add(&workers[1], 2000, 4);
    durations_sum_add(&sum, &workers[0]);
    durations_sum_add(&sum, &workers[1]);
    cr_expect_eq(sum.all, 7);
    cr_expect_eq(sum.count[1], 3);
    cr_expect_eq(sum.sum_us, 8030);
}

Test(durations, quantiles_are_interpolated_in_their_bucket)
{
    struct durations durations = {0};
    struct durations_sum sum = sum_of(&durations);
    cr_expect_eq(durations_quantile_us(&sum, 50), 0, "no requests");
    durations_add(&durations, 75, 10);  /* in (50, 100] */
    durations_add(&durations, 200, 10); /* in (100, 250] */
    sum = sum_of(&durations);
    cr_expect_float_eq(durations_quantile_us(&sum, 25), 75, 0.001);
    cr_expect_float_eq(durations_quantile_us(&sum, 50), 100, 0.001);
    cr_expect_float_eq(durations_quantile_us(&sum, 75), 175, 0.001);
    cr_expect_float_eq(durations_quantile_us(&sum, 100), 250, 0.001);
}
