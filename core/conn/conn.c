/* conn: see conn.h. */
#include "conn/conn_storage.h"

enum {
    KEEP_WAITS_MAX = 64,
    WAIT_BYTES = (sizeof(struct conn_wait) + 63) / 64 * 64,
    LINGER_QUIET_MS = 5 * 1000, /* a peer that sends nothing has seen the answer, or never will */
    LINGER_TOTAL_MS = 30 * 1000,
};

/* --- The shared part ---------------------------------------------------------------------------- */

void conn_context_init(struct conn_context *context, uint64_t storage_bytes_max,
                       uint64_t memo_bytes_max, uint64_t now_ms)
{
    h1_memos_init(&context->memos, memo_bytes_max);
    conn_storage_init(context, storage_bytes_max);
    slab_init(&context->waits, WAIT_BYTES, UINT32_MAX,
              KEEP_WAITS_MAX); /* at most one a connection */
    context->spare_wait = NULL;
    wheel_init(&context->wheel, now_ms);
    context->draining = false;
}

void conn_context_fini(struct conn_context *context)
{
    if (context->spare_wait)
        slab_give(&context->waits, context->spare_wait);
    slab_fini(&context->waits);
    h1_memos_fini(&context->memos);
    conn_storage_fini(context);
}

/* --- Waiting ------------------------------------------------------------------------------------ */

/* What CONN waits with; if it doesn't wait, what it would: the spare one. NULL: out of memory. */
static struct conn_wait *wait_of(struct conn_context *context, struct conn *conn)
{
    if (conn->wait)
        return conn->wait;
    if (!context->spare_wait) {
        context->spare_wait = slab_take(&context->waits);
        if (context->spare_wait)
            *context->spare_wait = (struct conn_wait){.conn = NULL};
    }
    return context->spare_wait;
}

/* CONN has to wait, with what wait_of has given. */
static void begin_wait(struct conn_context *context, struct conn *conn)
{
    if (conn->wait)
        return; /* once more */
    conn->wait = context->spare_wait;
    conn->wait->conn = conn;
    context->spare_wait = NULL;
}

/* CONN, which has waited or still does, forgets it. */
static void end_wait(struct conn_context *context, struct conn *conn)
{
    store_cancel(&conn->wait->waiter);
    slab_give(&context->waits, conn->wait);
    conn->wait = NULL;
}

struct conn *conn_woken(struct conn_context *context, struct lookup_waiter *waiter)
{
    struct conn *conn = CONTAINER_OF(waiter, struct conn_wait, waiter)->conn;
    conn->warming = false;
    if (lookup_waiter_is_unused(waiter))
        end_wait(context, conn);
    return conn;
}

/* --- Beginning and end -------------------------------------------------------------------------- */

void conn_init(struct conn *conn, int fd)
{
    *conn = (struct conn){
        .fd = fd, .state = CONN_OPEN, .hungry = true, .lent_at = "", .kernel_bytes = UINT32_MAX};
    h1_init(&conn->session);
    wheel_timer_init(&conn->timer);
}

/* All but the output. */
static void let_go(struct conn_context *context, struct conn *conn)
{
    if (conn->wait)
        end_wait(context, conn);
    wheel_cancel(&context->wheel, &conn->timer);
    list_remove(&conn->queue);
    list_remove(&conn->holding);
    conn->lent_length = 0;
    ring_consume(&conn->input, conn->input.length);
    conn_storage_return_input(context, conn);
}

void conn_fini(struct conn_context *context, struct conn *conn)
{
    let_go(context, conn);
    unsigned cut = outq_clear(&conn->output);
    counters_add(context->counters, COUNTER_RESPONSES_CUT, cut);
    conn_storage_return_output(context, conn);
}

void conn_retire(struct conn_context *context, struct conn *conn)
{
    let_go(context, conn);
    conn->state = CONN_CLOSING;
}

/* --- Input -------------------------------------------------------------------------------------- */

bool conn_wants_input(const struct conn *conn)
{
    return conn->hungry && !conn->input_ended && conn->state == CONN_OPEN;
}

void conn_received(struct conn *conn, size_t length)
{
    ring_commit(&conn->input, length);
    conn->hungry = false;
}

void conn_lend(struct conn *conn, struct str bytes)
{
    assert(conn->state == CONN_OPEN && conn->input.length == 0 && conn->lent_length == 0);
    conn->lent_at = bytes.at;
    conn->lent_length = (uint32_t)bytes.length;
    conn->hungry = false;
}

