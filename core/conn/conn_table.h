/* conn_table: all connections of a worker, by slot and generation.
 *
 * Owns the connections. An event identifies one by slot and generation, so an event for a
 * connection that was closed earlier in the same batch is ignored, even if its slot is in use
 * again: no two connections have the same generation. A closed connection keeps its slot until
 * conn_table_bury, at the end of a batch, when no pointer to it is left.
 *
 * Connections are allocated in chunks, when needed, and a chunk is freed when it is empty: an idle
 * connection costs its own bytes, and a crowd that has gone costs nothing. So each worker's table
 * may have as many slots as the pool that all of them share (conn_pool.h). */
#ifndef SLUICE_CONN_TABLE_H
#define SLUICE_CONN_TABLE_H

#include "conn/conn.h"
#include "conn/conn_addresses.h"
#include "conn/conn_pool.h"

enum {
    CONN_TABLE_SLOTS_MAX = 1 << 24, /* a slot has 24 bits in an event */
    CONN_TABLE_CHUNK_SLOTS = 128,   /* per chunk: 20 KiB */
    /* A connection with a response may be closed for a new one when its peer has taken nothing for
     * so long. */
    CONN_TABLE_STALLED_MS = 2000,
    CONN_TABLE_SPARE_CHUNKS = 2, /* empty chunks kept for the next connections */
    /* Slots that a search for an idle connection checks: some microseconds. If none of these is
     * idle, it goes on to the larger number. */
    CONN_TABLE_SAMPLE_SLOTS = 512,
    CONN_TABLE_SEARCH_SLOTS = 1 << 16,
};

struct conn_table_chunk {
    struct conn *conns;  /* the connections of its slots; NULL: not allocated */
    uint32_t used_count; /* slots whose connection has not been buried */
};

struct conn_table {
    struct conn_context *context;     /* *borrowed* */
    struct conn_pool *pool;           /* *borrowed*; NULL: this is the only table */
    unsigned member;                  /* of the pool */
    bool reserved;                    /* a slot is reserved for the next connection */
    struct conn_addresses *addresses; /* *borrowed*; NULL: addresses are not limited */
    uint64_t *address_keys;           /* by slot, if there is */
    struct conn_table_chunk *chunks;
    uint32_t slot_max;
    uint32_t first_absent; /* index of a chunk; all before it are allocated */
    uint32_t empty_count;  /* allocated chunks without connections */
    uint32_t open_count;
    uint32_t sampled;     /* the chunk that was searched last for an idle connection */
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

/* The connections of this table take slots of POOL from now on, as its member MEMBER. */
void conn_table_join(struct conn_table *conns, struct conn_pool *pool, unsigned member);

/* Makes the keys for conn_table_count_addresses, with CONNS as the table is. Any thread. NULL: out
 * of memory. *Gives*: free(). */
uint64_t *conn_table_make_keys(const struct conn_table *conns);

/* The connections of this table that are opened from now on are counted in ADDRESSES. *Takes*
 * KEYS. */
void conn_table_count_addresses(struct conn_table *conns, struct conn_addresses *addresses,
                                uint64_t *keys);

/* Makes sure that one slot is reserved for the next conn_table_open. False: all are in use. */
bool conn_table_reserve(struct conn_table *conns);

/* Gives back a slot that is reserved and not used. */
void conn_table_unreserve(struct conn_table *conns);

/* The number of connections that each table of the pool could still open if all opened as many. */
uint32_t conn_table_room(const struct conn_table *conns);

/* Opens a new connection that owns FD. NULL, with FD untouched: the table is full, or out of
 * memory. */
struct conn *conn_table_open(struct conn_table *conns, int fd);

/* CONN was counted with KEY, and is uncounted when it is closed. */
void conn_table_counted(struct conn_table *conns, const struct conn *conn, uint64_t key);

/* Closes CONN's descriptor and releases everything it holds. CONN stays readable, in state
 * CONN_CLOSED, until conn_table_bury or conn_table_open. */
void conn_table_close(struct conn_table *conns, struct conn *conn);

/* Frees the slots of closed connections. */
void conn_table_bury(struct conn_table *conns);

/* The open connection with this SLOT and GENERATION. NULL: none. */
struct conn *conn_table_find(const struct conn_table *conns, uint32_t slot, uint32_t generation);

/* The connection to close for a new one, among those of the next slots that are searched: the one
 * that has been idle (or has lingered) for the longest time; if none is, the one that has waited
 * longest for the rest of a request, or else for its peer to take output, or what the kernel holds
 * of it. MAY_CLOSE is asked about the best few. NULL: all are busy. */
struct conn *conn_table_find_victim(struct conn_table *conns,
                                    bool (*may_close)(void *argument, struct conn *conn),
                                    void *argument);

/* Calls VISIT for every open connection; VISIT may close that connection. */
void conn_table_each(struct conn_table *conns, void (*visit)(void *argument, struct conn *conn),
                     void *argument);

/* The same for the chunks of one part of the table, of PARTS. */
void conn_table_each_of_part(struct conn_table *conns, unsigned part, unsigned parts,
                             void (*visit)(void *argument, struct conn *conn), void *argument);

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

#endif
