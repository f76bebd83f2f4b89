/* conn_table: finds connections by slot and generation. */
#include "conn/conn_table.h"
#include "support/conn_rig.h"

#include <errno.h>
#include <sys/eventfd.h>

enum { SLOTS = 4 };

static struct rig rig;
static struct conn_table conns;

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    cr_assert_eq(conn_table_init(&conns, &rig.context, SLOTS), 0);
}

static void tear_down(void)
{
    conn_table_fini(&conns);
    rig_fini(&rig);
}

TestSuite(conn_table, .init = set_up, .fini = tear_down, .timeout = 120);

static struct conn *open_one(void)
{
    int fd = eventfd(0, EFD_CLOEXEC); /* any descriptor */
    struct conn *conn = conn_table_open(&conns, fd);
    if (!conn)
        close(fd);
    return conn;
}

static void close_one(void *argument, struct conn *conn)
{
    unsigned *count = argument;
    ++*count;
    conn_table_close(&conns, conn);
}

Test(conn_table, ignores_an_event_for_a_closed_connection)
{
    struct conn *first = open_one();
    uint32_t slot = first->slot, generation = first->generation;
    cr_expect_eq(conn_table_find(&conns, slot, generation), first);
    cr_expect_null(conn_table_find(&conns, slot, generation + 1));
    cr_expect_null(conn_table_find(&conns, slot + 1, generation));
    cr_expect_null(conn_table_find(&conns, SLOTS, 0));
    cr_expect_null(conn_table_find(&conns, UINT32_MAX, 0));
    conn_table_close(&conns, first);
    cr_expect_null(conn_table_find(&conns, slot, generation));
    cr_expect_eq(first->state, CONN_CLOSED, "readable until it is buried");
    struct conn *second = open_one(); /* in the same batch */
    cr_expect_neq(second, first);
    conn_table_bury(&conns);
    cr_expect_eq(conn_table_find(&conns, second->slot, second->generation), second);
    struct conn *third = open_one();
    cr_expect_eq(third->slot, slot, "the slot is used again");
    cr_expect_null(conn_table_find(&conns, slot, generation), "by somebody else");
    cr_expect_eq(conn_table_find(&conns, slot, third->generation), third);
    conn_table_close(&conns, second);
    conn_table_close(&conns, third);
    conn_table_bury(&conns);
}

Test(conn_table, refuses_more_than_its_maximum)
{
    struct conn *all[SLOTS];
    for (unsigned i = 0; i < SLOTS; i++) {
        cr_expect(conn_table_room(&conns) > 0);
        cr_assert_not_null(all[i] = open_one());
        for (unsigned j = 0; j < i; j++)
            cr_expect_neq(all[i]->slot, all[j]->slot);
    }
    cr_expect_eq(conn_table_room(&conns), 0);
    cr_expect_null(open_one());
    conn_table_close(&conns, all[2]);
    cr_expect(conn_table_room(&conns) > 0);
    conn_table_bury(&conns);
    cr_assert_not_null(open_one());
    unsigned closed = 0;
    conn_table_each(&conns, close_one, &closed);
    cr_expect_eq(closed, SLOTS);
    cr_expect_eq(conns.open_count, 0);
    conn_table_bury(&conns);
    cr_expect_eq(counters_read(&rig.counters, COUNTER_CONNECTIONS_CLOSED), SLOTS + 1);
}

/* In one batch more connections may be closed and opened than there are slots: the closed ones must
 * not be a reason to refuse new ones. */
Test(conn_table, reuses_closed_slots_within_a_batch)
{
    unsigned refused = 0;
    for (unsigned i = 0; i < 10 * SLOTS; i++) {
        struct conn *conn = open_one();
        if (conn)
            conn_table_close(&conns, conn);
        else
            refused++;
    }
    cr_expect_eq(refused, 0);
    cr_expect_eq(conns.open_count, 0);
    conn_table_bury(&conns);
}

