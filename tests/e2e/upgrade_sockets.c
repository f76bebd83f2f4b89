/* upgrade_sockets: what becomes of listening sockets and of other descriptors in an upgrade, when
 * the configuration stays, and when it has changed. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"
#include "successor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

E2E_SUITE(upgrade_sockets);

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
}

static void configure(const struct site *site, const char *more)
{
    site_write_text(site, "../sluice.conf",
                    text_format("root = %s\nthreads = 2\n%s\n", site->path, more));
}

static struct server *start_configured(const struct site *site, const char *more)
{
    configure(site, more);
    return server_start_with(&(struct server_setup){.config = site_path(site, "../sluice.conf")});
}

/* A socket on 127.0.0.1 and PORT, which others may share; 0: a free one, which PORT becomes. */
static int open_socket(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t length = sizeof(address);
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) == 0 &&
                  bind(fd, (struct sockaddr *)&address, length) == 0 && listen(fd, 64) == 0 &&
                  getsockname(fd, (struct sockaddr *)&address, &length) == 0,
              "%s", strerror(errno));
    *port = ntohs(address.sin_port);
    return fd;
}

/* A port that was free a moment ago. */
static uint16_t find_port(void)
{
    uint16_t port = 0;
    close(open_socket(&port));
    return port;
}

/* --- Sockets of the Unix domain --------------------------------------------------------------- */

E2E_TEST(upgrade_sockets, keeps_a_socket_of_the_unix_domain)
{
    struct site site;
    struct stat before, after;
    create_site(&site);
    const char *path = site_path(&site, "../socket");
    struct server *server = server_start_with(&(struct server_setup){
        .program = "sluice",
        .root = site.path,
        .no_bind = true,
        .options = "--threads 2",
        .words =
            (const char *const[]){"--listen", e2e_uses_tls() ? "127.0.0.1:0 tls" : "127.0.0.1:0",
                                  "--listen", text_format("unix:%s", path), NULL},
    });
    cr_assert_eq(stat(path, &before), 0, "%s", strerror(errno));
    for (unsigned i = 0; i < 2; i++) {
        successor_upgrade(server);
        server_expect_alive(server, "after an upgrade");
        cr_expect(stat(path, &after) == 0 && after.st_ino == before.st_ino, "another file");
    }
    server_stop(server);
    cr_expect_neq(access(path, F_OK), 0, "it is left");
}

E2E_TEST(upgrade_sockets, keeps_the_unix_socket_of_the_admin_listener_until_the_last_ends)
{
    struct site site;
    struct stat before, after;
    create_site(&site);
    const char *path = site_path(&site, "../admin.sock");
    struct server *server = start_configured(&site, text_format("admin = unix:%s mode=0600", path));
    cr_assert_eq(stat(path, &before), 0, "%s", strerror(errno));
    for (unsigned i = 0; i < 2; i++) {
        successor_upgrade(server);
        cr_expect(stat(path, &after) == 0 && after.st_ino == before.st_ino, "another file");
    }
    server_stop(server);
    cr_expect_neq(access(path, F_OK), 0, "it is left");
}

/* The new process fails after it has taken the sockets. */
E2E_TEST(upgrade_sockets, leaves_the_files_of_unix_sockets_to_the_old_process_when_it_fails)
{
    struct site site;
    create_site(&site);
    const char *content = site_path(&site, "../socket"), *admin = site_path(&site, "../admin.sock");
    const char *port = e2e_uses_tls() ? "127.0.0.1:0 tls" : "127.0.0.1:0";
    const char *more =
        text_format("admin = unix:%s\nlisten = %s\nlisten = unix:%s\n", admin, port, content);
    configure(&site, more);
    struct server *server = server_start_with(&(struct server_setup){
        .config = site_path(&site, "../sluice.conf"),
        .no_bind = true,
    });
    configure(&site, text_format("%spid-file = /nonexistent/sluice.pid\n", more));
    process_signal(&server->process, SIGUSR2);
    successor_await(server, "the upgrade failed: the new process ended with status");
    cr_expect_eq(access(content, F_OK), 0, "the file of the content listener is gone");
    cr_expect_eq(access(admin, F_OK), 0, "the file of the admin listener is gone");
    server_expect_alive(server, "after an upgrade that failed");
    server_stop(server);
    cr_expect_neq(access(content, F_OK), 0, "it is left");
    cr_expect_neq(access(admin, F_OK), 0, "it is left");
}

/* --- The admin listener ----------------------------------------------------------------------- */

