/* slow_readers: clients that read their answers slowly. The server waits for a client that makes
 * progress, however long that takes and however little of it the server's own sends show; it
 * closes the connection of one that has stopped; and input that arrives during an answer does
 * not destroy it (RFC 9112 section 9.6). */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <poll.h>
#include <string.h>

E2E_SUITE(slow_readers);

enum { IDLE_MS = 2000 };

#define IDLE "--threads 1 --cache-valid 1h --idle-timeout 2s"

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "<!doctype html>\n");
    site_write_sparse(site, "huge.mp4", (off_t)MIB(256));
}

/* Connects, to read in pieces, with a receive buffer of RECEIVE_BYTES (0: the usual one). */
static void connect_reader(struct client *client, const struct server *server, size_t piece_bytes,
                           size_t receive_bytes)
{
    client_connect_with(client, &(struct client_setup){.port = server->port,
                                                       .receive_buffer_bytes = receive_bytes,
                                                       .read_bytes_max = piece_bytes});
}

/* Reads until *TAKEN bytes and one piece more are unread, then waits PAUSE_MS. False at the end. */
static bool read_piece(struct client *client, size_t *taken, int64_t pause_ms)
{
    *taken = client_receive(client, *taken + 1, deadline_after(5000)).length;
    let_pass(pause_ms);
    return !client->eof && !client->error;
}

static void expect_content(struct client *client, const char *what, struct view content)
{
    struct response response;

    if (expect_status(client, what, false, 200, &response))
        cr_expect(response.body.length == content.length &&
                      memcmp(response.body.data, content.data, content.length) == 0,
                  "%s: not the bytes of the file", what);
}

/* --- Clients that read on, and clients that stop ---------------------------------------------- */

/* Reads a piece of each answer in turn, then pauses, until all are complete or one has ended. */
static void read_steadily(struct client *clients, size_t length, int64_t pause_ms)
{
    size_t taken[SERVER_KIND_COUNT] = {0};
    bool going = true;

    while (going && taken[SIMPLE] < length) {
        for (size_t i = 0; i < SERVER_KIND_COUNT; i++)
            going = read_piece(&clients[i], &taken[i], 0) && going;
        let_pass(pause_ms);
    }
}

/* The kernel holds so much for a connection that a server may send nothing for longer than the
 * timeout although its client reads steadily. */
E2E_TEST(slow_readers, that_are_steady_are_waited_for)
{
    struct client clients[SERVER_KIND_COUNT];
    struct site site;
    struct view content;
    int64_t since;

    create_site(&site);
    content = site_fill(&site, "large.jpg", MIB(6), 1);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        connect_reader(&clients[kind], server_start(kind, &site, IDLE), KIB(64), 0);
        client_queue_text(&clients[kind], request_text("GET", "/large.jpg"));
    }
    since = clock_ms();
    read_steadily(clients, content.length, 150);
    cr_expect(clock_ms() - since > 2 * IDLE_MS, "it took only %d ms, which shows nothing",
              (int)(clock_ms() - since));
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        expect_content(&clients[kind], server_program(kind), content);
        expect_end(&clients[kind], server_program(kind));
        client_close(&clients[kind]);
    }
}

/* Pauses shorter than the timeout must not end the connection, however little is read between
 * them. */
E2E_TEST(slow_readers, that_pause_are_waited_for)
{
    enum { PAUSES = 8, PAUSE_MS = IDLE_MS * 13 / 20 };
    struct client client;
    struct site site;
    struct view content;
    int64_t since;
    size_t taken = 0;

    create_site(&site);
    content = site_fill(&site, "large.jpg", MIB(2), 2);
    /* Reads everything that has arrived: the server might not notice less. */
    connect_reader(&client, server_start(PIPELINED, &site, IDLE), KIB(64), KIB(16));
    client_queue_text(&client, request_text("GET", "/large.jpg"));
    since = clock_ms();
    for (size_t i = 0; i < PAUSES; i++)
        if (!read_piece(&client, &taken, PAUSE_MS))
            break;
    while (taken < content.length && read_piece(&client, &taken, 0))
        ;
    expect_content(
        &client, text_format("pauses of %d ms, %d ms in all", PAUSE_MS, (int)(clock_ms() - since)),
        content);
    expect_end(&client, "a reader that pauses");
    client_close(&client);
}