Test(conn_table, releases_everything_on_close)
{
    unsigned descriptors = tree_open_descriptors();
    struct conn *conn = open_one();
    struct str bytes = STR("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\nGET /");
    cr_assert(rig_give(&rig, conn, &bytes));
    cr_expect_gt(rig.context.full.lent_count, 0);
    conn_settle(&rig.context, conn);
    cr_expect(wheel_armed(&conn->timer));
    conn_table_close(&conns, conn);
    cr_expect_eq(rig.context.full.lent_count + rig.context.small.lent_count, 0);
    cr_expect_not(wheel_armed(&conn->timer));
    conn_table_bury(&conns);
    cr_expect_eq(tree_open_descriptors(), descriptors + 1, "the cache has the file");
    cr_expect_eq(counters_read(&rig.counters, COUNTER_RESPONSES_CUT), 1);
}

/* Random openings and closings, compared with a list of the open connections. */
Test(conn_table, never_confuses_two_connections)
{
    struct {
        struct conn *conn;
        uint32_t slot, generation;
    } seen[2000];
    unsigned count = 0, open_first = 0;
    struct prng prng = {5};
    while (count < COUNT_OF(seen)) {
        if (prng_below(&prng, 2) && conn_table_room(&conns) > 0) {
            struct conn *conn = open_one();
            if (conn) {
                seen[count].conn = conn;
                seen[count].slot = conn->slot;
                seen[count++].generation = conn->generation;
            }
        } else if (open_first < count) {
            conn_table_close(&conns, seen[open_first++].conn);
        }
        if (prng_below(&prng, 3) == 0)
            conn_table_bury(&conns);
        for (unsigned i = open_first > 20 ? open_first - 20 : 0; i < count; i++)
            cr_assert_eq(conn_table_find(&conns, seen[i].slot, seen[i].generation),
                         i < open_first ? NULL : seen[i].conn);
    }
    unsigned closed = 0;
    conn_table_each(&conns, close_one, &closed);
    cr_expect_eq(closed, count - open_first);
    conn_table_bury(&conns);
}

/* --- Crowds ----------------------------------------------------------------------------------- */

enum { CROWD = 3 * CONN_TABLE_CHUNK_SLOTS + 5 }; /* the last chunk has few slots */

struct guest {
    struct conn *conn; /* NULL: closed */
    uint32_t slot, generation;
};

static struct guest guests[CROWD];

static void make_room_for_crowd(void)
{
    conn_table_fini(&conns);
    cr_assert_eq(conn_table_init(&conns, &rig.context, CROWD), 0);
}

static struct guest welcome(void)
{
    struct conn *conn = conn_table_open(&conns, -1);
    cr_assert_not_null(conn);
    return (struct guest){conn, conn->slot, conn->generation};
}

/* CONN's bytes are its own: writing to them changes no other connection's identity. */
static void scribble(struct conn *conn)
{
    conn->session.h1.requests = conn->slot;
    conn->linger_end_ms = UINT64_MAX;
    conn->socket.readable = conn->socket.writable = true;
}

static void expect_identities(void)
{
    bool taken[CROWD] = {false};
    for (unsigned i = 0; i < CROWD; i++) {
        const struct guest *guest = &guests[i];
        cr_assert_lt(guest->slot, CROWD);
        cr_assert_eq(conn_table_find(&conns, guest->slot, guest->generation), guest->conn);
        if (!guest->conn)
            continue;
        cr_assert_not(taken[guest->slot], "two in one slot");
        taken[guest->slot] = true;
        cr_assert_eq(guest->conn->slot, guest->slot);
        cr_assert_eq(guest->conn->generation, guest->generation);
    }
}

static unsigned chunks_allocated(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i * CONN_TABLE_CHUNK_SLOTS < CROWD; i++)
        count += conns.chunks[i].conns != NULL;
    return count;
}

static void all_come(void)
{
    for (unsigned i = 0; i < CROWD; i++) {
        guests[i] = welcome();
        scribble(guests[i].conn);
    }
    cr_expect_eq(conn_table_room(&conns), 0);
    cr_expect_null(conn_table_open(&conns, -1));
}

static void goes(struct guest *guest)
{
    conn_table_close(&conns, guest->conn);
    guest->conn = NULL;
}

