/* admin_metrics: every line is what Prometheus' text format 0.0.4 allows, and says what the
 * snapshot has. */
#include "admin/admin_metrics.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* A snapshot in which no two numbers are equal. */
static void fill(struct admin_snapshot *ret, unsigned workers)
{
    uint64_t next = 1;
    cr_assert(admin_snapshot_init(ret, workers));
    str_put(ret->program, STR("sluice"));
    str_put(ret->version, STR("1.2.3"));
    str_put(ret->backend, STR("epoll"));
    ret->started = 1764424800;
    ret->connections_max = 12345;
    ret->cache_bytes_max = 1 << 20;
    ret->reloads_done = 101;
    ret->reloads_refused = 102;
    ret->last_reload_good = 1;
    ret->last_reload_s = 1764424900;
    ret->draining = true;
    for (unsigned i = 0; i < workers; i++) {
        struct admin_worker *worker = &ret->workers[i];
        for (unsigned j = 0; j < COUNTER_COUNT; j++)
            worker->value[j] = next++;
        for (unsigned j = 0; j < COUNTED_METHODS; j++) {
            for (unsigned k = 1; k < HTTP_STATUS_SLOTS; k++)
                worker->requests[j][k] = next++;
        }
        for (unsigned j = 0; j <= DURATIONS_BOUNDS; j++)
            worker->durations.all += worker->durations.count[j] = next++;
        worker->durations.sum_us = next++ * 1000003;
    }
}

/* *Gives* the text. */
static char *text_of(const struct admin_snapshot *snapshot)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    admin_metrics_write(snapshot, out);
    cr_assert_eq(fclose(out), 0);
    return text;
}

/* --- The format ------------------------------------------------------------------------------- */

static bool is_name(struct str name, bool metric)
{
    for (size_t i = 0; i < name.length; i++) {
        const char c = name.at[i], lower = char_lower(c);
        if (!(lower >= 'a' && lower <= 'z') && c != '_' && !(c == ':' && metric) &&
            !(char_is_digit(c) && i > 0))
            return false;
    }
    return name.length > 0;
}

/* Checks {NAME="VALUE",...}. */
static void check_labels(struct str labels)
{
    while (labels.length > 0) {
        const size_t equals = str_find(labels, '=');
        cr_assert(is_name(str_first(labels, equals), false), "%.*s", (int)labels.length, labels.at);
        labels = str_from(labels, equals + 1);
        cr_assert(labels.length > 1 && labels.at[0] == '"');
        labels = str_from(labels, 1);
        const size_t quote = str_find(labels, '"');
        cr_assert_lt(quote, labels.length);
        cr_assert_eq(str_find(str_first(labels, quote), '\\'), quote, "nothing needs an escape");
        labels = str_from(labels, quote + 1);
        cr_assert(labels.length == 0 || labels.at[0] == ',');
        labels = str_from(labels, 1);
    }
}

static void check_sample(struct str line, struct str family, struct str type)
{
    const size_t brace = str_find(line, '{'), space = str_find_last(line, ' ');
    const struct str name = str_first(line, size_min(brace, space));
    const bool histogram = str_equal(type, STR("histogram"));
    char *end;
    cr_assert(is_name(name, true), "%.*s", (int)line.length, line.at);
    cr_assert(str_starts_with(name, family), "samples follow their TYPE: %.*s", (int)line.length,
              line.at);
    cr_assert(histogram || name.length == family.length);
    cr_assert(!str_equal(type, STR("counter")) || str_ends_with(name, STR("_total")));
    if (brace < space) {
        cr_assert_eq(line.at[space - 1], '}');
        check_labels(str_from(str_first(line, space - 1), brace + 1));
    }
    strtod(line.at + space + 1, &end);
    cr_assert_eq(end, line.at + line.length, "a number: %.*s", (int)line.length, line.at);
}

Test(admin_metrics, each_line_is_a_sample_or_the_head_of_its_family)
{
    struct admin_snapshot snapshot;
    fill(&snapshot, 3);
    char *text = text_of(&snapshot), *line, *rest = text;
    char family[128] = "", type[32] = "", help[512];
    unsigned families = 0;
    size_t count;
    while ((line = strsep(&rest, "\n")) && *line) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            cr_assert_eq(sscanf(line, "# HELP %127s %511[^\n]", family, help), 2);
            *type = '\0';
            families++;
        } else if (line[0] == '#') {
            char name[128];
            cr_assert_eq(sscanf(line, "# TYPE %127s %31s", name, type), 2, "%s", line);
            cr_assert_str_eq(name, family, "TYPE follows HELP");
        } else {
            cr_assert(*type, "TYPE comes before samples");
            check_sample(str_of(line), str_of(family), str_of(type));
        }
    }
    cr_expect_null(rest, "the last line ends in a newline, and no line is empty");
    admin_families(&count);
    cr_expect_eq(families, count, "each family is written once");
    free(text);
    admin_snapshot_fini(&snapshot);
}

