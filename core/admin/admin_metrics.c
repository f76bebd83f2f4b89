/* admin_metrics: a snapshot as Prometheus' text. See admin_metrics.h. */
#include "admin/admin_metrics_parts.h"

#include <inttypes.h>

const char *admin_metrics_seconds(uint64_t us, char to[static ADMIN_METRICS_SECONDS_BYTES])
{
    int length = snprintf(to, ADMIN_METRICS_SECONDS_BYTES, "%" PRIu64 ".%06u", us / 1000000,
                          (unsigned)(us % 1000000));
    while (to[length - 1] == '0')
        to[--length] = '\0';
    if (to[length - 1] == '.')
        to[--length] = '\0';
    return to;
}

static void write_head(FILE *out, enum family family)
{
    const struct admin_family *head = &admin_metrics_families[family];
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", head->name, head->help, head->name, head->type);
}

static void write_requests(FILE *out, const struct admin_worker *worker, unsigned index)
{
    for (unsigned i = 0; i < COUNTED_METHODS; i++) {
        for (unsigned j = 0; j < HTTP_STATUS_SLOTS; j++) {
            /* A status that has occurred stays; GET is there from the beginning. */
            if (worker->requests[i][j] > 0 || (i == COUNTED_GET && http_status_at(j) == HTTP_OK))
                fprintf(out, "%s{worker=\"%u\",method=\"%s\",code=\"%u\"} %" PRIu64 "\n",
                        admin_metrics_families[FAMILY_REQUESTS].name, index,
                        admin_metrics_methods[i], http_status_at(j), worker->requests[i][j]);
        }
    }
}

static void write_durations(FILE *out, const struct admin_worker *worker, unsigned index)
{
    const struct durations_sum *durations = &worker->durations;
    const char *name = admin_metrics_families[FAMILY_DURATION].name;
    char text[ADMIN_METRICS_SECONDS_BYTES];
    uint64_t sum = 0;
    for (unsigned i = 0; i <= DURATIONS_BOUNDS; i++) {
        sum += durations->count[i];
        fprintf(out, "%s_bucket{worker=\"%u\",le=\"%s\"} %" PRIu64 "\n", name, index,
                i < DURATIONS_BOUNDS ? admin_metrics_seconds(durations_bounds_us[i], text) : "+Inf",
                sum);
    }
    fprintf(out, "%s_sum{worker=\"%u\"} %s\n", name, index,
            admin_metrics_seconds(durations->sum_us, text));
    fprintf(out, "%s_count{worker=\"%u\"} %" PRIu64 "\n", name, index, sum);
}

static void write_process(FILE *out, const struct admin_snapshot *snapshot)
{
    write_head(out, FAMILY_BUILD);
    fprintf(out, "%s{program=\"%s\",version=\"%s\",backend=\"%s\"} 1\n",
            admin_metrics_families[FAMILY_BUILD].name, snapshot->program, snapshot->version,
            snapshot->backend);
    write_head(out, FAMILY_START);
    fprintf(out, "%s %.3f\n", admin_metrics_families[FAMILY_START].name, snapshot->started);
    write_head(out, FAMILY_DRAINING);
    fprintf(out, "%s %d\n", admin_metrics_families[FAMILY_DRAINING].name, snapshot->draining);
    for (size_t i = 0; i < COUNT_OF(admin_metrics_process_rows); i++) {
        const struct admin_metrics_process_row *row = &admin_metrics_process_rows[i];
        if (i == 0 || admin_metrics_process_rows[i - 1].family != row->family)
            write_head(out, row->family);
        fprintf(out, *row->labels ? "%s{%s} " : "%s%s ", admin_metrics_families[row->family].name,
                row->labels);
        fprintf(out, "%" PRIu64 "\n", *(const uint64_t *)((const char *)snapshot + row->offset));
    }
}

static void write_sites(FILE *out, const struct admin_snapshot *snapshot)
{
    write_head(out, FAMILY_SITE_REQUESTS);
    for (unsigned i = 0; i < snapshot->site_count; i++) {
        const struct admin_site *site = &snapshot->sites[i];
        for (unsigned j = 0; j < SITE_COUNTS_CLASSES; j++) {
            if (site->sum.requests[j] == 0)
                continue;
            fprintf(out, "%s{site=", admin_metrics_families[FAMILY_SITE_REQUESTS].name);
            admin_quote(out, site->name);
            fprintf(out, ",class=\"%uxx\"} %" PRIu64 "\n", SITE_COUNTS_FIRST + j,
                    site->sum.requests[j]);
        }
    }
    write_head(out, FAMILY_SITE_BYTES);
    for (unsigned i = 0; i < snapshot->site_count; i++) {
        fprintf(out, "%s{site=", admin_metrics_families[FAMILY_SITE_BYTES].name);
        admin_quote(out, snapshot->sites[i].name);
        fprintf(out, "} %" PRIu64 "\n", snapshot->sites[i].sum.body_bytes);
    }
}

void admin_metrics_write(const struct admin_snapshot *snapshot, FILE *out)
{
    write_process(out, snapshot);
    write_head(out, FAMILY_REQUESTS);
    for (unsigned i = 0; i < snapshot->worker_count; i++)
        write_requests(out, &snapshot->workers[i], i);
    write_head(out, FAMILY_DURATION);
    for (unsigned i = 0; i < snapshot->worker_count; i++)
        write_durations(out, &snapshot->workers[i], i);
    for (size_t i = 0; i < COUNT_OF(admin_metrics_rows); i++) {
        const struct admin_metrics_row *row = &admin_metrics_rows[i];
        if (i == 0 || admin_metrics_rows[i - 1].family != row->family)
            write_head(out, row->family);
        for (unsigned j = 0; j < snapshot->worker_count; j++)
            fprintf(out, "%s{worker=\"%u\"%s%s} %" PRIu64 "\n",
                    admin_metrics_families[row->family].name, j, *row->labels ? "," : "",
                    row->labels, snapshot->workers[j].value[row->counter]);
    }
    write_sites(out, snapshot);
}
