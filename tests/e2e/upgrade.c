/* upgrade: SIGUSR2 starts the program anew, which takes over the listening sockets; no connection
 * is refused or reset, and an upgrade that fails changes nothing. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"
#include "service.h"
#include "successor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef SLUICE_HAVE_OPENSSL
#include <openssl/ssl.h>
#endif

E2E_SUITE(upgrade);

enum { CLIENTS = 24, UPGRADES = 4 };

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
    site_fill(site, "small.txt", 3000, 1);
}

/* --- Load ----------------------------------------------------------------------------------- */

/* Clients that make requests, one after the other on each connection. A connection that the server
 * has closed after an answer is made anew. */
struct load {
    const struct server *server;
    struct client clients[CLIENTS];
    bool connected[CLIENTS];
    bool closes; /* each request is on a connection of its own */
    unsigned answers;
};

static const char *const kept = "GET /small.txt HTTP/1.1\r\nHost: x\r\n\r\n";
static const char *const closed = "GET /small.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

static bool is_last(const struct response *response)
{
    const char *connection = response_field(response, "Connection");
    return connection && strcmp(connection, "close") == 0;
}

/* One request of each client. */
static void load_round(void *argument)
{
    struct load *load = argument;
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &load->clients[i];
        if (!load->connected[i])
            client_connect(client, load->server);
        load->connected[i] = true;
        client_queue_text(client, load->closes ? closed : kept);
        cr_assert(client_flush(client), "request %u: %s", load->answers, strerror(client->error));
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &load->clients[i];
        struct response response;
        enum answer answer = client_read_response(client, false, &response);
        cr_assert(answer == ANSWER_WHOLE && response.status == 200 && response.body.length == 3000,
                  "request %u: %s", load->answers, answer_text(client, answer));
        load->answers++;
        if (!is_last(&response))
            continue;
        client_close(client);
        load->connected[i] = false;
    }
}

static void load_end(struct load *load)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        if (load->connected[i])
            client_close(&load->clients[i]);
    }
}

static void upgrade_under_load(bool closes)
{
    struct site site;
    create_site(&site);
    struct server *server =
        server_start(PIPELINED, &site, "--threads 3 --drain-grace 5s --access-log /dev/null");
    struct load load = {.server = server, .closes = closes};
    for (unsigned i = 0; i < UPGRADES; i++) {
        pid_t before = server->process.pid;
        load_round(&load);
        successor_upgrade_during(server, load_round, &load);
        cr_expect_neq(server->process.pid, before);
    }
    for (unsigned i = 0; i < 10; i++)
        load_round(&load);
    load_end(&load);
    server_stop(server);
}

E2E_TEST(upgrade, loses_no_request_on_connections_that_are_kept)
{
    upgrade_under_load(false);
}

E2E_TEST(upgrade, loses_no_request_on_new_connections)
{
    upgrade_under_load(true);
}

/* A download goes on beside the new process. */
E2E_TEST(upgrade, finishes_what_the_old_process_has)
{
    struct site site;
    struct client download;
    struct response response;
    create_site(&site);
    struct view content = site_fill(&site, "big.mp4", 16 << 20, 2);
    struct server *server = server_start(PIPELINED, &site, "--threads 2");
    struct process old = server->process;
    client_connect_with(&download, &(struct client_setup){.port = server->port,
                                                          .receive_buffer_bytes = KIB(64),
                                                          .read_bytes_max = KIB(64)});
    client_queue_text(&download, "GET /big.mp4 HTTP/1.1\r\nHost: x\r\n\r\n");
    client_receive(&download, 1000, deadline_after(5000));
    successor_adopt();
    process_signal(&old, SIGUSR2);
    successor_await(server, "serves from now on");
    cr_expect_not(process_wait(&old, clock_ms()), "it ended with a download in flight");
    process_signal(&old, SIGTERM); /* as of a manager that ends all processes of a service */
    successor_await(server, "finishing responses in flight already");
    server_expect_alive(server, "beside the old process");
    if (expect_status(&download, "the download", false, 200, &response))
        cr_expect(response.body.length == content.length &&
                  memcmp(response.body.data, content.data, content.length) == 0);
    client_close(&download);
    successor_take(server);
    server_stop(server);
}

/* --- Failures --------------------------------------------------------------------------------- */

static void replace_program(const struct site *site, const char *text, mode_t mode)
{
    site_replace_text(site, "../server", text);
    site_chmod(site, "../server", mode);
}

