/* log_record: what a log needs of one response, from when it is queued until it has been sent.
 *
 * A record is taken when a response is queued. It copies the parts of the request that a log shows,
 * since the request's text is gone when the response has been sent. It is finished when the end of
 * the response has been sent, or when its connection ends before that: then the reader gets it, on
 * the worker's thread, and the record is free again.
 *
 * Each worker has a pool of records, which owns all their memory and is bounded. If all are in use,
 * a response is sent all the same, without a record, and COUNTER_RESPONSES_UNLOGGED counts it. A
 * pool without a reader has no memory and gives no records.
 *
 * Of no version of HTTP; one thread only. Uses base and counters. */
#ifndef SLUICE_LOG_RECORD_H
#define SLUICE_LOG_RECORD_H

#include "base/date.h"
#include "base/str.h"
#include "observe/counters.h"

/* The parts of a request that a log has, as the client sent them. */
enum log_part {
    LOG_PART_METHOD,
    LOG_PART_TARGET,
    LOG_PART_HOST,
    LOG_PART_REFERER,
    LOG_PART_AGENT,
    LOG_PART_COUNT,
};

enum {
    LOG_RECORD_NONE = UINT32_MAX, /* the index of no record */
    LOG_RECORD_TEXT_BYTES = 1184, /* all parts at their longest */
};

/* The peer of a connection, as the kernel reports it. */
struct log_client {
    uint8_t version; /* of IP: 4 or 6; 0: not known */
    uint16_t port;
    uint8_t address[16]; /* network byte order; IPv4: the first 4 */
};

struct log_record {
    struct log_client client;
    int64_t arrived_seconds; /* when the request had been read, since 1970 */
    uint64_t arrived_ms;     /* the same, as date_now's ms */
    uint64_t duration_ms;    /* from then to the end; set when the record is finished */
    uint64_t body_bytes;     /* of the response's body that were sent; set likewise */
    uint64_t planned_bytes;  /* of the whole body */
    uint16_t status;
    bool complete;                    /* the whole response was sent; set when it is finished */
    bool cut;                         /* a part was too long and is cut */
    uint32_t next;                    /* index of the next free record */
    uint16_t lengths[LOG_PART_COUNT]; /* bytes of TEXT; UINT16_MAX: the part is absent */
    char text[LOG_RECORD_TEXT_BYTES]; /* the parts, one after another */
};

/* A part of RECORD; absent if the request has none. *Borrowed*. */
struct str log_record_part(const struct log_record *record, enum log_part part);

/* Gets every finished record; RECORD is *borrowed* for the call. Must not use the pool. */
struct log_reader {
    void (*read)(void *context, const struct log_record *record);
    void *context;
};

/* The records of one worker. All zeros: a pool without a reader. */
struct log_records {
    struct log_record *items; /* NULL: there is no reader, or no memory */
    uint32_t free_first;      /* LOG_RECORD_NONE: all are in use */
    struct counters *counters;
    struct log_reader reader;
};

/* COUNT records for READER. Counts in COUNTERS, *borrowed*, the responses that get none. 0; or
 * -ENOMEM, with *RET as a pool without a reader. *Gives*: log_records_fini. */
int log_records_init(struct log_records *ret, uint32_t count, struct log_reader reader,
                     struct counters *counters);
void log_records_fini(struct log_records *records);

/* Whether responses get records. */
static inline bool log_records_wanted(const struct log_records *records)
{
    return records->items != NULL;
}

/* A response that is queued. */
struct log_response {
    struct log_client client;
    struct str parts[LOG_PART_COUNT]; /* absent: the request has no such part */
    uint16_t status;
    uint64_t body_bytes; /* of the whole body that will be sent; 0 for HEAD and 304 */
    uint64_t arrived_ms; /* date_now's ms when the request had been read */
};

/* Takes a record of RESPONSE, which is queued at NOW; all text is copied. Returns its index; or
 * LOG_RECORD_NONE if all are in use, which is counted, or if there is no reader. *Gives*:
 * log_records_finish. */
uint32_t log_records_take(struct log_records *records, const struct log_response *response,
                          const struct date_now *now);

/* Finishes the record INDEX at NOW_MS, when UNSENT_BYTES at the end of its response have not been
 * sent; 0: it is complete. Gives it to the reader, then frees it. No effect on LOG_RECORD_NONE. */
void log_records_finish(struct log_records *records, uint32_t index, uint64_t unsent_bytes,
                        uint64_t now_ms);

#endif
