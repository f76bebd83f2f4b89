/* The PROXY protocol, --listen "PORT proxy": HAProxy's doc/proxy-protocol.txt. The test is the
 * proxy at 127.0.0.1, which is trusted; 127.0.0.2 is a stranger. The access log names clients. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <stdio.h>
#include <string.h>

E2E_SUITE(proxy_protocol);

#define V2   "\r\n\r\n\0\r\nQUIT\n"
#define TCP4 "\xc6\x33\x64\x07\xc0\0\2\1\x30\x39\x01\xbb" /* 198.51.100.7 */
#define TCP6 \
    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x30\x39\x01\xbb"

struct bytes_row {
    const char *label;
    const char *bytes;
    size_t length;
    const char *client;
};

#define ROW(label, literal, client)                 \
    {                                               \
        label, literal, sizeof(literal) - 1, client \
    }

static const struct bytes_row headers[] = {
    ROW("TCP4", "PROXY TCP4 198.51.100.7 192.0.2.1 56324 443\r\n", "198.51.100.7"),
    ROW("TCP6", "PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "2001:db8::1"),
    ROW("UNKNOWN", "PROXY UNKNOWN\r\n", "127.0.0.1"),
    ROW("version 2, IPv4", V2 "\x21\x11\0\x0c" TCP4, "198.51.100.7"),
    ROW("version 2, IPv6", V2 "\x21\x21\0\x24" TCP6, "2001:db8::1"),
    ROW("version 2, LOCAL", V2 "\x20\0\0\0", "127.0.0.1"),
    ROW("version 2, TLVs", V2 "\x21\x11\0\x13" TCP4 "\xea\0\4abcd", "198.51.100.7"),
};

static const struct bytes_row malformed[] = {
    ROW("a request", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL),
    ROW("TLS", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0\0\0\0\0", NULL),
    ROW("an address that is none", "PROXY TCP4 198.51.100 192.0.2.1 56324 443\r\n", NULL),
    ROW("a line without an end",
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535xx",
        NULL),
    ROW("a length that is too short", V2 "\x21\x11\0\x0b" TCP4, NULL),
    ROW("a length that is too long", V2 "\x21\x11\xff\xff" TCP4, NULL),
    ROW("a TLV that is too long", V2 "\x21\x11\0\x10" TCP4 "\4\0\2x", NULL),
    ROW("version 3", V2 "\x31\x11\0\x0c" TCP4, NULL),
};

static struct site site;

static void create_site(void)
{
    site_create(&site);
    site_write_text(&site, "index.html", "hello");
}

static const char *log_path(void)
{
    return site_path(&site, "../log");
}

/* Starts sluice with WHERE as its only listener on TCP, and OPTIONS. */
static struct server *start(const char *where, const char *options)
{
    const char *const words[] = {"--listen", where, "--access-log", log_path(), "--threads",
                                 "1",        NULL};
    return server_start_with(&(struct server_setup){.program = "sluice",
                                                    .root = site.path,
                                                    .words = words,
                                                    .options = options,
                                                    .no_bind = true,
                                                    .own_tls = true});
}

static struct server *start_usual(void)
{
    return start("127.0.0.1:0 proxy", "--trusted-proxy 127.0.0.1");
}

/* Stops SERVER. Whether line INDEX of its log begins with CLIENT. */
static void expect_clients(struct server *server, const struct bytes_row *rows, size_t count,
                           unsigned each)
{
    char line[1024];
    server_stop(server);
    FILE *file = fopen(log_path(), "re");
    cr_assert_not_null(file);
    for (size_t i = 0; i < count * each; i++) {
        const struct bytes_row *row = &rows[i / each];
        const char *expected = text_format("%s - - [", row->client);
        cr_assert_not_null(fgets(line, sizeof(line), file), "%s: line %zu", row->label, i);
        cr_expect(strncmp(line, expected, strlen(expected)) == 0, "%s: %s", row->label, line);
    }
    cr_expect_null(fgets(line, sizeof(line), file), "more lines: %s", line);
    fclose(file);
}

/* The connection ends without a byte. */
static void expect_closed(struct client *client, const char *what)
{
    struct view bytes = client_receive(client, 1, deadline_after(10000));
    cr_expect(bytes.length == 0, "%s: it was answered", what);
    cr_expect(client->eof || client->error, "%s: it was not closed", what);
    client_close(client);
}

E2E_TEST(proxy_protocol, names_the_client_however_the_header_comes)
{
    create_site();
    struct server *server = start_usual();
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        for (enum delivery delivery = DELIVERY_WHOLE; delivery < DELIVERY_COUNT; delivery++) {
            struct client client;
            client_connect_with(&client,
                                &(struct client_setup){.port = server->port, .delivery = delivery});
            client_queue(&client, headers[i].bytes, headers[i].length);
            client_queue_text(&client, request_text("GET", "/"));
            expect_status(&client, headers[i].label, false, 200, NULL);
            expect_end(&client, headers[i].label);
            client_close(&client);
        }
    }
    expect_clients(server, headers, COUNT_OF(headers), DELIVERY_COUNT);
}

E2E_TEST(proxy_protocol, serves_requests_that_are_pipelined_after_the_header)
{
    create_site();
    struct server *server = start_usual();
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct client client;
        client_connect(&client, server);
        client_queue(&client, headers[i].bytes, headers[i].length);
        for (int j = 0; j < 50; j++)
            client_queue_text(&client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        for (int j = 0; j < 50; j++)
            cr_assert(expect_status(&client, headers[i].label, false, 200, NULL));
        client_close(&client);
    }
    expect_clients(server, headers, COUNT_OF(headers), 50);
}

E2E_TEST(proxy_protocol, closes_without_an_answer_what_has_no_valid_header)
{
    create_site();
    struct server *server = start_usual();
    for (size_t i = 0; i < COUNT_OF(malformed); i++) {
        for (enum delivery delivery = DELIVERY_WHOLE; delivery < DELIVERY_COUNT; delivery++) {
            struct client client;
            client_connect_with(&client,
                                &(struct client_setup){.port = server->port, .delivery = delivery});
            client_queue(&client, malformed[i].bytes, malformed[i].length);
            client_queue_text(&client, request_text("GET", "/"));
            client_flush(&client);
            expect_closed(&client, malformed[i].label);
        }
    }
    expect_clients(server, headers, 0, 1);
    process_read_output(&server->process, &server->screen);
    const char *screen = bytes_text(&server->screen);
    cr_expect(strstr(screen, "without a PROXY header of a trusted proxy"), "%s", screen);
    cr_expect_null(strstr(screen, "reset by the client"), "counted twice: %s", screen);
}

E2E_TEST(proxy_protocol, closes_when_the_header_ends_early_at_whatever_byte)
{
    create_site();
    struct server *server = start_usual();
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        for (size_t length = 0; length < headers[i].length; length++) {
            struct client client;
            client_connect(&client, server);
            client_queue(&client, headers[i].bytes, length);
            cr_assert(client_flush(&client));
            client_half_close(&client);
            expect_closed(&client, headers[i].label);
        }
    }
    expect_clients(server, headers, 0, 1);
}

