/* tls_serving: HTTPS to the byte: bodies of all sizes, ranges, pipelines, both versions, and each
 * orderly end with close_notify (RFC 8446 6.1), which client.h demands. */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "mix.h"
#include "server_process.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <openssl/ssl.h>
#include <signal.h>
#include <string.h>

E2E_SUITE(tls_serving);

static const int versions[] = {12, 13};

static struct server *start(const struct site *site, const char *options)
{
    return server_start(PIPELINED, site,
                        text_format("--cert %s %s", certificate_of_test(), options));
}

static void connect_version(struct client *client, const struct server *server, int version)
{
    struct secure_setup secure = {.server_name = "localhost", .version = version};
    client_connect_with(client, &(struct client_setup){.port = server->port, .secure = &secure});
    cr_assert_eq(secure_handshake(client->secure), SECURE_ESTABLISHED, "TLS 1.%d: %s", version - 10,
                 secure_problem(client->secure));
}

static bool is_content(const struct response *response, const char *data, size_t length)
{
    return response->body.length == length && memcmp(response->body.data, data, length) == 0;
}

E2E_TEST(tls_serving, files_of_every_size_arrive_whole)
{
    static const size_t sizes[] = {0,           1,       612,           4095,    KIB(4),
                                   KIB(16) - 1, KIB(16), KIB(16) + 1,   KIB(64), 300000,
                                   MIB(1),      MIB(20), MIB(20) + 4321};
    struct site site;
    struct client client;
    struct response response;
    site_create(&site);
    struct server *server = start(&site, "--threads 1");
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        connect_version(&client, server, versions[v]);
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            const char *path = text_format("%zu.bin", sizes[i]);
            struct view content = site_fill(&site, path, sizes[i], i);
            client_queue_text(&client, text_format("GET /%s HTTP/1.1\r\nHost: x\r\n\r\n", path));
            if (!expect_status(&client, path, false, 200, &response))
                break;
            cr_expect(is_content(&response, content.data, content.length),
                      "%s over TLS 1.%d differs from the file", path, versions[v] - 10);
        }
        client_close(&client);
    }
}

E2E_TEST(tls_serving, heads_and_ranges_are_as_over_plain_connections)
{
    struct site site;
    struct client client;
    struct response response;
    site_create(&site);
    struct view content = site_fill(&site, "file.bin", KIB(200), 1);
    struct server *server = start(&site, "--threads 1");
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        connect_version(&client, server, versions[v]);
        client_queue_text(&client, "HEAD /file.bin HTTP/1.1\r\nHost: x\r\n\r\n");
        expect_status(&client, "HEAD", true, 200, &response);
        cr_expect_str_eq(response_field(&response, "Content-Length"), "204800");
        for (size_t first = 0; first < KIB(200); first += 16381) {
            client_queue_text(&client, text_format("GET /file.bin HTTP/1.1\r\nHost: x\r\n"
                                                   "Range: bytes=%zu-%zu\r\n\r\n",
                                                   first, first + 29999));
            size_t length = KIB(200) - first < 30000 ? KIB(200) - first : 30000;
            if (expect_status(&client, "a range", false, 206, &response))
                cr_expect(is_content(&response, content.data + first, length), "bytes %zu-", first);
        }
        client_close(&client);
    }
}

E2E_TEST(tls_serving, pipelined_requests_are_answered_in_order)
{
    enum { COUNT = 300 };
    enum mix_kind kinds[COUNT + 1];
    struct mix mix;
    struct client client;
    mix_create(&mix);
    struct server *server = start(&mix.site, "--threads 1");
    mix_learn(&mix, server);
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        mix_choose(kinds, COUNT, 3, v);
        kinds[COUNT] = MIX_CLOSE;
        connect_version(&client, server, versions[v]);
        mix_queue(&client, kinds, COUNT + 1);
        if (mix_expect(&mix, "pipelined", &client, kinds, COUNT + 1))
            expect_end(&client, "after Connection: close");
        client_close(&client);
    }
}

