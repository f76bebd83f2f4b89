/* tls_hostile: clients of HTTPS that leave at any point, send garbage, or begin handshakes without
 * an end. The server ends their connections, keeps its memory bounded, and serves all others. */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

E2E_SUITE(tls_hostile);

static const struct secure_setup usual = {.server_name = "localhost"};
static const char small_request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

enum { HANDSHAKE_BYTES = 600 }; /* that a server sends at least in one, with its certificate */

static struct server *start(struct site *site, const char *options)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
    site_write_sparse(site, "large.mp4", (off_t)MIB(64));
    return server_start(PIPELINED, site,
                        text_format("--cert %s %s", certificate_of_test(), options));
}

/* Connects and makes a ClientHello, which is returned and not sent. */
static struct view begin(struct client *client, const struct server *server,
                         const struct secure_setup *setup)
{
    client_connect_with(
        client, &(struct client_setup){.port = server->port, .secure = setup, .silent = true});
    secure_hold(client->secure);
    secure_handshake(client->secure);
    return secure_take_held(client->secure);
}

/* Receives until the connection ends, in any way. Whether it did in time. */
static bool ends(const struct client *client)
{
    char rest[16384];
    int64_t deadline = deadline_after(8000);
    struct pollfd ready = {.fd = client->fd, .events = POLLIN};
    while (poll(&ready, 1, deadline_left_ms(deadline)) == 1) {
        ssize_t count = recv(client->fd, rest, sizeof rest, MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN))
            return true;
    }
    return false;
}

/* --- Clients that leave ----------------------------------------------------------------------- */

enum stage {
    CONNECTED,
    HALF_HELLO,
    WHOLE_HELLO,
    SERVER_ANSWERED,
    HALF_FLIGHT,
    ESTABLISHED,
    HALF_REQUEST,
    WHOLE_REQUEST,
    HALF_ANSWER,
    CLOSE_NOTIFY,
    STAGE_COUNT,
};

