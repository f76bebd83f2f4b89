/* tls_renewal: renewed certificates are taken over without a restart and without a failed request,
 * and bad ones never. */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

E2E_SUITE(tls_renewal);

enum { DAY = 24 * 3600, NOBODY = 65534 };

static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
}

/* Whether SERVER gives EXPECTED to a new connection. */
static bool gives(const struct server *server, const struct certificate *expected)
{
    struct client client;
    client_connect(&client, server);
    bool met = strcmp(secure_fingerprint(client.secure), expected->fingerprint) == 0;
    client_close(&client);
    return met;
}

/* --- Renewal ---------------------------------------------------------------------------------- */

/* Puts CERTIFICATE into a directory as certbot does: files in archive/, numbered, and symlinks to
 * them in live/NAME/, of which fullchain.pem is changed first. */
static void renew(const struct site *site, const struct certificate *certificate, unsigned number)
{
    site_write_text(site, text_format("../archive/a/fullchain%u.pem", number), certificate->chain);
    site_write_text(site, text_format("../archive/a/privkey%u.pem", number), certificate->key);
    site_write_text(site, "../live/README", "");
    site_write_text(site, "../live/a/README", "");
    site_replace_link(site, "../live/a/fullchain.pem",
                      text_format("../../archive/a/fullchain%u.pem", number));
    site_replace_link(site, "../live/a/privkey.pem",
                      text_format("../../archive/a/privkey%u.pem", number));
}

static const char *live(const struct site *site)
{
    return text_format("--cert %s/live", site->parent);
}

static void make_localhost(struct certificate *certificate)
{
    certificate_make(certificate, &(struct certificate_setup){.names = "DNS:localhost"});
}

/* Waits until SERVER gives CERTIFICATE to new connections. */
static void expect_given(const struct server *server, const struct certificate *certificate,
                         int64_t ms, const char *what)
{
    int64_t deadline = deadline_after(ms);
    while (!gives(server, certificate) && deadline_left_ms(deadline) > 0)
        poll(NULL, 0, 10);
    cr_expect(gives(server, certificate), "%s: not in use; it said \"%s\"", what,
              process_errors(&server->process));
}

struct load {
    const struct server *server;
    atomic_bool stop;
    unsigned failures, requests;
};

/* Requests on connections of their own, until it is stopped. */
static void *request_on_and_on(void *argument)
{
    struct load *load = argument;
    while (!atomic_load(&load->stop)) {
        struct client client;
        struct response response;
        client_connect(&client, load->server);
        client_queue_text(&client, request);
        enum answer answer = client_read_response(&client, false, &response);
        load->failures += answer != ANSWER_WHOLE || response.status != 200;
        load->requests++;
        client_close(&client);
    }
    return NULL;
}

E2E_TEST(tls_renewal, are_renewed_under_load_without_a_failed_request)
{
    enum { RENEWALS = 8 };
    struct site site;
    struct certificate certificate;
    struct client kept;
    pthread_t thread;
    create_site(&site);
    make_localhost(&certificate);
    renew(&site, &certificate, 1);
    struct server *server = server_start(PIPELINED, &site, live(&site));
    struct load load = {.server = server};
    client_connect(&kept, server);
    cr_assert(pthread_create(&thread, NULL, request_on_and_on, &load) == 0);
    for (unsigned i = 2; i < 2 + RENEWALS; i++) {
        make_localhost(&certificate);
        renew(&site, &certificate, i);
        process_signal(&server->process, SIGHUP);
        expect_given(server, &certificate, 10000, text_format("renewal %u", i));
    }
    atomic_store(&load.stop, true);
    pthread_join(thread, NULL);
    cr_expect(load.failures == 0 && load.requests > 0, "%u of %u failed", load.failures,
              load.requests);
    client_queue_text(&kept, request);
    expect_status(&kept, "a connection from before", false, 200, NULL);
    client_close(&kept);
}

E2E_TEST(tls_renewal, are_renewed_within_ten_seconds_without_a_signal)
{
    struct site site;
    struct certificate certificate;
    create_site(&site);
    make_localhost(&certificate);
    renew(&site, &certificate, 1);
    struct server *server = server_start(PIPELINED, &site, live(&site));
    make_localhost(&certificate);
    renew(&site, &certificate, 2);
    expect_given(server, &certificate, 15000, "after ten seconds");
}

/* The lines of TEXT about files of live/. */
static size_t line_count(const char *text)
{
    size_t count = 0;
    while ((text = strstr(text, "/live/"))) {
        text = strchr(text, '\n');
        if (!text)
            return count;
        count++;
    }
    return count;
}

/* Waits until SERVER has written COUNT lines about certificates. */
static void expect_lines(const struct server *server, size_t count, const char *what)
{
    int64_t deadline = deadline_after(10000);
    while (line_count(process_errors(&server->process)) < count && deadline_left_ms(deadline) > 0)
        poll(NULL, 0, 10);
    const char *errors = process_errors(&server->process);
    cr_expect(line_count(errors) == count, "%s: not %zu lines: \"%s\"", what, count, errors);
}

