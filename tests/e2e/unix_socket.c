/* Listening on sockets of the Unix domain: --listen unix:PATH. unix(7). Each server listens on TCP
 * too, so that the test knows when it is ready. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

E2E_SUITE(unix_socket);

enum { BIG_BYTES = 8 << 20 };

static struct site site;

static const char *socket_path(void)
{
    return site_path(&site, "../s");
}

static void create_site(void)
{
    site_create(&site);
    site_write_text(&site, "index.html", "hello");
}

/* Starts sluice on the socket, with WORDS after its path, and OPTIONS. */
static struct server *start(const char *words, const char *options)
{
    static char listen[256];
    snprintf(listen, sizeof(listen), "unix:%s%s", socket_path(), words);
    const char *const arguments[] = {"--listen", "127.0.0.1:0", "--listen", listen, NULL};
    return server_start_with(&(struct server_setup){.program = "sluice",
                                                    .root = site.path,
                                                    .words = arguments,
                                                    .options = options,
                                                    .no_bind = true,
                                                    .own_tls = true});
}

static void connect_to(struct client *client, const char *path)
{
    client_connect_with(client, &(struct client_setup){.unix_path = path});
}

/* One request, after which the server closes. */
static void expect_hello(const char *path, const char *what)
{
    struct client client;
    struct response response;
    connect_to(&client, path);
    client_queue_text(&client, request_text("GET", "/"));
    if (expect_status(&client, what, false, 200, &response))
        cr_expect(response.body.length == 5, "%s", what);
    expect_end(&client, what);
    client_close(&client);
}

static bool exists(const char *path)
{
    struct stat state;
    return lstat(path, &state) == 0;
}

E2E_TEST(unix_socket, serves_many_connections_and_pipelined_requests)
{
    enum { CONNECTIONS = 40, REQUESTS = 100 };
    static struct client clients[CONNECTIONS];
    create_site();
    struct server *server = start(" mode=0600", "--threads 2");
    cr_expect(strstr(bytes_text(&server->screen), text_format("  unix:%s\n", socket_path())), "%s",
              bytes_text(&server->screen));
    for (int i = 0; i < CONNECTIONS; i++) {
        connect_to(&clients[i], socket_path());
        for (int j = 0; j < REQUESTS; j++)
            client_queue_text(&clients[i], "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        for (int j = 0; j < REQUESTS; j++)
            cr_assert(expect_status(&clients[i], "pipelined", false, 200, NULL));
        client_close(&clients[i]);
    }
    expect_hello(socket_path(), "the last answer");
    server_stop(server);
    process_read_output(&server->process, &server->screen);
    cr_expect_null(strstr(bytes_text(&server->screen), "reset"), "a close is not a reset: %s",
                   bytes_text(&server->screen));
}

E2E_TEST(unix_socket, sends_large_files_to_slow_readers)
{
    struct client client;
    uint64_t bytes = 0;
    create_site();
    site_fill(&site, "big", BIG_BYTES, 1);
    start("", "--threads 1");
    client_connect_with(
        &client, &(struct client_setup){.unix_path = socket_path(), .read_bytes_max = KIB(16)});
    client_queue_text(&client, request_text("GET", "/big"));
    cr_assert(client_flush(&client));
    cr_expect(client_drain(&client, &bytes, deadline_after(60000)));
    cr_expect_gt(bytes, BIG_BYTES);
    client_close(&client);
}

#ifdef SLUICE_HAVE_OPENSSL

E2E_TEST(unix_socket, speaks_tls)
{
    struct client client;
    create_site();
    start(" tls", "--self-signed");
    struct secure_setup secure = {.server_name = "localhost"};
    client_connect_with(&client,
                        &(struct client_setup){.unix_path = socket_path(), .secure = &secure});
    client_queue_text(&client, request_text("GET", "/"));
    expect_status(&client, "over TLS", false, 200, NULL);
    client_close(&client);
}

#endif

E2E_TEST(unix_socket, accepts_on_an_abstract_name)
{
    create_site();
    const char *name = text_format("@sluice-e2e-%d", getpid());
    const char *listen = text_format("unix:%s", name);
    const char *const arguments[] = {"--listen", "127.0.0.1:0", "--listen", listen, NULL};
    server_start_with(&(struct server_setup){.program = "sluice",
                                             .root = site.path,
                                             .words = arguments,
                                             .no_bind = true,
                                             .own_tls = true});
    expect_hello(name, "an abstract name");
}

E2E_TEST(unix_socket, removes_its_file_at_the_end_and_replaces_a_stale_one)
{
    create_site();
    struct server *first = start("", NULL);
    process_signal(&first->process, SIGKILL);
    cr_assert(process_wait(&first->process, deadline_after(10000)));
    process_kill(&first->process);
    first->process.pid = 0;
    cr_assert(exists(socket_path()), "a process that was killed leaves its file");
    struct server *second = start("", NULL);
    expect_hello(socket_path(), "after a stale file");
    server_stop(second);
    cr_expect_not(exists(socket_path()), "the file is left");
}

/* Runs sluice on the socket until it ends. Returns its message. */
static const char *expect_refusal(const char *words)
{
    struct process process;
    struct process_setup setup = {.program = "sluice"};
    process_add_word(&setup, site.path);
    process_add_word(&setup, "--listen");
    process_add_word(&setup, text_format("unix:%s%s", socket_path(), words));
    process_start(&process, &setup);
    if (!process_wait(&process, deadline_after(10000))) {
        process_kill(&process);
        cr_assert_fail("it did not end");
    }
    cr_expect_neq(process.status, 0);
    return process_errors(&process);
}

E2E_TEST(unix_socket, refuses_a_path_in_use_and_what_is_not_a_socket)
{
    create_site();
    struct server *server = start("", NULL);
    const char *errors = expect_refusal("");
    cr_expect(strstr(errors, "is in use"), "%s", errors);
    expect_hello(socket_path(), "the first one goes on");
    server_stop(server);
    site_write_text(&site, "../s", "precious");
    errors = expect_refusal("");
    cr_expect(strstr(errors, "is not a socket"), "%s", errors);
    struct stat state;
    cr_expect(lstat(socket_path(), &state) == 0 && S_ISREG(state.st_mode) && state.st_size == 8);
    cr_assert_eq(unlink(socket_path()), 0);
    errors = expect_refusal(" owner=no-such-user");
    cr_expect(strstr(errors, "not a user"), "%s", errors);
    cr_expect_not(exists(socket_path()));
}

E2E_TEST(unix_socket, logs_an_address_that_programs_can_read)
{
    create_site();
    const char *log = site_path(&site, "../log");
    struct server *server = start("", text_format("--access-log %s", log));
    expect_hello(socket_path(), "logged");
    server_stop(server);
    FILE *file = fopen(log, "re");
    char line[512] = "";
    cr_assert_not_null(file);
    cr_expect_not_null(fgets(line, sizeof(line), file));
    fclose(file);
    cr_expect(strncmp(line, "127.0.0.1 - - [", 15) == 0, "%s", line);
}
