/* admin_metrics: see admin_metrics.h. */
#include "admin/admin_metrics.h"

#include "base/num.h"

#include <inttypes.h>
#include <stdlib.h>

enum { WORKERS_MAX = 1024 };

enum family {
    FAMILY_BUILD,
    FAMILY_START,
    FAMILY_DRAINING,
    FAMILY_CONNECTIONS_MAX,
    FAMILY_CACHE_BYTES_MAX,
    FAMILY_RELOADS,
    FAMILY_RELOAD_GOOD,
    FAMILY_RELOAD_TIME,
    FAMILY_REQUESTS,
    FAMILY_DURATION,
    FAMILY_RESPONSES,
    FAMILY_CUT,
    FAMILY_SENT,
    FAMILY_ACCEPTED,
    FAMILY_CLOSED,
    FAMILY_CONNECTIONS,
    FAMILY_REFUSED,
    FAMILY_ENDED,
    FAMILY_TIMEOUTS,
    FAMILY_PAUSES,
    FAMILY_HANDSHAKES,
    FAMILY_HITS,
    FAMILY_MISSES,
    FAMILY_EVICTIONS,
    FAMILY_CACHE_BYTES,
    FAMILY_CACHE_ENTRIES,
    FAMILY_LOG_DROPPED,
    FAMILY_TURNS,
    FAMILY_SITE_REQUESTS,
    FAMILY_SITE_BYTES,
    FAMILY_COUNT,
};

static const struct admin_family families[] = {
    [FAMILY_BUILD] = {"sluice_build_info", "gauge", "1, with what runs as labels."},
    [FAMILY_START] = {"process_start_time_seconds", "gauge",
                      "When the process started, in seconds since 1970."},
    [FAMILY_DRAINING] = {"sluice_draining", "gauge", "1 once a drain has begun, else 0."},
    [FAMILY_CONNECTIONS_MAX] = {"sluice_connections_limit", "gauge",
                                "The most connections that are open at once."},
    [FAMILY_CACHE_BYTES_MAX] = {"sluice_cache_limit_bytes", "gauge",
                                "The most memory that cached responses take."},
    [FAMILY_RELOADS] = {"sluice_reloads_total", "counter",
                        "Reloads that SIGHUP asked for, by their result."},
    [FAMILY_RELOAD_GOOD] = {"sluice_config_last_reload_successful", "gauge",
                            "1 if the last reload was done, 0 if it was refused."},
    [FAMILY_RELOAD_TIME] = {"sluice_config_last_reload_success_timestamp_seconds", "gauge",
                            "When the settings in use were read, in seconds since 1970."},
    [FAMILY_REQUESTS] = {"sluice_http_requests_total", "counter",
                         "Requests that were answered, by method and status."},
    [FAMILY_DURATION] = {"sluice_http_request_duration_seconds", "histogram",
                         "Time from a request's whole head to the last byte of its response."},
    [FAMILY_RESPONSES] = {"sluice_http_responses_total", "counter", "Responses sent whole."},
    [FAMILY_CUT] = {"sluice_http_responses_cut_total", "counter",
                    "Responses whose connection ended before their last byte."},
    [FAMILY_SENT] = {"sluice_sent_bytes_total", "counter",
                     "Bytes of responses sent, heads included, TLS not."},
    [FAMILY_ACCEPTED] = {"sluice_connections_accepted_total", "counter", "Connections accepted."},
    [FAMILY_CLOSED] = {"sluice_connections_closed_total", "counter", "Connections closed."},
    [FAMILY_CONNECTIONS] = {"sluice_connections", "gauge",
                            "Open connections, by what they wait for."},
    [FAMILY_REFUSED] =
        {"sluice_connections_refused_total", "counter",
         "Connections refused: no slot or memory, too many of one address, or no PROXY header."},
    [FAMILY_ENDED] = {"sluice_connections_ended_total", "counter",
                      "Connections ended before their time, but for timeouts."},
    [FAMILY_TIMEOUTS] = {"sluice_timeouts_total", "counter",
                         "Connections ended by a timeout, by what they waited for."},
    [FAMILY_PAUSES] = {"sluice_accept_pauses_total", "counter",
                       "Times that accepting paused: no descriptors, memory or slots."},
    [FAMILY_HANDSHAKES] = {"sluice_tls_handshakes_total", "counter",
                           "TLS handshakes, by version and result."},
    [FAMILY_HITS] = {"sluice_cache_hits_total", "counter", "Requests answered from memory."},
    [FAMILY_MISSES] = {"sluice_cache_misses_total", "counter",
                       "Requests for which files were looked up."},
    [FAMILY_EVICTIONS] = {"sluice_cache_evictions_total", "counter",
                          "Entries removed from the cache to make room."},
    [FAMILY_CACHE_BYTES] = {"sluice_cache_bytes", "gauge", "Memory of the entries in the cache."},
    [FAMILY_CACHE_ENTRIES] = {"sluice_cache_entries", "gauge", "Entries in the cache."},
    [FAMILY_LOG_DROPPED] = {"sluice_log_lines_dropped_total", "counter",
                            "Lines missing from the access log: the writer was slow, they could "
                            "not be written, or no record was free."},
    [FAMILY_TURNS] = {"sluice_loop_turns_total", "counter", "Turns of the event loop."},
    [FAMILY_SITE_REQUESTS] = {"sluice_site_requests_total", "counter",
                              "Requests that a site has answered, by class of status."},
    [FAMILY_SITE_BYTES] = {"sluice_site_body_bytes_total", "counter",
                           "Bytes of content in these responses, counted when they begin."},
};
static_assert(COUNT_OF(families) == FAMILY_COUNT, "each family has a row");

