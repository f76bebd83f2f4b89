/* wheel: timers with coarse ticks that are cheap to re-arm.
 *
 * Owns only its slots: a timer is embedded in its owner, which cancels it before it is freed. Time
 * is an argument, in milliseconds of the monotonic clock. Re-arming to a later deadline only stores
 * a number (lazy): the timer stays in its old slot and is moved when that slot comes up. A deadline
 * beyond the wheel's horizon waits in the last slot in the same way. A timer never fires early, and
 * fires less than WHEEL_TICK_MS late, not counting the caller's own delay. A time before the latest
 * known one counts as that one. One thread only. */
#ifndef SLUICE_WHEEL_H
#define SLUICE_WHEEL_H

#include "base/list.h"

enum {
    WHEEL_TICK_MS = 32,
    WHEEL_SLOTS = 512, /* horizon: 16 s */
};

struct wheel_timer {
    struct list node;          /* in no list: not armed */
    uint64_t slot : 12;        /* WHEEL_SLOTS: in no slot, but in `due` or `late` */
    uint64_t kind : 4;         /* of its owner; the wheel does not use it */
    uint64_t deadline_ms : 48; /* the latest value means never (8,900 years) */
};

struct wheel {
    struct list slots[WHEEL_SLOTS];      /* of timers */
    struct list due;                     /* from slots that came up, not checked yet */
    struct list late;                    /* armed for the past: for the next series */
    uint64_t occupied[WHEEL_SLOTS / 64]; /* a bit for each slot that holds timers */
    uint64_t now_ms;                     /* the latest time passed to wheel_expire */
    uint64_t tick;                       /* the slots of all earlier ticks are empty */
    uint64_t first;                      /* no slot of a tick before this one has timers */
    bool expiring;                       /* a series of wheel_expire calls is going on */
};

/* Makes a wheel without timers. It must not move in memory: its lists point into it. */
void wheel_init(struct wheel *wheel, uint64_t now_ms);

/* Makes TIMER an unarmed timer. KIND, less than 16, tells the caller which kind of timer fired. */
void wheel_timer_init(struct wheel_timer *timer, unsigned kind);

static inline bool wheel_armed(const struct wheel_timer *timer)
{
    return list_linked(&timer->node);
}

/* Sets TIMER, armed or not, to fire at DEADLINE_MS. A deadline at or before wheel->now_ms fires at
 * the next series of wheel_expire. UINT64_MAX, or any that does not fit 48 bits, means never. The
 * wheel *borrows* TIMER until it fires or is cancelled. */
void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, uint64_t deadline_ms);

/* Disarms TIMER. No effect if it is not armed. */
void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer);

/* Returns a timer whose deadline is at or before NOW_MS, disarmed. NULL: none is left, which ends
 * the series of calls. Call it until it returns NULL; a series that was interrupted continues with
 * the next call. Timers may be armed and cancelled between the calls; one that is armed for the
 * past waits for the next series, so every series ends. Constant time, amortised over the armings
 * and the horizons that pass. */
struct wheel_timer *wheel_expire(struct wheel *wheel, uint64_t now_ms);

/* The milliseconds from NOW_MS after which to call wheel_expire again; 0: at once; -1: no timer is
 * armed. May be too early (lazy timers), but never more than a tick too late. */
int wheel_wait_ms(struct wheel *wheel, uint64_t now_ms);

#endif
