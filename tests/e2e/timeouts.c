/* timeouts: the time that a server waits for a head, for a next request, for a body, and for a
 * client that reads nothing; and the largest head and body.
 *
 * The lower bounds of times are strict, the upper bounds generous (for a busy machine). */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <poll.h>
#include <string.h>

E2E_SUITE(timeouts);

enum { SOON_MS = 300, TOLERANCE_MS = 2000 };

static const char request[] = "GET /small.txt HTTP/1.1\r\nHost: example.org\r\n\r\n";

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "<!doctype html>\n");
    site_fill(site, "small.txt", 100, 1);
    site_write_sparse(site, "huge.mp4", (off_t)MIB(256));
}

/* The connection ends between SOON_MS and much later than that, counted from SINCE, a time before
 * the client sent anything. */
static void expect_end_soon(struct client *client, const char *what, int64_t since)
{
    int64_t late = e2e_scaled(TOLERANCE_MS, 5 * TOLERANCE_MS);
    int64_t waited;

    expect_end(client, what);
    waited = clock_ms() - since;
    cr_expect(waited >= SOON_MS - 20 && waited <= SOON_MS + late, "%s: ended after %d ms", what,
              (int)waited);
    client_close(client);
}

/* --- A head ----------------------------------------------------------------------------------- */

struct head_case {
    const char *label;
    const char *before; /* a whole request, answered, or "" */
    const char *partial;
    int status; /* 0: the connection closes without an answer */
};

static const struct head_case heads[] = {
    {"nothing", "", "", 0},
    {"a byte", "", "G", 408},
    {"a line", "", "GET /small.txt HTTP/1.1\r\n", 408},
    {"a head but its end", "", "GET /small.txt HTTP/1.1\r\nHost: example.org\r\n\r", 408},
    {"the second head", request, "GET /small.txt HTTP/1.1\r\nHo", 408},
};

E2E_TEST(timeouts, an_unfinished_head_is_answered_with_408)
{
    struct site site;

    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, "--header-timeout 300ms");

        for (size_t i = 0; i < COUNT_OF(heads); i++) {
            const struct head_case *row = &heads[i];
            const char *what = text_format("%s, %s", server->name, row->label);
            struct client client;
            int64_t since = clock_ms();

            if (kind == SIMPLE && *row->before)
                continue;
            client_connect(&client, server);
            if (*row->before) {
                since = clock_ms();
                client_queue_text(&client, row->before);
                expect_status(&client, what, false, 200, NULL);
            }
            client_queue_text(&client, row->partial);
            if (row->status)
                expect_status(&client, what, false, row->status, NULL);
            expect_end_soon(&client, what, since);
        }
    }
}

E2E_TEST(timeouts, a_dripping_head_does_not_extend_its_time)
{
    static const char head[] =
        "GET /small.txt HTTP/1.1\r\nHost: example.org\r\nX-Long: and so on and on";
    struct site site;
    const struct server *server;
    struct client client;
    struct response response;
    int64_t since;

    create_site(&site);
    server = server_start(PIPELINED, &site, "--header-timeout 300ms");
    since = clock_ms();
    client_connect(&client, server);
    for (size_t i = 0; i < sizeof(head) - 1 && client.input.length == 0 && !client.eof; i++) {
        client_queue(&client, head + i, 1);
        client_flush(&client);
        client_receive(&client, 1, clock_ms() + 50);
    }
    cr_assert(client_read_response(&client, false, &response) == ANSWER_WHOLE);
    cr_expect(response.status == 408, "status %d", response.status);
    expect_end_soon(&client, "a head that drips", since);
}

/* --- A next request --------------------------------------------------------------------------- */

E2E_TEST(timeouts, an_idle_connection_is_closed)
{
    struct site site;

    create_site(&site);
    for (enum server_kind kind = PERSISTENT; kind <= PIPELINED; kind++) {
        const struct server *server = server_start(kind, &site, "--idle-timeout 300ms");
        struct client client;
        int64_t since;

        client_connect(&client, server);
        since = clock_ms();
        client_queue_text(&client, request);
        expect_status(&client, server->name, false, 200, NULL);
        expect_end_soon(&client, server->name, since);
    }
}

