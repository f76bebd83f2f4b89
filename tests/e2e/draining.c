/* draining: after SIGTERM or SIGINT the server accepts queued connections and finishes answers
 * in flight within --drain-timeout; idle connections do not delay it; the exit status is 0; a
 * second signal ends it at once. */
#include "client.h"
#include "crowd.h"
#include "e2e.h"
#include "server_process.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

E2E_SUITE(draining);

enum { BIG_BYTES = 16 << 20 };

static const char request[] = "GET /small.txt HTTP/1.1\r\nHost: example.org\r\n\r\n";

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "<!doctype html>\n");
    site_fill(site, "small.txt", 300, 1);
    site_write_sparse(site, "huge.mp4", (off_t)1 << 30);
}

/* Requests TARGET and reads the first bytes of the answer. */
static void begin_download(struct client *client, const struct server *server, const char *target)
{
    client_connect_with(client, &(struct client_setup){.port = server->port,
                                                       .receive_buffer_bytes = KIB(64),
                                                       .read_bytes_max = KIB(64)});
    client_queue_text(client, text_format("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target));
    client_receive(client, 1000, deadline_after(5000));
}

/* Waits until the server has received the signal: it refuses new connections then. */
static void await_closed_door(const struct server *server)
{
    int64_t deadline = deadline_after(5000);
    struct client client;

    while (client_try_connect(&client, &(struct client_setup){.port = server->port})) {
        client_close(&client);
        cr_assert(deadline_left_ms(deadline) > 0, "%s still accepts after a signal", server->name);
        poll(NULL, 0, 5);
    }
}

E2E_TEST(draining, finishes_a_download)
{
    static const int signals[] = {SIGTERM, SIGINT};
    struct site site;
    struct view content;

    create_site(&site);
    content = site_fill(&site, "big.mp4", BIG_BYTES, 2);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++)
        for (size_t i = 0; i < COUNT_OF(signals); i++) {
            struct server *server = server_start(kind, &site, "--drain-timeout 20s");
            struct response response;
            struct client client;

            begin_download(&client, server, "/big.mp4");
            process_signal(&server->process, signals[i]);
            await_closed_door(server);
            if (expect_status(&client, server->name, false, 200, &response))
                cr_expect(response.body.length == content.length &&
                              memcmp(response.body.data, content.data, content.length) == 0,
                          "%s: not the bytes of the file", server->name);
            expect_end(&client, server->name);
            client_close(&client);
            server_expect_end(server, 3000);
        }
}

/* A peer that acknowledges the last answer only after a while, and keeps its socket open. It has
 * said that it sends no more, so that the exit only waits for the delivery. */
E2E_TEST(draining, does_not_wait_for_a_client_that_has_all)
{
    struct site site;
    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        struct server *server = server_start(kind, &site, "");
        struct response response;
        struct client client;
        const int quick = 0;
        client_connect(&client, server);
        setsockopt(client.fd, IPPROTO_TCP, TCP_QUICKACK, &quick, sizeof quick);
        client_queue_text(&client, "GET /small.txt HTTP/1.1\r\nHost: a\r\n"
                                   "Connection: close\r\n\r\n");
        expect_status(&client, server->name, false, 200, &response);
        process_signal(&server->process, SIGTERM);
        server_expect_end(server, 700);
        client_close(&client);
    }
}

/* The pipelined requests that the server has read are answered in order and whole. It may leave the
 * others if the client learns that: the last answer after the signal has "Connection: close". */
E2E_TEST(draining, finishes_what_was_pipelined)
{
    enum { COUNT = 5 };
    struct site site;
    struct view content;
    struct server *server;
    struct client client;
    struct response response = {0};
    enum answer answer;
    size_t answered = 0;

    create_site(&site);
    content = site_fill(&site, "big.mp4", BIG_BYTES, 2);
    server = server_start(PIPELINED, &site, "--drain-timeout 20s");
    client_connect_with(
        &client, &(struct client_setup){.port = server->port, .receive_buffer_bytes = KIB(64)});
    for (size_t i = 0; i < COUNT; i++)
        client_queue_text(&client, "GET /big.mp4 HTTP/1.1\r\nHost: x\r\n\r\n");
    client_receive(&client, 1000, deadline_after(5000));
    process_signal(&server->process, SIGTERM);
    await_closed_door(server);
    while ((answer = client_read_response(&client, false, &response)) == ANSWER_WHOLE) {
        answered++;
        cr_expect(response.body.length == content.length &&
                      memcmp(response.body.data, content.data, content.length) == 0,
                  "answer %zu: not the bytes of the file", answered);
        cr_expect(answered == 1 || answered == COUNT || response_field(&response, "Connection"),
                  "answer %zu does not say that it is the last", answered);
    }
    cr_expect(answer == ANSWER_NONE && answered >= 1 && answered <= COUNT, "%zu answers, then %s",
              answered, answer_text(&client, answer));
    client_close(&client);
    server_expect_end(server, 3000);
}

