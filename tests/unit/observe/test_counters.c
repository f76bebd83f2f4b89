/* counters: added up by their owner, readable from elsewhere. */
#include "observe/counters.h"

#include <criterion/criterion.h>

Test(counters, begin_at_zero_and_add_up)
{
    struct counters counters = {0};
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        cr_expect_eq(counters_read(&counters, (enum counter)i), 0);
    counters_add(&counters, COUNTER_BYTES_SENT, 1);
    counters_add(&counters, COUNTER_BYTES_SENT, (uint64_t)1 << 40);
    counters_add(&counters, COUNTER_BYTES_SENT, 0);
    cr_expect_eq(counters_read(&counters, COUNTER_BYTES_SENT), ((uint64_t)1 << 40) + 1);
}

Test(counters, are_apart_from_each_other)
{
    struct counters counters = {0};
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        counters_add(&counters, (enum counter)i, i + 1);
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        cr_expect_eq(counters_read(&counters, (enum counter)i), i + 1);
}
