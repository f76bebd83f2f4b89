/* kept_output: which stalled peers are closed when transports keep too much. The clock and what the
 * kernel says of a peer are the test's. */
#include "conn/kept_output.h"
#include "support/conn_rig.h"

enum { BOUND = 1000, PEERS = 4, TRANSPORT_FAKE = 1, LATE_MS = KEPT_PATIENCE_MS + 1 };

static struct rig rig;
static struct conn conns[PEERS];
static uint64_t stalled_ms[PEERS]; /* as the kernel says */

static uint64_t say_stalled_ms(const struct conn *conn)
{
    return stalled_ms[conn - conns];
}

static const struct transport fake = {.stalled_ms = say_stalled_ms};

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    rig.context.transports[TRANSPORT_FAKE] = &fake;
    rig.context.kept.bytes_max = BOUND;
    for (unsigned i = 0; i < PEERS; i++) {
        conn_init(&conns[i], -1);
        conns[i].transport_index = TRANSPORT_FAKE;
        stalled_ms[i] = UINT64_MAX;
    }
}

static void tear_down(void)
{
    for (unsigned i = 0; i < PEERS; i++)
        conn_fini(&rig.context, &conns[i]);
    rig_fini(&rig);
}

TestSuite(kept_output, .init = set_up, .fini = tear_down, .timeout = 60);

/* The transport of CONN keeps bytes, of which its socket takes none. */
static void stall(struct conn *conn)
{
    conn->socket.holds_output = true;
    conn->socket.writable = false;
    conn_settle(&rig.context, conn);
}

static struct conn *next(void)
{
    kept_output_expired(&rig.context);
    return kept_output_next(&rig.context);
}

Test(kept_output, closes_no_peer_within_its_bound)
{
    stall(&conns[0]);
    rig_pass_ms(&rig, LATE_MS);
    kept_output_add(&rig.context, BOUND);
    cr_expect_null(next());
    kept_output_add(&rig.context, 1);
    cr_expect_eq(next(), &conns[0]);
    kept_output_remove(&rig.context, 1);
    cr_expect_null(next());
}

Test(kept_output, closes_those_that_have_stalled_longest_first)
{
    kept_output_add(&rig.context, BOUND + 1);
    for (unsigned i = 0; i < PEERS; i++) {
        stall(&conns[i]);
        rig_pass_ms(&rig, 100);
    }
    cr_expect_null(next(), "without patience");
    rig_pass_ms(&rig, KEPT_PATIENCE_MS - 150);
    for (unsigned i = 0; i < PEERS - 1; i++) {
        cr_expect_eq(next(), &conns[i], "%u", i);
        conn_retire(&rig.context, &conns[i]);
    }
    cr_expect_null(next(), "the last has not stalled for so long");
    rig_pass_ms(&rig, 50);
    cr_expect_eq(next(), &conns[PEERS - 1]);
}

Test(kept_output, leaves_peers_that_take_bytes_slowly)
{
    kept_output_add(&rig.context, BOUND + 1);
    for (unsigned i = 0; i < PEERS; i++)
        stall(&conns[i]);
    rig_pass_ms(&rig, LATE_MS);
    stalled_ms[0] = stalled_ms[1] = KEPT_PATIENCE_MS - 1;
    cr_expect_eq(next(), &conns[2]);
    conn_retire(&rig.context, &conns[2]);
    cr_expect_eq(next(), &conns[3]);
    conn_retire(&rig.context, &conns[3]);
    cr_expect_null(next());
    stalled_ms[1] = KEPT_PATIENCE_MS;
    cr_expect_eq(next(), &conns[1]);
}

Test(kept_output, progress_makes_a_peer_the_youngest)
{
    kept_output_add(&rig.context, BOUND + 1);
    stall(&conns[0]);
    stall(&conns[1]);
    rig_pass_ms(&rig, LATE_MS);
    conn_progressed(&conns[0]);
    conn_settle(&rig.context, &conns[0]);
    cr_expect_eq(next(), &conns[1]);
    conn_retire(&rig.context, &conns[1]);
    cr_expect_null(next());
    conns[0].socket.holds_output = false;
    conn_settle(&rig.context, &conns[0]);
    cr_expect(list_is_empty(&rig.context.kept.stalled), "nothing is kept for it any more");
}

/* One with unsent answers in full storage is found by those that need storage. */
Test(kept_output, peers_with_full_storage_are_shed_for_that)
{
    struct str requests = STR("GET /tiny.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    conns[0].socket.writable = false;
    for (unsigned i = 0; i < 20; i++) {
        struct str bytes = requests;
        rig_give(&rig, &conns[0], &bytes);
    }
    stall(&conns[0]);
    cr_expect_eq(conn_to_shed(&rig.context, NULL), &conns[0]);
    cr_expect(list_is_empty(&rig.context.kept.stalled));
}

/* The timer goes on as long as more is kept. */
Test(kept_output, is_checked_while_more_is_kept)
{
    struct wheel_timer *timer = &rig.context.kept.timer;
    kept_output_add(&rig.context, BOUND);
    cr_expect(!wheel_armed(timer));
    kept_output_add(&rig.context, 1);
    for (unsigned i = 0; i < 3; i++) {
        rig_pass_ms(&rig, 2 * KEPT_CHECK_MS);
        cr_assert_eq(wheel_expire(&rig.context.wheel, rig.context.now.ms), timer, "%u", i);
        kept_output_expired(&rig.context);
    }
    kept_output_remove(&rig.context, 1);
    rig_pass_ms(&rig, 2 * KEPT_CHECK_MS);
    cr_assert_eq(wheel_expire(&rig.context.wheel, rig.context.now.ms), timer);
    kept_output_expired(&rig.context);
    cr_expect(!wheel_armed(timer));
}

/* A check has a bound, so that a turn of the loop has one. */
Test(kept_output, a_check_asks_the_kernel_about_few)
{
    kept_output_add(&rig.context, BOUND + 1);
    stall(&conns[0]);
    stalled_ms[0] = 0;
    rig_pass_ms(&rig, LATE_MS);
    cr_expect_null(next());
    cr_expect_eq(rig.context.kept.checkable, 0);
}
