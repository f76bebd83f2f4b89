/* faults_scenario: see faults_run.h. The requests of the clients of a run, and the
 * answers that are right.
 *
 * An answer must be that of the run without a fault, or a refusal (403, 404, 500, 503), or the end
 * of the connection. */
#include "faults_client.h"
#include "faults_run.h"

#include "base/base.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

enum { CROWD = 8, STORM_FAILURES_MAX = 3 * FAULT_COUNT };

/* --- Judging an answer ------------------------------------------------------------------------ */

static uint64_t hash_of(struct str body)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (size_t i = 0; i < body.length; i++)
        hash = (hash ^ (unsigned char)body.at[i]) * 1099511628211u;
    return hash;
}

static bool is_refusal(unsigned status)
{
    return status == 403 || status == 404 || status == 500 || status == 503;
}

static bool is_same(const struct run_answer *a, const struct run_answer *b)
{
    return a->known && a->status == b->status && a->length == b->length && a->hash == b->hash;
}

bool play_judge(struct play *play, unsigned step, const struct answer *answer, bool loose,
                const char *what)
{
    struct run_answer *wanted = &play->answers->steps[step];
    const struct run_answer seen = {true, answer->status, answer->body.length,
                                    hash_of(answer->body)};
    if (run_is_faultless(play->setup) && !wanted->known) {
        *wanted = seen;
        return true;
    }
    if (is_same(wanted, &seen) || (step > 0 && is_same(wanted - 1, &seen)) ||
        (loose && wanted->status == seen.status))
        return true;
    if (!is_refusal(seen.status))
        return run_wrong(play->result, "%s: %u with %zu bytes, not %u with %zu", what, seen.status,
                         seen.length, wanted->status, wanted->length);
    play->result->refused++;
    return true;
}

bool play_silence(struct play *play, const char *what)
{
    return run_wrong(play->result, "%s: neither an answer nor an end within %d ms", what,
                     client_patience_ms);
}

static bool open_client(struct play *play, struct client *client, int buffer_bytes)
{
    return client_open(client, play->port, buffer_bytes) ||
           run_wrong(play->result, "no connection: %s", strerror(errno));
}

/* --- The steps -------------------------------------------------------------------------------- */

struct request {
    const char *text;
    bool head;  /* the answer has no body */
    bool loose; /* an entry may be left out */
};

#define LINES(target) target " HTTP/1.1\r\nHost: a\r\n"
#define GET(target)   "GET " LINES(target)

static const struct request requests[] = {
    {GET("/small.txt") "\r\n", false, false},
    {GET("/small.txt") "\r\n", false, false},
    {"HEAD " LINES("/small.txt") "\r\n", true, false},
    {GET("/") "\r\n", false, false},
    {GET("/page.html") "\r\n", false, false},
    {GET("/page.html") "Accept-Encoding: gzip\r\n\r\n", false, false},
    {GET("/missing") "\r\n", false, false},
    {GET("/dir") "\r\n", false, false},
    {GET("/dir/") "\r\n", false, true},
    {GET("/dir/") "Accept: application/json\r\n\r\n", false, true},
    {GET("/dir/b.test") "\r\n", false, false},
    {GET("/large.bin") "Range: bytes=100-1099\r\n\r\n", false, false},
    {GET("/large.bin") "\r\n", false, false},
    {GET("/small.txt") "If-None-Match: *\r\n\r\n", false, false},
    {"POST " LINES("/small.txt") "Content-Length: 5\r\n\r\nhello", false, false},
    {"POST " LINES("/small.txt") "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false,
     false},
    {GET("/old.bin") "\r\n", false, false},
    {"OPTIONS " LINES("*") "\r\n", false, false},
};

