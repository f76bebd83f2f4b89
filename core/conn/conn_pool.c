/* conn_pool: see conn_pool.h.
 *
 * No wake-up is lost, because all operations here are sequentially consistent: a member that waits
 * sets its flag before it tries to take a slot again; a thread that gives one back does so before
 * it reads the number of those that wait. One of the two sees what the other has written. */
#include "conn/conn_pool.h"

#include <errno.h>
#include <stdlib.h>

enum { NO_MEMBER = UINT16_MAX + 1 }; /* above the largest number of threads */

int conn_pool_init(struct conn_pool *pool, uint32_t slot_max, unsigned member_count)
{
    assert(slot_max > 0 && member_count > 0 && member_count < NO_MEMBER);
    *pool = (struct conn_pool){.member_count = member_count};
    atomic_init(&pool->slot_max, slot_max);
    pool->members = calloc(member_count, sizeof pool->members[0]);
    if (!pool->members)
        return -ENOMEM;
    for (unsigned i = 0; i < member_count; i++)
        atomic_init(&pool->members[i].asked, NO_MEMBER);
    return 0;
}

void conn_pool_fini(struct conn_pool *pool)
{
    free(pool->members);
    pool->members = NULL;
}

void conn_pool_attach(struct conn_pool *pool, unsigned index,
                      void (*call)(void *argument, enum conn_pool_call why), void *argument)
{
    pool->members[index].call = call;
    pool->members[index].argument = argument;
}

static void call(const struct conn_pool_member *member, enum conn_pool_call why)
{
    if (member->call)
        member->call(member->argument, why);
}

/* --- Slots ------------------------------------------------------------------------------------ */

bool conn_pool_take(struct conn_pool *pool)
{
    unsigned used = atomic_load(&pool->used_count);
    while (used < atomic_load(&pool->slot_max)) {
        if (atomic_compare_exchange_weak(&pool->used_count, &used, used + 1))
            return true;
    }
    return false;
}

/* Calls the next member that waits, after the one that was called last. */
static void wake_one(struct conn_pool *pool)
{
    for (unsigned i = 0; i < pool->member_count; i++) {
        unsigned index = (atomic_fetch_add(&pool->last_woken, 1) + 1) % pool->member_count;
        if (atomic_exchange(&pool->members[index].waits, false)) {
            atomic_fetch_sub(&pool->waiting_count, 1);
            call(&pool->members[index], CONN_POOL_ACCEPT);
            return;
        }
    }
}

void conn_pool_set_max(struct conn_pool *pool, uint32_t slot_max)
{
    atomic_store(&pool->slot_max, slot_max);
    for (unsigned i = 0; i < pool->member_count && atomic_load(&pool->waiting_count) > 0; i++)
        wake_one(pool);
}

uint32_t conn_pool_excess(const struct conn_pool *pool)
{
    const uint32_t slot_max = atomic_load(&pool->slot_max), used = atomic_load(&pool->used_count);
    return used > slot_max ? used - slot_max : 0;
}

void conn_pool_give(struct conn_pool *pool)
{
    unsigned before = atomic_fetch_sub(&pool->used_count, 1);
    assert(before > 0);
    (void)before;
    if (atomic_load(&pool->waiting_count) > 0)
        wake_one(pool);
}

uint32_t conn_pool_free_slots(const struct conn_pool *pool)
{
    const uint32_t slot_max = atomic_load_explicit(&pool->slot_max, memory_order_relaxed);
    const uint32_t used = atomic_load_explicit(&pool->used_count, memory_order_relaxed);
    return used < slot_max ? slot_max - used : 0;
}

/* --- Waiting ---------------------------------------------------------------------------------- */

void conn_pool_wait(struct conn_pool *pool, unsigned index)
{
    if (!atomic_exchange(&pool->members[index].waits, true))
        atomic_fetch_add(&pool->waiting_count, 1);
}

void conn_pool_stop_waiting(struct conn_pool *pool, unsigned index)
{
    if (atomic_exchange(&pool->members[index].waits, false))
        atomic_fetch_sub(&pool->waiting_count, 1);
}

/* --- Requests --------------------------------------------------------------------------------- */

/* Moves the request of member INDEX, which has come to member AT, to the next one; or ends it when
 * all others have had it. */
static void pass_on(struct conn_pool *pool, unsigned index, unsigned at)
{
    unsigned next = (at + 1) % pool->member_count;
    atomic_store(&pool->members[index].asked, next == index ? NO_MEMBER : next);
    if (next != index)
        call(&pool->members[next], CONN_POOL_MAKE_ROOM);
}

void conn_pool_ask(struct conn_pool *pool, unsigned index)
{
    if (atomic_load(&pool->members[index].asked) == NO_MEMBER)
        pass_on(pool, index, index);
}

void conn_pool_answer(struct conn_pool *pool, unsigned index, bool (*make_room)(void *argument),
                      void *argument)
{
    for (unsigned i = 0; i < pool->member_count; i++) {
        struct conn_pool_member *member = &pool->members[i];
        if (atomic_load(&member->asked) != index)
            continue;
        if (!atomic_load(&member->waits) || make_room(argument))
            atomic_store(&member->asked, NO_MEMBER);
        else
            pass_on(pool, i, index);
    }
}
