/* wheel: each promise of its header, then a long random run against a list of deadlines. */
#include "storage/wheel.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <inttypes.h>

enum { HORIZON_MS = WHEEL_SLOTS * WHEEL_TICK_MS };

/* The offset in a tick at which the clock of most tests starts; deliberately not 0. */
static const uint64_t start_ms = 1000003;

static struct wheel wheel;
static struct wheel_timer timer, other;

static void set_up(void)
{
    wheel_init(&wheel, start_ms);
    wheel_timer_init(&timer, 3);
    wheel_timer_init(&other, 15);
}

TestSuite(wheel, .init = set_up);

/* Steps the clock by 1 ms until a timer fires. Returns the time; 0: none fired within LIMIT_MS. */
static uint64_t fires_at(uint64_t from_ms, uint64_t limit_ms)
{
    for (uint64_t ms = from_ms; ms <= from_ms + limit_ms; ms++) {
        if (wheel_expire(&wheel, ms) != NULL) {
            cr_assert_null(wheel_expire(&wheel, ms), "and only one");
            return ms;
        }
    }
    return 0;
}

Test(wheel, fires_within_a_tick_and_never_early)
{
    static const uint64_t delays[] = {
        1,
        2,
        28,
        29,
        30,
        31,
        32,
        33,
        60,
        61,
        100,
        1000,
        5000,
        15000,
        16352,
        HORIZON_MS - 32,
        HORIZON_MS - 3,
        HORIZON_MS,
        HORIZON_MS + 1,
        HORIZON_MS + 40,
        2 * HORIZON_MS + 5,
        100000,
    };
    for (size_t i = 0; i < COUNT_OF(delays); i++) {
        for (uint64_t phase = 0; phase < WHEEL_TICK_MS; phase += 7) {
            uint64_t now = start_ms + phase;
            wheel_init(&wheel, now);
            wheel_arm(&wheel, &timer, now + delays[i]);
            int wait = wheel_wait_ms(&wheel, now);
            cr_expect(wait >= 0 && (uint64_t)wait < delays[i] + WHEEL_TICK_MS, "waits %d ms", wait);
            uint64_t late = fires_at(now, delays[i] + 2 * WHEEL_TICK_MS) - (now + delays[i]);
            cr_expect_lt(late, WHEEL_TICK_MS, "after %" PRIu64 ": %" PRIu64, delays[i], late);
            cr_expect_not(wheel_armed(&timer));
        }
    }
}

Test(wheel, fires_a_deadline_in_the_past_at_the_next_expiry)
{
    wheel_arm(&wheel, &timer, start_ms);
    wheel_arm(&wheel, &other, 0);
    cr_expect_eq(wheel_wait_ms(&wheel, start_ms), 0);
    cr_expect_eq(wheel_expire(&wheel, start_ms), &timer);
    cr_expect_eq(wheel_expire(&wheel, start_ms), &other);
    cr_expect_null(wheel_expire(&wheel, start_ms));
    cr_expect_eq(wheel_wait_ms(&wheel, start_ms), -1);
}

Test(wheel, moves_nothing_when_rearmed_later)
{
    wheel_arm(&wheel, &timer, start_ms + 1000);
    struct list *neighbour = timer.node.next;
    uint32_t slot = timer.slot;
    for (uint64_t ms = 1000; ms < 5 * HORIZON_MS; ms += 77) {
        wheel_arm(&wheel, &timer, start_ms + ms);
        cr_assert_eq(timer.node.next, neighbour);
        cr_assert_eq(timer.slot, slot);
    }
    wheel_arm(&wheel, &timer, start_ms + 3000);
    uint64_t at = fires_at(start_ms, HORIZON_MS);
    cr_expect(at >= start_ms + 3000 && at < start_ms + 3000 + WHEEL_TICK_MS, "%" PRIu64,
              at - start_ms);
}

Test(wheel, fires_earlier_when_rearmed_earlier)
{
    wheel_arm(&wheel, &timer, start_ms + 100000);
    wheel_arm(&wheel, &timer, start_ms + 9000);
    wheel_arm(&wheel, &timer, start_ms + 500);
    uint64_t at = fires_at(start_ms, HORIZON_MS);
    cr_expect(at >= start_ms + 500 && at < start_ms + 500 + WHEEL_TICK_MS, "%" PRIu64,
              at - start_ms);
    cr_expect_eq(wheel_wait_ms(&wheel, at), -1, "nothing is left over");
    wheel_arm(&wheel, &timer, at + 1000);
    wheel_arm(&wheel, &timer, at - 1);
    cr_expect_eq(wheel_expire(&wheel, at), &timer);
}

