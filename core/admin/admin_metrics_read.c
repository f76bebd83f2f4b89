/* admin_metrics_read: a snapshot from Prometheus' text. See admin_metrics.h. */
#include "admin/admin_metrics_parts.h"
#include "base/num.h"

enum { WORKERS_MAX = 1024 };

/* A line: NAME{worker="WORKER",LABELS} VALUE, or NAME{LABELS} VALUE. */
struct line {
    struct str name;
    struct str labels; /* after worker */
    uint64_t worker;   /* UINT64_MAX: none */
    struct str text;
    uint64_t value; /* of TEXT up to its fraction */
};

static bool read_line(struct str text, struct line *ret)
{
    const size_t end = str_find_last(text, ' '), brace = str_find(text, '{');
    *ret = (struct line){.worker = UINT64_MAX, .text = str_from(text, end + 1)};
    if (end == text.length || text.at[0] == '#' || (brace < end && text.at[end - 1] != '}'))
        return false;
    ret->name = str_first(text, size_min(brace, end));
    if (brace < end)
        ret->labels = str_from(str_first(text, end - 1), brace + 1);
    if (str_starts_with(ret->labels, STR("worker=\""))) {
        struct str rest = str_from(ret->labels, strlen("worker=\""));
        const size_t quote = str_find(rest, '"');
        if (!num_parse_u64(str_first(rest, quote), &ret->worker) || ret->worker >= WORKERS_MAX)
            return false;
        ret->labels = str_from(rest, quote + 1);
        if (ret->labels.length > 0 && ret->labels.at[0] == ',')
            ret->labels = str_from(ret->labels, 1);
    }
    return num_parse_u64(str_first(ret->text, str_find(ret->text, '.')), &ret->value);
}

/* The value of the label NAME in LABELS; empty: it has none. */
static struct str label(struct str labels, const char *name)
{
    while (labels.length > 0) {
        const size_t equals = str_find(labels, '=');
        const struct str rest = str_from(labels, equals + 2);
        const size_t quote = str_find(rest, '"');
        if (str_equal(str_first(labels, equals), str_of(name)))
            return str_first(rest, quote);
        labels = str_from(rest, quote + 2);
    }
    return STR("");
}

static void read_process(const struct line *line, struct admin_snapshot *snapshot)
{
    const struct str name = line->name;
    if (str_equal(name, str_of(admin_metrics_families[FAMILY_BUILD].name))) {
        admin_text(label(line->labels, "program"), snapshot->program, sizeof snapshot->program);
        admin_text(label(line->labels, "version"), snapshot->version, sizeof snapshot->version);
        admin_text(label(line->labels, "backend"), snapshot->backend, sizeof snapshot->backend);
    } else if (str_equal(name, str_of(admin_metrics_families[FAMILY_START].name))) {
        snapshot->started = (double)line->value;
    } else if (str_equal(name, str_of(admin_metrics_families[FAMILY_DRAINING].name))) {
        snapshot->draining = line->value > 0;
    }
    for (size_t i = 0; i < COUNT_OF(admin_metrics_process_rows); i++) {
        const struct admin_metrics_process_row *row = &admin_metrics_process_rows[i];
        if (str_equal(name, str_of(admin_metrics_families[row->family].name)) &&
            str_equal(line->labels, str_of(row->labels)))
            *(uint64_t *)((char *)snapshot + row->offset) = line->value;
    }
}

static void read_requests(const struct line *line, struct admin_worker *worker)
{
    uint64_t code;
    const struct str method = label(line->labels, "method");
    if (!num_parse_u64(label(line->labels, "code"), &code) || code > 999)
        return;
    const unsigned index = http_status_index((enum http_status)code);
    for (unsigned i = 0; i < COUNTED_METHODS; i++) {
        if (str_equal(method, str_of(admin_metrics_methods[i])))
            worker->requests[i][index] = line->value;
    }
}

/* PART of a histogram is the end of its name. Buckets come in order and are cumulative. */
static void read_durations(const struct line *line, struct str part, struct admin_worker *worker)
{
    struct durations_sum *durations = &worker->durations;
    char text[ADMIN_METRICS_SECONDS_BYTES];
    if (str_equal(part, STR("_sum"))) {
        const struct str fraction = str_from(line->text, str_find(line->text, '.') + 1);
        uint64_t us = 0;
        for (size_t i = 0; i < 6; i++)
            us = us * 10 + (i < fraction.length ? (uint64_t)(fraction.at[i] - '0') % 10 : 0);
        durations->sum_us = line->value * 1000000 + us;
    }
    if (!str_equal(part, STR("_bucket")))
        return;
    for (unsigned i = 0; i <= DURATIONS_BOUNDS; i++) {
        const char *bound =
            i < DURATIONS_BOUNDS ? admin_metrics_seconds(durations_bounds_us[i], text) : "+Inf";
        if (!str_equal(label(line->labels, "le"), str_of(bound)) || line->value < durations->all)
            continue;
        durations->count[i] = line->value - durations->all;
        durations->all = line->value;
    }
}

static void read_worker(const struct line *line, struct admin_worker *worker)
{
    const struct str duration = str_of(admin_metrics_families[FAMILY_DURATION].name);
    if (str_equal(line->name, str_of(admin_metrics_families[FAMILY_REQUESTS].name)))
        read_requests(line, worker);
    else if (str_starts_with(line->name, duration))
        read_durations(line, str_from(line->name, duration.length), worker);
    for (size_t i = 0; i < COUNT_OF(admin_metrics_rows); i++) {
        if (str_equal(line->name,
                      str_of(admin_metrics_families[admin_metrics_rows[i].family].name)) &&
            str_equal(line->labels, str_of(admin_metrics_rows[i].labels)))
            worker->value[admin_metrics_rows[i].counter] = line->value;
    }
}

/* Takes the next line off *TEXT. */
static struct str take_line(struct str *text)
{
    const size_t end = str_find(*text, '\n');
    const struct str line = str_first(*text, end);
    *text = str_from(*text, end + 1);
    return line;
}

static unsigned count_workers(struct str text)
{
    uint64_t count = 0;
    struct line line;
    while (text.length > 0) {
        if (read_line(take_line(&text), &line) && line.worker != UINT64_MAX && line.worker >= count)
            count = line.worker + 1;
    }
    return (unsigned)count;
}

bool admin_metrics_read(struct str text, struct admin_snapshot *ret)
{
    const unsigned count = count_workers(text);
    struct line line;
    if (count == 0 || !admin_snapshot_init(ret, count))
        return false;
    while (text.length > 0) {
        if (!read_line(take_line(&text), &line))
            continue;
        if (line.worker == UINT64_MAX)
            read_process(&line, ret);
        else
            read_worker(&line, &ret->workers[line.worker]);
    }
    return true;
}
