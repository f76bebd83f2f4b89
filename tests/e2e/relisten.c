/* relisten: SIGHUP has listeners come, go and change, all of them or none; connections of those
 * that go live on. See docs/decisions/reload.md. */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "reloading.h"
#include "server_process.h"
#include "successor.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

E2E_SUITE(relisten);

#define SITE "[site *]\nroot = root/one\n"

static struct site site;

static void connect_to(struct client *client, uint16_t port)
{
    client_connect_with(client, &(struct client_setup){.port = port, .plain = true});
}

static const char *ask(struct client *client, const char *field)
{
    client_queue_text(client, get("one.example", "/file.txt"));
    return next_said(client, field);
}

/* Every worker serves on PORT. */
static void expect_served(uint16_t port)
{
    for (unsigned i = 0; i < 10; i++) {
        struct client client;
        connect_to(&client, port);
        cr_expect_str_eq(ask(&client, NULL), "200 - one");
        client_close(&client);
    }
}

/* Connections are refused, soon: a listener that goes is accepted from a little longer. */
static void expect_refused(const struct client_setup *setup)
{
    struct client client;
    const int64_t deadline = deadline_after(10000);
    while (client_try_connect(&client, setup)) {
        client_close(&client);
        cr_assert(deadline_left_ms(deadline) > 0);
        poll(NULL, 0, 20);
    }
    cr_expect_eq(errno, ECONNREFUSED);
}

static const char *listen_on(uint16_t first, uint16_t second)
{
    return text_format("listen = 127.0.0.1:%u\nlisten = 127.0.0.1:%u\n" SITE, first, second);
}

/* Starts a server on a port of the kernel's choice, and on FIXED. */
static struct server *start_on(uint16_t fixed)
{
    fill_sites(&site);
    return start_listening(&site, listen_on(0, fixed));
}

/* --- TCP ---------------------------------------------------------------------------------------- */

E2E_TEST(relisten, listeners_come_and_go_and_the_connections_of_those_that_go_live_on)
{
    const uint16_t first = server_free_port(), second = server_free_port();
    struct client kept;
    struct server *server = start_on(first);
    const size_t descriptors = server_settled_descriptors(server);
    for (unsigned i = 0; i < 3; i++) {
        connect_to(&kept, first);
        cr_expect_str_eq(ask(&kept, NULL), "200 - one");
        const char *messages = reload_to(server, &site, listen_on(0, second));
        expect_message(messages, text_format("listens no longer on http://127.0.0.1:%u/", first));
        expect_message(messages, text_format("listens on http://127.0.0.1:%u/", second));
        expect_served(second);
        expect_served(server->port);
        cr_expect_str_eq(ask(&kept, NULL), "200 - one");
        client_close(&kept);
        reload_to(server, &site, listen_on(0, first));
        expect_served(first);
    }
    expect_refused(&(struct client_setup){.port = second, .plain = true});
    server_expect_descriptors(server, descriptors, "closed, and not lost");
}

/* The kernel waits for their first bytes, and has not shown them to the server. */
E2E_TEST(relisten, clients_that_have_sent_nothing_are_served_by_a_listener_that_goes)
{
    static struct client clients[8];
    const uint16_t first = server_free_port(), second = server_free_port();
    struct server *server = start_on(first);
    for (size_t i = 0; i < COUNT_OF(clients); i++)
        connect_to(&clients[i], first);
    reload_to(server, &site, listen_on(0, second));
    for (size_t i = 0; i < COUNT_OF(clients) / 2; i++)
        cr_expect_str_eq(ask(&clients[i], NULL), "200 - one");
    expect_refused(&(struct client_setup){.port = first, .plain = true});
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        cr_expect_str_eq(ask(&clients[i], NULL), "200 - one");
        client_close(&clients[i]);
    }
}

E2E_TEST(relisten, a_reload_without_changes_of_listeners_leaves_them_alone)
{
    const uint16_t fixed = server_free_port();
    struct server *server = start_on(fixed);
    for (unsigned i = 0; i < 3; i++) {
        const char *text = text_format("%scors = %s\n", listen_on(0, fixed), i % 2 ? "yes" : "no");
        cr_expect_null(strstr(reload_to(server, &site, text), "listens"));
        expect_served(server->port);
        expect_served(fixed);
    }
}

