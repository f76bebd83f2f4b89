/* admin_metrics_table: what the metrics are. See admin_metrics.h. */
#include "admin/admin_metrics_parts.h"

const struct admin_family admin_metrics_families[] = {
    [FAMILY_BUILD] = {"sluice_build_info", "gauge", "Always 1; the labels say what runs."},
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
                     "Bytes of responses sent, with their heads, without what TLS adds."},
    [FAMILY_ACCEPTED] = {"sluice_connections_accepted_total", "counter", "Connections accepted."},
    [FAMILY_CLOSED] = {"sluice_connections_closed_total", "counter", "Connections closed."},
    [FAMILY_CONNECTIONS] = {"sluice_connections", "gauge",
                            "Open connections, by what they wait for."},
    [FAMILY_REFUSED] =
        {"sluice_connections_refused_total", "counter",
         "Connections refused: no slot or memory, too many of one address, or no PROXY header."},
    [FAMILY_ENDED] = {"sluice_connections_ended_total", "counter",
                      "Connections ended early, for other reasons than a timeout."},
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
static_assert(COUNT_OF(admin_metrics_families) == FAMILY_COUNT, "each family has a row");

const struct admin_metrics_process_row admin_metrics_process_rows[] = {
    {FAMILY_CONNECTIONS_MAX, "", offsetof(struct admin_snapshot, connections_max)},
    {FAMILY_CACHE_BYTES_MAX, "", offsetof(struct admin_snapshot, cache_bytes_max)},
    {FAMILY_RELOADS, "result=\"done\"", offsetof(struct admin_snapshot, reloads_done)},
    {FAMILY_RELOADS, "result=\"refused\"", offsetof(struct admin_snapshot, reloads_refused)},
    {FAMILY_RELOAD_GOOD, "", offsetof(struct admin_snapshot, last_reload_good)},
    {FAMILY_RELOAD_TIME, "", offsetof(struct admin_snapshot, last_reload_s)},
};
static_assert(COUNT_OF(admin_metrics_process_rows) == ADMIN_METRICS_PROCESS_ROWS, "see the header");

const struct admin_metrics_row admin_metrics_rows[] = {
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
static_assert(COUNT_OF(admin_metrics_rows) == COUNTER_COUNT, "each counter is a metric");

const char *const admin_metrics_methods[] = {
    [COUNTED_OTHER] = "other",
    [COUNTED_GET] = "GET",
    [COUNTED_HEAD] = "HEAD",
    [COUNTED_OPTIONS] = "OPTIONS",
};
static_assert(COUNT_OF(admin_metrics_methods) == COUNTED_METHODS, "each class has a name");

const struct admin_family *admin_families(size_t *ret_count)
{
    *ret_count = FAMILY_COUNT;
    return admin_metrics_families;
}