/* Whether the server is ready, as the admin listener on PORT says. */
static void expect_ready(void *argument)
{
    const uint16_t *port = argument;
    struct client client;
    client_connect_with(&client, &(struct client_setup){.port = *port, .plain = true});
    client_queue_text(&client, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect_status(&client, "/readyz", false, 200, NULL);
    client_close(&client);
}

E2E_TEST(upgrade_sockets, is_not_seen_by_probes_of_the_admin_listener)
{
    struct site site;
    struct client other;
    uint16_t port = 0;
    create_site(&site);
    for (uint16_t i = 21000; port == 0; i++) {
        if (client_try_connect(&other, &(struct client_setup){.port = i, .plain = true}))
            client_close(&other);
        else
            port = (uint16_t)(i + getpid() % 1000);
    }
    struct server *server =
        server_start(PIPELINED, &site, text_format("--admin 127.0.0.1:%u --drain-delay 5s", port));
    for (unsigned i = 0; i < 3; i++)
        successor_upgrade_during(server, expect_ready, &port);
    process_signal(&server->process, SIGTERM);
    process_signal(&server->process, SIGTERM); /* ends the delay */
    server_expect_end(server, 10000);
}

static void expect_nothing_on(uint16_t port)
{
    struct client client;
    cr_expect_not(client_try_connect(&client, &(struct client_setup){.port = port, .plain = true}),
                  "port %u accepts connections", port);
}

/* PITFALLS: a socket is matched by its address, not by its name alone. */
E2E_TEST(upgrade_sockets, moves_the_admin_listener_to_its_new_address)
{
    struct site site;
    create_site(&site);
    uint16_t first = find_port(), second = find_port();
    const char *path = site_path(&site, "../admin.sock");
    struct server *server = start_configured(&site, text_format("admin = %u", first));
    expect_ready(&first);
    configure(&site, text_format("admin = %u", second));
    successor_upgrade(server);
    expect_ready(&second);
    expect_nothing_on(first);
    successor_await(server, text_format("closed, as no listener is for what the process was "
                                        "started with: 127.0.0.1:%u (sluice.admin)",
                                        first));
    configure(&site, text_format("admin = unix:%s", path));
    successor_upgrade(server);
    cr_expect_eq(access(path, F_OK), 0, "%s", strerror(errno));
    expect_nothing_on(second);
    configure(&site, text_format("admin = localhost:%u", first));
    successor_upgrade(server);
    expect_ready(&first);
    configure(&site, text_format("admin = 127.0.0.1:%u", first));
    successor_upgrade(server); /* of two addresses one is left */
    expect_ready(&first);
    configure(&site, text_format("admin = localhost:%u", first));
    successor_upgrade(server); /* and two again */
    expect_ready(&first);
    server_stop(server);
}

/* It counts wherever it listens, again and again. */
E2E_TEST(upgrade_sockets, keeps_an_admin_socket_of_a_service_manager)
{
    struct site site;
    uint16_t port = 0;
    create_site(&site);
    int fd = open_socket(&port);
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site.path,
        .options = "--admin 127.0.0.1:1",
        .sockets = &fd,
        .socket_count = 1,
        .socket_names = "admin",
    });
    for (unsigned i = 0; i < 2; i++) {
        expect_ready(&port);
        successor_upgrade(server);
    }
    expect_ready(&port);
    server_stop(server);
    close(fd);
}

/* --- Many sockets on one address -------------------------------------------------------------- */

static void expect_all_handed_over(struct server *server)
{
    for (unsigned i = 0; i < 2; i++) {
        successor_upgrade(server);
        for (unsigned j = 0; j < 100; j++)
            server_expect_alive(server, "after an upgrade");
    }
    server_stop(server);
    cr_expect_null(strstr(process_errors(&server->process), "closed, as no listener"), "%s",
                   process_errors(&server->process));
}

/* Two sockets of one address, as ReusePort=yes of systemd.socket(5) gives them, are one listener of
 * a server with OPTIONS and WORDS. */
static void expect_one_listener(const char *options, const char *const *words)
{
    struct site site;
    uint16_t port = 0;
    create_site(&site);
    int fds[] = {open_socket(&port), open_socket(&port)};
    struct server *server = server_start_with(&(struct server_setup){
        .program = "sluice",
        .root = site.path,
        .no_bind = true,
        .options = options,
        .words = words,
        .sockets = fds,
        .socket_count = 2,
        .socket_names = e2e_uses_tls() ? "https:https" : "http:http",
    });
    cr_expect_eq(server->port, port);
    expect_all_handed_over(server);
    close(fds[0]);
    close(fds[1]);
}

E2E_TEST(upgrade_sockets, of_one_address_are_one_listener_that_a_name_is_for)
{
    const char *where = e2e_uses_tls() ? "127.0.0.1:1 tls" : "127.0.0.1:1";
    expect_one_listener("--threads 40", (const char *const[]){"--listen", where, NULL});
}

E2E_TEST(upgrade_sockets, of_one_address_are_one_listener_where_nothing_says_where_to_listen)
{
    expect_one_listener("--threads 12", NULL);
}

/* --- Descriptors that the settings name ------------------------------------------------------- */

static size_t size_of(int fd)
{
    struct stat state;
    return fstat(fd, &state) == 0 ? (size_t)state.st_size : 0;
}

/* The new process gets sockets at 3 and up, where the log is. */
E2E_TEST(upgrade_sockets, do_not_take_the_number_of_an_inherited_log)
{
    struct site site;
    create_site(&site);
    int log = open(site_path(&site, "../log"), O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
    cr_assert(log >= 3 && log < 20, "%d", log);
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site.path,
        .options = text_format("--threads 20 --access-log /proc/self/fd/%d", log),
        .inherited_fd = log,
    });
    for (unsigned i = 0; i < 3; i++) {
        const size_t before = size_of(log);
        server_expect_alive(server, "with a log");
        for (int64_t deadline = deadline_after(10000); size_of(log) == before;)
            cr_assert(poll(NULL, 0, 5) == 0 && deadline_left_ms(deadline) > 0,
                      "after %u upgrades nothing is logged", i);
        successor_upgrade(server);
    }
    server_stop(server);
    close(log);
}

E2E_TEST(upgrade_sockets, do_not_take_the_number_of_an_inherited_root)
{
    struct site site;
    create_site(&site);
    int root = open(site.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(root >= 3 && root < 20, "%d", root);
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = text_format("/dev/fd/%d", root),
        .options = "--threads 20",
        .inherited_fd = root,
    });
    for (unsigned i = 0; i < 3; i++) {
        server_expect_alive(server, "with a root");
        successor_upgrade(server);
    }
    server_expect_alive(server, "with a root");
    server_stop(server);
    close(root);
}
