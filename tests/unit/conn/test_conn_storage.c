/* conn: shortage of storage: which connection gets the last of it, which wait, which is shed. */
#include "conn/conn_storage.h"
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
    cr_expect_eq(ring_capacity(&conn.input), CONN_SMALL_BYTES);
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
    cr_expect_null(conn_to_shed(&rig.context, NULL), "its head is complete");
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
    cr_expect_null(conn_to_shed(&rig.context, NULL));
    conn_init(&small, -1);
    rig_give(&rig, &small, &few);
    conn_settle(&rig.context, &small);
    cr_expect_null(conn_to_shed(&rig.context, NULL), "small storage would not help");
    for (unsigned i = 0; i < 3; i++)
        begin_large_head(&conns[i]);
    rig_give(&rig, &conns[0], &more);
    conn_settle(&rig.context, &conns[0]);
    cr_expect_eq(conn_to_shed(&rig.context, NULL), &conns[0], "more of it makes it no younger");
    rig_exchange(&rig, &conns[0], STR("\r\n\r\n"), NULL);
    cr_expect_eq(conn_to_shed(&rig.context, NULL), &conns[1]);
    conn_fini(&rig.context, &conns[1]);
    cr_expect_eq(conn_to_shed(&rig.context, NULL), &conns[2]);
    conn_fini(&rig.context, &conns[2]);
    conn_fini(&rig.context, &conns[0]);
    conn_fini(&rig.context, &small);
    cr_expect_null(conn_to_shed(&rig.context, NULL));
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
    cr_expect_eq(conn_to_shed(&rig.context, NULL), &stalled[0]);
    begin_large_head(&partial);
    cr_expect_eq(conn_to_shed(&rig.context, NULL), &partial,
                 "who has been given nothing goes first");
    conn_fini(&rig.context, &partial);
    rig_take(&rig, &stalled[0], NULL, 10);
    conn_settle(&rig.context, &stalled[0]);
    cr_expect_eq(conn_to_shed(&rig.context, NULL), &stalled[1], "the other one has got on");
    conn_fini(&rig.context, &stalled[0]);
    conn_fini(&rig.context, &stalled[1]);
    cr_expect_null(conn_to_shed(&rig.context, NULL));
}

/* --- Long heads ------------------------------------------------------------------------------- */

enum { LARGE_COUNT = (1 << 20) / CONN_LARGE_BYTES };

/* Gives the first BYTES of a head, more than full storage holds. */
static void give_long_head(struct conn *one, size_t bytes)
{
    static char head[CONN_LARGE_BYTES];
    rig.context.h1.limits.head_bytes_max = CONN_LARGE_BYTES;
    memset(head, 'x', sizeof head);
    str_put(head, STR("GET /tiny.txt HTTP/1.0\r\nX: "));
    struct str rest = {head, bytes};
    while (rest.length > 0)
        cr_assert(rig_give(&rig, one, &rest));
    conn_settle(&rig.context, one);
}

static void begin_long_head(struct conn *one, size_t bytes)
{
    conn_init(one, -1);
    give_long_head(one, bytes);
}

Test(conn_storage, lends_large_storage_for_a_long_head_alone)
{
    begin_long_head(&conn, CONN_FULL_BYTES);
    cr_expect_eq(ring_capacity(&conn.input), CONN_FULL_BYTES);
    cr_expect_eq(rig.context.large.lent_count, 0);
    struct str more = STR("y");
    cr_assert(rig_give(&rig, &conn, &more));
    conn_settle(&rig.context, &conn);
    cr_expect_eq(ring_capacity(&conn.input), CONN_LARGE_BYTES);
    cr_expect_eq(rig.context.full.lent_count, 0);
    cr_expect_null(conn_to_shed(&rig.context, NULL), "full storage is what others need");
    struct pile output = {0};
    struct answer answer;
    rig_exchange(&rig, &conn, STR("\r\n\r\n"), &output);
    struct str stream = pile_view(&output);
    cr_assert(answer_next(&stream, false, &answer));
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(rig.context.large.lent_count, 0, "and it is given back");
    pile_clear(&output);
}

