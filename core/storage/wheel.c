/* wheel: see wheel.h.
 *
 * Tick T is the time T * WHEEL_TICK_MS. A deadline belongs to the first tick at or after it. So a
 * slot that comes up holds only timers that are due, that were re-armed for later, or whose tick
 * was beyond the horizon when they were put there.
 *
 * Invariant: a timer in slot S waits for the one tick, of the WHEEL_SLOTS ticks from `tick` on,
 * that is S modulo WHEEL_SLOTS; and that tick is not after the tick of its deadline, unless both
 * have come up already. The timers of a slot that comes up move to `due`, where they are checked
 * one by one. */
#include "storage/wheel.h"

#include <limits.h>

enum {
    SLOT_NONE = WHEEL_SLOTS, /* in `due` or `late`: no slot, no bit in `occupied` */
};
static_assert(SLOT_NONE < 1 << 12, "a timer holds it in 12 bits");
static_assert(WHEEL_SLOTS % 64 == 0 && (WHEEL_SLOTS & (WHEEL_SLOTS - 1)) == 0,
              "slots fill whole words of the bitmap, and a mask finds a tick's slot");

/* The value of deadline_ms that means never. */
static const uint64_t never_held = ((uint64_t)1 << 48) - 1;

static struct wheel_timer *timer_of(struct list *node)
{
    return CONTAINER_OF(node, struct wheel_timer, node);
}

/* --- Slots ------------------------------------------------------------------------------------ */

/* The first tick at or after MS. */
static uint64_t tick_after(uint64_t ms)
{
    return ms / WHEEL_TICK_MS + (ms % WHEEL_TICK_MS != 0);
}

static uint32_t slot_of(uint64_t tick)
{
    return (uint32_t)(tick & (WHEEL_SLOTS - 1));
}

static void unlink_timer(struct wheel *wheel, struct wheel_timer *timer)
{
    bool alone = timer->node.next == timer->node.previous; /* both are the head of its list */
    list_unlink(&timer->node);
    if (alone && timer->slot != SLOT_NONE)
        wheel->occupied[timer->slot / 64] &= ~((uint64_t)1 << timer->slot % 64);
}

static uint64_t deadline_of(const struct wheel_timer *timer)
{
    return timer->deadline_ms == never_held ? UINT64_MAX : timer->deadline_ms;
}

/* Puts TIMER, which is in no list, into the list for its deadline. */
static void place(struct wheel *wheel, struct wheel_timer *timer)
{
    uint64_t deadline_ms = deadline_of(timer);
    if (deadline_ms <= wheel->now_ms) {
        timer->slot = SLOT_NONE;
        list_append(&wheel->late, &timer->node);
        return;
    }
    uint64_t tick = tick_after(deadline_ms);
    assert(tick >= wheel->tick); /* the deadline is after now_ms */
    if (tick - wheel->tick >= WHEEL_SLOTS)
        tick = wheel->tick + WHEEL_SLOTS - 1;
    wheel->first = u64_min(wheel->first, tick);
    uint32_t slot = slot_of(tick);
    timer->slot = slot & 4095;
    wheel->occupied[slot / 64] |= (uint64_t)1 << slot % 64;
    list_append(&wheel->slots[slot], &timer->node);
}

/* The tick that an occupied SLOT waits for. */
static uint64_t tick_of(const struct wheel *wheel, uint32_t slot)
{
    return wheel->tick + ((slot - wheel->tick) & (WHEEL_SLOTS - 1));
}

/* The first tick from wheel->tick on whose slot is occupied. False: all slots are empty. The wheel
 * keeps it: a busy loop asks in each turn, and may have no timer within the next seconds. */
