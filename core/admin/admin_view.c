/* admin_view: see admin_view.h. */
#include "admin/admin_view.h"

#include "base/clock.h"
#include "base/num.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

enum { LINE_BYTES = 512, CELL_BYTES = 32 };

/* --- Lines ------------------------------------------------------------------------------------ */

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_HEAD, STYLE_GOOD, STYLE_BAD };

static const char *const styles[] = {
    [STYLE_PLAIN] = "",       [STYLE_BOLD] = "\033[1m",  [STYLE_DIM] = "\033[2m",
    [STYLE_HEAD] = "\033[7m", [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[1;31m",
};

/* Writes one line of ASCII in STYLE, as wide as the terminal at most. */
static void put_line(const struct admin_view *view, FILE *out, enum style style, const char *format,
                     ...) __attribute__((format(printf, 4, 5)));

static void put_line(const struct admin_view *view, FILE *out, enum style style, const char *format,
                     ...)
{
    char line[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    const int most = (int)size_min(view->columns, sizeof line);
    if (view->colors && style == STYLE_HEAD)
        fprintf(out, "%s%-*.*s\033[0m", styles[style], most, most, line);
    else if (view->colors && style != STYLE_PLAIN)
        fprintf(out, "%s%.*s\033[0m", styles[style], most, line);
    else
        fprintf(out, "%.*s", most, line);
    fputs(view->live ? "\033[K" : "", out); /* the rest of a longer line before */
    fputs(view->returns ? "\r\n" : "\n", out);
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

/* --- The screen ------------------------------------------------------------------------------- */

/* A line of the table: what WORKER did in SECONDS, and its gauges. */
static void put_worker(const struct admin_view *view, FILE *out, const char *name,
                       const struct admin_worker *worker, double seconds)
{
    char requests[CELL_BYTES], bytes[16], median[CELL_BYTES], slow[CELL_BYTES], hits[CELL_BYTES];
    char client_errors[CELL_BYTES], server_errors[CELL_BYTES];
    const struct durations_sum *durations = &worker->durations;
    const uint64_t *value = worker->value;
    const uint64_t failed = admin_worker_requests(worker, 5);
    num_write_size(bytes, (uint64_t)((double)value[COUNTER_BYTES_SENT] / seconds));
    put_line(view, out,
             failed > 0                 ? STYLE_BAD
             : strcmp(name, "all") == 0 ? STYLE_BOLD
                                        : STYLE_PLAIN,
             "%-7s%9s%11s%9s%9s%7s%8s%8s%7" PRIu64 "%7" PRIu64 "%7" PRIu64 "%7" PRIu64 "%7" PRIu64,
             name, number_text((double)admin_worker_requests(worker, 0) / seconds, requests), bytes,
             duration_text(durations_quantile_us(durations, 50), median),
             duration_text(durations_quantile_us(durations, 99), slow),
             percent_text(value[COUNTER_CACHE_LOOKUP_HITS],
                          value[COUNTER_CACHE_LOOKUP_HITS] + value[COUNTER_CACHE_MISSES], hits),
             number_text((double)admin_worker_requests(worker, 4) / seconds, client_errors),
             number_text((double)failed / seconds, server_errors), value[COUNTER_OPEN_IDLE],
             value[COUNTER_OPEN_READING], value[COUNTER_OPEN_WAITING], value[COUNTER_OPEN_WRITING],
             value[COUNTER_OPEN_HANDSHAKING] + value[COUNTER_OPEN_CLOSING]);
}

static void put_title(const struct admin_view *view, FILE *out, const struct admin_snapshot *now)
{
    char age[CELL_BYTES];
    put_line(view, out, STYLE_BOLD, "%s (Sluice %s)  up %s  %s, %u worker%s  %s%s", now->program,
             now->version, age_text((double)clock_wall_us() / 1e6 - now->started, age),
             now->backend, now->worker_count, now->worker_count == 1 ? "" : "s", view->where,
             view->live ? "  q quits" : "");
}

/* The history as bars, with the highest value. */
static void put_history(const struct admin_view *view, FILE *out)
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
    if (!view->unicode || !view->live || count == 0)
        return;
    fputs(view->colors ? "\033[36m" : "", out);
    for (unsigned i = 0; i < count; i++)
        fputs(bars[most > 0 ? (unsigned)(first[i] / most * 8 + 0.5) : 0], out);
    fprintf(out, "%s  at most %s req/s\033[K%s", view->colors ? "\033[0m" : "",
            number_text(most, text), view->returns ? "\r\n" : "\n");
}

static void put_sums(const struct admin_view *view, FILE *out, const struct admin_worker *all,
                     const struct admin_snapshot *now)
{
    char requests[CELL_BYTES], sent[16], cache[16], limit[16];
    num_write_size(sent, all->value[COUNTER_BYTES_SENT]);
    num_write_size(cache, all->value[COUNTER_CACHE_BYTES]);
    num_write_size(limit, now->cache_bytes_max);
    put_line(view, out, STYLE_DIM,
             "since the start: %s requests, %s sent; cache %s of %s, %" PRIu64 " entries",
             number_text((double)admin_worker_requests(all, 0), requests), sent, cache, limit,
             all->value[COUNTER_CACHE_ENTRIES]);
    put_line(view, out, STYLE_DIM,
             "timeouts %" PRIu64 "  refused %" PRIu64 "  cut %" PRIu64 "  TLS handshakes %" PRIu64
             " (failed %" PRIu64 ")  log lines dropped %" PRIu64,
             admin_worker_sum(all, COUNTER_CONNECTIONS_EXPIRED_HANDSHAKE,
                              COUNTER_CONNECTIONS_EXPIRED_WAIT),
             admin_worker_sum(all, COUNTER_CONNECTIONS_REFUSED, COUNTER_CONNECTIONS_REFUSED_PROXY),
             all->value[COUNTER_RESPONSES_CUT],
             admin_worker_sum(all, COUNTER_TLS_1_2_FULL, COUNTER_TLS_1_3_RESUMED),
             all->value[COUNTER_TLS_FAILED],
             admin_worker_sum(all, COUNTER_RESPONSES_UNLOGGED, COUNTER_LOG_LINES_DROPPED));
}

void admin_view_remember(struct admin_view *view, double requests_per_second)
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
    enum { OTHER_ROWS = 8 }; /* besides the workers */
    struct admin_worker all = {.durations = {.all = 0}}, change = all, worker;
    const unsigned room = view->rows > OTHER_ROWS ? view->rows - OTHER_ROWS : 0;
    for (unsigned i = 0; i < now->worker_count; i++) {
        worker = now->workers[i];
        admin_worker_add(&all, &worker);
        admin_worker_since(&worker, &before->workers[i]);
        admin_worker_add(&change, &worker);
    }
    const double rate = (double)admin_worker_requests(&change, 0) / seconds;
    admin_view_remember(view, rate);
    put_title(view, out, now);
    put_line(view, out, now->draining ? STYLE_BAD : STYLE_GOOD,
             now->draining ? "draining: new requests are not welcome" : "ready");
    put_history(view, out);
    put_line(view, out, STYLE_HEAD, "%-7s%9s%11s%9s%9s%7s%8s%8s%7s%7s%7s%7s%7s", "worker", "req/s",
             "sent/s", "p50", "p99", "hits", "4xx/s", "5xx/s", "idle", "read", "wait", "write",
             "other");
    put_worker(view, out, "all", &change, seconds);
    for (unsigned i = 0; i < now->worker_count && (view->rows == 0 || i < room); i++) {
        char name[CELL_BYTES];
        snprintf(name, sizeof name, "%u", i);
        worker = now->workers[i];
        admin_worker_since(&worker, &before->workers[i]);
        put_worker(view, out, name, &worker, seconds);
    }
    put_sums(view, out, &all, now);
    return rate;
}
