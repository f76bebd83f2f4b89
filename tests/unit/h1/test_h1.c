/* h1: the extent of a request's content (RFC 9112 section 6.3), and the results for the caller. The
 * end of sessions is tested in test_h1_persistence.c, whole streams in test_h1_stream.c. */
#include "support/session_bench.h"

#include <stdio.h>

/* --- Content ---------------------------------------------------------------------------------- */

Test(h1, skips_content_to_its_last_byte)
{
    struct bench *bench = bench_create(&pipelined);
    serve(bench, STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nGET / HTTP"));
    cr_expect_eq(next(bench, STR("")), H1_MORE);
    cr_expect_eq(next(bench, STR("GET ")), H1_SKIP);
    cr_expect_eq(bench->bytes, 4);
    cr_expect_eq(next(bench, STR("")), H1_MORE);
    cr_expect_eq(next(bench, STR("/ HTTPGET /small HTTP/1.1\r\nHost: a\r\n\r\n")), H1_SKIP);
    cr_expect_eq(bench->bytes, 6);
    serve(bench, plain);
    cr_expect_eq(bench->bytes, plain.length);
    bench_destroy(bench);
}

/* Content may arrive while the response waits to be sent: skipping needs no room in the queue. */
Test(h1, skips_content_while_responses_wait)
{
    struct bench *bench = bench_create(&persistent);
    serve(bench, STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"));
    cr_expect_eq(next(bench, STR("ab")), H1_SKIP);
    cr_expect_eq(next(bench, plain), H1_WAIT);
    sent(bench);
    cr_expect_eq(next(bench, plain), H1_REQUEST);
    bench_destroy(bench);
}

Test(h1, bounds_content_exactly)
{
    static const struct {
        const char *length;
        enum http_status refusal;
    } rows[] = {
        {"0", HTTP_NONE},
        {"65535", HTTP_NONE},
        {"65536", HTTP_NONE},
        {"65537", HTTP_CONTENT_TOO_LARGE},
        {"4294967296", HTTP_CONTENT_TOO_LARGE},
        {"18446744073709551615", HTTP_CONTENT_TOO_LARGE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bench *bench = bench_create(&pipelined);
        char head[128];
        int length = snprintf(head, sizeof head,
                              "GET /small HTTP/1.1\r\nHost: a\r\nContent-Length: %s\r\n\r\n",
                              rows[i].length);
        serve(bench, (struct str){head, (size_t)length});
        cr_expect_eq(bench->head.request.refusal, rows[i].refusal, "%s", rows[i].length);
        const char *line = rows[i].refusal ? "HTTP/1.1 413 " : "HTTP/1.1 200 ";
        cr_expect(str_starts_with(sent(bench), str_of(line)), "%s", rows[i].length);
        enum h1_step step = rows[i].refusal ? H1_ENDED : H1_MORE;
        cr_expect_eq(next(bench, STR("")), step, "%s", rows[i].length);
        bench_destroy(bench);
    }
}

/* --- Results for the caller ------------------------------------------------------------------- */

Test(h1, skips_empty_lines_before_a_request)
{
    struct bench *bench = bench_create(&pipelined);
    cr_expect_eq(next(bench, STR("")), H1_MORE);
    cr_expect_eq(next(bench, STR("\r")), H1_MORE);
    cr_expect_eq(next(bench, STR("\r\n")), H1_SKIP);
    cr_expect_eq(bench->bytes, 2);
    cr_expect_eq(next(bench, STR("\r\n\r\n\rG")), H1_SKIP);
    cr_expect_eq(bench->bytes, 4);
    cr_expect_eq(next(bench, STR("\rG")), H1_REQUEST);
    cr_expect_eq(bench->head.request.refusal, HTTP_BAD_REQUEST);
    cr_expect_eq(next(bench, STR("\n")), H1_REQUEST);
    cr_expect_eq(bench->head.request.refusal, HTTP_BAD_REQUEST);
    bench_destroy(bench);
}

Test(h1, waits_while_too_much_is_in_flight)
{
    struct h1_limits limits = pipelined;
    limits.inflight_max = 3;
    struct bench *bench = bench_create(&limits);
    for (int i = 0; i < 3; i++)
        serve(bench, plain);
    cr_expect_eq(next(bench, plain), H1_WAIT);
    cr_expect_eq(next(bench, STR("")), H1_WAIT);
    h1_sent(&bench->session, 1);
    serve(bench, plain);
    cr_expect_eq(next(bench, plain), H1_WAIT);
    bench_destroy(bench);
}

Test(h1, never_has_more_in_flight_than_allowed)
{
    static const uint32_t maxima[] = {1, 2, 7};
    driver_site_create();
    for (size_t i = 0; i < COUNT_OF(maxima); i++) {
        struct h1_limits limits = pipelined;
        limits.inflight_max = maxima[i];
        struct driver *driver = driver_create(&limits, 4096, 0, NULL);
        for (int j = 0; j < 4; j++) {
            static struct text ten;
            ten.length = 0;
            for (int k = 0; k < 10; k++)
                text_add(&ten, plain);
            driver_receive(driver, text_view(&ten));
        }
        driver_finish(driver);
        cr_expect_eq(driver->answered, 40);
        cr_expect_eq(driver->inflight_peak, maxima[i]);
        driver_destroy(driver);
    }
    driver_site_destroy();
}

/* Without room nothing changes, neither the session nor the queue. */
Test(h1, changes_nothing_without_room_for_a_response)
{
    struct bench *bench = bench_create(&pipelined);
    struct h1 before;
    unsigned answered = 0;
    struct str request = STR("GET /small HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
    for (;;) {
        cr_assert_eq(next(bench, request), H1_REQUEST);
        uint64_t unsent = outq_unsent(&bench->output);
        memcpy(&before, &bench->session, sizeof before);
        if (!answer(bench)) {
            cr_expect_eq(memcmp((char *)&before, (char *)&bench->session, sizeof before), 0);
            cr_expect_eq(outq_unsent(&bench->output), unsent);
            break;
        }
        cr_assert_eq(next(bench, STR("abc")), H1_SKIP);
        answered++;
    }
    cr_expect_gt(answered, 20, "%u", answered);
    sent(bench);
    cr_expect_eq(next(bench, request), H1_REQUEST);
    cr_expect(answer(bench), "and now there is room");
    bench_destroy(bench);
}

Test(h1, has_no_room_without_storage)
{
    struct bench *bench = bench_create(&pipelined);
    cr_assert_eq(next(bench, plain), H1_REQUEST);
    outq_return(&bench->output);
    cr_expect_not(answer(bench));
    cr_expect_eq(bench->session.requests, 0);
    outq_lend(&bench->output, bench->storage, sizeof bench->storage);
    cr_expect(answer(bench));
    bench_destroy(bench);
}

/* A 408 answers input that never became a request. */
Test(h1, answers_a_request_made_by_the_caller)
{
    struct bench *bench = bench_create(&pipelined);
    cr_assert_eq(next(bench, STR("GET /sm")), H1_MORE);
    h1_head_init(&bench->head);
    bench->head.request.refusal = HTTP_REQUEST_TIMEOUT;
    cr_assert(answer(bench));
    struct str text = sent(bench);
    cr_expect(str_starts_with(text, STR("HTTP/1.1 408 Request Timeout\r\n")));
    cr_expect(has(text, "\r\nConnection: close\r\n"));
    cr_expect(str_ends_with(text, http_error_page(HTTP_REQUEST_TIMEOUT)));
    cr_expect_eq(next(bench, STR("GET /small HTTP/1.1\r\nHost: a\r\n\r\n")), H1_ENDED);
    bench_destroy(bench);
}