Test(wheel, fires_once_after_a_jump_beyond_the_horizon)
{
    static struct wheel_timer timers[1000];
    for (uint64_t jump = HORIZON_MS / 2; jump < (uint64_t)100 * HORIZON_MS;
         jump = jump * 3 / 2 + 1) {
        wheel_init(&wheel, start_ms);
        for (size_t i = 0; i < COUNT_OF(timers); i++)
            wheel_arm(&wheel, &timers[i], start_ms + i * 97);
        uint64_t now = start_ms + jump;
        struct wheel_timer *fired;
        while ((fired = wheel_expire(&wheel, now)) != NULL)
            cr_assert_leq(fired->deadline_ms, now);
        for (size_t i = 0; i < COUNT_OF(timers); i++) {
            bool due = start_ms + i * 97 + WHEEL_TICK_MS <= now;
            cr_assert(!due || !wheel_armed(&timers[i]), "%zu is overdue", i);
            wheel_cancel(&wheel, &timers[i]);
        }
        cr_assert_eq(wheel_wait_ms(&wheel, now), -1);
    }
    /* a jump of centuries costs no more than one lap */
    wheel_arm(&wheel, &timer, UINT64_MAX);
    cr_expect_null(wheel_expire(&wheel, UINT64_MAX / 2));
    cr_expect(wheel_armed(&timer));
}

Test(wheel, does_not_fire_a_timer_armed_for_never)
{
    static const uint64_t beyond_ms = (uint64_t)1 << 48; /* the first that does not fit a timer */
    wheel_arm(&wheel, &timer, UINT64_MAX);
    for (uint64_t ms = start_ms; ms < start_ms + 20 * (uint64_t)HORIZON_MS; ms += 500)
        cr_assert_null(wheel_expire(&wheel, ms));
    cr_expect(wheel_armed(&timer));
    wheel_arm(&wheel, &other, beyond_ms + 5); /* without the 49th bit it would be overdue */
    cr_expect_null(wheel_expire(&wheel, beyond_ms - 1));
    cr_expect_null(wheel_expire(&wheel, beyond_ms + 6));
    cr_expect(wheel_armed(&other));
}

Test(wheel, ends_a_series_although_its_timer_is_armed_for_the_past)
{
    wheel_arm(&wheel, &timer, start_ms + 10);
    uint64_t now = start_ms + 100;
    for (int series = 0; series < 3; series++) {
        cr_assert_eq(wheel_expire(&wheel, now), &timer);
        wheel_arm(&wheel, &timer, now - 50);
        cr_assert_null(wheel_expire(&wheel, now), "in series %d", series);
        cr_assert_eq(wheel_wait_ms(&wheel, now), 0, "it is due");
    }
}

Test(wheel, allows_arming_and_cancelling_within_a_series)
{
    static struct wheel_timer timers[6];
    uint64_t due = start_ms + 100, now = start_ms + 200;
    for (size_t i = 0; i < COUNT_OF(timers); i++)
        wheel_arm(&wheel, &timers[i], due);
    cr_assert_eq(wheel_expire(&wheel, now), &timers[0]);
    wheel_cancel(&wheel, &timers[1]);          /* the next in line */
    wheel_arm(&wheel, &timers[2], now + 1000); /* postponed */
    wheel_cancel(&wheel, &timers[5]);          /* the last in line */
    wheel_arm(&wheel, &timers[0], now + 300);  /* the fired timer, again */
    cr_expect_eq(wheel_expire(&wheel, now), &timers[3]);
    cr_expect_eq(wheel_expire(&wheel, now), &timers[4]);
    cr_expect_null(wheel_expire(&wheel, now));
    cr_expect_eq(fires_at(now, 1000) - now, 300 + (WHEEL_TICK_MS - (now + 300) % WHEEL_TICK_MS));
    cr_expect(wheel_armed(&timers[2]) && !wheel_armed(&timers[1]) && !wheel_armed(&timers[5]));
}

Test(wheel, continues_an_interrupted_series)
{
    wheel_arm(&wheel, &timer, start_ms + 10);
    wheel_arm(&wheel, &other, start_ms + 10);
    cr_expect_eq(wheel_expire(&wheel, start_ms + 50), &timer);
    cr_expect_eq(wheel_wait_ms(&wheel, start_ms + 50), 0);
    cr_expect_eq(wheel_expire(&wheel, start_ms + 51), &other);
    cr_expect_null(wheel_expire(&wheel, start_ms + 51));
}

Test(wheel, ignores_time_that_goes_backwards)
{
    cr_expect_null(wheel_expire(&wheel, start_ms + 1000));
    wheel_arm(&wheel, &timer, start_ms + 900);
    cr_expect_eq(wheel_expire(&wheel, start_ms), &timer);
    wheel_arm(&wheel, &timer, start_ms + 1100);
    cr_expect_null(wheel_expire(&wheel, start_ms));
    cr_expect_geq(wheel_wait_ms(&wheel, start_ms), 1100);
}

