/* admin_answer: see admin_answer.h. */
#include "admin/admin_answer.h"

#include "admin/admin_metrics.h"
#include "admin/admin_page.h"
#include "admin/admin_status.h"
#include "base/date.h"
#include "base/version.h"
#include "http/accept_type.h"
#include "http/authority.h"
#include "system/net_address.h"

#include <inttypes.h>
#include <stdlib.h>

#define TEXT "text/plain; charset=utf-8"
#define HTML "text/html; charset=utf-8"
#define JSON "application/json"

/* What goes into an answer besides its body. */
struct reply {
    enum http_status status;
    const char *type;
    const char *fields; /* more of them, each with CRLF */
};

/* --- Snapshots -------------------------------------------------------------------------------- */

static bool take_snapshot(const struct admin_state *state, struct admin_snapshot *ret)
{
    const struct admin_source *source = state->source;
    const struct admin_live *live = source->live;
    if (!admin_snapshot_init(ret, source->worker_count))
        return false;
    admin_text(str_of(source->program), ret->program, sizeof ret->program);
    admin_text(str_of(SLUICE_VERSION), ret->version, sizeof ret->version);
    admin_text(str_of(source->backend), ret->backend, sizeof ret->backend);
    ret->started = source->started;
    ret->connections_max = atomic_load(&live->connections_max);
    ret->cache_bytes_max = atomic_load(&live->cache_bytes_max);
    ret->reloads_done = atomic_load(&live->reloads_done);
    ret->reloads_refused = atomic_load(&live->reloads_refused);
    ret->last_reload_good = !atomic_load(&live->last_reload_refused);
    ret->last_reload_s = atomic_load(&live->last_reload_s);
    ret->draining = state->draining;
    for (unsigned i = 0; i < source->worker_count; i++)
        admin_worker_take(&ret->workers[i], source->counters(source->owner, i));
    if (!source->sites || source->sites(source->owner, ret))
        return true;
    admin_snapshot_fini(ret);
    return false;
}

static struct reply no_memory(FILE *out)
{
    fputs("out of memory\n", out);
    return (struct reply){HTTP_UNAVAILABLE, TEXT, ""};
}

/* --- Paths ------------------------------------------------------------------------------------ */

static struct reply metrics(const struct admin_state *state, const struct request *request,
                            FILE *out)
{
    struct admin_snapshot snapshot;
    (void)request;
    if (!take_snapshot(state, &snapshot))
        return no_memory(out);
    admin_metrics_write(&snapshot, out);
    admin_snapshot_fini(&snapshot);
    return (struct reply){HTTP_OK, ADMIN_METRICS_TYPE, ""};
}

static struct reply health(const struct admin_state *state, const struct request *request,
                           FILE *out)
{
    (void)request;
    if (state->stuck_worker == ADMIN_NONE_STUCK) {
        fputs("healthy\n", out);
        return (struct reply){HTTP_OK, TEXT, ""};
    }
    fprintf(out, "worker %d has made no turn for %" PRIu64 " s\n", state->stuck_worker,
            state->stuck_ms / 1000);
    return (struct reply){HTTP_UNAVAILABLE, TEXT, ""};
}

static struct reply readiness(const struct admin_state *state, const struct request *request,
                              FILE *out)
{
    (void)request;
    fputs(state->draining ? "draining\n" : "ready\n", out);
    return (struct reply){state->draining ? HTTP_UNAVAILABLE : HTTP_OK, TEXT, ""};
}

static struct reply status_json(const struct admin_state *state, const struct request *request,
                                FILE *out)
{
    struct admin_snapshot snapshot;
    (void)request;
    if (!take_snapshot(state, &snapshot))
        return no_memory(out);
    admin_status_write(&snapshot, state->now, out);
    admin_snapshot_fini(&snapshot);
    return (struct reply){HTTP_OK, JSON, ""};
}

static void write_file(struct str file, FILE *out)
{
    fwrite(file.at, 1, file.length, out);
}

/* The page, unless the client prefers JSON. */
static struct reply status(const struct admin_state *state, const struct request *request,
                           FILE *out)
{
    static const char vary[] = "Vary: Accept\r\n";
    const struct str accept = request->fields[HTTP_FIELD_ACCEPT];
    if (accept_type_weight(accept, STR(JSON)) > accept_type_weight(accept, STR(HTML))) {
        struct reply reply = status_json(state, request, out);
        reply.fields = vary;
        return reply;
    }
    write_file(admin_page_html(), out);
    return (struct reply){
        HTTP_OK, HTML,
        "Vary: Accept\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; "
        "style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n"};
}