E2E_TEST(proxy_protocol, has_the_time_of_a_head_for_the_header)
{
    struct client client;
    create_site();
    struct server *server = start("127.0.0.1:0 proxy", "--trusted-proxy ::/0 --trusted-proxy "
                                                       "127.0.0.0/24 --header-timeout 1s");
    client_connect(&client, server);
    client_queue_text(&client, "PROXY TCP4 ");
    cr_assert(client_flush(&client));
    expect_closed(&client, "half a header");
}

E2E_TEST(proxy_protocol, closes_the_connections_of_strangers)
{
    struct client client;
    create_site();
    struct server *server = start_usual();
    client_connect_with(&client,
                        &(struct client_setup){.port = server->port, .source = "127.0.0.2"});
    client_queue(&client, headers[0].bytes, headers[0].length);
    client_queue_text(&client, request_text("GET", "/"));
    client_flush(&client);
    expect_closed(&client, "a stranger");
    expect_clients(server, headers, 0, 1);
    process_read_output(&server->process, &server->screen);
    cr_expect(strstr(bytes_text(&server->screen), "1 without a PROXY header of a trusted proxy"),
              "%s", bytes_text(&server->screen));
}

E2E_TEST(proxy_protocol, needs_to_know_which_proxies_are_trusted)
{
    static const char *const options[] = {"", " --trusted-proxy unix"};
    create_site();
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        struct process process;
        struct process_setup setup = {.program = "sluice"};
        process_add_words(&setup, text_format("%s%s --listen", site.path, options[i]));
        process_add_word(&setup, "127.0.0.1:0 proxy");
        process_start(&process, &setup);
        cr_assert(process_wait(&process, deadline_after(10000)));
        cr_expect_neq(process.status, 0);
        const char *errors = process_errors(&process);
        cr_expect(strstr(errors, "no proxy is trusted") && strstr(errors, "trusted-proxy 10."),
                  "%s", errors);
    }
}

