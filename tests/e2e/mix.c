/* mix: see mix.h. */
#include "mix.h"

#include "e2e.h"

#include <string.h>

struct mix_spec {
    const char *name;
    const char *request;
    int status;
    bool head;
    const char *file; /* its bytes are the body; NULL: an error page, or no body */
};

#define GET(target)  "GET " target " HTTP/1.1\r\nHost: example.org\r\n\r\n"
#define HEAD(target) "HEAD " target " HTTP/1.1\r\nHost: example.org\r\n\r\n"

static const struct mix_spec specs[] = {
    [MIX_SMALL] = {"small", GET("/small.html"), 200, false, "small.html"},
    [MIX_OTHER] = {"other", GET("/dir/other.css?v=7"), 200, false, "dir/other.css"},
    [MIX_EMPTY] = {"empty", GET("/empty.txt"), 200, false, "empty.txt"},
    [MIX_MEDIUM] = {"medium", GET("/medium.js"), 200, false, "medium.js"},
    [MIX_LARGE] = {"large", GET("/large.jpg"), 200, false, "large.jpg"},
    [MIX_HEAD_SMALL] = {"HEAD small", HEAD("/small.html"), 200, true, NULL},
    [MIX_HEAD_LARGE] = {"HEAD large", HEAD("/large.jpg"), 200, true, NULL},
    [MIX_MISSING] = {"missing", GET("/missing.txt"), 404, false, NULL},
    [MIX_FRESH] = {"fresh",
                   "GET /medium.js HTTP/1.1\r\nHost: example.org\r\n"
                   "If-Modified-Since: " SITE_TIME_TEXT "\r\n\r\n",
                   304, false, NULL},
    [MIX_REDIRECT] = {"redirect", GET("/dir"), 301, false, NULL},
    [MIX_BODY] = {"body",
                  "POST /small.html HTTP/1.1\r\nHost: example.org\r\nContent-Length: 31\r\n\r\n"
                  "GET /not-a-request HTTP/1.1\r\n\r\n",
                  405, false, NULL},
    [MIX_UNKNOWN] = {"unknown method", "BREW /small.html HTTP/1.1\r\nHost: example.org\r\n\r\n",
                     501, false, NULL},
    [MIX_CLOSE] = {"close",
                   "GET /small.html HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n",
                   200, false, "small.html"},
    [MIX_BAD] = {"bad", "GET /small.html HTTP/1.1\r\nHost: example.org\r\nno colon\r\n\r\n", 400,
                 false, NULL},
};

_Static_assert(COUNT_OF(specs) == MIX_KIND_COUNT, "a spec for each kind");

void mix_create(struct mix *mix)
{
    *mix = (struct mix){0};
    site_create(&mix->site);
    site_write_text(&mix->site, "index.html", "<!doctype html><title>mix</title>\n");
    mix->bodies[MIX_SMALL] = site_fill(&mix->site, "small.html", 300, 1);
    mix->bodies[MIX_CLOSE] = mix->bodies[MIX_SMALL];
    mix->bodies[MIX_OTHER] = site_fill(&mix->site, "dir/other.css", 700, 2);
    mix->bodies[MIX_EMPTY] = site_fill(&mix->site, "empty.txt", 0, 3);
    mix->bodies[MIX_MEDIUM] = site_fill(&mix->site, "medium.js", KIB(20), 4);
    mix->bodies[MIX_LARGE] = site_fill(&mix->site, "large.jpg", KIB(300), 5);
}

const char *mix_request(enum mix_kind kind)
{
    return specs[kind].request;
}

/* The server closes after the answer to this one. */
static bool ends(const struct mix *mix, enum mix_kind kind)
{
    return mix->server->kind == SIMPLE || kind == MIX_CLOSE || kind == MIX_BAD;
}

static void learn(struct mix *mix, enum mix_kind kind)
{
    const struct mix_spec *spec = &specs[kind];
    struct response response;
    struct client client;
    bool exact;

    client_connect(&client, mix->server);
    client_queue_text(&client, spec->request);
    cr_assert(expect_status(&client, spec->name, spec->head, spec->status, &response));
    if (spec->file) {
        exact = response.body.length == mix->bodies[kind].length &&
                memcmp(response.body.data, mix->bodies[kind].data, response.body.length) == 0;
        cr_assert(exact, "%s: not the bytes of the file", spec->name);
    }
    cr_assert(response.date_offset > 0, "%s: no Date", spec->name);
    mix->heads[kind] = response_masked_head(&response);
    mix->bodies[kind] = response.body;
    mix->bytes[kind] = response.head.length + response.body.length;
    if (ends(mix, kind))
        expect_end(&client, spec->name);
    client_close(&client);
}

void mix_learn(struct mix *mix, const struct server *server)
{
    mix->server = server;
    for (enum mix_kind kind = 0; kind < MIX_KIND_COUNT; kind++)
        learn(mix, kind);
}

void mix_choose(enum mix_kind *kinds, size_t count, unsigned large_percent, uint64_t seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;

    for (size_t i = 0; i < count; i++) {
        unsigned chance = (unsigned)(random_next(&state) >> 32);

        kinds[i] = MIX_LARGE;
        if (chance % 100 >= large_percent) {
            kinds[i] = (enum mix_kind)(chance / 100 % (MIX_ORDINARY_COUNT - 1));
            if (kinds[i] >= MIX_LARGE)
                kinds[i]++;
        }
    }
}

void mix_queue(struct client *client, const enum mix_kind *kinds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        client_queue_text(client, specs[kinds[i]].request);
}

size_t mix_answered(const struct mix *mix, const enum mix_kind *kinds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ends(mix, kinds[i]))
            return i + 1;
    return count;
}

/* Compares LENGTH bytes at DATA with the answer to KIND, without parsing. */
static bool is_answer(const struct mix *mix, enum mix_kind kind, const char *data)
{
    struct view head = mix->heads[kind];
    struct view body = mix->bodies[kind];
    const char *mask = memchr(head.data, '#', head.length);
    size_t date_first = mask ? (size_t)(mask - head.data) : head.length;
    size_t after_date = mask ? date_first + RESPONSE_DATE_LENGTH : head.length;

    return memcmp(data, head.data, date_first) == 0 &&
           memcmp(data + after_date, head.data + after_date, head.length - after_date) == 0 &&
           memcmp(data + head.length, body.data, body.length) == 0;
}

bool mix_expect(const struct mix *mix, const char *what, struct client *client,
                const enum mix_kind *kinds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct mix_spec *spec = &specs[kinds[i]];
        size_t length = mix->bytes[kinds[i]];
        struct view answer = client_receive(client, length, deadline_after(15000));
        bool exact = answer.length >= length && is_answer(mix, kinds[i], answer.data);

        cr_expect(exact, "%s: answer %zu of %zu (%s, %zu bytes) %s; unread: \"%s\"", what, i + 1,
                  count, spec->name, length,
                  answer.length >= length ? "differs"
                  : client->error         ? "did not come: reset"
                  : client->eof           ? "did not come: closed"
                                          : "did not come in time",
                  text_visible(answer.data, answer.length));
        if (!exact)
            return false;
        client_skip(client, length);
    }
    return true;
}
