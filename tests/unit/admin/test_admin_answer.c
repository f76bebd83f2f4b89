/* admin_answer: paths, methods, the Host rule, health and readiness. */
#include "admin/admin_answer.h"
#include "h1/h1_parse.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct counters counters;

static const struct counters *counters_of(void *owner, unsigned worker)
{
    (void)owner, (void)worker;
    return &counters;
}

static void wake(void *owner, unsigned worker)
{
    (void)owner, (void)worker;
}

static const struct admin_live live = {.connections_max = 7};

static const struct admin_source source = {
    .program = "sluice",
    .backend = "epoll",
    .live = &live,
    .worker_count = 1,
    .counters = counters_of,
    .wake = wake,
};

static struct admin_state healthy(void)
{
    return (struct admin_state){
        .source = &source, .guarded = true, .stuck_worker = ADMIN_NONE_STUCK, .now = 784111777};
}

/* The answer to REQUEST, a whole head, kept until the next call. */
static const char *ask(const struct admin_state *state, const char *request)
{
    static char *kept;
    struct h1_parse parse = {.scanned = 0};
    struct h1_head head;
    size_t bytes;
    cr_assert_neq(h1_parse(&parse, str_of(request), 8192, &head, &bytes), H1_PARSE_MORE);
    const struct admin_answer answer = admin_answer_make(state, &head, true);
    cr_assert_not_null(answer.bytes);
    cr_assert_eq(strlen(answer.bytes), answer.length);
    free(kept);
    return kept = answer.bytes;
}

static unsigned status_of(const struct admin_state *state, const char *request)
{
    return (unsigned)strtoul(ask(state, request) + strlen("HTTP/1.1 "), NULL, 10);
}

Test(admin_answer, each_path_has_its_type)
{
    static const struct {
        const char *path, *type;
    } rows[] = {
        {"/metrics", "text/plain; version=0.0.4; charset=utf-8"},
        {"/healthz", "text/plain; charset=utf-8"},
        {"/readyz", "text/plain; charset=utf-8"},
        {"/status", "text/html; charset=utf-8"},
        {"/status.json", "application/json"},
        {"/status.css", "text/css; charset=utf-8"},
        {"/status.js", "text/javascript; charset=utf-8"},
        {"/metrics?name=x", "text/plain; version=0.0.4; charset=utf-8"},
    };
    const struct admin_state state = healthy();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char request[128], wanted[128];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost:9\r\n\r\n",
                 rows[i].path);
        snprintf(wanted, sizeof wanted, "\r\nContent-Type: %s\r\n", rows[i].type);
        const char *answer = ask(&state, request);
        cr_expect_eq(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17), 0, "%s: %s", rows[i].path, answer);
        cr_expect(strstr(answer, wanted), "%s: %s", rows[i].path, answer);
        cr_expect(strstr(answer, "\r\nCache-Control: no-store\r\n"));
    }
}

