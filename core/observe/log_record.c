/* log_record: see log_record.h. */
#include "observe/log_record.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static_assert((size_t)ACCESS_LINE_BYTES_MAX <= (size_t)LOG_RING_LINE_BYTES_MAX, "a line fits");

enum { SECOND_US = 1000000 };

int log_records_init(struct log_records *ret, uint32_t count, struct counters *counters)
{
    *ret = (struct log_records){
        .items = malloc(count * sizeof *ret->items),
        .count = count,
        .free_first = LOG_RECORD_NONE,
        .counters = counters,
    };
    return ret->items ? 0 : -ENOMEM;
}

void log_records_fini(struct log_records *records)
{
    free(records->items);
    records->items = NULL;
}

void log_records_compare(struct log_records *records, uint64_t now_us, uint64_t wall_us)
{
    records->wall_us = wall_us - now_us;
    records->compared_us = now_us;
    records->time_first_us = UINT64_MAX; /* no second */
}

uint32_t log_records_take(struct log_records *records, struct access_text *text,
                          uint64_t arrived_us, uint64_t answer_bytes)
{
    uint32_t index = records->free_first;
    if (index != LOG_RECORD_NONE) {
        records->free_first = records->items[index].next;
    } else if (records->used < records->count) {
        index = records->used++;
    } else {
        counters_add(records->counters, COUNTER_RESPONSES_UNLOGGED, 1);
        return LOG_RECORD_NONE;
    }
    text->references++;
    log_ring_hold(text->owner);
    records->items[index] = (struct log_record){
        .text = text,
        .arrived_us = arrived_us,
        .answer_bytes = answer_bytes,
    };
    return index;
}

/* The seconds by which local time is ahead of UTC at SECONDS. */
static int32_t offset_of(int64_t seconds)
{
    struct tm local;
    const time_t at = (time_t)seconds;
    return localtime_r(&at, &local) ? (int32_t)local.tm_gmtoff : 0;
}

/* Sets the records' time to the second in which the monotonic clock showed AT_US. */
__attribute__((noinline)) static void set_time(struct log_records *records, uint64_t at_us)
{
    const uint64_t wall_us = at_us + records->wall_us;
    const int64_t seconds = (int64_t)(wall_us / SECOND_US);
    records->time_first_us = at_us - wall_us % SECOND_US;
    access_time_set(&records->time, seconds, offset_of(seconds));
}

/* Writes the beginning of the line of RECORD to TO. Returns its end. Answers to pipelined requests
 * end together, and their lines begin alike. */
static char *begin_line(struct log_records *records, const struct log_record *record,
                        struct log_finish *finish, char *to)
{
    const struct access_text *text = record->text;
    struct log_last *last = &finish->last;
    const bool same = last->ring == text->owner && last->format == text->style.format &&
                      last->arrived_us == record->arrived_us && text->client_bytes == 0;
    if (same) {
        char *end = str_put(to, last->beginning);
        last->beginning.at = to;
        return end;
    }
    if (record->arrived_us - records->time_first_us >= SECOND_US)
        set_time(records, record->arrived_us);
    const struct access_end end = {
        .client = finish->client,
        .tls = finish->tls,
        .time = &records->time,
        .time_ms = (uint32_t)(record->arrived_us - records->time_first_us) / 1000,
        .duration_us = finish->now_us - record->arrived_us,
    };
    char *at = access_line_begin(text, &end, to);
    last->ring = text->client_bytes == 0 ? text->owner : NULL;
    last->format = text->style.format;
    last->arrived_us = record->arrived_us;
    last->beginning = (struct str){to, (size_t)(at - to)};
    return at;
}

/* What was sent of the answer of RECORD, of which UNSENT_BYTES were not. */
static struct access_sent sent_of(const struct log_record *record, uint64_t unsent_bytes)
{
    const struct access_text *text = record->text;
    const bool none = unsent_bytes >= record->answer_bytes;
    return (struct access_sent){
        .status = none ? (uint16_t)ACCESS_STATUS_LEFT : text->status,
        .body_bytes = unsent_bytes < text->body_bytes ? text->body_bytes - unsent_bytes : 0,
    };
}

/* Writes the line of RECORD to the ring of its log. */
static void write_line(struct log_records *records, const struct log_record *record,
                       struct log_finish *finish)
{
    const struct access_text *text = record->text;
    char *to = log_ring_reserve(text->owner, access_line_bytes_max(text));
    if (!to) {
        counters_add(records->counters, COUNTER_LOG_LINES_DROPPED, 1);
        return;
    }
    char *end = begin_line(records, record, finish, to);
    if (finish->unsent_bytes == 0) {
        end = access_line_end(text, NULL, end);
    } else {
        const struct access_sent sent = sent_of(record, finish->unsent_bytes);
        end = access_line_end(text, &sent, end);
    }
    log_ring_commit(text->owner, (size_t)(end - to));
}

void log_records_finish(struct log_records *records, uint32_t index, struct log_finish *finish)
{
    if (index == LOG_RECORD_NONE)
        return;
    struct log_record *record = &records->items[index];
    write_line(records, record, finish);
    log_ring_release(record->text->owner);
    access_text_drop(record->text);
    record->next = records->free_first;
    records->free_first = index;
}
