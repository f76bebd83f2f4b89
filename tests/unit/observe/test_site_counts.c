/* site_counts: what a site counts, by worker. */
#include "observe/site_counts.h"

#include "support/faults.h"

#include <criterion/criterion.h>
#include <errno.h>

TestSuite(site_counts, .timeout = 60);

Test(site_counts, adds_up_what_each_worker_has_counted)
{
    struct site_counts *counts = site_counts_create();
    cr_assert_not_null(counts);
    struct site_counts_place *first = site_counts_place(counts, 0);
    struct site_counts_place *second = site_counts_place(counts, 7);
    cr_assert(first && second);
    site_count_add(site_counts_class(first, 200), 10);
    site_count_add(site_counts_class(first, 206), 20);
    site_count_add(site_counts_class(second, 299), 30);
    site_count_add(site_counts_class(first, 304), 0);
    site_count_add(site_counts_class(second, 404), 5);
    site_count_add(site_counts_class(first, 503), 6);
    const struct site_sum sum = site_counts_sum(counts);
    cr_expect_eq(sum.requests[0], 3);
    cr_expect_eq(sum.requests[1], 1);
    cr_expect_eq(sum.requests[2], 1);
    cr_expect_eq(sum.requests[3], 1);
    cr_expect_eq(sum.body_bytes, 71);
    site_counts_unref(counts);
}

/* However often a reload changes the site. */
Test(site_counts, a_worker_has_one_place_that_lives_as_long_as_a_reference)
{
    struct site_counts *counts = site_counts_create();
    struct site_counts_place *place = site_counts_place(counts, 3);
    for (unsigned i = 0; i < 1000; i++)
        cr_assert_eq(site_counts_place(counts, 3), place);
    cr_assert_neq(site_counts_place(counts, 2), place);
    cr_assert_eq(site_counts_ref(counts), counts);
    site_counts_unref(counts);
    site_count_add(site_counts_class(place, 200), 1);
    cr_expect_eq(site_counts_sum(counts).requests[0], 1);
    site_counts_unref(counts);
    site_counts_unref(NULL);
}

Test(site_counts, a_want_of_memory_is_reported)
{
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(site_counts_create());
    faults_clear();
    struct site_counts *counts = site_counts_create();
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(site_counts_place(counts, 0));
    faults_clear();
    cr_expect_not_null(site_counts_place(counts, 0));
    site_counts_unref(counts);
}