/* The children of SERVER, as numbers in text. */
static const char *children(const struct server *server)
{
    char text[256] = "";
    int fd = open(text_format("/proc/%d/task/%d/children", (int)server->process.pid,
                              (int)server->process.pid),
                  O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    return text_format("%.*s", (int)length, text);
}

static void expect_nothing_left(const struct server *server, size_t descriptors)
{
    for (int64_t deadline = deadline_after(10000); *children(server);) {
        cr_assert(deadline_left_ms(deadline) > 0, "children: %s", children(server));
        poll(NULL, 0, 2);
    }
    server_expect_descriptors(server, descriptors, "after an upgrade that failed");
}

static struct server *start_copy(const struct site *site)
{
    successor_copy_program("pipelined-server", site_path(site, "../server"));
    return server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site->path,
        .options = "--threads 2",
        .path = site_path(site, "../server"),
    });
}

static const struct {
    const char *text;
    mode_t mode;
    const char *says;
} broken[] = {
    {"#!/bin/sh\nexit 3\n", 0755, "the new process ended with status 3; this process goes on"},
    {"#!/bin/sh\nkill -9 $$\n", 0755, "signal 9 ended the new process; this process goes on"},
    {"not a program", 0755, "server': Exec format error; this process goes on"},
    {"#!/bin/sh\nexit 3\n", 0644, "server': Permission denied; this process goes on"},
};

E2E_TEST(upgrade, to_a_program_that_fails_changes_nothing)
{
    struct site site;
    create_site(&site);
    struct server *server = start_copy(&site);
    server_expect_alive(server, "at first");
    size_t descriptors = server_settled_descriptors(server);
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        replace_program(&site, broken[i].text, broken[i].mode);
        process_signal(&server->process, SIGUSR2);
        successor_await(server, broken[i].says);
        server_expect_alive(server, broken[i].says);
        expect_nothing_left(server, descriptors);
    }
    cr_assert_eq(unlink(site_path(&site, "../server")), 0);
    process_signal(&server->process, SIGUSR2);
    successor_await(server, "server': No such file or directory; this process goes on");
    expect_nothing_left(server, descriptors);
    successor_copy_program("pipelined-server", site_path(&site, "../server"));
    successor_upgrade(server);
    server_expect_alive(server, "after the upgrade");
    server_stop(server);
}

E2E_TEST(upgrade, to_a_program_that_hangs_is_given_up)
{
    struct site site;
    create_site(&site);
    struct server *server = start_copy(&site);
    server_expect_alive(server, "at first");
    size_t descriptors = server_settled_descriptors(server);
    replace_program(&site, "#!/bin/sh\nexec sleep 1000\n", 0755);
    process_signal(&server->process, SIGUSR2);
    successor_await(server, "the upgrade has started");
    process_signal(&server->process, SIGUSR2);
    successor_await(server, "SIGUSR2 has no effect while an upgrade is under way");
    server_expect_alive(server, "while the new process hangs");
    for (int64_t deadline = deadline_after(60000);
         !strstr(process_errors(&server->process), "was not ready in 30 s; this process goes on");)
        cr_assert(poll(NULL, 0, 50) == 0 && deadline_left_ms(deadline) > 0, "%s",
                  process_errors(&server->process));
    expect_nothing_left(server, descriptors);
    successor_copy_program("pipelined-server", site_path(&site, "../server"));
    successor_upgrade(server);
    server_stop(server);
}

E2E_TEST(upgrade, ends_with_the_server)
{
    struct site site;
    create_site(&site);
    struct server *server = start_copy(&site);
    replace_program(&site, "#!/bin/sh\nexec sleep 1000\n", 0755);
    successor_adopt();
    process_signal(&server->process, SIGUSR2);
    successor_await(server, "the upgrade has started");
    pid_t next = successor_named(server, "the upgrade has started");
    server_stop(server);
    /* Either process may have reaped it. */
    for (int64_t deadline = deadline_after(10000);
         waitpid(next, NULL, WNOHANG) != next && kill(next, 0) == 0;)
        cr_assert(poll(NULL, 0, 2) == 0 && deadline_left_ms(deadline) > 0, "it is left");
}

/* --- What goes along -------------------------------------------------------------------------- */

