/* h1: when a connection persists, and what is read after its last response. RFC 9112 section
 * 9.3. */
#include "support/session_bench.h"

#include <stdio.h>

/* Section 9.3, for each profile: the version of the response, its Connection field (NULL: none),
 * and whether another request is read. */
Test(h1, persists_by_version_profile_and_connection_field)
{
    static const struct {
        const struct h1_limits *limits;
        struct str request;
        const char *version, *connection;
    } rows[] = {
        {&simple, STR_INIT("GET /small HTTP/1.0\r\n\r\n"), "HTTP/1.0", "close"},
        {&simple, STR_INIT("GET /small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), "HTTP/1.0",
         "close"},
        {&simple, STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.0", "close"},
        {&simple, STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"),
         "HTTP/1.0", "close"},
        {&simple, STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
         "HTTP/1.0", "close"},
        {&persistent, STR_INIT("GET /small HTTP/1.0\r\n\r\n"), "HTTP/1.0", "close"},
        {&persistent, STR_INIT("GET /small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), "HTTP/1.0",
         "keep-alive"},
        {&persistent, STR_INIT("GET /small HTTP/1.0\r\nConnection: close\r\n\r\n"), "HTTP/1.0",
         "close"},
        {&persistent, STR_INIT("GET /small HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"),
         "HTTP/1.0", "close"},
        {&persistent, STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1", NULL},
        {&persistent, STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"),
         "HTTP/1.1", NULL},
        {&persistent, STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
         "HTTP/1.1", "close"},
        {&persistent,
         STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n"),
         "HTTP/1.1", "close"},
        {&persistent, STR_INIT("GET /small HTTP/1.9\r\nHost: a\r\n\r\n"), "HTTP/1.1", NULL},
        {&pipelined, STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1", NULL},
        {&pipelined, STR_INIT("GET /small HTTP/1.0\r\n\r\n"), "HTTP/1.0", "close"},
        {&pipelined, STR_INIT("HEAD /small HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), "HTTP/1.0",
         "keep-alive"},
        {&pipelined, STR_INIT("GET /missing HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1", NULL},
        {&pipelined, STR_INIT("GET /private HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1", NULL},
        {&pipelined, STR_INIT("PUT /small HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1", NULL},
        {&pipelined, STR_INIT("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1", NULL},
        {&pipelined, STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n"),
         "HTTP/1.1", NULL},
        {&pipelined, STR_INIT("GET /small HTTP/1.1\r\n\r\n"), "HTTP/1.1", "close"},
        {&pipelined, STR_INIT("GET /small HTTP/2.0\r\n\r\n"), "HTTP/1.1", "close"},
        {&pipelined, STR_INIT("GET /small HTTP/1.0\r\nA B: c\r\n\r\n"), "HTTP/1.0", "close"},
        {&pipelined, STR_INIT("\x16\x03\x01"), "HTTP/1.1", "close"},
        {&pipelined, STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
         "HTTP/1.1", "close"},
        {&pipelined,
         STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                  "Expect: 100-continue\r\n\r\n"),
         "HTTP/1.1", "close"},
        {&pipelined,
         STR_INIT("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                  "Expect: 100-continue\r\n\r\n"),
         "HTTP/1.1", "close"},
        {&pipelined, STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"),
         "HTTP/1.1", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *label = rows[i].request.at;
        struct bench *bench = bench_create(rows[i].limits);
        serve(bench, rows[i].request);
        struct str text = sent(bench);
        const char *line = rows[i].connection ? "\r\nConnection: " : "";
        char expected[64];
        snprintf(expected, sizeof expected, "%s%s", line,
                 rows[i].connection ? rows[i].connection : "");
        bool closes = rows[i].connection && strcmp(rows[i].connection, "close") == 0;
        cr_expect(str_starts_with(text, str_of(rows[i].version)), "%s: %.8s", label, text.at);
        cr_expect(has(text, expected), "%s", label);
        cr_expect_eq(has(text, "\r\nConnection: "), rows[i].connection != NULL, "%s", label);
        cr_expect_eq(next(bench, plain), closes ? H1_ENDED : H1_REQUEST, "%s", label);
        bench_destroy(bench);
    }
}

/* Whether the peer has announced that it sends nothing more. */
Test(h1, reports_whether_the_peer_is_done)
{
    static const struct {
        const struct h1_limits *limits;
        struct str request;
        bool peer_done;
    } rows[] = {
        {&pipelined, STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), true},
        {&pipelined, STR_INIT("GET /small HTTP/1.0\r\n\r\n"), true},
        {&simple, STR_INIT("GET /small HTTP/1.0\r\n\r\n"), true},
        {&simple, STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\n\r\n"), false},
        {&simple, STR_INIT("GET /small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), false},
        {&pipelined, STR_INIT("GET /small HTTP/1.0\r\nA B: c\r\n\r\n"), false},
        {&pipelined, STR_INIT("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n"), false},
        {&pipelined,
         STR_INIT("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n"),
         false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bench *bench = bench_create(rows[i].limits);
        serve(bench, rows[i].request);
        cr_expect_eq(next(bench, STR("")), H1_ENDED, "%s", rows[i].request.at);
        cr_expect_eq(bench->session.peer_done, rows[i].peer_done, "%s", rows[i].request.at);
        bench_destroy(bench);
    }
}

Test(h1, closes_after_the_maximum_number_of_requests)
{
    struct h1_limits limits = pipelined;
    limits.requests_max = 3;
    struct bench *bench = bench_create(&limits);
    for (int i = 1; i <= 3; i++) {
        cr_expect_eq(next(bench, STR("\r\n\r\n")), H1_SKIP, "which is not a request");
        serve(bench, plain);
        cr_expect_eq(has(sent(bench), "\r\nConnection: close\r\n"), i == 3, "%d", i);
    }
    cr_expect_eq(next(bench, plain), H1_ENDED);
    cr_expect_not(bench->session.peer_done);
    bench_destroy(bench);
}

Test(h1, closes_soon_when_asked_to)
{
    struct bench *bench = bench_create(&pipelined);
    serve(bench, plain);
    cr_assert_eq(next(bench, plain), H1_REQUEST);
    h1_close_soon(&bench->session);
    cr_assert(answer(bench));
    struct str text = sent(bench);
    cr_expect(has(text, "\r\nConnection: close\r\n"));
    cr_expect_eq(next(bench, plain), H1_ENDED);
    bench_destroy(bench);
}

Test(h1, reads_nothing_after_the_end)
{
    static const struct str inputs[] = {
        STR_INIT(""),     STR_INIT("\r\n"), STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\n\r\n"),
        STR_INIT("\x16"), STR_INIT("G"),
    };
    struct bench *bench = bench_create(&pipelined);
    serve(bench,
          STR("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 9\r\n\r\n"));
    for (int i = 0; i < 2 * (int)COUNT_OF(inputs); i++) {
        cr_expect_eq(next(bench, inputs[i / 2]), H1_ENDED);
        if (i == 0)
            sent(bench);
    }
    cr_expect_eq(bench->session.requests, 1);
    bench_destroy(bench);
}
