/* tls_stream: handshakes, records and their limits, with a client of libssl in memory. */
#include "tls/tls_stream.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "support/tls_rig.h"
#include "tls/tls_framing.h"

#include <criterion/criterion.h>
#include <openssl/err.h>

static struct tls_rig rig;

static void set_up(void)
{
    tls_rig_init(&rig, NULL, 0);
}

static void tear_down(void)
{
    tls_rig_fini(&rig);
}

TestSuite(tls_stream, .init = set_up, .fini = tear_down, .timeout = 120);

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static const struct str request = STR_INIT("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
static const struct str answer = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

/* A connection whose handshake is over. */
static struct tls_link *connect_with(int version)
{
    struct tls_link *link = tls_link_create(
        rig.context, &(struct tls_client){.host = "example.org", .version = version});
    cr_assert(tls_link_shake(link, SIZE_MAX));
    return link;
}

static struct str received(const struct tls_link *link)
{
    return (struct str){link->received, link->received_length};
}

/* --- Handshakes ------------------------------------------------------------------------------- */

Test(tls_stream, serves_1_2_and_1_3)
{
    static const char *const names[] = {"TLSv1.2", "TLSv1.3"};
    for (unsigned i = 0; i < 2; i++) {
        struct tls_link *link = connect_with(versions[i]);
        cr_expect_str_eq(tls_stream_version(link->stream), names[i]);
        cr_expect_not(tls_stream_is_resumed(link->stream));
        cr_expect_eq(tls_link_feed(link, tls_link_write(link, request)), TLS_WANTS_INPUT);
        cr_expect(str_equal(received(link), request));
        cr_expect(tls_link_answers(link, answer));
        cr_expect_not(tls_stream_has_opened(link->stream));
        cr_expect_eq(ERR_peek_error(), 0);
        tls_link_destroy(link);
    }
}

Test(tls_stream, takes_input_cut_anywhere)
{
    for (unsigned i = 0; i < 2; i++) {
        for (size_t step = 1; step < 40; step++) {
            struct tls_link *link = tls_link_create(
                rig.context, &(struct tls_client){.host = "example.org", .version = versions[i]});
            cr_assert(tls_link_shake(link, step), "steps of %zu", step);
            SSL_write(link->client, request.at, (int)request.length);
            SSL_write(link->client, request.at, 1);
            cr_expect_eq(tls_link_pump(link, step), TLS_WANTS_INPUT);
            cr_expect_eq(link->received_length, request.length + 1);
            cr_expect(str_equal(str_first(received(link), request.length), request));
            cr_expect(tls_link_answers(link, answer));
            tls_link_destroy(link);
        }
    }
}

/* The client sends its request right after its part of the handshake, in one segment. */
Test(tls_stream, leaves_input_after_the_handshake)
{
    for (unsigned i = 0; i < 2; i++) {
        struct tls_link *link =
            tls_link_create(rig.context, &(struct tls_client){.version = versions[i]});
        SSL_do_handshake(link->client);
        tls_link_pump(link, SIZE_MAX);
        SSL_do_handshake(link->client);
        if (i == 0) { /* in 1.2, the client waits for the server's Finished */
            tls_link_pump(link, SIZE_MAX);
            SSL_do_handshake(link->client);
        }
        struct str bytes = tls_link_write(link, request);
        cr_expect_eq(tls_link_feed(link, bytes), TLS_WANTS_INPUT);
        cr_expect(str_equal(received(link), request));
        tls_link_destroy(link);
    }
}

Test(tls_stream, refuses_old_versions_and_suites_without_aead)
{
    const struct tls_client clients[] = {
        {.version = TLS1_1_VERSION, .suites_1_2 = "ALL:@SECLEVEL=0", .is_insecure = true},
        {.version = TLS1_2_VERSION, .suites_1_2 = "ECDHE-ECDSA-AES128-SHA256"},
        {.version = TLS1_2_VERSION, .suites_1_2 = "ECDHE-ECDSA-AES256-SHA"},
        {.version = TLS1_3_VERSION, .groups = "P-521"},
        {.version = TLS1_2_VERSION, .schemes = "RSA+SHA256"},
    };
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
        struct tls_link *link = tls_link_create(rig.context, &clients[i]);
        cr_expect_not(tls_link_shake(link, SIZE_MAX), "client %zu", i);
        cr_expect_eq(link->result, TLS_FAILED, "client %zu", i);
        cr_expect_geq(tls_link_alert(link), 40, "client %zu gets an alert", i);
        cr_expect_eq(tls_stream_handshake(rig.context, link->stream), TLS_FAILED);
        tls_link_destroy(link);
    }
}

