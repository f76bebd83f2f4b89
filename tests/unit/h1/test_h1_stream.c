/* h1, a whole stream of requests: the output depends only on the input bytes, not on how they were
 * split, where in the ring they were, how little was sent at a time, or how often a request was
 * retried. */
#include "support/session_driver.h"

#include <criterion/criterion.h>

TestSuite(h1, .timeout = 120);

static const struct h1_limits pipelined = {
    .minor_max = 1,
    .keepalive = true,
    .inflight_max = 64,
    .head_bytes_max = 1024,
    .body_bytes_max = 64,
};

/* Requests and the response to each; those after the last response get none. */
struct exchange {
    struct str request;
    struct expected answer; /* status 0: no response */
};

static const struct exchange common[] = {
    {STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\n\r\n"),
     {.minor = 1, .status = HTTP_OK, .path = "/small"}},
    {STR_INIT("HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n"),
     {.minor = 1, .status = HTTP_OK, .path = "/large", .head = true}},
    {STR_INIT("\r\nGET /large HTTP/1.1\r\nHost: a\r\nX:\ty\r\n\r\n"),
     {.minor = 1, .status = HTTP_OK, .path = "/large"}},
    {STR_INIT("GET /missing?x HTTP/1.1\r\nHost: a\r\n\r\n"),
     {.minor = 1, .status = HTTP_NOT_FOUND}},
    {STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\nIf-None-Match: " SITE_SMALL_ETAG "\r\n\r\n"),
     {.minor = 1, .status = HTTP_NOT_MODIFIED, .path = "/small"}},
    {STR_INIT("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 22\r\n\r\n"
              "GET /evil HTTP/1.1\r\n\r\n"),
     {.minor = 1, .status = HTTP_METHOD_NOT_ALLOWED, .more = "Allow: GET, HEAD, OPTIONS\r\n"}},
    {STR_INIT("GET /file HTTP/1.1\r\nHost: a\r\n\r\n"),
     {.minor = 1, .status = HTTP_OK, .path = "/file"}},
    {STR_INIT("GET /dir?q=1 HTTP/1.1\r\nHost: a\r\n\r\n"),
     {.minor = 1, .status = HTTP_MOVED_PERMANENTLY, .path = "/dir", .more = "?q=1"}},
    {STR_INIT("\r\n\r\nBREW /pot HTTP/1.1\r\nHost: a\r\n\r\n"),
     {.minor = 1, .status = HTTP_NOT_IMPLEMENTED}},
    {STR_INIT("GET /small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
     {.minor = 0, .status = HTTP_OK, .path = "/small", .connection = "keep-alive"}},
    {STR_INIT("HEAD /private HTTP/1.1\r\nHost: a\r\n\r\n"),
     {.minor = 1, .status = HTTP_FORBIDDEN, .head = true}},
    {STR_INIT("GET /empty HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
     {.minor = 1, .status = HTTP_OK, .path = "/empty"}},
    {STR_INIT("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
              "6;a=\"b\"\r\nGET / \r\n1\r\n\r\r\n0\r\nX: y\r\n\r\n"),
     {.minor = 1, .status = HTTP_METHOD_NOT_ALLOWED, .more = "Allow: GET, HEAD, OPTIONS\r\n"}},
    {STR_INIT("GET http://a/busy HTTP/1.1\r\nHost: a\r\n\r\n"),
     {.minor = 1, .status = HTTP_UNAVAILABLE, .more = "Retry-After: 1\r\n"}},
};

static const struct exchange closes[] = {
    {STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
     {.minor = 1, .status = HTTP_OK, .path = "/small", .connection = "close"}},
    {STR_INIT("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"), {0}},
};

static const struct exchange is_bad[] = {
    {STR_INIT("GET /small HTTP/1.1\r\nHost : a\r\n\r\n"),
     {.minor = 1, .status = HTTP_BAD_REQUEST, .connection = "close"}},
    {STR_INIT("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"), {0}},
};

static const struct exchange is_badly_chunked[] = {
    {STR_INIT("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\n\r\n"),
     {.minor = 1, .status = HTTP_METHOD_NOT_ALLOWED, .more = "Allow: GET, HEAD, OPTIONS\r\n"}},
    {STR_INIT("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"), {0}},
};

static const struct exchange is_too_large[] = {
    {STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
     {.minor = 1, .status = HTTP_CONTENT_TOO_LARGE, .connection = "close"}},
};

static const struct exchange is_cut[] = {
    {STR_INIT("GET /small HTTP/1.1\r\nHost: a\r\n"), {0}},
};

/* The common beginning and one of the ends. */
static const struct stream {
    const char *label;
    const struct exchange *end;
    size_t end_count;
} streams[] = {
    {"close in the middle", closes, COUNT_OF(closes)},
    {"a bad request", is_bad, COUNT_OF(is_bad)},
    {"badly chunked", is_badly_chunked, COUNT_OF(is_badly_chunked)},
    {"too large", is_too_large, COUNT_OF(is_too_large)},
    {"cut", is_cut, COUNT_OF(is_cut)},
};

static struct text input, output; /* of the stream being driven */

static void add_exchanges(const struct exchange *exchanges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_add(&input, exchanges[i].request);
        if (exchanges[i].answer.status)
            expected_add(&output, &exchanges[i].answer);
    }
}

static void begin_stream(const struct stream *stream)
{
    input.length = output.length = 0;
    add_exchanges(common, COUNT_OF(common));
    add_exchanges(stream->end, stream->end_count);
}

/* The index at which the two begin to differ. */
static size_t common_length(struct str a, struct str b)
{
    size_t length = 0;
    while (length < a.length && length < b.length && a.at[length] == b.at[length])
        length++;
    return length;
}

static void finish_and_expect(struct driver *driver, const char *label, size_t which)
{
    driver_finish(driver);
    struct str sent = text_view(&driver->sent), expected = text_view(&output);
    size_t same = common_length(sent, expected);
    cr_assert(str_equal(sent, expected), "%s, %zu: differs at %zu: \"%.60s\", not \"%.60s\"", label,
              which, same, driver->sent.bytes + same, output.bytes + same);
    driver_destroy(driver);
}

/* Drives the stream, split at FIRST and SECOND. */
static void drive_split(const struct h1_limits *limits, const char *label, size_t first,
                        size_t second, struct prng *prng)
{
    struct str view = text_view(&input);
    struct driver *driver = driver_create(limits, 2048, 0, prng);
    driver_receive(driver, str_first(view, first));
    driver_receive(driver, str_first(str_from(view, first), second - first));
    driver_receive(driver, str_from(view, second));
    finish_and_expect(driver, label, first);
}

Test(h1, answers_a_stream_as_expected)
{
    driver_site_create();
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        begin_stream(&streams[i]);
        drive_split(&pipelined, streams[i].label, 0, input.length, NULL);
    }
    driver_site_destroy();
}