Test(wheel, ignores_a_second_cancel)
{
    wheel_cancel(&wheel, &timer);
    wheel_arm(&wheel, &timer, start_ms + 10);
    wheel_arm(&wheel, &other, start_ms + 10);
    wheel_cancel(&wheel, &timer);
    wheel_cancel(&wheel, &timer);
    cr_expect_neq(wheel_wait_ms(&wheel, start_ms), -1, "another is in the same slot");
    cr_expect_eq(wheel_expire(&wheel, start_ms + 50), &other);
    cr_expect_null(wheel_expire(&wheel, start_ms + 50));
    cr_expect_eq(wheel_wait_ms(&wheel, start_ms + 50), -1);
}

Test(wheel, keeps_the_order_of_arming_within_a_tick)
{
    static struct wheel_timer timers[10];
    for (size_t i = 0; i < COUNT_OF(timers); i++)
        wheel_arm(&wheel, &timers[i], start_ms + 100);
    for (size_t i = 0; i < COUNT_OF(timers); i++)
        cr_expect_eq(wheel_expire(&wheel, start_ms + 200), &timers[i]);
}

/* --- Against a model -------------------------------------------------------------------------- */

enum { TIMERS = 200, NOT_ARMED = 0 };

static struct wheel_timer model_timers[TIMERS];
static uint64_t model_deadlines[TIMERS]; /* NOT_ARMED or the deadline */
static uint64_t model_known_ms[TIMERS];  /* when it was set */

static void model_arm(struct prng *prng, uint64_t now)
{
    static const uint64_t spans[] = {1, 40, 500, 5000, HORIZON_MS, 4 * (uint64_t)HORIZON_MS};
    size_t which = prng_below(prng, TIMERS);
    uint64_t deadline = now + prng_below(prng, spans[prng_below(prng, COUNT_OF(spans))]);
    if (prng_below(prng, 16) == 0)
        deadline = now - prng_below(prng, 1000);
    wheel_arm(&wheel, &model_timers[which], deadline);
    model_deadlines[which] = deadline;
    model_known_ms[which] = now;
}

static void model_cancel(struct prng *prng)
{
    size_t which = prng_below(prng, TIMERS);
    wheel_cancel(&wheel, &model_timers[which]);
    model_deadlines[which] = NOT_ARMED;
}

/* The timers left in the model are left in the wheel, none of them is overdue, and the wait is not
 * too long. */
static void check_model(uint64_t now)
{
    uint64_t earliest = UINT64_MAX;
    for (size_t i = 0; i < TIMERS; i++) {
        cr_assert_eq(wheel_armed(&model_timers[i]), model_deadlines[i] != NOT_ARMED, "%zu", i);
        if (model_deadlines[i] == NOT_ARMED)
            continue;
        cr_assert(now < model_deadlines[i] + WHEEL_TICK_MS || model_known_ms[i] == now,
                  "%zu is overdue", i);
        if (model_deadlines[i] < earliest)
            earliest = model_deadlines[i];
    }
    int wait = wheel_wait_ms(&wheel, now);
    cr_assert_eq(wait == -1, earliest == UINT64_MAX);
    if (wait >= 0) {
        uint64_t latest = (earliest > now ? earliest : now) + WHEEL_TICK_MS;
        cr_assert_lt(now + (uint64_t)wait, latest, "waits too long");
    }
}

static void run_model(uint64_t seed, int steps)
{
    static const uint64_t jumps[] = {1, 10, 33, 64, 1000, 2 * (uint64_t)HORIZON_MS};
    struct prng prng = {seed};
    uint64_t now = start_ms;
    for (int step = 0; step < steps; step++) {
        for (uint64_t i = prng_below(&prng, 8); i > 0; i--)
            model_arm(&prng, now);
        if (prng_below(&prng, 4) == 0)
            model_cancel(&prng);
        check_model(now);
        now += prng_below(&prng, jumps[prng_below(&prng, COUNT_OF(jumps))]);
        struct wheel_timer *fired;
        while ((fired = wheel_expire(&wheel, now)) != NULL) {
            size_t which = (size_t)(fired - model_timers);
            cr_assert_neq(model_deadlines[which], NOT_ARMED, "a cancelled timer fired");
            cr_assert_leq(model_deadlines[which], now, "early");
            model_deadlines[which] = NOT_ARMED;
            if (prng_below(&prng, 2) == 0)
                model_arm(&prng, now);
            if (prng_below(&prng, 8) == 0)
                model_cancel(&prng);
        }
        check_model(now);
    }
}

Test(wheel, agrees_with_a_list_of_deadlines)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        wheel_init(&wheel, start_ms);
        for (size_t i = 0; i < TIMERS; i++) {
            wheel_timer_init(&model_timers[i], i % 16);
            model_deadlines[i] = NOT_ARMED;
        }
        run_model(seed, 4000);
    }
}
