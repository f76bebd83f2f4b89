/* conns: who is meant by a slot and a generation. */
#include "conn_rig.h"
#include "conns.h"

#include <errno.h>
#include <sys/eventfd.h>

enum { SLOTS = 4 };

static struct rig rig;
static struct conns conns;

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    cr_assert_eq(conns_init(&conns, &rig.context, SLOTS), 0);
}

static void tear_down(void)
{
    conns_fini(&conns);
    rig_fini(&rig);
}

TestSuite(conns, .init = set_up, .fini = tear_down, .timeout = 120);

static struct conn *open_one(void)
{
    int fd = eventfd(0, EFD_CLOEXEC); /* any descriptor will do */
    struct conn *conn = conns_open(&conns, fd);
    if (!conn)
        close(fd);
    return conn;
}

static void close_one(void *argument, struct conn *conn)
{
    unsigned *count = argument;
    ++*count;
    conns_close(&conns, conn);
}

Test(conns, an_event_for_one_that_is_gone_finds_nobody)
{
    struct conn *first = open_one();
    uint32_t slot = first->slot, generation = first->generation;
    cr_expect_eq(conns_find(&conns, slot, generation), first);
    cr_expect_null(conns_find(&conns, slot, generation + 1));
    cr_expect_null(conns_find(&conns, slot + 1, generation));
    cr_expect_null(conns_find(&conns, SLOTS, 0));
    cr_expect_null(conns_find(&conns, UINT32_MAX, 0));
    conns_close(&conns, first);
    cr_expect_null(conns_find(&conns, slot, generation));
    cr_expect_eq(first->state, CONN_CLOSED, "readable until it is buried");
    struct conn *second = open_one(); /* in the same batch */
    cr_expect_neq(second, first);
    cr_expect_eq(second->slot, slot, "the slot is used again");
    cr_expect_null(conns_find(&conns, slot, generation), "by somebody else");
    cr_expect_eq(conns_find(&conns, slot, second->generation), second);
    conns_bury(&conns);
    cr_expect_eq(conns_find(&conns, slot, second->generation), second);
    conns_close(&conns, second);
    conns_bury(&conns);
}

Test(conns, there_are_no_more_than_may_be)
{
    struct conn *all[SLOTS];
    for (unsigned i = 0; i < SLOTS; i++) {
        cr_expect_not(conns_full(&conns));
        cr_assert_not_null(all[i] = open_one());
        for (unsigned j = 0; j < i; j++)
            cr_expect_neq(all[i]->slot, all[j]->slot);
    }
    cr_expect(conns_full(&conns));
    cr_expect_null(open_one());
    conns_close(&conns, all[2]);
    cr_expect_not(conns_full(&conns));
    conns_bury(&conns);
    cr_assert_not_null(open_one());
    unsigned closed = 0;
    conns_each(&conns, close_one, &closed);
    cr_expect_eq(closed, SLOTS);
    cr_expect_eq(conns.open_count, 0);
    conns_bury(&conns);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_CONNECTIONS_CLOSED), SLOTS + 1);
}

/* In one batch more may be closed and opened than there are slots: who was closed is no reason to
 * refuse who has just been accepted. */
Test(conns, a_batch_of_closing_and_opening_refuses_nobody)
{
    unsigned refused = 0;
    for (unsigned i = 0; i < 10 * SLOTS; i++) {
        struct conn *conn = open_one();
        if (conn)
            conns_close(&conns, conn);
        else
            refused++;
    }
    cr_expect_eq(refused, 0);
    cr_expect_eq(conns.open_count, 0);
    conns_bury(&conns);
}

Test(conns, closing_gives_everything_back)
{
    unsigned descriptors = tree_open_descriptors();
    struct conn *conn = open_one();
    struct str bytes = STR("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\nGET /");
    cr_assert(rig_give(&rig, conn, &bytes));
    cr_expect_gt(rig.context.full.lent_count, 0);
    conn_settle(&rig.context, conn);
    cr_expect(wheel_armed(&conn->timer));
    conns_close(&conns, conn);
    cr_expect_eq(rig.context.full.lent_count + rig.context.small.lent_count, 0);
    cr_expect_not(wheel_armed(&conn->timer));
    conns_bury(&conns);
    cr_expect_eq(tree_open_descriptors(), descriptors + 1, "the cache has the file");
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES_CUT), 1);
}

/* Random openings and closings against a list of who is there. */
Test(conns, nobody_is_ever_taken_for_another)
{
    struct {
        struct conn *conn;
        uint32_t slot, generation;
    } seen[2000];
    unsigned count = 0, open_first = 0;
    struct prng prng = {5};
    while (count < COUNT_OF(seen)) {
        if (prng_below(&prng, 2) && !conns_full(&conns)) {
            struct conn *conn = open_one();
            if (conn) {
                seen[count].conn = conn;
                seen[count].slot = conn->slot;
                seen[count++].generation = conn->generation;
            }
        } else if (open_first < count) {
            conns_close(&conns, seen[open_first++].conn);
        }
        if (prng_below(&prng, 3) == 0)
            conns_bury(&conns);
        for (unsigned i = open_first > 20 ? open_first - 20 : 0; i < count; i++)
            cr_assert_eq(conns_find(&conns, seen[i].slot, seen[i].generation),
                         i < open_first ? NULL : seen[i].conn);
    }
    unsigned closed = 0;
    conns_each(&conns, close_one, &closed);
    cr_expect_eq(closed, count - open_first);
    conns_bury(&conns);
}

Test(conns, memory_may_be_out)
{
    struct conns others;
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_eq(conns_init(&others, &rig.context, SLOTS), -ENOMEM);
    conns_fini(&others);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(open_one());
    cr_expect_eq(conns.open_count, 0);
    struct conn *conn = open_one();
    cr_assert_not_null(conn);
    conns_close(&conns, conn);
    conns_bury(&conns);
}
