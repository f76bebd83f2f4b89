/* file_doubt: see file_doubt.h. */
#include "conn/file_doubt.h"

void file_doubt_init(struct conn_context *context)
{
    struct file_doubts *doubts = &context->doubts;
    list_init(&doubts->waiting);
    list_init(&doubts->unchecked);
    wheel_timer_init(&doubts->timer, CONN_TIMER_DOUBT);
}

void file_doubt_fini(struct conn_context *context)
{
    wheel_cancel(&context->wheel, &context->doubts.timer);
}

static void arm(struct conn_context *context)
{
    struct file_doubts *doubts = &context->doubts;
    if (!wheel_armed(&doubts->timer))
        wheel_arm(&context->wheel, &doubts->timer, context->now.ms + FILE_DOUBT_CHECK_MS);
}

static void await_decision(struct conn_context *context, struct conn *conn)
{
    if (!conn_wait_prepare(context, conn, &conn->output))
        return;
    conn_wait_begin(context, conn, &conn->output);
    list_append(&context->doubts.waiting, &conn_wait_find(conn, &conn->output)->node);
    conn->file_wait = FILE_WAIT_ON;
    arm(context);
}

bool file_doubt_may_send(struct conn_context *context, struct conn *conn, struct blob *file)
{
    switch (blob_check_file(file, context->now.ms, FILE_DOUBT_MS)) {
    case BLOB_UNCHANGED:
    case BLOB_GROWN:
        return true;
    case BLOB_UNDECIDED:
        await_decision(context, conn);
        break;
    case BLOB_REWRITTEN:
        break;
    }
    return false;
}

void file_doubt_expired(struct conn_context *context)
{
    list_splice(&context->doubts.unchecked, &context->doubts.waiting);
}

static bool is_decided(const struct conn_context *context, const struct conn *conn)
{
    struct outq_part part;
    return !outq_next_file(&conn->output, &part) ||
           blob_check_file(part.blob, context->now.ms, FILE_DOUBT_MS) != BLOB_UNDECIDED;
}

struct conn *file_doubt_next(struct conn_context *context)
{
    struct file_doubts *doubts = &context->doubts;
    struct list *node;
    while ((node = list_take_first(&doubts->unchecked))) {
        struct conn *conn = CONTAINER_OF(node, struct conn_wait, node)->conn;
        if (is_decided(context, conn)) {
            conn->file_wait = FILE_WAIT_NONE;
            conn_wait_end(context, conn, &conn->output);
            return conn;
        }
        list_append(&doubts->waiting, node);
    }
    if (!list_is_empty(&doubts->waiting))
        arm(context);
    return NULL;
}
