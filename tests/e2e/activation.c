/* activation: sockets that a service manager has opened (LISTEN_FDS): each is used by the listener
 * that it is for, by its address or its name, and is not bound again. sd_listen_fds(3). */
#include "client.h"
#include "e2e.h"
#include "server_process.h"
#include "successor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

E2E_SUITE(activation);

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
}

/* A socket on 127.0.0.1 and a free port, which *RET_PORT is; without SO_REUSEPORT, as systemd's. */
static int open_socket(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0 &&
                  listen(fd, 64) == 0 && getsockname(fd, (struct sockaddr *)&address, &length) == 0,
              "%s", strerror(errno));
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static const char *tls(void)
{
    return e2e_uses_tls() ? " tls" : "";
}

static void expect_served(uint16_t port, const char *what)
{
    struct client client;
    const struct secure_setup secure = e2e_usual_tls();
    client_connect_with(
        &client, &(struct client_setup){.port = port, .secure = e2e_uses_tls() ? &secure : NULL});
    client_queue_text(&client, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect_status(&client, what, false, 200, NULL);
    client_close(&client);
}

/* A program that binds the port again would fail. Several workers accept from the one socket. */
E2E_TEST(activation, socket_of_the_address_and_port_is_used)
{
    struct site site;
    uint16_t port;
    create_site(&site);
    int fd = open_socket(&port);
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site.path,
        .port = text_format("%u", port),
        .options = "--threads 3",
        .sockets = &fd,
        .socket_count = 1,
    });
    cr_expect_eq(server->port, port);
    for (unsigned i = 0; i < 50; i++)
        server_expect_alive(server, "by the socket");
    successor_upgrade(server);
    for (unsigned i = 0; i < 50; i++)
        server_expect_alive(server, "after an upgrade");
    server_stop(server);
    close(fd);
}

/* sluice on SITE with the COUNT sockets FDS of NAMES, and nothing that says where to listen. */
static struct server_setup with_sockets(const struct site *site, const int *fds, size_t count,
                                        const char *names)
{
    return (struct server_setup){
        .program = "sluice",
        .root = site->path,
        .no_bind = true,
        .sockets = fds,
        .socket_count = count,
        .socket_names = names,
    };
}

/* Also after an upgrade. */
E2E_TEST(activation, sockets_are_all_used_where_nothing_says_where_to_listen)
{
    struct site site;
    uint16_t ports[2];
    create_site(&site);
    int fds[] = {open_socket(&ports[0]), open_socket(&ports[1])};
    struct server_setup setup =
        with_sockets(&site, fds, 2, e2e_uses_tls() ? "https:unknown" : "http:unknown");
    setup.options = "--threads 2";
    struct server *server = server_start_with(&setup);
    for (unsigned i = 0; i < 2; i++) {
        expect_served(ports[0], "the first");
        expect_served(ports[1], "the second");
        successor_upgrade(server);
    }
    server_stop(server);
    cr_expect_null(strstr(process_errors(&server->process), "closed, as no listener"));
    close(fds[0]);
    close(fds[1]);
}

E2E_TEST(activation, socket_is_used_by_its_name_where_no_address_matches)
{
    struct site site;
    uint16_t port;
    create_site(&site);
    int fd = open_socket(&port);
    struct server_setup setup = with_sockets(&site, &fd, 1, e2e_uses_tls() ? "https" : "http");
    setup.words = (const char *const[]){"--listen", text_format("127.0.0.1:1%s", tls()), NULL};
    struct server *server = server_start_with(&setup);
    cr_expect_eq(server->port, port);
    expect_served(port, "by name");
    server_stop(server);
    close(fd);
}

