/* tls_handshakes: versions, ALPN (RFC 7301), resumption (RFC 8446 2.2, RFC 5077), handshakes that
 * last too long, and bytes on an HTTPS port that are not TLS. */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

E2E_SUITE(tls_handshakes);

enum { ALERT_PROTOCOL_VERSION = 70, ALERT_NO_APPLICATION_PROTOCOL = 120 };

static struct server *start(struct site *site, const char *options)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
    return server_start(PIPELINED, site,
                        text_format("--cert %s %s", certificate_of_test(), options));
}

/* Connects as SETUP says; how the handshake ended. */
static enum secure_state shake(struct client *client, const struct server *server,
                               const struct secure_setup *setup)
{
    client_connect_with(
        client, &(struct client_setup){.port = server->port, .secure = setup, .silent = true});
    return secure_await_handshake(client->secure, deadline_after(10000));
}

static void expect_page(struct client *client, const char *what)
{
    client_queue_text(client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_status(client, what, false, 200, NULL);
}

/* --- Versions --------------------------------------------------------------------------------- */

E2E_TEST(tls_handshakes, versions_below_the_least_are_refused)
{
    static const struct {
        const char *options;
        int version;
        bool accepted;
    } rows[] = {
        {"", 11, false},
        {"", 12, true},
        {"", 13, true},
        {"--tls-min 1.2", 11, false},
        {"--tls-min 1.2", 12, true},
        {"--tls-min 1.3", 11, false},
        {"--tls-min 1.3", 12, false},
        {"--tls-min 1.3", 13, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct site site;
        struct client client;
        struct server *server = start(&site, rows[i].options);
        struct secure_setup setup = {.version = rows[i].version};
        const char *what = text_format("1.%d with \"%s\"", rows[i].version - 10, rows[i].options);
        enum secure_state state = shake(&client, server, &setup);
        cr_expect(state == (rows[i].accepted ? SECURE_ESTABLISHED : SECURE_FAILED), "%s: %d %s",
                  what, state, secure_problem(client.secure));
        if (state == SECURE_ESTABLISHED)
            expect_page(&client, what);
        else
            cr_expect(secure_alert(client.secure) == ALERT_PROTOCOL_VERSION, "%s: alert %d", what,
                      secure_alert(client.secure));
        client_close(&client);
        server_stop(server);
    }
}

/* Only ephemeral keys and AEAD: nothing that was recorded can be opened later. */
E2E_TEST(tls_handshakes, old_suites_of_1_2_are_refused)
{
    static const struct {
        const char *suites;
        bool accepted;
    } rows[] = {
        {"ECDHE-ECDSA-AES128-GCM-SHA256", true}, {"ECDHE-ECDSA-AES256-GCM-SHA384", true},
        {"ECDHE-ECDSA-CHACHA20-POLY1305", true}, {"ECDHE-ECDSA-AES128-SHA", false},
        {"ECDHE-ECDSA-AES256-SHA384", false},    {"AES128-GCM-SHA256", false},
        {"DHE-RSA-AES128-GCM-SHA256", false},
    };
    struct site site;
    struct server *server = start(&site, "--threads 1");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client client;
        client_connect_with(&client,
                            &(struct client_setup){.port = server->port,
                                                   .secure = &(struct secure_setup){.version = 12},
                                                   .silent = true});
        cr_assert(SSL_set_cipher_list(secure_ssl(client.secure), rows[i].suites) == 1, "%s",
                  rows[i].suites);
        enum secure_state state = secure_await_handshake(client.secure, deadline_after(10000));
        cr_expect((state == SECURE_ESTABLISHED) == rows[i].accepted, "%s: %s", rows[i].suites,
                  secure_problem(client.secure));
        client_close(&client);
    }
}

E2E_TEST(tls_handshakes, renegotiation_ends_the_connection_or_is_ignored)
{
    struct site site;
    struct client client;
    struct server *server = start(&site, "--threads 1");
    cr_assert_eq(shake(&client, server, &(struct secure_setup){.version = 12}), SECURE_ESTABLISHED);
    expect_page(&client, "before a renegotiation");
    SSL_renegotiate(secure_ssl(client.secure));
    SSL_do_handshake(secure_ssl(client.secure));
    secure_await_handshake(client.secure, deadline_after(500));
    cr_expect(SSL_num_renegotiations(secure_ssl(client.secure)) <= 1);
    cr_expect(!SSL_is_init_finished(secure_ssl(client.secure)), "it was renegotiated");
    client_close(&client);
    server_expect_alive(server, "after a renegotiation");
}

/* --- ALPN ------------------------------------------------------------------------------------- */

E2E_TEST(tls_handshakes, alpn_takes_http_1_1_and_http_1_0)
{
    static const struct {
        const char *offered;
        const char *selected; /* NULL: the alert */
    } rows[] = {
        {NULL, ""},
        {"http/1.1", "http/1.1"},
        {"http/1.0", "http/1.0"},
        {"h2,http/1.1", "http/1.1"},
        {"http/1.0,http/1.1", "http/1.1"},
        {"spdy/3,h3,http/1.0", "http/1.0"},
        {"h2", NULL},
        {"http/1.11", NULL},
        {"h2,http/0.9", NULL},
    };
    struct site site;
    struct server *server = start(&site, "--threads 1");
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        const char *offered = rows[i / 2].offered, *expected = rows[i / 2].selected;
        const char *what = text_format("%s over 1.%zu", offered ? offered : "nothing", 2 + i % 2);
        struct client client;
        const unsigned char *selected;
        unsigned length;
        enum secure_state state = shake(
            &client, server, &(struct secure_setup){.alpn = offered, .version = 12 + (int)(i % 2)});
        SSL_get0_alpn_selected(secure_ssl(client.secure), &selected, &length);
        if (expected) {
            cr_expect(state == SECURE_ESTABLISHED && length == strlen(expected) &&
                          (length == 0 || memcmp(selected, expected, length) == 0),
                      "%s: %d \"%.*s\"", what, state, (int)length, (const char *)selected);
            expect_page(&client, what);
        } else {
            cr_expect(state == SECURE_FAILED &&
                          secure_alert(client.secure) == ALERT_NO_APPLICATION_PROTOCOL,
                      "%s: %d, alert %d", what, state, secure_alert(client.secure));
        }
        client_close(&client);
    }
}