Test(admin_metrics, no_series_comes_twice)
{
    enum { LINES_MAX = 4096 };
    struct admin_snapshot snapshot;
    fill(&snapshot, 2);
    char *text = text_of(&snapshot), *line, *rest = text;
    static char *seen[LINES_MAX];
    unsigned count = 0;
    while ((line = strsep(&rest, "\n")) && *line) {
        if (line[0] == '#')
            continue;
        *strrchr(line, ' ') = '\0';
        for (unsigned i = 0; i < count; i++)
            cr_assert_str_neq(line, seen[i]);
        cr_assert_lt(count, LINES_MAX);
        seen[count++] = line;
    }
    free(text);
    admin_snapshot_fini(&snapshot);
}

Test(admin_metrics, a_histogram_is_cumulative_and_ends_in_its_count)
{
    struct admin_snapshot snapshot;
    cr_assert(admin_snapshot_init(&snapshot, 1));
    snapshot.workers[0].durations.count[2] = 3;
    snapshot.workers[0].durations.count[7] = 4;
    snapshot.workers[0].durations.sum_us = 2500000;
    char *text = text_of(&snapshot);
#define DURATION "sluice_http_request_duration_seconds"
    cr_expect(strstr(text, DURATION "_bucket{worker=\"0\",le=\"0.000025\"} 3\n"));
    cr_expect(strstr(text, DURATION "_bucket{worker=\"0\",le=\"0.0005\"} 3\n"));
    cr_expect(strstr(text, DURATION "_bucket{worker=\"0\",le=\"0.001\"} 7\n"));
    cr_expect(strstr(text, DURATION "_bucket{worker=\"0\",le=\"60\"} 7\n"));
    cr_expect(strstr(text, DURATION "_bucket{worker=\"0\",le=\"+Inf\"} 7\n"));
    cr_expect(strstr(text, DURATION "_sum{worker=\"0\"} 2.5\n"));
    cr_expect(strstr(text, DURATION "_count{worker=\"0\"} 7\n"));
    free(text);
    admin_snapshot_fini(&snapshot);
}

Test(admin_metrics, a_status_that_has_not_occurred_is_not_written)
{
    struct admin_snapshot snapshot;
    cr_assert(admin_snapshot_init(&snapshot, 1));
    snapshot.workers[0].requests[COUNTED_HEAD][http_status_index(HTTP_NOT_FOUND)] = 1;
    char *text = text_of(&snapshot);
    cr_expect(strstr(text, "requests_total{worker=\"0\",method=\"GET\",code=\"200\"} 0\n"));
    cr_expect(strstr(text, "requests_total{worker=\"0\",method=\"HEAD\",code=\"404\"} 1\n"));
    cr_expect_null(strstr(text, "code=\"500\""));
    free(text);
    admin_snapshot_fini(&snapshot);
}

/* --- Sites ------------------------------------------------------------------------------------ */

Test(admin_metrics, sites_that_have_had_requests_have_their_lines)
{
    struct admin_snapshot snapshot;
    struct site_counts *used = site_counts_create(), *unused = site_counts_create();
    struct site_counts_place *place = site_counts_place(used, 0);
    site_count_add(site_counts_class(place, 200), 11);
    site_count_add(site_counts_class(place, 404), 22);
    cr_assert(admin_snapshot_init(&snapshot, 1));
    for (unsigned i = 0; i < 200; i++) {
        cr_assert(admin_snapshot_add(&snapshot, "unused.example", unused));
        cr_assert(admin_snapshot_add(&snapshot, i == 150 ? "a\"b\\c" : "used.example", used));
    }
    cr_expect_eq(snapshot.site_count, 200);
    char *text = text_of(&snapshot);
    cr_expect(
        strstr(text, "\nsluice_site_requests_total{site=\"used.example\",class=\"2xx\"} 1\n"));
    cr_expect(
        strstr(text, "\nsluice_site_requests_total{site=\"used.example\",class=\"4xx\"} 1\n"));
    cr_expect(strstr(text, "\nsluice_site_body_bytes_total{site=\"used.example\"} 33\n"));
    cr_expect(strstr(text, "\nsluice_site_body_bytes_total{site=\"a\\\"b\\\\c\"} 33\n"));
    cr_expect_null(strstr(text, "unused"));
    cr_expect_null(strstr(text, "class=\"3xx\""));
    free(text);
    admin_snapshot_fini(&snapshot);
    site_counts_unref(used);
    site_counts_unref(unused);
}

/* --- Reading ---------------------------------------------------------------------------------- */

