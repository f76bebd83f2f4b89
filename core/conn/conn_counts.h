/* conn_counts: what is counted of connections: how many are in each phase, and how long answers
 * take.
 *
 * The time of an answer begins in the turn of the loop in which the whole head of its request is
 * there, and not before the end of the answer before it. It ends when the socket has taken the last
 * byte.
 *
 * An answer that waits (for a look-up, a disk, storage, its peer) is timed by the clock of the
 * turns, in milliseconds. Most answers are sent in the turn that reads their request. A reading of
 * the clock for each of these would be the most expensive part of counting, so when they are many,
 * only some are timed: the answers since the last one count as long as the next that is timed. A
 * server with little to do times each. */
#ifndef SLUICE_CONN_COUNTS_H
#define SLUICE_CONN_COUNTS_H

#include "base/base.h"

struct conn;
struct conn_context;

enum { CONN_TIMING_INTERVAL_MAX = 127 }; /* sends of answers from one that is timed to the next */

/* A part of the context. */
struct conn_timing {
    uint32_t left;              /* sends of answers until one is timed */
    uint32_t interval;          /* between two of them */
    uint64_t timed_ms;          /* when one was last timed */
    uint64_t counted;           /* answers that are in the histogram */
    uint64_t (*clock_us)(void); /* monotonic; NULL: the time of the turn */
};

void conn_timing_init(struct conn_timing *timing);

/* Whether the answers that have been sent now are to be timed. */
static inline bool conn_timing_is_due(struct conn_timing *timing)
{
    return --timing->left == 0;
}

/* Times COUNT answers of CONN, whose last bytes have been sent together, and which are counted as
 * responses. */
void conn_counts_answers(struct conn_context *context, struct conn *conn, unsigned count);

/* CONN has entered another phase than BEFORE, an enum conn_phase. */
void conn_counts_entered(const struct conn_context *context, struct conn *conn, unsigned before);

/* CONN, which is counted in its phase, ends. */
void conn_counts_ended(const struct conn_context *context, const struct conn *conn);

#endif
