/* tls_records: the answers don't depend on how the records of a client are cut: by TCP at any byte,
 * into records of any size, or empty ones (RFC 8446 5.1). */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "mix.h"
#include "server_process.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

E2E_SUITE(tls_records);

enum { HEADER_BYTES = 5, HANDSHAKE = 22 };

static struct server *start(struct mix *mix)
{
    mix_create(mix);
    struct server *server =
        server_start(PIPELINED, &mix->site,
                     text_format("--cert %s --threads 1 --cache-valid 1h", certificate_of_test()));
    mix_learn(mix, server);
    return server;
}

static void send_all(const struct client *client, const char *data, size_t length)
{
    cr_assert_eq(send(client->fd, data, length, MSG_NOSIGNAL), (ssize_t)length);
}

/* Sends the first FIRST bytes, waits until the server has handled them, and sends the others. */
static void send_cut(const struct client *client, const struct server *server, struct view bytes,
                     size_t first)
{
    send_all(client, bytes.data, first);
    server_await_sleep(server);
    send_all(client, bytes.data + first, bytes.length - first);
}

static void begin(struct client *client, const struct server *server, int version)
{
    struct secure_setup setup = {.server_name = "localhost", .version = version};
    client_connect_with(
        client, &(struct client_setup){.port = server->port, .secure = &setup, .silent = true});
}

static void expect_established(struct client *client, const char *what)
{
    enum secure_state state = secure_await_handshake(client->secure, deadline_after(10000));
    cr_assert_eq(state, SECURE_ESTABLISHED, "%s: %s", what, secure_problem(client->secure));
}

/* The records of the requests KINDS, one for each. */
static struct view seal_requests(struct client *client, const enum mix_kind *kinds, size_t count)
{
    secure_hold(client->secure);
    for (size_t i = 0; i < count; i++) {
        const char *request = mix_request(kinds[i]);
        ssize_t length = (ssize_t)strlen(request);
        cr_assert_eq(secure_send(client->secure, request, (size_t)length), length);
    }
    return secure_take_held(client->secure);
}

E2E_TEST(tls_records, requests_may_be_cut_at_every_byte)
{
    static const enum mix_kind kinds[] = {MIX_SMALL, MIX_HEAD_SMALL, MIX_OTHER};
    struct mix mix;
    const struct server *server = start(&mix);
    for (int version = 12; version <= 13; version++) {
        struct client client;
        begin(&client, server, version);
        expect_established(&client, "a handshake");
        struct view bytes = seal_requests(&client, kinds, COUNT_OF(kinds));
        for (size_t first = 1; first < bytes.length; first += e2e_scaled(1, 7)) {
            const char *what = text_format("1.%d, cut after %zu bytes", version - 10, first);
            send_cut(&client, server, bytes, first);
            if (!mix_expect(&mix, what, &client, kinds, COUNT_OF(kinds)))
                break;
            bytes = seal_requests(&client, kinds, COUNT_OF(kinds));
        }
        client_close(&client);
    }
}

/* The ClientHello, and the client's second flight. */
E2E_TEST(tls_records, handshakes_may_be_cut_at_every_byte)
{
    static const enum mix_kind kinds[] = {MIX_SMALL};
    struct mix mix;
    const struct server *server = start(&mix);
    for (int version = 12; version <= 13; version++) {
        size_t longest = 1;
        for (size_t first = 1; first < longest + 1; first += e2e_scaled(1, 11)) {
            const char *what = text_format("1.%d, cut after %zu bytes", version - 10, first);
            struct client client;
            begin(&client, server, version);
            secure_hold(client.secure);
            secure_handshake(client.secure);
            struct view hello = secure_take_held(client.secure);
            send_cut(&client, server, hello, first < hello.length ? first : hello.length);
            secure_hold(client.secure);
            int64_t deadline = deadline_after(10000);
            struct view flight;
            /* The server's flight may come in pieces. */
            do {
                secure_await_handshake(client.secure, clock_ms() + 5);
                flight = secure_take_held(client.secure);
                secure_hold(client.secure);
            } while (flight.length == 0 && deadline_left_ms(deadline) > 0);
            secure_take_held(client.secure);
            send_cut(&client, server, flight, first < flight.length ? first : flight.length);
            expect_established(&client, what);
            mix_queue(&client, kinds, 1);
            mix_expect(&mix, what, &client, kinds, 1);
            client_close(&client);
            longest = hello.length > flight.length ? hello.length : flight.length;
        }
    }
}

/* HELLO's one record as records of PIECE bytes. */
static struct view fragmented(struct view hello, size_t piece)
{
    struct bytes records = {0};
    for (size_t at = HEADER_BYTES; at < hello.length; at += piece) {
        size_t length = hello.length - at < piece ? hello.length - at : piece;
        char header[HEADER_BYTES] = {HANDSHAKE, 3, 1, (char)(length >> 8), (char)length};
        bytes_append(&records, header, sizeof header);
        bytes_append(&records, hello.data + at, length);
    }
    return (struct view){records.data, records.length};
}

E2E_TEST(tls_records, a_client_hello_may_have_many_records)
{
    static const size_t pieces[] = {1, 2, 3, 50, 200};
    static const enum mix_kind kinds[] = {MIX_SMALL};
    struct mix mix;
    const struct server *server = start(&mix);
    for (size_t i = 0; i < 2 * COUNT_OF(pieces); i++) {
        const char *what = text_format("records of %zu bytes", pieces[i / 2]);
        struct client client;
        begin(&client, server, 12 + (int)(i % 2));
        secure_hold(client.secure);
        secure_handshake(client.secure);
        struct view records = fragmented(secure_take_held(client.secure), pieces[i / 2]);
        send_cut(&client, server, records, records.length / 2);
        expect_established(&client, what);
        mix_queue(&client, kinds, 1);
        mix_expect(&mix, what, &client, kinds, 1);
        client_close(&client);
    }
}

/* One byte a record: 22 times as many bytes. */
E2E_TEST(tls_records, requests_may_be_in_records_of_a_byte)
{
    enum mix_kind kinds[20];
    struct mix mix;
    const struct server *server = start(&mix);
    mix_choose(kinds, COUNT_OF(kinds), 5, 1);
    for (int version = 12; version <= 13; version++) {
        struct client client;
        begin(&client, server, version);
        expect_established(&client, "a handshake");
        secure_hold(client.secure);
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
            for (const char *at = mix_request(kinds[i]); *at; at++)
                cr_assert_eq(secure_send(client.secure, at, 1), 1);
        struct view bytes = secure_take_held(client.secure);
        send_all(&client, bytes.data, bytes.length);
        mix_expect(&mix, "records of a byte", &client, kinds, COUNT_OF(kinds));
        client_close(&client);
    }
}

/* A request right after the client's Finished, in the same segment. */
E2E_TEST(tls_records, a_request_may_come_with_the_end_of_the_handshake)
{
    static const enum mix_kind kinds[] = {MIX_OTHER};
    struct mix mix;
    const struct server *server = start(&mix);
    struct client client;
    begin(&client, server, 13);
    int64_t deadline = deadline_after(10000);
    secure_handshake(client.secure);
    secure_hold(client.secure);
    secure_await_handshake(client.secure, deadline);
    ssize_t length = (ssize_t)strlen(mix_request(MIX_OTHER));
    cr_assert_eq(secure_send(client.secure, mix_request(MIX_OTHER), (size_t)length), length);
    struct view bytes = secure_take_held(client.secure);
    send_all(&client, bytes.data, bytes.length);
    mix_expect(&mix, "with Finished", &client, kinds, 1);
    client_close(&client);
}

#endif