/* Small requests are all in flight. */
E2E_TEST(draining, finishes_a_batch)
{
    enum { COUNT = 16 };
    struct site site;

    create_site(&site);
    for (size_t round = 0; round < 5; round++) {
        struct server *server = server_start(PIPELINED, &site, "--threads 1");
        struct client client;

        client_connect(&client, server);
        for (size_t i = 0; i < COUNT; i++)
            client_queue_text(&client, request);
        client_flush_blindly(&client);
        client_receive(&client, 1, deadline_after(5000));
        process_signal(&server->process, SIGTERM);
        for (size_t i = 0; i < COUNT; i++)
            if (!expect_status(&client, "of a batch", false, 200, NULL))
                break;
        expect_end(&client, "a batch");
        client_close(&client);
        server_expect_end(server, 3000);
    }
}

/* Sends a request. */
static void ask(struct client *client, const char *text)
{
    client_queue_text(client, text);
    client_flush_blindly(client);
}

/* Reads answers of CLIENT, which sends a request after each one, to the last. All must be whole;
 * the connection must end after the one that says so. */
static void expect_last_answer(struct client *client, const char *what)
{
    struct response response;

    while (expect_status(client, what, false, 200, &response)) {
        if (response_field(&response, "Connection")) {
            expect_end(client, what);
            return;
        }
        ask(client, request);
    }
}

/* RFC 9112 9.6: "Connection: close" lets a client know which request is the last; a client that
 * sends its next one a moment after the signal loses nothing. */
E2E_TEST(draining, loses_no_request_on_kept_connections)
{
    enum { CLIENTS = 16, ROUNDS = 3 };
    struct site site;

    create_site(&site);
    for (unsigned round = 0; round < ROUNDS * 2; round++) {
        enum server_kind kind = round % 2 ? PERSISTENT : PIPELINED;
        struct server *server =
            server_start(kind, &site, "--drain-grace 20s --drain-timeout 60s --threads 2");
        struct client clients[CLIENTS];

        for (size_t i = 0; i < CLIENTS; i++) {
            client_connect(&clients[i], server);
            ask(&clients[i], request);
            expect_status(&clients[i], "before the signal", false, 200, NULL);
        }
        for (size_t i = 0; i < CLIENTS / 2; i++) /* in flight when the signal comes */
            ask(&clients[i], request);
        process_signal(&server->process, SIGTERM);
        await_closed_door(server);
        for (size_t i = CLIENTS / 2; i < CLIENTS; i++)
            ask(&clients[i], request);
        for (size_t i = 0; i < CLIENTS; i++) {
            expect_last_answer(&clients[i], server->name);
            client_close(&clients[i]);
        }
        server_expect_end(server, 3000); /* without waiting for the end of the grace */
    }
}