/* Numbers of the process as metrics. Rows of a family are side by side. */
static const struct process_row {
    enum family family;
    const char *labels;
    size_t offset; /* in struct admin_snapshot, of a uint64_t */
} process_rows[] = {
    {FAMILY_CONNECTIONS_MAX, "", offsetof(struct admin_snapshot, connections_max)},
    {FAMILY_CACHE_BYTES_MAX, "", offsetof(struct admin_snapshot, cache_bytes_max)},
    {FAMILY_RELOADS, "result=\"done\"", offsetof(struct admin_snapshot, reloads_done)},
    {FAMILY_RELOADS, "result=\"refused\"", offsetof(struct admin_snapshot, reloads_refused)},
    {FAMILY_RELOAD_GOOD, "", offsetof(struct admin_snapshot, last_reload_good)},
    {FAMILY_RELOAD_TIME, "", offsetof(struct admin_snapshot, last_reload_s)},
};

/* Counters as metrics. Rows of a family are side by side. */
static const struct row {
    enum family family;
    enum counter counter;
    const char *labels; /* after worker; "": none */
} rows[] = {
    {FAMILY_RESPONSES, COUNTER_RESPONSES, ""},
    {FAMILY_CUT, COUNTER_RESPONSES_CUT, ""},
    {FAMILY_SENT, COUNTER_BYTES_SENT, ""},
    {FAMILY_ACCEPTED, COUNTER_CONNECTIONS_ACCEPTED, ""},
    {FAMILY_CLOSED, COUNTER_CONNECTIONS_CLOSED, ""},
    {FAMILY_CONNECTIONS, COUNTER_OPEN_HANDSHAKING, "state=\"handshaking\""},
    {FAMILY_CONNECTIONS, COUNTER_OPEN_IDLE, "state=\"idle\""},
    {FAMILY_CONNECTIONS, COUNTER_OPEN_READING, "state=\"reading\""},
    {FAMILY_CONNECTIONS, COUNTER_OPEN_WAITING, "state=\"waiting\""},
    {FAMILY_CONNECTIONS, COUNTER_OPEN_WRITING, "state=\"writing\""},
    {FAMILY_CONNECTIONS, COUNTER_OPEN_CLOSING, "state=\"closing\""},
    {FAMILY_REFUSED, COUNTER_CONNECTIONS_REFUSED, "reason=\"full\""},
    {FAMILY_REFUSED, COUNTER_CONNECTIONS_REFUSED_ADDRESS, "reason=\"address\""},
    {FAMILY_REFUSED, COUNTER_CONNECTIONS_REFUSED_PROXY, "reason=\"proxy\""},
    {FAMILY_ENDED, COUNTER_CONNECTIONS_EVICTED, "reason=\"evicted\""},
    {FAMILY_ENDED, COUNTER_CONNECTIONS_SHED, "reason=\"storage\""},
    {FAMILY_ENDED, COUNTER_CONNECTIONS_SLOW, "reason=\"slow\""},
    {FAMILY_ENDED, COUNTER_CONNECTIONS_RESET, "reason=\"reset\""},
    {FAMILY_ENDED, COUNTER_CONNECTIONS_DRAINED, "reason=\"drained\""},
    {FAMILY_TIMEOUTS, COUNTER_CONNECTIONS_EXPIRED_HANDSHAKE, "kind=\"handshake\""},
    {FAMILY_TIMEOUTS, COUNTER_CONNECTIONS_EXPIRED_HEAD, "kind=\"head\""},
    {FAMILY_TIMEOUTS, COUNTER_CONNECTIONS_EXPIRED_BODY, "kind=\"body\""},
    {FAMILY_TIMEOUTS, COUNTER_CONNECTIONS_EXPIRED_IDLE, "kind=\"idle\""},
    {FAMILY_TIMEOUTS, COUNTER_CONNECTIONS_EXPIRED_SEND, "kind=\"send\""},
    {FAMILY_TIMEOUTS, COUNTER_CONNECTIONS_EXPIRED_WAIT, "kind=\"wait\""},
    {FAMILY_PAUSES, COUNTER_ACCEPT_PAUSES, ""},
    {FAMILY_HANDSHAKES, COUNTER_TLS_1_2_FULL, "version=\"1.2\",result=\"full\""},
    {FAMILY_HANDSHAKES, COUNTER_TLS_1_2_RESUMED, "version=\"1.2\",result=\"resumed\""},
    {FAMILY_HANDSHAKES, COUNTER_TLS_1_3_FULL, "version=\"1.3\",result=\"full\""},
    {FAMILY_HANDSHAKES, COUNTER_TLS_1_3_RESUMED, "version=\"1.3\",result=\"resumed\""},
    {FAMILY_HANDSHAKES, COUNTER_TLS_FAILED, "version=\"none\",result=\"failed\""},
    {FAMILY_HANDSHAKES, COUNTER_TLS_ABANDONED, "version=\"none\",result=\"abandoned\""},
    {FAMILY_HITS, COUNTER_CACHE_LOOKUP_HITS, ""},
    {FAMILY_MISSES, COUNTER_CACHE_MISSES, ""},
    {FAMILY_EVICTIONS, COUNTER_CACHE_EVICTIONS, ""},
    {FAMILY_CACHE_BYTES, COUNTER_CACHE_BYTES, ""},
    {FAMILY_CACHE_ENTRIES, COUNTER_CACHE_ENTRIES, ""},
    {FAMILY_LOG_DROPPED, COUNTER_LOG_LINES_DROPPED, "reason=\"slow\""},
    {FAMILY_LOG_DROPPED, COUNTER_LOG_LINES_LOST, "reason=\"unwritable\""},
    {FAMILY_LOG_DROPPED, COUNTER_RESPONSES_UNLOGGED, "reason=\"records\""},
    {FAMILY_TURNS, COUNTER_TURNS, ""},
};
static_assert(COUNT_OF(rows) == COUNTER_COUNT, "each counter is a metric");

