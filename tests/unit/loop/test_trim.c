/* trim: memory goes back to the kernel when a wave of connections has passed. The clock is the
 * test's own. */
#include "loop/trim.h"
#include "support/conn_rig.h"

/* As many pieces of full storage as a wave frees: a megabyte besides those that are kept. */
enum { WAVE_COUNT = 64 + (TRIM_BYTES_MIN / CONN_FULL_BYTES), QUIET_MS = 1000 };

static struct rig rig;
static struct conn_table conns;
static struct trim trim;

static void set_up(void)
{
    rig_init(&rig, 4 << 20);
    cr_assert_eq(conn_table_init(&conns, &rig.context, 4), 0);
    trim_init(&trim, &rig.context, &conns);
}

static void tear_down(void)
{
    trim_fini(&trim);
    conn_table_fini(&conns);
    rig_fini(&rig);
}

TestSuite(trim, .init = set_up, .fini = tear_down, .timeout = 120);

/* Connections borrow COUNT pieces of full storage and give all of them back. */
static void wave_of(unsigned count)
{
    void *pieces[2 * WAVE_COUNT];
    cr_assert(count <= 2 * WAVE_COUNT);
    for (unsigned i = 0; i < count; i++)
        cr_assert_not_null(pieces[i] = slab_take(&rig.context.full));
    for (unsigned i = 0; i < count; i++)
        slab_give(&rig.context.full, pieces[i]);
    trim_watch(&trim);
}

/* MS pass. Whether the timer fired; trim has been informed then. */
static bool passes(uint64_t ms)
{
    bool fired = false;
    struct wheel_timer *timer;
    rig_pass_ms(&rig, ms);
    while ((timer = wheel_expire(&rig.context.wheel, rig.context.now.ms))) {
        if (timer != &trim.timer)
            continue;
        fired = true;
        trim_expired(&trim);
    }
    return fired;
}

Test(trim, keeps_spare_storage_when_less_than_a_megabyte_was_freed)
{
    wave_of(WAVE_COUNT - 1);
    cr_expect_not(wheel_armed(&trim.timer));
    cr_expect_gt(rig.context.full.idle_count, 0);
}

Test(trim, frees_spare_storage_a_second_after_a_wave)
{
    wave_of(WAVE_COUNT);
    cr_assert(wheel_armed(&trim.timer));
    cr_expect_not(passes(QUIET_MS - 2 * WHEEL_TICK_MS), "a next wave may follow");
    cr_expect_gt(rig.context.full.idle_count, 0);
    cr_assert(passes(3 * WHEEL_TICK_MS));
    cr_expect_eq(rig.context.full.idle_count, 0);
}

Test(trim, waits_while_the_wave_goes_on)
{
    wave_of(WAVE_COUNT);
    for (unsigned i = 0; i < 3; i++) {
        wave_of(WAVE_COUNT);
        cr_assert(passes(QUIET_MS + 2 * WHEEL_TICK_MS));
        cr_expect_gt(rig.context.full.idle_count, 0, "round %u", i);
        cr_expect(wheel_armed(&trim.timer), "round %u", i);
    }
    cr_assert(passes(QUIET_MS + 2 * WHEEL_TICK_MS));
    cr_expect_eq(rig.context.full.idle_count, 0);
}

Test(trim, rests_after_a_trim_until_another_megabyte_is_freed)
{
    for (unsigned i = 0; i < 3; i++) {
        wave_of(WAVE_COUNT);
        cr_assert(passes(QUIET_MS + 2 * WHEEL_TICK_MS), "wave %u", i);
        trim_watch(&trim);
        cr_expect_not(wheel_armed(&trim.timer), "what the trim itself freed is no wave");
        cr_expect_not(passes(4 * QUIET_MS));
        wave_of(WAVE_COUNT - 1);
        cr_expect_not(wheel_armed(&trim.timer), "wave %u", i);
        conn_storage_shrink(&rig.context); /* the next wave begins without spare storage */
        trim.trimmed_bytes = trim_freed(&trim);
    }
}

Test(trim, counts_what_the_table_of_connections_has_freed)
{
    conns.freed_bytes += TRIM_BYTES_MIN;
    trim_watch(&trim);
    cr_expect(wheel_armed(&trim.timer));
}
