/* log_record: see log_record.h. */
#include "observe/log_record.h"

#include <errno.h>
#include <stdlib.h>

/* The bytes of each part that are kept. */
static const uint16_t part_bytes_max[] = {
    [LOG_PART_METHOD] = 32,   [LOG_PART_TARGET] = 512, [LOG_PART_HOST] = 128,
    [LOG_PART_REFERER] = 256, [LOG_PART_AGENT] = 256,
};
static_assert(COUNT_OF(part_bytes_max) == LOG_PART_COUNT, "a bound for each part");
static_assert(32 + 512 + 128 + 256 + 256 == LOG_RECORD_TEXT_BYTES, "all parts at their longest");

enum { ABSENT = UINT16_MAX };

struct str log_record_part(const struct log_record *record, enum log_part part)
{
    const char *at = record->text;
    for (unsigned i = 0; i < (unsigned)part; i++)
        at += record->lengths[i] == ABSENT ? 0 : record->lengths[i];
    if (record->lengths[part] == ABSENT)
        return STR_ABSENT;
    return (struct str){at, record->lengths[part]};
}

int log_records_init(struct log_records *ret, uint32_t count, struct log_reader reader,
                     struct counters *counters)
{
    *ret = (struct log_records){.free_first = LOG_RECORD_NONE};
    struct log_record *items = malloc(count * sizeof *items);
    if (!items)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        items[i].next = i + 1 < count ? i + 1 : LOG_RECORD_NONE;
    *ret = (struct log_records){
        .items = items,
        .counters = counters,
        .reader = reader,
    };
    return 0;
}

void log_records_fini(struct log_records *records)
{
    free(records->items);
}

/* Copies PARTS to RECORD, each up to its bound. */
static void put_parts(struct log_record *record, const struct str parts[static LOG_PART_COUNT])
{
    char *at = record->text;
    record->cut = false;
    for (unsigned i = 0; i < LOG_PART_COUNT; i++) {
        struct str kept = str_first(parts[i], part_bytes_max[i]);
        record->lengths[i] = kept.at ? (uint16_t)kept.length : ABSENT;
        record->cut = record->cut || kept.length < parts[i].length;
        at = str_put(at, kept);
    }
}

uint32_t log_records_take(struct log_records *records, const struct log_response *response,
                          const struct date_now *now)
{
    if (!records->items)
        return LOG_RECORD_NONE;
    uint32_t index = records->free_first;
    if (index == LOG_RECORD_NONE) {
        counters_add(records->counters, COUNTER_RESPONSES_UNLOGGED, 1);
        return LOG_RECORD_NONE;
    }
    struct log_record *record = &records->items[index];
    records->free_first = record->next;
    record->client = response->client;
    record->arrived_ms = response->arrived_ms;
    record->arrived_seconds = now->seconds - (int64_t)((now->ms - response->arrived_ms) / 1000);
    record->planned_bytes = response->body_bytes;
    record->status = response->status;
    put_parts(record, response->parts);
    return index;
}

void log_records_finish(struct log_records *records, uint32_t index, uint64_t unsent_bytes,
                        uint64_t now_ms)
{
    if (index == LOG_RECORD_NONE)
        return;
    struct log_record *record = &records->items[index];
    uint64_t planned = record->planned_bytes;
    record->complete = unsent_bytes == 0;
    record->body_bytes = unsent_bytes < planned ? planned - unsent_bytes : 0;
    record->duration_ms = now_ms - record->arrived_ms;
    records->reader.read(records->reader.context, record);
    record->next = records->free_first;
    records->free_first = index;
}
