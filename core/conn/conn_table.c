/* conn_table: see conn_table.h.
 *
 * A free slot is a connection in state CONN_CLOSED. Its first members stay readable: the identity,
 * so that conn_table_find ignores it, and the link of the list of free slots. The rest is
 * poisoned. */
#include "conn/conn_table.h"

#include "base/asan.h"
#include "conn/conn_phase.h"
#include "observe/probes.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK_ALIGNMENT = 64 }; /* a cache line */
static_assert(CONN_TABLE_CHUNK_SLOTS * sizeof(struct conn) % CHUNK_ALIGNMENT == 0,
              "aligned_alloc takes multiples of the alignment");

/* --- Slots ------------------------------------------------------------------------------------ */

static void mark_free(struct conn *conn)
{
    asan_poison(&conn->session, sizeof *conn - offsetof(struct conn, session));
}

static void mark_used(struct conn *conn)
{
    asan_unpoison(&conn->session, sizeof *conn - offsetof(struct conn, session));
}

static struct conn_table_chunk *chunk_of(const struct conn_table *conns, uint32_t slot)
{
    return &conns->chunks[slot / CONN_TABLE_CHUNK_SLOTS];
}

static uint32_t chunk_count(const struct conn_table *conns)
{
    return (conns->slot_max + CONN_TABLE_CHUNK_SLOTS - 1) / CONN_TABLE_CHUNK_SLOTS;
}

/* The number of slots of chunk INDEX: the last chunk may have fewer. */
static uint32_t slot_count(const struct conn_table *conns, uint32_t index)
{
    uint32_t left = conns->slot_max - index * CONN_TABLE_CHUNK_SLOTS;
    return left < CONN_TABLE_CHUNK_SLOTS ? left : CONN_TABLE_CHUNK_SLOTS;
}

/* --- Chunks ----------------------------------------------------------------------------------- */

/* Allocates one more chunk, the first one absent; its slots are free. False: all are allocated, or
 * out of memory. */
static bool add_chunk(struct conn_table *conns)
{
    uint32_t index = conns->first_absent;
    while (index < chunk_count(conns) && conns->chunks[index].conns)
        index++;
    conns->first_absent = index;
    if (index == chunk_count(conns))
        return false;
    struct conn *all = aligned_alloc(CHUNK_ALIGNMENT, CONN_TABLE_CHUNK_SLOTS * sizeof(struct conn));
    if (!all)
        return false;
    for (uint32_t i = 0; i < slot_count(conns, index); i++) {
        all[i] = (struct conn){.slot = index * CONN_TABLE_CHUNK_SLOTS + i, .state = CONN_CLOSED};
        list_append(&conns->free, &all[i].queue);
        mark_free(&all[i]);
    }
    conns->chunks[index].conns = all;
    conns->empty_count++;
    return true;
}

/* Frees chunk INDEX, which is empty. */
static void remove_chunk(struct conn_table *conns, uint32_t index)
{
    struct conn_table_chunk *chunk = &conns->chunks[index];
    for (uint32_t i = 0; i < slot_count(conns, index); i++) {
        list_unlink(&chunk->conns[i].queue);
        mark_used(&chunk->conns[i]);
    }
    free(chunk->conns);
    chunk->conns = NULL;
    conns->empty_count--;
    conns->freed_bytes += CONN_TABLE_CHUNK_SLOTS * sizeof(struct conn);
    if (index < conns->first_absent)
        conns->first_absent = index;
}

/* --- Beginning and end ------------------------------------------------------------------------ */

int conn_table_init(struct conn_table *conns, struct conn_context *context,
                    uint32_t connections_max)
{
    assert(connections_max > 0 && connections_max <= CONN_TABLE_SLOTS_MAX);
    *conns = (struct conn_table){.context = context, .slot_max = connections_max};
    list_init(&conns->free);
    list_init(&conns->graveyard);
    conns->chunks = calloc(chunk_count(conns), sizeof conns->chunks[0]);
    return conns->chunks ? 0 : -ENOMEM;
}

