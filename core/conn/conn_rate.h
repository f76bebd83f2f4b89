/* conn_rate: the least rate at which a peer takes a response or sends a request's content, for
 * --min-rate.
 *
 * A part of conn. Owns a sample for each slot: the bytes and the time at which a window begins. The
 * loop checks the connections in CONN_PHASE_SEND and CONN_PHASE_BODY, and those with a finished
 * answer that its peer was late to take, from time to time, and only while there are any, so a
 * request that is answered at once costs nothing.
 *
 * Time counts only while the peer owes something. Of a response that is the time in which the
 * kernel has output that the peer has not acknowledged (tcp_progress.h), so a wait for a disk, for
 * storage or for another connection's turn does not count. Of content it is the time in
 * CONN_PHASE_BODY. A peer that moves nothing at all is the idle timeout's affair: a paused video is
 * not cut earlier than before. */
#ifndef SLUICE_CONN_RATE_H
#define SLUICE_CONN_RATE_H

#include "conn/conn.h"

enum {
    CONN_RATE_WINDOW_MS = 30 * 1000, /* over which a rate is averaged, at least */
    CONN_RATE_CHECK_MS = 5 * 1000,   /* between two checks of a connection */
    CONN_RATE_PARTS = 5,             /* of the table: one is checked at a time */
};

/* Where a window begins. */
struct conn_rate_sample {
    uint64_t bytes; /* since the connection began, in the direction of the phase */
    uint64_t ms;
    uint64_t seen_bytes; /* at the last check */
    bool receives;       /* content, not a response */
    bool low;            /* the last check found the rate too low */
};

struct conn_rates {
    uint32_t bytes_per_second;
    uint32_t window_ms;
    uint32_t check_ms;
    unsigned part;            /* of the table, that the next check is for */
    bool found;               /* one that is checked, in this round or the one before */
    struct wheel_timer timer; /* armed while there may be connections to check */
    struct conn_rate_sample *samples;
};

/* Prepares RATES for SLOT_MAX connections. Returns 0 or -ENOMEM. *Gives*: conn_rates_fini, also
 * after a failure. */
int conn_rates_init(struct conn_rates *rates, uint32_t slot_max, uint32_t bytes_per_second);
void conn_rates_fini(struct conn_rates *rates, struct wheel *wheel);

/* CONN has entered its phase: it is checked from now on, if that is one to check. */
void conn_rates_entered(struct conn_context *context, struct conn *conn);

/* Whether CONN's peer is too slow, see conn_rate_judge. Call it every check_ms. */
bool conn_rates_is_low(struct conn_context *context, struct conn *conn);

/* The timer has fired, and RATES->part of the table's CONN_RATE_PARTS has been checked. */
void conn_rates_checked(struct conn_context *context);

/* Whether a peer that has moved BYTES in MS has been too slow since *SAMPLE, at this check and at
 * one before. Not if it has moved nothing since the last check. Begins a new window if it has
 * been quick enough. */
bool conn_rate_judge(const struct conn_rates *rates, struct conn_rate_sample *sample,
                     uint64_t bytes, uint64_t ms);

#endif
