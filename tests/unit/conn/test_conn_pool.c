/* conn_pool: slots that workers share; who is called when one is wanted or free. */
#include "conn/conn_pool.h"
#include "support/faults.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>

enum { MEMBERS = 3, SLOTS = 4 };

static struct conn_pool pool;
static unsigned room_calls[MEMBERS], accept_calls[MEMBERS];
static unsigned indices[MEMBERS] = {0, 1, 2};

static void called(void *argument, enum conn_pool_call why)
{
    unsigned index = *(unsigned *)argument;
    (why == CONN_POOL_MAKE_ROOM ? room_calls : accept_calls)[index]++;
}

static void set_up(void)
{
    cr_assert_eq(conn_pool_init(&pool, SLOTS, MEMBERS), 0);
    for (unsigned i = 0; i < MEMBERS; i++)
        conn_pool_attach(&pool, i, called, &indices[i]);
    for (unsigned i = 0; i < SLOTS; i++)
        cr_assert(conn_pool_take(&pool));
}

static void tear_down(void)
{
    conn_pool_fini(&pool);
}

TestSuite(conn_pool, .init = set_up, .fini = tear_down, .timeout = 120);

static bool has_room(void *argument)
{
    bool *room = argument;
    return *room;
}

static void answer(unsigned index, bool room)
{
    conn_pool_answer(&pool, index, has_room, &room);
}

Test(conn_pool, gives_no_more_slots_than_it_has)
{
    cr_expect_not(conn_pool_take(&pool));
    cr_expect_eq(conn_pool_free_slots(&pool), 0);
    conn_pool_give(&pool);
    cr_expect_eq(conn_pool_free_slots(&pool), 1);
    cr_expect(conn_pool_take(&pool));
    cr_expect_not(conn_pool_take(&pool));
}

Test(conn_pool, has_fewer_or_more_slots_from_now_on)
{
    conn_pool_set_max(&pool, SLOTS - 2);
    cr_expect_eq(conn_pool_excess(&pool), 2);
    cr_expect_eq(conn_pool_free_slots(&pool), 0, "not less");
    conn_pool_give(&pool);
    conn_pool_give(&pool);
    cr_expect_not(conn_pool_take(&pool), "as many are in use as there are");
    conn_pool_wait(&pool, 1);
    conn_pool_set_max(&pool, SLOTS);
    cr_expect_eq(accept_calls[1], 1, "one that waits hears of it");
    cr_expect_eq(conn_pool_excess(&pool), 0);
    cr_expect_eq(conn_pool_free_slots(&pool), 2);
    cr_expect(conn_pool_take(&pool));
}

Test(conn_pool, calls_one_waiting_member_for_each_slot_in_turn)
{
    conn_pool_give(&pool);
    cr_expect_eq(accept_calls[0] + accept_calls[1] + accept_calls[2], 0, "none waits");
    conn_pool_wait(&pool, 0);
    conn_pool_wait(&pool, 0); /* a second time has no effect */
    conn_pool_wait(&pool, 2);
    conn_pool_give(&pool);
    cr_expect_eq(accept_calls[0] + accept_calls[2], 1);
    conn_pool_give(&pool);
    cr_expect(accept_calls[0] == 1 && accept_calls[1] == 0 && accept_calls[2] == 1);
    conn_pool_give(&pool);
    cr_expect_eq(accept_calls[0] + accept_calls[2], 2, "they wait no more");
}

Test(conn_pool, does_not_call_a_member_that_has_stopped_waiting)
{
    conn_pool_wait(&pool, 1);
    conn_pool_stop_waiting(&pool, 1);
    conn_pool_stop_waiting(&pool, 1);
    conn_pool_give(&pool);
    cr_expect_eq(accept_calls[1], 0);
    conn_pool_wait(&pool, 0);
    conn_pool_give(&pool);
    cr_expect_eq(accept_calls[0], 1, "the number of those that wait is right");
}

Test(conn_pool, asks_one_member_after_another_until_one_has_room)
{
    conn_pool_wait(&pool, 1);
    conn_pool_ask(&pool, 1);
    cr_expect(room_calls[2] == 1 && room_calls[0] == 0 && room_calls[1] == 0);
    conn_pool_ask(&pool, 1);
    cr_expect_eq(room_calls[2], 1, "the request is under way");
    answer(0, true);
    cr_expect_eq(room_calls[0], 0, "it has not come to this one");
    answer(2, false);
    cr_expect_eq(room_calls[0], 1);
    answer(0, true);
    answer(0, true);
    cr_expect_eq(room_calls[1], 0);
    conn_pool_ask(&pool, 1);
    cr_expect_eq(room_calls[2], 2, "the last request is over");
}

Test(conn_pool, ends_a_request_when_all_others_have_no_room)
{
    conn_pool_wait(&pool, 0);
    conn_pool_ask(&pool, 0);
    answer(1, false);
    answer(2, false);
    cr_expect(room_calls[0] == 0 && room_calls[1] == 1 && room_calls[2] == 1);
    conn_pool_ask(&pool, 0);
    cr_expect_eq(room_calls[1], 2);
}

static bool closes(void *argument)
{
    ++*(unsigned *)argument;
    return true;
}

Test(conn_pool, closes_nothing_for_a_member_that_waits_no_more)
{
    unsigned closed = 0;
    conn_pool_wait(&pool, 0);
    conn_pool_ask(&pool, 0);
    conn_pool_give(&pool);
    conn_pool_answer(&pool, 1, closes, &closed);
    cr_expect_eq(closed, 0);
    conn_pool_wait(&pool, 0);
    conn_pool_ask(&pool, 0);
    conn_pool_answer(&pool, 1, closes, &closed);
    cr_expect_eq(closed, 1);
}

Test(conn_pool, a_single_member_has_nobody_to_ask)
{
    struct conn_pool alone;
    cr_assert_eq(conn_pool_init(&alone, 1, 1), 0);
    conn_pool_attach(&alone, 0, called, &indices[0]);
    conn_pool_wait(&alone, 0);
    conn_pool_ask(&alone, 0);
    cr_expect_eq(room_calls[0], 0);
    conn_pool_fini(&alone);
}

Test(conn_pool, cannot_be_made_without_memory)
{
    struct conn_pool other;
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_eq(conn_pool_init(&other, SLOTS, MEMBERS), -ENOMEM);
    conn_pool_fini(&other);
}

static void *take_and_give(void *argument)
{
    unsigned *most = argument;
    for (unsigned i = 0; i < 50000; i++) {
        if (!conn_pool_take(&pool))
            continue;
        unsigned used = atomic_load(&pool.used_count);
        *most = used > *most ? used : *most;
        conn_pool_give(&pool);
    }
    return NULL;
}

Test(conn_pool, threads_never_take_more_than_there_are)
{
    pthread_t threads[MEMBERS];
    unsigned most[MEMBERS] = {0};
    conn_pool_give(&pool); /* one slot for three threads */
    for (unsigned i = 0; i < MEMBERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, take_and_give, &most[i]), 0);
    for (unsigned i = 0; i < MEMBERS; i++) {
        pthread_join(threads[i], NULL);
        cr_expect_leq(most[i], SLOTS);
    }
    cr_expect_eq(conn_pool_free_slots(&pool), 1);
}
