/* session_bench: a session with output storage and the driver's site, to be asked one thing at a
 * time. */
#ifndef SLUICE_TESTS_SESSION_BENCH_H
#define SLUICE_TESTS_SESSION_BENCH_H

#include "support/session_driver.h"

#include <criterion/criterion.h>

/* The limits of the three programs. */
static const struct h1_limits simple = {
    .minor_max = 0,
    .keepalive = false,
    .inflight_max = 1,
    .head_bytes_max = 8192,
    .body_bytes_max = 65536,
};

static const struct h1_limits persistent = {
    .minor_max = 1,
    .keepalive = true,
    .inflight_max = 1,
    .head_bytes_max = 8192,
    .body_bytes_max = 65536,
};

static const struct h1_limits pipelined = {
    .minor_max = 1,
    .keepalive = true,
    .inflight_max = 64,
    .head_bytes_max = 8192,
    .body_bytes_max = 65536,
};

/* A session with output storage, and what it said last. */
struct bench {
    const struct h1_limits *limits;
    struct h1 session;
    struct outq output;
    struct h1_head head;
    size_t bytes;
    _Alignas(16) char storage[DRIVER_FULL_BYTES];
};

static inline struct bench *bench_create(const struct h1_limits *limits)
{
    static struct bench bench;
    driver_site_create();
    memset(&bench, 0, sizeof bench);
    bench.limits = limits;
    h1_init(&bench.session);
    outq_lend(&bench.output, bench.storage, sizeof bench.storage);
    return &bench;
}

static inline void bench_destroy(struct bench *bench)
{
    outq_clear(&bench->output);
    driver_site_destroy();
}

static inline enum h1_step next(struct bench *bench, struct str input)
{
    memset(&bench->head, 0, sizeof bench->head);
    return h1_next(&bench->session, bench->limits, input, &bench->head, &bench->bytes);
}

static inline bool answer(struct bench *bench)
{
    const struct h1_head *head = &bench->head;
    struct plan plan;
    struct resource *resource;
    driver_plan(&plan, &head->request, &resource);
    bool queued =
        h1_answer(&bench->session, bench->limits, head, &plan, &bench->output, &driver_now);
    plan_fini(&plan);
    return queued;
}

/* All of INPUT is one request: takes and answers it. */
static inline void serve(struct bench *bench, struct str input)
{
    cr_assert_eq(next(bench, input), H1_REQUEST, "%s", input.at);
    cr_assert(answer(bench));
}

/* What has been queued since the last call, sent. */
static inline struct str sent(struct bench *bench)
{
    static char text[DRIVER_FULL_BYTES];
    struct iovec pieces[16];
    struct outq_end end;
    bool file_follows;
    char *at = text;
    unsigned count = outq_gather(&bench->output, pieces, COUNT_OF(pieces), &file_follows);
    for (unsigned i = 0; i < count; i++)
        at = str_put(at, (struct str){pieces[i].iov_base, pieces[i].iov_len});
    size_t bytes = (size_t)(at - text);
    outq_sent(&bench->output, bytes);
    outq_released(&bench->output, bytes);
    while (outq_next_end(&bench->output, &end))
        h1_sent(&bench->session, 1);
    return (struct str){text, bytes};
}

static inline bool has(struct str text, const char *part)
{
    return memmem(text.at, text.length, part, strlen(part)) != NULL;
}

static const struct str plain = STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\n\r\n");

#endif
