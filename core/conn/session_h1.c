/* session_h1: see session_h1.h. RFC 9112. */
#include "conn/session_h1.h"

#include "conn/conn_log.h"
#include "conn/conn_storage.h"
#include "conn/exchange.h"
#include "conn/transport_tls.h"
#include "h1/h1_forwarded.h"
#include "h1/h1_log.h"
#include "http/content_coding.h"
#include "observe/probes.h"
#include "site/hosts.h"

void session_h1_init_shared(struct session_h1_shared *ret, uint64_t memo_bytes_max)
{
    h1_memos_init(&ret->memos, memo_bytes_max);
}

void session_h1_fini_shared(struct session_h1_shared *shared)
{
    h1_memos_fini(&shared->memos);
}

/* An HTTP/1 connection has one exchange at a time; its session is the owner. */
static const void *owner_of(const struct conn *conn)
{
    return &conn->session;
}

/* --- What proxies say ------------------------------------------------------------------------- */

__attribute__((noinline)) static void read_forwarded(const struct conn_context *context,
                                                     const struct conn *conn, struct forwarded *ret)
{
    struct forwarded_fields fields;
    h1_forwarded(&fields, conn_input(conn));
    forwarded_find(&fields, context->trusted, ret);
}

/* Sets *RET, which is zeroed, to what CONN's peer says of the request at the front of the input, if
 * it is trusted. */
static inline void find_forwarded(const struct conn_context *context, const struct conn *conn,
                                  struct forwarded *ret)
{
    if (conn_origin(context, conn)->trusted && context->trusted)
        read_forwarded(context, conn, ret);
}

/* The client that FORWARDED names, written to TO; absent: none. */
static struct str client_text(const struct forwarded *forwarded,
                              char to[static ENDPOINT_TEXT_BYTES])
{
    if (!endpoint_is_ip(&forwarded->client))
        return STR_ABSENT;
    return (struct str){to, endpoint_text(&forwarded->client, to)};
}

/* --- Logging ---------------------------------------------------------------------------------- */

/* Takes a log record for the answer that MEMO has just given. */
static void log_memo(struct conn_context *context, struct conn *conn, const struct h1_memo *memo)
{
    /* A second part that does not exist has no bytes. */
    conn_log_queued(context, conn, memo->log, conn_log_now_us(context),
                    memo->parts[0].length + memo->parts[1].length);
}

/* What the log shows of PLAN, the answer to the head at the front of the input. */
static struct access_text *plan_text(const struct conn_context *context,
                                     const struct exchange *exchange, const struct h1_head *head,
                                     enum access_cache cache)
{
    const struct plan *plan = &exchange->plan;
    const bool coded = plan->prepared >= PLAN_PARTIAL && plan->variant->coding != 0;
    char client[ENDPOINT_TEXT_BYTES];
    struct access_facts facts = {
        .client = client_text(&exchange->forwarded, client),
        .status = (uint16_t)plan->status,
        .body_bytes = plan_body_bytes(plan),
        .coding = coded ? content_coding_texts[plan->variant->coding].name : STR_ABSENT,
        .cache = cache,
    };
    h1_log_parts(facts.parts, conn_input(exchange->conn));
    return conn_log_text(context, exchange->site ? exchange->site->number : 0, head->request.path,
                         &facts);
}

/* The state of a log before an exchange. */
struct log_before {
    uint64_t arrived_us;
    uint64_t output_bytes;
    uint64_t hits, misses; /* COUNTER_CACHE_LOOKUP_HITS, COUNTER_CACHE_MISSES */
};

static struct log_before log_begin(const struct conn_context *context, const struct conn *conn)
{
    if (!conn_log_wanted(context))
        return (struct log_before){.arrived_us = 0};
    return (struct log_before){
        .arrived_us = conn_log_arrived_us(context, conn, owner_of(conn)),
        .output_bytes = outq_unsent(&conn->output),
        .hits = counters_read(context->counters, COUNTER_CACHE_LOOKUP_HITS),
        /* A request that has waited has missed. */
        .misses = exchange_has_waited(conn, owner_of(conn))
                      ? UINT64_MAX
                      : counters_read(context->counters, COUNTER_CACHE_MISSES),
    };
}

/* Takes a log record for the answer that EXCHANGE has just queued to HEAD. */
static void log_end(struct conn_context *context, const struct exchange *exchange,
                    const struct h1_head *head, const struct log_before *before)
{
    enum access_cache cache = ACCESS_CACHE_UNUSED;
    if (counters_read(context->counters, COUNTER_CACHE_MISSES) != before->misses)
        cache = ACCESS_CACHE_MISS;
    else if (counters_read(context->counters, COUNTER_CACHE_LOOKUP_HITS) != before->hits)
        cache = ACCESS_CACHE_HIT;
    struct access_text *text = plan_text(context, exchange, head, cache);
    conn_log_queued(context, exchange->conn, text, before->arrived_us,
                    outq_unsent(&exchange->conn->output) - before->output_bytes);
    access_text_drop(text);
}

