/* durations: see durations.h. */
#include "observe/durations.h"

const uint32_t durations_bounds_us[DURATIONS_BOUNDS] = {
    5,     10,    25,     50,     100,    250,     500,     1000,    2500,     5000,     10000,
    25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000,
};

void durations_add(struct durations *durations, uint64_t us, uint64_t count)
{
    unsigned bucket = 0;
    while (bucket < DURATIONS_BOUNDS && us > durations_bounds_us[bucket])
        bucket++;
    counters_raise(&durations->count[bucket], count);
    counters_raise(&durations->sum_us, us * count);
}

void durations_sum_add(struct durations_sum *sum, const struct durations *durations)
{
    for (unsigned i = 0; i <= DURATIONS_BOUNDS; i++) {
        const uint64_t count = atomic_load_explicit(&durations->count[i], memory_order_relaxed);
        sum->count[i] += count;
        sum->all += count;
    }
    sum->sum_us += atomic_load_explicit(&durations->sum_us, memory_order_relaxed);
}

double durations_quantile_us(const struct durations_sum *sum, double percent)
{
    const double rank = (double)sum->all * percent / 100;
    double below = 0;
    for (unsigned i = 0; i < DURATIONS_BOUNDS && sum->all > 0; i++) {
        const double count = (double)sum->count[i];
        const double first = i > 0 ? durations_bounds_us[i - 1] : 0;
        if (count > 0 && below + count >= rank)
            return first + (durations_bounds_us[i] - first) * (rank - below) / count;
        below += count;
    }
    return sum->all > 0 ? durations_bounds_us[DURATIONS_BOUNDS - 1] : 0;
}