/* The client of these tests takes an end without close_notify for an error. */
E2E_TEST(tls_serving, every_orderly_end_has_a_close_notify)
{
    static const struct {
        const char *request;
        int status; /* 0: none is expected */
        bool half_closes;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200, false},
        {"GET / HTTP/1.0\r\nHost: x\r\n\r\n", 200, false},
        {"GET / HTTP/1.1\r\n\r\n", 400, false},
        {"nonsense\r\n\r\n", 400, false},
        {"GET /missing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, false},
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, true},
        {"GET / HTTP/1.1\r\nHost: x\r\n", 400, true},
        {"", 0, true},
        {"", 0, false}, /* the timeouts */
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, false},
    };
    struct site site;
    struct client client;
    site_create(&site);
    site_write_text(&site, "index.html", "x");
    struct server *server = start(&site, "--threads 1 --idle-timeout 400ms --header-timeout 400ms");
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(versions); i++) {
        size_t row = i / COUNT_OF(versions);
        const char *what = text_format("row %zu", row);
        connect_version(&client, server, versions[i % COUNT_OF(versions)]);
        client_queue_text(&client, rows[row].request);
        client_flush(&client);
        if (rows[row].half_closes)
            client_half_close(&client);
        struct response response;
        enum answer answer = client_read_response(&client, false, &response);
        if (answer == ANSWER_WHOLE)
            cr_expect(response.status == rows[row].status, "%s: %d", what, response.status);
        else
            cr_expect(answer == ANSWER_NONE && (rows[row].status == 0 || rows[row].half_closes),
                      "%s: %s", what, answer_text(&client, answer));
        expect_end(&client, what);
        cr_expect(secure_has_ended(client.secure), "%s: no close_notify", what);
        client_close(&client);
    }
}

E2E_TEST(tls_serving, a_drain_finishes_answers_and_ends_with_close_notify)
{
    struct site site;
    struct client loading, idle;
    struct response response;
    site_create(&site);
    site_write_text(&site, "index.html", "x");
    struct view content = site_fill(&site, "big.bin", MIB(20), 1);
    struct server *server = start(&site, "--drain-grace 100ms --drain-timeout 20s");
    client_connect_with(
        &loading, &(struct client_setup){.port = server->port, .receive_buffer_bytes = KIB(64)});
    client_connect(&idle, server);
    client_queue_text(&idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_status(&idle, "before the drain", false, 200, NULL);
    client_queue_text(&loading, "GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n");
    client_receive(&loading, 1000, deadline_after(5000));
    process_signal(&server->process, SIGTERM);
    expect_end(&idle, "an idle connection in a drain");
    if (expect_status(&loading, "a download in a drain", false, 200, &response))
        cr_expect(is_content(&response, content.data, content.length));
    expect_end(&loading, "a download in a drain");
    client_close(&idle);
    client_close(&loading);
    server_expect_end(server, 10000);
}

/* Cold pages, many at once, in one worker: none may get another's bytes. */
E2E_TEST(tls_serving, downloads_at_once_do_not_mix)
{
    enum { COUNT = 24, BYTES = 1 << 20 };
    struct site site;
    struct client clients[COUNT];
    struct view contents[COUNT];
    site_create(&site);
    for (size_t i = 0; i < COUNT; i++)
        contents[i] = site_fill(&site, text_format("%zu.bin", i), BYTES + 997 * i, i);
    struct server *server = start(&site, "--threads 1 --cache-bytes 0");
    for (size_t i = 0; i < COUNT; i++) {
        client_connect_with(&clients[i], &(struct client_setup){.port = server->port,
                                                                .receive_buffer_bytes = KIB(32),
                                                                .read_bytes_max = 1000 + 777 * i});
        client_queue_text(&clients[i], text_format("GET /%zu.bin HTTP/1.1\r\nHost: x\r\n\r\n", i));
        cr_assert(client_flush_blindly(&clients[i]));
    }
    for (size_t part = 1; part <= 4; part++)
        for (size_t i = 0; i < COUNT; i++)
            client_receive(&clients[i], part * BYTES / 5, deadline_after(10000));
    for (size_t i = 0; i < COUNT; i++) {
        struct response response;
        if (expect_status(&clients[i], "a download", false, 200, &response))
            cr_expect(is_content(&response, contents[i].data, contents[i].length), "file %zu", i);
        client_close(&clients[i]);
    }
}

E2E_TEST(tls_serving, a_reader_that_stops_is_reset_by_the_idle_timeout)
{
    struct site site;
    struct client client;
    site_create(&site);
    site_write_text(&site, "index.html", "x");
    site_write_sparse(&site, "huge.mp4", (off_t)MIB(512));
    struct server *server = start(&site, "--threads 1 --idle-timeout 500ms");
    size_t before = server_settled_descriptors(server);
    client_connect_with(
        &client, &(struct client_setup){.port = server->port, .receive_buffer_bytes = KIB(64)});
    client_queue_text(&client, "GET /huge.mp4 HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert(client_flush_blindly(&client));
    server_expect_descriptors(server, before, "a reader that stops");
    client_close(&client);
    server_expect_alive(server, "after a reader that stopped");
}

#endif
