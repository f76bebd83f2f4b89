/* conn_table: all connections of a worker, by slot and generation.
 *
 * Owns the connections. An event names one by slot and generation, so that an event for a
 * connection that died earlier in the same batch finds nobody, even if the slot has a new owner: no
 * two connections have the same generation. A closed connection keeps its slot until
 * conn_table_bury, at the end of a batch, when nobody points to it any more.
 *
 * Connections lie side by side in chunks, which are allocated when they are needed and freed
 * when nobody is in them: an idle connection costs its own bytes, and a crowd that has gone
 * none. */
#ifndef SLUICE_CONN_TABLE_H
#define SLUICE_CONN_TABLE_H

#include "conn/conn.h"

enum {
    CONN_TABLE_SLOTS_MAX = 1 << 24, /* a slot has 24 bits in an event */
    CONN_TABLE_CHUNK_SLOTS = 128,   /* in a chunk: 20 KiB */
    CONN_TABLE_SPARE_CHUNKS = 2,    /* in which nobody is, kept for the next */
};

struct conn_table_chunk {
    struct conn *conns;  /* those of CONN_TABLE_CHUNK_SLOTS slots; NULL: nobody is there */
    uint32_t used_count; /* slots whose owner has not been buried */
};

struct conn_table {
    struct conn_context *context; /* *borrowed* */
    struct conn_table_chunk *chunks;
    uint32_t slot_max;
    uint32_t first_absent; /* chunk: all before it are allocated */
    uint32_t empty_count;  /* allocated chunks in which nobody is */
    uint32_t open_count;
    uint32_t generation; /* of the latest connection */
    struct list free; /* slots of allocated chunks, by `queue`, the one that was used last first */
    struct list graveyard;
};

/* Room for CONNECTIONS_MAX (at most CONN_TABLE_SLOTS_MAX). Returns 0 or -ENOMEM. */
int conn_table_init(struct conn_table *conns, struct conn_context *context,
                    uint32_t connections_max);

/* All connections have been closed and buried. */
void conn_table_fini(struct conn_table *conns);

/* A fresh connection that owns FD. NULL, with FD untouched, when there are too many or memory is
 * out. */
struct conn *conn_table_open(struct conn_table *conns, int fd);

/* Closes the descriptor and gives back all that CONN holds; it stays readable, in state
 * CONN_CLOSED, until conn_table_bury or conn_table_open. */
void conn_table_close(struct conn_table *conns, struct conn *conn);

/* Frees the closed. */
void conn_table_bury(struct conn_table *conns);

/* The open connection with that identity, or NULL. */
struct conn *conn_table_find(const struct conn_table *conns, uint32_t slot, uint32_t generation);

/* Calls VISIT for every open connection; it may close the one it is given. */
void conn_table_each(struct conn_table *conns, void (*visit)(void *argument, struct conn *conn),
                     void *argument);

/* --- identities: an event carries opcode 8 | slot 24 | generation 32 -------------------------- */

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

/* The open connection that IDENTITY names, or NULL. */
static inline struct conn *conn_table_named(const struct conn_table *conns, uint64_t identity)
{
    return conn_table_find(conns, conn_table_slot_of(identity), (uint32_t)identity);
}

static inline bool conn_table_full(const struct conn_table *conns)
{
    return conns->open_count == conns->slot_max;
}

#endif
