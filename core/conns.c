/* conns: see conns.h.
 *
 * A free slot is a connection in state CONN_CLOSED: its identity can be read, so that conns_find sees
 * that it is nobody, and it stands in the list of the free. Behind that it is poisoned. */
#include "conns.h"

#include "poison.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK_ALIGNMENT = 64 }; /* a cache line */
static_assert(CONNS_CHUNK_SLOTS * sizeof(struct conn) % CHUNK_ALIGNMENT == 0,
              "aligned_alloc takes multiples of the alignment");

/* --- Slots --------------------------------------------------------------------------------------- */

static void mark_free(struct conn *conn)
{
    poison(&conn->session, sizeof *conn - offsetof(struct conn, session));
}

static void mark_used(struct conn *conn)
{
    unpoison(&conn->session, sizeof *conn - offsetof(struct conn, session));
}

static struct conns_chunk *chunk_of(const struct conns *conns, uint32_t slot)
{
    return &conns->chunks[slot / CONNS_CHUNK_SLOTS];
}

static uint32_t chunk_count(const struct conns *conns)
{
    return (conns->slot_max + CONNS_CHUNK_SLOTS - 1) / CONNS_CHUNK_SLOTS;
}

/* The slots of chunk INDEX: the last chunk may have fewer. */
static uint32_t slot_count(const struct conns *conns, uint32_t index)
{
    uint32_t left = conns->slot_max - index * CONNS_CHUNK_SLOTS;
    return left < CONNS_CHUNK_SLOTS ? left : CONNS_CHUNK_SLOTS;
}

/* --- Chunks -------------------------------------------------------------------------------------- */

/* Allocates one more chunk, the first that is absent; its slots are free. False: all are there, or
 * memory is out. */
static bool add_chunk(struct conns *conns)
{
    uint32_t index = conns->first_absent;
    while (index < chunk_count(conns) && conns->chunks[index].conns)
        index++;
    conns->first_absent = index;
    if (index == chunk_count(conns))
        return false;
    struct conn *all = aligned_alloc(CHUNK_ALIGNMENT, CONNS_CHUNK_SLOTS * sizeof(struct conn));
    if (!all)
        return false;
    for (uint32_t i = 0; i < slot_count(conns, index); i++) {
        all[i] = (struct conn){.slot = index * CONNS_CHUNK_SLOTS + i, .state = CONN_CLOSED};
        list_append(&conns->free, &all[i].queue);
        mark_free(&all[i]);
    }
    conns->chunks[index].conns = all;
    conns->empty_count++;
    return true;
}

/* Frees chunk INDEX, in which nobody is. */
static void remove_chunk(struct conns *conns, uint32_t index)
{
    struct conns_chunk *chunk = &conns->chunks[index];
    for (uint32_t i = 0; i < slot_count(conns, index); i++) {
        list_unlink(&chunk->conns[i].queue);
        mark_used(&chunk->conns[i]);
    }
    free(chunk->conns);
    chunk->conns = NULL;
    conns->empty_count--;
    if (index < conns->first_absent)
        conns->first_absent = index;
}

/* --- Beginning and end --------------------------------------------------------------------------- */

int conns_init(struct conns *conns, struct conn_context *context, uint32_t connections_max)
{
    assert(connections_max > 0 && connections_max <= CONNS_SLOTS_MAX);
    *conns = (struct conns){.context = context, .slot_max = connections_max};
    list_init(&conns->free);
    list_init(&conns->graveyard);
    conns->chunks = calloc(chunk_count(conns), sizeof(conns->chunks[0]));
    return conns->chunks ? 0 : -ENOMEM;
}

void conns_fini(struct conns *conns)
{
    assert(conns->open_count == 0 && list_is_empty(&conns->graveyard));
    for (uint32_t i = 0; conns->empty_count > 0; i++) {
        if (conns->chunks[i].conns)
            remove_chunk(conns, i);
    }
    free(conns->chunks);
}

/* --- Connections --------------------------------------------------------------------------------- */

/* The free slot that was used last, or of a new chunk. Where there can't be one, those of the closed
 * are free from now on. NULL: out of memory. */
static struct conn *take_slot(struct conns *conns)
{
    if (list_is_empty(&conns->free) && !add_chunk(conns))
        conns_bury(conns);
    struct list *node = list_take_first(&conns->free);
    if (!node)
        return NULL;
    struct conn *conn = CONTAINER_OF(node, struct conn, queue);
    if (chunk_of(conns, conn->slot)->used_count++ == 0)
        conns->empty_count--;
    mark_used(conn);
    return conn;
}

struct conn *conns_open(struct conns *conns, int fd)
{
    struct conn *conn = conns_full(conns) ? NULL : take_slot(conns);
    if (!conn)
        return NULL;
    uint32_t slot = conn->slot;
    conn_init(conn, fd);
    conn->slot = slot;
    conn->generation = ++conns->generation;
    conns->open_count++;
    return conn;
}

void conns_close(struct conns *conns, struct conn *conn)
{
    assert(conn->state != CONN_CLOSED && conns_find(conns, conn->slot, conn->generation) == conn);
    conn_fini(conns->context, conn);
    close(conn->fd); /* leaves the epoll set with it; Linux frees it whatever close returns */
    conn->state = CONN_CLOSED;
    conns->open_count--;
    list_append(&conns->graveyard, &conn->queue);
    counters_add(conns->context->counters, COUNTER_CONNECTIONS_CLOSED, 1);
}

void conns_bury(struct conns *conns)
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
        if (conns->empty_count > CONNS_SPARE_CHUNKS)
            remove_chunk(conns, slot / CONNS_CHUNK_SLOTS);
    }
}

struct conn *conns_find(const struct conns *conns, uint32_t slot, uint32_t generation)
{
    if (slot >= conns->slot_max || !chunk_of(conns, slot)->conns)
        return NULL;
    struct conn *conn = &chunk_of(conns, slot)->conns[slot % CONNS_CHUNK_SLOTS];
    return conn->generation == generation && conn->state != CONN_CLOSED ? conn : NULL;
}

void conns_each(struct conns *conns, void (*visit)(void *argument, struct conn *conn),
                void *argument)
{
    for (uint32_t index = 0; index < chunk_count(conns); index++) {
        struct conn *all = conns->chunks[index].conns;
        for (uint32_t i = 0; all && i < slot_count(conns, index); i++) {
            if (all[i].state != CONN_CLOSED)
                visit(argument, &all[i]);
        }
    }
}
