/* explain: see explain.h. */
#include "server/explain.h"

#include "base/clock.h"
#include "config/profile.h"
#include "conn/conn_storage.h"
#include "conn/transport_tls.h"
#include "observe/log.h"
#include "server/explain_parts.h"
#include "server/server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum { STORAGE_BYTES_MAX = 4 << 20, CACHE_BYTES_MAX = 16 << 20, CACHE_ENTRIES_MAX = 64 };

const struct subcommand_option explain_options[EXPLAIN_OPTIONS] = {
    {.name = "field",
     .letter = 'H',
     .argument = "FIELD",
     .help = "A field of the request, 'Name: value'; may be given several times."},
    {.name = "method",
     .letter = 'X',
     .argument = "NAME",
     .help = "The method of the request, in place of GET."},
};

/* --- The request ------------------------------------------------------------------------------ */

static int refuse(struct problem *ret_problem, const char *what, const char *value,
                  const char *remedy)
{
    problem_set(ret_problem, "%s '%s' is malformed", what, value);
    problem_remedy(ret_problem, "%s", remedy);
    return -EINVAL;
}

/* The host for a URL that names none: the first name of a site, if that is not a pattern. */
static struct str default_host(const struct settings *settings)
{
    for (unsigned i = 0; i < settings->site_count; i++) {
        const struct arena_list *hosts = &settings->sites[i]->hosts;
        for (unsigned j = 0; j < hosts->count; j++) {
            if (hosts->items[j][0] != '*')
                return str_of(hosts->items[j]);
        }
    }
    return STR("localhost");
}

/* Writes the values of -H. *RET_HOST: one of them is Host. */
static int write_fields(const struct subcommand_call *call, FILE *out, bool *ret_host,
                        struct problem *ret_problem)
{
    const char *value;
    for (unsigned i = 0; (value = subcommand_value(call, "field", i)); i++) {
        const struct str field = str_of(value), name = str_first(field, str_find(field, ':'));
        if (name.length == field.length || !str_is_token(name) || strpbrk(value, "\r\n"))
            return refuse(ret_problem, "the field", value, "write 'Name: value'");
        *ret_host = *ret_host || str_equal_nocase(name, STR("Host"));
        fprintf(out, "%s\r\n", value);
    }
    return 0;
}

/* Writes the request that CALL describes. 0, or a negative errno with *RET_PROBLEM set. */
static int write_request(struct explain *explain, const struct subcommand_call *call,
                         struct problem *ret_problem)
{
    char *fields = NULL;
    size_t length;
    bool has_host = false;
    const struct url *url = &explain->url;
    const struct str host = url->authority.at ? url->authority : default_host(call->settings);
    FILE *out = open_memstream(&fields, &length);
    FILE *all = open_memstream(&explain->text, &explain->text_length);
    int error = out && all ? write_fields(call, out, &has_host, ret_problem) : -ENOMEM;
    if (out)
        fclose(out);
    if (all) {
        fprintf(all, "%s %s%.*s HTTP/1.1\r\n", explain->method,
                str_starts_with(url->target, STR("/")) ? "" : "/", (int)url->target.length,
                url->target.at);
        if (!has_host)
            fprintf(all, "Host: %.*s\r\n", (int)host.length, host.at);
        fprintf(all, "%s\r\n", fields ? fields : "");
        fclose(all);
    }
    free(fields);
    if (error == -ENOMEM)
        problem_set_no_memory(ret_problem);
    return error;
}

static int read_command_line(struct explain *explain, const struct subcommand_call *call,
                             struct problem *ret_problem)
{
    const char *method = subcommand_value(call, "method", 0);
    if (!call->positionals[0]) {
        problem_set(ret_problem, "the URL is missing");
        problem_remedy(ret_problem, "%s explain ROOT http://localhost/", call->profile->name);
        return -EINVAL;
    }
    explain->method = method ? method : "GET";
    if (!str_is_token(str_of(explain->method)))
        return refuse(ret_problem, "the method", explain->method, "name one, such as HEAD");
    int error = url_parse(&explain->url, call->positionals[0], ret_problem);
    return error ? error : write_request(explain, call, ret_problem);
}