E2E_TEST(upgrade, leaves_the_pid_file_and_the_service_to_the_new_process)
{
    struct site site;
    struct manager manager;
    char number[32] = "";
    create_site(&site);
    manager_open(&manager, &site);
    const char *path = site_path(&site, "../sluice.pid");
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site.path,
        .options = text_format("--pid-file %s", path),
        .environment = {manager.variable, "WATCHDOG_USEC=400000"},
    });
    manager_expect(&manager, "WATCHDOG=1");
    successor_upgrade(server);
    const char *line = text_format("MAINPID=%d", (int)server->process.pid);
    const char *message;
    while ((message = manager_next(&manager, deadline_after(10000))) && !message_has(message, line))
        cr_expect(message_has(message, "WATCHDOG=1"), "%s", message);
    message = manager_next(&manager, deadline_after(10000));
    cr_expect(message && message_has(message, "READY=1"), "%s", message);
    for (unsigned i = 0; i < 3; i++) {
        message = manager_next(&manager, deadline_after(10000));
        cr_expect(message && message_has(message, "WATCHDOG=1"), "%s", message);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_expect(read(fd, number, sizeof(number) - 1) > 0 &&
                  strtol(number, NULL, 10) == server->process.pid,
              "%s", number);
    close(fd);
    process_signal(&server->process, SIGTERM);
    manager_expect(&manager, "STOPPING=1");
    server_expect_end(server, 10000);
    cr_expect_neq(access(path, F_OK), 0, "it is left");
    manager_close(&manager);
}

#ifdef SLUICE_HAVE_OPENSSL

E2E_TEST(upgrade, keeps_the_sessions_of_tls)
{
    if (!e2e_uses_tls())
        e2e_skip("no server speaks HTTPS");
    struct site site;
    create_site(&site);
    struct server *server = server_start(PIPELINED, &site, NULL);
    struct ssl_session_st *session = NULL;
    for (unsigned i = 0; i < 4; i++) {
        struct client client;
        struct response response;
        struct secure_setup secure = e2e_usual_tls();
        secure.session = session;
        if (i > 0)
            successor_upgrade(server);
        client_connect_with(&client,
                            &(struct client_setup){.port = server->port, .secure = &secure});
        client_queue_text(&client, closed);
        expect_status(&client, "a page", false, 200, &response);
        cr_expect_eq(SSL_session_reused(secure_ssl(client.secure)), i > 0, "%u", i);
        session = secure_session(client.secure);
        client_close(&client);
    }
    server_stop(server);
}

#endif

/* --- Process 1 -------------------------------------------------------------------------------- */

/* Starts a process in the namespace of SERVER, whose parent ends: an orphan of process 1. Returns a
 * descriptor whose closing ends it. */
static int start_orphan(const struct server *server)
{
    int ends[2];
    int space =
        open(text_format("/proc/%d/ns/pid", (int)server->process.pid), O_RDONLY | O_CLOEXEC);
    cr_assert(space >= 0 && pipe2(ends, O_CLOEXEC) == 0, "%s", strerror(errno));
    pid_t outer = fork();
    if (outer == 0) {
        char byte;
        if (setns(space, CLONE_NEWPID) < 0)
            _exit(1);
        pid_t inner = fork();
        if (inner > 0) {
            waitpid(inner, NULL, 0);
            _exit(0);
        }
        close(ends[1]);
        if (fork() == 0 && read(ends[0], &byte, 1) == 0)
            _exit(7);
        _exit(0);
    }
    waitpid(outer, NULL, 0);
    close(space);
    close(ends[0]);
    return ends[1];
}

E2E_TEST(upgrade, is_refused_as_process_1_which_reaps_orphans)
{
    struct site site;
    create_site(&site);
    if (geteuid() != 0 || unshare(CLONE_NEWPID) < 0)
        e2e_skip("no namespace of processes");
    struct server *server = server_start_with(
        &(struct server_setup){.kind = PIPELINED, .root = site.path, .first_process = true});
    process_signal(&server->process, SIGUSR2);
    successor_await(server, "SIGUSR2 has no effect on process 1");
    server_expect_alive(server, "after SIGUSR2");
    int end = start_orphan(server);
    for (int64_t deadline = deadline_after(10000); !*children(server);)
        cr_assert(poll(NULL, 0, 2) == 0 && deadline_left_ms(deadline) > 0, "no orphan");
    close(end);
    for (int64_t deadline = deadline_after(10000); *children(server);)
        cr_assert(poll(NULL, 0, 2) == 0 && deadline_left_ms(deadline) > 0, "it is not reaped");
    process_signal(&server->process, SIGHUP);
    process_signal(&server->process, SIGUSR1);
    server_expect_alive(server, "after other signals");
    server_stop(server);
}
