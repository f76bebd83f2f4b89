/* faults_scenario: see faults_run.h. The clients of a run: what they request, and what may come.
 *
 * An answer must be that of the run without a fault, or a refusal (403, 404, 500, 503), or the end
 * of the connection. A client waits for PATIENCE_MS, much less than any of the server's timeouts:
 * a connection that the server has forgotten is noticed. */
#include "faults_run.h"

#include "base/base.h"
#include "support/answers.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 4000,
    PATIENCE_SLOW_MS = 20000, /* under a sanitizer */
    ROOM = 1 << 20,
    LARGE_BYTES = 300000, /* sent by sendfile */
    OLD_BYTES = 40000,    /* hashed by a job */
    SHRINKING_BYTES = 8 << 20,
    CROWD = 8,
    STORM_FAILURES_MAX = 3 * FAULT_COUNT,
};

#ifdef __SANITIZE_ADDRESS__
static const int patience_ms = PATIENCE_SLOW_MS;
#else
static const int patience_ms = PATIENCE_MS;
#endif

/* --- Files ------------------------------------------------------------------------------------ */

static void set_time(const struct tree *tree, const char *name, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    tree_must(utimensat(tree->fd, name, times, 0) == 0, name);
}

/* In place; what is added takes no space on the disk. */
static void set_size(const struct tree *tree, const char *name, off_t bytes)
{
    int fd = openat(tree->fd, name, O_WRONLY | O_CLOEXEC);
    tree_must(fd >= 0 && ftruncate(fd, bytes) == 0, name);
    close(fd);
}

void scenario_fill(const struct tree *tree)
{
    static const time_t then = 784111777, undated = 315532800; /* 1980-01-01 */
    tree_write(tree, "index.html", STR("<!doctype html>\n<p>Hello\n"));
    tree_write(tree, "_headers", STR("/*\n  X-Rule: yes\n"));
    tree_write(tree, "page.html", STR("<!doctype html>\n<p>A page\n"));
    tree_write(tree, "page.html.gz", STR("(gzip)"));
    tree_write(tree, "mime.types", STR("application/x-test test\n"));
    tree_dir(tree, "dir");
    tree_write(tree, "dir/a.txt", STR("a"));
    tree_write(tree, "dir/b.test", STR("b"));
    tree_fill(tree, "small.txt", 900, 1);
    tree_fill(tree, "large.bin", LARGE_BYTES, 2);
    tree_fill(tree, "old.bin", OLD_BYTES, 3);
    tree_write(tree, "shrinking.bin", STR(""));
    set_size(tree, "shrinking.bin", SHRINKING_BYTES);
    tree_write(tree, "changing.txt", STR("first"));
    set_time(tree, "dir/a.txt", then);
    set_time(tree, "dir/b.test", then);
    set_time(tree, "page.html", then);
    set_time(tree, "page.html.gz", then);
    set_time(tree, "large.bin", then);
    set_time(tree, "old.bin", undated);
}

/* --- A connection ----------------------------------------------------------------------------- */

struct client {
    int fd;
    size_t length; /* received and not read yet */
    char bytes[ROOM];
};

/* Not the calls that are wrapped, so that a reader need not think about it: connect, sendto,
 * recvfrom. Whether it is connected; a refusal is noted as a closed connection. */
static bool client_open(struct play *play, struct client *client, int buffer_bytes)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(play->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval patience = {.tv_sec = patience_ms / 1000};
    int on = 1;
    client->length = 0;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    tree_must(client->fd >= 0, "socket");
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (buffer_bytes)
        setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    if (connect(client->fd, (const struct sockaddr *)&at, sizeof at) == 0)
        return true;
    return run_wrong(play->result, "no connection: %s", strerror(errno));
}

static void client_close(struct client *client)
{
    close(client->fd);
}

/* Whatever becomes of it: if the server has closed, the reader learns that. */
static void client_send(const struct client *client, const char *text)
{
    struct str left = str_of(text);
    while (left.length > 0) {
        ssize_t sent = sendto(client->fd, left.at, left.length, MSG_NOSIGNAL, NULL, 0);
        if (sent <= 0)
            return;
        left = str_from(left, (size_t)sent);
    }
}

enum got {
    GOT_ANSWER,
    GOT_END,     /* the connection has been closed, or reset */
    GOT_NOTHING, /* within the patience of the client */
};

/* Receives more. */
static enum got client_receive(struct client *client)
{
    ssize_t got;
    if (client->length == sizeof client->bytes)
        return GOT_END;
    do
        got = recvfrom(client->fd, client->bytes + client->length,
                       sizeof client->bytes - client->length, 0, NULL, NULL);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? GOT_NOTHING : GOT_END;
    client->length += (size_t)got;
    return got > 0 ? GOT_ANSWER : GOT_END;
}

/* Whether the head of the next answer is there, and then whether the answer has no body. */
static bool is_bodiless(const struct client *client, bool head)
{
    return head || (client->length > 12 && strncmp(client->bytes + 9, "304", 3) == 0);
}

/* Reads the next answer, which is *borrowed* until the next call of client_drop. */
static enum got client_read(struct client *client, bool head, struct answer *ret, size_t *ret_bytes)
{
    for (;;) {
        struct str stream = {client->bytes, client->length};
        if (answer_next(&stream, is_bodiless(client, head), ret)) {
            *ret_bytes = client->length - stream.length;
            return GOT_ANSWER;
        }
        enum got got = client_receive(client);
        if (got != GOT_ANSWER)
            return got;
    }
}

