/* startup: where a server listens and what it serves, as its command line says, and the start
 * screen. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

E2E_SUITE(startup);

/* --- Ports ------------------------------------------------------------------------------------ */

/* Closed connections wait in TIME-WAIT (RFC 9293); they do not make the port busy. */
E2E_TEST(startup, a_restart_takes_the_same_port)
{
    struct site site;
    struct server *server;
    const char *port;

    site_create(&site);
    site_write_text(&site, "index.html", "x");
    server = server_start(SIMPLE, &site, NULL);
    port = text_format("%u", server->port);
    for (size_t i = 0; i < 10; i++)
        server_expect_alive(server, "before the restart");
    server_stop(server);
    server =
        server_start_with(&(struct server_setup){.kind = SIMPLE, .root = site.path, .port = port});
    cr_expect_str_eq(text_format("%u", server->port), port);
    server_expect_alive(server, "after the restart");
}

E2E_TEST(startup, port_0_is_one_port_for_all_threads)
{
    struct site site;
    const struct server *server;

    site_create(&site);
    site_write_text(&site, "index.html", "x");
    server = server_start(PIPELINED, &site, "--threads 4");
    for (size_t i = 0; i < 60; i++)
        server_expect_alive(server, "with four threads");
}

/* --- ROOT ------------------------------------------------------------------------------------- */

E2E_TEST(startup, takes_root_in_every_form)
{
    struct site site;

    site_create(&site);
    site_write_text(&site, "dir/file.txt", "x");
    site_link(&site, "../link", "root");

    const struct {
        const char *directory; /* the working directory */
        const char *root;
    } rows[] = {
        {site.parent, "root"},           {site.parent, "./root/"}, {site.parent, "root//"},
        {site.parent, "link"},           {site.path, "."},         {site.path, "./"},
        {site_path(&site, "dir"), ".."}, {"/", site.path + 1},     {"/", site.path},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct server *server = server_start_with(&(struct server_setup){
            .kind = PIPELINED,
            .directory = rows[i].directory,
            .root = rows[i].root,
        });

        expect_fetch(server, text_format("ROOT %s from %s", rows[i].root, rows[i].directory),
                     request_text("GET", "/dir/file.txt"), 200, NULL);
        server_stop(server);
    }
}

/* --- Addresses and the start screen ----------------------------------------------------------- */

static bool is_ipv6_here(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool here = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    if (fd >= 0)
        close(fd);
    return here;
}

static bool answers_on(const struct server *server, const char *host)
{
    struct client client;
    bool answered = false;

    if (client_try_connect(&client, &(struct client_setup){.port = server->port, .host = host})) {
        client_queue_text(&client, request_text("GET", "/"));
        answered = client_read_response(&client, false, NULL) == ANSWER_WHOLE;
        client_close(&client);
    }
    return answered;
}

struct address_case {
    const char *options; /* NULL: none */
    const char *answering[3];
    const char *silent[3];
};

static void expect_addresses(const struct address_case *rows, size_t count)
{
    struct site site;

    site_create(&site);
    site_write_text(&site, "index.html", "x");
    for (size_t i = 0; i < count; i++) {
        const char *what = rows[i].options ? rows[i].options : "no --bind";
        struct server *server = server_start_with(&(struct server_setup){
            .kind = PIPELINED,
            .root = site.path,
            .options = rows[i].options,
            .no_bind = true,
        });

        for (size_t j = 0; j < COUNT_OF(rows[i].answering) && rows[i].answering[j]; j++)
            cr_expect(answers_on(server, rows[i].answering[j]), "%s: no answer on %s", what,
                      rows[i].answering[j]);
        for (size_t j = 0; j < COUNT_OF(rows[i].silent) && rows[i].silent[j]; j++)
            cr_expect(!answers_on(server, rows[i].silent[j]), "%s: an answer on %s", what,
                      rows[i].silent[j]);
        server_stop(server);
    }
}

E2E_TEST(startup, listens_on_the_named_addresses)
{
    static const struct address_case rows[] = {
        {"--bind 127.0.0.1", {"127.0.0.1"}, {"127.0.0.2"}},
        {"--bind localhost", {"127.0.0.1"}, {"127.0.0.2"}},
        {"--bind 127.0.0.1 --bind 127.0.0.2", {"127.0.0.1", "127.0.0.2"}, {"127.0.0.3"}},
        {"--bind=127.0.0.2 --threads=2", {"127.0.0.2"}, {"127.0.0.1"}},
        {"--bind 0.0.0.0", {"127.0.0.1", "127.0.0.2"}, {NULL}},
        {NULL, {"127.0.0.1", "127.0.0.2"}, {NULL}},
    };

    expect_addresses(rows, COUNT_OF(rows));
}

E2E_TEST(startup, listens_on_addresses_of_ipv6)
{
    static const struct address_case rows[] = {
        {"--bind ::1", {"::1"}, {"127.0.0.1"}},
        {"--bind [::1]", {"::1"}, {"127.0.0.1"}},
        {"--bind ::1 --bind 127.0.0.1", {"::1", "127.0.0.1"}, {"127.0.0.2"}},
        {"--bind :: --bind 0.0.0.0", {"::1", "127.0.0.1"}, {NULL}},
        {NULL, {"::1", "127.0.0.1"}, {NULL}},
    };

    if (!is_ipv6_here())
        e2e_skip("no IPv6 here");
    expect_addresses(rows, COUNT_OF(rows));
}

E2E_TEST(startup, start_screen_has_root_address_and_threads)
{
    struct site site;

    site_create(&site);
    site_write_text(&site, "index.html", "x");
    for (enum server_kind kind = 0; kind < SERVER_KIND_COUNT; kind++) {
        struct server *server = server_start(kind, &site, "--threads 3");
        const char *screen;

        cr_expect_str_empty(process_errors(&server->process));
        server_stop(server);
        screen = bytes_text(&server->screen);
        cr_expect(strstr(screen, server->name) && strstr(screen, site.path) &&
                      strstr(screen, text_format("http%s://127.0.0.1:%u/",
                                                 server->secure ? "s" : "", server->port)) &&
                      strstr(screen, "3 threads") &&
                      strstr(screen, e2e_uses_uring() ? "io_uring" : "epoll"),
                  "%s showed\n%s", server->name, screen);
    }
}
