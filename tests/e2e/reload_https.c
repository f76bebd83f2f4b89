/* reload_https: SIGHUP has HTTPS begin, change and end, with its certificates, and connections and
 * sessions live on. See docs/decisions/reload.md. */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "reloading.h"
#include "server_process.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <openssl/ssl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

E2E_SUITE(reload_https);

#define PLAIN "listen = 127.0.0.1:0\n"
#define TLS   "listen = 127.0.0.1:0 tls\n"
#define SITE  "[site *]\nroot = root/one\n"

enum { ALERT_VERSION = 70 }; /* the protocol version is not supported: RFC 8446 section 6 */

static struct site site;

/* A certificate for NAMES, written to PATH beside ROOT, whose path is *RET. */
static struct certificate make_for(const char *names, const char *path, const char **ret)
{
    struct certificate certificate;
    certificate_make(&certificate, &(struct certificate_setup){.names = names});
    *ret = certificate_write(&certificate, &site, path);
    return certificate;
}

static void connect_to(struct client *client, const struct server *server)
{
    client_connect_with(client, &(struct client_setup){.port = server->port, .plain = true});
}

/* With SESSION, or without one. */
static void connect_securely(struct client *client, const struct server *server, const char *host,
                             struct ssl_session_st *session)
{
    const struct secure_setup secure = {.server_name = host, .session = session};
    client_connect_with(client, &(struct client_setup){.port = server->port, .secure = &secure});
}

static const char *ask(struct client *client, const char *host)
{
    client_queue_text(client, get(host, "/file.txt"));
    return next_said(client, NULL);
}

/* Every worker shows CERTIFICATE, and serves. */
static void expect_shown(const struct server *server, const struct certificate *certificate)
{
    for (unsigned i = 0; i < 10; i++) {
        struct client client;
        connect_securely(&client, server, "one.example", NULL);
        cr_expect_str_eq(secure_fingerprint(client.secure), certificate->fingerprint);
        cr_expect_str_eq(ask(&client, "one.example"), "200 - one");
        client_close(&client);
    }
}

static void expect_plain(const struct server *server)
{
    for (unsigned i = 0; i < 10; i++) {
        struct client client;
        connect_to(&client, server);
        cr_expect_str_eq(ask(&client, "one.example"), "200 - one");
        client_close(&client);
    }
}

/* --- Beginning and end ------------------------------------------------------------------------ */

E2E_TEST(reload_https, begins_in_a_server_that_was_started_without_and_ends_again)
{
    struct client plain, secure;
    const char *path;
    fill_sites(&site);
    struct server *server = start_listening(&site, PLAIN SITE);
    const size_t descriptors = server_settled_descriptors(server);
    for (unsigned i = 0; i < 3; i++) {
        const struct certificate certificate = make_for("DNS:one.example", "../one.pem", &path);
        connect_to(&plain, server);
        cr_expect_str_eq(ask(&plain, "one.example"), "200 - one");
        const char *messages = reload_to(server, &site, text_format("cert = %s\n" TLS SITE, path));
        expect_message(messages, text_format("listens on https://127.0.0.1:%u/", server->port));
        cr_expect_null(strstr(messages, "takes effect"), "%s", messages);
        expect_shown(server, &certificate);
        cr_expect_str_eq(ask(&plain, "one.example"), "200 - one");
        client_close(&plain);
        connect_securely(&secure, server, "one.example", NULL);
        messages = reload_to(server, &site, PLAIN SITE);
        expect_message(messages, "listens on http://");
        expect_plain(server);
        cr_expect_str_eq(ask(&secure, "one.example"), "200 - one");
        client_close(&secure);
    }
    server_expect_descriptors(server, descriptors, "nothing is left open");
}

E2E_TEST(reload_https, redirects_to_a_listener_that_has_just_come)
{
    struct client client;
    const char *path;
    const uint16_t port = server_free_port();
    fill_sites(&site);
    struct server *server = start_listening(&site, PLAIN SITE);
    make_for("DNS:one.example", "../one.pem", &path);
    const char *text = text_format("cert = %s\nhttp-port = %u\n" TLS SITE, path, port);
    reload_to(server, &site, text);
    client_connect_with(&client, &(struct client_setup){.port = port, .plain = true});
    client_queue_text(&client, get("one.example", "/file.txt"));
    const char *wanted = text_format("308 https://one.example:%u/file.txt", server->port);
    const char *got = next_said(&client, "Location");
    cr_expect(strncmp(got, wanted, strlen(wanted)) == 0, "%s", got);
    client_close(&client);
}

