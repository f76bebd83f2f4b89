/* conn: shortage of storage: which connection gets the last of it, which wait, which is shed. */
#include "support/conn_rig.h"

static struct rig rig;
static struct conn conn;

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    conn_init(&conn, -1);
}

static void tear_down(void)
{
    conn_fini(&rig.context, &conn);
    rig_fini(&rig);
}

TestSuite(conn_storage, .init = set_up, .fini = tear_down, .timeout = 120);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* --- Waiting ---------------------------------------------------------------------------------- */

enum { FULL_COUNT = 1 << 20 >> 14, SMALL_COUNT = 1 << 20 >> 10 };

static void *full_taken[FULL_COUNT], *small_taken[SMALL_COUNT];

/* Takes all storage of SLAB except LEFT pieces. Returns the number; give_all returns them. */
static unsigned take_all(struct slab *slab, void **taken, unsigned left)
{
    unsigned count = 0;
    while (slab->lent_count + left < slab->objects_max)
        cr_assert_not_null(taken[count++] = slab_take(slab));
    return count;
}

static void give_all(struct slab *slab, void **taken, unsigned count)
{
    while (count > 0)
        slab_give(slab, taken[--count]);
}

/* Input never takes the last full piece, so that there is always one for a response. */
Test(conn_storage, keeps_the_last_full_storage_for_output)
{
    unsigned full = take_all(&rig.context.full, full_taken, 1);
    struct str bytes = STR(GET("/tiny.txt"));
    cr_assert(rig_give(&rig, &conn, &bytes));
    cr_expect_eq(conn.input.capacity, CONN_SMALL_BYTES);
    cr_expect_eq(outq_storage_bytes(&conn.output), CONN_FULL_BYTES);
    rig_exchange(&rig, &conn, STR(""), NULL);
    give_all(&rig.context.full, full_taken, full);
}

Test(conn_storage, uses_small_storage_when_full_is_out)
{
    struct pile output = {0};
    unsigned full = take_all(&rig.context.full, full_taken, 0);
    rig_exchange(&rig, &conn, STR(GET("/tiny.txt")), &output);
    struct str stream = pile_view(&output);
    struct answer answer;
    cr_assert(answer_next(&stream, false, &answer));
    cr_expect_eq(answer.status, 200);
    pile_clear(&output);
    give_all(&rig.context.full, full_taken, full);
}

Test(conn_storage, lets_a_response_wait_for_storage)
{
    struct iovec pieces[2];
    unsigned full = take_all(&rig.context.full, full_taken, 0);
    unsigned small = take_all(&rig.context.small, small_taken, 0);
    cr_expect_eq(conn_room(&rig.context, &conn, pieces), 0);
    slab_give(&rig.context.small, small_taken[--small]);
    struct str bytes = STR(GET("/tiny.txt"));
    cr_assert(rig_give(&rig, &conn, &bytes)); /* this takes it for input: none is left for output */
    cr_expect_eq(outq_unsent(&conn.output), 0);
    cr_expect_eq(rig.context.waiting_for_storage.next, &conn.queue, "it waits among the starved");
    cr_expect_not(conn_wants_input(&conn));
    cr_expect_eq(conn_verdict(&rig.context, &conn), CONN_GOES_ON);
    conn_settle(&rig.context, &conn);
    cr_expect_eq(conn.phase, CONN_PHASE_STORAGE);
    cr_expect_null(conn_to_shed(&rig.context), "its head is complete");
    slab_give(&rig.context.small, small_taken[--small]);
    list_remove(&conn.queue);
    conn_work(&rig.context, &conn);
    cr_expect_gt(outq_unsent(&conn.output), 0);
    rig_exchange(&rig, &conn, STR(""), NULL);
    cr_expect_eq(conn.phase, CONN_PHASE_IDLE);
    give_all(&rig.context.small, small_taken, small);
    give_all(&rig.context.full, full_taken, full);
}

