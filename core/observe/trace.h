/* trace: the latest events of a worker's connections, for the analysis of crashes and stuck
 * peers.
 *
 * A ring of fixed-size records that its worker always writes. A record costs about twenty
 * instructions, so records are written for rare events only: a connection opens, closes, or enters
 * another phase. Requests that are answered within one turn leave no record. The records hold
 * numbers only; no request data gets into a dump.
 *
 * One writer per ring, the worker's thread. A dump reads the rings of running workers without
 * synchronisation, so a record that is being written may be torn. trace_dump_all is
 * async-signal-safe (signal-safety(7)); tools/gdb/sluice.py reads the rings of a process or
 * core. */
#ifndef SLUICE_TRACE_H
#define SLUICE_TRACE_H

#include "base/base.h"

enum {
    TRACE_RECORDS = 4096,     /* of a ring: 64 KiB; a power of two */
    TRACE_CRASH_RECORDS = 64, /* of each ring that are dumped on a crash */
};

enum trace_event {
    TRACE_OPEN,    /* accepted; value: the descriptor */
    TRACE_PHASE,   /* entered another phase; value: bytes of input that wait */
    TRACE_EXPIRED, /* the deadline of the phase has passed */
    TRACE_SHED,    /* closed because others need its storage */
    TRACE_RESET,   /* the socket has failed, or the peer has reset it */
    TRACE_CLOSE,   /* the descriptor is closed */
    TRACE_EVENTS,  /* not an event: their number */
};

struct trace_record {
    uint32_t slot; /* with GENERATION, the connection's identity (conn_table.h) */
    uint32_t generation;
    uint32_t time_ms; /* the low bits of the monotonic clock */
    uint16_t value;   /* see enum trace_event; the low bits */
    uint8_t event;    /* enum trace_event */
    uint8_t phase;    /* an index into the ring's phase_names */
};
static_assert(sizeof(struct trace_record) == 16, "tools/gdb/sluice.py and the size of a ring");

struct trace {
    uint64_t count; /* of records written since the start */
    uint32_t turn;  /* generation of the connection that had the latest turn */
    const char *const *phase_names;
    unsigned phase_count;
    int thread;         /* the writer's, gettid(2); 0: not running yet */
    struct trace *next; /* in the list of all rings */
    struct trace_record records[TRACE_RECORDS];
};

/* Prepares an empty ring; the records are not touched, so that memory from calloc stays unused
 * until they are written. PHASE_NAMES, PHASE_COUNT strings, is *borrowed* for the life of the
 * process. */
void trace_init(struct trace *trace, const char *const phase_names[], unsigned phase_count);

/* Adds TRACE to the rings that trace_dump_all finds, and removes it. Not thread-safe: the caller
 * creates and destroys all workers on one thread. */
void trace_publish(struct trace *trace);
void trace_withdraw(struct trace *trace);

/* Says that the calling thread is the writer of TRACE. */
void trace_enter(struct trace *trace);

/* Appends RECORD, over the oldest if the ring is full. */
static inline void trace_put(struct trace *trace, struct trace_record record)
{
    trace->records[trace->count++ % TRACE_RECORDS] = record;
}

/* Writes the latest RECORDS_MAX records of every published ring as text to FD, the latest last;
 * ages are relative to the latest of a ring. */
void trace_dump_all(int fd, unsigned records_max);

/* Installs handlers of SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT that dump all rings to
 * standard error; the process then ends by the signal, with a core file where the system writes
 * one. A signal that has a handler already (a sanitizer's) keeps it. */
void trace_catch_crashes(void);

#endif