/* --- A worker without sockets ----------------------------------------------------------------- */

static void report_rule(void *context, const struct problem *problem)
{
    (void)context;
    struct problem located = *problem;
    problem_in_file(&located, "ROOT/" SITE_RULES_NAME, problem->line, 0);
    log_warning(&located);
}

/* Finds the listener for the scheme and the port of the URL, and its origin. False: no listener
 * speaks https. */
static bool choose_origin(struct explain *explain)
{
    const struct settings *settings = explain->generation->settings;
    const struct listening *listening = &explain->listening;
    unsigned chosen = settings->listener_count, origin;
    for (unsigned i = 0; i < settings->listener_count; i++) {
        const struct listener_settings *listener = settings->listeners[i];
        const bool same = listener->secure == explain->url.secure;
        if (same && (chosen == settings->listener_count || listener->port == explain->url.port))
            chosen = i;
    }
    if (chosen == settings->listener_count) {
        if (explain->url.secure)
            return false;
        /* plain HTTP on a port for TLS */
        origin = listening->origins.items[listening->listener_origins[0]].plain_index;
    } else {
        origin = listening->listener_origins[chosen];
    }
    explain->conn.origin = origin & (CONN_ORIGINS_MAX - 1);
    return true;
}

static int open_store(struct explain *explain)
{
    const struct settings *settings = explain->generation->settings;
    const struct store_config config = {
        .sites = {.settings = (const struct site_settings *const *)settings->sites,
                  .count = settings->site_count,
                  .report = {report_rule, NULL}},
        .cache = {.bytes_max = CACHE_BYTES_MAX,
                  .entries_max = CACHE_ENTRIES_MAX,
                  .files_max = CACHE_ENTRIES_MAX},
        .counters = &explain->counters,
    };
    return store_create(&explain->store, &config);
}

/* Prepares everything that an exchange needs. 0, or a negative errno with *RET_PROBLEM set. */
static int set_up(struct explain *explain, const struct subcommand_call *call,
                  struct problem *ret_problem)
{
    struct conn_context *context = &explain->context;
    int error = generation_create(&explain->generation, call->settings, NULL, ret_problem);
    if (!error)
        error = listening_choose(&explain->listening, call->settings, ret_problem);
    if (error)
        return error;
    listening_find_origins(&explain->listening, call->settings, &explain->listening.origins, 0);
    clock_read(&context->now);
    conn_context_init(context, STORAGE_BYTES_MAX, 0, context->now.ms);
    conn_init(&explain->conn, -1);
    explain->ready = true;
    error = open_store(explain);
    if (error) {
        problem_set(ret_problem, "ROOT cannot be opened: %s", strerror(-error));
        return error;
    }
    context->files = explain->store;
    context->hosts = explain->generation->hosts;
    context->counters = &explain->counters;
    context->origins = explain->listening.origins.items;
    context->h1.limits = call->profile->limits;
    context->h1.limits.head_bytes_max = call->settings->process.head_bytes_max;
    context->h1.limits.body_bytes_max = call->settings->process.body_bytes_max;
    struct tls_shared *shared = https_shared(explain->generation->https);
    struct transport_tls *tls = NULL;
    if (shared)
        error = transport_tls_create(&tls, shared, 1, ret_problem);
    if (tls)
        transport_tls_use(context, tls);
    if (!error && !choose_origin(explain)) {
        problem_set(ret_problem, "no listener speaks https");
        problem_remedy(ret_problem, "configure a certificate, or write http://");
        error = -EINVAL;
    }
    return error;
}

static void tear_down(struct explain *explain)
{
    if (explain->ready) {
        conn_fini(&explain->context, &explain->conn);
        transport_tls_destroy(explain->context.tls);
        store_destroy(explain->store);
        conn_context_fini(&explain->context);
    }
    generation_unref(explain->generation);
    free(explain->text);
    free(explain);
}

/* --- The answer ------------------------------------------------------------------------------- */