static void all_go(void)
{
    for (unsigned i = 0; i < CROWD; i++) {
        if (guests[i].conn)
            goes(&guests[i]);
    }
    conn_table_bury(&conns);
}

/* Opens and closes at random, mostly opening first and mostly closing later, compared with a
 * list. */
Test(conn_table, survives_a_crowd_in_any_order)
{
    struct prng prng = {7};
    make_room_for_crowd();
    all_come();
    for (unsigned i = 0; i < 20 * CROWD; i++) {
        struct guest *guest = &guests[prng_below(&prng, CROWD)];
        bool comes = prng_below(&prng, 8) < (i < 10 * CROWD ? 6 : 1);
        if (!guest->conn && comes) {
            *guest = welcome();
            scribble(guest->conn);
        } else if (guest->conn && !comes) {
            goes(guest);
        }
        if (prng_below(&prng, 10) == 0)
            conn_table_bury(&conns);
        if (i % 50 == 0)
            expect_identities();
    }
    unsigned present = 0, visited = 0;
    for (unsigned i = 0; i < CROWD; i++)
        present += guests[i].conn != NULL;
    cr_expect_eq(conns.open_count, present);
    conn_table_each(&conns, close_one, &visited);
    cr_expect_eq(visited, present);
    conn_table_bury(&conns);
    cr_expect_leq(chunks_allocated(), CONN_TABLE_SPARE_CHUNKS);
}

Test(conn_table, frees_the_memory_of_a_crowd)
{
    make_room_for_crowd();
    cr_expect_eq(chunks_allocated(), 0);
    for (unsigned round = 0; round < 3; round++) {
        all_come();
        cr_expect_eq(chunks_allocated(), 4);
        all_go();
        cr_expect_eq(chunks_allocated(), CONN_TABLE_SPARE_CHUNKS);
    }
}

Test(conn_table, ignores_an_event_for_a_freed_connection)
{
    struct guest before[CROWD];
    make_room_for_crowd();
    all_come();
    memcpy(before, guests, sizeof before);
    all_go();
    expect_identities(); /* no connection */
    all_come();          /* each slot has a new connection */
    expect_identities();
    for (unsigned i = 0; i < CROWD; i++)
        cr_expect_null(conn_table_find(&conns, before[i].slot, before[i].generation));
    all_go();
}

Test(conn_table, does_not_move_connections)
{
    make_room_for_crowd();
    all_come();
    struct guest last = guests[CROWD - 1];
    guests[CROWD - 1].conn = NULL;
    all_go();
    cr_expect_eq(conn_table_find(&conns, last.slot, last.generation), last.conn);
    cr_expect_eq(last.conn->session.h1.requests, last.slot);
    conn_table_close(&conns, last.conn);
    conn_table_bury(&conns);
}

/* Without memory for a chunk a new connection is refused, unless another has been closed. */
Test(conn_table, refuses_connections_without_memory)
{
    make_room_for_crowd();
    for (unsigned i = 0; i < CONN_TABLE_CHUNK_SLOTS; i++)
        guests[i] = welcome();
    faults_fail(FAULT_MEMORY, 0, FAULT_ALWAYS, ENOMEM);
    cr_expect_null(conn_table_open(&conns, -1));
    cr_expect_eq(conns.open_count, CONN_TABLE_CHUNK_SLOTS);
    goes(&guests[3]);
    guests[3] = welcome();
    cr_expect_null(conn_table_open(&conns, -1));
    faults_clear();
    guests[CONN_TABLE_CHUNK_SLOTS] = welcome();
    for (unsigned i = 0; i <= CONN_TABLE_CHUNK_SLOTS; i++)
        cr_expect_eq(conn_table_find(&conns, guests[i].slot, guests[i].generation), guests[i].conn);
    all_go();
}

Test(conn_table, cannot_be_made_without_memory)
{
    struct conn_table others;
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_eq(conn_table_init(&others, &rig.context, SLOTS), -ENOMEM);
    conn_table_fini(&others);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(open_one());
    cr_expect_eq(conns.open_count, 0);
    struct conn *conn = open_one();
    cr_assert_not_null(conn);
    conn_table_close(&conns, conn);
    conn_table_bury(&conns);
}