struct str conn_unlend(struct conn *conn)
{
    if (conn->state != CONN_OPEN)
        return STR("");
    struct str rest = {conn->lent_at, conn->lent_length};
    conn->lent_at = "";
    conn->lent_length = 0;
    return rest;
}

void conn_input_ended(struct conn *conn)
{
    conn->input_ended = true;
}

/* The input that the session may look at. */
static struct str input_view(const struct conn *conn)
{
    return conn->input.length > 0 ? ring_view(&conn->input)
                                  : (struct str){conn->lent_at, conn->lent_length};
}

static void consume_input(struct conn *conn, size_t length)
{
    if (conn->input.length > 0) {
        ring_consume(&conn->input, length);
    } else {
        conn->lent_at += length;
        conn->lent_length -= (uint32_t)length;
    }
}

/* --- From requests to answers ------------------------------------------------------------------- */

/* What REQUEST is about. READY: *RET is *given*; without a resource only if REQUEST is now refused. */
static enum store_result find_resource(struct conn_context *context, struct conn *conn,
                                       struct request *request, struct found *ret)
{
    struct path path;
    enum store_page page = STORE_PAGE_ERROR;
    switch (path_decode(request->path, &path)) {
    case PATH_OK:
    case PATH_UNNAMABLE: /* a script's route may hold what a file's name can't */
        if (plan_takes_fallback(request, &context->policy))
            page = STORE_PAGE_FALLBACK;
        break;
    case PATH_HIDDEN:
        break;
    case PATH_MALFORMED:
        request->refusal = HTTP_BAD_REQUEST;
        return STORE_READY;
    }
    struct conn_wait *wait = wait_of(context, conn);
    if (!wait) {
        request->refusal = HTTP_UNAVAILABLE;
        return STORE_READY;
    }
    struct store_query query = {
        .site = store_site(context->files, 0),
        .path = &path,
        .page = page,
        .now = &context->now,
    };
    enum store_result result = store_lookup(context->files, &query, &wait->waiter, ret);
    if (result == STORE_PENDING)
        begin_wait(context, conn);
    else if (conn->wait)
        end_wait(context, conn);
    if (result == STORE_READY && !ret->resource)
        request->refusal = HTTP_UNAVAILABLE; /* out of memory */
    return result;
}

/* Answers with a memo the head that INPUT begins with. False if there is none, or no room; *RET_KEY tells
 * what was looked for. */
static bool repeat(struct conn_context *context, struct conn *conn, struct str input,
                   struct h1_memo_key *ret_key)
{
    const struct date_now *now = &context->now;
    *ret_key = (struct h1_memo_key){.head_bytes = 0};
    if (context->draining || conn->wait || !h1_may_repeat(&conn->session, &context->limits))
        return false;
    const struct h1_memo *memo = h1_memos_find(&context->memos, input, now, ret_key);
    if (!memo || !conn_storage_lend_output(context, conn, false) ||
        !h1_repeat(&conn->session, memo, &conn->output, now))
        return false;
    consume_input(conn, memo->head_bytes);
    counters_add(context->counters, COUNTER_CACHE_HITS, 1);
    conn->phase_renewed = true;
    return true;
}

/* Puts PLAN, which answers REQUEST by what was FOUND, among the memos if the head of KEY has come before.
 * NULL: it isn't there. */
static const struct h1_memo *memorize(struct conn_context *context, struct conn *conn,
                                      const struct h1_memo_key *key, const struct h1_head *head,
                                      const struct plan *plan, const struct found *found)
{
    const struct date_now *now = &context->now;
    bool good = found->resource && !found->page && lease_is_fresh(found->resource->lease, now->ms);
    if (!good || context->draining || !h1_memos_wants(&context->memos, key, now))
        return NULL;
    struct str bytes = str_first(input_view(conn), key->head_bytes);
    struct h1_memo *memo =
        h1_memorize(&conn->session, &context->limits, bytes, head, plan, found->resource, now);
    return memo ? h1_memos_put(&context->memos, key, memo) : NULL;
}

/* Queues PLAN as the answer to REQUEST, exchanging small output storage for full if it has to. */
static bool queue_answer(struct conn_context *context, struct conn *conn,
                         const struct h1_head *head, const struct plan *plan)
{
    const struct date_now *now = &context->now;
    if (h1_answer(&conn->session, &context->limits, head, plan, &conn->output, now))
        return true;
    return outq_storage_bytes(&conn->output) < CONN_FULL_BYTES &&
           conn_storage_lend_output(context, conn, true) &&
           h1_answer(&conn->session, &context->limits, head, plan, &conn->output, now);
}