E2E_TEST(draining, is_not_held_by_clients_that_owe_a_head_or_an_end)
{
    struct site site;
    struct server *server;
    struct client half, open;
    int64_t since;

    create_site(&site);
    server =
        server_start(PIPELINED, &site,
                     "--drain-grace 200ms --drain-timeout 60s --header-timeout 60s --threads 1");
    client_connect(&half, server);
    ask(&half, "GET /small.txt HTTP/1.1\r\nHo");
    client_connect(&open, server);
    ask(&open, "GET /small.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect_status(&open, "the last answer", false, 200, NULL);
    server_expect_alive(server, "besides both");
    since = clock_ms();
    process_signal(&server->process, SIGTERM);
    server_expect_end(server, 20000);
    cr_expect(clock_ms() - since < (int64_t)e2e_scaled(4000, 20000), "the end took %d ms",
              (int)(clock_ms() - since));
    expect_status(&half, "half a head", false, 408, NULL);
    client_close(&half);
    client_close(&open);
}

E2E_TEST(draining, has_no_limit_if_the_timeout_is_0)
{
    struct site site;
    struct server *server;
    struct client client;

    create_site(&site);
    server = server_start(PIPELINED, &site, "--drain-timeout 0");
    begin_download(&client, server, "/huge.mp4");
    process_signal(&server->process, SIGTERM);
    cr_expect(!process_wait(&server->process, deadline_after(1500)), "the download was cut");
    client_close(&client);
    server_expect_end(server, 5000);
}

E2E_TEST(draining, does_not_wait_for_idle_connections)
{
    struct site site;

    create_site(&site);
    for (enum server_kind kind = PERSISTENT; kind <= PIPELINED; kind++) {
        struct server *server =
            server_start(kind, &site, "--drain-grace 100ms --drain-timeout 60s");
        struct crowd crowd;
        struct client silent;
        int64_t since;

        crowd_connect(&crowd, server, 20, request);
        crowd_read(&crowd, 20, deadline_after(5000));
        cr_expect(crowd.answered == 20, "%s", crowd_failure(&crowd));
        client_connect(&silent, server);
        since = clock_ms();
        process_signal(&server->process, SIGTERM);
        server_expect_end(server, 3000);
        cr_expect(clock_ms() - since < (int64_t)e2e_scaled(2000, 10000),
                  "%s: idle connections delayed the end by %d ms", server->name,
                  (int)(clock_ms() - since));
        expect_end(&crowd.clients[0], "an idle connection");
        crowd_close(&crowd);
        client_close(&silent);
    }
}

/* While the server is stopped, its kernel queues connections; then it continues with them and the
 * signal at once. */
E2E_TEST(draining, accepts_what_was_queued)
{
    enum { COUNT = 50 };
    struct site site;

    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        struct server *server = server_start(kind, &site, "--threads 2");
        struct crowd crowd;

        process_signal(&server->process, SIGSTOP);
        crowd_connect(&crowd, server, COUNT, request);
        process_signal(&server->process, SIGTERM);
        process_signal(&server->process, SIGCONT);
        crowd_read(&crowd, COUNT, deadline_after(5000));
        cr_expect(crowd.answered == COUNT, "%s: %zu of %d that were queued were answered; %s",
                  server->name, crowd.answered, COUNT, crowd_failure(&crowd));
        crowd_close(&crowd);
        server_expect_end(server, 3000);
    }
}

E2E_TEST(draining, cuts_a_stuck_reader)
{
    struct site site;

    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        struct server *server = server_start(kind, &site, "--drain-timeout 500ms");
        struct client client;
        int64_t since;
        int64_t taken;

        begin_download(&client, server, "/huge.mp4");
        since = clock_ms();
        process_signal(&server->process, SIGTERM);
        server_expect_end(server, 5000);
        taken = clock_ms() - since;
        cr_expect(taken >= 480 && taken < (int64_t)e2e_scaled(2500, 10000),
                  "%s: the end took %d ms", server->name, (int)taken);
        client_close(&client);
    }
}

E2E_TEST(draining, cuts_a_partial_head)
{
    struct site site;
    struct server *server;
    struct client client;
    uint64_t bytes;

    create_site(&site);
    server = server_start(PIPELINED, &site, "--drain-timeout 500ms --header-timeout 60s");
    client_connect(&client, server);
    client_queue_text(&client, "GET /small.txt HTTP/1.1\r\nHo");
    client_flush(&client);
    server_expect_alive(server, "besides a partial head");
    process_signal(&server->process, SIGTERM);
    server_expect_end(server, 5000);
    client_drain(&client, &bytes, deadline_after(1000));
    client_close(&client);
}

E2E_TEST(draining, a_second_signal_ends_at_once)
{
    static const int signals[][2] = {{SIGTERM, SIGTERM}, {SIGINT, SIGINT}, {SIGTERM, SIGINT}};
    struct site site;

    server_allow_unjoined_threads();
    create_site(&site);
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        struct server *server = server_start(PIPELINED, &site, "--drain-timeout 60s");
        struct client client;
        bool ended;
        int status;

        begin_download(&client, server, "/huge.mp4");
        process_signal(&server->process, signals[i][0]);
        await_closed_door(server);
        process_signal(&server->process, signals[i][1]);
        ended = process_wait(&server->process, deadline_after(1000));
        cr_expect(ended, "a second signal did not end the server");
        process_kill(&server->process);
        status = server->process.status;
        cr_expect(!ended || !(WIFEXITED(status) && WEXITSTATUS(status) == 0),
                  "a drain that was cut off ended with status 0");
        cr_expect(sanitizer_report(process_errors(&server->process)) == NULL, "%s",
                  process_errors(&server->process));
        client_close(&client);
    }
}
