/* admin_snapshot: see admin_snapshot.h. */
#include "admin/admin_snapshot.h"

#include <stdlib.h>
#include <string.h>

void admin_text(struct str text, char *to, size_t room)
{
    const struct str line = str_first(text, size_min(str_find(text, '\n'), room - 1));
    *str_put(to, line) = '\0';
    for (size_t i = 0; i < line.length; i++) {
        if ((unsigned char)to[i] < ' ' || (unsigned char)to[i] >= 0x7f)
            to[i] = '?';
    }
}

void admin_quote(FILE *out, const char *text)
{
    putc('"', out);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            putc('\\', out);
        putc((unsigned char)*c < ' ' ? '?' : *c, out);
    }
    putc('"', out);
}

bool admin_snapshot_init(struct admin_snapshot *ret, unsigned worker_count)
{
    *ret = (struct admin_snapshot){.worker_count = worker_count};
    ret->workers = calloc(worker_count > 0 ? worker_count : 1, sizeof *ret->workers);
    return ret->workers != NULL;
}

void admin_snapshot_fini(struct admin_snapshot *snapshot)
{
    for (unsigned i = 0; i < snapshot->site_count; i++)
        free(snapshot->sites[i].name);
    free(snapshot->sites);
    free(snapshot->workers);
    *snapshot = (struct admin_snapshot){.worker_count = 0};
}

bool admin_snapshot_add(struct admin_snapshot *snapshot, const char *name,
                        const struct site_counts *counts)
{
    enum { STEP = 64 };
    const struct site_sum sum = site_counts_sum(counts);
    uint64_t requests = 0;
    for (unsigned i = 0; i < SITE_COUNTS_CLASSES; i++)
        requests += sum.requests[i];
    if (requests == 0)
        return true;
    if (snapshot->site_count % STEP == 0) {
        struct admin_site *sites =
            realloc(snapshot->sites, (snapshot->site_count + STEP) * sizeof *sites);
        if (!sites)
            return false;
        snapshot->sites = sites;
    }
    struct admin_site site = {.name = strdup(name), .sum = sum};
    if (!site.name)
        return false;
    snapshot->sites[snapshot->site_count++] = site;
    return true;
}

void admin_worker_take(struct admin_worker *worker, const struct counters *counters)
{
    *worker = (struct admin_worker){.durations = {.all = 0}};
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        worker->value[i] = counters_read(counters, (enum counter)i);
    worker->value[COUNTER_CACHE_LOOKUP_HITS] = counters_cache_hits(counters);
    for (unsigned i = 0; i < COUNTED_METHODS; i++) {
        for (unsigned j = 0; j < HTTP_STATUS_SLOTS; j++)
            worker->requests[i][j] = counters_read_requests(counters, (enum counted_method)i, j);
    }
    durations_sum_add(&worker->durations, &counters->durations);
}

/* All members but VALUE are numbers that only rise, one after the other. */
static_assert(sizeof(struct admin_worker) ==
                  (COUNTER_COUNT + COUNTED_REQUESTS + DURATIONS_BOUNDS + 3) * sizeof(uint64_t),
              "nothing else is in it");

enum { NUMBERS = sizeof(struct admin_worker) / sizeof(uint64_t) };

static uint64_t number(const struct admin_worker *worker, size_t index)
{
    uint64_t value;
    memcpy(&value, (const char *)worker + index * sizeof value, sizeof value);
    return value;
}

static void set_number(struct admin_worker *worker, size_t index, uint64_t value)
{
    memcpy((char *)worker + index * sizeof value, &value, sizeof value);
}

void admin_worker_add(struct admin_worker *sum, const struct admin_worker *worker)
{
    for (size_t i = 0; i < NUMBERS; i++)
        set_number(sum, i, number(sum, i) + number(worker, i));
}

void admin_worker_since(struct admin_worker *worker, const struct admin_worker *before)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        const bool gauge = i >= COUNTER_GAUGES && i < COUNTER_COUNT;
        const uint64_t now = number(worker, i), then = gauge ? 0 : number(before, i);
        set_number(worker, i, now > then ? now - then : 0);
    }
}

uint64_t admin_worker_requests(const struct admin_worker *worker, unsigned class)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < COUNTED_METHODS; i++) {
        for (unsigned j = 0; j < HTTP_STATUS_SLOTS; j++) {
            if (class == 0 || http_status_at(j) / 100 == class)
                sum += worker->requests[i][j];
        }
    }
    return sum;
}

uint64_t admin_worker_sum(const struct admin_worker *worker, enum counter first, enum counter last)
{
    uint64_t sum = 0;
    for (unsigned i = first; i <= (unsigned)last; i++)
        sum += worker->value[i];
    return sum;
}
