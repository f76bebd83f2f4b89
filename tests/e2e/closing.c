/* closing: in whatever way a connection ends, its answers arrive whole and the server goes on.
 *
 * A server that closes a socket with unread input makes its kernel send a reset, which destroys
 * the answer on its way (RFC 9112 section 9.6). So it must discard the surplus that these tests
 * send. */
#include "client.h"
#include "e2e.h"
#include "mix.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

E2E_SUITE(closing);

static const enum server_kind every_kind[] = {SIMPLE, PERSISTENT, PIPELINED};

/* --- Lingering close: a thousand requests ----------------------------------------------------- */

static void expect_thousand(enum server_kind kind)
{
    enum { COUNT = 1000 };
    static enum mix_kind kinds[COUNT];
    struct mix mix;
    const struct server *server;
    struct client client;
    size_t answered;

    mix_create(&mix);
    server = server_start(kind, &mix.site, NULL);
    mix_learn(&mix, server);
    for (size_t round = 0; round < 10; round++) {
        mix_choose(kinds, COUNT, 1, round + 1);
        answered = mix_answered(&mix, kinds, COUNT);
        client_connect(&client, server);
        mix_queue(&client, kinds, COUNT);
        cr_expect(client_flush_blindly(&client), "%s: the requests were not taken", server->name);
        mix_expect(&mix, server->name, &client, kinds, answered);
        if (answered < COUNT)
            expect_end(&client, server->name);
        client_close(&client);
    }
}

E2E_TEST(closing, simple_answers_whole_before_a_thousand)
{
    expect_thousand(SIMPLE);
}

E2E_TEST(closing, persistent_answers_a_thousand)
{
    expect_thousand(PERSISTENT);
}

E2E_TEST(closing, pipelined_answers_a_thousand)
{
    expect_thousand(PIPELINED);
}

/* --- Lingering close: too large a body -------------------------------------------------------- */

struct body_case {
    const char *label;
    const char *head;
    int status;
    int or_status;
    bool unannounced; /* the answer does not announce the end, which follows it */
};

/* Ten megabytes follow. */
static const struct body_case body_cases[] = {
    {"POST", "POST /upload HTTP/1.1\r\nHost: example.org\r\nContent-Length: 10000000\r\n\r\n", 413,
     405, false},
    {"POST by 1.0", "POST /upload HTTP/1.0\r\nContent-Length: 10000000\r\n\r\n", 413, 405, false},
    {"GET with a body",
     "GET /small.html HTTP/1.1\r\nHost: example.org\r\nContent-Length: 10000000\r\n\r\n", 413, 413,
     false},
    {"chunked POST",
     "POST /upload HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n", 405, 405,
     true},
    {"chunked GET",
     "GET /small.html HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n", 200,
     200, true},
    {"bad head", "GET /small.html\r\n\r\n", 400, 400, false},
    {"POST that expects 100",
     "POST /upload HTTP/1.1\r\nHost: example.org\r\nExpect: 100-continue\r\n"
     "Content-Length: 10000000\r\n\r\n",
     413, 405, false},
};

static void expect_body_case(const struct server *server, const struct body_case *row, bool blindly)
{
    const char *what =
        text_format("%s, %s, %s", server->name, row->label, blindly ? "unread" : "read meanwhile");
    struct view content = content_make(10000000, 3);
    struct response response;
    struct client client;
    enum answer answer;

    client_connect(&client, server);
    client_queue_text(&client, row->head);
    client_queue(&client, content.data, content.length);
    if (blindly)
        cr_expect(client_flush_blindly(&client), "%s: the body was not taken: %s", what,
                  strerror(client.error));
    answer = client_read_response(&client, false, &response);
    cr_expect(answer == ANSWER_WHOLE, "%s: %s", what, answer_text(&client, answer));
    if (answer == ANSWER_WHOLE) {
        const char *connection = response_field(&response, "Connection");

        cr_expect(response.status == row->status || response.status == row->or_status,
                  "%s: %d, not %d", what, response.status, row->status);
        cr_expect(row->unannounced || (connection && strcmp(connection, "close") == 0),
                  "%s: no Connection: close", what);
        client.output_first = client.output.length; /* the unsent rest is not needed */
        expect_end(&client, what);
    }
    client_close(&client);
}

static void expect_bodies(enum server_kind kind)
{
    struct mix mix;
    const struct server *server;

    mix_create(&mix);
    server = server_start(kind, &mix.site, NULL);
    for (size_t i = 0; i < COUNT_OF(body_cases); i++) {
        expect_body_case(server, &body_cases[i], true);
        expect_body_case(server, &body_cases[i], false);
    }
    server_expect_alive(server, "after large bodies");
}

E2E_TEST(closing, simple_answers_whole_before_a_body)
{
    expect_bodies(SIMPLE);
}

E2E_TEST(closing, persistent_answers_whole_before_a_body)
{
    expect_bodies(PERSISTENT);
}

E2E_TEST(closing, pipelined_answers_whole_before_a_body)
{
    expect_bodies(PIPELINED);
}