/* Bad pairs, each after a good one: the good one stays, and one line says why. */
E2E_TEST(tls_renewal, a_bad_pair_never_replaces_a_good_one)
{
    static const struct {
        const char *what;
        struct certificate_setup setup;
        bool other_key, half;
    } rows[] = {
        {"another's key", {.names = "DNS:localhost"}, true, false},
        {"half a file", {.names = "DNS:localhost"}, false, true},
        {"expired", {.names = "DNS:localhost", .begins_s = -9 * DAY, .ends_s = -DAY}, false, false},
        {"not valid yet",
         {.names = "DNS:localhost", .begins_s = DAY, .ends_s = 9 * DAY},
         false,
         false},
        {"another name", {.names = "DNS:example.org"}, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct site site;
        struct certificate good, bad, other;
        create_site(&site);
        make_localhost(&good);
        make_localhost(&other);
        certificate_make(&bad, &rows[i].setup);
        if (rows[i].other_key)
            bad.key = other.key;
        if (rows[i].half)
            bad.chain = text_format("%.*s", (int)strlen(bad.chain) / 2, bad.chain);
        renew(&site, &good, 1);
        struct server *server = server_start(PIPELINED, &site, live(&site));
        renew(&site, &bad, 2);
        for (size_t repeat = 0; repeat < 3; repeat++) {
            process_signal(&server->process, SIGHUP);
            expect_lines(server, 1, rows[i].what);
            server_await_sleep(server);
            cr_expect(gives(server, &good), "%s: it replaced a good one", rows[i].what);
        }
        renew(&site, &other, 3);
        process_signal(&server->process, SIGHUP);
        expect_given(server, &other, 10000, rows[i].what);
        expect_lines(server, 2, rows[i].what);
        server_stop(server);
    }
}

/* A server that is not root reads the new files too. */
E2E_TEST(tls_renewal, are_renewed_by_a_server_that_is_not_root)
{
    struct site site;
    struct certificate certificate;
    if (geteuid() != 0)
        e2e_skip("only root can run a server as another user");
    create_site(&site);
    make_localhost(&certificate);
    renew(&site, &certificate, 1);
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED, .root = site.path, .options = live(&site), .as_nobody = true});
    make_localhost(&certificate);
    renew(&site, &certificate, 2);
    process_signal(&server->process, SIGHUP);
    expect_given(server, &certificate, 10000, "as nobody");
    /* A key that can't be read any more keeps the old one. */
    struct certificate unreadable;
    make_localhost(&unreadable);
    renew(&site, &unreadable, 3);
    site_chmod(&site, "../archive/a/privkey3.pem", 0600);
    process_signal(&server->process, SIGHUP);
    expect_lines(server, 2, "an unreadable key");
    cr_expect(gives(server, &certificate));
}

/* Writes a file as install(1) with -m 640 and -g does. */
static void install_for_nobody(const struct site *site, const char *path, const char *content)
{
    const char *to = site_path(site, path);
    unlink(to);
    site_write_text(site, path, content);
    cr_assert(chown(to, 0, NOBODY) == 0);
    site_chmod(site, path, 0640);
}

/* As the hook of README.md leaves them: copies that a group may read, and no other user. */
static void install(const struct site *site, const struct certificate *certificate)
{
    install_for_nobody(site, "../sluice/a/fullchain.pem", certificate->chain);
    install_for_nobody(site, "../sluice/a/privkey.pem", certificate->key);
    static const char *const directories[] = {"../sluice", "../sluice/a"};
    for (size_t i = 0; i < COUNT_OF(directories); i++) {
        cr_assert(chown(site_path(site, directories[i]), 0, NOBODY) == 0);
        site_chmod(site, directories[i], 0750);
    }
}

E2E_TEST(tls_renewal, are_renewed_from_copies_that_a_group_may_read)
{
    struct site site;
    struct certificate certificate;
    if (geteuid() != 0)
        e2e_skip("only root can run a server as another user");
    create_site(&site);
    make_localhost(&certificate);
    install(&site, &certificate);
    const char *options = text_format("--cert %s/sluice", site.parent);
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED, .root = site.path, .options = options, .as_nobody = true});
    for (unsigned i = 0; i < 3; i++) {
        make_localhost(&certificate);
        install(&site, &certificate);
        process_signal(&server->process, SIGHUP);
        expect_given(server, &certificate, 10000, text_format("renewal %u", i));
    }
    /* A key that is root's alone, as certbot's are, is named, and the old one stays. */
    struct certificate unreadable;
    make_localhost(&unreadable);
    install(&site, &unreadable);
    site_chmod(&site, "../sluice/a/privkey.pem", 0600);
    process_signal(&server->process, SIGHUP);
    int64_t deadline = deadline_after(10000);
    while (!strstr(process_errors(&server->process), "privkey.pem: ") &&
           deadline_left_ms(deadline) > 0)
        poll(NULL, 0, 10);
    cr_expect(strstr(process_errors(&server->process), "privkey.pem: "), "%s",
              process_errors(&server->process));
    cr_expect(gives(server, &certificate));
}

#endif