E2E_TEST(slow_readers, that_stop_are_closed)
{
    struct site site;
    const struct server *server;
    struct client client;
    int64_t since;
    int64_t left_ms;
    int64_t latest_ms;
    size_t taken = 0;
    size_t before;
    uint64_t bytes;

    create_site(&site);
    server = server_start(PIPELINED, &site, IDLE);
    server_expect_alive(server, "before a reader");
    expect_fetch(server, "the huge file", request_text("HEAD", "/huge.mp4"), 200, NULL);
    before = server_settled_descriptors(server);
    latest_ms = IDLE_MS * 3 / 2 + (int64_t)e2e_scaled(700, 5000);

    connect_reader(&client, server, KIB(64), 0);
    client_queue_text(&client, request_text("GET", "/huge.mp4"));
    since = clock_ms();
    while (clock_ms() - since < IDLE_MS * 3 / 2)
        cr_assert(read_piece(&client, &taken, 40), "a steady reader was left");
    since = clock_ms();
    while (process_usage(&server->process).descriptors > before && clock_ms() - since < latest_ms)
        poll(NULL, 0, 10);
    left_ms = clock_ms() - since;
    cr_expect(left_ms >= IDLE_MS / 2 - 100, "it was left after only %d ms", (int)left_ms);
    cr_expect(left_ms < latest_ms, "it is still waited for after %d ms", (int)left_ms);
    server_expect_descriptors(server, before, "a reader that stopped");
    client_drain(&client, &bytes, deadline_after(20000));
    cr_expect((client.eof || client.error) && taken + bytes < MIB(256),
              "a connection that was left gave %llu bytes", (unsigned long long)bytes);
    client_close(&client);
}

/* --- Answers that the server's kernel holds whole --------------------------------------------- */

/* More than a client's small buffer takes, and less than a server may keep in its socket. */
enum { HELD_BYTES = 200000 };

static const char *const held_requests[] = {
    "GET /held.jpg HTTP/1.1\r\nHost: example.org\r\n\r\n",
    "GET /held.jpg HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n",
};

/* Whether a reset of CLIENT's connection comes before DEADLINE; nothing is read meanwhile. */
static bool await_reset(const struct client *client, int64_t deadline)
{
    struct pollfd event = {.fd = client->fd};
    return poll(&event, 1, deadline_left_ms(deadline)) == 1 && event.revents & POLLERR;
}

/* The server has nothing more to send. Its kernel must not hold the answer for ever. One that
 * closes lingers for at least 5 s. */
E2E_TEST(slow_readers, that_take_nothing_of_a_finished_answer_are_reset)
{
    static const int64_t limits_ms[] = {IDLE_MS, 5000};
    struct site site;
    struct client clients[COUNT_OF(held_requests)];
    create_site(&site);
    site_fill(&site, "held.jpg", HELD_BYTES, 4);
    const struct server *server = server_start(PIPELINED, &site, IDLE);
    for (size_t i = 0; i < COUNT_OF(held_requests); i++) {
        connect_reader(&clients[i], server, KIB(64), KIB(8));
        client_queue_text(&clients[i], held_requests[i]);
        cr_assert(client_flush_blindly(&clients[i]));
    }
    int64_t since = clock_ms();
    cr_expect(!await_reset(&clients[0], since + IDLE_MS / 2), "it was not waited for");
    for (size_t i = 0; i < COUNT_OF(held_requests); i++) {
        uint64_t bytes;
        int64_t deadline = since + limits_ms[i] + (int64_t)e2e_scaled(1000, 5000);
        cr_expect(await_reset(&clients[i], deadline), "%zu: it is still waited for", i);
        client_drain(&clients[i], &bytes, deadline_after(10000));
        cr_expect(bytes < HELD_BYTES, "%zu: the whole answer came", i);
        client_close(&clients[i]);
    }
}

/* Sends REQUEST for more than the client's buffer takes, ends its side and reads nothing. */
static void connect_half_closed(struct client *client, const struct server *server,
                                const char *request)
{
    connect_reader(client, server, KIB(64), KIB(8));
    client_queue_text(client, request);
    cr_assert(client_flush_blindly(client));
    client_half_close(client);
    client_await_half_closed(client);
}

/* The end of the client's side does not end the wait for what it has not taken: closed, the
 * connection would have no limit, neither of number nor of time. */
