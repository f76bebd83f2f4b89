/* reload_settings: SIGHUP changes the settings of the process too, those of the start included, and
 * /metrics says what became of it. See docs/decisions/reload.md. */
#include "e2e.h"
#include "reloading.h"
#include "server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

E2E_SUITE(reload_settings);

static struct site site;

/* The content of the file PATH in the site; "" if it does not exist. Kept. */
static const char *content(const char *path)
{
    static char text[1 << 16];
    const int fd = open(site_path(&site, path), O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    return text_format("%.*s", length > 0 ? (int)length : 0, text);
}

/* The file PATH has TEXT, soon. */
static void await_content(const char *path, const char *text)
{
    for (int64_t deadline = deadline_after(10000); !strstr(content(path), text);) {
        cr_assert(deadline_left_ms(deadline) > 0, "%s: \"%s\" has no \"%s\"", path, content(path),
                  text);
        poll(NULL, 0, 5);
    }
}

/* --- Logs and files ----------------------------------------------------------------------------- */

E2E_TEST(reload_settings, messages_go_where_the_new_configuration_says)
{
    fill_sites(&site);
    const char *first = text_format("error-log = %s\n" ONE, site_path(&site, "../first"));
    const char *second = text_format("error-log = %s\n" ONE, site_path(&site, "../second"));
    struct server *server = start(&site, ONE);
    expect_message(reload_to(server, &site, ONE "cors = yes\n"), "1 changed");
    const size_t descriptors = server_settled_descriptors(server);
    for (unsigned i = 1; i <= 3; i++) {
        cr_expect_null(strstr(reload_to(server, &site, first), "reloaded"));
        await_content("../first", "notice main: reloaded");
        cr_expect_null(strstr(reload_to(server, &site, second), "reloaded"));
        await_content("../second", "notice main: reloaded");
    }
    cr_expect_null(strstr(reload_to(server, &site, "error-log = /nonexistent/log\n" ONE), "log"));
    await_content("../second", "not reloaded, and nothing has changed");
    await_content("../second", "cannot write to '/nonexistent/log'");
    expect_message(reload_to(server, &site, "error-log = /dev/fd/77\n" ONE), "");
    await_content("../second", "was not started with");
    expect_message(reload_to(server, &site, ONE), "reloaded");
    /* The thread that writes stays, with its waker. */
    server_expect_descriptors(server, descriptors + 1, "the files are closed");
}

static const char *with_pid_file(const char *path)
{
    return text_format("pid-file = %s\n" ONE, site_path(&site, path));
}

static bool exists(const char *path)
{
    return access(site_path(&site, path), F_OK) == 0;
}

E2E_TEST(reload_settings, the_pid_file_moves)
{
    fill_sites(&site);
    struct server *server = start(&site, with_pid_file("../first"));
    const char *number = text_format("%d\n", (int)server->process.pid);
    await_content("../first", number);
    reload_to(server, &site, with_pid_file("../second"));
    cr_expect_str_eq(content("../second"), number);
    cr_expect_not(exists("../first"), "it is left");
    reload_to(server, &site, with_pid_file(".././second")); /* by another name */
    cr_expect_str_eq(content("../second"), number);
    reload_to(server, &site, ONE);
    cr_expect_not(exists("../second"), "none is wanted");
    reload_to(server, &site, with_pid_file("../second"));
    server_stop(server);
    cr_expect_not(exists("../second"), "the end removes it");
}

/* An address that this machine does not have is found last. */
E2E_TEST(reload_settings, the_pid_file_stays_if_the_reload_is_refused)
{
    const char *here = "listen = 127.0.0.1:0\n", *nowhere = "listen = 192.0.2.1:81\n";
    fill_sites(&site);
    struct server *server =
        start_listening(&site, text_format("%s%s", here, with_pid_file("../first")));
    const char *number = text_format("%d\n", (int)server->process.pid);
    await_content("../first", number);
    const char *messages =
        reload_to(server, &site, text_format("%spid-file = /nonexistent/pid\n" ONE, here));
    expect_message(messages, "cannot write the pid file '/nonexistent/pid'");
    cr_expect_str_eq(content("../first"), number);
    const char *text = text_format("%s%s", nowhere, with_pid_file("../second"));
    expect_message(reload_to(server, &site, text), "192.0.2.1 is not an address of this machine");
    cr_expect_str_eq(content("../first"), number);
    cr_expect_not(exists("../second"));
    cr_expect_not(exists(text_format("../second.%d", (int)server->process.pid)));
}

/* --- Proxies ------------------------------------------------------------------------------------ */

#define FORWARDED                                                \
    "GET /file.txt HTTP/1.1\r\nHost: one.example\r\nX-Forwarded" \
    "-For: 192.0.2.1\r\n\r\n"

/* Asks on CLIENT, and expects the last line of the log to begin with WHO. */
static void expect_logged(struct client *client, unsigned line, const char *who)
{
    client_queue_text(client, FORWARDED);
    cr_expect_str_eq(next_said(client, NULL), "200 - one");
    const char *text;
    for (int64_t deadline = deadline_after(10000);;) {
        unsigned count = 0;
        for (text = content("../log"); count < line && (text = strchr(text, '\n')); text++)
            count++;
        if (text && *text && strchr(text, '\n'))
            break;
        cr_assert(deadline_left_ms(deadline) > 0, "no line %u: %s", line, content("../log"));
        poll(NULL, 0, 5);
    }
    cr_expect(strncmp(text, who, strlen(who)) == 0, "line %u: %s", line, text);
}

/* A proxy that is trusted no more is not believed on the connections that it has, either. */
E2E_TEST(reload_settings, proxies_are_trusted_as_the_new_configuration_says)
{
    struct client kept, client;
    fill_sites(&site);
    const char *rest = text_format(ONE "access-log = %s\n", site_path(&site, "../log"));
    struct server *server = start(&site, rest);
    client_connect(&kept, server);
    expect_logged(&kept, 0, "127.0.0.1 ");
    client_close(&kept);
    reload_to(server, &site, text_format("trusted-proxy = 127.0.0.0/8\n%s", rest));
    client_connect(&kept, server);
    expect_logged(&kept, 1, "192.0.2.1 ");
    reload_to(server, &site, text_format("trusted-proxy = 10.0.0.1\n%s", rest));
    expect_logged(&kept, 2, "127.0.0.1 ");
    reload_to(server, &site, text_format("trusted-proxy = 127.0.0.1\n%s", rest));
    client_connect(&client, server);
    expect_logged(&client, 3, "192.0.2.1 ");
    reload_to(server, &site, rest);
    expect_logged(&client, 4, "127.0.0.1 ");
    client_close(&client);
    client_close(&kept);
}

/* --- Limits ------------------------------------------------------------------------------------- */

/* Whether a new connection from SOURCE gets an answer; it is kept as CLIENT then. */
static bool is_served(struct client *client, const struct server *server, const char *source)
{
    struct response response;
    client_connect_with(client, &(struct client_setup){.port = server->port, .source = source});
    client_queue_text(client, "GET /file.txt HTTP/1.1\r\nHost: one.example\r\n\r\n");
    if (client_read_response(client, false, &response) == ANSWER_WHOLE)
        return true;
    client_close(client);
    return false;
}

static void expect_served(struct client *client, const struct server *server)
{
    cr_assert(is_served(client, server, NULL));
}

E2E_TEST(reload_settings, connections_of_an_address_are_limited_from_now_on)
{
    static struct client clients[4], other;
    if (e2e_uses_tls())
        e2e_skip("a client over TLS takes a refusal for a failed handshake");
    fill_sites(&site);
    struct server *server = start(&site, ONE);
    expect_served(&clients[0], server); /* which does not count */
    reload_to(server, &site, "max-connections-per-ip = 2\n" ONE);
    expect_served(&clients[1], server);
    expect_served(&clients[2], server);
    cr_expect_not(is_served(&clients[3], server, NULL));
    cr_expect(is_served(&other, server, "127.0.0.2"));
    reload_to(server, &site, "max-connections-per-ip = 1\n" ONE);
    client_close(&clients[0]);
    cr_expect_not(is_served(&clients[3], server, NULL), "it has two");
    reload_to(server, &site, ONE);
    expect_served(&clients[3], server);
}

/* Whether CLIENT is still connected. */
static bool is_open(struct client *client)
{
    struct response response;
    client_queue_text(client, "GET /file.txt HTTP/1.1\r\nHost: one.example\r\n\r\n");
    return client_read_response(client, false, &response) == ANSWER_WHOLE;
}

E2E_TEST(reload_settings, a_lower_limit_of_connections_closes_idle_ones_for_new_ones)
{
    static struct client clients[12], client;
    unsigned open = 0;
    fill_sites(&site);
    struct server *server = start(&site, "threads = 2\nmax-connections = 20\n" ONE);
    for (size_t i = 0; i < COUNT_OF(clients); i++)
        cr_assert(is_served(&clients[i], server, NULL));
    reload_to(server, &site, "threads = 2\nmax-connections = 4\n" ONE);
    for (unsigned i = 0; i < 8; i++) {
        cr_assert(is_served(&client, server, NULL));
        client_close(&client);
    }
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        open += is_open(&clients[i]);
        client_close(&clients[i]);
    }
    cr_expect_leq(open, 4);
    expect_message(reload_to(server, &site, "threads = 2\nmax-connections = 70\n" ONE),
                   "max-connections is limited to 20, as at the start");
    for (size_t i = 0; i < COUNT_OF(clients); i++)
        cr_assert(is_served(&clients[i], server, NULL));
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        cr_expect(is_open(&clients[i]), "the limit is 20 again");
        client_close(&clients[i]);
    }
}

