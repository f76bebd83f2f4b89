/* conn_rate: when a peer counts as too slow. Which connections are checked, and when, is in
 * loop/test_rates.c. */
#include "conn/conn_rate.h"

#include <criterion/criterion.h>

static const struct conn_rates rates = {
    .bytes_per_second = 100, .window_ms = 30000, .check_ms = 5000};

static struct conn_rate_sample sample;

static void set_up(void)
{
    sample = (struct conn_rate_sample){.bytes = 1000, .ms = 500, .seen_bytes = 1000};
}

TestSuite(conn_rate, .init = set_up);

/* Whether the peer is too slow when it has moved BYTES in MS since the window began. */
static bool is_low(uint64_t bytes, uint64_t ms)
{
    return conn_rate_judge(&rates, &sample, 1000 + bytes, 500 + ms);
}

Test(conn_rate, cuts_a_slow_peer_at_the_second_check_after_a_window)
{
    cr_expect_not(is_low(1, 5000), "the window is not over");
    cr_expect_not(is_low(2, 29999));
    cr_expect_not(is_low(2999, 30000), "it may have been paused");
    cr_expect(is_low(3499, 35000));
}

Test(conn_rate, is_content_with_exactly_the_rate)
{
    cr_expect_not(is_low(3000, 30000));
    cr_expect_not(is_low(3001, 30001), "a new window has begun");
    cr_expect_eq(sample.bytes, 4000);
    cr_expect_eq(sample.ms, 30500);
}

Test(conn_rate, begins_a_new_window_after_each_good_one)
{
    cr_expect_not(is_low(1000000, 30000));
    cr_expect_not(is_low(1000001, 60000), "what it took before does not count");
    cr_expect(is_low(1000002, 65000));
}

Test(conn_rate, leaves_a_peer_that_moves_nothing_to_the_idle_timeout)
{
    for (uint64_t ms = 5000; ms < 600000; ms += 5000)
        cr_expect_not(is_low(0, ms));
    cr_expect_not(is_low(10, 600000), "it has just gone on");
    cr_expect_not(is_low(100000, 605000));
    cr_expect_not(is_low(100001, 635000));
    cr_expect(is_low(100002, 640000));
}

Test(conn_rate, lets_a_peer_pause_that_took_little_before)
{
    cr_expect_not(is_low(10, 5000));
    for (uint64_t ms = 10000; ms < 70000; ms += 5000)
        cr_expect_not(is_low(10, ms), "%d ms", (int)ms);
    cr_expect_not(is_low(11, 70000));
    cr_expect_not(is_low(11, 75000));
    cr_expect(is_low(12, 80000), "a byte now and then is not enough");
}

Test(conn_rate, forgets_a_low_rate_when_the_peer_has_caught_up)
{
    cr_expect_not(is_low(10, 30000));
    cr_expect_not(is_low(10000, 35000));
    cr_expect_not(is_low(10010, 65000));
    cr_expect(is_low(10020, 70000));
}

Test(conn_rate, counts_beyond_four_gigabytes)
{
    cr_expect_not(is_low((uint64_t)1 << 32, 30000));
    cr_expect_not(is_low((uint64_t)1 << 33, 60000));
    cr_expect_not(is_low((uint64_t)1 << 33, 90000));
}