Test(admin_answer, another_path_gets_a_list_of_those_that_exist)
{
    const struct admin_state state = healthy();
    const char *answer = ask(&state, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_expect_eq(strncmp(answer, "HTTP/1.1 404 ", 13), 0);
    cr_expect(strstr(answer, "/metrics") && strstr(answer, "/readyz") && strstr(answer, "/status"));
    cr_expect_eq(status_of(&state, "GET /metrics/ HTTP/1.1\r\nHost: localhost\r\n\r\n"), 404);
    cr_expect_eq(status_of(&state, "GET /%6detrics HTTP/1.1\r\nHost: localhost\r\n\r\n"), 404);
}

Test(admin_answer, head_is_get_without_a_body)
{
    const struct admin_state state = healthy();
    const char *answer = ask(&state, "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_expect(strstr(answer, "\r\nContent-Length: 8\r\n"));
    cr_expect_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

Test(admin_answer, other_methods_and_bad_requests_are_refused)
{
    const struct admin_state state = healthy();
    const char *answer =
        ask(&state, "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    cr_expect_eq(strncmp(answer, "HTTP/1.1 405 ", 13), 0);
    cr_expect(strstr(answer, "\r\nAllow: GET, HEAD\r\n"));
    cr_expect_eq(status_of(&state, "GET /metrics HTTP/1.1\r\n\r\n"), 400, "no Host");
    cr_expect_eq(status_of(&state, "nonsense\r\n\r\n"), 400);
    cr_expect_eq(status_of(&state, "GET /metrics HTTP/2.0\r\nHost: localhost\r\n\r\n"), 505);
}

Test(admin_answer, what_can_be_read_needs_a_host_that_is_an_address_or_localhost)
{
    static const struct {
        const char *host;
        unsigned status;
    } rows[] = {
        {"localhost", 200},
        {"localhost:9090", 200},
        {"LocalHost", 200},
        {"127.0.0.1", 200},
        {"127.0.0.1:1", 200},
        {"[::1]", 200},
        {"[::1]:80", 200},
        {"10.2.3.4", 200},
        {"example.org", 421},
        {"evil.example:1", 421},
        {"localhost.evil.org", 421},
        {"127.0.0.1.evil.org", 421},
        {"", 421},
        {"0x7f.1", 421},
        {"localhost.", 200},
        {"LOCALHOST.:80", 200},
        {"localhost..", 421},
        {"[::FFFF:127.0.0.1]:9", 200},
        {"[2001:db8::1]", 200},
        {"127.1", 421},
        {"127.0.0.1.", 200},
        {"localhost:x", 400},
        {"[::1", 400},
        {"localhost, evil.example", 400},
        {"user@localhost", 400},
    };
    static const char *const paths[] = {"/metrics", "/status", "/status.json", "/status.js"};
    static const char *const probes[] = {"/healthz", "/readyz"};
    struct admin_state state = healthy();
    char request[256];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t j = 0; j < COUNT_OF(paths); j++) {
            snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", paths[j],
                     rows[i].host);
            cr_expect_eq(status_of(&state, request), rows[i].status, "%s %s", paths[j],
                         rows[i].host);
        }
        for (size_t j = 0; j < COUNT_OF(probes); j++) {
            snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", probes[j],
                     rows[i].host);
            cr_expect_eq(status_of(&state, request), rows[i].status == 400 ? 400 : 200, "%s %s",
                         probes[j], rows[i].host);
        }
    }
    cr_expect_eq(status_of(&state, "GET /healthz HTTP/1.0\r\n\r\n"), 200);
    cr_expect_eq(status_of(&state, "GET /metrics HTTP/1.0\r\n\r\n"), 200, "no browser sends that");
    cr_expect_eq(status_of(&state, "GET /healthz HTTP/1.1\r\n\r\n"), 400);
    cr_expect_eq(status_of(&state, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
                                   "Host: localhost\r\n\r\n"),
                 400);
    cr_expect_eq(
        status_of(&state, "GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        421, "the target's authority counts");
    state.guarded = false; /* it listens on an address that others reach */
    cr_expect_eq(status_of(&state, "GET /metrics HTTP/1.1\r\nHost: pod.example\r\n\r\n"), 200);
}

Test(admin_answer, the_status_is_a_page_unless_json_is_liked_better)
{
    static const struct {
        const char *accept, *type;
    } rows[] = {
        {"text/html,application/xhtml+xml,*/*;q=0.8", "text/html"},
        {"*/*", "text/html"},
        {"application/json", "application/json"},
        {"application/json, text/html;q=0.5", "application/json"},
    };
    const struct admin_state state = healthy();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char request[256], wanted[64];
        snprintf(request, sizeof request,
                 "GET /status HTTP/1.1\r\nHost: localhost\r\nAccept: %s\r\n\r\n", rows[i].accept);
        snprintf(wanted, sizeof wanted, "\r\nContent-Type: %s", rows[i].type);
        const char *answer = ask(&state, request);
        cr_expect(strstr(answer, wanted), "%s: %.300s", rows[i].accept, answer);
        cr_expect(strstr(answer, "\r\nVary: Accept\r\n"));
    }
}

Test(admin_answer, a_drain_is_not_ready_and_healthy)
{
    struct admin_state state = healthy();
    cr_expect_eq(status_of(&state, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    state.draining = true;
    cr_expect_eq(status_of(&state, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), 503);
    cr_expect_eq(status_of(&state, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    cr_expect(strstr(ask(&state, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                     "\nsluice_draining 1\n"));
}

Test(admin_answer, a_stuck_worker_is_named)
{
    struct admin_state state = healthy();
    state.stuck_worker = 3;
    state.stuck_ms = 12345;
    const char *answer = ask(&state, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_expect_eq(strncmp(answer, "HTTP/1.1 503 ", 13), 0);
    cr_expect(strstr(answer, "worker 3 has made no turn for 12 s"));
}
