/* conn_log: the log records of a connection's answers.
 *
 * A session takes a record for each answer that it queues; the end mark of the answer carries the
 * record's index as its tag. conn finishes the record when the mark is reached, or when the
 * connection ends before that. Each site has a channel: the log and the style of its lines, and
 * the paths that are not logged. What a log shows of a connection, its client and its version of
 * TLS, is found once and kept by slot.
 *
 * Without a log context->log is NULL, none of these functions may be called, and all that an answer
 * costs is the check. */
#ifndef SLUICE_CONN_LOG_H
#define SLUICE_CONN_LOG_H

#include "conn/conn.h"
#include "observe/log_record.h"

/* The log of a site. */
struct conn_log_channel {
    struct access_style style;
    struct log_ring *ring;      /* *borrowed*; NULL: the site has no log */
    const struct str *excluded; /* prepared patterns of paths, *borrowed* */
    unsigned excluded_count;
};

struct conn_log_config {
    const struct conn_log_channel *channels; /* one for each site; copied */
    unsigned channel_count;
    uint32_t slot_count; /* of connections */
    struct counters *counters;
    uint64_t (*clock_us)(void); /* monotonic; NULL: the time of the turn */
};

/* *Gives*: conn_log_destroy. Returns 0 or -ENOMEM. */
int conn_log_create(struct conn_log **ret, const struct conn_log_config *config);

/* The sites have CHANNELS now, COUNT of them, which are *taken*: free(). Answers in flight keep
 * theirs. */
void conn_log_set_channels(struct conn_log *log, struct conn_log_channel *channels, unsigned count);

/* No record is in use. NULL is allowed. */
void conn_log_destroy(struct conn_log *log);

/* Whether answers are logged. */
static inline bool conn_log_wanted(const struct conn_context *context)
{
    return context->log != NULL;
}

/* When requests that are read in this turn of the loop arrived, by the monotonic clock: when the
 * turn began. */
uint64_t conn_log_now_us(const struct conn_context *context);

/* When the request of OWNER arrived: now, or when it began to wait. For use before its exchange is
 * run. */
uint64_t conn_log_arrived_us(const struct conn_context *context, const struct conn *conn,
                             const void *owner);

/* The text for the line of FACTS, for the site with NUMBER, and PATH, the raw path of its request
 * (absent: it has none). NULL: it is not logged, or out of memory. *Gives*: access_text_drop. */
struct access_text *conn_log_text(const struct conn_context *context, uint32_t number,
                                  struct str path, const struct access_facts *facts);

/* Takes a record, with TEXT, for the answer of ANSWER_BYTES that CONN's session just pushed. TEXT
 * may be NULL: the answer is not logged. */
void conn_log_queued(struct conn_context *context, struct conn *conn, struct access_text *text,
                     uint64_t arrived_us, uint64_t answer_bytes);

/* Writes the line, with TEXT, of a request that arrived at ARRIVED_US and gets no answer, because
 * CONN ends: status 499. TEXT may be NULL. */
void conn_log_unanswered(struct conn_context *context, const struct conn *conn,
                         struct access_text *text, uint64_t arrived_us);

/* Finishes the record of an answer whose end mark, END, has been reached; FIRST: the first of those
 * that were reached together. */
void conn_log_sent(struct conn_context *context, const struct conn *conn,
                   const struct outq_end *end, bool first);

/* Finishes the records of all answers that CONN has not sent whole; its output is cleared next. */
void conn_log_unsent(struct conn_context *context, const struct conn *conn);

#endif