E2E_TEST(slow_readers, that_have_ended_their_side_keep_their_slot)
{
    enum { SLOTS = 2 };
    struct site site;
    create_site(&site);
    struct view content = site_fill(&site, "held.jpg", HELD_BYTES, 4);
    for (size_t i = 0; i < COUNT_OF(held_requests); i++) {
        const struct server *server =
            server_start(PIPELINED, &site, "--threads 1 --max-connections-per-ip 2");
        struct client clients[SLOTS], more;
        uint64_t bytes;
        for (size_t j = 0; j < SLOTS; j++)
            connect_half_closed(&clients[j], server, held_requests[i]);
        server_await_sleep(server);
        client_connect(&more, server);
        client_queue_text(&more, request_text("GET", "/"));
        client_flush_blindly(&more);
        cr_expect_eq(client_read_response(&more, false, NULL), ANSWER_RESET,
                     "%zu: the slots of those that have read nothing are free", i);
        client_close(&more);
        for (size_t j = 0; j < SLOTS; j++) {
            expect_content(&clients[j], held_requests[i], content);
            expect_end(&clients[j], held_requests[i]);
        }
        int64_t deadline = deadline_after(e2e_scaled(2000, 5000));
        do { /* the slots are free soon after the last byte, not 5 s later */
            client_connect(&more, server);
            client_queue_text(&more, request_text("GET", "/"));
            client_flush_blindly(&more);
            bytes = client_read_response(&more, false, NULL) == ANSWER_WHOLE;
            client_close(&more);
        } while (!bytes && clock_ms() < deadline);
        cr_expect(bytes, "%zu: the slots are still taken", i);
        for (size_t j = 0; j < SLOTS; j++)
            client_close(&clients[j]);
    }
}

E2E_TEST(slow_readers, that_have_ended_their_side_are_reset_when_they_stop)
{
    struct site site;
    struct client clients[COUNT_OF(held_requests)];
    create_site(&site);
    site_fill(&site, "held.jpg", HELD_BYTES, 4);
    const struct server *server = server_start(PIPELINED, &site, IDLE);
    for (size_t i = 0; i < COUNT_OF(held_requests); i++)
        connect_half_closed(&clients[i], server, held_requests[i]);
    int64_t since = clock_ms();
    for (size_t i = 0; i < COUNT_OF(held_requests); i++) {
        cr_expect(await_reset(&clients[i], since + 2 * IDLE_MS + (int64_t)e2e_scaled(1000, 5000)),
                  "%zu: it is still waited for", i);
        client_close(&clients[i]);
    }
}

/* --- Whose slot a new connection gets --------------------------------------------------------- */

enum unread { UNREAD_IDLE, UNREAD_CLOSING, UNREAD_HALF_CLOSED, UNREAD_COUNT };

/* Sends a request for more than the client's buffer takes, and reads nothing. */
static void connect_unread(struct client *client, const struct server *server, enum unread kind)
{
    if (kind == UNREAD_HALF_CLOSED) {
        connect_half_closed(client, server, held_requests[0]);
    } else {
        connect_reader(client, server, KIB(64), KIB(8));
        client_queue_text(client, held_requests[kind]);
        cr_assert(client_flush_blindly(client));
    }
}

