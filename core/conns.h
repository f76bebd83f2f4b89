/* conns: all connections of a worker, by slot and generation.
 *
 * Owns the connections. An event names one by slot and generation, so that an event for a connection
 * that died earlier in the same batch finds nobody, even if the slot has a new owner: no two connections
 * have the same generation. A closed connection keeps its slot until conns_bury, at the end of a batch,
 * when nobody points to it any more.
 *
 * Connections lie side by side in chunks, which are allocated when they are needed and freed when nobody
 * is in them: an idle connection costs its own bytes, and a crowd that has gone none. */
#ifndef SLUICE_CONNS_H
#define SLUICE_CONNS_H

#include "conn.h"

enum {
    CONNS_SLOTS_MAX = 1 << 24, /* a slot has 24 bits in an event */
    CONNS_CHUNK_SLOTS = 128,   /* in a chunk: 20 KiB */
    CONNS_SPARE_CHUNKS = 2,    /* in which nobody is, kept for the next */
};

struct conns_chunk {
    struct conn *conns;  /* those of CONNS_CHUNK_SLOTS slots; NULL: nobody is there */
    uint32_t used_count; /* slots whose owner has not been buried */
};

struct conns {
    struct conn_context *context; /* *borrowed* */
    struct conns_chunk *chunks;
    uint32_t slot_max;
    uint32_t first_absent; /* chunk: all before it are allocated */
    uint32_t empty_count;  /* allocated chunks in which nobody is */
    uint32_t open_count;
    uint32_t generation; /* of the latest connection */
    struct list free; /* slots of allocated chunks, by `queue`, the one that was used last first */
    struct list graveyard;
};

/* Room for CONNECTIONS_MAX (at most CONNS_SLOTS_MAX). Returns 0 or -ENOMEM. */
int conns_init(struct conns *conns, struct conn_context *context, uint32_t connections_max);

/* All connections have been closed and buried. */
void conns_fini(struct conns *conns);

/* A fresh connection that owns FD. NULL, with FD untouched, when there are too many or memory is out. */
struct conn *conns_open(struct conns *conns, int fd);

/* Closes the descriptor and gives back all that CONN holds; it stays readable, in state CONN_CLOSED,
 * until conns_bury or conns_open. */
void conns_close(struct conns *conns, struct conn *conn);

/* Frees the closed. */
void conns_bury(struct conns *conns);

/* The open connection with that identity, or NULL. */
struct conn *conns_find(const struct conns *conns, uint32_t slot, uint32_t generation);

/* Calls VISIT for every open connection; it may close the one it is given. */
void conns_each(struct conns *conns, void (*visit)(void *argument, struct conn *conn),
                void *argument);

/* --- identities: an event carries opcode 8 | slot 24 | generation 32 ----------------------------- */

static inline uint64_t conns_identity(unsigned opcode, uint32_t slot, uint32_t generation)
{
    return (uint64_t)opcode << 56 | (uint64_t)slot << 32 | generation;
}

static inline unsigned conns_opcode_of(uint64_t identity)
{
    return (unsigned)(identity >> 56);
}

static inline uint32_t conns_slot_of(uint64_t identity)
{
    return (uint32_t)(identity >> 32) & (CONNS_SLOTS_MAX - 1);
}

/* The open connection that IDENTITY names, or NULL. */
static inline struct conn *conns_named(const struct conns *conns, uint64_t identity)
{
    return conns_find(conns, conns_slot_of(identity), (uint32_t)identity);
}

static inline bool conns_full(const struct conns *conns)
{
    return conns->open_count == conns->slot_max;
}

#endif