/* --- Metrics ------------------------------------------------------------------------------------ */

/* The text of /metrics of the admin listener on PORT. Kept. */
static const char *metrics(uint16_t port)
{
    struct client client;
    struct response response;
    client_connect_with(&client, &(struct client_setup){.port = port, .plain = true});
    client_queue_text(&client, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_assert_eq(client_read_response(&client, false, &response), ANSWER_WHOLE);
    const char *text =
        text_format("%.*s", (int)response.body.length, (const char *)response.body.data);
    client_close(&client);
    return text;
}

/* The value of the metric NAME. */
static double value(uint16_t port, const char *name)
{
    const char *line = strstr(metrics(port), text_format("\n%s ", name));
    cr_assert_not_null(line, "%s", name);
    return strtod(line + strlen(name) + 1, NULL);
}

#define SUCCESSFUL "sluice_config_last_reload_successful"
#define TIMESTAMP  "sluice_config_last_reload_success_timestamp_seconds"

static void expect_reloads(uint16_t port, double done, double refused, double successful)
{
    cr_expect_eq(value(port, "sluice_reloads_total{result=\"done\"}"), done);
    cr_expect_eq(value(port, "sluice_reloads_total{result=\"refused\"}"), refused);
    cr_expect_eq(value(port, SUCCESSFUL), successful);
}

static const char *with_admin(uint16_t port, const char *options)
{
    return text_format("admin = %u\n%s\n" ONE, port, options);
}

E2E_TEST(reload_settings, metrics_count_reloads)
{
    fill_sites(&site);
    const uint16_t port = server_free_port();
    struct server *server = start(&site, with_admin(port, ""));
    expect_reloads(port, 0, 0, 1);
    const double started = value(port, TIMESTAMP);
    cr_expect_geq(started, (double)(int64_t)value(port, "process_start_time_seconds"));
    reload_to(server, &site, with_admin(port, "rooot = x"));
    expect_reloads(port, 0, 1, 0);
    cr_expect_eq(value(port, TIMESTAMP), started);
    reload_to(server, &site, with_admin(port, ""));
    expect_reloads(port, 1, 1, 1);
    cr_expect_geq(value(port, TIMESTAMP), started);
}

E2E_TEST(reload_settings, metrics_have_the_limits_that_count)
{
    fill_sites(&site);
    const uint16_t port = server_free_port();
    struct server *server = start(&site, with_admin(port, ""));
    reload_to(server, &site, with_admin(port, "max-connections = 30\ncache-bytes = 1M"));
    cr_expect_eq(value(port, "sluice_connections_limit"), 30);
    cr_expect_eq(value(port, "sluice_cache_limit_bytes"), 1 << 20);
    expect_message(reload_to(server, &site, with_admin(port, "cache-bytes = 1G")),
                   "cache-bytes is limited to 67108864");
    cr_expect_eq(value(port, "sluice_cache_limit_bytes"), 64 << 20);
    cr_expect_gt(value(port, "sluice_connections_limit"), 30);
}