static void send_request(struct client *client, const char *target, bool half)
{
    const char *request = text_format("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    size_t length = strlen(request);
    secure_hold(client->secure);
    secure_send(client->secure, request, length);
    struct view record = secure_take_held(client->secure);
    client_send_raw(client, record.data, half ? record.length / 2 : record.length);
}

/* Brings CLIENT to STAGE of its handshake. */
static void shake_until(struct client *client, const struct server *server, enum stage stage)
{
    struct view hello = begin(client, server, &usual);
    if (stage >= HALF_HELLO)
        client_send_raw(client, hello.data, stage == HALF_HELLO ? hello.length / 2 : hello.length);
    if (stage < SERVER_ANSWERED)
        return;
    struct pollfd ready = {.fd = client->fd, .events = POLLIN};
    cr_assert(poll(&ready, 1, 10000) == 1, "no answer to a ClientHello");
    if (stage == SERVER_ANSWERED)
        return;
    secure_hold(client->secure);
    secure_await_handshake(client->secure, deadline_after(10000));
    struct view flight = secure_take_held(client->secure);
    client_send_raw(client, flight.data, stage == HALF_FLIGHT ? flight.length / 2 : flight.length);
}

static void reach(struct client *client, const struct server *server, enum stage stage)
{
    shake_until(client, server, stage);
    if (stage == HALF_REQUEST || stage == WHOLE_REQUEST)
        send_request(client, "/large.mp4", stage == HALF_REQUEST);
    if (stage == HALF_ANSWER) {
        send_request(client, "/large.mp4", false);
        client_receive(client, KIB(100), deadline_after(10000));
    }
    if (stage == CLOSE_NOTIFY)
        secure_end(client->secure);
}

E2E_TEST(tls_hostile, clients_that_leave_at_any_point_harm_no_other)
{
    struct site site;
    struct server *server = start(&site, "--threads 1");
    server_expect_alive(server, "at first");
    size_t before = server_settled_descriptors(server);
    for (size_t i = 0; i < 4 * STAGE_COUNT; i++) {
        struct client client;
        reach(&client, server, i / 4);
        if (i % 4 >= 2)
            server_await_sleep(server);
        if (i % 2 == 0)
            client_abort(&client);
        else
            close(client.fd);
        server_expect_alive(server, text_format("after one that left at stage %zu", i / 4));
    }
    server_expect_descriptors(server, before, "clients that left");
}

/* Resets after the first LENGTH of the bytes that a client sends: its ClientHello, then the end of
 * its handshake with a request. Whether there are more. */
static bool resets_after_sending(const struct server *server, size_t length)
{
    struct client client;
    struct view hello = begin(&client, server, &usual);
    size_t first = length < hello.length ? length : hello.length, total = hello.length;
    client_send_raw(&client, hello.data, first);
    if (length > hello.length) {
        secure_hold(client.secure);
        secure_await_handshake(client.secure, deadline_after(10000));
        secure_send(client.secure, small_request, strlen(small_request));
        struct view rest = secure_take_held(client.secure);
        client_send_raw(&client, rest.data,
                        length - first < rest.length ? length - first : rest.length);
        total += rest.length;
    }
    client_abort(&client);
    return length <= hello.length || length < total;
}

/* Resets after LENGTH bytes from the server: its part of the handshake, and of a long answer. */
static void reset_after_receiving(const struct server *server, size_t length)
{
    static char bytes[MIB(1)];
    struct client client;
    struct view hello = begin(&client, server, &usual);
    client_send_raw(&client, hello.data, hello.length);
    size_t flight = 0;
    if (length > HANDSHAKE_BYTES) {
        secure_await_handshake(client.secure, deadline_after(10000));
        send_request(&client, "/large.mp4", false);
        flight = HANDSHAKE_BYTES;
    }
    ssize_t left = (ssize_t)(length - flight);
    cr_expect(left == 0 || recv(client.fd, bytes, (size_t)left, MSG_WAITALL) == left);
    client_abort(&client);
}

E2E_TEST(tls_hostile, clients_that_reset_at_any_byte_harm_no_other)
{
    struct site site;
    struct server *server = start(&site, "--threads 1");
    server_expect_alive(server, "at first");
    size_t before = server_settled_descriptors(server), length = 0;
    while (resets_after_sending(server, length))
        length += e2e_scaled(1, 5);
    server_expect_alive(server, "after resets by what was sent");
    for (size_t i = 0; i < HANDSHAKE_BYTES; i += e2e_scaled(3, 31))
        reset_after_receiving(server, i);
    for (size_t i = 1; i < MIB(1); i += i < 100 ? 1 : i / 3)
        reset_after_receiving(server, HANDSHAKE_BYTES + i);
    server_expect_alive(server, "after resets by what was received");
    server_expect_descriptors(server, before, "clients that reset");
}

/* --- Handshakes without an end ---------------------------------------------------------------- */

E2E_TEST(tls_hostile, thousands_of_half_handshakes_leave_room_for_others)
{
    enum { BOUND = 160 << 20 };
    size_t count = e2e_scaled(3000, 300);
    struct site site;
    if (!e2e_raise_files(count + 100))
        e2e_skip("too few descriptors");
    struct server *server = start(&site, "--threads 1 --header-timeout 60s");
    server_expect_alive(server, "at first");
    size_t before = process_usage(&server->process).resident_bytes;
    struct client *clients = calloc(count, sizeof *clients);
    cr_assert(clients != NULL);
    for (size_t i = 0; i < count; i++) {
        struct view hello = begin(&clients[i], server, &usual);
        client_send_raw(&clients[i], hello.data, i % 2 ? hello.length : hello.length / 2);
        if (i % 500 == 499)
            server_expect_alive(server, text_format("beside %zu half handshakes", i + 1));
    }
    size_t grown = process_usage(&server->process).resident_bytes - before;
    cr_expect(server->instrumented || grown < BOUND, "%zu half handshakes took %zu MiB", count,
              grown >> 20);
    for (size_t i = 0; i < count; i++)
        client_abort(&clients[i]);
    server_expect_alive(server, "after half handshakes");
}

/* --- Garbage ---------------------------------------------------------------------------------- */

/* COUNT times the LENGTH bytes at UNIT. */
static struct view repeated(const char *unit, size_t length, size_t count)
{
    struct bytes bytes = {0};
    for (size_t i = 0; i < count; i++)
        bytes_append(&bytes, unit, length);
    return (struct view){bytes.data, bytes.length};
}

E2E_TEST(tls_hostile, garbage_before_a_handshake_ends_the_connection)
{
    static const struct {
        const char *what;
        const char *unit;
        size_t length, count;
    } rows[] = {
        {"a record of 65535 bytes", "\x16\x03\x01\xff\xff xxxxxxxx", 14, 5000},
        {"a record of 16385 bytes", "\x16\x03\x01\x40\x01 xxxxxxxx", 14, 5000},
        {"empty records", "\x16\x03\x01\x00\x00", 5, 5000},
        {"application data", "\x17\x03\x03\x00\x05xxxxx", 10, 100},
        {"warning alerts", "\x15\x03\x01\x00\x02\x01\x5a", 7, 1000},
        {"an unknown type", "\x99\x03\x01\x00\x05xxxxx", 10, 100},
        {"an unknown message", "\x16\x03\x01\x00\x05\x63\x00\x00\x01x", 10, 100},
        {"a message of 16 MiB", "\x16\x03\x01\x40\x00\x01\xff\xff\xff", 9, 4000},
        {"an unknown version", "\x16\x09\x09\x00\x05xxxxx", 10, 100},
        {"SSL 2", "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", 11, 100},
        {"zeros", "\0\0\0\0", 4, 1000},
    };
    struct site site;
    struct server *server = start(&site, "--threads 1 --header-timeout 60s");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client client;
        struct view bytes = repeated(rows[i].unit, rows[i].length, rows[i].count);
        client_connect_with(&client, &(struct client_setup){.port = server->port, .plain = true});
        client_send_raw(&client, bytes.data, bytes.length);
        cr_expect(ends(&client), "%s: still open", rows[i].what);
        client_close(&client);
        server_expect_alive(server, rows[i].what);
    }
}