/* Whether the certificate that a client of the URL's host gets does not cover the request's host.
 * exchange.c decides this in serving. */
static bool is_misdirected(const struct explain *explain)
{
#ifdef SLUICE_HAVE_OPENSSL
    char host[AUTHORITY_HOST_BYTES_MAX];
    const struct tls_certificates *all =
        explain->url.secure ? transport_tls_certificates(&explain->context) : NULL;
    if (!all)
        return false;
    const struct tls_certificate *shown = all->items[0];
    const struct str name = authority_host(explain->url.authority, host);
    for (unsigned i = 0; i < all->count; i++) {
        if (tls_certificate_match(all->items[i], name) == TLS_MATCH_NONE)
            continue;
        shown = all->items[i];
        break;
    }
    return origin_is_misdirected(shown, explain->head.request.authority);
#else
    (void)explain;
    return false;
#endif
}

static void wake(void *context, struct lookup_waiter *waiter)
{
    conn_woken(context, waiter);
}

/* Decides about the request, as a worker does. False: it is not a request. */
static bool decide(struct explain *explain)
{
    struct conn_context *context = &explain->context;
    struct str input = {explain->text, explain->text_length};
    size_t bytes = 0;
    enum h1_step step;
    do {
        input = str_from(input, bytes);
        step =
            h1_next(&explain->conn.session.h1, &context->h1.limits, input, &explain->head, &bytes);
    } while (step == H1_SKIP);
    if (step != H1_REQUEST)
        return false;
    struct request *request = &explain->head.request;
    if (!request->refusal && is_misdirected(explain))
        request->refusal = HTTP_MISDIRECTED_REQUEST;
    exchange_init(&explain->exchange, &explain->conn, &explain->conn.session);
    while (exchange_run(context, &explain->exchange, request) == EXCHANGE_PENDING) {
        struct pollfd watched = {.fd = store_fd(explain->store), .events = POLLIN};
        poll(&watched, 1, -1);
        store_collect(explain->store, &context->now, wake, context);
    }
    return true;
}

/* Writes the head of the answer. False: it is larger than any storage. */
static bool show_head(struct explain *explain, FILE *out)
{
    struct conn_context *context = &explain->context;
    struct outq *output = &explain->conn.output;
    struct iovec pieces[8];
    bool file_follows;
    if (!conn_storage_lend_output(context, &explain->conn, CONN_STORAGE_FULL) ||
        !h1_answer(&explain->conn.session.h1, &context->h1.limits, &explain->head,
                   &explain->exchange.plan, output, &context->now))
        return false;
    const unsigned count = outq_gather(output, pieces, COUNT_OF(pieces), &file_follows);
    unsigned ends = 0; /* bytes of the CRLF CRLF at the end that have been seen */
    for (unsigned i = 0; i < count; i++) {
        const char *at = pieces[i].iov_base;
        for (size_t k = 0; k < pieces[i].iov_len && ends < 4; k++) {
            ends = at[k] == "\r\n\r\n"[ends] ? ends + 1 : (at[k] == '\r' ? 1 : 0);
            if (at[k] != '\r' && ends < 4)
                fputc(at[k], out);
        }
    }
    return true;
}

int explain_run(const struct subcommand_call *call)
{
    struct problem problem;
    struct explain *explain = calloc(1, sizeof *explain);
    int error = -ENOMEM;
    if (explain)
        error = read_command_line(explain, call, &problem);
    else
        problem_set_no_memory(&problem);
    const bool read = !error;
    if (!error)
        error = set_up(explain, call, &problem);
    if (!error && !decide(explain)) {
        problem_set(&problem, "the request is not one that is answered");
        error = -EINVAL;
    }
    if (error) {
        log_problem(&problem);
    } else {
        explain_show(explain, stdout);
        show_head(explain, stdout);
        exchange_fini(&explain->exchange);
    }
    if (explain)
        tear_down(explain);
    if (error)
        return read ? SERVER_STATUS_FAILED : SERVER_STATUS_USAGE;
    return fflush(stdout) == 0 ? SERVER_STATUS_DONE : SERVER_STATUS_FAILED;
}