static const char *const methods[] = {
    [COUNTED_OTHER] = "other",
    [COUNTED_GET] = "GET",
    [COUNTED_HEAD] = "HEAD",
    [COUNTED_OPTIONS] = "OPTIONS",
};
static_assert(COUNT_OF(methods) == COUNTED_METHODS, "each class has a name");

const struct admin_family *admin_families(size_t *ret_count)
{
    *ret_count = FAMILY_COUNT;
    return families;
}

/* --- Writing ---------------------------------------------------------------------------------- */

enum { SECONDS_BYTES = 32 };

/* US microseconds as seconds, without zeros at the end. */
static const char *seconds_text(uint64_t us, char to[static SECONDS_BYTES])
{
    int length =
        snprintf(to, SECONDS_BYTES, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
    while (to[length - 1] == '0')
        to[--length] = '\0';
    if (to[length - 1] == '.')
        to[--length] = '\0';
    return to;
}

static void write_head(FILE *out, enum family family)
{
    const struct admin_family *head = &families[family];
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", head->name, head->help, head->name, head->type);
}

static void write_requests(FILE *out, const struct admin_worker *worker, unsigned index)
{
    for (unsigned i = 0; i < COUNTED_METHODS; i++) {
        for (unsigned j = 0; j < HTTP_STATUS_SLOTS; j++) {
            /* A status that has occurred stays; GET is there from the beginning. */
            if (worker->requests[i][j] > 0 || (i == COUNTED_GET && http_status_at(j) == HTTP_OK))
                fprintf(out, "%s{worker=\"%u\",method=\"%s\",code=\"%u\"} %" PRIu64 "\n",
                        families[FAMILY_REQUESTS].name, index, methods[i], http_status_at(j),
                        worker->requests[i][j]);
        }
    }
}

static void write_durations(FILE *out, const struct admin_worker *worker, unsigned index)
{
    const struct durations_sum *durations = &worker->durations;
    const char *name = families[FAMILY_DURATION].name;
    char text[SECONDS_BYTES];
    uint64_t sum = 0;
    for (unsigned i = 0; i <= DURATIONS_BOUNDS; i++) {
        sum += durations->count[i];
        fprintf(out, "%s_bucket{worker=\"%u\",le=\"%s\"} %" PRIu64 "\n", name, index,
                i < DURATIONS_BOUNDS ? seconds_text(durations_bounds_us[i], text) : "+Inf", sum);
    }
    fprintf(out, "%s_sum{worker=\"%u\"} %s\n", name, index, seconds_text(durations->sum_us, text));
    fprintf(out, "%s_count{worker=\"%u\"} %" PRIu64 "\n", name, index, sum);
}

static void write_process(FILE *out, const struct admin_snapshot *snapshot)
{
    write_head(out, FAMILY_BUILD);
    fprintf(out, "%s{program=\"%s\",version=\"%s\",backend=\"%s\"} 1\n",
            families[FAMILY_BUILD].name, snapshot->program, snapshot->version, snapshot->backend);
    write_head(out, FAMILY_START);
    fprintf(out, "%s %.3f\n", families[FAMILY_START].name, snapshot->started);
    write_head(out, FAMILY_DRAINING);
    fprintf(out, "%s %d\n", families[FAMILY_DRAINING].name, snapshot->draining);
    for (size_t i = 0; i < COUNT_OF(process_rows); i++) {
        const struct process_row *row = &process_rows[i];
        if (i == 0 || process_rows[i - 1].family != row->family)
            write_head(out, row->family);
        fprintf(out, *row->labels ? "%s{%s} " : "%s%s ", families[row->family].name, row->labels);
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
            fprintf(out, "%s{site=", families[FAMILY_SITE_REQUESTS].name);
            admin_quote(out, site->name);
            fprintf(out, ",class=\"%uxx\"} %" PRIu64 "\n", SITE_COUNTS_FIRST + j,
                    site->sum.requests[j]);
        }
    }
    write_head(out, FAMILY_SITE_BYTES);
    for (unsigned i = 0; i < snapshot->site_count; i++) {
        fprintf(out, "%s{site=", families[FAMILY_SITE_BYTES].name);
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
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        if (i == 0 || rows[i - 1].family != row->family)
            write_head(out, row->family);
        for (unsigned j = 0; j < snapshot->worker_count; j++)
            fprintf(out, "%s{worker=\"%u\"%s%s} %" PRIu64 "\n", families[row->family].name, j,
                    *row->labels ? "," : "", row->labels, snapshot->workers[j].value[row->counter]);
    }
    write_sites(out, snapshot);
}

