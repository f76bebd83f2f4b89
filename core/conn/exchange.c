/* exchange: see exchange.h. RFC 9110 section 3.4: a request's target becomes a resource, and the
 * plan an answer to it. */
#include "conn/exchange.h"

#include "conn/exchange_redirect.h"
#include "conn/transport_tls.h"
#include "site/hosts.h"

/* The site for the host of REQUEST; NULL: none. RFC 9110 section 7.2. */
static struct site *find_site(const struct conn_context *context, const struct request *request)
{
    uint32_t number = context->hosts ? hosts_find(context->hosts, request->authority) : 0;
    return number == HOSTS_NONE ? NULL : store_site(context->files, number);
}

static struct plan_policy policy_of(const struct site *site)
{
    return (struct plan_policy){
        .cors = site && site->settings->cors,
        .fallback = site && site->settings->fallback.at,
    };
}

bool exchange_is_secure(const struct conn_context *context, const struct exchange *exchange)
{
    const struct origin *origin = conn_origin(context, exchange->conn);
    return origin->transport_index == TRANSPORT_TLS || origin->secured ||
           exchange->forwarded.secure;
}

static void add_hsts(const struct conn_context *context, struct exchange *exchange,
                     const struct request *request)
{
    const struct origin *origin = conn_origin(context, exchange->conn);
    /* RFC 6797 section 7.2: not over plain HTTP. */
    if (!origin->hsts.at || (origin->trusted && !exchange_is_secure(context, exchange)))
        return;
    struct str hsts = origin_hsts(origin, request->authority);
    if (hsts.at)
        plan_add_field(&exchange->plan, STR("Strict-Transport-Security"), hsts);
}

static void make_plan(const struct conn_context *context, struct exchange *exchange,
                      const struct request *request)
{
    struct plan_policy policy = policy_of(exchange->site);
    plan_make(&exchange->plan, request, &exchange->found, &policy, &context->now);
    add_hsts(context, exchange, request);
}

/* The query for PATH of the site that EXCHANGE has for REQUEST. */
static struct store_query query_of(const struct conn_context *context,
                                   const struct exchange *exchange, const struct request *request,
                                   const struct path *path)
{
    return (struct store_query){
        .site = exchange->site,
        .path = path,
        .now = &context->now,
        .authority = request->authority,
    };
}

/* Looks up QUERY. READY: exchange->found is *given*. */
static enum store_result look_up(struct conn_context *context, struct exchange *exchange,
                                 const struct store_query *query)
{
    struct conn *conn = exchange->conn;
    struct lookup_waiter *waiter = conn_wait_prepare(context, conn, exchange->owner);
    if (!waiter)
        return STORE_READY; /* out of memory */
    enum store_result result = store_lookup(context->files, query, waiter, &exchange->found);
    if (result == STORE_PENDING)
        conn_wait_begin(context, conn, exchange->owner);
    return result;
}

/* Looks up the fields of the site's rules for the response to REQUEST, which is refused or OPTIONS.
 * READY: exchange->found is *given*; it has no resource if there are no fields, or REQUEST has no
 * path: "*", that of CONNECT, or one that is malformed. */
static enum store_result find_fields(struct conn_context *context, struct exchange *exchange,
                                     const struct request *request)
{
    struct path path;
    enum store_page page = !request->refusal && request->method == HTTP_OPTIONS
                               ? STORE_PAGE_PREFLIGHT
                               : STORE_PAGE_REFUSED;
    if (!exchange->site || request->method == HTTP_CONNECT ||
        path_decode(request->path, &path) == PATH_MALFORMED)
        return STORE_READY;
    struct store_query query = query_of(context, exchange, request, &path);
    query.page = page;
    return look_up(context, exchange, &query);
}

/* Looks up what REQUEST is about. READY: exchange->found is *given*; it has no resource only if
 * REQUEST is now refused. */
static enum store_result find_resource(struct conn_context *context, struct exchange *exchange,
                                       struct request *request)
{
    struct path path;
    struct plan_policy policy = policy_of(exchange->site);
    enum store_page page = STORE_PAGE_ERROR;
    switch (path_decode(request->path, &path)) {
    case PATH_OK:
    case PATH_UNNAMABLE: /* a script's route may hold bytes that a file's name can't */
        if (!path_is_challenge(&path) && plan_takes_fallback(request, &policy))
            page = STORE_PAGE_FALLBACK;
        break;
    case PATH_HIDDEN:
        break;
    case PATH_MALFORMED:
        request->refusal = HTTP_BAD_REQUEST;
        return STORE_READY;
    }
    struct store_query query = query_of(context, exchange, request, &path);
    query.page = page;
    enum store_result result = look_up(context, exchange, &query);
    if (result == STORE_READY && !exchange->found.resource)
        request->refusal = HTTP_UNAVAILABLE; /* out of memory */
    return result;
}

/* Whether the files that the plan sends are still what was found. */
static bool is_current(const struct exchange *exchange, const struct date_now *now)
{
    const struct plan *plan = &exchange->plan;
    for (unsigned i = 0; i < plan->part_count && !plan->body_omitted; i++) {
        if (!store_confirm(&exchange->found, plan->parts[i].blob, now))
            return false;
    }
    return true;
}

/* Whether CONN is for other sites than the one that REQUEST names. */
static bool is_misdirected(const struct conn_context *context, const struct conn *conn,
                           const struct request *request)
{
#ifdef SLUICE_HAVE_OPENSSL
    return context->tls &&
           origin_is_misdirected(transport_tls_certificate(context, conn), request->authority);
#else
    (void)context, (void)conn, (void)request;
    return false;
#endif
}

/* Decides as exchange_run does, which then ends the wait. */
static enum exchange_result decide(struct conn_context *context, struct exchange *exchange,
                                   struct request *request)
{
    exchange->site = find_site(context, request);
    if (!request->refusal && (!exchange->site || is_misdirected(context, exchange->conn, request)))
        request->refusal = HTTP_MISDIRECTED_REQUEST;
    exchange->redirect = EXCHANGE_REDIRECT_NONE;
    if (!request->refusal)
        exchange->redirect = exchange_redirect(context, exchange, request);
    if (exchange->redirect) {
        add_hsts(context, exchange, request);
        return EXCHANGE_READY;
    }
    for (;;) {
        exchange->found = (struct found){.resource = NULL};
        enum store_result result = plan_needs_resource(request)
                                       ? find_resource(context, exchange, request)
                                       : find_fields(context, exchange, request);
        if (result == STORE_PENDING)
            return EXCHANGE_PENDING;
        make_plan(context, exchange, request);
        if (is_current(exchange, &context->now))
            return EXCHANGE_READY;
        exchange_fini(exchange); /* the next look-up sees the files as they are now, so this ends */
    }
}

/* The answer may need nothing of what was waited for: a reload has removed the site, or redirects
 * the request now. */
enum exchange_result exchange_run(struct conn_context *context, struct exchange *exchange,
                                  struct request *request)
{
    const enum exchange_result result = decide(context, exchange, request);
    if (result == EXCHANGE_READY && exchange->conn->waits)
        conn_wait_end(context, exchange->conn, exchange->owner);
    return result;
}

void exchange_refuse(struct conn_context *context, struct exchange *exchange,
                     struct request *request, enum http_status status)
{
    plan_fini(&exchange->plan);
    request->refusal = status;
    make_plan(context, exchange, request);
}

void exchange_fini(struct exchange *exchange)
{
    plan_fini(&exchange->plan);
    found_drop(&exchange->found);
}