void conn_table_join(struct conn_table *conns, struct conn_pool *pool, unsigned member)
{
    conns->pool = pool;
    conns->member = member;
}

void conn_table_fini(struct conn_table *conns)
{
    assert(conns->open_count == 0 && !conns->reserved && list_is_empty(&conns->graveyard));
    for (uint32_t i = 0; conns->empty_count > 0; i++) {
        if (conns->chunks[i].conns)
            remove_chunk(conns, i);
    }
    free(conns->address_keys);
    free(conns->chunks);
}

uint64_t *conn_table_make_keys(const struct conn_table *conns)
{
    /* calloc: untouched pages of a large table cost no memory. */
    return calloc(conns->slot_max, sizeof conns->address_keys[0]);
}

static void mark_uncounted(void *argument, struct conn *conn)
{
    conn_table_counted(argument, conn, CONN_ADDRESS_NONE);
}

void conn_table_count_addresses(struct conn_table *conns, struct conn_addresses *addresses,
                                uint64_t *keys)
{
    conns->address_keys = keys;
    conns->addresses = addresses;
    conn_table_each(conns, mark_uncounted, conns);
}

/* --- The pool --------------------------------------------------------------------------------- */

bool conn_table_reserve(struct conn_table *conns)
{
    if (!conns->reserved)
        conns->reserved =
            conns->open_count < conns->slot_max && (!conns->pool || conn_pool_take(conns->pool));
    return conns->reserved;
}

void conn_table_unreserve(struct conn_table *conns)
{
    if (conns->reserved && conns->pool)
        conn_pool_give(conns->pool);
    conns->reserved = false;
}

uint32_t conn_table_room(const struct conn_table *conns)
{
    return conns->pool ? conn_pool_free_slots(conns->pool) / conns->pool->member_count
                       : conns->slot_max - conns->open_count;
}

/* --- Connections ------------------------------------------------------------------------------ */

/* Takes the last used free slot, or one of a new chunk. As a last resort buries the closed
 * connections and takes one of their slots. NULL: out of memory. */
static struct conn *take_slot(struct conn_table *conns)
{
    if (list_is_empty(&conns->free) && !add_chunk(conns))
        conn_table_bury(conns);
    struct list *node = list_take_first(&conns->free);
    if (!node)
        return NULL;
    struct conn *conn = CONTAINER_OF(node, struct conn, queue);
    if (chunk_of(conns, conn->slot)->used_count++ == 0)
        conns->empty_count--;
    mark_used(conn);
    return conn;
}

struct conn *conn_table_open(struct conn_table *conns, int fd)
{
    struct conn *conn = conn_table_reserve(conns) ? take_slot(conns) : NULL;
    if (!conn) {
        conn_table_unreserve(conns);
        return NULL;
    }
    uint32_t slot = conn->slot;
    conns->reserved = false; /* it is this connection's now */
    if (conns->addresses)
        conns->address_keys[slot] = CONN_ADDRESS_NONE;
    conn_init(conn, fd);
    conn->slot = slot;
    conn->generation = ++conns->generation;
    conns->open_count++;
    conn_trace(conns->context, conn, TRACE_OPEN, (uint16_t)fd);
    probe_accept(conn->slot, conn->generation, fd);
    return conn;
}

void conn_table_counted(struct conn_table *conns, const struct conn *conn, uint64_t key)
{
    conns->address_keys[conn->slot] = key;
}

void conn_table_close(struct conn_table *conns, struct conn *conn)
{
    assert(conn->state != CONN_CLOSED &&
           conn_table_find(conns, conn->slot, conn->generation) == conn);
    conn_trace(conns->context, conn, TRACE_CLOSE, 0);
    probe_close(conn->slot, conn->generation);
    conn_fini(conns->context, conn);
    /* This removes it from the epoll set, too. Linux frees the descriptor even if close fails. */
    close(conn->socket.fd);
    conn->state = CONN_CLOSED;
    conns->open_count--;
    if (conns->addresses)
        conn_addresses_give(conns->addresses, conns->address_keys[conn->slot]);
    if (conns->pool)
        conn_pool_give(conns->pool);
    list_append(&conns->graveyard, &conn->queue);
    counters_add(conns->context->counters, COUNTER_CONNECTIONS_CLOSED, 1);
}

