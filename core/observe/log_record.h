/* log_record: what a log needs of one answer, from when it is queued until it has been sent.
 *
 * A record is taken when an answer is queued. It holds a reference to the text of the line
 * (access_format.h), since the request's bytes are gone when the answer has been sent. It is
 * finished when the end of the answer has been sent, or when its connection ends before that: then
 * the line is written to the ring of its log, and the record is free again.
 *
 * Each worker has a pool of records, which is bounded. If all are in use, an answer is sent all the
 * same, without a record, and COUNTER_RESPONSES_UNLOGGED counts it.
 *
 * Of no version of HTTP; one thread only. */
#ifndef SLUICE_LOG_RECORD_H
#define SLUICE_LOG_RECORD_H

#include "observe/access_format.h"
#include "observe/counters.h"
#include "observe/log_ring.h"

enum { LOG_RECORD_NONE = UINT32_MAX }; /* the index of no record */

struct log_record {
    struct access_text *text; /* pinned; its owner is a struct log_ring */
    uint64_t arrived_us;      /* when the request arrived, by the monotonic clock */
    uint64_t answer_bytes;    /* of the whole answer, with its head */
    uint32_t next;            /* index of the next free record */
};

/* The records of one worker. */
struct log_records {
    struct log_record *items;
    uint32_t count;
    uint32_t used;       /* so many have been in use at some time */
    uint32_t free_first; /* of these; LOG_RECORD_NONE: all are in use */
    struct counters *counters;
    struct access_time time; /* of the last line */
    uint64_t time_first_us;  /* when that second began, by the monotonic clock */
    uint64_t wall_us;        /* the wall clock at 0 of the monotonic one, when last compared */
    uint64_t compared_us;    /* when that was; 0: never */
};

/* COUNT records. Counts in COUNTERS, *borrowed*. 0 or -ENOMEM. *Gives*: log_records_fini. */
int log_records_init(struct log_records *ret, uint32_t count, struct counters *counters);
void log_records_fini(struct log_records *records);

/* Reports that the wall clock showed WALL_US when the monotonic one showed NOW_US. */
void log_records_compare(struct log_records *records, uint64_t now_us, uint64_t wall_us);

/* Whether the clocks should be compared again at NOW_US, which may be before the last time: once a
 * second. */
static inline bool log_records_must_compare(const struct log_records *records, uint64_t now_us)
{
    return records->compared_us == 0 || (int64_t)(now_us - records->compared_us) >= 1000000;
}

/* Takes a record of an answer with TEXT and ANSWER_BYTES, whose request arrived at ARRIVED_US.
 * *Pins* TEXT. Returns its index; or LOG_RECORD_NONE if all are in use, which is counted. *Gives*:
 * log_records_finish. */
uint32_t log_records_take(struct log_records *records, struct access_text *text,
                          uint64_t arrived_us, uint64_t answer_bytes);

/* The line that was written last: the next one in its ring may begin with the same bytes. */
struct log_last {
    const struct log_ring *ring; /* NULL: none, or it began with a client of its own */
    enum access_format format;
    uint64_t arrived_us;
    struct str beginning; /* in the ring: it stays until the next line after this one */
};

/* The end of some answers of one connection, at one moment. */
struct log_finish {
    struct str client;     /* an address */
    struct str tls;        /* the version; absent: none */
    uint64_t now_us;       /* the monotonic clock */
    uint64_t unsent_bytes; /* at the end of the answer; 0: it has been sent whole */
    struct log_last last;  /* of these; zeroed at first */
};

/* Finishes the record INDEX: writes its line, then frees it. No effect on LOG_RECORD_NONE. */
void log_records_finish(struct log_records *records, uint32_t index, struct log_finish *finish);

#endif
