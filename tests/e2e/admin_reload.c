/* admin_reload: SIGHUP gives the admin listener another address, makes the first one or ends it;
 * and what sites have counted outlives it. See docs/decisions/reload.md. */
#include "client.h"
#include "e2e.h"
#include "reloading.h"
#include "server_process.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

E2E_SUITE(admin_reload);

#define SITE "[site *]\nroot = root/one\n"

static struct site site;

/* --- Asking ------------------------------------------------------------------------------------- */

/* A client of a port of this machine, or of a Unix socket. */
static struct client_setup at_port(uint16_t port)
{
    return (struct client_setup){.port = port, .plain = true};
}

/* The answer to GET TARGET: its status and body. */
static const char *ask(const struct client_setup *setup, const char *target)
{
    struct client client;
    client_connect_with(&client, setup);
    client_queue_text(&client, text_format("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target));
    struct response response;
    cr_assert_eq(client_read_response(&client, false, &response), ANSWER_WHOLE);
    const char *text = text_format("%d %.*s", response.status, (int)response.body.length,
                                   (const char *)response.body.data);
    client_close(&client);
    return text;
}

static void expect_ready(uint16_t port)
{
    const struct client_setup setup = at_port(port);
    cr_expect_str_eq(ask(&setup, "/readyz"), "200 ready\n");
}

static void expect_nothing(uint16_t port)
{
    struct client client;
    const struct client_setup setup = at_port(port);
    const bool connected = client_try_connect(&client, &setup);
    cr_expect_not(connected, "port %u", port);
    if (connected)
        client_close(&client);
}

static const char *with_admin(const char *admin)
{
    return *admin ? text_format("admin = %s\n" SITE, admin) : SITE;
}

static const char *reload_admin(const struct server *server, const char *admin)
{
    return reload_to(server, &site, with_admin(admin));
}

static struct server *start_admin(const char *admin)
{
    fill_sites(&site);
    return start(&site, with_admin(admin));
}

/* --- Addresses ---------------------------------------------------------------------------------- */

E2E_TEST(admin_reload, the_first_one_comes_moves_and_goes)
{
    const uint16_t first = server_free_port(), second = server_free_port();
    struct server *server = start_admin("");
    const size_t descriptors = server_settled_descriptors(server);
    for (unsigned i = 0; i < 2; i++) {
        const char *messages = reload_admin(server, text_format("%u", first));
        expect_message(messages,
                       text_format("opened the admin listener on http://127.0.0.1:%u/", first));
        expect_ready(first);
        messages = reload_admin(server, text_format("127.0.0.1:%u", second));
        expect_message(messages, "closed the admin listener on");
        expect_ready(second);
        expect_nothing(first);
        cr_expect_null(strstr(reload(server), "admin"), "nothing changes");
        expect_ready(second);
        expect_message(reload_admin(server, ""), "closed the admin listener on");
        expect_nothing(second);
    }
    expect_said(server, "one.example", "/file.txt", NULL, "200 - one");
    server_expect_descriptors(server, descriptors, "all are closed");
}

/* One cannot be bound while the other listens, unless they share the port. */
E2E_TEST(admin_reload, one_address_takes_the_place_of_all_and_back)
{
    static const char *const hosts[] = {"127.0.0.1", "0.0.0.0", "localhost", "127.0.0.1"};
    const uint16_t port = server_free_port();
    struct server *server = start_admin(text_format("%u", port));
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        const char *messages = reload_admin(server, text_format("%s:%u", hosts[i], port));
        cr_expect_null(strstr(messages, "nothing has changed"), "%s", messages);
        for (unsigned j = 0; j < 5; j++)
            expect_ready(port);
    }
}

E2E_TEST(admin_reload, an_address_in_use_changes_nothing)
{
    const uint16_t port = server_free_port(), busy = server_free_port();
    const int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(busy), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(bind(other, (const struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(other, 1), 0);
    struct server *server = start_admin(text_format("%u", port));
    const size_t descriptors = server_settled_descriptors(server);
    const char *messages =
        reload_to(server, &site, text_format("admin = %u\n[site *]\nroot = root/two\n", busy));
    expect_message(messages, text_format("port %u on 127.0.0.1 is in use", busy));
    expect_message(messages, "--admin");
    expect_message(messages, "nothing has changed");
    expect_ready(port);
    expect_said(server, "one.example", "/file.txt", NULL, "200 - one");
    messages = reload_admin(server, text_format("%u", server->port));
    expect_message(messages, "is one that files are served on");
    expect_ready(port);
    server_expect_descriptors(server, descriptors, "what was opened is closed");
    close(other);
    reload_admin(server, text_format("%u", busy));
    expect_ready(busy);
    expect_nothing(port);
}

/* The same of a Unix socket. */
static void expect_ready_at(const char *path)
{
    const struct client_setup setup = {.unix_path = path, .plain = true};
    cr_expect_str_eq(ask(&setup, "/readyz"), "200 ready\n");
}

E2E_TEST(admin_reload, a_unix_socket_comes_stays_and_goes)
{
    struct stat state;
    const uint16_t port = server_free_port();
    struct server *server = start_admin(text_format("%u", port));
    const char *path = site_path(&site, "../admin.sock");
    reload_admin(server, text_format("unix:%s mode=0600", path));
    expect_nothing(port);
    expect_ready_at(path);
    cr_assert_eq(stat(path, &state), 0);
    cr_expect_eq(state.st_mode & 07777, 0600);
    reload_admin(server, text_format("unix:%s mode=0640", path));
    cr_assert_eq(stat(path, &state), 0);
    cr_expect_eq(state.st_mode & 07777, 0640);
    expect_ready_at(path);
    reload_admin(server, text_format("%u", port));
    cr_expect_neq(stat(path, &state), 0, "the file is gone");
    expect_ready(port);
    reload_admin(server, text_format("unix:%s", path));
    expect_ready_at(path);
    server_stop(server);
    cr_expect_neq(stat(path, &state), 0, "the file is gone at the end");
}

/* Probes notice nothing of a change that leaves their address. */
E2E_TEST(admin_reload, a_client_that_has_connected_is_answered_by_the_former_listener)
{
    const uint16_t first = server_free_port(), second = server_free_port();
    struct client client;
    struct server *server = start_admin(text_format("%u", first));
    const struct client_setup setup = at_port(first);
    client_connect_with(&client, &setup);
    client_queue_text(&client, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client_flush_blindly(&client);
    reload_admin(server, text_format("%u", second));
    struct response response;
    cr_expect_eq(client_read_response(&client, false, &response), ANSWER_WHOLE);
    cr_expect_eq(response.status, 200);
    client_close(&client);
}

/* --- What sites count --------------------------------------------------------------------------- */

/* The value of the metric SERIES; -1: there is no such line. */
static double metric(uint16_t port, const char *series)
{
    const struct client_setup setup = at_port(port);
    const char *line = strstr(ask(&setup, "/metrics"), text_format("\n%s ", series));
    return line ? strtod(line + strlen(series) + 2, NULL) : -1;
}

static void fetch(const struct server *server, const char *host, const char *target, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        said(server, host, target, NULL);
}

/* NAME must have had REQUESTS with a status of CLASS; -1: there is no such line. */
static void expect_requests(uint16_t port, const char *name, const char *class, double requests)
{
    const double found = metric(
        port, text_format("sluice_site_requests_total{site=\"%s\",class=\"%s\"}", name, class));
    cr_expect_eq(found, requests, "%s %s: %f", name, class, found);
}

E2E_TEST(admin_reload, sites_have_their_requests_and_content)
{
    const uint16_t port = server_free_port();
    fill_sites(&site);
    struct server *server = start(&site, text_format("admin = %u\n" ONE TWO, port));
    expect_requests(port, "one.example", "2xx", -1);
    fetch(server, "one.example", "/file.txt", 5);
    fetch(server, "one.example", "/absent", 2);
    fetch(server, "two.example", "/file.txt", 1);
    fetch(server, "other.example", "/file.txt", 1); /* 421 is of no site */
    expect_requests(port, "one.example", "2xx", 5);
    expect_requests(port, "one.example", "4xx", 2);
    expect_requests(port, "two.example", "2xx", 1);
    expect_requests(port, "two.example", "4xx", -1);
    cr_expect_eq(metric(port, "sluice_site_body_bytes_total{site=\"two.example\"}"), 3);
}

E2E_TEST(admin_reload, sites_go_on_counting_when_they_change_and_are_gone_with_their_names)
{
    const uint16_t port = server_free_port();
    const char *admin = text_format("admin = %u\n", port);
    fill_sites(&site);
    struct server *server = start(&site, text_format("%s" ONE TWO, admin));
    fetch(server, "one.example", "/file.txt", 5);
    fetch(server, "two.example", "/file.txt", 1);
    reload_to(server, &site, text_format("%s" ONE "cors = yes\n", admin));
    fetch(server, "one.example", "/file.txt", 5);
    expect_requests(port, "one.example", "2xx", 10);
    expect_requests(port, "two.example", "2xx", -1);
    reload_to(server, &site, text_format("%s" TWO ONE, admin));
    expect_requests(port, "one.example", "2xx", 10);
    expect_requests(port, "two.example", "2xx", -1);
}