Test(h1, gives_the_same_output_for_a_split_anywhere)
{
    driver_site_create();
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        begin_stream(&streams[i]);
        for (size_t first = 0; first <= input.length; first++)
            drive_split(&pipelined, streams[i].label, first, input.length, NULL);
    }
    driver_site_destroy();
}

Test(h1, gives_the_same_output_for_two_splits_anywhere)
{
    struct prng prng = {2};
    driver_site_create();
    for (int round = 0; round < 3000; round++) {
        const struct stream *stream = &streams[prng_below(&prng, COUNT_OF(streams))];
        begin_stream(stream);
        size_t second = prng_below(&prng, input.length + 1);
        size_t first = prng_below(&prng, second + 1);
        drive_split(&pipelined, stream->label, first, second, NULL);
    }
    driver_site_destroy();
}

/* Drives the stream from index RING_FIRST of the ring on, in pieces of up to PIECE_MAX bytes. */
static void drive_pieces(const struct h1_limits *limits, uint32_t ring_bytes, uint32_t ring_first,
                         size_t piece_max, struct prng *prng)
{
    struct prng sizes = {ring_first + piece_max};
    struct driver *driver = driver_create(limits, ring_bytes, ring_first, prng);
    struct str rest = text_view(&input);
    while (rest.length > 0) {
        struct str piece =
            str_first(rest, piece_max > 1 ? 1 + prng_below(&sizes, piece_max) : piece_max);
        driver_receive(driver, piece);
        rest = str_from(rest, piece.length);
    }
    finish_and_expect(driver, "in pieces", ring_first);
}

Test(h1, gives_the_same_output_at_every_offset_in_the_ring)
{
    driver_site_create();
    begin_stream(&streams[0]);
    for (uint32_t first = 0; first < 1024; first++) {
        drive_pieces(&pipelined, 1024, first, input.length, NULL);
        drive_pieces(&pipelined, 1024, first, 100, NULL);
    }
    for (uint32_t first = 0; first < RING_BYTES_MAX; first++)
        drive_pieces(&pipelined, RING_BYTES_MAX, first, input.length, NULL);
    drive_pieces(&pipelined, RING_BYTES_MAX, RING_BYTES_MAX - 100, 1, NULL);
    driver_site_destroy();
}

Test(h1, gives_the_same_output_with_short_writes_and_late_releases)
{
    struct prng prng = {3};
    driver_site_create();
    for (int round = 0; round < 4000; round++) {
        const struct stream *stream = &streams[prng_below(&prng, COUNT_OF(streams))];
        struct h1_limits limits = pipelined;
        limits.inflight_max = 1 + (uint32_t)prng_below(&prng, 8);
        begin_stream(stream);
        drive_pieces(&limits, 1024 + (uint32_t)prng_below(&prng, 1000),
                     (uint32_t)prng_below(&prng, 1024), 1 + prng_below(&prng, 400), &prng);
    }
    driver_site_destroy();
}

/* Much more than the output queue holds, so that its rings wrap many times. */
Test(h1, answers_a_long_stream_through_a_full_queue)
{
    struct prng prng = {4};
    driver_site_create();
    for (int round = 0; round < 100; round++) {
        input.length = output.length = 0;
        for (int i = 0; i < 200; i++)
            add_exchanges(&common[prng_below(&prng, COUNT_OF(common))], 1);
        drive_pieces(&pipelined, RING_BYTES_MAX, 0, 1 + prng_below(&prng, 16000), &prng);
    }
    driver_site_destroy();
}
