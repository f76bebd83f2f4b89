/* admin_metrics_parts: the table of metrics, by which admin_metrics.c writes them and
 * admin_metrics_read.c reads them. For these alone; the interface is admin_metrics.h. */
#ifndef SLUICE_ADMIN_METRICS_PARTS_H
#define SLUICE_ADMIN_METRICS_PARTS_H

#include "admin/admin_metrics.h"

enum {
    ADMIN_METRICS_PROCESS_ROWS = 6,
    ADMIN_METRICS_SECONDS_BYTES = 32, /* for admin_metrics_seconds */
};

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

/* Of each family; static. */
extern const struct admin_family admin_metrics_families[FAMILY_COUNT];

/* A number of the process as a metric. */
struct admin_metrics_process_row {
    enum family family;
    const char *labels;
    size_t offset; /* in struct admin_snapshot, of a uint64_t */
};

/* Rows of a family are side by side. */
extern const struct admin_metrics_process_row
    admin_metrics_process_rows[ADMIN_METRICS_PROCESS_ROWS];

/* A counter as a metric. */
struct admin_metrics_row {
    enum family family;
    enum counter counter;
    const char *labels; /* after worker; "": none */
};

/* Rows of a family are side by side. */
extern const struct admin_metrics_row admin_metrics_rows[COUNTER_COUNT];

/* The label of each class of methods. */
extern const char *const admin_metrics_methods[COUNTED_METHODS];

/* US microseconds as seconds, without zeros at the end. */
const char *admin_metrics_seconds(uint64_t us, char to[static ADMIN_METRICS_SECONDS_BYTES]);

#endif