/* Logs the request at the front of CONN's input, which waits and gets no answer. */
static void log_unanswered(struct conn_context *context, const struct conn *conn)
{
    struct forwarded forwarded = {.secure = false};
    char client[ENDPOINT_TEXT_BYTES];
    find_forwarded(context, conn, &forwarded);
    struct access_facts facts = {.client = client_text(&forwarded, client),
                                 .status = ACCESS_STATUS_LEFT,
                                 .cache = ACCESS_CACHE_MISS};
    h1_log_parts(facts.parts, conn_input(conn));
    const struct str target = facts.parts[LOG_PART_TARGET];
    const struct str path = str_first(target, str_find(target, '?'));
    uint32_t number = 0;
    if (context->hosts)
        number = hosts_find(context->hosts, facts.parts[LOG_PART_HOST]);
    struct access_text *text = conn_log_text(context, number, path, &facts);
    conn_log_unanswered(context, conn, text, conn_log_arrived_us(context, conn, owner_of(conn)));
    access_text_drop(text);
}

/* --- Memos ------------------------------------------------------------------------------------ */

/* What an answer on CONN depends on besides the request, for the key of a memo: the origin, and the
 * certificate, because a host that it does not cover is refused. */
static inline uint32_t memo_origin(const struct conn_context *context, const struct conn *conn)
{
#ifdef SLUICE_HAVE_OPENSSL
    const struct tls_certificate *certificate =
        context->tls ? transport_tls_certificate(context, conn) : NULL;
    if (certificate)
        return conn->origin + certificate->number * CONN_ORIGINS_MAX;
#else
    (void)context;
#endif
    return conn->origin;
}

/* Answers the head at the front of the input with a memo for ORIGIN. False if it has none, or no
 * room now; KEY is set for memorize. */
static bool repeat(struct conn_context *context, struct conn *conn, uint32_t origin,
                   struct h1_memo_key *ret_key)
{
    const struct date_now *now = &context->now;
    struct h1 *session = &conn->session.h1;
    ret_key->origin = origin;
    ret_key->head_bytes = 0;
    if (exchange_has_waited(conn, owner_of(conn)) || !h1_may_repeat(session, &context->h1.limits))
        return false;
    const struct h1_memo *memo = h1_memos_find(&context->h1.memos, conn_input(conn), now, ret_key);
    if (!memo || !conn_storage_lend_output(context, conn, CONN_STORAGE_ANY) ||
        !h1_repeat(session, memo, &conn->output))
        return false;
    if (conn_log_wanted(context))
        log_memo(context, conn, memo);
    conn_consume(conn, memo->head_bytes);
    counters_raise(memo->counted, 1);
    site_count_add(memo->site, memo->end.body_bytes);
    conn->phase_renewed = true;
    return true;
}

/* Makes a memo of the answer to HEAD, which EXCHANGE has, if the head of KEY has come before.
 * NULL: no memo. */
static const struct h1_memo *memorize(struct conn_context *context, const struct exchange *exchange,
                                      const struct h1_head *head, const struct h1_memo_key *key)
{
    const struct date_now *now = &context->now;
    const struct found *found = &exchange->found;
    const struct conn *conn = exchange->conn;
    bool good = found->resource && !found->page && lease_is_fresh(found->resource->lease, now->ms);
    if (!good || !h1_memos_wants(&context->h1.memos, key, now))
        return NULL;
    struct str bytes = str_first(conn_input(conn), key->head_bytes);
    struct h1_memo *memo = h1_memorize(&conn->session.h1, &context->h1.limits, bytes, head,
                                       &exchange->plan, found->resource, now);
    if (!memo)
        return NULL;
    const unsigned index = counters_request_index(head->request.method, memo->end.status);
    memo->counted = &context->counters->requests[COUNTED_BY_MEMO + index];
    memo->site = site_counts_class(exchange->site->counts, memo->end.status);
    if (conn_log_wanted(context))
        memo->log = plan_text(context, exchange, head, ACCESS_CACHE_HIT);
    return h1_memos_put(&context->h1.memos, key, memo);
}

/* --- Answers ---------------------------------------------------------------------------------- */

/* Queues PLAN as the answer to HEAD, exchanging small output storage for full if need be. */
static bool queue_plan(struct conn_context *context, struct conn *conn, const struct h1_head *head,
                       const struct plan *plan)
{
    const struct h1_limits *limits = &context->h1.limits;
    struct h1 *session = &conn->session.h1;
    if (h1_answer(session, limits, head, plan, &conn->output, &context->now))
        return true;
    return outq_storage_bytes(&conn->output) < CONN_FULL_BYTES &&
           conn_storage_lend_output(context, conn, CONN_STORAGE_FULL) &&
           h1_answer(session, limits, head, plan, &conn->output, &context->now);
}