Test(tls_stream, prefers_the_cheapest_suite_and_group)
{
    struct tls_link *link = connect_with(0);
    cr_expect_str_eq(SSL_get_cipher(link->client), "TLS_AES_128_GCM_SHA256");
    tls_link_destroy(link);
    const struct tls_client phone = {
        .suites = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
        .groups = "P-256:X25519",
    };
    link = tls_link_create(rig.context, &phone);
    cr_expect(tls_link_shake(link, SIZE_MAX));
    cr_expect_str_eq(SSL_get_cipher(link->client), "TLS_CHACHA20_POLY1305_SHA256");
    tls_link_destroy(link);
}

Test(tls_stream, accepts_both_versions_of_http_1_by_alpn_and_nothing_else)
{
    static const struct {
        const char *offered, *chosen; /* NULL: the alert */
    } rows[] = {
        {NULL, ""},
        {"\x08http/1.1", "http/1.1"},
        {"\x08http/1.0", "http/1.0"},
        {"\x08http/1.0\x08http/1.1", "http/1.1"},
        {"\x02h2\x08http/1.1", "http/1.1"},
        {"\x02h2", NULL},
        {"\x08http/2.0\x03"
         "ftp",
         NULL},
    };
    enum { NO_APPLICATION_PROTOCOL = 120 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tls_link *link =
            tls_link_create(rig.context, &(struct tls_client){.protocols = rows[i].offered});
        const unsigned char *chosen;
        unsigned length;
        cr_expect_eq(tls_link_shake(link, SIZE_MAX), rows[i].chosen != NULL, "row %zu", i);
        SSL_get0_alpn_selected(link->client, &chosen, &length);
        if (rows[i].chosen)
            cr_expect(str_equal((struct str){(const char *)chosen, length}, str_of(rows[i].chosen)),
                      "row %zu", i);
        else
            cr_expect_eq(tls_link_alert(link), NO_APPLICATION_PROTOCOL, "row %zu", i);
        tls_link_destroy(link);
    }
}

/* --- ClientHellos ----------------------------------------------------------------------------- */

enum { UNRECOGNIZED_NAME = 112 };

/* Feeds the client's first flight, cut into records with PIECE bytes each. */
static enum tls_result feed_in_records(struct tls_link *link, size_t piece)
{
    static char flight[64 << 10], records[8 * sizeof flight];
    int length = BIO_read(link->to_server, flight, (int)sizeof flight);
    char *to = records;
    for (int at = SSL3_RT_HEADER_LENGTH; at < length; at += (int)piece) {
        size_t content = size_min(piece, (size_t)(length - at));
        const char header[] = {SSL3_RT_HANDSHAKE, 3, 1, (char)(content >> 8), (char)content};
        memcpy(to, header, sizeof header);
        memcpy(to + sizeof header, flight + at, content);
        to += sizeof header + content;
    }
    return tls_link_feed(link, (struct str){records, (size_t)(to - records)});
}

/* A list for ALPN of at least LENGTH bytes, http/1.1 last. free() it. */
static char *long_list(size_t length)
{
    static const char other[] = "\xc8", last[] = "\x08http/1.1";
    char *list = malloc(length + 300), *at = list;
    while ((size_t)(at - list) < length) {
        memcpy(at, other, 1);
        memset(at + 1, 'x', 200);
        at += 201;
    }
    memcpy(at, last, sizeof last);
    return list;
}

Test(tls_stream, takes_a_client_hello_of_16_kib_in_many_records)
{
    static const size_t pieces[] = {1, 3, 50, 16384};
    char *list = long_list(15 << 10);
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        struct tls_link *link = tls_link_create(
            rig.context, &(struct tls_client){.host = "example.org", .protocols = list});
        SSL_do_handshake(link->client);
        cr_expect_gt(BIO_pending(link->to_server), 15 << 10);
        cr_expect_eq(feed_in_records(link, pieces[i]), TLS_WANTS_INPUT);
        cr_expect(tls_link_shake(link, SIZE_MAX), "records of %zu", pieces[i]);
        cr_expect(tls_link_answers(link, answer));
        tls_link_destroy(link);
    }
    free(list);
}

Test(tls_stream, refuses_a_client_hello_that_is_longer_than_any)
{
    char *list = long_list(TLS_MESSAGE_BYTES_MAX);
    struct tls_link *link = tls_link_create(rig.context, &(struct tls_client){.protocols = list});
    SSL_do_handshake(link->client);
    cr_expect_eq(tls_link_pump(link, 100), TLS_FAILED);
    tls_link_destroy(link);
    free(list);
}

