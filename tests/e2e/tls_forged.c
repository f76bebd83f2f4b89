/* tls_forged: records that were changed or cut on their way, floods of KeyUpdates (RFC 8446 4.6.3),
 * and records that no client makes (tls_forger.h), in connections that are established. */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "server_process.h"
#include "support/tls_forger.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
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
    client_send_raw(client, record.data, record.length / 2);
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
            client_send_raw(&client, changed.data, changed.length);
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

/* --- Records that libssl never sends ---------------------------------------------------------- */

static unsigned char traffic_secret[TLS_FORGER_SECRET_BYTES];

/* Takes the client's secret from a line of the key log (SSL_CTX_set_keylog_callback(3)). */
static void note_secret(const SSL *ssl, const char *line)
{
    static const char label[] = "CLIENT_TRAFFIC_SECRET_0 ";
    const char *at = strrchr(line, ' ') + 1;
    (void)ssl;
    if (strncmp(line, label, sizeof label - 1) != 0)
        return;
    for (size_t i = 0; i < sizeof traffic_secret; i++) {
        const char digits[3] = {at[2 * i], at[2 * i + 1], '\0'};
        traffic_secret[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
}

/* Connects, and gets the client's keys. */
static void begin_forging(struct client *client, const struct server *server,
                          struct tls_forger *forger)
{
    struct secure_setup setup = {.server_name = "localhost", .version = 13};
    client_connect_with(
        client, &(struct client_setup){.port = server->port, .secure = &setup, .silent = true});
    SSL *ssl = secure_ssl(client->secure);
    SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), note_secret);
    cr_assert(SSL_set_ciphersuites(ssl, TLS_FORGER_SUITE) == 1);
    enum secure_state state = secure_await_handshake(client->secure, deadline_after(10000));
    cr_assert_eq(state, SECURE_ESTABLISHED, "%s", secure_problem(client->secure));
    tls_forger_init(forger, traffic_secret);
}

/* Sends COUNT records of TYPE with the LENGTH bytes at CONTENT. */
static void forge(struct client *client, struct tls_forger *forger, int type, struct view content,
                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = tls_forger_make(forger, type, content.data, content.length, 0);
        client_send_raw(client, (const char *)forger->record, length);
    }
}

static struct view text_view(const char *text)
{
    return (struct view){text, strlen(text)};
}

E2E_TEST(tls_forged, some_empty_records_are_ignored)
{
    struct site site;
    struct client client;
    struct tls_forger forger;
    const struct server *server = start(&site, "--threads 1");
    begin_forging(&client, server, &forger);
    for (size_t i = 0; i < 10; i++) {
        forge(&client, &forger, TLS_FORGER_DATA, text_view(""), 30);
        forge(&client, &forger, TLS_FORGER_DATA, text_view("GET / HTTP/1.1\r\n"), 1);
        forge(&client, &forger, TLS_FORGER_DATA, text_view(""), 30);
        forge(&client, &forger, TLS_FORGER_DATA, text_view("Host: x\r\n\r\n"), 1);
        if (!expect_status(&client, "between empty records", false, 200, NULL))
            break;
    }
    client_abort(&client);
}

/* What costs the server work, and gives no request, has an end. */
E2E_TEST(tls_forged, records_without_a_request_end_the_connection)
{
    static const char alert[] = {1, 90}; /* a warning: the user canceled */
    static const char update[] = {24, 0, 0, 1, 0};
    static const char hello_request[] = {0, 0, 0, 0}; /* of TLS 1.2 */
    static char much[(16 << 10) + 1];
    static const struct {
        const char *what;
        int type;
        struct view content;
        size_t count;
    } rows[] = {
        {"empty records", TLS_FORGER_DATA, {"", 0}, 100000},
        {"warnings", TLS_FORGER_ALERT, {alert, sizeof alert}, 100000},
        {"empty alerts", TLS_FORGER_ALERT, {"", 0}, 1000},
        {"empty handshakes", TLS_FORGER_HANDSHAKE, {"", 0}, 1000},
        {"half a message", TLS_FORGER_HANDSHAKE, {"\x18\0", 2}, 1000},
        {"KeyUpdates that change no key", TLS_FORGER_HANDSHAKE, {update, sizeof update}, 1000},
        {"a HelloRequest", TLS_FORGER_HANDSHAKE, {hello_request, sizeof hello_request}, 1000},
        {"an unknown type", 99, {"x", 1}, 1000},
        {"no type", 0, {"", 0}, 1000},
        {"a record too long", TLS_FORGER_DATA, {much, sizeof much}, 100},
    };
    struct site site;
    struct server *server = start(&site, "--threads 1 --header-timeout 60s --idle-timeout 60s");
    server_expect_alive(server, "at first");
    size_t before = process_usage(&server->process).resident_bytes;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client client;
        struct tls_forger forger;
        begin_forging(&client, server, &forger);
        forge(&client, &forger, rows[i].type, rows[i].content, rows[i].count);
        enum answer answer = client_read_response(&client, false, NULL);
        cr_expect(answer == ANSWER_RESET || answer == ANSWER_NONE, "%s: %s", rows[i].what,
                  answer_text(&client, answer));
        client_abort(&client);
        server_expect_alive(server, rows[i].what);
    }
    size_t grown = process_usage(&server->process).resident_bytes - before;
    cr_expect(server->instrumented || grown < MIB(4), "it grew by %zu KiB", grown >> 10);
}

#endif