Test(admin_metrics, reads_what_it_has_written)
{
    struct admin_snapshot snapshot, read;
    fill(&snapshot, 3);
    char *text = text_of(&snapshot);
    cr_assert(admin_metrics_read(str_of(text), &read));
    cr_expect_str_eq(read.program, "sluice");
    cr_expect_str_eq(read.version, "1.2.3");
    cr_expect_str_eq(read.backend, "epoll");
    cr_expect_eq(read.started, snapshot.started);
    cr_expect_eq(read.connections_max, snapshot.connections_max);
    cr_expect_eq(read.cache_bytes_max, snapshot.cache_bytes_max);
    cr_expect_eq(read.reloads_done, 101);
    cr_expect_eq(read.reloads_refused, 102);
    cr_expect_eq(read.last_reload_good, 1);
    cr_expect_eq(read.last_reload_s, 1764424900);
    cr_expect(read.draining);
    cr_assert_eq(read.worker_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        const struct admin_worker *a = &read.workers[i], *b = &snapshot.workers[i];
        for (unsigned j = 0; j < COUNTER_COUNT; j++)
            cr_expect_eq(a->value[j], b->value[j], "counter %u", j);
        cr_expect_eq(memcmp(a->requests, b->requests, sizeof a->requests), 0);
        cr_expect_eq(memcmp(&a->durations, &b->durations, sizeof a->durations), 0);
    }
    free(text);
    admin_snapshot_fini(&read);
    admin_snapshot_fini(&snapshot);
}

Test(admin_metrics, reads_past_what_it_does_not_know)
{
    struct admin_snapshot read;
    cr_assert(admin_metrics_read(
        STR("# comment\n\nnonsense\nx{worker=\"1\"} 5\n"
            "sluice_sent_bytes_total{worker=\"0\"} 77\n"
            "sluice_http_requests_total{worker=\"0\"} 1\n"
            "sluice_http_requests_total{worker=\"0\",method=\"GET\",code=\"x\"} 1\n"
            "sluice_sent_bytes_total{worker=\"99999999999\"} 1\n"
            "sluice_sent_bytes_total{worker=\"0\" 1\n{ \n{} {"),
        &read));
    cr_expect_eq(read.worker_count, 2);
    cr_expect_eq(read.workers[0].value[COUNTER_BYTES_SENT], 77);
    admin_snapshot_fini(&read);
    cr_expect_not(admin_metrics_read(STR(""), &read));
    cr_expect_not(admin_metrics_read(STR("<html>no</html>"), &read));
}

/* The listener may be another program. */
Test(admin_metrics, names_from_elsewhere_hold_nothing_that_a_terminal_obeys)
{
    struct admin_snapshot read;
    cr_assert(admin_metrics_read(STR("sluice_build_info{program=\"a\033[31m\x9b\",version=\"\r\","
                                     "backend=\"\"} 1\nsluice_sent_bytes_total{worker=\"0\"} 1\n"),
                                 &read));
    cr_expect_str_eq(read.program, "a?[31m?");
    cr_expect_str_eq(read.version, "?");
    admin_snapshot_fini(&read);
}

/* --- Snapshots -------------------------------------------------------------------------------- */

Test(admin_snapshot, what_happened_since_leaves_gauges_as_they_are)
{
    struct admin_snapshot snapshot;
    fill(&snapshot, 2);
    struct admin_worker change = snapshot.workers[1];
    admin_worker_since(&change, &snapshot.workers[0]);
    const uint64_t distance = snapshot.workers[1].value[0] - snapshot.workers[0].value[0];
    cr_expect_eq(change.value[COUNTER_RESPONSES], distance);
    cr_expect_eq(change.requests[COUNTED_GET][1], distance);
    cr_expect_eq(change.durations.count[0], distance);
    cr_expect_eq(change.value[COUNTER_OPEN_IDLE], snapshot.workers[1].value[COUNTER_OPEN_IDLE]);
    admin_snapshot_fini(&snapshot);
}

Test(admin_snapshot, sums_requests_by_class)
{
    struct admin_worker worker = {.durations = {.all = 0}};
    worker.requests[COUNTED_GET][http_status_index(HTTP_OK)] = 1;
    worker.requests[COUNTED_HEAD][http_status_index(HTTP_PARTIAL_CONTENT)] = 2;
    worker.requests[COUNTED_GET][http_status_index(HTTP_NOT_FOUND)] = 4;
    worker.requests[COUNTED_OTHER][http_status_index(HTTP_UNAVAILABLE)] = 8;
    cr_expect_eq(admin_worker_requests(&worker, 2), 3);
    cr_expect_eq(admin_worker_requests(&worker, 4), 4);
    cr_expect_eq(admin_worker_requests(&worker, 5), 8);
    cr_expect_eq(admin_worker_requests(&worker, 0), 15);
}