/* Every byte of a ClientHello changed in turn: some are valid, none may harm. */
E2E_TEST(tls_hostile, changed_client_hellos_harm_no_other)
{
    struct site site;
    struct server *server = start(&site, "--threads 1 --header-timeout 60s");
    size_t length = 1;
    for (size_t at = 0; at < length; at += e2e_scaled(1, 5)) {
        struct client client;
        struct view hello = begin(&client, server, &usual);
        struct bytes changed = {0};
        bytes_append(&changed, hello.data, hello.length);
        changed.data[at] = (char)(changed.data[at] ^ (at % 3 ? 0xff : 1));
        client_send_raw(&client, changed.data, changed.length);
        if (at % 16 == 0)
            server_expect_alive(server, text_format("byte %zu", at));
        client_close(&client);
        length = hello.length;
    }
    server_expect_alive(server, "after changed ClientHellos");
}

/* A ClientHello's place for extensions, after random, session, suites and compression. */
static size_t extensions_at(struct view hello)
{
    const unsigned char *at = (const unsigned char *)hello.data;
    size_t offset = 5 + 4 + 2 + 32;
    offset += 1u + at[offset];
    offset += 2u + (size_t)(at[offset] << 8 | at[offset + 1]);
    return offset + 1u + at[offset];
}

static void put_number(char *at, size_t bytes, size_t value)
{
    while (bytes-- > 0) {
        at[bytes] = (char)value;
        value >>= 8;
    }
}

/* HELLO, which has no SNI, with one of a name of LENGTH bytes. */
static struct view with_name(struct view hello, size_t length)
{
    struct bytes bytes = {0};
    size_t at = extensions_at(hello), added = 9 + length;
    size_t extensions = hello.length - at - 2;
    char head[9] = {0};
    put_number(head + 2, 2, length + 5);
    put_number(head + 4, 2, length + 3);
    put_number(head + 7, 2, length);
    bytes_append(&bytes, hello.data, at + 2);
    bytes_append(&bytes, head, sizeof head);
    for (size_t i = 0; i < length; i++)
        bytes_append(&bytes, i % 50 == 49 ? "." : "a", 1);
    bytes_append(&bytes, hello.data + at + 2, extensions);
    put_number(bytes.data + at, 2, extensions + added);
    put_number(bytes.data + 3, 2, bytes.length - 5);
    put_number(bytes.data + 6, 3, bytes.length - 9);
    return (struct view){bytes.data, bytes.length};
}

E2E_TEST(tls_hostile, names_of_any_length_are_answered)
{
    static const size_t lengths[] = {0, 1, 63, 64, 255, 256, 300, 1000, 12000};
    struct site site;
    struct server *server = start(&site, "--threads 1 --header-timeout 60s");
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct client client;
        struct view hello = begin(&client, server, &(struct secure_setup){.version = 13});
        struct view named = with_name(hello, lengths[i]);
        struct pollfd ready = {.fd = client.fd, .events = POLLIN};
        client_send_raw(&client, named.data, named.length);
        cr_expect(poll(&ready, 1, 8000) == 1, "no answer to a name of %zu bytes", lengths[i]);
        client_close(&client);
        server_expect_alive(server, text_format("a name of %zu bytes", lengths[i]));
    }
}

E2E_TEST(tls_hostile, a_client_hello_of_16_kib_is_answered)
{
    struct site site;
    struct client client;
    struct server *server = start(&site, "--threads 1 --header-timeout 60s");
    struct bytes names = {0};
    for (size_t i = 0; i < 70; i++)
        bytes_append_text(&names, text_format("%0199zu,", i));
    bytes_append_text(&names, "http/1.1");
    client_connect_with(&client, &(struct client_setup){
                                     .port = server->port,
                                     .silent = true,
                                     .secure = &(struct secure_setup){.alpn = bytes_text(&names)}});
    cr_expect_eq(secure_await_handshake(client.secure, deadline_after(10000)), SECURE_ESTABLISHED,
                 "%s", secure_problem(client.secure));
    client_queue_text(&client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_status(&client, "after a long ClientHello", false, 200, NULL);
    client_close(&client);
}

#endif
