/* conns: see conns.h. */
#include "conns.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    CONN_BYTES = (sizeof(struct conn) + 63) / 64 * 64,
    KEEP_MAX = 256, /* idle connection objects kept for the next */
};

int conns_init(struct conns *conns, struct conn_context *context, uint32_t connections_max)
{
    assert(connections_max > 0 && connections_max <= CONNS_SLOTS_MAX);
    *conns = (struct conns){
        .context = context,
        /* Untouched pages of a large table cost nothing. */
        .slots = calloc(connections_max, sizeof(conns->slots[0])),
        .slot_max = connections_max,
        .first_free = connections_max,
    };
    list_init(&conns->graveyard);
    /* The slots bound the open ones; those that were closed in this batch are there besides. */
    slab_init(&conns->slab, CONN_BYTES, UINT32_MAX, KEEP_MAX);
    return conns->slots ? 0 : -ENOMEM;
}

void conns_fini(struct conns *conns)
{
    assert(conns->open_count == 0 && list_is_empty(&conns->graveyard));
    slab_fini(&conns->slab);
    free(conns->slots);
}

static uint32_t take_slot(struct conns *conns)
{
    uint32_t slot = conns->first_free;
    if (slot == conns->slot_max)
        return conns->slot_used++;
    conns->first_free = conns->slots[slot].next_free;
    return slot;
}

struct conn *conns_open(struct conns *conns, int fd)
{
    struct conn *conn = conns_full(conns) ? NULL : slab_take(&conns->slab);
    if (!conn)
        return NULL;
    conn_init(conn, fd);
    conn->slot = take_slot(conns);
    conn->generation = conns->slots[conn->slot].generation;
    conns->slots[conn->slot].conn = conn;
    conns->open_count++;
    return conn;
}

void conns_close(struct conns *conns, struct conn *conn)
{
    struct conns_slot *slot = &conns->slots[conn->slot];
    assert(conn->state != CONN_CLOSED && slot->conn == conn);
    conn_fini(conns->context, conn);
    close(conn->fd); /* leaves the epoll set with it; Linux frees it whatever close returns */
    conn->state = CONN_CLOSED;
    slot->conn = NULL;
    slot->generation++;
    slot->next_free = conns->first_free;
    conns->first_free = conn->slot;
    conns->open_count--;
    list_append(&conns->graveyard, &conn->queue);
    counters_add(conns->context->counters, COUNTER_CONNECTIONS_CLOSED, 1);
}

void conns_bury(struct conns *conns)
{
    struct list *node;
    while ((node = list_take_first(&conns->graveyard)))
        slab_give(&conns->slab, CONTAINER_OF(node, struct conn, queue));
}

struct conn *conns_find(const struct conns *conns, uint32_t slot, uint32_t generation)
{
    if (slot >= conns->slot_used || conns->slots[slot].generation != generation)
        return NULL;
    return conns->slots[slot].conn;
}

void conns_each(struct conns *conns, void (*visit)(void *argument, struct conn *conn),
                void *argument)
{
    for (uint32_t slot = 0; slot < conns->slot_used; slot++) {
        if (conns->slots[slot].conn)
            visit(argument, conns->slots[slot].conn);
    }
}
