/* conn_storage: see conn_storage.h. */
#include "conn/conn_storage.h"

enum {
    KEEP_FULL_MAX = 64,    /* idle storage kept for the next borrower: 1 MiB */
    KEEP_SMALL_MAX = 1024, /* 1 MiB */
};

void conn_storage_init(struct conn_context *context, uint64_t bytes_max)
{
    slab_init(&context->small, CONN_SMALL_BYTES, (uint32_t)(bytes_max / CONN_SMALL_BYTES),
              KEEP_SMALL_MAX);
    slab_init(&context->full, CONN_FULL_BYTES, (uint32_t)(bytes_max / CONN_FULL_BYTES),
              KEEP_FULL_MAX);
    list_init(&context->partial);
    list_init(&context->stalled);
    list_init(&context->waiting_for_storage);
    context->returned = false;
}

void conn_storage_fini(struct conn_context *context)
{
    slab_fini(&context->small);
    slab_fini(&context->full);
}

void conn_storage_shrink(struct conn_context *context)
{
    slab_shrink(&context->small);
    slab_shrink(&context->full);
}

/* Gives back STORAGE of BYTES, of either size; none, if it is NULL. */
static void give_back(struct conn_context *context, void *storage, size_t bytes)
{
    if (!storage)
        return;
    slab_give(bytes == CONN_SMALL_BYTES ? &context->small : &context->full, storage);
    context->returned = true;
}

void conn_storage_return_input(struct conn_context *context, struct conn *conn)
{
    size_t bytes = conn->input.capacity;
    give_back(context, ring_return(&conn->input), bytes);
}

void conn_storage_return_output(struct conn_context *context, struct conn *conn)
{
    size_t bytes = outq_storage_bytes(&conn->output);
    give_back(context, outq_return(&conn->output), bytes);
}

/* --- For input -------------------------------------------------------------------------------- */

/* Full storage for input: all but the last piece, which is for an answer. */
static char *take_for_input(struct conn_context *context)
{
    struct slab *full = &context->full;
    return full->lent_count + 1 < full->objects_max ? slab_take(full) : NULL;
}

unsigned conn_room(struct conn_context *context, struct conn *conn,
                   struct iovec ret_pieces[static 2])
{
    struct ring *input = &conn->input;
    if (input->length == input->capacity && input->capacity < CONN_FULL_BYTES) {
        char *storage = take_for_input(context);
        if (storage && input->storage)
            give_back(context, ring_move(input, storage, CONN_FULL_BYTES), CONN_SMALL_BYTES);
        else if (storage)
            ring_lend(input, storage, CONN_FULL_BYTES);
        else if (!input->storage && (storage = slab_take(&context->small)))
            ring_lend(input, storage, CONN_SMALL_BYTES); /* a short head, or the end of input */
    }
    return ring_room(input, ret_pieces);
}

void conn_await_storage(struct conn_context *context, struct conn *conn)
{
    conn->no_storage = true;
    list_remove(&conn->queue);
    list_append(&context->waiting_for_storage, &conn->queue);
}

/* --- For output ------------------------------------------------------------------------------- */

bool conn_storage_lend_output(struct conn_context *context, struct conn *conn,
                              enum conn_storage_size size)
{
    size_t bytes = outq_storage_bytes(&conn->output);
    if (bytes == CONN_FULL_BYTES || (bytes > 0 && size == CONN_STORAGE_ANY))
        return true;
    if (bytes > 0 && conn->pinned)
        return false; /* when that has been sent */
    void *storage = slab_take(&context->full);
    if (!storage && bytes == 0 && (storage = slab_take(&context->small))) {
        outq_lend(&conn->output, storage, CONN_SMALL_BYTES); /* enough for most answers */
        return true;
    }
    if (!storage) {
        conn_await_storage(context, conn);
        return false;
    }
    if (bytes == 0)
        outq_lend(&conn->output, storage, CONN_FULL_BYTES);
    else
        give_back(context, outq_move(&conn->output, storage, CONN_FULL_BYTES), CONN_SMALL_BYTES);
    return true;
}

/* --- At the end of a turn --------------------------------------------------------------------- */

static void settle_input(struct conn_context *context, struct conn *conn)
{
    struct ring *input = &conn->input;
    if (input->length == 0) {
        conn_storage_return_input(context, conn);
    } else if (input->capacity == CONN_FULL_BYTES && input->length <= CONN_SMALL_BYTES) {
        char *storage = slab_take(&context->small);
        if (storage)
            give_back(context, ring_move(input, storage, CONN_SMALL_BYTES), CONN_FULL_BYTES);
    }
}

static void settle_output(struct conn_context *context, struct conn *conn)
{
    if (outq_empty(&conn->output)) {
        conn_storage_return_output(context, conn);
    } else if (!conn->socket.writable && !conn->pinned &&
               outq_storage_bytes(&conn->output) == CONN_FULL_BYTES) {
        void *storage = slab_take(&context->small);
        void *before = storage ? outq_move(&conn->output, storage, CONN_SMALL_BYTES) : NULL;
        give_back(context, before, CONN_FULL_BYTES);
        give_back(context, before ? NULL : storage, CONN_SMALL_BYTES);
    }
}

void conn_storage_settle(struct conn_context *context, struct conn *conn)
{
    settle_input(context, conn);
    settle_output(context, conn);
}

/* --- Shedding --------------------------------------------------------------------------------- */

void conn_storage_settle_holding(struct conn_context *context, struct conn *conn)
{
    bool partial = conn->phase == CONN_PHASE_HEAD && conn->input.capacity == CONN_FULL_BYTES;
    bool stalled = conn->phase == CONN_PHASE_SEND && !conn->socket.writable &&
                   (conn->input.capacity == CONN_FULL_BYTES ||
                    outq_storage_bytes(&conn->output) == CONN_FULL_BYTES);
    if (!partial && !stalled)
        list_remove(&conn->holding);
    else if (!list_linked(&conn->holding))
        list_append(partial ? &context->partial : &context->stalled, &conn->holding);
}

struct conn *conn_to_shed(struct conn_context *context)
{
    const struct list *from =
        list_is_empty(&context->partial) ? &context->stalled : &context->partial;
    return list_is_empty(from) ? NULL : CONTAINER_OF(from->next, struct conn, holding);
}
