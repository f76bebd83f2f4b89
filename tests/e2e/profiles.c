/* profiles: the differences of the three servers: the version in their answers, when they close,
 * and what they do with further requests in the same segment. */
#include "client.h"
#include "e2e.h"
#include "mix.h"

#include <linux/tcp.h> /* the C library's tcp_info lacks some members */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

E2E_SUITE(profiles);

/* --- Version and keep-alive ------------------------------------------------------------------- */

/* The expected answers of persistent-server and pipelined-server; simple-server always answers
 * as 1.0 and closes. */
struct profile_case {
    const char *label;
    const char *request;
    int minor;
    bool kept;
    const char *connection; /* the field's value; NULL: it is absent */
};

#define REQUEST(version, fields) \
    "GET /small.html HTTP/" version "\r\nHost: example.org\r\n" fields "\r\n"

static const struct profile_case profile_cases[] = {
    {"1.1 keeps", REQUEST("1.1", ""), 1, true, NULL},
    {"1.1 keep-alive", REQUEST("1.1", "Connection: keep-alive\r\n"), 1, true, NULL},
    {"1.1 close", REQUEST("1.1", "Connection: close\r\n"), 1, false, "close"},
    {"1.1 CLOSE", REQUEST("1.1", "connection: CLOSE\r\n"), 1, false, "close"},
    {"1.1 close in a list", REQUEST("1.1", "Connection: te , close\r\n"), 1, false, "close"},
    {"1.1 close in a second field", REQUEST("1.1", "Connection: te\r\nConnection: close\r\n"), 1,
     false, "close"},
    {"1.1 close and keep-alive", REQUEST("1.1", "Connection: keep-alive, close\r\n"), 1, false,
     "close"},
    {"1.1 a word with close in it", REQUEST("1.1", "Connection: closed\r\n"), 1, true, NULL},
    {"1.9 is 1.1", REQUEST("1.9", ""), 1, true, NULL},
    {"1.0 closes", REQUEST("1.0", ""), 0, false, "close"},
    {"1.0 close", REQUEST("1.0", "Connection: close\r\n"), 0, false, "close"},
    {"1.0 keep-alive", REQUEST("1.0", "Connection: keep-alive\r\n"), 0, true, "keep-alive"},
    {"1.0 Keep-Alive", REQUEST("1.0", "Connection: Keep-Alive\r\n"), 0, true, "keep-alive"},
    {"1.0 keep-alive in a list", REQUEST("1.0", "Connection: te, keep-alive\r\n"), 0, true,
     "keep-alive"},
    {"1.0 keep-alive and close", REQUEST("1.0", "Connection: keep-alive, close\r\n"), 0, false,
     "close"},
    {"1.0 without Host", "GET /small.html HTTP/1.0\r\n\r\n", 0, false, "close"},
};

static void expect_profile(const struct server *server, const struct profile_case *row)
{
    const char *what = text_format("%s, %s", server->name, row->label);
    bool simple = server->kind == SIMPLE;
    bool kept = row->kept && !simple;
    const char *connection = simple ? "close" : row->connection;
    const char *field;
    struct response response;
    struct client client;

    client_connect(&client, server);
    client_queue_text(&client, row->request);
    if (expect_status(&client, what, false, 200, &response)) {
        field = response_field(&response, "Connection");
        cr_expect(response.minor == (simple ? 0 : row->minor), "%s: answered as 1.%d", what,
                  response.minor);
        cr_expect(field && connection ? strcmp(field, connection) == 0 : field == connection,
                  "%s: Connection: %s", what, field ? field : "(none)");
    }
    if (kept) {
        client_queue_text(&client, request_text("GET", "/small.html"));
        expect_status(&client, text_format("%s, asked again", what), false, 200, NULL);
    }
    expect_end(&client, what);
    client_close(&client);
}

static void expect_profiles(enum server_kind kind)
{
    struct mix mix;
    const struct server *server;

    mix_create(&mix);
    server = server_start(kind, &mix.site, NULL);
    for (size_t i = 0; i < COUNT_OF(profile_cases); i++)
        expect_profile(server, &profile_cases[i]);
}

E2E_TEST(profiles, simple_never_keeps_the_connection)
{
    expect_profiles(SIMPLE);
}

E2E_TEST(profiles, persistent_keeps_the_connection_as_requested)
{
    expect_profiles(PERSISTENT);
}

E2E_TEST(profiles, pipelined_keeps_the_connection_as_requested)
{
    expect_profiles(PIPELINED);
}

/* --- Three requests in one segment ------------------------------------------------------------ */

static size_t data_segments_received(const struct client *client)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof(info);

    cr_assert(getsockopt(client->fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
    return info.tcpi_data_segs_in;
}

/* Those of a handshake, once all of it has come. */
static size_t data_segments_before(const struct client *client, const struct server *server)
{
    if (client->secure)
        server_await_sleep(server);
    return data_segments_received(client);
}

static void expect_three(enum server_kind kind, size_t answers, size_t segments)
{
    static const enum mix_kind kinds[] = {MIX_SMALL, MIX_OTHER, MIX_SMALL};
    struct mix mix;
    const struct server *server;
    struct client client;
    size_t before, counted;

    mix_create(&mix);
    server = server_start(kind, &mix.site, "--threads 1");
    mix_learn(&mix, server);
    client_connect(&client, server);
    before = data_segments_before(&client, server);
    mix_queue(&client, kinds, COUNT_OF(kinds));
    mix_expect(&mix, server->name, &client, kinds, answers);
    counted = data_segments_received(&client) - before;
    cr_expect(counted == segments, "%s: the answers came in %zu segments, not %zu", server->name,
              counted, segments);
    if (kind == SIMPLE)
        expect_end(&client, server->name);
    client_close(&client);
}

E2E_TEST(profiles, simple_answers_one_of_three)
{
    expect_three(SIMPLE, 1, 1);
}

E2E_TEST(profiles, persistent_answers_three_in_turn)
{
    expect_three(PERSISTENT, 3, 3);
}

E2E_TEST(profiles, pipelined_answers_three_in_one_segment)
{
    expect_three(PIPELINED, 3, 1);
}

E2E_TEST(profiles, pipelined_batches_sixteen_small_files)
{
    enum mix_kind kinds[16];
    struct mix mix;
    const struct server *server;
    struct client client;
    size_t before, segments;

    mix_create(&mix);
    server = server_start(PIPELINED, &mix.site, "--threads 1");
    mix_learn(&mix, server);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        kinds[i] = i % 2 ? MIX_OTHER : MIX_SMALL;
    client_connect(&client, server);
    before = data_segments_before(&client, server);
    mix_queue(&client, kinds, COUNT_OF(kinds));
    mix_expect(&mix, "16 small files", &client, kinds, COUNT_OF(kinds));
    segments = data_segments_received(&client) - before;
    cr_expect(segments == 1, "16 small files came in %zu segments, not 1", segments);
    client_close(&client);
}