/* --- Resumption ------------------------------------------------------------------------------- */

/* Whether a handshake with SESSION is resumed. *RET_SESSION is the session that it gave. */
static bool is_resumed(const struct server *server, int version, struct ssl_session_st *session,
                       struct ssl_session_st **ret_session)
{
    struct client client;
    struct secure_setup setup = {
        .server_name = "localhost", .version = version, .session = session};
    cr_assert_eq(shake(&client, server, &setup), SECURE_ESTABLISHED, "%s",
                 secure_problem(client.secure));
    expect_page(&client, "resumption");
    bool resumed = SSL_session_reused(secure_ssl(client.secure));
    *ret_session = secure_session(client.secure);
    client_close(&client);
    return resumed;
}

/* A ticket is good on every worker, and after SIGHUP. */
E2E_TEST(tls_handshakes, sessions_are_resumed_by_every_worker)
{
    for (int version = 12; version <= 13; version++) {
        struct site site;
        struct ssl_session_st *session, *next;
        struct server *server = start(&site, "--threads 3");
        cr_expect(!is_resumed(server, version, NULL, &session), "resumed without a session");
        cr_assert(session != NULL, "1.%d: no ticket", version - 10);
        for (size_t i = 0; i < 20; i++) {
            if (i == 10)
                process_signal(&server->process, SIGHUP);
            cr_expect(is_resumed(server, version, session, &next), "1.%d: %zu", version - 10, i);
            if (next)
                session = next;
        }
        server_stop(server);
    }
}

E2E_TEST(tls_handshakes, a_ticket_of_another_server_is_ignored)
{
    for (int version = 12; version <= 13; version++) {
        struct site sites[2];
        struct ssl_session_st *session, *next;
        struct server *first = start(&sites[0], "--threads 1");
        struct server *second = start(&sites[1], "--threads 1");
        is_resumed(first, version, NULL, &session);
        cr_expect(!is_resumed(second, version, session, &next));
        server_stop(first);
        server_stop(second);
    }
}

/* --- Time ------------------------------------------------------------------------------------- */

/* Bytes of a ClientHello: its record, held back. */
static struct view make_hello(struct client *client, const struct server *server)
{
    static const struct secure_setup setup = {.server_name = "localhost"};
    client_connect_with(
        client, &(struct client_setup){.port = server->port, .secure = &setup, .silent = true});
    secure_hold(client->secure);
    secure_handshake(client->secure);
    return secure_take_held(client->secure);
}

