/* endless_heads: request heads without an end. The server refuses a bad beginning at once; a
 * good one waits until --header-timeout, and no input of the client extends that time. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <string.h>

E2E_SUITE(endless_heads);

static const char request[] = "GET /small.txt HTTP/1.1\r\nHost: example.org\r\n\r\n";

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "<!doctype html>\n");
    site_fill(site, "small.txt", 100, 1);
}

/* --- What can be judged ----------------------------------------------------------------------- */

struct beginning {
    const char *text;
    int status; /* 0: the server waits for more */
};

static const struct beginning beginnings[] = {
    {"GET /\r\n", 400},
    {"GARBAGE\r\n", 400},
    {"\r\n", 0},
    {"\r\nGARBAGE\r\n", 400},
    {"GET / HTTP/2.0\r\n", 505},
    {"GET / HTTP/1.1 \r\n", 400},
    {"GET / HTTP/1.1\n", 400},
    {"PRI * HTTP/2.0\r\n", 505},
    {"GET / HTTP/2.0\r\nHost: exam", 505},
    {"GET / HTTP/2.0", 0},
    {"GET /", 0},
    {"GET / HTTP/1.1\r\n", 0},
    {"GET / HTTP/1.1\r\nHost: example.org\r\n", 0},
};

static bool expect_beginning(const struct server *server, const struct beginning *row,
                             const char *before)
{
    enum { SILENT_MS = 100 };
    const char *what =
        text_format("%s, \"%s\"%s", server->name, text_visible(row->text, strlen(row->text)),
                    *before ? " behind a request" : "");
    struct client client;
    struct response response;
    enum answer answer;
    bool met;

    client_connect(&client, server);
    client_queue_text(&client, before);
    if (*before)
        expect_status(&client, what, false, 200, NULL);
    client_queue_text(&client, row->text);
    answer = client_read_response_until(
        &client, false, &response, row->status ? deadline_after(5000) : clock_ms() + SILENT_MS);
    if (row->status && answer == ANSWER_WHOLE)
        met = response.status == row->status && expect_end(&client, what);
    else
        met = !row->status && answer == ANSWER_LATE;
    cr_expect(met, "%s: %d (0: nothing yet) expected, got: %d: %s", what, row->status,
              answer == ANSWER_WHOLE ? response.status : 0, answer_text(&client, answer));
    client_close(&client);
    return met;
}

E2E_TEST(endless_heads, bad_lines_are_refused_at_once)
{
    struct site site;

    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, "--header-timeout 20s");

        /* The first failure is enough: each takes some time. */
        for (size_t i = 0; i < COUNT_OF(beginnings); i++)
            if (!expect_beginning(server, &beginnings[i], "") ||
                (kind != SIMPLE && !expect_beginning(server, &beginnings[i], request)))
                break;
    }
}

/* --- Empty lines ------------------------------------------------------------------------------ */

enum { TIMEOUT_MS = 500 };

#define TIMEOUTS "--header-timeout 500ms --idle-timeout 500ms"

struct empty_lines {
    const char *label;
    const char *pieces[2];
    bool repeated;
};

/* CLIENT sends the pieces of LINES in turn, or once if they are not repeated. The server must close
 * in the end, without an answer, and not before TIMEOUT_MS from SINCE, when the client began. Each
 * of TIMEOUTS would be extended for as long as this sends. */
static void expect_silence(struct client *client, const char *what, const struct empty_lines *lines,
                           int64_t since)
{
    int64_t latest_ms = TIMEOUT_MS + 10000; /* a busy machine may be late */
    int64_t waited_ms;
    size_t got = 0;

    for (size_t i = 0; !client->eof && !client->error && clock_ms() - since < latest_ms; i++) {
        if (lines->repeated || i < 2)
            client_queue_text(client, lines->pieces[i % 2]);
        client_flush(client);
        got = client_receive(client, 1, clock_ms() + 40).length;
    }
    waited_ms = clock_ms() - since;
    /* Its last piece may have arrived at a closed socket: then a reset is the proper end. */
    cr_expect(client->eof || client->error, "%s: still open after %d ms", what, (int)waited_ms);
    cr_expect(waited_ms >= TIMEOUT_MS - 20, "%s: closed after only %d ms", what, (int)waited_ms);
    cr_expect(got == 0, "%s: %zu bytes came", what, got);
    client_close(client);
}

E2E_TEST(endless_heads, empty_lines_do_not_extend_the_timeout)
{
    static const struct empty_lines rows[] = {
        {"CR and LF by turns", {"\r", "\n"}, true},
        {"empty lines", {"\r\n", "\r\n"}, true},
        {"empty lines, cut between", {"\r\n\r", "\n"}, true},
        {"a lone CR", {"\r", ""}, false},
        {"an empty line", {"\r\n", ""}, false},
        {"an empty line and a CR", {"\r\n", "\r"}, false},
    };
    struct site site;

    create_site(&site);
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        const struct server *server = server_start(kind, &site, TIMEOUTS);

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            const char *what = text_format("%s, %s", server->name, rows[i].label);
            int64_t since = clock_ms();
            struct client client;

            client_connect(&client, server);
            expect_silence(&client, what, &rows[i], since);
            if (kind == SIMPLE)
                continue;
            since = clock_ms();
            client_connect(&client, server);
            client_queue_text(&client, request);
            what = text_format("%s, behind a request", what);
            if (expect_status(&client, what, false, 200, NULL))
                expect_silence(&client, what, &rows[i], since);
            client_close(&client);
        }
    }
}
