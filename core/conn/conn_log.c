/* conn_log: see conn_log.h. */
#include "conn/conn_log.h"

#include "base/clock.h"
#include "conn/conn_wait.h"
#include "conn/proxied.h"
#include "conn/transport_tls.h"
#include "http/path.h"
#include "http/pattern.h"

#include <errno.h>
#include <stdlib.h>

enum { MORE_RECORDS = 4096 }; /* besides one for each connection, for pipelined requests */

/* What a log shows of a connection. */
struct peer {
    uint32_t generation; /* of the connection in the slot */
    uint8_t length;      /* of CLIENT; 0: not known yet */
    char client[ACCESS_CLIENT_BYTES_MAX + 1];
    const char *tls; /* the version; NULL: none */
};

struct conn_log {
    struct log_records records;
    struct conn_log_channel *channels;
    unsigned channel_count;
    struct peer *peers; /* by slot */
    uint64_t (*clock_us)(void);
    struct log_finish finish; /* of answers that end together */
    char scratch[ACCESS_TEXT_BYTES_MAX];
};

int conn_log_create(struct conn_log **ret, const struct conn_log_config *config)
{
    struct conn_log *log = calloc(1, sizeof *log);
    if (!log)
        return -ENOMEM;
    int error =
        log_records_init(&log->records, config->slot_count + MORE_RECORDS, config->counters);
    log->channels = calloc(config->channel_count, sizeof *log->channels);
    log->channel_count = config->channel_count;
    log->peers = calloc(config->slot_count, sizeof *log->peers);
    log->clock_us = config->clock_us;
    if (error || !log->channels || !log->peers) {
        conn_log_destroy(log);
        return -ENOMEM;
    }
    memcpy(log->channels, config->channels, config->channel_count * sizeof *log->channels);
    *ret = log;
    return 0;
}

/* Counts the lines that could not be written. */
static void count_lost(struct conn_log *log)
{
    uint64_t lost = 0;
    for (unsigned i = 0; i < log->channel_count; i++) {
        if (log->channels[i].ring) /* sites may share it */
            lost += log_ring_take_lost(log->channels[i].ring);
    }
    counters_add(log->records.counters, COUNTER_LOG_LINES_LOST, lost);
}

void conn_log_destroy(struct conn_log *log)
{
    if (!log)
        return;
    log_records_fini(&log->records);
    free(log->channels);
    free(log->peers);
    free(log);
}

void conn_log_set_channels(struct conn_log *log, struct conn_log_channel *channels, unsigned count)
{
    count_lost(log);
    free(log->channels);
    log->channels = channels;
    log->channel_count = count;
}

uint64_t conn_log_now_us(const struct conn_context *context)
{
    const struct date_now *now = &context->now;
    return context->log->clock_us ? clock_read_us(now) : now->ms * 1000;
}

uint64_t conn_log_arrived_us(const struct conn_context *context, const struct conn *conn,
                             const void *owner)
{
    const struct conn_wait *wait = conn->waits ? conn_wait_find(conn, owner) : NULL;
    return wait ? wait->began_ms * 1000 : conn_log_now_us(context);
}

/* --- The peer --------------------------------------------------------------------------------- */

/* Finds out about the peer of CONN, for its PEER. */
__attribute__((noinline)) static void find_peer(const struct conn_context *context,
                                                const struct conn *conn, struct peer *peer)
{
    struct endpoint client;
    *peer = (struct peer){.generation = conn->generation};
    proxied_client(context, conn, &client);
    if (endpoint_is_ip(&client))
        endpoint_text(&client, peer->client);
    else /* programs that read logs want an address */
        str_put(peer->client, client.version == ENDPOINT_UNIX ? STR("127.0.0.1") : STR("0.0.0.0"));
    peer->length = (uint8_t)strlen(peer->client);
#ifdef SLUICE_HAVE_OPENSSL
    peer->tls = transport_tls_version(context, conn);
#else
    (void)context;
#endif
}

static inline const struct peer *peer_of(const struct conn_context *context,
                                         const struct conn *conn)
{
    struct peer *peer = &context->log->peers[conn->slot];
    if (peer->length == 0 || peer->generation != conn->generation)
        find_peer(context, conn, peer);
    return peer;
}

/* --- Texts ------------------------------------------------------------------------------------ */

