/* monotonic: once any worker has answered with a newer state of a path, none answers with an older
 * one.
 *
 * The leases of two workers end at different times. So after a change one of them finds it
 * first, and the other's lease goes on: many connections, which both workers share, ask in turn,
 * and what they get may change from the old state to the new one once, and never back. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <stdio.h>
#include <string.h>

E2E_SUITE(monotonic);

enum {
    CLIENTS = 16, /* all on one of two workers: once in 32768 runs */
    ROUNDS = 8,
    APART_MS = 15, /* between the first requests, so that leases don't end together */
    PATIENCE_MS = 20000,
};

/* One kind of change: even rounds make one state, odd ones another. */
struct kind {
    const char *name;
    void (*change)(const struct site *site, unsigned round);
    /* Whether RESPONSE shows the state of ROUND. */
    bool (*shows)(const struct response *response, unsigned round);
    const char *fields; /* more lines of the request, or "" */
};

static bool body_ends_with(const struct response *response, const char *text)
{
    size_t length = strlen(text);

    return response->status == 200 && response->body.length >= length &&
           memcmp(response->body.data + response->body.length - length, text, length) == 0;
}

static void replace_file(const struct site *site, unsigned round)
{
    site_replace_text(site, "file.txt", text_format("state %u", round));
}

static bool shows_file(const struct response *response, unsigned round)
{
    return body_ends_with(response, text_format("state %u", round));
}

/* Alternates between a file and none. */
static void toggle_file(const struct site *site, unsigned round)
{
    if (round % 2)
        remove(site_path(site, "file.txt"));
    else
        replace_file(site, round);
}

static bool shows_toggle(const struct response *response, unsigned round)
{
    return round % 2 ? response->status == 404 : shows_file(response, round);
}

static void write_rules(const struct site *site, unsigned round)
{
    site_replace_text(site, "_headers", text_format("/*\n  X-Round: %u\n", round));
}

static bool shows_rules(const struct response *response, unsigned round)
{
    const char *field = response_field(response, "X-Round");

    return field && strcmp(field, text_format("%u", round)) == 0;
}

/* ROOT is a link to one of two directories, which never change. */
static void switch_root(const struct site *site, unsigned round)
{
    site_replace_link(site, "../current", round % 2 ? "root/odd" : "root/even");
}

static bool shows_root(const struct response *response, unsigned round)
{
    return body_ends_with(response, round % 2 ? "odd" : "even");
}

/* The same file under two names, one after the other: with If-None-Match, 304 is the even state. */
#define KEPT_TAG "If-None-Match: %s\r\n"

static void swap_links(const struct site *site, unsigned round)
{
    site_replace_link(site, "file.txt", round % 2 ? "odd/file.txt" : "even/file.txt");
}

static bool shows_tag(const struct response *response, unsigned round)
{
    return round % 2 ? body_ends_with(response, "odd") : response->status == 304;
}

/* Asks CLIENT. 1: the state of ROUND, 0: the one before, -1: neither, and the test has failed. */
static int ask(struct client *client, const struct kind *kind, const char *request, unsigned round)
{
    struct response response;
    client_queue_text(client, request);
    enum answer answer = client_read_response(client, false, &response);
    if (answer != ANSWER_WHOLE) {
        cr_expect_fail("%s, round %u: %s", kind->name, round, answer_text(client, answer));
        return -1;
    }
    if (kind->shows(&response, round))
        return 1;
    if (round > 0 && kind->shows(&response, round - 1))
        return 0;
    cr_expect_fail("%s, round %u: status %d, neither state", kind->name, round, response.status);
    return -1;
}

/* Asks all CLIENTS until each has shown the state of ROUND. False: the test has failed. */
static bool follow(struct client *clients, const struct kind *kind, const char *request,
                   unsigned round)
{
    int64_t deadline = deadline_after(PATIENCE_MS);
    bool seen = false;
    for (unsigned since = 0, i = 0; since < 2 * CLIENTS; i = (i + 1) % CLIENTS) {
        int state = ask(&clients[i], kind, request, round);
        bool late = deadline_left_ms(deadline) == 0;
        if (state < 0)
            return false;
        if (late || (seen && state == 0)) {
            cr_expect_fail("%s, round %u: %s", kind->name, round,
                           late ? "the change was not seen in time"
                                : "an older state after a newer one");
            return false;
        }
        seen = state == 1;
        since = seen ? since + 1 : 0;
    }
    return true;
}

static void run(const struct kind *kind, const struct site *site, const char *root)
{
    struct client clients[CLIENTS];
    const char *request = text_format("GET /file.txt HTTP/1.1\r\nHost: x\r\n%s\r\n", kind->fields);
    kind->change(site, 0);
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PERSISTENT, .root = root, .options = "--threads 2 --cache-valid 400ms"});
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_connect(&clients[i], server);
        ask(&clients[i], kind, request, 0);
        let_pass(APART_MS);
    }
    for (unsigned round = 1; round < ROUNDS; round++) {
        kind->change(site, round);
        if (!follow(clients, kind, request, round))
            break;
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        client_close(&clients[i]);
    server_stop(server);
}

E2E_TEST(monotonic, a_file_that_is_replaced)
{
    static const struct kind kind = {"replaced", replace_file, shows_file, ""};
    struct site site;

    site_create(&site);
    run(&kind, &site, site.path);
}

E2E_TEST(monotonic, a_file_that_comes_and_goes)
{
    static const struct kind kind = {"comes and goes", toggle_file, shows_toggle, ""};
    struct site site;

    site_create(&site);
    run(&kind, &site, site.path);
}

E2E_TEST(monotonic, rules_that_change)
{
    static const struct kind kind = {"rules", write_rules, shows_rules, ""};
    struct site site;

    site_create(&site);
    replace_file(&site, 0);
    run(&kind, &site, site.path);
}

static void fill_two(const struct site *site)
{
    site_write_text(site, "even/file.txt", "even");
    site_write_text(site, "odd/file.txt", "it is odd");
}

E2E_TEST(monotonic, a_root_that_is_switched)
{
    static const struct kind kind = {"root", switch_root, shows_root, ""};
    struct site site;

    site_create(&site);
    fill_two(&site);
    run(&kind, &site, site_path(&site, "../current"));
}

/* 304 for a tag that another worker has replaced would be an older state, too. */
E2E_TEST(monotonic, a_tag_that_is_replaced)
{
    struct site site;
    struct response response;
    char fields[128];

    site_create(&site);
    fill_two(&site);
    struct server *server = server_start(PERSISTENT, &site, NULL);
    if (!expect_fetch(server, "its tag", request_text("GET", "/even/file.txt"), 200, &response))
        return;
    snprintf(fields, sizeof fields, KEPT_TAG, response_field(&response, "ETag"));
    const struct kind kind = {"tag", swap_links, shows_tag, fields};
    run(&kind, &site, site.path);
}
