/* conn_wait: see conn_wait.h. */
#include "conn/conn_wait.h"

enum {
    KEEP_WAITS_MAX = 64,
    WAIT_BYTES = (sizeof(struct conn_wait) + 63) / 64 * 64,
};

void conn_waits_init(struct conn_context *context)
{
    slab_init(&context->waits, WAIT_BYTES, UINT32_MAX, KEEP_WAITS_MAX);
    context->spare_wait = NULL;
}

void conn_waits_fini(struct conn_context *context)
{
    if (context->spare_wait)
        slab_give(&context->waits, context->spare_wait);
    slab_fini(&context->waits);
}

struct conn_wait *conn_wait_find(const struct conn *conn, const void *owner)
{
    struct conn_wait *wait = conn->waits;
    while (wait && wait->owner != owner)
        wait = wait->next;
    return wait;
}

struct lookup_waiter *conn_wait_prepare(struct conn_context *context, struct conn *conn,
                                        const void *owner)
{
    struct conn_wait *wait = conn_wait_find(conn, owner);
    if (wait)
        return &wait->waiter;
    if (!context->spare_wait) {
        context->spare_wait = slab_take(&context->waits);
        if (!context->spare_wait)
            return NULL;
        *context->spare_wait = (struct conn_wait){.conn = NULL};
    }
    return &context->spare_wait->waiter;
}

void conn_wait_link(const struct conn_context *context, struct conn *conn, const void *owner,
                    struct conn_wait *wait)
{
    wait->conn = conn;
    wait->owner = owner;
    wait->began_ms = context->now.ms;
    wait->next = conn->waits;
    conn->waits = wait;
}

void conn_wait_unlink(struct conn *conn, struct conn_wait *wait)
{
    struct conn_wait **link = &conn->waits;
    while (*link != wait)
        link = &(*link)->next;
    *link = wait->next;
}

void conn_wait_begin(struct conn_context *context, struct conn *conn, const void *owner)
{
    if (conn_wait_find(conn, owner))
        return; /* once more */
    conn_wait_link(context, conn, owner, context->spare_wait);
    context->spare_wait = NULL;
}

/* Frees the wait that LINK points to. */
static void end_at(struct conn_context *context, struct conn_wait **link)
{
    struct conn_wait *wait = *link;
    *link = wait->next;
    store_cancel(&wait->waiter);
    list_remove(&wait->node);
    slab_give(&context->waits, wait);
}

void conn_wait_end(struct conn_context *context, struct conn *conn, const void *owner)
{
    struct conn_wait **link = &conn->waits;
    while (*link && (*link)->owner != owner)
        link = &(*link)->next;
    if (*link)
        end_at(context, link);
}

void conn_wait_end_all(struct conn_context *context, struct conn *conn)
{
    while (conn->waits)
        end_at(context, &conn->waits);
}

/* --- Of conn.h -------------------------------------------------------------------------------- */

bool conn_has_pending(const struct conn *conn)
{
    for (const struct conn_wait *wait = conn->waits; wait; wait = wait->next) {
        if (wait->waiter.lookup || list_linked(&wait->node))
            return true;
    }
    return false;
}

struct conn *conn_woken(struct conn_context *context, struct lookup_waiter *waiter)
{
    const struct conn_wait *wait = CONTAINER_OF(waiter, struct conn_wait, waiter);
    struct conn *conn = wait->conn;
    if (wait->owner == &conn->output) {
        conn->file_wait = FILE_WAIT_OVER;
        conn_wait_end(context, conn, &conn->output);
    }
    return conn;
}

bool conn_disk_ready(struct conn_context *context, struct conn *conn, const struct outq_part *part)
{
    if (conn->file_wait == FILE_WAIT_OVER) { /* once, even if the pages have been dropped since */
        conn->file_wait = FILE_WAIT_NONE;
        return true;
    }
    struct lookup_waiter *waiter = conn_wait_prepare(context, conn, &conn->output);
    /* Without memory to wait with, sendfile waits for the disk. */
    if (!waiter ||
        store_warm(context->files, part->blob, part->first, part->length, &context->now, waiter))
        return true;
    conn_wait_begin(context, conn, &conn->output);
    conn->file_wait = FILE_WAIT_ON;
    return false;
}
