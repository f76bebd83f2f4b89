/* trim: returns memory to the kernel when a wave of connections has passed.
 *
 * The allocator keeps what connections have freed, 76 MB after a wave of half heads. This counts
 * what their storage and their table have freed; when that is a megabyte, and nothing more has been
 * freed for a second, it frees spare storage, too, and trims the heap. Outside waves nothing is
 * freed, so nothing happens. Belongs to a loop; one thread only. */
#ifndef SLUICE_TRIM_H
#define SLUICE_TRIM_H

#include "conn/conn_storage.h"
#include "conn/conn_table.h"

enum { TRIM_BYTES_MIN = 1 << 20 };

struct trim {
    struct conn_context *context;   /* *borrowed* */
    const struct conn_table *conns; /* *borrowed* */
    struct wheel_timer timer;       /* CONN_TIMER_TRIM; armed: a wave is passing */
    uint64_t seen_bytes;            /* freed when the timer was armed */
    uint64_t trimmed_bytes;         /* freed before the last trim */
};

void trim_init(struct trim *trim, struct conn_context *context, const struct conn_table *conns);
void trim_fini(struct trim *trim);

/* The timer has fired: trims, or waits again if the wave has not passed. */
void trim_expired(struct trim *trim);

/* Begins to wait for the end of the wave. */
void trim_begin(struct trim *trim);

/* The bytes that connections have freed since the start. */
static inline uint64_t trim_freed(const struct trim *trim)
{
    return conn_storage_freed(trim->context) + trim->conns->freed_bytes;
}

/* At the end of each turn of the loop. */
static inline void trim_watch(struct trim *trim)
{
    if (trim_freed(trim) - trim->trimmed_bytes >= TRIM_BYTES_MIN && !wheel_armed(&trim->timer))
        trim_begin(trim);
}

#endif