/* Its answer is on its way, although the server has nothing more to send. */
E2E_TEST(slow_readers, of_a_finished_answer_are_kept_rather_than_an_idle_connection)
{
    struct site site;
    create_site(&site);
    struct view content = site_fill(&site, "held.jpg", HELD_BYTES, 4);
    for (enum unread kind = 0; kind < UNREAD_COUNT; kind++) {
        const struct server *server =
            server_start(PIPELINED, &site, "--threads 1 --max-connections 2");
        struct client reader, idle;
        connect_unread(&reader, server, kind);
        server_await_sleep(server);
        client_connect(&idle, server);
        client_queue_text(&idle, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
        expect_status(&idle, "the other one", false, 200, NULL);
        let_pass(600); /* one that lingers is kept for some time anyway */
        server_expect_alive(server, "with all slots taken");
        expect_end(&idle, "the idle one");
        expect_content(&reader, "the reader", content);
        client_close(&reader);
        client_close(&idle);
    }
}

/* Closed without a reset, each would leave its answer to the kernel and its slot to the next. */
E2E_TEST(slow_readers, of_a_finished_answer_are_reset_for_a_new_connection_when_they_stop)
{
    enum { SLOTS = 2, STALLED_MS = 2000 };
    const struct server *servers[UNREAD_COUNT];
    struct client clients[UNREAD_COUNT][SLOTS];
    struct site site;
    create_site(&site);
    site_fill(&site, "held.jpg", HELD_BYTES, 4);
    for (enum unread kind = 0; kind < UNREAD_COUNT; kind++)
        servers[kind] = server_start(PIPELINED, &site, "--threads 1 --max-connections 2");
    int64_t since = clock_ms();
    for (enum unread kind = 0; kind < UNREAD_COUNT; kind++) {
        for (size_t i = 0; i < SLOTS; i++)
            connect_unread(&clients[kind][i], servers[kind], kind);
    }
    for (enum unread kind = 0; kind < UNREAD_COUNT; kind++) {
        server_expect_alive(servers[kind], "with all slots taken");
        cr_expect(clock_ms() - since >= STALLED_MS, "%d: one was closed at once", (int)kind);
        cr_expect(await_reset(&clients[kind][0], deadline_after(1000)) ||
                      await_reset(&clients[kind][1], deadline_after(100)),
                  "%d: closed without a reset", (int)kind);
        for (size_t i = 0; i < SLOTS; i++)
            client_close(&clients[kind][i]);
    }
}

/* --- Readers of a finished answer ------------------------------------------------------------- */

/* They take longer for it than the timeout, but never stop for that long. */
E2E_TEST(slow_readers, that_take_a_finished_answer_steadily_get_it_whole)
{
    enum { PIECE_BYTES = 24 << 10, PAUSE_MS = IDLE_MS / 3 };
    struct site site;
    struct client clients[COUNT_OF(held_requests)];
    size_t taken[COUNT_OF(held_requests)] = {0};
    create_site(&site);
    struct view content = site_fill(&site, "held.jpg", HELD_BYTES, 4);
    const struct server *server = server_start(PIPELINED, &site, IDLE);
    for (size_t i = 0; i < COUNT_OF(held_requests); i++) {
        client_connect_with(&clients[i],
                            &(struct client_setup){.port = server->port,
                                                   .receive_buffer_bytes = KIB(8),
                                                   .segment_bytes = SMALL_SEGMENT_BYTES,
                                                   .read_bytes_max = KIB(8)});
        client_queue_text(&clients[i], held_requests[i]);
    }
    int64_t since = clock_ms();
    bool going = true;
    while (going && taken[0] < content.length) {
        for (size_t i = 0; i < COUNT_OF(held_requests); i++) {
            taken[i] =
                client_receive(&clients[i], taken[i] + PIECE_BYTES, deadline_after(5000)).length;
            going = going && !clients[i].error && !clients[i].eof;
        }
        let_pass(PAUSE_MS);
    }
    cr_expect(clock_ms() - since > 2 * IDLE_MS, "it took only %d ms, which shows nothing",
              (int)(clock_ms() - since));
    for (size_t i = 0; i < COUNT_OF(held_requests); i++) {
        expect_content(&clients[i], held_requests[i], content);
        client_close(&clients[i]);
    }
}

/* --- Requests that come while the last answer is under way ------------------------------------ */

static const struct {
    const char *label;
    const char *request;
} last_requests[] = {
    {"Connection: close",
     "GET /large.jpg HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n"},
    {"HTTP/1.0", "GET /large.jpg HTTP/1.0\r\n\r\n"},
};

/* The kernel has taken the end of the answer long before the client reads it: a server that
 * closed then would reset the connection when the next request arrives. */
static void expect_last_answer(const struct server *server, const char *label, const char *request,
                               struct view content)
{
    static const char more[] = "GET /large.jpg HTTP/1.1\r\nHost: example.org\r\n\r\n";
    const char *what = text_format("%s, %s", server->name, label);
    struct client client;
    size_t taken = 0;

    connect_reader(&client, server, KIB(16), KIB(16));
    client_queue_text(&client, request);
    while (taken < content.length && read_piece(&client, &taken, 2)) {
        client_queue_text(&client, more);
        client_flush_blindly(&client);
    }
    expect_content(&client, what, content);
    expect_end(&client, what);
    client_close(&client);
    server_expect_alive(server, what);
}

E2E_TEST(slow_readers, get_the_last_answer_whole)
{
    static const enum server_kind kinds[] = {SIMPLE, PIPELINED};
    struct site site;
    struct view content;

    create_site(&site);
    content = site_fill(&site, "large.jpg", MIB(2), 3);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const struct server *server = server_start(kinds[i], &site, NULL);

        for (size_t j = 0; j < COUNT_OF(last_requests); j++)
            expect_last_answer(server, last_requests[j].label, last_requests[j].request, content);
    }
}