/* Requests one after the other, on one connection as long as it is kept. */
static bool play_in_turn(struct play *play, struct client *client)
{
    bool open = open_client(play, client, 0), good = open;
    for (size_t i = 0; i < COUNT_OF(requests) && good; i++) {
        const struct request *request = &requests[i];
        struct answer answer;
        size_t bytes;
        client_send(client, str_of(request->text));
        switch (client_read(client, request->head, &answer, &bytes)) {
        case GOT_ANSWER:
            good =
                play_judge(play, play->step + (unsigned)i, &answer, request->loose, request->text);
            client_drop(client, bytes);
            break;
        case GOT_END:
            play->result->closed++;
            client_close(client);
            good = open_client(play, client, 0);
            break;
        case GOT_NOTHING:
            good = play_silence(play, request->text);
            break;
        }
    }
    play->step += COUNT_OF(requests);
    client_close(client);
    return good;
}

/* Reads COUNT answers to pipelined requests for small.txt. */
static bool read_batch(struct play *play, struct client *client, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct answer answer;
        size_t bytes;
        enum got got = client_read(client, false, &answer, &bytes);
        if (got == GOT_NOTHING)
            return play_silence(play, "a batch");
        if (got == GOT_END) {
            play->result->closed++;
            return true;
        }
        if (!play_judge(play, 0, &answer, false, "a batch"))
            return false;
        client_drop(client, bytes);
    }
    return true;
}

static bool play_pipelined(struct play *play, struct client *client)
{
    static const char four[] = GET("/small.txt") "\r\n" GET("/small.txt") "\r\n" GET(
        "/small.txt") "\r\n" GET("/small.txt") "\r\n";
    if (!open_client(play, client, 0))
        return false;
    client_send(client, STR(four));
    bool good = read_batch(play, client, 4);
    client_close(client);
    return good;
}

/* The client's buffers are small, so the server's sends stop and go on. */
static bool play_slowly(struct play *play, struct client *client)
{
    struct answer answer;
    size_t bytes;
    bool good = open_client(play, client, 4096);
    if (good) {
        client_send(client, STR(GET("/large.bin") "\r\n"));
        enum got got = client_read(client, false, &answer, &bytes);
        if (got == GOT_ANSWER)
            good = play_judge(play, play->step, &answer, false, "a slow reader");
        else if (got == GOT_NOTHING)
            good = play_silence(play, "a slow reader");
        else
            play->result->closed++;
    }
    play->step++;
    client_close(client);
    return good;
}

/* A file that becomes shorter while it is sent: the connection must end. */
static bool play_truncation(struct play *play, struct client *client)
{
    bool good = open_client(play, client, 4096);
    if (good) {
        client_send(client, STR(GET("/shrinking.bin") "Connection: close\r\n\r\n"));
        enum got got = client_receive(client);
        scenario_resize(play->tree, "shrinking.bin", 1000);
        while (got == GOT_ANSWER) {
            got = client_receive(client);
            if (client->length > sizeof client->bytes / 2)
                client_drop(client, client->length); /* no answer can be whole in the rest */
        }
        if (got == GOT_NOTHING)
            good = play_silence(play, "a file that became shorter");
    }
    client_close(client);
    return good;
}

/* Clients that send half a head and then leave, one of them with a reset. */
static bool play_leavers(struct play *play, struct client *client)
{
    const struct linger now = {.l_onoff = 1};
    for (unsigned i = 0; i < 2; i++) {
        if (!open_client(play, client, 0))
            return false;
        client_send(client, STR("GET /small.txt HT"));
        if (i == 0)
            setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        client_close(client);
    }
    return true;
}

/* A body that is too long: refused, the rest of it discarded, and the connection closed. */
static bool play_long_body(struct play *play, struct client *client)
{
    static char body[100000];
    if (!open_client(play, client, 0))
        return false;
    client_send(client, STR("POST " LINES("/small.txt") "Content-Length: 100000\r\n\r\n"));
    memset(body, 'x', sizeof body - 1);
    client_send(client, STR(body));
    enum got got;
    do
        got = client_receive(client);
    while (got == GOT_ANSWER);
    client_close(client);
    return got == GOT_END || play_silence(play, "a long body");
}

static bool play_crowd(struct play *play, struct client *client)
{
    int fds[CROWD];
    bool good = true;
    for (unsigned i = 0; i < CROWD; i++) {
        good = open_client(play, client, 0) && good;
        client_send(client, STR(GET("/small.txt") "\r\n"));
        fds[i] = client->fd;
    }
    for (unsigned i = 0; i < CROWD; i++) {
        client->fd = fds[i];
        client->length = 0;
        good = good && read_batch(play, client, 1);
        client_close(client);
    }
    return good;
}