/* Two listeners of a kind: which one is meant? */
E2E_TEST(activation, sockets_that_no_listener_is_for_are_named_and_closed)
{
    struct site site;
    uint16_t ports[2];
    create_site(&site);
    int fds[] = {open_socket(&ports[0]), open_socket(&ports[1])};
    struct server_setup setup =
        with_sockets(&site, fds, 2, e2e_uses_tls() ? "https:stray" : "http:stray");
    setup.words = (const char *const[]){"--listen", text_format("127.0.0.1:0%s", tls()), "--listen",
                                        text_format("127.0.0.2:0%s", tls()), NULL};
    struct server *server = server_start_with(&setup);
    const char *errors = process_errors(&server->process);
    const char *wanted = text_format("closed, as no listener is for what the process was started "
                                     "with: 127.0.0.1:%u (%s), 127.0.0.1:%u (stray)\n",
                                     ports[0], e2e_uses_tls() ? "https" : "http", ports[1]);
    cr_expect(strstr(errors, wanted), "%s, not %s", errors, wanted);
    server_expect_alive(server, "beside them");
    server_stop(server);
    close(fds[0]);
    close(fds[1]);
}

E2E_TEST(activation, of_another_process_means_nothing)
{
    struct site site;
    uint16_t port;
    create_site(&site);
    int fd = open_socket(&port);
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site.path,
        .sockets = &fd,
        .socket_count = 1,
        .foreign_sockets = true,
    });
    cr_expect_neq(server->port, port);
    server_stop(server);
    cr_expect_str_empty(process_errors(&server->process));
    close(fd);
}

/* A pipe, and a socket that does not listen. */
E2E_TEST(activation, descriptors_that_do_not_listen_are_closed)
{
    struct site site;
    int pipes[2];
    create_site(&site);
    cr_assert_eq(pipe(pipes), 0);
    int fds[] = {pipes[0], socket(AF_INET, SOCK_STREAM, 0)};
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site.path,
        .sockets = fds,
        .socket_count = 2,
    });
    server_expect_alive(server, "beside them");
    const char *errors = process_errors(&server->process);
    cr_expect(strstr(errors, "descriptor 3") && strstr(errors, "descriptor 4"), "%s", errors);
    server_stop(server);
    close(pipes[0]);
    close(pipes[1]);
    close(fds[1]);
}

/* The manager made the file, and removes it. */
E2E_TEST(activation, socket_of_the_unix_domain_is_used_and_its_file_left)
{
    struct site site;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    create_site(&site);
    const char *path = site_path(&site, "../socket");
    cr_assert(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 8) == 0,
              "%s", strerror(errno));
    struct server_setup setup = with_sockets(&site, &fd, 1, NULL);
    setup.options = "--threads 2";
    setup.words = (const char *const[]){"--listen", text_format("127.0.0.1:0%s", tls()), "--listen",
                                        text_format("unix:%s", path), NULL};
    struct server *server = server_start_with(&setup);
    successor_upgrade(server);
    server_expect_alive(server, "after an upgrade");
    server_stop(server);
    cr_expect_eq(access(path, F_OK), 0, "the file is removed");
    cr_expect_null(strstr(process_errors(&server->process), "closed, as no listener"));
    close(fd);
}

/* They are parsed again, when the sockets have long been taken. */
E2E_TEST(activation, a_reload_finds_the_listeners_as_they_were)
{
    struct site site;
    uint16_t port;
    create_site(&site);
    int fd = open_socket(&port);
    site_write_text(&site, "../sluice.conf", text_format("root = %s\n", site.path));
    struct server *server = server_start_with(&(struct server_setup){
        .config = site_path(&site, "../sluice.conf"),
        .no_bind = true,
        .sockets = &fd,
        .socket_count = 1,
        .socket_names = e2e_uses_tls() ? "https" : "http",
    });
    for (unsigned i = 0; i < 2; i++) {
        site_write_text(&site, "../sluice.conf", text_format("root = %s\n#%u\n", site.path, i));
        process_signal(&server->process, SIGHUP);
        successor_await(server, "reloaded ");
        successor_upgrade(server);
        expect_served(port, "after a reload and an upgrade");
    }
    server_stop(server);
    const char *errors = process_errors(&server->process);
    cr_expect_null(strstr(errors, "takes effect after"), "%s", errors);
    close(fd);
}
