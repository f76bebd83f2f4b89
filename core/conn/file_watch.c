/* file_watch: see file_watch.h. */
#include "conn/file_watch.h"

enum {
    KEEP_WATCHES_MAX = 64,
    WATCH_BYTES = (sizeof(struct file_watch) + 63) / 64 * 64,
};

void file_watch_init(struct conn_context *context)
{
    struct file_watches *watches = &context->watches;
    slab_init(&watches->slab, WATCH_BYTES, UINT32_MAX, KEEP_WATCHES_MAX);
    list_init(&watches->all);
    list_init(&watches->unchecked);
    wheel_timer_init(&watches->timer, CONN_TIMER_WATCH);
}

void file_watch_fini(struct conn_context *context)
{
    wheel_cancel(&context->wheel, &context->watches.timer);
    slab_fini(&context->watches.slab);
}

/* The owner of the wait that CONN's watch is. */
static const void *owner_of(const struct conn *conn)
{
    return &conn->socket;
}

static struct file_watch *watch_of(const struct conn *conn)
{
    struct conn_wait *wait = conn->waits ? conn_wait_find(conn, owner_of(conn)) : NULL;
    return wait ? CONTAINER_OF(wait, struct file_watch, wait) : NULL;
}

static void arm(struct conn_context *context)
{
    struct file_watches *watches = &context->watches;
    if (!wheel_armed(&watches->timer))
        wheel_arm(&context->wheel, &watches->timer, context->now.ms + FILE_WATCH_MS);
}

static struct file_watch *create(struct conn_context *context, struct conn *conn)
{
    struct file_watch *watch = slab_take(&context->watches.slab);
    if (!watch)
        return NULL;
    *watch = (struct file_watch){.count = 0};
    conn_wait_link(context, conn, owner_of(conn), &watch->wait);
    list_append(&context->watches.all, &watch->node);
    return watch;
}

/* Drops the file at INDEX. */
static void forget(struct file_watch *watch, unsigned index)
{
    blob_drop(watch->files[index].file);
    watch->count--;
    for (unsigned i = index; i < watch->count; i++)
        watch->files[i] = watch->files[i + 1];
}

void file_watch_begin(struct conn_context *context, struct conn *conn, struct blob *file,
                      uint64_t length)
{
    struct file_watch *watch = watch_of(conn);
    if (!watch)
        watch = create(context, conn);
    if (!watch)
        return;
    blob_pin(file);
    for (unsigned i = 0; i < watch->count; i++) {
        if (watch->files[i].file == file) {
            forget(watch, i);
            break;
        }
    }
    if (watch->count == FILE_WATCH_FILES_MAX)
        forget(watch, 0);
    watch->files[watch->count++] = (struct file_watched){file, -(int64_t)length};
    arm(context);
}

void file_watch_sent(const struct conn *conn, uint64_t length)
{
    struct file_watch *watch = watch_of(conn);
    for (unsigned i = 0; watch && i < watch->count; i++)
        watch->files[i].after += (int64_t)length;
}

void file_watch_end(struct conn_context *context, struct conn *conn)
{
    struct file_watch *watch = watch_of(conn);
    if (!watch)
        return;
    while (watch->count > 0)
        forget(watch, 0);
    conn_wait_unlink(conn, &watch->wait);
    list_unlink(&watch->node);
    slab_give(&context->watches.slab, watch);
}

void file_watch_expired(struct conn_context *context)
{
    list_splice(&context->watches.unchecked, &context->watches.all);
}

/* Drops the files that the peer has acknowledged: the socket holds no more than what it took later.
 * The end of our side counts as a byte. */
static void forget_delivered(struct file_watch *watch, const struct conn *conn)
{
    const int64_t held_bytes = socket_held_bytes(&conn->socket);
    while (watch->count > 0 && held_bytes <= watch->files[0].after + 1)
        forget(watch, 0);
}

static bool any_rewritten(const struct conn_context *context, const struct file_watch *watch)
{
    for (unsigned i = 0; i < watch->count; i++) {
        struct blob *file = watch->files[i].file;
        if (blob_check_file(file, context->now.ms, FILE_WATCH_MS) == BLOB_REWRITTEN)
            return true;
    }
    return false;
}

struct conn *file_watch_next(struct conn_context *context)
{
    struct file_watches *watches = &context->watches;
    struct list *node;
    while ((node = list_take_first(&watches->unchecked))) {
        struct file_watch *watch = CONTAINER_OF(node, struct file_watch, node);
        struct conn *conn = watch->wait.conn;
        list_append(&watches->all, node);
        forget_delivered(watch, conn);
        if (watch->count == 0)
            file_watch_end(context, conn);
        else if (any_rewritten(context, watch))
            return conn;
    }
    if (!list_is_empty(&watches->all))
        arm(context);
    return NULL;
}