/* --- Reading ---------------------------------------------------------------------------------- */

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
    if (str_equal(name, str_of(families[FAMILY_BUILD].name))) {
        admin_text(label(line->labels, "program"), snapshot->program, sizeof snapshot->program);
        admin_text(label(line->labels, "version"), snapshot->version, sizeof snapshot->version);
        admin_text(label(line->labels, "backend"), snapshot->backend, sizeof snapshot->backend);
    } else if (str_equal(name, str_of(families[FAMILY_START].name))) {
        snapshot->started = (double)line->value;
    } else if (str_equal(name, str_of(families[FAMILY_DRAINING].name))) {
        snapshot->draining = line->value > 0;
    }
    for (size_t i = 0; i < COUNT_OF(process_rows); i++) {
        const struct process_row *row = &process_rows[i];
        if (str_equal(name, str_of(families[row->family].name)) &&
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
        if (str_equal(method, str_of(methods[i])))
            worker->requests[i][index] = line->value;
    }
}

/* PART of a histogram is the end of its name. Buckets come in order and are cumulative. */
static void read_durations(const struct line *line, struct str part, struct admin_worker *worker)
{
    struct durations_sum *durations = &worker->durations;
    char text[SECONDS_BYTES];
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
            i < DURATIONS_BOUNDS ? seconds_text(durations_bounds_us[i], text) : "+Inf";
        if (!str_equal(label(line->labels, "le"), str_of(bound)) || line->value < durations->all)
            continue;
        durations->count[i] = line->value - durations->all;
        durations->all = line->value;
    }
}

static void read_worker(const struct line *line, struct admin_worker *worker)
{
    const struct str duration = str_of(families[FAMILY_DURATION].name);
    if (str_equal(line->name, str_of(families[FAMILY_REQUESTS].name)))
        read_requests(line, worker);
    else if (str_starts_with(line->name, duration))
        read_durations(line, str_from(line->name, duration.length), worker);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_equal(line->name, str_of(families[rows[i].family].name)) &&
            str_equal(line->labels, str_of(rows[i].labels)))
            worker->value[rows[i].counter] = line->value;
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
