/* conn_table: all connections of a worker, by slot and generation.
 *
 * Owns the connections. An event identifies one by slot and generation, so an event for a
 * connection that was closed earlier in the same batch is ignored, even if its slot is in use
 * again: no two connections have the same generation. A closed connection keeps its slot until
 * conn_table_bury, at the end of a batch, when no pointer to it is left.
 *
 * Connections are allocated in chunks, when needed, and a chunk is freed when it is empty: an idle
 * connection costs its own bytes, and a crowd that has gone costs nothing. */
#ifndef SLUICE_CONN_TABLE_H
#define SLUICE_CONN_TABLE_H

#include "conn/conn.h"

enum {
    CONN_TABLE_SLOTS_MAX = 1 << 24, /* a slot has 24 bits in an event */
    CONN_TABLE_CHUNK_SLOTS = 128,   /* per chunk: 20 KiB */
    CONN_TABLE_SPARE_CHUNKS = 2,    /* empty chunks kept for the next connections */
    CONN_TABLE_SAMPLE_SLOTS = 512,  /* a look at each: some microseconds */
};

struct conn_table_chunk {
    struct conn *conns;  /* the connections of its slots; NULL: not allocated */
    uint32_t used_count; /* slots whose connection has not been buried */
};

struct conn_table {
    struct conn_context *context; /* *borrowed* */
    struct conn_table_chunk *chunks;
    uint32_t slot_max;
    uint32_t first_absent; /* index of a chunk; all before it are allocated */
    uint32_t empty_count;  /* allocated chunks without connections */
    uint32_t open_count;
    uint32_t sampled;     /* the slot at which the last sample ended */
    uint64_t freed_bytes; /* of chunks, since the start */
    uint32_t generation;  /* of the latest connection */
    struct list free;     /* free slots, linked by `queue`, the last used first */
    struct list graveyard;
};

/* Makes a table for CONNECTIONS_MAX connections, at most CONN_TABLE_SLOTS_MAX. Returns 0 or
 * -ENOMEM. */
int conn_table_init(struct conn_table *conns, struct conn_context *context,
                    uint32_t connections_max);

/* Frees the table. All connections must have been closed and buried. */
void conn_table_fini(struct conn_table *conns);

/* Opens a new connection that owns FD. NULL, with FD untouched: the table is full, or out of
 * memory. */
struct conn *conn_table_open(struct conn_table *conns, int fd);

/* Closes CONN's descriptor and releases everything it holds. CONN stays readable, in state
 * CONN_CLOSED, until conn_table_bury or conn_table_open. */
void conn_table_close(struct conn_table *conns, struct conn *conn);

/* Frees the slots of closed connections. */
void conn_table_bury(struct conn_table *conns);

/* The open connection with this SLOT and GENERATION. NULL: none. */
struct conn *conn_table_find(const struct conn_table *conns, uint32_t slot, uint32_t generation);

/* The connection that has been idle for the longest time, between requests or before the first one,
 * among those of the next CONN_TABLE_SAMPLE_SLOTS slots. NULL: none of these is idle. */
struct conn *conn_table_find_idle(struct conn_table *conns);

/* Calls VISIT for every open connection; VISIT may close that connection. */
void conn_table_each(struct conn_table *conns, void (*visit)(void *argument, struct conn *conn),
                     void *argument);

/* --- Identities: an event carries opcode 8 | slot 24 | generation 32 -------------------------- */

static inline uint64_t conn_table_identity(unsigned opcode, uint32_t slot, uint32_t generation)
{
    return (uint64_t)opcode << 56 | (uint64_t)slot << 32 | generation;
}

static inline unsigned conn_table_opcode_of(uint64_t identity)
{
    return (unsigned)(identity >> 56);
}

static inline uint32_t conn_table_slot_of(uint64_t identity)
{
    return (uint32_t)(identity >> 32) & (CONN_TABLE_SLOTS_MAX - 1);
}

/* The open connection that IDENTITY names. NULL: none. */
static inline struct conn *conn_table_named(const struct conn_table *conns, uint64_t identity)
{
    return conn_table_find(conns, conn_table_slot_of(identity), (uint32_t)identity);
}

static inline bool conn_table_full(const struct conn_table *conns)
{
    return conns->open_count == conns->slot_max;
}

#endif