void conn_table_bury(struct conn_table *conns)
{
    struct list *node;
    while ((node = list_take_first(&conns->graveyard))) {
        struct conn *conn = CONTAINER_OF(node, struct conn, queue);
        uint32_t slot = conn->slot;
        list_prepend(&conns->free, node);
        mark_free(conn);
        if (--chunk_of(conns, slot)->used_count > 0)
            continue;
        conns->empty_count++;
        if (conns->empty_count > CONN_TABLE_SPARE_CHUNKS)
            remove_chunk(conns, slot / CONN_TABLE_CHUNK_SLOTS);
    }
}

struct conn *conn_table_find(const struct conn_table *conns, uint32_t slot, uint32_t generation)
{
    if (slot >= conns->slot_max || !chunk_of(conns, slot)->conns)
        return NULL;
    struct conn *conn = &chunk_of(conns, slot)->conns[slot % CONN_TABLE_CHUNK_SLOTS];
    return conn->generation == generation && conn->state != CONN_CLOSED ? conn : NULL;
}

/* --- Whose slot a new connection may have ----------------------------------------------------- */

/* The order in which connections are closed for a new one, by their phase (0: never), and the time
 * without progress after which they may be. An idle one is closed at once. The others are in the
 * middle of something, which a slow network may delay: then a client that only holds its slot can't
 * be told apart sooner. A stalled response costs its client most. */
static const struct {
    uint8_t order;
    uint16_t after_ms;
} evictions[] = {
    [CONN_PHASE_LINGER] = {1, 500},
    [CONN_PHASE_FIRST] = {1, 0},
    [CONN_PHASE_IDLE] = {1, 0},
    [CONN_PHASE_BODY] = {2, 500},
    [CONN_PHASE_HEAD] = {2, 1000},
    [CONN_PHASE_HANDSHAKE] = {2, 1000},
    [CONN_PHASE_SEND] = {3, CONN_TABLE_STALLED_MS},
};

/* The connections of a search that come first in that order, and there those that have waited
 * longest. */
struct candidates {
    struct {
        struct conn *conn;
        uint64_t rank;
    } items[8];
    unsigned count;
};

/* The place in the order of a connection that has made no progress in PHASE since SINCE_MS;
 * UINT64_MAX: it may not be closed. */
static uint64_t rank_of(const struct conn_context *context, enum conn_phase phase,
                        uint64_t since_ms)
{
    if (since_ms + evictions[phase].after_ms > context->now.ms)
        return UINT64_MAX;
    return (uint64_t)evictions[phase].order << 56 | since_ms;
}

/* The phase that counts for CONN: a client that has just shaken hands is about to send its
 * request. */
static enum conn_phase phase_of(const struct conn *conn)
{
    const bool has_shaken = conn->transport_index != TRANSPORT_PLAIN;
    return conn->phase == CONN_PHASE_FIRST && has_shaken ? CONN_PHASE_HANDSHAKE : conn->phase;
}

/* That of CONN, by its phase. */
static uint64_t eviction_rank(const struct conn_context *context, const struct conn *conn)
{
    /* One that waits to send again (retry.h), or is postponed by its transport, is in a list, too,
     * but has nothing to do. */
    const bool busy = list_linked(&conn->queue) && conn->socket.spurious == 0 && !conn->postponed;
    const enum conn_phase phase = phase_of(conn);
    if (conn->state == CONN_CLOSED || conn->state == CONN_CLOSING || busy ||
        phase >= COUNT_OF(evictions) || evictions[phase].order == 0)
        return UINT64_MAX;
    return rank_of(context, phase, conn_phase_since_ms(context, conn));
}