E2E_TEST(relisten, a_port_in_use_changes_nothing)
{
    const uint16_t fixed = server_free_port(), free = server_free_port(), busy = server_free_port();
    const int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(busy), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(bind(other, (const struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(other, 1), 0);
    struct server *server = start_on(fixed);
    const size_t descriptors = server_settled_descriptors(server);
    const char *path = site_path(&site, "../s.sock");
    const char *text = text_format("listen = unix:%s\n%scors = yes\n", path, listen_on(free, busy));
    for (unsigned i = 0; i < 2; i++) {
        const char *messages = reload_to(server, &site, text);
        expect_message(messages, text_format("port %u on 127.0.0.1 is in use", busy));
        expect_message(messages, "nothing has changed");
        cr_expect_null(strstr(messages, "listens"));
        expect_served(fixed);
        expect_served(server->port);
        expect_refused(&(struct client_setup){.port = free, .plain = true});
        cr_expect_neq(access(path, F_OK), 0);
    }
    server_expect_descriptors(server, descriptors, "what was opened is closed");
    close(other);
    reload_to(server, &site, text);
    expect_served(busy);
}

/* One cannot be bound while the other listens, unless they share the port. */
E2E_TEST(relisten, one_address_takes_the_place_of_all_and_back)
{
    const uint16_t port = server_free_port();
    const char *all = text_format("listen = %u\n" SITE, port);
    const char *all_of_4 = text_format("listen = 0.0.0.0:%u\n" SITE, port);
    const char *local = text_format("listen = 127.0.0.1:%u\n" SITE, port);
    const char *const texts[] = {local, all, all_of_4, local, all_of_4, all, local};
    const struct client_setup elsewhere = {.host = "127.0.0.2", .port = port, .plain = true};
    fill_sites(&site);
    struct server *server = start_listening(&site, all);
    const size_t descriptors = server_settled_descriptors(server);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct client client;
        expect_message(reload_to(server, &site, texts[i]), "listens on http://");
        expect_served(port);
        if (texts[i] == local)
            continue;
        client_connect_with(&client, &elsewhere);
        cr_expect_str_eq(ask(&client, NULL), "200 - one");
        client_close(&client);
    }
    expect_refused(&elsewhere);
    server_expect_descriptors(server, descriptors, "closed, and not lost");
}

/* --- Unix sockets ------------------------------------------------------------------------------- */

static mode_t mode_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_mode & 0777 : 0;
}

/* The socket at PATH comes by the configuration WITH and goes by WITHOUT; its connections stay. */
static void come_and_go(struct server *server, const char *path, const char *with,
                        const char *without)
{
    struct client kept, silent;
    reload_to(server, &site, with);
    cr_expect_eq(mode_of(path), 0600);
    client_connect_with(&kept, &(struct client_setup){.unix_path = path});
    cr_expect_str_eq(ask(&kept, NULL), "200 - one");
    cr_expect_null(strstr(reload_to(server, &site, with), "listens"), "it stays");
    client_connect_with(&silent, &(struct client_setup){.unix_path = path});
    reload_to(server, &site, without);
    cr_expect_neq(access(path, F_OK), 0);
    cr_expect_str_eq(ask(&kept, NULL), "200 - one");
    cr_expect_str_eq(ask(&silent, NULL), "200 - one");
    client_close(&kept);
    client_close(&silent);
}

E2E_TEST(relisten, the_file_of_a_unix_socket_comes_and_goes_with_it)
{
    fill_sites(&site);
    const char *path = site_path(&site, "../s.sock");
    const char *with = text_format("listen = 127.0.0.1:0\nlisten = unix:%s mode=0600\n" SITE, path);
    const char *without = "listen = 127.0.0.1:0\n" SITE;
    struct server *server = start_listening(&site, without);
    const size_t descriptors = server_settled_descriptors(server);
    for (unsigned i = 0; i < 3; i++)
        come_and_go(server, path, with, without);
    server_expect_descriptors(server, descriptors, "closed, and not lost");
    reload_to(server, &site, with);
    server_stop(server);
    cr_expect_neq(access(path, F_OK), 0, "the end removes it");
}