/* --- Lingering ends --------------------------------------------------------------------------- */

E2E_TEST(closing, ends_though_the_peer_stays)
{
    struct mix mix;
    const struct server *server;
    struct client client;
    size_t before;

    mix_create(&mix);
    server = server_start(PIPELINED, &mix.site, "--threads 1 --cache-valid 1h");
    server_expect_alive(server, "before");
    before = server_settled_descriptors(server);
    client_connect(&client, server);
    client_queue_text(&client, mix_request(MIX_BAD));
    client_queue_text(&client, mix_request(MIX_SMALL));
    expect_status(&client, "a bad request", false, 400, NULL);
    expect_end(&client, "a bad request");
    server_expect_descriptors(server, before, "a peer that does not close");
    client_close(&client);
}

E2E_TEST(closing, ends_though_the_peer_sends_for_ever)
{
    struct mix mix;
    const struct server *server;
    struct client client;
    struct view flood = content_make(KIB(256), 7);
    int64_t deadline = deadline_after(60000);

    mix_create(&mix);
    server = server_start(PIPELINED, &mix.site, "--threads 1 --cache-valid 1h");
    client_connect(&client, server);
    client_queue_text(&client, mix_request(MIX_BAD));
    expect_status(&client, "a bad request", false, 400, NULL);
    expect_end(&client, "a bad request");
    while (!client.error && deadline_left_ms(deadline) > 0)
        if (client_try_send(&client, flood.data, flood.length) < 0) {
            struct pollfd room = {.fd = client.fd, .events = POLLOUT};
            if (errno == EAGAIN)
                poll(&room, 1, deadline_left_ms(deadline));
            else
                client.error = errno;
        }
    cr_expect(client.error == EPIPE || client.error == ECONNRESET,
              "a peer that sends for ever should be cut off in the end");
    client_close(&client);
    server_expect_alive(server, "after a flood");
}

/* --- Half-close ------------------------------------------------------------------------------- */

E2E_TEST(closing, half_closed_without_a_request_is_closed)
{
    static const char *const beginnings[] = {
        "", "G", "GET /small.html HTTP/1.1\r\nHost: exam", "\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"};
    struct mix mix;

    mix_create(&mix);
    for (size_t kind = 0; kind < COUNT_OF(every_kind); kind++) {
        const struct server *server = server_start(every_kind[kind], &mix.site, NULL);

        for (size_t i = 0; i < COUNT_OF(beginnings); i++) {
            struct client client;
            uint64_t bytes;

            client_connect(&client, server);
            client_queue_text(&client, beginnings[i]);
            client_flush(&client);
            client_half_close(&client);
            cr_expect(client_drain(&client, &bytes, deadline_after(3000)),
                      "%s: half-closed after \"%s\": no proper end: %s", server->name,
                      text_visible(beginnings[i], strlen(beginnings[i])),
                      client.error ? strerror(client.error) : "it stays open");
            cr_expect(bytes == 0 || i > 0, "%s: an answer to nothing", server->name);
            client_close(&client);
        }
    }
}

/* Waits until SERVER has handled the end of the input of CLIENT, which has read nothing yet. */
static void await_end_seen(const struct client *client, const struct server *server)
{
    client_await_half_closed(client);
    server_await_sleep(server);
}