E2E_TEST(reload_https, a_certificate_for_development_is_made_once)
{
    struct client first, second;
    fill_sites(&site);
    struct server *server = start_listening(&site, PLAIN SITE);
    const char *text = "self-signed = yes\n" TLS SITE;
    expect_message(reload_to(server, &site, text), "self-signed certificate, SHA-256 ");
    connect_securely(&first, server, "localhost", NULL);
    cr_expect_null(strstr(reload_to(server, &site, text), "self-signed"));
    connect_securely(&second, server, "localhost", NULL);
    cr_expect_str_eq(secure_fingerprint(first.secure), secure_fingerprint(second.secure));
    client_close(&first);
    client_close(&second);
}

E2E_TEST(reload_https, a_bad_first_certificate_changes_nothing)
{
    fill_sites(&site);
    struct server *server = start_listening(&site, PLAIN SITE);
    const size_t descriptors = server_settled_descriptors(server);
    const char *messages = reload_to(server, &site, "cert = /nonexistent\n" TLS SITE);
    expect_message(messages, "/nonexistent: cannot be read");
    expect_message(messages, "nothing has changed");
    expect_plain(server);
    server_expect_descriptors(server, descriptors, "nothing is left open");
}

/* A reload with a certificate that is broken now takes all other changes. */
E2E_TEST(reload_https, a_pair_that_was_good_stays_and_hinders_no_other_change)
{
    const char *path;
    fill_sites(&site);
    const struct certificate certificate = make_for("DNS:one.example", "../one.pem", &path);
    const char *text = text_format("cert = %s\n" TLS SITE, path);
    struct server *server = start_listening(&site, text);
    site_write_text(&site, "../one.pem", "-----BEGIN CERTIFICATE-----\n");
    const char *messages = reload_to(server, &site, text_format("%scors = yes\n", text));
    expect_message(messages, "one.pem: the new certificate is not used: ");
    expect_message(messages, "1 site, 1 changed");
    expect_shown(server, &certificate);
}

/* --- Changes ---------------------------------------------------------------------------------- */

E2E_TEST(reload_https, other_certificates_are_shown_and_connections_keep_theirs)
{
    struct client kept;
    const char *one, *two;
    fill_sites(&site);
    const struct certificate first = make_for("DNS:one.example", "../one.pem", &one);
    const struct certificate second = make_for("DNS:one.example", "../two.pem", &two);
    struct server *server = start_listening(&site, text_format("cert = %s\n" TLS SITE, one));
    connect_securely(&kept, server, "one.example", NULL);
    cr_expect_str_eq(secure_fingerprint(kept.secure), first.fingerprint);
    reload_to(server, &site, text_format("cert = %s\n" TLS SITE, two));
    expect_shown(server, &second);
    cr_expect_str_eq(ask(&kept, "one.example"), "200 - one");
    client_close(&kept);
    const struct certificate renewed = make_for("DNS:one.example", "../two.pem", &two);
    expect_message(reload(server), "two.pem: new certificate in use, valid until ");
    expect_shown(server, &renewed);
    cr_expect_null(strstr(reload(server), "certificate"), "it is the same");
    expect_shown(server, &renewed);
}

/* The limit was 64 for all sites together. */
E2E_TEST(reload_https, each_of_many_sites_has_a_certificate)
{
    struct bytes text = {0};
    struct client client;
    const char *first, *last;
    fill_sites(&site);
    make_for("DNS:x.example", "../one.pem", &first);
    const struct certificate own = make_for("DNS:localhost", "../two.pem", &last);
    bytes_append_text(&text, TLS);
    for (unsigned i = 0; i < 100; i++)
        bytes_append_text(
            &text, text_format("[site s%u.example]\nroot = root/one\ncert = %s\n", i, first));
    bytes_append_text(&text, text_format("[site localhost]\nroot = root/two\ncert = %s\n", last));
    struct server *server = start_listening(&site, bytes_text(&text));
    expect_message(reload(server), "101 sites; the file is the same");
    connect_securely(&client, server, "localhost", NULL);
    cr_expect_str_eq(secure_fingerprint(client.secure), own.fingerprint);
    client_close(&client);
}

/* Connects for HOST, and asks for its page; the server shows CERTIFICATE. */
static void begin(struct client *client, const struct server *server, const char *host,
                  const struct certificate *certificate)
{
    connect_securely(client, server, host, NULL);
    cr_expect_str_eq(secure_fingerprint(client->secure), certificate->fingerprint, "%s", host);
    cr_expect(strncmp(ask(client, host), "200 - ", 6) == 0, "%s", host);
}

/* A client of HOST on a connection of its own, which shows CERTIFICATE; whether SESSION was
 * resumed. */