/* Whether what PLAN sends is still what was FOUND. */
static bool holds(const struct plan *plan, const struct found *found, const struct date_now *now)
{
    for (unsigned i = 0; i < plan->part_count && !plan->body_omitted; i++) {
        if (!store_confirm(found, plan->parts[i].blob, now))
            return false;
    }
    return true;
}

/* Decides about REQUEST by what there is now: *RET and *RET_FOUND are *given*. False if that has to wait. */
static bool decide(struct conn_context *context, struct conn *conn, struct request *request,
                   struct plan *ret, struct found *ret_found)
{
    for (;;) {
        *ret_found = (struct found){.resource = NULL};
        if (plan_needs_resource(request) &&
            find_resource(context, conn, request, ret_found) == STORE_PENDING)
            return false;
        plan_make(ret, request, ret_found, &context->policy, &context->now);
        if (holds(ret, ret_found, &context->now))
            return true;
        plan_fini(ret);
        found_drop(ret_found); /* what is found now was looked at now, so this ends */
    }
}

/* Answers HEAD, which has KEY. False if that has to wait: for room, for storage, for a look-up. */
static bool answer(struct conn_context *context, struct conn *conn, struct h1_head *head,
                   const struct h1_memo_key *key)
{
    struct plan plan;
    struct found found;
    if (!conn_storage_lend_output(context, conn, false) ||
        !decide(context, conn, &head->request, &plan, &found))
        return false;
    if (context->draining)
        h1_close_soon(&conn->session);
    const struct h1_memo *memo = memorize(context, conn, key, head, &plan, &found);
    bool queued = (memo && h1_repeat(&conn->session, memo, &conn->output, &context->now)) ||
                  queue_answer(context, conn, head, &plan);
    if (!queued && !conn->starved && outq_empty(&conn->output)) {
        head->request.refusal = HTTP_INTERNAL_ERROR; /* a head that no storage can hold */
        plan_fini(&plan);
        plan_make(&plan, &head->request, &found, &context->policy, &context->now);
        queued = queue_answer(context, conn, head, &plan);
    }
    plan_fini(&plan);
    found_drop(&found);
    if (queued)
        conn->phase_renewed = true;
    return queued;
}

void conn_work(struct conn_context *context, struct conn *conn)
{
    conn->starved = false;
    if (conn->hungry)
        return; /* nothing has come in since */
    while (!conn_waits(conn) && outq_unsent(&conn->output) < CONN_UNSENT_BYTES_MAX) {
        struct h1_head head;
        struct h1_memo_key key;
        size_t bytes;
        if (repeat(context, conn, input_view(conn), &key))
            continue;
        switch (h1_next(&conn->session, &context->limits, input_view(conn), &head, &bytes)) {
        case H1_MORE:
            if (!ring_wraps(&conn->input)) {
                conn->hungry = true;
                return;
            }
            ring_straighten(&conn->input);
            break;
        case H1_SKIP:
            consume_input(conn, bytes);
            break;
        case H1_REQUEST:
            if (!answer(context, conn, &head, &key))
                return;
            consume_input(conn, bytes);
            break;
        case H1_WAIT:
        case H1_ENDED:
            return;
        }
    }
}

void conn_sent(struct conn_context *context, struct conn *conn, uint64_t length)
{
    struct outq_end end;
    outq_sent(&conn->output, length);
    outq_released(&conn->output, length);
    counters_add(context->counters, COUNTER_BYTES_SENT, length);
    conn->phase_renewed = true;
    conn->kernel_bytes = UINT32_MAX;
    conn->stood_still = false;
    while (outq_next_end(&conn->output, &end)) {
        h1_sent(&conn->session);
        counters_add(context->counters, COUNTER_RESPONSES, 1);
    }
}

bool conn_warms(struct conn_context *context, struct conn *conn, struct blob *file, uint64_t first,
                uint64_t length)
{
    if (conn->warmed) { /* once, so that it gets on whatever the kernel throws out meanwhile */
        conn->warmed = false;
        return true;
    }
    if (!conn_waits(conn)) { /* else it is seen when that has been found */
        struct conn_wait *wait = wait_of(context, conn);
        /* Without memory to wait with, the disk is waited for. */
        if (!wait || store_warm(context->files, file, first, length, &context->now, &wait->waiter))
            return true;
        begin_wait(context, conn);
        conn->warmed = true;
    }
    conn->warming = true;
    return false;
}