E2E_TEST(timeouts, requests_postpone_the_idle_timeout)
{
    struct site site;
    const struct server *server;
    struct client client;

    create_site(&site);
    server = server_start(PIPELINED, &site, "--idle-timeout 1s --header-timeout 1s");
    client_connect(&client, server);
    for (size_t i = 0; i < 8; i++) {
        client_queue_text(&client, request);
        if (!expect_status(&client, "a kept connection", false, 200, NULL))
            break;
        let_pass(200);
    }
    client_close(&client);
}

E2E_TEST(timeouts, a_partial_body_closes_the_connection)
{
    struct site site;
    const struct server *server;
    struct client client;
    uint64_t bytes;

    create_site(&site);
    server = server_start(PIPELINED, &site, "--idle-timeout 300ms");
    client_connect(&client, server);
    client_queue_text(&client,
                      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nsome of it");
    cr_expect(client_drain(&client, &bytes, deadline_after(SOON_MS + TOLERANCE_MS)),
              "a body that does not come keeps the connection for ever");
    client_close(&client);
}

/* The time is for the whole body, counted from its head. */
E2E_TEST(timeouts, a_dripping_body_does_not_extend_its_time)
{
    struct site site;
    const struct server *server;
    struct client client;
    int64_t since;

    create_site(&site);
    server = server_start(PIPELINED, &site, "--idle-timeout 300ms");
    client_connect(&client, server);
    since = clock_ms();
    client_queue_text(&client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
    expect_status(&client, "a body that drips", false, 405, NULL);
    for (size_t i = 0; i < 60 && !client.eof && !client.error; i++) {
        client_queue_text(&client, "x");
        client_flush(&client);
        client_receive(&client, 1, clock_ms() + 50);
    }
    cr_expect(client.eof || client.error, "a body that drips keeps the connection for ever");
    cr_expect(clock_ms() - since >= SOON_MS - 20, "a body was given only %d ms",
              (int)(clock_ms() - since));
    client_close(&client);
}

E2E_TEST(timeouts, a_client_that_reads_nothing_is_closed)
{
    struct site site;
    const struct server *server;
    struct client client;
    int64_t deadline;
    size_t before;

    create_site(&site);
    server = server_start(PIPELINED, &site, "--idle-timeout 300ms --threads 1 --cache-valid 1h");
    client_connect(&client, server);
    client_queue_text(&client, request_text("GET", "/huge.mp4"));
    client_receive(&client, 1, deadline_after(5000));
    before = process_usage(&server->process).descriptors;
    deadline = deadline_after(SOON_MS + TOLERANCE_MS);
    while (process_usage(&server->process).descriptors >= before && deadline_left_ms(deadline) > 0)
        poll(NULL, 0, 20);
    cr_expect(process_usage(&server->process).descriptors < before,
              "a peer that takes nothing keeps its connection for ever");
    client_close(&client);
}

E2E_TEST(timeouts, a_slow_reader_is_not_idle)
{
    struct site site;
    struct view content;
    const struct server *server;
    struct client client;
    struct view answer;
    size_t wanted = 0;

    create_site(&site);
    content = site_fill(&site, "large.jpg", MIB(4), 2);
    server = server_start(PIPELINED, &site, "--idle-timeout 1s --header-timeout 1s");
    client_connect_with(
        &client, &(struct client_setup){.port = server->port, .receive_buffer_bytes = KIB(64)});
    client_queue_text(&client, request_text("GET", "/large.jpg"));
    for (size_t i = 0; i < 8; i++) {
        wanted += KIB(400);
        client_receive(&client, wanted, deadline_after(5000));
        let_pass(300);
    }
    answer = client_receive(&client, content.length + 100000, deadline_after(10000));
    cr_expect(client.eof && !client.error && answer.length > content.length,
              "a slow reader got %zu bytes: %s", answer.length, strerror(client.error));
    cr_expect(answer.length > content.length && memcmp(answer.data + answer.length - content.length,
                                                       content.data, content.length) == 0,
              "a slow reader got other bytes");
    client_close(&client);
}

/* --- Sizes ------------------------------------------------------------------------------------ */

/* A whole GET of /small.txt of exactly LENGTH bytes. */
static const char *request_of(size_t length)
{
    static const char begin[] = "GET /small.txt HTTP/1.1\r\nHost: example.org\r\nX: ";
    size_t padding = length - (sizeof(begin) - 1) - 4;

    return text_format("%s%.*s\r\n\r\n", begin, (int)padding, text_format("%0*d", (int)padding, 1));
}

/* A whole GET whose request line, CRLF not counted, has LENGTH bytes. */
static const char *request_line_of(size_t length)
{
    size_t padding = length - strlen("GET /small.txt? HTTP/1.1");

    return text_format("GET /small.txt?%0*d HTTP/1.1\r\nHost: x\r\n\r\n", (int)padding, 1);
}

static void expect_head_limit(const struct server *server, size_t limit)
{
    struct client client;
    const char *what = text_format("%s, heads of at most %zu bytes", server->name, limit);

    expect_fetch(server, what, request_of(limit), 200, NULL);
    expect_fetch(server, what, request_of(limit - 1), 200, NULL);
    expect_fetch(server, what, request_of(limit + 1), 431, NULL);
    expect_fetch(server, what, request_of(limit * 3), 431, NULL);
    expect_fetch(server, what, request_line_of(limit - 40), 200, NULL);
    expect_fetch(server, what, request_line_of(limit + 1), 414, NULL);
    expect_fetch(server, what, request_line_of(limit * 3), 414, NULL);

    /* The server refuses a head as soon as it is too long. */
    client_connect(&client, server);
    client_queue(&client, request_line_of(limit * 2), limit + 1);
    expect_status(&client, text_format("%s, a line without end", what), false, 414, NULL);
    expect_end(&client, what);
    client_close(&client);
    client_connect(&client, server);
    client_queue(&client, request_of(limit * 2), limit + 1);
    expect_status(&client, text_format("%s, fields without end", what), false, 431, NULL);
    expect_end(&client, what);
    client_close(&client);

    /* Byte by byte, and after another request. */
    client_connect(&client, server);
    client.delivery = DELIVERY_ODD_PIECES;
    client_queue_text(&client, server->kind == SIMPLE ? "" : request);
    client_queue_text(&client, request_of(limit));
    if (server->kind != SIMPLE)
        expect_status(&client, what, false, 200, NULL);
    expect_status(&client, what, false, 200, NULL);
    client_close(&client);
}

E2E_TEST(timeouts, a_head_may_have_max_head_bytes_and_no_more)
{
    struct site site;

    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        expect_head_limit(server_start(kind, &site, NULL), KIB(16));
        expect_head_limit(server_start(kind, &site, "--max-head 1024"), 1024);
        expect_head_limit(server_start(kind, &site, "--max-head 64K"), KIB(64));
    }
}

static void expect_body(const struct server *server, const char *method, size_t length, int status,
                        bool kept)
{
    const char *what = text_format("%s, %s with %zu bytes", server->name, method, length);
    struct view body = content_make(length, 1);
    struct client client;

    client_connect(&client, server);
    client_queue_text(
        &client, text_format("%s /small.txt HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
                             method, length));
    client_queue(&client, body.data, body.length);
    client_queue_text(&client, request_text("GET", "/small.txt"));
    expect_status(&client, what, false, status, NULL);
    if (kept && server->kind != SIMPLE)
        expect_status(&client, text_format("%s, the next", what), false, 200, NULL);
    expect_end(&client, what);
    client_close(&client);
}

E2E_TEST(timeouts, a_body_may_have_max_body_bytes_and_no_more)
{
    static const struct {
        const char *options;
        size_t limit;
    } rows[] = {{NULL, KIB(64)}, {"--max-body 1000", 1000}};
    struct site site;

    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++)
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            const struct server *server = server_start(kind, &site, rows[i].options);

            expect_body(server, "POST", rows[i].limit, 405, true);
            expect_body(server, "GET", rows[i].limit, 200, true);
            expect_body(server, "GET", rows[i].limit + 1, 413, false);
            expect_body(server, "GET", rows[i].limit * 100, 413, false);
        }
}