static bool resumes(const struct server *server, const char *host, struct ssl_session_st *session,
                    const struct certificate *certificate)
{
    struct client client;
    connect_securely(&client, server, host, session);
    cr_expect_str_eq(secure_fingerprint(client.secure), certificate->fingerprint, "%s", host);
    cr_expect_str_eq(ask(&client, "two.example"), "200 - two", "%s", host);
    const bool resumed = SSL_session_reused(secure_ssl(client.secure)) == 1;
    client_close(&client);
    return resumed;
}

E2E_TEST(reload_https, a_removed_certificate_is_not_shown_and_sessions_of_others_are_resumed)
{
    struct client kept, client;
    const char *one, *two;
    fill_sites(&site);
    const struct certificate first = make_for("DNS:one.example", "../one.pem", &one);
    const struct certificate second = make_for("DNS:two.example", "../two.pem", &two);
    const char *both = text_format(TLS ONE "cert = %s\n" TWO "cert = %s\n", one, two);
    struct server *server = start_listening(&site, both);
    begin(&kept, server, "one.example", &first);
    begin(&client, server, "two.example", &second);
    reload_to(server, &site, text_format(TLS TWO "cert = %s\n", two));
    cr_expect(resumes(server, "two.example", secure_session(client.secure), &second));
    cr_expect_not(resumes(server, "one.example", secure_session(kept.secure), &second),
                  "not by the names of another certificate");
    cr_expect_str_eq(ask(&kept, "one.example"), "200 - two", "the only site that is left");
    client_close(&kept);
    client_close(&client);
}

/* Connects with TLS 1.2 alone. Whether that was refused by its alert. */
static bool refuses_1_2(const struct server *server)
{
    const struct secure_setup secure = {.server_name = "one.example", .version = 12};
    struct client client;
    client_connect_with(
        &client, &(struct client_setup){.port = server->port, .secure = &secure, .silent = true});
    const bool failed =
        secure_await_handshake(client.secure, deadline_after(10000)) == SECURE_FAILED;
    if (failed)
        cr_expect_eq(secure_alert(client.secure), ALERT_VERSION);
    client_abort(&client);
    return failed;
}

E2E_TEST(reload_https, the_oldest_version_changes_for_new_connections)
{
    const struct secure_setup old = {.server_name = "one.example", .version = 12};
    struct client kept;
    const char *path;
    fill_sites(&site);
    const struct certificate certificate = make_for("DNS:one.example", "../one.pem", &path);
    const char *text = text_format("cert = %s\n" TLS SITE, path);
    struct server *server = start_listening(&site, text);
    client_connect_with(&kept, &(struct client_setup){.port = server->port, .secure = &old});
    for (unsigned i = 0; i < 2; i++) {
        cr_expect_not(refuses_1_2(server));
        const char *messages = reload_to(server, &site, text_format("tls-min = 1.3\n%s", text));
        cr_expect_null(strstr(messages, "takes effect"), "%s", messages);
        cr_expect(refuses_1_2(server));
        expect_shown(server, &certificate);
        cr_expect_str_eq(ask(&kept, "one.example"), "200 - one");
        reload_to(server, &site, text);
    }
    client_close(&kept);
}

/* --- Rights that were given up ---------------------------------------------------------------- */

E2E_TEST(reload_https, a_key_that_may_not_be_read_any_more_hinders_no_other_change)
{
    const char *path;
    if (geteuid() != 0)
        e2e_skip("it needs root");
    fill_sites(&site);
    cr_assert_eq(chmod(site.parent, 0755), 0);
    const struct certificate first = make_for("DNS:one.example", "../one.pem", &path);
    site_chmod(&site, "../one.pem", 0600);
    const char *text = text_format("user = nobody\ncert = %s\n" TLS SITE, path);
    struct server *server = start_listening(&site, text);
    expect_message(process_errors(&server->process), "user 'nobody' cannot renew certificates");
    const char *messages = reload_to(server, &site, text_format("%scors = yes\n", text));
    expect_message(messages, "1 site, 1 changed");
    expect_shown(server, &first);
    const struct certificate second = make_for("DNS:one.example", "../one.pem", &path);
    site_chmod(&site, "../one.pem", 0600);
    messages = reload_to(server, &site, text);
    expect_message(messages, "the new certificate is not used: cannot be read");
    expect_message(messages, "let the user that the server runs as read it");
    expect_message(messages, "1 site, 1 changed");
    expect_shown(server, &first);
    site_chmod(&site, "../one.pem", 0644);
    expect_message(reload(server), "new certificate in use");
    expect_shown(server, &second);
}

#endif