E2E_TEST(relisten, a_unix_socket_gets_another_mode)
{
    fill_sites(&site);
    const char *path = site_path(&site, "../s.sock");
    const char *any = text_format("listen = 127.0.0.1:0\nlisten = unix:%s\n" SITE, path);
    const char *first =
        text_format("listen = 127.0.0.1:0\nlisten = unix:%s mode=0600\n" SITE, path);
    const char *second =
        text_format("listen = 127.0.0.1:0\nlisten = unix:%s mode=0660\n" SITE, path);
    struct server *server = start_listening(&site, any);
    cr_expect_null(strstr(reload_to(server, &site, first), "take effect"));
    cr_expect_eq(mode_of(path), 0600);
    reload_to(server, &site, second);
    cr_expect_eq(mode_of(path), 0660);
    expect_message(reload_to(server, &site, any), "s.sock take effect after a restart");
    cr_expect_eq(mode_of(path), 0660);
}

/* --- What is spoken ----------------------------------------------------------------------------- */

/* A listener with WORD. */
static const char *listen_with(const char *word)
{
    return text_format("trusted-proxy = 127.0.0.1\nlisten = 127.0.0.1:0%s\n" SITE, word);
}

E2E_TEST(relisten, a_listener_takes_proxy_headers_from_now_on)
{
    struct client kept, client;
    fill_sites(&site);
    struct server *server = start_listening(&site, listen_with(""));
    connect_to(&kept, server->port);
    cr_expect_str_eq(ask(&kept, NULL), "200 - one");
    reload_to(server, &site, listen_with(" proxy"));
    connect_to(&client, server->port);
    client_queue_text(&client, "PROXY TCP4 198.51.100.7 192.0.2.1 56324 443\r\n");
    cr_expect_str_eq(ask(&client, NULL), "200 - one");
    cr_expect_str_eq(ask(&kept, NULL), "200 - one");
    reload_to(server, &site, listen_with(""));
    expect_served(server->port);
    cr_expect_str_eq(ask(&client, NULL), "200 - one");
    client_close(&client);
    client_close(&kept);
}

#ifdef SLUICE_HAVE_OPENSSL

static const struct secure_setup secure = {.server_name = "one.example"};

static void connect_securely(struct client *client, uint16_t port)
{
    client_connect_with(client, &(struct client_setup){.port = port, .secure = &secure});
}

/* The socket stays, with its queue. */
E2E_TEST(relisten, a_port_speaks_tls_or_plain_http_as_the_configuration_says)
{
    struct client kept, client;
    fill_sites(&site);
    const char *tls =
        text_format("cert = %s\nlisten = 127.0.0.1:0 tls\n" SITE, certificate_of_test());
    struct server *server = start_listening(&site, tls);
    const size_t descriptors = server_settled_descriptors(server);
    for (unsigned i = 0; i < 3; i++) {
        connect_securely(&kept, server->port);
        cr_expect_str_eq(ask(&kept, NULL), "200 - one");
        const char *messages = reload_to(server, &site, "listen = 127.0.0.1:0\n" SITE);
        expect_message(messages, text_format("listens on http://127.0.0.1:%u/", server->port));
        expect_served(server->port);
        cr_expect_str_eq(ask(&kept, NULL), "200 - one");
        client_close(&kept);
        expect_message(reload_to(server, &site, tls), "listens on https://");
        connect_securely(&client, server->port);
        cr_expect_str_eq(ask(&client, NULL), "200 - one");
        client_close(&client);
    }
    server_expect_descriptors(server, descriptors, "closed, and not lost");
}

static const char *listen_with_hsts(unsigned seconds)
{
    return text_format("cert = %s\nhsts = %u\nlisten = 127.0.0.1:0 tls\n" SITE,
                       certificate_of_test(), seconds);
}

