/* conn_log: the log records of a connection's responses.
 *
 * A session takes a record for each response that it queues; the end mark of the response carries
 * the record's index as its tag. conn finishes the record when the mark is reached, or when the
 * connection ends before that. The records are the context's (log_record.h): without a reader these
 * functions must not be called, and all that a response costs is the check. */
#ifndef SLUICE_CONN_LOG_H
#define SLUICE_CONN_LOG_H

#include "conn/conn.h"

/* Whether responses are logged. */
static inline bool conn_log_wanted(const struct conn_context *context)
{
    return log_records_wanted(&context->log);
}

/* When the request of OWNER arrived, as date_now's ms: now, or when it began to wait. For use
 * before its exchange is run. */
uint64_t conn_log_arrived_ms(const struct conn_context *context, const struct conn *conn,
                             const void *owner);

/* Takes a record for the response that CONN's session just pushed. RESPONSE has no client yet. */
void conn_log_queued(struct conn_context *context, struct conn *conn,
                     struct log_response *response);

/* Finishes the record of a response whose end mark, END, has been reached. */
static inline void conn_log_sent(struct conn_context *context, const struct outq_end *end)
{
    static_assert((uint32_t)OUTQ_UNTAGGED == (uint32_t)LOG_RECORD_NONE, "no tag names no record");
    if (end->tag != (uint32_t)OUTQ_UNTAGGED)
        log_records_finish(&context->log, end->tag, 0, context->now.ms);
}

/* Finishes the records of all responses that CONN has not sent whole; its output is cleared
 * next. */
void conn_log_unsent(struct conn_context *context, const struct conn *conn);

#endif