Test(conn_storage, keeps_requests_that_wait_out_of_large_storage)
{
    struct iovec pieces[2];
    static char requests[CONN_FULL_BYTES + 100];
    size_t bytes = 0;
    while (bytes < CONN_FULL_BYTES)
        bytes = (size_t)(str_put(requests + bytes, STR(GET("/tiny.txt"))) - requests);
    conn.socket.writable = false;
    rig.context.h1.limits.inflight_max = 1; /* the first one is answered, the others stay */
    struct str rest = {requests, CONN_FULL_BYTES + 40};
    while (rest.length > 0 && rig_give(&rig, &conn, &rest)) {
    }
    cr_expect_eq(conn_room(&rig.context, &conn, pieces), 0);
    cr_expect_eq(ring_capacity(&conn.input), CONN_FULL_BYTES);
    cr_expect_eq(rig.context.large.lent_count, 0);
}

Test(conn_storage, sheds_the_oldest_holder_of_large_storage_for_a_long_head)
{
    static struct conn conns[LARGE_COUNT];
    struct conn full, waiting;
    struct iovec pieces[2];
    begin_large_head(&full); /* the oldest, but its storage would not help */
    for (unsigned i = 0; i < LARGE_COUNT; i++)
        begin_long_head(&conns[i], 20000);
    begin_long_head(&waiting, CONN_FULL_BYTES);
    cr_assert_eq(conn_room(&rig.context, &waiting, pieces), 0, "large storage is out");
    cr_expect_eq(conn_to_shed(&rig.context, &waiting), &conns[0]);
    cr_expect_eq(conn_to_shed(&rig.context, NULL), &full, "for a connection that needs full one");
    conn_fini(&rig.context, &conns[0]);
    cr_expect_eq(conn_room(&rig.context, &waiting, pieces), 1);
    conn_fini(&rig.context, &waiting);
    conn_fini(&rig.context, &full);
    for (unsigned i = 1; i < LARGE_COUNT; i++)
        conn_fini(&rig.context, &conns[i]);
    cr_expect_null(conn_to_shed(&rig.context, NULL));
}

/* It sends a long head, but takes no output. */
Test(conn_storage, sheds_a_stalled_holder_of_large_storage)
{
    struct conn stalled, waiting;
    struct str first = STR(GET("/tiny.txt"));
    conn_init(&stalled, -1);
    stalled.socket.writable = false;
    rig_give(&rig, &stalled, &first);
    give_long_head(&stalled, 20000);
    cr_assert_eq(stalled.phase, CONN_PHASE_SEND);
    begin_long_head(&waiting, CONN_FULL_BYTES);
    cr_expect_eq(conn_to_shed(&rig.context, &waiting), &stalled);
    conn_fini(&rig.context, &stalled);
    cr_expect_null(conn_to_shed(&rig.context, &waiting));
    conn_fini(&rig.context, &waiting);
}

Test(conn_storage, moves_the_rest_after_a_long_head_to_less_storage)
{
    static const size_t rests[] = {10, 5000}; /* bytes of the next head */
    static const size_t storage[] = {CONN_SMALL_BYTES, CONN_FULL_BYTES};
    for (size_t i = 0; i < COUNT_OF(rests); i++) {
        char text[6000] = "\r\nConnection: keep-alive\r\n\r\nGET /";
        size_t begin = strlen(text) - strlen("GET /");
        memset(text + strlen(text), 'x', sizeof text - strlen(text));
        struct str more = {text, begin + rests[i]};
        begin_long_head(&conn, 20000);
        while (more.length > 0)
            cr_assert(rig_give(&rig, &conn, &more));
        rig_take(&rig, &conn, NULL, SIZE_MAX);
        conn_settle(&rig.context, &conn);
        cr_expect_eq(conn.phase, CONN_PHASE_HEAD);
        cr_expect_eq(ring_capacity(&conn.input), storage[i]);
        cr_expect_eq(rig.context.large.lent_count, 0);
        cr_expect_eq(conn_to_shed(&rig.context, NULL) == &conn, storage[i] == CONN_FULL_BYTES);
        conn_fini(&rig.context, &conn);
    }
    conn_init(&conn, -1);
}

Test(conn_storage, frees_large_storage_when_it_shrinks)
{
    begin_long_head(&conn, 20000);
    rig_exchange(&rig, &conn, STR("\r\n\r\n"), NULL);
    uint64_t freed = conn_storage_freed(&rig.context);
    cr_expect_gt(rig.context.large.idle_count, 0);
    conn_storage_shrink(&rig.context);
    cr_expect_eq(rig.context.large.idle_count, 0);
    cr_expect_geq(conn_storage_freed(&rig.context) - freed, CONN_LARGE_BYTES);
}