Test(conn_storage, going_while_starved_leaves_nothing)
{
    unsigned full = take_all(&rig.context.full, full_taken, 0);
    unsigned small = take_all(&rig.context.small, small_taken, 1);
    struct str bytes = STR(GET("/tiny.txt"));
    cr_assert(rig_give(&rig, &conn, &bytes));
    cr_expect_not(list_is_empty(&rig.context.waiting_for_storage));
    rig.context.returned = false;
    conn_fini(&rig.context, &conn);
    cr_expect(list_is_empty(&rig.context.waiting_for_storage));
    cr_expect(rig.context.returned, "who waits is told");
    conn_init(&conn, -1);
    give_all(&rig.context.small, small_taken, small);
    give_all(&rig.context.full, full_taken, full);
}

Test(conn_storage, closes_a_head_that_expires_without_storage)
{
    struct str bytes = STR("GET /tiny");
    cr_assert(rig_give(&rig, &conn, &bytes));
    conn_settle(&rig.context, &conn);
    unsigned full = take_all(&rig.context.full, full_taken, 0);
    unsigned small = take_all(&rig.context.small, small_taken, 0);
    rig_pass_ms(&rig, RIG_HEADER_MS + WHEEL_TICK_MS);
    cr_assert_eq(wheel_expire(&rig.context.wheel, rig.context.now.ms), &conn.timer);
    cr_expect_eq(conn_expired(&rig.context, &conn), CONN_CLOSES);
    give_all(&rig.context.small, small_taken, small);
    give_all(&rig.context.full, full_taken, full);
}

/* --- Shedding --------------------------------------------------------------------------------- */

/* Begins a head that is too long for small storage. */
static void begin_large_head(struct conn *one)
{
    char head[2000] = "GET /tiny.txt HTTP/1.0\r\nX: ";
    memset(head + strlen(head), 'x', sizeof head - strlen(head));
    struct str bytes = {head, sizeof head};
    conn_init(one, -1);
    rig_give(&rig, one, &bytes);
    conn_settle(&rig.context, one);
}

Test(conn_storage, sheds_the_oldest_incomplete_head_in_full_storage_first)
{
    struct conn conns[3], small;
    struct str more = STR("more");
    struct str few = STR("GET /");
    cr_expect_null(conn_to_shed(&rig.context));
    conn_init(&small, -1);
    rig_give(&rig, &small, &few);
    conn_settle(&rig.context, &small);
    cr_expect_null(conn_to_shed(&rig.context), "small storage would not help");
    for (unsigned i = 0; i < 3; i++)
        begin_large_head(&conns[i]);
    rig_give(&rig, &conns[0], &more);
    conn_settle(&rig.context, &conns[0]);
    cr_expect_eq(conn_to_shed(&rig.context), &conns[0], "more of it makes it no younger");
    rig_exchange(&rig, &conns[0], STR("\r\n\r\n"), NULL);
    cr_expect_eq(conn_to_shed(&rig.context), &conns[1]);
    conn_fini(&rig.context, &conns[1]);
    cr_expect_eq(conn_to_shed(&rig.context), &conns[2]);
    conn_fini(&rig.context, &conns[2]);
    conn_fini(&rig.context, &conns[0]);
    conn_fini(&rig.context, &small);
    cr_expect_null(conn_to_shed(&rig.context));
}

/* A client that reads nothing, with more output than small storage can hold. */
static void stall(struct conn *one)
{
    conn_init(one, -1);
    one->socket.writable = false;
    for (unsigned i = 0; i < 20; i++) {
        struct str bytes = STR(GET("/tiny.txt"));
        rig_give(&rig, one, &bytes);
    }
    conn_settle(&rig.context, one);
}

Test(conn_storage, then_sheds_the_client_that_has_read_nothing_for_longest)
{
    struct conn stalled[2], partial;
    stall(&stalled[0]);
    stall(&stalled[1]);
    cr_expect_eq(conn_to_shed(&rig.context), &stalled[0]);
    begin_large_head(&partial);
    cr_expect_eq(conn_to_shed(&rig.context), &partial, "who has been given nothing goes first");
    conn_fini(&rig.context, &partial);
    rig_take(&rig, &stalled[0], NULL, 10);
    conn_settle(&rig.context, &stalled[0]);
    cr_expect_eq(conn_to_shed(&rig.context), &stalled[1], "the other one has got on");
    conn_fini(&rig.context, &stalled[0]);
    conn_fini(&rig.context, &stalled[1]);
    cr_expect_null(conn_to_shed(&rig.context));
}
