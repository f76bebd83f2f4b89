/* conn_storage: see conn_storage.h. */
#include "conn/conn_storage.h"

enum {
    KEEP_FULL_MAX = 64,    /* idle storage kept for the next borrower: 1 MiB */
    KEEP_SMALL_MAX = 1024, /* 1 MiB */
    KEEP_LARGE_MAX = 4,    /* 256 KiB */
};

void conn_storage_init(struct conn_context *context, uint64_t bytes_max)
{
    slab_init(&context->small, CONN_SMALL_BYTES, (uint32_t)(bytes_max / CONN_SMALL_BYTES),
              KEEP_SMALL_MAX);
    slab_init(&context->full, CONN_FULL_BYTES, (uint32_t)(bytes_max / CONN_FULL_BYTES),
              KEEP_FULL_MAX);
    slab_init(&context->large, CONN_LARGE_BYTES, (uint32_t)(bytes_max / CONN_LARGE_BYTES),
              KEEP_LARGE_MAX);
    list_init(&context->partial);
    list_init(&context->stalled);
    list_init(&context->holding_large);
    list_init(&context->waiting_for_storage);
    context->returned = false;
}

void conn_storage_fini(struct conn_context *context)
{
    slab_fini(&context->small);
    slab_fini(&context->full);
    slab_fini(&context->large);
}

void conn_storage_shrink(struct conn_context *context)
{
    slab_shrink(&context->small);
    slab_shrink(&context->full);
    slab_shrink(&context->large);
}

/* The slab with storage of BYTES. */
static struct slab *slab_of(struct conn_context *context, size_t bytes)
{
    if (bytes == CONN_FULL_BYTES)
        return &context->full;
    return bytes == CONN_SMALL_BYTES ? &context->small : &context->large;
}

/* Gives back STORAGE of BYTES; none, if it is NULL. */
static void give_back(struct conn_context *context, void *storage, size_t bytes)
{
    if (!storage)
        return;
    slab_give(slab_of(context, bytes), storage);
    context->returned = true;
}

void conn_storage_return_input(struct conn_context *context, struct conn *conn)
{
    size_t bytes = ring_capacity(&conn->input);
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

/* Lends storage for input to CONN, which has none, if there is any. */
static void lend_input(struct conn_context *context, struct conn *conn)
{
    char *storage = take_for_input(context);
    if (storage)
        ring_lend(&conn->input, storage, CONN_FULL_BYTES);
    else if ((storage = slab_take(&context->small))) /* a short head, or the end of input */
        ring_lend(&conn->input, storage, CONN_SMALL_BYTES);
}

/* Moves the input to other STORAGE of BYTES. No effect if that is NULL. */
static void move_input(struct conn_context *context, struct conn *conn, char *storage, size_t bytes)
{
    size_t before = ring_capacity(&conn->input);
    if (!storage)
        return;
    give_back(context, ring_move(&conn->input, storage, (uint32_t)bytes), before);
    if (before == CONN_LARGE_BYTES || bytes == CONN_LARGE_BYTES)
        list_remove(&conn->holding); /* it belongs into another list */
}

/* Lends more storage to an input that fills what it has, if there is any. */
static void enlarge_input(struct conn_context *context, struct conn *conn)
{
    if (ring_capacity(&conn->input) < CONN_FULL_BYTES)
        move_input(context, conn, take_for_input(context), CONN_FULL_BYTES);
    else if (conn_needs_large(conn))
        move_input(context, conn, slab_take(&context->large), CONN_LARGE_BYTES);
}

unsigned conn_room(struct conn_context *context, struct conn *conn,
                   struct iovec ret_pieces[static 2])
{
    const struct ring *input = &conn->input;
    if (!input->storage)
        lend_input(context, conn);
    else if (input->length == ring_capacity(input))
        enlarge_input(context, conn);
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
    const size_t length = conn->input.length;
    if (length == 0)
        conn_storage_return_input(context, conn);
    else if (length <= CONN_SMALL_BYTES && ring_capacity(&conn->input) > CONN_SMALL_BYTES)
        move_input(context, conn, slab_take(&context->small), CONN_SMALL_BYTES);
    else if (length <= CONN_FULL_BYTES && ring_capacity(&conn->input) > CONN_FULL_BYTES)
        move_input(context, conn, take_for_input(context), CONN_FULL_BYTES);
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
        if (before)
            list_remove(&conn->holding); /* it belongs into another list */
    }
}

void conn_storage_settle(struct conn_context *context, struct conn *conn)
{
    settle_input(context, conn);
    settle_output(context, conn);
}

/* --- Shedding --------------------------------------------------------------------------------- */

/* The list of connections that CONN may be shed from; NULL: none. */
static struct list *holding_list(struct conn_context *context, const struct conn *conn)
{
    const bool partial = conn->phase == CONN_PHASE_HEAD;
    const bool stalled = conn->phase == CONN_PHASE_SEND && !conn->socket.writable;
    if (!partial && !stalled)
        return NULL;
    const size_t input_bytes = ring_capacity(&conn->input);
    if (input_bytes == CONN_LARGE_BYTES)
        return &context->holding_large;
    if (partial)
        return input_bytes == CONN_FULL_BYTES ? &context->partial : NULL;
    const bool full =
        input_bytes == CONN_FULL_BYTES || outq_storage_bytes(&conn->output) == CONN_FULL_BYTES;
    if (full)
        return &context->stalled;
    return conn->socket.holds_output ? &context->kept.stalled : NULL;
}

void conn_storage_settle_holding(struct conn_context *context, struct conn *conn)
{
    if (conn->phase == CONN_PHASE_HANDSHAKE)
        return; /* it is in a list of the handshakes, or in none */
    struct list *list = holding_list(context, conn);
    if (!list)
        list_remove(&conn->holding);
    else if (!list_linked(&conn->holding))
        list_append(list, &conn->holding);
}

struct conn *conn_to_shed(struct conn_context *context, const struct conn *conn)
{
    const struct list *from = &context->stalled;
    if (conn && conn_needs_large(conn))
        from = &context->holding_large;
    else if (!list_is_empty(&context->partial))
        from = &context->partial;
    return list_is_empty(from) ? NULL : CONTAINER_OF(from->next, struct conn, holding);
}
