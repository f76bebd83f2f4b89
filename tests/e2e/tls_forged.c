/* tls_forged: records that were changed or cut on their way, and floods of KeyUpdates (RFC 8446
 * 4.6.3), in connections that are established. */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

E2E_SUITE(tls_forged);

static struct server *start(struct site *site, const char *options)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
    return server_start(PIPELINED, site,
                        text_format("--cert %s %s", certificate_of_test(), options));
}

static void send_raw(const struct client *client, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t count = send(client->fd, data, length, MSG_NOSIGNAL);
        if (count <= 0)
            return;
        data += count;
        length -= (size_t)count;
    }
}

static void establish(struct client *client, const struct server *server, int version)
{
    struct secure_setup setup = {.server_name = "localhost", .version = version};
    client_connect_with(client, &(struct client_setup){.port = server->port, .secure = &setup});
    cr_assert_eq(secure_handshake(client->secure), SECURE_ESTABLISHED);
}

/* The first half of a request's record. */
static void send_half_a_request(struct client *client)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    secure_hold(client->secure);
    secure_send(client->secure, request, sizeof request - 1);
    struct view record = secure_take_held(client->secure);
    send_raw(client, record.data, record.length / 2);
}

/* Each byte of a request's record changed in turn; the headers' and the tag's too. */
E2E_TEST(tls_forged, changed_records_end_the_connection_unanswered)
{
    struct site site;
    struct server *server = start(&site, "--threads 1");
    for (int version = 12; version <= 13; version++) {
        size_t length = 1;
        for (size_t at = 0; at < length; at += e2e_scaled(1, 7)) {
            static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
            const char *what = text_format("1.%d, byte %zu", version - 10, at);
            struct client client;
            establish(&client, server, version);
            secure_hold(client.secure);
            secure_send(client.secure, request, sizeof request - 1);
            struct view record = secure_take_held(client.secure);
            struct bytes changed = {0};
            bytes_append(&changed, record.data, record.length);
            changed.data[at] = (char)(changed.data[at] ^ 0x10);
            send_raw(&client, changed.data, changed.length);
            /* A longer record waits for more; a shorter one is broken at once. */
            shutdown(client.fd, SHUT_WR);
            enum answer answer = client_read_response(&client, false, NULL);
            cr_expect(answer == ANSWER_RESET || answer == ANSWER_NONE, "%s: %s", what,
                      answer_text(&client, answer));
            client_close(&client);
            length = record.length;
        }
    }
    server_expect_alive(server, "after changed records");
}

E2E_TEST(tls_forged, a_truncated_record_is_no_request)
{
    struct site site;
    struct server *server = start(&site, "--threads 1");
    for (int version = 12; version <= 13; version++) {
        struct client client;
        establish(&client, server, version);
        send_half_a_request(&client);
        shutdown(client.fd, SHUT_WR);
        cr_expect_neq(client_read_response(&client, false, NULL), ANSWER_WHOLE);
        client_close(&client);
    }
}

/* Sends a KeyUpdate that asks for another. */
static bool update_key(struct client *client)
{
    SSL *ssl = secure_ssl(client->secure);
    return SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(ssl) == 1;
}

E2E_TEST(tls_forged, some_key_updates_are_followed)
{
    struct site site;
    struct client client;
    struct server *server = start(&site, "--threads 1");
    establish(&client, server, 13);
    for (size_t i = 0; i < 50; i++) {
        cr_expect(update_key(&client), "%zu", i);
        client_queue_text(&client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        if (!expect_status(&client, "after a KeyUpdate", false, 200, NULL))
            break;
    }
    client_close(&client);
}

E2E_TEST(tls_forged, a_flood_of_key_updates_ends_the_connection)
{
    enum { COUNT = 20000 };
    struct site site;
    struct client client;
    struct server *server = start(&site, "--threads 1");
    size_t before = process_usage(&server->process).resident_bytes, sent = 0;
    int64_t deadline = deadline_after(30000);
    establish(&client, server, 13);
    while (sent < COUNT && deadline_left_ms(deadline) > 0) {
        struct pollfd ready = {.fd = client.fd, .events = POLLOUT};
        char byte;
        if (update_key(&client))
            sent++;
        else if (poll(&ready, 1, 100) == 1 && ready.revents & (POLLERR | POLLHUP))
            break;
        if (secure_receive(client.secure, &byte, 1) < 0 && errno != EAGAIN)
            break;
    }
    size_t grown = process_usage(&server->process).resident_bytes - before;
    cr_expect(sent < COUNT, "all %d were taken", COUNT);
    cr_expect(server->instrumented || grown < MIB(16), "it grew by %zu KiB", grown >> 10);
    client_close(&client);
    server_expect_alive(server, "after KeyUpdates");
}

#endif