/* Connections keep what they were accepted with, and that is kept for them. */
E2E_TEST(relisten, connections_of_many_former_kinds_of_listeners_keep_their_own)
{
    enum { COUNT = 20, KINDS_MIN = 8 };
    static struct client clients[COUNT];
    unsigned count = 0;
    fill_sites(&site);
    struct server *server = start_listening(&site, listen_with_hsts(1000));
    while (count < COUNT) {
        connect_securely(&clients[count], server->port);
        ask(&clients[count], NULL);
        count++;
        if (strstr(reload_to(server, &site, listen_with_hsts(1000 + count)), "too many kinds"))
            break;
    }
    cr_expect(count >= KINDS_MIN && count < COUNT, "%u", count);
    for (unsigned i = 0; i < count; i++) {
        const char *wanted = text_format("200 max-age=%u one", 1000 + i);
        cr_expect_str_eq(ask(&clients[i], "Strict-Transport-Security"), wanted);
        client_close(&clients[i]);
    }
    server_await_sleep(server);
    for (unsigned tries = 0; tries < 3; tries++) /* a refused one finds out what is free */
        reload_to(server, &site, listen_with_hsts(5000));
    connect_securely(&clients[0], server->port);
    cr_expect_str_eq(ask(&clients[0], "Strict-Transport-Security"), "200 max-age=5000 one");
    client_close(&clients[0]);
}

#endif

/* --- The rest of the process -------------------------------------------------------------------- */

E2E_TEST(relisten, an_upgrade_hands_over_the_listeners_of_the_last_reload)
{
    const uint16_t first = server_free_port(), second = server_free_port();
    struct server *server = start_on(first);
    successor_adopt();
    reload_to(server, &site, listen_on(second, 0));
    expect_served(second);
    successor_upgrade(server);
    expect_served(second);
    cr_expect_null(strstr(process_errors(&server->process), "no listener is for"));
    expect_refused(&(struct client_setup){.port = first, .plain = true});
}

/* With one more listener, as another user. */
static const char *listen_as_nobody(const char *address, unsigned port)
{
    return text_format("user = nobody\nlisten = 127.0.0.1:0\nlisten = %s:%u\n" SITE, address, port);
}

E2E_TEST(relisten, a_port_that_needs_the_rights_of_root_is_named)
{
    if (geteuid() != 0)
        e2e_skip("it needs root");
    fill_sites(&site);
    cr_assert_eq(chmod(site.parent, 0755), 0);
    const uint16_t port = server_free_port();
    struct server *server = start_listening(&site, listen_as_nobody("0.0.0.0", port));
    const char *messages = reload_to(server, &site, listen_as_nobody("127.0.0.1", 81));
    expect_message(messages, "port 81");
    expect_message(messages, "nothing has changed");
    expect_served(port);
    messages = reload_to(server, &site, listen_as_nobody("127.0.0.1", port));
    expect_message(messages, "opened by another user");
    expect_served(port);
}

/* --- Load --------------------------------------------------------------------------------------- */

E2E_TEST(relisten, no_request_fails_on_a_listener_that_stays)
{
    const uint16_t first = server_free_port(), second = server_free_port();
    struct server *server = start_on(first);
    struct load load = {.setup = {.port = server->port, .plain = true}, .rounds = 3};
    load_start(&load);
    const size_t count = e2e_scaled(60, 10);
    for (size_t i = 0; i < count; i++)
        reload_to(server, &site, i % 2 ? listen_on(first, 0) : listen_on(0, second));
    load_stop(&load);
}

/* Each listener that goes is still accepted from while its place has been taken. */
E2E_TEST(relisten, no_request_fails_while_an_address_takes_the_place_of_all_and_back)
{
    static struct load loads[2];
    const uint16_t port = server_free_port();
    const char *all = text_format("listen = 0.0.0.0:%u\n" SITE, port);
    const char *local = text_format("listen = 127.0.0.1:%u\n" SITE, port);
    fill_sites(&site);
    struct server *server = start_listening(&site, all);
    for (size_t i = 0; i < COUNT_OF(loads); i++) {
        loads[i] = (struct load){.setup = {.port = port, .plain = true}, .rounds = 1};
        load_start(&loads[i]);
    }
    for (unsigned i = 0; i < 5; i++)
        reload_to(server, &site, i % 2 ? all : local);
    expect_refused(&(struct client_setup){.host = "127.0.0.2", .port = port, .plain = true});
    for (size_t i = 0; i < COUNT_OF(loads); i++)
        load_stop(&loads[i]);
}