/* Counts the answer of EXCHANGE to a request with METHOD. */
static void count(const struct conn_context *context, const struct exchange *exchange,
                  enum http_method method)
{
    const struct plan *plan = &exchange->plan;
    counters_add_request(context->counters, counters_request_index(method, plan->status));
    if (exchange->site)
        site_count_add(site_counts_class(exchange->site->counts, plan->status),
                       plan_body_bytes(plan));
}

/* Answers HEAD, which has KEY. False if that has to wait: for room, for storage, for a look-up. */
static bool answer(struct conn_context *context, struct conn *conn, struct h1_head *head,
                   const struct h1_memo_key *key)
{
    struct exchange exchange;
    const struct log_before before = log_begin(context, conn);
    exchange_init(&exchange, conn, owner_of(conn));
    find_forwarded(context, conn, &exchange.forwarded);
    if (!conn_storage_lend_output(context, conn, CONN_STORAGE_ANY) ||
        exchange_run(context, &exchange, &head->request) == EXCHANGE_PENDING)
        return false;
    const struct h1_memo *memo = memorize(context, &exchange, head, key);
    bool queued = (memo && h1_repeat(&conn->session.h1, memo, &conn->output)) ||
                  queue_plan(context, conn, head, &exchange.plan);
    if (!queued && !conn->no_storage && outq_empty(&conn->output)) {
        /* The head is larger than any storage. */
        exchange_refuse(context, &exchange, &head->request, HTTP_INTERNAL_ERROR);
        queued = queue_plan(context, conn, head, &exchange.plan);
    }
    if (queued && conn_log_wanted(context))
        log_end(context, &exchange, head, &before);
    if (queued) {
        count(context, &exchange, head->request.method);
        conn->phase_renewed = true;
    }
    exchange_fini(&exchange);
    return queued;
}

/* --- The session ------------------------------------------------------------------------------ */

static enum session_phase phase_of(const struct h1 *session)
{
    switch (session->state) {
    case H1_STATE_HEAD:
        break;
    case H1_STATE_BODY:
    case H1_STATE_CHUNKED:
        return SESSION_BODY;
    case H1_STATE_ENDED:
        return session->peer_done ? SESSION_PEER_DONE : SESSION_ENDED;
    }
    if (h1_in_head(session))
        return SESSION_HEAD;
    return session->requests == 0 ? SESSION_FIRST : SESSION_IDLE;
}

/* Takes the next step of h1. False: there is nothing more to do now. A function of its own, with
 * a frame of its own: the plan is large, and a memo needs none. */
__attribute__((noinline)) static bool step(struct conn_context *context, struct conn *conn,
                                           const struct h1_memo_key *key)
{
    struct h1_head head;
    size_t bytes;
    switch (h1_next(&conn->session.h1, &context->h1.limits, conn_input(conn), &head, &bytes)) {
    case H1_MORE:
        return conn_needs_more(conn);
    case H1_SKIP:
        break;
    case H1_REQUEST:
        probe_request(conn->slot, conn->generation, head.request.path);
        if (!answer(context, conn, &head, key))
            return false;
        break;
    case H1_WAIT:
    case H1_ENDED:
        return false;
    }
    conn_consume(conn, bytes);
    return true;
}

static enum session_phase work(struct conn_context *context, struct conn *conn)
{
    const uint32_t origin = memo_origin(context, conn);
    struct h1_memo_key key;
    while (!exchange_waits(conn, owner_of(conn)) && conn_may_queue(conn)) {
        if (!conn_has_input(conn) && conn->session.h1.state != H1_STATE_ENDED) {
            conn->needs_input = true; /* nearly always, once the last request has been answered */
            break;
        }
        if (!repeat(context, conn, origin, &key) && !step(context, conn, &key))
            break;
    }
    return phase_of(&conn->session.h1);
}

static void sent(struct conn_context *context, struct conn *conn, unsigned count)
{
    (void)context;
    h1_sent(&conn->session.h1, count);
}

static void close_soon(struct conn_context *context, struct conn *conn)
{
    (void)context;
    h1_close_soon(&conn->session.h1);
}

/* 408, RFC 9110 section 15.5.9. */
static bool expired(struct conn_context *context, struct conn *conn)
{
    const struct h1_memo_key no_key = {.head_bytes = 0};
    struct h1_head head;
    h1_head_init(&head);
    head.request.refusal = HTTP_REQUEST_TIMEOUT;
    return answer(context, conn, &head, &no_key);
}

static void fini(struct conn_context *context, struct conn *conn)
{
    if (conn_log_wanted(context) && exchange_has_waited(conn, owner_of(conn)))
        log_unanswered(context, conn);
}

const struct session session_h1 = {
    .work = work,
    .sent = sent,
    .close_soon = close_soon,
    .expired = expired,
    .fini = fini,
};
