/* loop_timers: what a loop does when its timers fire: ends connections whose time is over, checks
 * those that may be too slow or hold pages of a changed file, and calls its parts.
 *
 * A part of loop, which alone calls it. Owns nothing: a timer is in the struct that it is for
 * (enum conn_timer), and the wheel in the context. */
#ifndef SLUICE_LOOP_TIMERS_H
#define SLUICE_LOOP_TIMERS_H

#include "loop/loop.h"

/* Handles timers that have expired, a bounded number; those that are left come in the next turn,
 * for which the wheel does not let the loop wait. */
void loop_timers_expire(struct loop *loop);

#endif