/* The end of the input arrives long before the server has sent the answer. */
E2E_TEST(closing, half_closed_clients_get_large_answers_whole)
{
    enum { COUNT = 2 };
    struct mix mix;
    struct view content;

    mix_create(&mix);
    content = site_fill(&mix.site, "big.mp4", MIB(24), 1);
    for (size_t kind = 0; kind < COUNT_OF(every_kind); kind++) {
        const struct server *server = server_start(every_kind[kind], &mix.site, NULL);
        struct client client;

        client_connect_with(
            &client, &(struct client_setup){.port = server->port, .receive_buffer_bytes = KIB(64)});
        for (size_t i = 0; i < COUNT; i++)
            client_queue_text(&client, "GET /big.mp4 HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_expect(client_flush_blindly(&client));
        client_half_close(&client);
        await_end_seen(&client, server);
        for (size_t i = 0; i < (server->kind == SIMPLE ? 1 : COUNT); i++) {
            struct response response;

            if (!expect_status(&client, server->name, false, 200, &response))
                break;
            cr_expect(response.body.length == content.length &&
                          memcmp(response.body.data, content.data, content.length) == 0,
                      "%s: not the bytes of the file", server->name);
        }
        expect_end(&client, server->name);
        client_close(&client);
    }
}

E2E_TEST(closing, half_closed_clients_get_many_answers_whole)
{
    enum { COUNT = 300 };
    enum mix_kind kinds[COUNT];
    struct mix mix;

    for (size_t i = 0; i < COUNT; i++)
        kinds[i] = MIX_MEDIUM;
    mix_create(&mix);
    for (size_t kind = 0; kind < COUNT_OF(every_kind); kind++) {
        const struct server *server = server_start(every_kind[kind], &mix.site, NULL);
        struct client client;

        mix_learn(&mix, server);
        client_connect_with(
            &client, &(struct client_setup){.port = server->port, .receive_buffer_bytes = KIB(64)});
        mix_queue(&client, kinds, COUNT);
        cr_expect(client_flush_blindly(&client));
        client_half_close(&client);
        await_end_seen(&client, server);
        mix_expect(&mix, server->name, &client, kinds, mix_answered(&mix, kinds, COUNT));
        expect_end(&client, server->name);
        client_close(&client);
    }
}

/* Lets the server's receive window grow, by many contents that it discards. */
static void grow_window(struct client *client, const struct server *server)
{
    enum { COUNT = 300, BYTES = 60000 };
    struct view content = content_make(BYTES, 5);
    for (size_t i = 0; i < COUNT; i++) {
        client_queue_text(client, text_format("POST /upload HTTP/1.1\r\nHost: x\r\n"
                                              "Content-Length: %d\r\n\r\n",
                                              BYTES));
        client_queue(client, content.data, content.length);
        if (!expect_status(client, server->name, false, 405, NULL))
            return;
    }
}

/* With the server's own shutdown both directions are shut, which a poll reports as a hang-up. A
 * close with unread input would destroy the end of the answer. */
E2E_TEST(closing, half_closed_with_unread_input_still_gets_the_last_answer_whole)
{
    struct mix mix;
    const struct server *server;
    struct client client;
    struct view content, surplus = content_make(300000, 9);
    struct response response;
    size_t taken = 0;
    mix_create(&mix);
    content = site_fill(&mix.site, "big.mp4", MIB(6), 1);
    server = server_start(PIPELINED, &mix.site, "--threads 1 --cache-valid 1h");
    client_connect_with(&client,
                        &(struct client_setup){.port = server->port, .read_bytes_max = KIB(16)});
    grow_window(&client, server);
    client_queue_text(&client, "GET /big.mp4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client_queue(&client, surplus.data, surplus.length);
    cr_expect(client_flush_blindly(&client), "the surplus was not taken");
    client_half_close(&client);
    while (taken < content.length && !client.eof && !client.error) {
        taken = client_receive(&client, taken + 1, deadline_after(5000)).length;
        let_pass(1);
    }
    if (expect_status(&client, server->name, false, 200, &response))
        cr_expect(response.body.length == content.length &&
                      memcmp(response.body.data, content.data, content.length) == 0,
                  "not the bytes of the file");
    expect_end(&client, "a half-closed client");
    client_close(&client);
}

/* --- Resets by the client --------------------------------------------------------------------- */

#define REQUEST_SMALL "GET /small.html HTTP/1.1\r\nHost: example.org\r\n\r\n"
#define REQUEST_LARGE "GET /large.jpg HTTP/1.1\r\nHost: example.org\r\n\r\n"

struct reset_case {
    const char *label;
    const char *request;
    size_t repeated;   /* how many times the request is sent */
    size_t read_bytes; /* that are read before the reset */
};

static const struct reset_case reset_cases[] = {
    {"at once", "", 0, 0},
    {"in a head", "GET /small.html HTTP/1.1\r\nHo", 1, 0},
    {"after a request", REQUEST_SMALL, 1, 0},
    {"after an answer", REQUEST_SMALL, 1, 100},
    {"in a large answer", REQUEST_LARGE, 1, 1},
    {"deep in a large answer", REQUEST_LARGE, 1, 200000},
    {"in a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\nabc", 1, 0},
    {"in a body that is too large",
     "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nabc", 1, 1},
    {"after many requests", REQUEST_SMALL, 500, 0},
    {"in many answers", REQUEST_LARGE, 50, 400000},
    {"while lingering", "\x16\x03\x01 hello", 1, 10},
};

static void reset(const struct server *server, const struct reset_case *row)
{
    struct client client;

    client_connect(&client, server);
    for (size_t i = 0; i < row->repeated; i++)
        client_queue_text(&client, row->request);
    client_flush_blindly(&client);
    if (row->read_bytes > 0)
        client_receive(&client, row->read_bytes, deadline_after(10000));
    client_abort(&client);
}

E2E_TEST(closing, resets_do_not_disturb_other_connections)
{
    struct mix mix;

    mix_create(&mix);
    for (size_t kind = 0; kind < COUNT_OF(every_kind); kind++) {
        const struct server *server =
            server_start(every_kind[kind], &mix.site, "--threads 1 --cache-valid 1h");
        size_t before;

        expect_fetch(server, "the large file", mix_request(MIX_LARGE), 200, NULL);
        server_expect_alive(server, "before resets");
        before = server_settled_descriptors(server);
        for (size_t i = 0; i < COUNT_OF(reset_cases); i++) {
            for (size_t round = 0; round < 20; round++)
                reset(server, &reset_cases[i]);
            server_expect_alive(server, reset_cases[i].label);
        }
        server_expect_descriptors(server, before, "after resets");
    }
}