/* libssl itself refuses names over 255 bytes. */
Test(tls_stream, fails_with_an_alert_at_a_name_of_300_bytes)
{
    static const char before[] = "\x16\x03\x01\x01\x65\x01\x00\x01\x61\x03\x03"
                                 "0123456789abcdef0123456789abcdef\x00\x00\x02\xc0\x2b\x01\x00"
                                 "\x01\x36\x00\x00\x01\x32\x01\x30\x00\x01\x2d";
    char hello[sizeof before - 1 + 301];
    memcpy(hello, before, sizeof before - 1);
    memset(hello + sizeof before - 1, 'a', 301);
    struct tls_link *link = tls_link_create(rig.context, &(struct tls_client){0});
    cr_expect_eq(sizeof hello, 5 + 0x165);
    cr_expect_eq(tls_link_feed(link, (struct str){hello, sizeof hello}), TLS_FAILED);
    unsigned char alert[7] = {0};
    BIO_read(link->to_client, alert, (int)sizeof alert);
    cr_expect_eq(alert[0], SSL3_RT_ALERT);
    cr_expect_eq(alert[6], UNRECOGNIZED_NAME, "%d", alert[6]);
    tls_link_destroy(link);
}

/* --- Records ---------------------------------------------------------------------------------- */

Test(tls_stream, seals_one_record_a_call)
{
    static char body[TLS_RECORD_BYTES_MAX];
    memset(body, 'x', sizeof body);
    for (unsigned i = 0; i < 2; i++) {
        struct tls_link *link = connect_with(versions[i]);
        const size_t lengths[] = {1, 612, 4096, TLS_RECORD_BYTES_MAX};
        for (size_t j = 0; j < sizeof lengths / sizeof *lengths; j++) {
            cr_expect_eq(tls_stream_seal(rig.context, link->stream, body, lengths[j]), TLS_OK);
            const unsigned char *record = (const unsigned char *)rig.context->output;
            cr_expect_eq(record[0], SSL3_RT_APPLICATION_DATA);
            cr_expect_eq((size_t)record[3] << 8 | record[4], rig.context->output_length - 5);
            cr_expect_geq(rig.context->output_length, lengths[j]);
            rig.context->output_length = 0;
        }
        tls_link_destroy(link);
    }
}

Test(tls_stream, gathers_records_until_the_output_is_full)
{
    static char body[TLS_RECORD_BYTES_MAX];
    struct tls_link *link = connect_with(0);
    unsigned records = 0;
    while (tls_context_has_room(rig.context)) {
        cr_assert_eq(tls_stream_seal(rig.context, link->stream, body, sizeof body), TLS_OK);
        records++;
    }
    cr_expect_geq(records, 4);
    rig.context->output_length = 0;
    tls_link_destroy(link);
}

Test(tls_stream, opens_into_little_room)
{
    struct tls_link *link = connect_with(0);
    char to[8];
    size_t length, all = 0;
    rig.context->input = tls_link_write(link, request);
    while (tls_stream_open(rig.context, link->stream, to, sizeof to, &length) == TLS_OK) {
        cr_expect(memcmp(to, request.at + all, length) == 0);
        all += length;
        cr_expect_eq(tls_stream_has_opened(link->stream), all < request.length);
    }
    cr_expect_eq(all, request.length);
    tls_link_destroy(link);
}

Test(tls_stream, fails_on_broken_records)
{
    enum { CONTENT = 7 };
    for (unsigned i = 0; i < 2; i++) {
        /* A byte of the type, of the version, of the length, and of the protected content. */
        static const size_t places[] = {0, 1, 3, CONTENT};
        for (size_t j = 0; j < sizeof places / sizeof *places; j++) {
            struct tls_link *link = connect_with(versions[i]);
            struct str bytes = tls_link_write(link, request);
            char *copy = malloc(bytes.length);
            memcpy(copy, bytes.at, bytes.length);
            copy[places[j]] ^= 0x60;
            cr_expect_eq(tls_link_feed(link, (struct str){copy, bytes.length}), TLS_FAILED,
                         "byte %zu", places[j]);
            cr_expect_eq(link->received_length, 0);
            cr_expect_eq(tls_stream_seal(rig.context, link->stream, "x", 1), TLS_FAILED);
            cr_expect_eq(ERR_peek_error(), 0);
            free(copy);
            tls_link_destroy(link);
        }
    }
}