/* The mode of the file says who may speak for others. */
E2E_TEST(proxy_protocol, trusts_the_peers_of_a_unix_socket)
{
    static const struct bytes_row rows[] = {
        ROW("version 2", V2 "\x21\x11\0\x0c" TCP4, "198.51.100.7"),
        ROW("LOCAL", V2 "\x20\0\0\0", "127.0.0.1"),
        ROW("UNIX", "PROXY UNKNOWN\r\n", "127.0.0.1"),
    };
    create_site();
    const char *path = site_path(&site, "../s");
    const char *listen = text_format("--listen 127.0.0.1:0");
    struct server *server = start(text_format("unix:%s proxy", path), listen);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client client;
        client_connect_with(&client, &(struct client_setup){.unix_path = path});
        client_queue(&client, rows[i].bytes, rows[i].length);
        client_queue_text(&client, request_text("GET", "/"));
        expect_status(&client, rows[i].label, false, 200, NULL);
        client_close(&client);
    }
    expect_clients(server, rows, COUNT_OF(rows), 1);
}

E2E_TEST(proxy_protocol, counts_connections_for_the_client)
{
    struct client first, second, other;
    create_site();
    struct server *server =
        start("127.0.0.1:0 proxy", "--trusted-proxy 127.0.0.1 --max-connections-per-ip 1");
    client_connect(&first, server);
    client_queue(&first, headers[0].bytes, headers[0].length);
    client_queue_text(&first, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_status(&first, "the first", false, 200, NULL);
    client_connect(&other, server);
    client_queue(&other, headers[1].bytes, headers[1].length);
    client_queue_text(&other, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_status(&other, "another client", false, 200, NULL);
    client_connect(&second, server);
    client_queue(&second, headers[0].bytes, headers[0].length);
    client_queue_text(&second, request_text("GET", "/"));
    client_flush(&second);
    expect_closed(&second, "a second connection of the first client");
    client_close(&first);
    client_close(&other);
    int64_t deadline = deadline_after(10000);
    enum answer answer = ANSWER_NONE;
    while (answer != ANSWER_WHOLE && deadline_left_ms(deadline) > 0) {
        client_connect(&second, server);
        client_queue(&second, headers[0].bytes, headers[0].length);
        client_queue_text(&second, request_text("GET", "/"));
        answer = client_read_response(&second, false, NULL);
        client_close(&second);
    }
    cr_expect_eq(answer, ANSWER_WHOLE, "a connection that has ended is still counted");
}

#ifdef SLUICE_HAVE_OPENSSL

E2E_TEST(proxy_protocol, comes_before_tls)
{
    static const struct secure_setup secure = {.server_name = "localhost"};
    create_site();
    struct server *server =
        start("127.0.0.1:0 tls proxy", "--trusted-proxy 127.0.0.1 --self-signed");
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct client client;
        client_connect_with(&client, &(struct client_setup){
                                         .port = server->port, .silent = true, .secure = &secure});
        client_send_raw(&client, headers[i].bytes, headers[i].length);
        secure_handshake(client.secure);
        client_queue_text(&client, request_text("GET", "/"));
        expect_status(&client, headers[i].label, false, 200, NULL);
        client_close(&client);
    }
    expect_clients(server, headers, COUNT_OF(headers), 1);
}

E2E_TEST(proxy_protocol, redirects_plain_http_after_the_header_on_a_tls_port)
{
    struct client client;
    struct response response;
    create_site();
    struct server *server =
        start("127.0.0.1:0 tls proxy", "--trusted-proxy 127.0.0.1 --self-signed");
    client_connect_with(&client, &(struct client_setup){.port = server->port, .plain = true});
    client_queue(&client, headers[0].bytes, headers[0].length);
    client_queue_text(&client, request_text("GET", "/"));
    expect_status(&client, "plain HTTP", false, 308, &response);
    client_close(&client);
}

#endif