static void client_drop(struct client *client, size_t bytes)
{
    client->length -= bytes;
    memmove(client->bytes, client->bytes + bytes, client->length);
}

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

/* Judges ANSWER, that of step STEP; a body that differs is right if LOOSE, or if it is that of the
 * step before, which is the same file in another representation. */
static bool judge(struct play *play, unsigned step, const struct answer *answer, bool loose,
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

static bool wrong_silence(struct play *play, const char *what)
{
    return run_wrong(play->result, "%s: neither an answer nor an end within %d ms", what,
                     patience_ms);
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
    bool open = client_open(play, client, 0), good = open;
    for (size_t i = 0; i < COUNT_OF(requests) && good; i++) {
        const struct request *request = &requests[i];
        struct answer answer;
        size_t bytes;
        client_send(client, request->text);
        switch (client_read(client, request->head, &answer, &bytes)) {
        case GOT_ANSWER:
            good = judge(play, play->step + (unsigned)i, &answer, request->loose, request->text);
            client_drop(client, bytes);
            break;
        case GOT_END:
            play->result->closed++;
            client_close(client);
            good = client_open(play, client, 0);
            break;
        case GOT_NOTHING:
            good = wrong_silence(play, request->text);
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
            return wrong_silence(play, "a batch");
        if (got == GOT_END) {
            play->result->closed++;
            return true;
        }
        if (!judge(play, 0, &answer, false, "a batch"))
            return false;
        client_drop(client, bytes);
    }
    return true;
}

static bool play_pipelined(struct play *play, struct client *client)
{
    static const char four[] = GET("/small.txt") "\r\n" GET("/small.txt") "\r\n" GET(
        "/small.txt") "\r\n" GET("/small.txt") "\r\n";
    if (!client_open(play, client, 0))
        return false;
    client_send(client, four);
    bool good = read_batch(play, client, 4);
    client_close(client);
    return good;
}

/* The client's buffers are small, so the server's sends stop and go on. */
static bool play_slowly(struct play *play, struct client *client)
{
    struct answer answer;
    size_t bytes;
    bool good = client_open(play, client, 4096);
    if (good) {
        client_send(client, GET("/large.bin") "\r\n");
        enum got got = client_read(client, false, &answer, &bytes);
        if (got == GOT_ANSWER)
            good = judge(play, play->step, &answer, false, "a slow reader");
        else if (got == GOT_NOTHING)
            good = wrong_silence(play, "a slow reader");
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
    bool good = client_open(play, client, 4096);
    if (good) {
        client_send(client, GET("/shrinking.bin") "Connection: close\r\n\r\n");
        enum got got = client_receive(client);
        set_size(play->tree, "shrinking.bin", 1000);
        while (got == GOT_ANSWER) {
            got = client_receive(client);
            if (client->length > sizeof client->bytes / 2)
                client_drop(client, client->length); /* no answer can be whole in the rest */
        }
        if (got == GOT_NOTHING)
            good = wrong_silence(play, "a file that became shorter");
    }
    client_close(client);
    return good;
}

/* Clients that send half a head and then leave, one of them with a reset. */
static bool play_leavers(struct play *play, struct client *client)
{
    const struct linger now = {.l_onoff = 1};
    for (unsigned i = 0; i < 2; i++) {
        if (!client_open(play, client, 0))
            return false;
        client_send(client, "GET /small.txt HT");
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
    if (!client_open(play, client, 0))
        return false;
    client_send(client, "POST " LINES("/small.txt") "Content-Length: 100000\r\n\r\n");
    memset(body, 'x', sizeof body - 1);
    client_send(client, body);
    enum got got;
    do
        got = client_receive(client);
    while (got == GOT_ANSWER);
    client_close(client);
    return got == GOT_END || wrong_silence(play, "a long body");
}

static bool play_crowd(struct play *play, struct client *client)
{
    int fds[CROWD];
    bool good = true;
    for (unsigned i = 0; i < CROWD; i++) {
        good = client_open(play, client, 0) && good;
        client_send(client, GET("/small.txt") "\r\n");
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
    if (!client_open(play, client, 0))
        return false;
    client_send(client, text);
    enum got got = client_read(client, false, &answer, &bytes);
    bool good = got != GOT_NOTHING || wrong_silence(play, text);
    if (got == GOT_ANSWER)
        good = judge(play, play->step, &answer, false, text);
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
    return got == GOT_END || wrong_silence(play, what);
}

/* SIGTERM while a download is under way, one connection is kept, and one has sent half a head. */
static bool play_drain(struct play *play, struct client *client)
{
    struct answer answer;
    size_t bytes;
    int kept, half;
    bool good = client_open(play, client, 0);
    kept = client->fd;
    client_send(client, GET("/small.txt") "\r\n");
    good = good && client_read(client, false, &answer, &bytes) != GOT_NOTHING;
    good = client_open(play, client, 0) && good;
    half = client->fd;
    client_send(client, "GET /small.txt HT");
    good = client_open(play, client, 4096) && good;
    client_send(client, GET("/large.bin") "\r\n");
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