/* Waits for the end, however it looks. */
static void await_end(struct client *client)
{
    char rest[4096];
    struct pollfd ready = {.fd = client->fd, .events = POLLIN};
    while (poll(&ready, 1, 8000) == 1 && recv(client->fd, rest, sizeof rest, MSG_DONTWAIT) > 0)
        ;
}

E2E_TEST(tls_handshakes, unfinished_ones_are_ended_by_the_header_timeout)
{
    struct site site;
    struct server *server = start(&site, "--header-timeout 400ms --idle-timeout 60s --threads 1");
    for (size_t part = 0; part < 4; part++) {
        const int64_t since = clock_ms();
        struct client client;
        struct view hello = make_hello(&client, server);
        size_t lengths[] = {0, 1, hello.length / 2, hello.length};
        size_t length = lengths[part];
        cr_assert(send(client.fd, hello.data, length, MSG_NOSIGNAL) == (ssize_t)length);
        await_end(&client);
        const int64_t took_ms = clock_ms() - since;
        cr_expect(took_ms >= 300 && took_ms < (int64_t)e2e_scaled(3000, 7000),
                  "%zu bytes of a ClientHello: ended after %d ms", length, (int)took_ms);
        client_close(&client);
    }
    server_expect_alive(server, "after unfinished handshakes");
}

E2E_TEST(tls_handshakes, a_dripping_one_does_not_extend_its_time)
{
    struct site site;
    struct client client;
    struct server *server = start(&site, "--header-timeout 500ms --threads 1");
    struct view hello = make_hello(&client, server);
    int64_t began = clock_ms();
    size_t sent = 0;
    struct pollfd ready = {.fd = client.fd, .events = POLLIN};
    while (sent < hello.length && poll(&ready, 1, 20) == 0 &&
           send(client.fd, hello.data + sent, 1, MSG_NOSIGNAL) == 1)
        sent++;
    cr_expect(sent < hello.length, "all of it could be sent, in %d ms", (int)(clock_ms() - began));
    client_close(&client);
    server_expect_alive(server, "after a dripping handshake");
}

/* --- Not TLS ---------------------------------------------------------------------------------- */

E2E_TEST(tls_handshakes, a_plain_request_is_sent_to_https)
{
    static const struct {
        const char *request;
        int status; /* 0: the connection closes */
        const char *location;
    } rows[] = {
        {"GET /a/b?c=d HTTP/1.1\r\nHost: localhost\r\n\r\n", 308, "/a/b?c=d"},
        {"GET / HTTP/1.1\r\nHost: localhost:80\r\n\r\n", 308, "/"},
        {"HEAD /%41 HTTP/1.1\r\nHost: LOCALHOST\r\n\r\n", 308, "/%41"},
        {"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n", 308, "/"},
        {"GET / HTTP/1.1\r\n\r\n", 400, NULL},
        {"GET / HTTP/1.0\r\n\r\n", 400, NULL},
        {"\x80\x01\x02\x03\x04\x05", 0, NULL},
        {"\r\n\r\n\r\n", 0, NULL},
    };
    struct site site;
    struct server *server = start(&site, "--threads 1");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client client;
        struct response response;
        const char *what = text_visible(rows[i].request, strlen(rows[i].request));
        client_connect_with(&client, &(struct client_setup){.port = server->port, .plain = true});
        client_queue_text(&client, rows[i].request);
        if (rows[i].status == 0) {
            cr_expect_eq(client_read_response(&client, false, NULL), ANSWER_NONE, "%s", what);
        } else if (expect_status(&client, what, rows[i].request[0] == 'H', rows[i].status,
                                 &response)) {
            const char *location = response_field(&response, "Location");
            const char *expected = text_format("https://localhost:%u%s", server->port,
                                               rows[i].location ? rows[i].location : "");
            cr_expect(!rows[i].location || (location && strcasecmp(location, expected) == 0),
                      "%s: Location: %s, not %s", what, location ? location : "none", expected);
            cr_expect(response_field(&response, "Strict-Transport-Security") == NULL);
            expect_end(&client, what);
        }
        client_close(&client);
    }
    server_expect_alive(server, "after plain requests");
}

#endif