/* Whether requests for PATH, as a client sent it, are not logged in CHANNEL. */
static bool is_excluded(const struct conn_log_channel *channel, struct str path)
{
    struct str captures[PATTERN_WILDCARDS_MAX];
    struct path decoded;
    char text[PATH_BYTES_MAX + 3] = "/";
    if (channel->excluded_count == 0 || !path.at || path_decode(path, &decoded) == PATH_MALFORMED)
        return false;
    char *end = str_put(text + 1, path_view(&decoded));
    if (decoded.directory && decoded.length > 0)
        *end++ = '/';
    const struct str whole = {text, (size_t)(end - text)};
    for (unsigned i = 0; i < channel->excluded_count; i++) {
        if (pattern_matches(channel->excluded[i], whole, PATTERN_PATH, captures))
            return true;
    }
    return false;
}

struct access_text *conn_log_text(const struct conn_context *context, uint32_t number,
                                  struct str path, const struct access_facts *facts)
{
    struct conn_log *log = context->log;
    const struct conn_log_channel *channel =
        &log->channels[number < log->channel_count ? number : 0];
    if (!channel->ring || is_excluded(channel, path))
        return NULL;
    struct access_text *text = access_text_create(&channel->style, facts, log->scratch);
    if (text)
        text->owner = channel->ring;
    else
        counters_add(context->counters, COUNTER_RESPONSES_UNLOGGED, 1);
    return text;
}

/* --- Records ---------------------------------------------------------------------------------- */

/* What is done once a second, if anything is logged. */
__attribute__((noinline)) static void refresh(struct conn_context *context)
{
    struct log_records *records = &context->log->records;
    const struct date_now *now = &context->now;
    if (context->log->clock_us)
        log_records_compare(records, clock_monotonic_us(), clock_wall_us());
    else
        log_records_compare(records, now->ms * 1000, (uint64_t)now->seconds * 1000000);
    count_lost(context->log);
}

/* Prepares the line of a request of CONN that arrived at ARRIVED_US, while CONN is connected. */
static inline void prepare(struct conn_context *context, const struct conn *conn,
                           uint64_t arrived_us)
{
    if (log_records_must_compare(&context->log->records, arrived_us))
        refresh(context);
    peer_of(context, conn);
}

void conn_log_queued(struct conn_context *context, struct conn *conn, struct access_text *text,
                     uint64_t arrived_us, uint64_t answer_bytes)
{
    if (!text)
        return;
    prepare(context, conn, arrived_us);
    outq_tag(&conn->output,
             log_records_take(&context->log->records, text, arrived_us, answer_bytes));
}

/* Begins a series of finish for answers of one connection, which end now. */
static inline void begin_finish(struct conn_log *log, const struct date_now *now)
{
    log->finish.client.at = NULL; /* not known yet */
    log->finish.last.ring = NULL;
    log->finish.now_us = log->clock_us ? log->clock_us() : now->ms * 1000;
}

/* Finishes the record INDEX of such an answer of CONN. */
static inline void finish(struct conn_context *context, const struct conn *conn, uint32_t index,
                          uint64_t unsent_bytes)
{
    struct log_finish *finish = &context->log->finish;
    if (!finish->client.at) {
        const struct peer *peer = peer_of(context, conn);
        finish->client = (struct str){peer->client, peer->length};
        finish->tls = peer->tls ? str_of(peer->tls) : STR_ABSENT;
    }
    finish->unsent_bytes = unsent_bytes;
    log_records_finish(&context->log->records, index, finish);
}

void conn_log_unanswered(struct conn_context *context, const struct conn *conn,
                         struct access_text *text, uint64_t arrived_us)
{
    const uint64_t all_bytes = 1; /* of an answer that was never made */
    if (!text)
        return;
    prepare(context, conn, arrived_us);
    begin_finish(context->log, &context->now);
    finish(context, conn, log_records_take(&context->log->records, text, arrived_us, all_bytes),
           all_bytes);
}

void conn_log_sent(struct conn_context *context, const struct conn *conn,
                   const struct outq_end *end, bool first)
{
    static_assert((uint32_t)OUTQ_UNTAGGED == (uint32_t)LOG_RECORD_NONE, "no tag names no record");
    if (first)
        begin_finish(context->log, &context->now);
    if (end->tag != (uint32_t)OUTQ_UNTAGGED)
        finish(context, conn, end->tag, 0);
}

void conn_log_unsent(struct conn_context *context, const struct conn *conn)
{
    struct outq_end end;
    uint64_t unsent_bytes;
    begin_finish(context->log, &context->now);
    for (unsigned i = 0; outq_unsent_end(&conn->output, i, &end, &unsent_bytes); i++) {
        if (end.tag != (uint32_t)OUTQ_UNTAGGED)
            finish(context, conn, end.tag, unsent_bytes);
    }
}
