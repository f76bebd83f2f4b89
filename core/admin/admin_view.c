/* admin_view: see admin_view.h. */
#include "admin/admin_view.h"

#include "base/clock.h"
#include "base/num.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_BYTES = 512,
    FACT_BYTES = 200,
    CELL_BYTES = 32,
    FOOT_ROWS = 3, /* for the sums */
};

/* --- Lines ------------------------------------------------------------------------------------ */

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_HEAD, STYLE_GOOD, STYLE_BAD };

static const char *const styles[] = {
    [STYLE_PLAIN] = "",       [STYLE_BOLD] = "\033[1m",  [STYLE_DIM] = "\033[2m",
    [STYLE_HEAD] = "\033[7m", [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[1;31m",
};

/* Whether the screen has room for one more line. The cursor needs one, too. */
static bool has_room(const struct admin_view *view)
{
    return view->rows == 0 || view->lines + 1 < view->rows;
}

static void end_line(struct admin_view *view, FILE *out)
{
    fputs(view->live ? "\033[K" : "", out); /* the rest of a longer line before */
    fputs(view->returns ? "\r\n" : "\n", out);
    view->lines++;
}

/* Writes one line of ASCII in STYLE, as wide as the terminal at most, if there is room for it. */
static void put_line(struct admin_view *view, FILE *out, enum style style, const char *line)
{
    const int most = (int)size_min(view->columns, LINE_BYTES);
    if (!has_room(view))
        return;
    if (view->colors && style == STYLE_HEAD)
        fprintf(out, "%s%-*.*s\033[0m", styles[style], most, most, line);
    else if (view->colors && style != STYLE_PLAIN)
        fprintf(out, "%s%.*s\033[0m", styles[style], most, line);
    else
        fprintf(out, "%.*s", most, line);
    end_line(view, out);
}

/* Facts, side by side in as many lines as they need, but for those wider than the terminal. */
struct flow {
    struct admin_view *view;
    FILE *out;
    enum style style;
    size_t length;
    char line[LINE_BYTES];
};

static void end_flow(struct flow *flow)
{
    if (flow->length > 0)
        put_line(flow->view, flow->out, flow->style, flow->line);
    flow->length = 0;
}

static void put_fact(struct flow *flow, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put_fact(struct flow *flow, const char *format, ...)
{
    char fact[FACT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fact, sizeof fact, format, arguments);
    va_end(arguments);
    const size_t room = size_min(flow->view->columns, sizeof flow->line - 1);
    if (strlen(fact) > room)
        return;
    if (flow->length > 0 && flow->length + 2 + strlen(fact) > room)
        end_flow(flow);
    flow->length += (size_t)snprintf(flow->line + flow->length, sizeof flow->line - flow->length,
                                     "%s%s", flow->length > 0 ? "  " : "", fact);
}

/* --- Numbers ---------------------------------------------------------------------------------- */

static const char *number_text(double value, char to[static CELL_BYTES])
{
    if (value >= 1e9)
        snprintf(to, CELL_BYTES, "%.2fG", value / 1e9);
    else if (value >= 1e6)
        snprintf(to, CELL_BYTES, "%.2fM", value / 1e6);
    else if (value >= 1e5)
        snprintf(to, CELL_BYTES, "%.0fk", value / 1e3);
    else
        snprintf(to, CELL_BYTES, value < 100 && value > 0 ? "%.1f" : "%.0f", value);
    return to;
}

/* As number_text, but whole. */
static const char *count_text(uint64_t count, char to[static CELL_BYTES])
{
    if (count >= 100000)
        return number_text((double)count, to);
    snprintf(to, CELL_BYTES, "%" PRIu64, count);
    return to;
}

static const char *duration_text(double us, char to[static CELL_BYTES])
{
    if (us <= 0)
        snprintf(to, CELL_BYTES, "-");
    else if (us < 1000)
        snprintf(to, CELL_BYTES, "%.0fus", us);
    else if (us < 1e6)
        snprintf(to, CELL_BYTES, us < 1e4 ? "%.1fms" : "%.0fms", us / 1e3);
    else
        snprintf(to, CELL_BYTES, "%.1fs", us / 1e6);
    return to;
}

static const char *percent_text(uint64_t part, uint64_t all, char to[static CELL_BYTES])
{
    if (all == 0)
        snprintf(to, CELL_BYTES, "-");
    else
        snprintf(to, CELL_BYTES, part == all ? "%.0f%%" : "%.1f%%",
                 100 * (double)part / (double)all);
    return to;
}

static const char *age_text(double seconds, char to[static CELL_BYTES])
{
    const uint64_t s = seconds > 0 ? (uint64_t)seconds : 0;
    if (s >= 86400)
        snprintf(to, CELL_BYTES, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        snprintf(to, CELL_BYTES, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
    else
        snprintf(to, CELL_BYTES, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
    return to;
}

/* --- The table -------------------------------------------------------------------------------- */

enum column {
    COLUMN_WORKER,
    COLUMN_REQUESTS,
    COLUMN_SENT,
    COLUMN_MEDIAN,
    COLUMN_SLOW,
    COLUMN_HITS,
    COLUMN_CLIENT_ERRORS,
    COLUMN_SERVER_ERRORS,
    COLUMN_OPEN,
    COLUMN_IDLE,
    COLUMN_READING,
    COLUMN_WAITING,
    COLUMN_WRITING,
    COLUMN_OTHER,
    COLUMN_COUNT,
};

/* The most important ones come first: a narrow terminal has no room for the last ones. */
static const struct {
    const char *title;
    int width;
} columns[] = {
    [COLUMN_WORKER] = {"worker", -6}, /* to the left */
    [COLUMN_REQUESTS] = {"req/s", 8},      [COLUMN_SENT] = {"sent/s", 11},
    [COLUMN_MEDIAN] = {"p50", 8},          [COLUMN_SLOW] = {"p99", 8},
    [COLUMN_HITS] = {"hits", 7},           [COLUMN_CLIENT_ERRORS] = {"4xx/s", 7},
    [COLUMN_SERVER_ERRORS] = {"5xx/s", 7}, [COLUMN_OPEN] = {"open", 8},
    [COLUMN_IDLE] = {"idle", 8},           [COLUMN_READING] = {"reading", 8},
    [COLUMN_WAITING] = {"waiting", 8},     [COLUMN_WRITING] = {"writing", 8},
    [COLUMN_OTHER] = {"other", 8},
};
static_assert(COUNT_OF(columns) == COLUMN_COUNT, "each column has a title");

struct row {
    char cells[COLUMN_COUNT][CELL_BYTES];
};

/* Writes the columns of ROW that fit whole: part of a number would be another number. */
static void put_row(struct admin_view *view, FILE *out, enum style style, const struct row *row)
{
    char line[LINE_BYTES] = "";
    size_t length = 0;
    for (unsigned i = 0; i < COLUMN_COUNT; i++) {
        if (length + (unsigned)abs(columns[i].width) > view->columns)
            break;
        length += (size_t)snprintf(line + length, sizeof line - length, "%*s", columns[i].width,
                                   row->cells[i]);
    }
    put_line(view, out, style, line);
}

static void put_titles(struct admin_view *view, FILE *out)
{
    struct row row;
    for (unsigned i = 0; i < COLUMN_COUNT; i++)
        snprintf(row.cells[i], CELL_BYTES, "%s", columns[i].title);
    put_row(view, out, STYLE_HEAD, &row);
}

/* A line of the table: what WORKER did in SECONDS, and its gauges. */
static void put_worker(struct admin_view *view, FILE *out, const char *name,
                       const struct admin_worker *worker, double seconds)
{
    struct row row;
    const struct durations_sum *durations = &worker->durations;
    const uint64_t *value = worker->value, failed = admin_worker_requests(worker, 5);
    const uint64_t hits = value[COUNTER_CACHE_LOOKUP_HITS];
    const uint64_t open[] = {
        admin_worker_sum(worker, COUNTER_OPEN_HANDSHAKING, COUNTER_OPEN_CLOSING),
        value[COUNTER_OPEN_IDLE],
        value[COUNTER_OPEN_READING],
        value[COUNTER_OPEN_WAITING],
        value[COUNTER_OPEN_WRITING],
        value[COUNTER_OPEN_HANDSHAKING] + value[COUNTER_OPEN_CLOSING],
    };
    snprintf(row.cells[COLUMN_WORKER], CELL_BYTES, "%s", name);
    number_text((double)admin_worker_requests(worker, 0) / seconds, row.cells[COLUMN_REQUESTS]);
    num_write_size(row.cells[COLUMN_SENT], (uint64_t)((double)value[COUNTER_BYTES_SENT] / seconds));
    duration_text(durations_quantile_us(durations, 50), row.cells[COLUMN_MEDIAN]);
    duration_text(durations_quantile_us(durations, 99), row.cells[COLUMN_SLOW]);
    percent_text(hits, hits + value[COUNTER_CACHE_MISSES], row.cells[COLUMN_HITS]);
    number_text((double)admin_worker_requests(worker, 4) / seconds,
                row.cells[COLUMN_CLIENT_ERRORS]);
    number_text((double)failed / seconds, row.cells[COLUMN_SERVER_ERRORS]);
    static_assert(COLUMN_OPEN + COUNT_OF(open) == COLUMN_COUNT, "the gauges are the last columns");
    for (unsigned i = 0; i < COUNT_OF(open); i++)
        count_text(open[i], row.cells[COLUMN_OPEN + i]);
    enum style style = strcmp(name, "all") == 0 ? STYLE_BOLD : STYLE_PLAIN;
    put_row(view, out, failed > 0 ? STYLE_BAD : style, &row);
}

/* Writes what each worker did in SECONDS between BEFORE and NOW, with FOOT_ROWS left for what
 * follows. */
static void put_workers(struct admin_view *view, FILE *out, const struct admin_snapshot *before,
                        const struct admin_snapshot *now, double seconds)
{
    const unsigned used = view->lines + FOOT_ROWS + 1, count = now->worker_count;
    unsigned shown = view->rows > used ? view->rows - used : 0;
    if (view->rows == 0 || shown >= count)
        shown = count;
    else if (shown > 0)
        shown--; /* for the line about the others */
    for (unsigned i = 0; i < shown; i++) {
        char name[CELL_BYTES];
        struct admin_worker worker = now->workers[i];
        snprintf(name, sizeof name, "%u", i);
        admin_worker_since(&worker, &before->workers[i]);
        put_worker(view, out, name, &worker, seconds);
    }
    if (shown < count) {
        char text[CELL_BYTES];
        snprintf(text, sizeof text, "and %u more", count - shown);
        put_line(view, out, STYLE_DIM, text);
    }
}

/* --- The screen ------------------------------------------------------------------------------- */

static void put_title(struct admin_view *view, FILE *out, const struct admin_snapshot *now)
{
    char age[CELL_BYTES];
    struct flow flow = {.view = view, .out = out, .style = STYLE_BOLD};
    put_fact(&flow, "%s (Sluice %s)", now->program, now->version);
    put_fact(&flow, "up %s", age_text((double)clock_wall_us() / 1e6 - now->started, age));
    put_fact(&flow, "%s, %u worker%s", now->backend, now->worker_count,
             now->worker_count == 1 ? "" : "s");
    put_fact(&flow, "%s", view->where);
    if (view->live)
        put_fact(&flow, "q quits");
    end_flow(&flow);
}

/* The history as bars, with the highest value. */
static void put_history(struct admin_view *view, FILE *out)
{
    static const char *const bars[] = {" ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                       "\u2585", "\u2586", "\u2587", "\u2588"};
    char text[CELL_BYTES];
    double most = 0;
    const unsigned room = view->columns > 24 ? view->columns - 24 : 0;
    const unsigned count = view->history_count < room ? view->history_count : room;
    const double *first = &view->history[view->history_count - count];
    for (unsigned i = 0; i < count; i++)
        most = first[i] > most ? first[i] : most;
    if (!view->unicode || !view->live || count == 0 || !has_room(view))
        return;
    fputs(view->colors ? "\033[36m" : "", out);
    for (unsigned i = 0; i < count; i++)
        fputs(bars[most > 0 ? (unsigned)(first[i] / most * 8 + 0.5) : 0], out);
    fprintf(out, "%s  at most %s req/s", view->colors ? "\033[0m" : "", number_text(most, text));
    end_line(view, out);
}

static void put_sums(struct admin_view *view, FILE *out, const struct admin_worker *all,
                     const struct admin_snapshot *now)
{
    char requests[CELL_BYTES], sent[16], cache[16], limit[16];
    struct flow flow = {.view = view, .out = out, .style = STYLE_DIM};
    num_write_size(sent, all->value[COUNTER_BYTES_SENT]);
    num_write_size(cache, all->value[COUNTER_CACHE_BYTES]);
    num_write_size(limit, now->cache_bytes_max);
    put_fact(&flow, "since the start: %s requests",
             number_text((double)admin_worker_requests(all, 0), requests));
    put_fact(&flow, "%s sent", sent);
    put_fact(&flow, "cache %s of %s, %" PRIu64 " entries", cache, limit,
             all->value[COUNTER_CACHE_ENTRIES]);
    end_flow(&flow);
    put_fact(&flow, "timeouts %" PRIu64,
             admin_worker_sum(all, COUNTER_CONNECTIONS_EXPIRED_HANDSHAKE,
                              COUNTER_CONNECTIONS_EXPIRED_WAIT));
    put_fact(&flow, "refused %" PRIu64,
             admin_worker_sum(all, COUNTER_CONNECTIONS_REFUSED, COUNTER_CONNECTIONS_REFUSED_PROXY));
    put_fact(&flow, "cut %" PRIu64, all->value[COUNTER_RESPONSES_CUT]);
    put_fact(&flow, "TLS %" PRIu64 " (failed %" PRIu64 ")",
             admin_worker_sum(all, COUNTER_TLS_1_2_FULL, COUNTER_TLS_1_3_RESUMED),
             all->value[COUNTER_TLS_FAILED]);
    put_fact(&flow, "log lines dropped %" PRIu64,
             admin_worker_sum(all, COUNTER_RESPONSES_UNLOGGED, COUNTER_LOG_LINES_DROPPED));
    end_flow(&flow);
}

/* Adds a value to the history. */
static void remember(struct admin_view *view, double requests_per_second)
{
    if (view->history_count == ADMIN_VIEW_HISTORY) {
        memmove(view->history, view->history + 1, sizeof view->history - sizeof view->history[0]);
        view->history_count--;
    }
    view->history[view->history_count++] = requests_per_second;
}

double admin_view_write(struct admin_view *view, const struct admin_snapshot *before,
                        const struct admin_snapshot *now, double seconds, FILE *out)
{
    struct admin_worker all = {.durations = {.all = 0}}, change = all, worker;
    for (unsigned i = 0; i < now->worker_count; i++) {
        worker = now->workers[i];
        admin_worker_add(&all, &worker);
        admin_worker_since(&worker, &before->workers[i]);
        admin_worker_add(&change, &worker);
    }
    const double rate = (double)admin_worker_requests(&change, 0) / seconds;
    remember(view, rate);
    view->lines = 0;
    put_title(view, out, now);
    put_line(view, out, now->draining ? STYLE_BAD : STYLE_GOOD,
             now->draining ? "draining: new requests are not welcome" : "ready");
    put_history(view, out);
    put_titles(view, out);
    put_worker(view, out, "all", &change, seconds);
    put_workers(view, out, before, now, seconds);
    put_sums(view, out, &all, now);
    return rate;
}