static struct reply style(const struct admin_state *state, const struct request *request, FILE *out)
{
    (void)state, (void)request;
    write_file(admin_page_css(), out);
    return (struct reply){HTTP_OK, "text/css; charset=utf-8", ""};
}

static struct reply script(const struct admin_state *state, const struct request *request,
                           FILE *out)
{
    (void)state, (void)request;
    write_file(admin_page_js(), out);
    return (struct reply){HTTP_OK, "text/javascript; charset=utf-8", ""};
}

static const struct route {
    struct str path;
    /* Writes the body to OUT. */
    struct reply (*write)(const struct admin_state *state, const struct request *request,
                          FILE *out);
    bool is_probe;    /* for any Host */
    const char *help; /* NULL: not listed */
} routes[] = {
    {STR_INIT("/healthz"), health, true, "200 while all workers turn, else 503"},
    {STR_INIT("/readyz"), readiness, true, "200 while requests are welcome, 503 in a drain"},
    {STR_INIT("/metrics"), metrics, false, "all numbers, for Prometheus"},
    {STR_INIT("/status"), status, false, "the same as a page, or as JSON by Accept"},
    {STR_INIT("/status.json"), status_json, false, "as JSON"},
    {STR_INIT("/status.css"), style, false, NULL},
    {STR_INIT("/status.js"), script, false, NULL},
};

/* --- Answers ---------------------------------------------------------------------------------- */

/* Whether AUTHORITY names this machine by an address, or by the one name that always means it. */
static bool is_local(struct str authority)
{
    char host[AUTHORITY_HOST_BYTES_MAX + 1];
    struct net_address address;
    if (!authority.at)
        return true; /* of HTTP/1.0; no browser sends that */
    const struct str name = authority_host(authority, host);
    host[name.length] = '\0';
    return str_equal(name, STR("localhost")) || net_address_parse(host, &address);
}

static struct reply refuse(enum http_status status, const char *fields, FILE *out)
{
    const struct str line = http_status_line(status);
    fprintf(out, "%.*s\n", (int)line.length, line.at);
    return (struct reply){status, TEXT, fields};
}

static struct reply list_paths(FILE *out)
{
    const struct reply reply = refuse(HTTP_NOT_FOUND, "", out);
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (routes[i].help)
            fprintf(out, "%-14s%s\n", routes[i].path.at, routes[i].help);
    }
    return reply;
}

static struct reply write_body(const struct admin_state *state, const struct request *request,
                               FILE *out)
{
    if (request->refusal)
        return refuse(request->refusal, "", out);
    if (request->method != HTTP_GET && request->method != HTTP_HEAD)
        return refuse(HTTP_METHOD_NOT_ALLOWED, "Allow: GET, HEAD\r\n", out);
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        const struct route *route = &routes[i];
        if (!str_equal(request->path, route->path))
            continue;
        if (state->guarded && !route->is_probe && !is_local(request->authority))
            return refuse(HTTP_MISDIRECTED_REQUEST, "", out);
        return route->write(state, request, out);
    }
    return list_paths(out);
}

static void write_head(FILE *out, const struct admin_state *state, const struct reply *reply,
                       size_t body_bytes, bool keeps)
{
    char date[DATE_BYTES];
    const struct str line = http_status_line(reply->status);
    date_write(date, (int64_t)state->now);
    fprintf(out,
            "HTTP/1.1 %.*s\r\nDate: %.*s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
            "Cross-Origin-Resource-Policy: same-origin\r\n%s%s\r\n",
            (int)line.length, line.at, DATE_BYTES, date, reply->type, body_bytes, reply->fields,
            keeps ? "" : "Connection: close\r\n");
}

struct admin_answer admin_answer_make(const struct admin_state *state, const struct h1_head *head,
                                      bool keeps)
{
    struct admin_answer answer = {.length = 0};
    char *body = NULL;
    size_t body_bytes = 0;
    FILE *out = open_memstream(&body, &body_bytes);
    if (!out)
        return answer;
    const struct reply reply = write_body(state, &head->request, out);
    bool failed = ferror(out) != 0;
    failed |= fclose(out) != 0;
    out = failed ? NULL : open_memstream(&answer.bytes, &answer.length);
    if (out) {
        write_head(out, state, &reply, body_bytes, keeps);
        if (head->request.method != HTTP_HEAD)
            fwrite(body, 1, body_bytes, out);
        failed = ferror(out) != 0;
        failed |= fclose(out) != 0;
    }
    free(body);
    if (failed) {
        free(answer.bytes);
        answer = (struct admin_answer){.length = 0};
    }
    return answer;
}