static bool next_occupied(struct wheel *wheel, uint64_t *ret_tick)
{
    if (wheel->first < wheel->tick)
        wheel->first = wheel->tick;
    uint32_t first = slot_of(wheel->first);
    uint64_t bits = wheel->occupied[first / 64] & UINT64_MAX << first % 64;
    /* The first word is read twice: its lower bits are the last slots to come up. */
    for (uint32_t i = 0; i <= COUNT_OF(wheel->occupied); i++) {
        uint32_t word = (first / 64 + i) % COUNT_OF(wheel->occupied);
        if (i > 0)
            bits = wheel->occupied[word];
        if (bits != 0) {
            wheel->first = tick_of(wheel, word * 64 + (uint32_t)__builtin_ctzll(bits));
            *ret_tick = wheel->first;
            return true;
        }
    }
    return false;
}

/* Moves the timers of the next occupied slot that has come up to `due`. False: no such slot; all
 * ticks up to now are done. */
static bool advance(struct wheel *wheel)
{
    uint64_t last = wheel->now_ms / WHEEL_TICK_MS;
    if (last < wheel->tick)
        return false; /* the usual case: a tick lasts many turns of a busy loop */
    /* After a jump beyond the horizon every slot has come up, and each needs to be emptied only
     * once. */
    if (last >= wheel->tick + WHEEL_SLOTS)
        wheel->tick = last - (WHEEL_SLOTS - 1);
    uint64_t tick;
    if (!next_occupied(wheel, &tick) || tick > last) {
        wheel->tick = last + 1;
        return false;
    }
    wheel->tick = tick + 1; /* before any timer is put back, so that none goes to this slot */
    uint32_t slot = slot_of(tick);
    struct list *head = &wheel->slots[slot];
    for (struct list *node = head->next; node != head; node = node->next)
        timer_of(node)->slot = SLOT_NONE;
    wheel->occupied[slot / 64] &= ~((uint64_t)1 << slot % 64);
    list_splice(&wheel->due, head);
    return true;
}

/* --- The interface ---------------------------------------------------------------------------- */

void wheel_init(struct wheel *wheel, uint64_t now_ms)
{
    *wheel = (struct wheel){.now_ms = now_ms, .tick = now_ms / WHEEL_TICK_MS + 1};
    for (size_t i = 0; i < WHEEL_SLOTS; i++)
        list_init(&wheel->slots[i]);
    list_init(&wheel->due);
    list_init(&wheel->late);
}

void wheel_timer_init(struct wheel_timer *timer, unsigned kind)
{
    *timer = (struct wheel_timer){.slot = SLOT_NONE, .kind = kind & 15};
}

void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, uint64_t deadline_ms)
{
    timer->deadline_ms = u64_min(deadline_ms, never_held);
    if (wheel_armed(timer)) {
        bool in_time = timer->slot == SLOT_NONE
                           ? deadline_ms <= wheel->now_ms
                           : tick_of(wheel, (uint32_t)timer->slot) <= tick_after(deadline_ms);
        if (in_time) /* it will be checked in its present slot and moved then: the lazy part */
            return;
        unlink_timer(wheel, timer);
    }
    place(wheel, timer);
}

void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer)
{
    if (wheel_armed(timer))
        unlink_timer(wheel, timer);
}

struct wheel_timer *wheel_expire(struct wheel *wheel, uint64_t now_ms)
{
    if (wheel->now_ms < now_ms)
        wheel->now_ms = now_ms;
    if (!wheel->expiring) {
        wheel->expiring = true;
        list_splice(&wheel->due, &wheel->late);
    }
    do {
        while (!list_is_empty(&wheel->due)) {
            struct wheel_timer *timer = timer_of(wheel->due.next);
            unlink_timer(wheel, timer);
            if (deadline_of(timer) <= wheel->now_ms)
                return timer;
            place(wheel, timer);
        }
    } while (advance(wheel));
    wheel->expiring = false;
    return NULL;
}

int wheel_wait_ms(struct wheel *wheel, uint64_t now_ms)
{
    if (!list_is_empty(&wheel->due) || !list_is_empty(&wheel->late))
        return 0;
    uint64_t tick;
    if (!next_occupied(wheel, &tick))
        return -1;
    uint64_t ms = tick * WHEEL_TICK_MS;
    if (ms <= now_ms)
        return 0;
    return ms - now_ms < INT_MAX ? (int)(ms - now_ms) : INT_MAX;
}