/* --- What comes next ---------------------------------------------------------------------------- */

enum conn_verdict conn_verdict(const struct conn_context *context, const struct conn *conn)
{
    if (!outq_empty(&conn->output) || conn_waits(conn))
        return CONN_GOES_ON;
    if (conn->session.state == H1_STATE_ENDED) {
        /* Closing with input unread, or yet to come, would make the kernel send RST, which destroys
         * the answer on its way (RFC 9112 section 9.6). */
        if (conn->input_ended)
            return CONN_CLOSES;
        bool silent = conn->session.peer_done && conn->input.length == 0 && !conn->readable;
        return silent ? CONN_ENDS : CONN_LINGERS;
    }
    if (conn->hungry && conn->input_ended)
        return CONN_CLOSES;
    if (context->draining) {
        bool idle = conn->hungry && conn->session.state == H1_STATE_HEAD && conn->input.length == 0;
        if (idle && !conn->readable)
            return CONN_CLOSES;
    }
    return CONN_GOES_ON;
}

void conn_linger(const struct conn_context *context, struct conn *conn)
{
    conn->state = CONN_LINGERING;
    conn->linger_left = CONN_LINGER_BYTES_MAX;
    conn->linger_end_ms = context->now.ms + LINGER_TOTAL_MS;
    ring_consume(&conn->input, conn->input.length);
}

bool conn_discarded(struct conn *conn, size_t length)
{
    conn->phase_renewed = true;
    conn->linger_left -= (uint32_t)size_min(length, conn->linger_left);
    return conn->linger_left > 0;
}

static enum conn_phase phase_of(const struct conn *conn)
{
    if (conn->state == CONN_LINGERING)
        return CONN_PHASE_LINGER;
    if (!outq_empty(&conn->output) && !conn->warming)
        return CONN_PHASE_SEND;
    if (conn_waits(conn))
        return CONN_PHASE_JOB;
    if (conn->starved)
        return CONN_PHASE_STARVED;
    if (h1_in_body(&conn->session))
        return CONN_PHASE_BODY;
    if (h1_in_head(&conn->session))
        return CONN_PHASE_HEAD;
    return conn->session.requests == 0 ? CONN_PHASE_FIRST : CONN_PHASE_IDLE;
}

static uint64_t phase_ms(const struct conn_context *context, enum conn_phase phase)
{
    switch (phase) {
    case CONN_PHASE_FIRST:
    case CONN_PHASE_HEAD:
        return context->header_ms;
    case CONN_PHASE_LINGER:
        return LINGER_QUIET_MS;
    case CONN_PHASE_SEND:
        return context->idle_ms / 2; /* it takes two looks, see transport_drains */
    case CONN_PHASE_NONE:
    case CONN_PHASE_IDLE:
    case CONN_PHASE_BODY:
    case CONN_PHASE_JOB:
    case CONN_PHASE_STARVED:
        break;
    }
    return context->idle_ms;
}

/* The one place where the phase changes. */
static void enter_phase(struct conn_context *context, struct conn *conn)
{
    enum conn_phase phase = phase_of(conn);
    if (phase == conn->phase && !conn->phase_renewed)
        return;
    conn->phase = phase;
    conn->phase_renewed = false;
    list_remove(&conn->holding); /* a new head, and who has just got on, are the youngest */
    uint64_t deadline_ms = context->now.ms + phase_ms(context, phase);
    if (phase == CONN_PHASE_LINGER && deadline_ms > conn->linger_end_ms)
        deadline_ms = conn->linger_end_ms;
    wheel_arm(&context->wheel, &conn->timer, deadline_ms);
}

void conn_settle(struct conn_context *context, struct conn *conn)
{
    conn_storage_settle(context, conn);
    enter_phase(context, conn);
    conn_storage_settle_holding(context, conn);
}

enum conn_verdict conn_expired(struct conn_context *context, struct conn *conn)
{
    if (conn->phase != CONN_PHASE_HEAD)
        return CONN_CLOSES;
    struct h1_head head;
    h1_head_init(&head);
    head.request.refusal = HTTP_REQUEST_TIMEOUT;
    conn->hungry = false; /* the session ends without */
    const struct h1_memo_key no_key = {.head_bytes = 0};
    return answer(context, conn, &head, &no_key) ? CONN_GOES_ON : CONN_CLOSES;
}
