/* wheel: timers with coarse ticks, cheap to re-arm.
 *
 * Owns no memory but its slots: a timer is embedded in its owner, which cancels it before it goes.
 * Time is an argument in monotonic milliseconds; the wheel reads no clock. Re-arming to a later
 * deadline stores a number and moves nothing (lazy): the timer stays in its old slot and is put
 * where it belongs when that slot comes up. A deadline beyond the wheel's horizon waits in the last
 * slot in the same way. A timer never fires early, and less than WHEEL_TICK_MS late plus the
 * caller's own delay. Time that goes backwards stands still. One thread only. */
#ifndef SLUICE_WHEEL_H
#define SLUICE_WHEEL_H

#include "base/base.h"

enum {
    WHEEL_TICK_MS = 32,
    WHEEL_SLOTS = 512, /* horizon: 16 s */
};

struct wheel_timer {
    struct wheel_timer *next; /* NULL: not armed */
    struct wheel_timer *previous;
    uint64_t slot : 16;        /* WHEEL_SLOTS: in none, but in `due` or `late` */
    uint64_t deadline_ms : 48; /* the latest that fits is never: the next is 8,900 years away */
};

struct wheel {
    struct wheel_timer slots[WHEEL_SLOTS]; /* heads of circular lists */
    struct wheel_timer due;                /* taken from slots that came up, not looked at yet */
    struct wheel_timer late;               /* armed when due already: for the next series */
    uint64_t occupied[WHEEL_SLOTS / 64];   /* a bit for each slot that holds timers */
    uint64_t now_ms;                       /* the latest time it was told */
    uint64_t tick;                         /* all slots of the ticks before it have been emptied */
    bool expiring;                         /* within a series of wheel_expire */
};

/* All timers unarmed. The wheel must stay where it is: its lists point into it. */
void wheel_init(struct wheel *wheel, uint64_t now_ms);

/* TIMER becomes an unarmed one. */
void wheel_timer_init(struct wheel_timer *timer);

static inline bool wheel_armed(const struct wheel_timer *timer)
{
    return timer->next != NULL;
}

/* Sets TIMER, armed or not, to fire at DEADLINE_MS; one at or before the latest time that the wheel
 * was told fires at the next series of wheel_expire. UINT64_MAX, as any that 48 bits don't hold, is
 * never. The wheel *borrows* TIMER until it fires or is cancelled. */
void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, uint64_t deadline_ms);

/* No effect on a timer that is not armed. */
void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer);

/* A timer whose deadline is at or before NOW_MS, now unarmed, or NULL when none is left, which ends
 * a series of calls. Call until NULL; a series that is broken off goes on with the next call. Any
 * timer may be armed and cancelled between the calls: one that has fired and is armed for the past
 * again waits for the next series, so a series ends. Constant time, amortised over the armings and
 * the horizons that pass. */
struct wheel_timer *wheel_expire(struct wheel *wheel, uint64_t now_ms);

/* Milliseconds from NOW_MS after which wheel_expire should be called again: 0 if at once, -1 if no
 * timer is armed. May be too soon (lazy timers), never too late by more than a tick. */
int wheel_wait_ms(const struct wheel *wheel, uint64_t now_ms);

#endif