/* That of CONN, by its phase RANK, with what only the kernel knows: as long as the peer has not
 * taken the last answer, CONN is in the middle of a response, although it is idle or lingers. */
static uint64_t rank_by_delivery(const struct conn_context *context, const struct conn *conn,
                                 uint64_t rank)
{
    const struct transport *transport = conn_transport(context, conn);
    if ((conn->phase != CONN_PHASE_IDLE && conn->phase != CONN_PHASE_LINGER) ||
        transport->delivered(conn))
        return rank;
    const uint64_t stalled_ms = transport->stalled_ms(conn), now_ms = context->now.ms;
    return rank_of(context, CONN_PHASE_SEND, stalled_ms < now_ms ? now_ms - stalled_ms : 0);
}

/* Whether a connection at RANK would be among CANDIDATES. */
static bool has_place(const struct candidates *candidates, uint64_t rank)
{
    return rank < UINT64_MAX && (candidates->count < COUNT_OF(candidates->items) ||
                                 candidates->items[candidates->count - 1].rank > rank);
}

static void add_candidate(struct candidates *candidates, struct conn *conn, uint64_t rank)
{
    unsigned at = candidates->count;
    while (at > 0 && candidates->items[at - 1].rank > rank)
        at--;
    if (candidates->count < COUNT_OF(candidates->items))
        candidates->count++;
    for (unsigned i = candidates->count - 1; i > at; i--)
        candidates->items[i] = candidates->items[i - 1];
    candidates->items[at].conn = conn;
    candidates->items[at].rank = rank;
}

/* Adds those of chunk INDEX. Returns the number of slots that were checked. */
static uint32_t search_chunk(const struct conn_table *conns, uint32_t index,
                             struct candidates *candidates)
{
    const struct conn_table_chunk *chunk = &conns->chunks[index];
    if (!chunk->conns || chunk->used_count == 0)
        return 0;
    for (uint32_t i = 0; i < slot_count(conns, index); i++) {
        struct conn *conn = &chunk->conns[i];
        uint64_t rank = eviction_rank(conns->context, conn);
        if (has_place(candidates, rank)) /* else the system calls are saved */
            rank = rank_by_delivery(conns->context, conn, rank);
        if (has_place(candidates, rank))
            add_candidate(candidates, conn, rank);
    }
    return slot_count(conns, index);
}

struct conn *conn_table_find_victim(struct conn_table *conns,
                                    bool (*may_close)(void *argument, struct conn *conn),
                                    void *argument)
{
    struct candidates candidates = {.count = 0};
    const uint32_t chunks = chunk_count(conns);
    uint32_t checked = 0;
    for (uint32_t i = 0; i < chunks; i++) {
        uint32_t enough = candidates.count > 0 ? CONN_TABLE_SAMPLE_SLOTS : CONN_TABLE_SEARCH_SLOTS;
        if (checked >= enough)
            break;
        conns->sampled = (conns->sampled + 1) % chunks;
        checked += search_chunk(conns, conns->sampled, &candidates);
    }
    for (unsigned i = 0; i < candidates.count; i++) {
        if (may_close(argument, candidates.items[i].conn))
            return candidates.items[i].conn;
    }
    return NULL;
}

/* --- All -------------------------------------------------------------------------------------- */

void conn_table_each_of_part(struct conn_table *conns, unsigned part, unsigned parts,
                             void (*visit)(void *argument, struct conn *conn), void *argument)
{
    for (uint32_t index = part; index < chunk_count(conns); index += parts) {
        struct conn *all = conns->chunks[index].conns;
        for (uint32_t i = 0; all && i < slot_count(conns, index); i++) {
            if (all[i].state != CONN_CLOSED)
                visit(argument, &all[i]);
        }
    }
}

void conn_table_each(struct conn_table *conns, void (*visit)(void *argument, struct conn *conn),
                     void *argument)
{
    conn_table_each_of_part(conns, 0, 1, visit, argument);
}
