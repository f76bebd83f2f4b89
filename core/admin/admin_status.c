/* admin_status: see admin_status.h. */
#include "admin/admin_status.h"

#include <inttypes.h>

/* Members whose value is a sum of counters next to each other. */
struct member {
    const char *name;
    enum counter first, last;
};

static void write_members(FILE *out, const struct admin_worker *worker,
                          const struct member *members, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", members[i].name,
                admin_worker_sum(worker, members[i].first, members[i].last));
}

static void write_worker(FILE *out, const struct admin_worker *worker)
{
    static const struct member plain[] = {
        {"responses", COUNTER_RESPONSES, COUNTER_RESPONSES},
        {"cut", COUNTER_RESPONSES_CUT, COUNTER_RESPONSES_CUT},
        {"bytes", COUNTER_BYTES_SENT, COUNTER_BYTES_SENT},
        {"accepted", COUNTER_CONNECTIONS_ACCEPTED, COUNTER_CONNECTIONS_ACCEPTED},
        {"refused", COUNTER_CONNECTIONS_REFUSED, COUNTER_CONNECTIONS_REFUSED_PROXY},
        {"ended", COUNTER_CONNECTIONS_EVICTED, COUNTER_CONNECTIONS_RESET},
        {"timeouts", COUNTER_CONNECTIONS_EXPIRED_HANDSHAKE, COUNTER_CONNECTIONS_EXPIRED_WAIT},
        {"log_lines_dropped", COUNTER_RESPONSES_UNLOGGED, COUNTER_LOG_LINES_DROPPED},
        {"turns", COUNTER_TURNS, COUNTER_TURNS},
    };
    static const struct member open[] = {
        {"handshaking", COUNTER_OPEN_HANDSHAKING, COUNTER_OPEN_HANDSHAKING},
        {"idle", COUNTER_OPEN_IDLE, COUNTER_OPEN_IDLE},
        {"reading", COUNTER_OPEN_READING, COUNTER_OPEN_READING},
        {"waiting", COUNTER_OPEN_WAITING, COUNTER_OPEN_WAITING},
        {"writing", COUNTER_OPEN_WRITING, COUNTER_OPEN_WRITING},
        {"closing", COUNTER_OPEN_CLOSING, COUNTER_OPEN_CLOSING},
    };
    static const struct member cache[] = {
        {"hits", COUNTER_CACHE_LOOKUP_HITS, COUNTER_CACHE_LOOKUP_HITS},
        {"misses", COUNTER_CACHE_MISSES, COUNTER_CACHE_MISSES},
        {"evictions", COUNTER_CACHE_EVICTIONS, COUNTER_CACHE_EVICTIONS},
        {"bytes", COUNTER_CACHE_BYTES, COUNTER_CACHE_BYTES},
        {"entries", COUNTER_CACHE_ENTRIES, COUNTER_CACHE_ENTRIES},
    };
    static const struct member tls[] = {
        {"tls1.2", COUNTER_TLS_1_2_FULL, COUNTER_TLS_1_2_RESUMED},
        {"tls1.3", COUNTER_TLS_1_3_FULL, COUNTER_TLS_1_3_RESUMED},
        {"failed", COUNTER_TLS_FAILED, COUNTER_TLS_FAILED},
        {"abandoned", COUNTER_TLS_ABANDONED, COUNTER_TLS_ABANDONED},
    };
    write_members(out, worker, plain, COUNT_OF(plain));
    fputs(",\"connections\":{", out);
    write_members(out, worker, open, COUNT_OF(open));
    fputs("},\"cache\":{", out);
    write_members(out, worker, cache, COUNT_OF(cache));
    fputs("},\"handshakes\":{", out);
    write_members(out, worker, tls, COUNT_OF(tls));
    fputs("},\"requests\":{", out);
    for (unsigned i = 1; i <= 5; i++)
        fprintf(out, "%s\"%uxx\":%" PRIu64, i > 1 ? "," : "", i, admin_worker_requests(worker, i));
    fputs("},\"durations\":[", out);
    for (unsigned i = 0; i <= DURATIONS_BOUNDS; i++)
        fprintf(out, "%s%" PRIu64, i > 0 ? "," : "", worker->durations.count[i]);
    fprintf(out, "],\"duration_sum_us\":%" PRIu64, worker->durations.sum_us);
}

static void write_sites(FILE *out, const struct admin_snapshot *snapshot)
{
    for (unsigned i = 0; i < snapshot->site_count; i++) {
        const struct admin_site *site = &snapshot->sites[i];
        fputs(i > 0 ? ",{\"site\":" : "{\"site\":", out);
        admin_quote(out, site->name);
        fputs(",\"requests\":{", out);
        for (unsigned j = 0; j < SITE_COUNTS_CLASSES; j++)
            fprintf(out, "%s\"%uxx\":%" PRIu64, j > 0 ? "," : "", SITE_COUNTS_FIRST + j,
                    site->sum.requests[j]);
        fprintf(out, "},\"body_bytes\":%" PRIu64 "}", site->sum.body_bytes);
    }
}

void admin_status_write(const struct admin_snapshot *snapshot, double now, FILE *out)
{
    fprintf(out,
            "{\"program\":\"%s\",\"version\":\"%s\",\"backend\":\"%s\",\"started\":%.3f,"
            "\"now\":%.3f,\"draining\":%s,\"connections_limit\":%" PRIu64
            ",\"cache_limit_bytes\":%" PRIu64 ",\"bounds_us\":[",
            snapshot->program, snapshot->version, snapshot->backend, snapshot->started, now,
            snapshot->draining ? "true" : "false", snapshot->connections_max,
            snapshot->cache_bytes_max);
    for (unsigned i = 0; i < DURATIONS_BOUNDS; i++)
        fprintf(out, "%s%u", i > 0 ? "," : "", durations_bounds_us[i]);
    fputs("],\"workers\":[", out);
    for (unsigned i = 0; i < snapshot->worker_count; i++) {
        fprintf(out, "%s{\"worker\":%u,", i > 0 ? "," : "", i);
        write_worker(out, &snapshot->workers[i]);
        putc('}', out);
    }
    fputs("],\"sites\":[", out);
    write_sites(out, snapshot);
    fputs("]}\n", out);
}