Test(tls_stream, fails_on_garbage_in_place_of_a_handshake)
{
    static const struct str rows[] = {
        STR_INIT("GET / HTTP/1.1\r\n\r\n"),
        STR_INIT("\x16\x03\x01\xff\xff"), /* longer than a record can be */
        STR_INIT("\x16\x05\x01\x00\x05\x01\x00\x00\x01\x00"),
        STR_INIT("\x17\x03\x03\x00\x01x"),
        STR_INIT("\x15\x03\x01\x00\x02\x02\x28"),
        STR_INIT("\x16\x03\x01\x00\x04\x02\x00\x00\x00"), /* a ServerHello */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tls_link *link = tls_link_create(rig.context, &(struct tls_client){0});
        cr_expect_eq(tls_link_feed(link, rows[i]), TLS_FAILED, "row %zu", i);
        cr_expect_eq(ERR_peek_error(), 0);
        tls_link_destroy(link);
    }
}

/* --- The end ---------------------------------------------------------------------------------- */

Test(tls_stream, sends_close_notify_once)
{
    for (unsigned i = 0; i < 2; i++) {
        struct tls_link *link = connect_with(versions[i]);
        tls_stream_close(rig.context, link->stream);
        tls_stream_close(rig.context, link->stream);
        cr_expect_lt(rig.context->output_length, 40);
        BIO_write(link->to_client, rig.context->output, (int)rig.context->output_length);
        rig.context->output_length = 0;
        char byte;
        int returned = SSL_read(link->client, &byte, 1);
        cr_expect_eq(SSL_get_error(link->client, returned), SSL_ERROR_ZERO_RETURN);
        tls_link_destroy(link);
    }
}

Test(tls_stream, answers_after_the_peers_close_notify)
{
    for (unsigned i = 0; i < 2; i++) {
        struct tls_link *link = connect_with(versions[i]);
        SSL_write(link->client, request.at, (int)request.length);
        SSL_shutdown(link->client);
        cr_expect_eq(tls_link_pump(link, SIZE_MAX), TLS_ENDED);
        cr_expect(str_equal(received(link), request));
        cr_expect_eq(tls_link_feed(link, STR("more")), TLS_ENDED);
        cr_expect_eq(tls_stream_seal(rig.context, link->stream, "x", 1), TLS_OK);
        rig.context->output_length = 0;
        tls_link_destroy(link);
    }
}

Test(tls_stream, sends_nothing_at_the_end_of_a_failed_connection)
{
    struct tls_link *link = tls_link_create(rig.context, &(struct tls_client){0});
    tls_stream_close(rig.context, link->stream); /* no handshake yet */
    cr_expect_eq(rig.context->output_length, 0);
    cr_expect_eq(tls_link_feed(link, STR("garbage in place of a record")), TLS_FAILED);
    tls_stream_close(rig.context, link->stream);
    cr_expect_eq(rig.context->output_length, 0);
    tls_link_destroy(link);
}

/* --- Floods ----------------------------------------------------------------------------------- */

/* The client changes its key COUNT times. */
static enum tls_result update_keys(struct tls_link *link, unsigned count, int kind)
{
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(SSL_key_update(link->client, kind), 1);
        cr_assert_eq(SSL_do_handshake(link->client), 1);
    }
    return tls_link_pump(link, SIZE_MAX);
}

Test(tls_stream, bounds_key_updates_without_data)
{
    static const int kinds[] = {SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED};
    for (unsigned i = 0; i < 2; i++) {
        struct tls_link *link = connect_with(TLS1_3_VERSION);
        for (unsigned j = 0; j < 3; j++) {
            cr_expect_eq(update_keys(link, TLS_KEY_UPDATES_MAX, kinds[i]), TLS_WANTS_INPUT);
            cr_expect_eq(tls_link_feed(link, tls_link_write(link, request)), TLS_WANTS_INPUT);
            cr_expect(tls_link_answers(link, answer));
        }
        cr_expect_eq(update_keys(link, TLS_KEY_UPDATES_MAX + 1, kinds[i]), TLS_FAILED);
        tls_link_destroy(link);
    }
}

Test(tls_stream, fails_on_renegotiation)
{
    struct tls_link *link = connect_with(TLS1_2_VERSION);
    size_t sent = link->sent_length;
    SSL_renegotiate(link->client);
    SSL_do_handshake(link->client);
    cr_expect_eq(tls_link_pump(link, SIZE_MAX), TLS_FAILED);
    cr_expect_lt(link->sent_length - sent, 64, "one alert at most");
    tls_link_destroy(link);
}

#endif