/* One request on a connection of its own. */
static bool play_one(struct play *play, struct client *client, const char *text)
{
    struct answer answer;
    size_t bytes;
    if (!open_client(play, client, 0))
        return false;
    client_send(client, str_of(text));
    enum got got = client_read(client, false, &answer, &bytes);
    bool good = got != GOT_NOTHING || play_silence(play, text);
    if (got == GOT_ANSWER)
        good = play_judge(play, play->step, &answer, false, text);
    play->result->closed += got == GOT_END;
    client_close(client);
    return good;
}

/* The server must serve on: each failure that is still to come may spoil one request. */
static bool play_last(struct play *play, struct client *client)
{
    const struct run_result *result = play->result;
    const unsigned failures =
        play->setup->fault.storm_seed ? STORM_FAILURES_MAX : play->setup->fault.count;
    for (unsigned tries = 0; tries <= failures; tries++) {
        unsigned spoilt = result->refused + result->closed;
        if (!play_one(play, client, GET("/small.txt") "Connection: close\r\n\r\n"))
            return false;
        if (result->refused + result->closed == spoilt)
            return true;
    }
    return run_wrong(play->result, "the next request was not served");
}

/* A file that is replaced, and a SIGHUP. */
static bool play_changes(struct play *play, struct client *client)
{
    static const char request[] = GET("/changing.txt") "\r\n";
    bool good = play_one(play, client, request);
    play->step++;
    tree_write(play->tree, "new.txt", STR("second, which is longer"));
    tree_rename(play->tree, "new.txt", "changing.txt");
    good = good && play_one(play, client, request);
    play->step++;
    kill(play->pid, SIGHUP);
    good = good && play_one(play, client, request);
    play->step++;
    return good;
}

/* --- The end ---------------------------------------------------------------------------------- */

/* Reads to the end of the connection. */
static bool await_end(struct play *play, struct client *client, const char *what)
{
    enum got got;
    do {
        got = client_receive(client);
        if (client->length > sizeof client->bytes / 2)
            client->length = 0;
    } while (got == GOT_ANSWER);
    client_close(client);
    return got == GOT_END || play_silence(play, what);
}

/* SIGTERM while a download is under way, one connection is kept, and one has sent half a head. */
static bool play_drain(struct play *play, struct client *client)
{
    struct answer answer;
    size_t bytes;
    int kept, half;
    bool good = open_client(play, client, 0);
    kept = client->fd;
    client_send(client, STR(GET("/small.txt") "\r\n"));
    good = good && client_read(client, false, &answer, &bytes) != GOT_NOTHING;
    good = open_client(play, client, 0) && good;
    half = client->fd;
    client_send(client, STR("GET /small.txt HT"));
    good = open_client(play, client, 4096) && good;
    client_send(client, STR(GET("/large.bin") "\r\n"));
    good = client_receive(client) != GOT_NOTHING && good;
    kill(play->pid, SIGTERM);
    if (!good)
        run_wrong(play->result, "not served before the drain");
    good = await_end(play, client, "a download in a drain") && good;
    client->fd = kept;
    good = await_end(play, client, "a kept connection in a drain") && good;
    client->fd = half;
    return await_end(play, client, "half a head in a drain") && good;
}

bool scenario_play(struct play *play)
{
    static struct client client; /* too large for the stack */
    bool good = true;
    if (play->setup->kind == RUN_SERVE)
        good = play_in_turn(play, &client) && play_pipelined(play, &client) &&
               play_slowly(play, &client) && play_truncation(play, &client) &&
               play_leavers(play, &client) && play_long_body(play, &client) &&
               play_crowd(play, &client) && play_changes(play, &client);
    good = good && play_last(play, &client);
    if (good && play->setup->kind == RUN_SERVE)
        return play_drain(play, &client);
    kill(play->pid, SIGTERM);
    return good;
}
