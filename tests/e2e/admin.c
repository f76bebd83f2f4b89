/* admin: the admin listener, which operators and their programs read: paths, the Host rule, hostile
 * and slow clients, the drain, the Unix-domain socket; and its clients, healthcheck and top. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

E2E_SUITE(admin);

/* A server with an admin listener on a free port. */
struct watched {
    struct site site;
    struct server *server;
    uint16_t port; /* of the admin listener */
};

/* Reads the start screen until it says where the admin listener is. Returns the end of that line's
 * beginning. */
static const char *await_admin_line(struct server *server)
{
    static const char mark[] = "  admin on ";
    int64_t deadline = deadline_after(10000);
    for (;;) {
        const char *line = strstr(bytes_text(&server->screen), mark);
        if (line && strchr(line, '\n'))
            return line + strlen(mark);
        cr_assert(deadline_left_ms(deadline) > 0, "no admin listener on the screen: %s",
                  bytes_text(&server->screen));
        process_read_output(&server->process, &server->screen);
    }
}

static void begin(struct watched *ret, const char *options)
{
    site_create(&ret->site);
    site_write_text(&ret->site, "index.html", "hello");
    ret->server =
        server_start(PIPELINED, &ret->site, text_format("--admin 0 --threads 2 %s", options));
    const char *url = await_admin_line(ret->server);
    const char *colon = strchr(url + strlen("http://"), ':');
    cr_assert_not_null(colon);
    ret->port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

static void connect_admin(struct client *client, uint16_t port)
{
    client_connect_with(client, &(struct client_setup){.port = port, .plain = true});
}

/* Asks for TARGET on a connection of its own. Returns the status. */
static int ask(uint16_t port, const char *method, const char *target, struct response *ret)
{
    struct client client;
    struct response response;
    connect_admin(&client, port);
    client_queue_text(&client,
                      text_format("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                                  method, target));
    const bool no_body = strcmp(method, "HEAD") == 0;
    enum answer answer = client_read_response(&client, no_body, &response);
    cr_assert_eq(answer, ANSWER_WHOLE, "%s: %s", target, answer_text(&client, answer));
    if (ret)
        *ret = response; /* of a client that is left open, so that its views stay valid */
    else
        client_close(&client);
    return response.status;
}

static const char *body_text(const struct response *response)
{
    return text_format("%.*s", (int)response->body.length, (const char *)response->body.data);
}

/* The sum of the samples of /metrics whose line begins with PREFIX and contains PART. */
static double metric(uint16_t port, const char *prefix, const char *part)
{
    struct response response;
    double sum = 0;
    cr_assert_eq(ask(port, "GET", "/metrics", &response), 200);
    char *text = strdup(body_text(&response)), *rest = text, *line;
    while ((line = strsep(&rest, "\n"))) {
        if (strncmp(line, prefix, strlen(prefix)) == 0 && strstr(line, part))
            sum += strtod(strrchr(line, ' '), NULL);
    }
    free(text);
    return sum;
}

static void expect_path(uint16_t port, const char *path, const char *type)
{
    struct response response;
    cr_expect_eq(ask(port, "GET", path, &response), 200, "%s", path);
    cr_expect_str_eq(response_field(&response, "Content-Type"), type);
    cr_expect_eq(ask(port, "HEAD", path, &response), 200, "%s", path);
    cr_expect_str_eq(response_field(&response, "Content-Type"), type);
    cr_expect_eq(ask(port, "POST", path, NULL), 405, "%s", path);
}

E2E_TEST(admin, answers_each_path_with_its_type)
{
    struct watched watched;
    struct response response;
    begin(&watched, "");
    expect_path(watched.port, "/metrics", "text/plain; version=0.0.4; charset=utf-8");
    expect_path(watched.port, "/healthz", "text/plain; charset=utf-8");
    expect_path(watched.port, "/readyz", "text/plain; charset=utf-8");
    expect_path(watched.port, "/status", "text/html; charset=utf-8");
    expect_path(watched.port, "/status.json", "application/json");
    cr_expect_eq(ask(watched.port, "GET", "/", &response), 404);
    cr_expect(strstr(body_text(&response), "/metrics"), "it lists the paths");
    cr_expect_eq(ask(watched.port, "GET", "/index.html", NULL), 404, "no files are served here");
}

/* The samples of NAME that contain PART must add up to WANTED. */
static void expect_metric(uint16_t port, const char *name, const char *part, double wanted)
{
    const double found = metric(port, name, part);
    cr_expect_eq(found, wanted, "%s %s is %f", name, part, found);
}

E2E_TEST(admin, counts_what_clients_did)
{
    static const char requests[] = "sluice_http_requests_total";
    struct watched watched;
    struct client client;
    begin(&watched, "");
    for (int i = 0; i < 5; i++)
        expect_fetch(watched.server, "a file", request_text("GET", "/index.html"), 200, NULL);
    expect_fetch(watched.server, "nothing", request_text("GET", "/absent"), 404, NULL);
    client_connect(&client, watched.server);
    client_queue_text(&client, "HEAD /index.html HTTP/1.1\r\nHost: example.org\r\n\r\n");
    expect_status(&client, "HEAD", true, 200, NULL);
    expect_metric(watched.port, requests, "method=\"GET\",code=\"200\"", 5);
    expect_metric(watched.port, requests, "code=\"404\"", 1);
    expect_metric(watched.port, requests, "method=\"HEAD\"", 1);
    expect_metric(watched.port, "sluice_connections_accepted_total", "", 7);
    client_close(&client);
}

E2E_TEST(admin, shows_what_the_server_holds)
{
    struct watched watched;
    struct client client;
    begin(&watched, "");
    client_connect(&client, watched.server);
    client_queue_text(&client, "GET /index.html HTTP/1.1\r\nHost: example.org\r\n\r\n");
    expect_status(&client, "GET", false, 200, NULL);
    /* The worker counts it after the answer has gone. */
    for (int64_t deadline = deadline_after(5000);
         metric(watched.port, "sluice_connections{", "state=\"idle\"") != 1;)
        cr_assert(deadline_left_ms(deadline) > 0, "the connection is not idle");
    expect_metric(watched.port, "sluice_cache_entries", "", 1);
    cr_expect_gt(metric(watched.port, "sluice_cache_bytes", ""), 0);
    cr_expect_gt(metric(watched.port, "sluice_sent_bytes_total", ""), 100);
    if (e2e_uses_tls())
        expect_metric(watched.port, "sluice_tls_handshakes_total", "result=\"full\"", 1);
    client_close(&client);
}

E2E_TEST(admin, documents_every_metric)
{
    struct watched watched;
    struct response response;
    static char page[1 << 16];
    begin(&watched, "");
    FILE *file = fopen(text_format("%s/docs/metrics.md", e2e_top_directory()), "re");
    cr_assert_not_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    ask(watched.port, "GET", "/metrics", &response);
    char *text = strdup(body_text(&response)), *rest = text, *line;
    char help[256] = "";
    unsigned count = 0;
    while ((line = strsep(&rest, "\n"))) {
        char name[128], type[32];
        sscanf(line, "# HELP %127s %255[^\n]", name, help);
        if (sscanf(line, "# TYPE %127s %31s", name, type) != 2)
            continue;
        const char *row = strstr(page, text_format("\n| `%s` | %s |", name, type));
        cr_expect(row, "%s, a %s", name, type);
        const char *end = row ? strstr(row, text_format("| %s |\n", help)) : NULL;
        cr_expect(end && strchr(row + 1, '\n') > end, "%s: %s", name, help);
        count++;
    }
    for (const char *row = page; (row = strstr(row, "\n| `")); row++)
        count -= row[strlen("\n| `")] != '/'; /* another table has paths */
    cr_expect_eq(count, 0, "docs/metrics.md has a row for each, and no other");
    free(text);
}

E2E_TEST(admin, refuses_the_host_of_a_stranger)
{
    struct watched watched;
    struct client client;
    begin(&watched, "");
    connect_admin(&client, watched.port);
    client_queue_text(&client, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"
                               "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n"
                               "GET /readyz HTTP/1.0\r\n\r\n");
    expect_status(&client, "DNS rebinding", false, 421, NULL);
    expect_status(&client, "a probe", false, 200, NULL);
    expect_status(&client, "a probe without Host", false, 200, NULL);
    expect_end(&client, "HTTP/1.0");
    client_close(&client);
}

E2E_TEST(admin, survives_hostile_requests)
{
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        {"\x16\x03\x01\x02\x01\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
         "Content-Length: 3\r\n\r\n",
         400},
        {"BREW /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
        {"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
    };
    struct watched watched;
    struct client client;
    begin(&watched, "");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        connect_admin(&client, watched.port);
        client_queue_text(&client, rows[i].request);
        expect_status(&client, rows[i].request, false, rows[i].status, NULL);
        client_close(&client);
    }
    connect_admin(&client, watched.port);
    client_queue_text(&client, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ");
    for (int i = 0; i < 1000; i++)
        client_queue_text(&client, "0123456789abcdef");
    expect_status(&client, "a head of 16 KiB", false, 431, NULL);
    client_close(&client);
    cr_expect_eq(ask(watched.port, "GET", "/healthz", NULL), 200);
}

E2E_TEST(admin, answers_pipelined_requests_and_pieces)
{
    struct watched watched;
    begin(&watched, "");
    for (int delivery = 0; delivery < DELIVERY_COUNT; delivery++) {
        struct client client;
        client_connect_with(&client, &(struct client_setup){.port = watched.port,
                                                            .plain = true,
                                                            .delivery = (enum delivery)delivery});
        for (int i = 0; i < 20; i++)
            client_queue_text(&client, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
        for (int i = 0; i < 20; i++)
            expect_status(&client, "one of many", false, 200, NULL);
        client_close(&client);
    }
}

E2E_TEST(admin, a_crowd_of_slow_clients_keeps_no_other_from_an_answer)
{
    enum { CROWD = 100 };
    static struct client crowd[CROWD];
    struct watched watched;
    begin(&watched, "");
    for (int i = 0; i < CROWD; i++) {
        connect_admin(&crowd[i], watched.port);
        client_queue_text(&crowd[i], "GET /metrics HTTP/1.1\r\nHo");
        client_flush_blindly(&crowd[i]);
    }
    int64_t begun = clock_ms();
    cr_expect_eq(ask(watched.port, "GET", "/metrics", NULL), 200);
    cr_expect_lt(clock_ms() - begun, e2e_is_slow() ? 15000 : 3000);
    server_expect_alive(watched.server, "beside a crowd");
    for (int i = 0; i < CROWD; i++)
        client_abort(&crowd[i]);
    cr_expect_eq(ask(watched.port, "GET", "/healthz", NULL), 200);
}

/* --- Starting --------------------------------------------------------------------------------- */

/* Runs PROGRAM with WORDS. It must end with STATUS. Returns its standard error. */
static const char *run(const char *program, const char *words, int status, struct bytes *output)
{
    struct process_setup setup = {.program = program};
    struct process process;
    process_add_words(&setup, words);
    process_start(&process, &setup);
    cr_assert(process_wait(&process, deadline_after(20000)), "%s %s does not end", program, words);
    if (output)
        process_read_output(&process, output);
    const char *errors = process_errors(&process);
    cr_expect(WIFEXITED(process.status) && WEXITSTATUS(process.status) == status, "%s %s: %s",
              program, words, errors);
    return errors;
}

E2E_TEST(admin, an_address_in_use_is_reported)
{
    struct watched watched;
    begin(&watched, "");
    const char *root = watched.site.path;
    const char *errors =
        run("pipelined-server",
            text_format("0 %s --bind 127.0.0.1 --admin %u", root, (unsigned)watched.port), 1, NULL);
    cr_expect(strstr(errors, "--admin"), "%s", errors);
    cr_expect(strstr(errors, "in use"), "%s", errors);
    errors = run("pipelined-server",
                 text_format("%u %s --bind 127.0.0.2 --admin 127.0.0.1:%u", (unsigned)watched.port,
                             root, (unsigned)watched.port),
                 1, NULL);
    cr_expect(strstr(errors, "files are served on"), "%s", errors);
    errors = run("simple-server", text_format("0 %s --admin nonsense", root), 2, NULL);
    cr_expect(strstr(errors, "--admin"), "%s", errors);
}

E2E_TEST(admin, every_program_has_it)
{
    struct site site;
    site_create(&site);
    for (int kind = 0; kind < SERVER_KIND_COUNT; kind++)
        await_admin_line(server_start((enum server_kind)kind, &site, "--admin localhost:0"));
}

E2E_TEST(admin, a_unix_socket_has_its_mode_and_goes_at_the_end)
{
    struct site site;
    struct stat state;
    site_create(&site);
    const char *path = site_path(&site, "../admin.sock");
    const char *const words[] = {"--admin", text_format("unix:%s mode=0600", path), NULL};
    struct server *server = server_start_with(
        &(struct server_setup){.kind = PIPELINED, .root = site.path, .words = words});
    await_admin_line(server);
    cr_assert_eq(stat(path, &state), 0);
    cr_expect(S_ISSOCK(state.st_mode));
    cr_expect_eq(state.st_mode & 07777, 0600);
    run("sluice", text_format("healthcheck --admin unix:%s", path), 0, NULL);
    server_stop(server);
    cr_expect_neq(stat(path, &state), 0, "it is left");
    const char *errors = run("sluice", text_format("healthcheck --admin unix:%s", path), 1, NULL);
    cr_expect(strstr(errors, "no answer"), "%s", errors);
}

/* --- The drain -------------------------------------------------------------------------------- */

static void await_not_ready(uint16_t port)
{
    for (int64_t deadline = deadline_after(5000); ask(port, "GET", "/readyz", NULL) != 503;)
        cr_assert(deadline_left_ms(deadline) > 0, "it is still ready");
}

E2E_TEST(admin, is_not_ready_before_the_listeners_close)
{
    struct watched watched;
    begin(&watched, "--drain-delay 60s");
    cr_expect_eq(ask(watched.port, "GET", "/readyz", NULL), 200);
    process_signal(&watched.server->process, SIGTERM);
    await_not_ready(watched.port);
    cr_expect_eq(ask(watched.port, "GET", "/healthz", NULL), 200);
    expect_fetch(watched.server, "during the delay", request_text("GET", "/"), 200, NULL);
    process_signal(&watched.server->process, SIGTERM); /* which ends the delay */
    server_expect_end(watched.server, 5000);
}

E2E_TEST(admin, the_delay_ends_by_itself)
{
    struct watched watched;
    begin(&watched, "--drain-delay 300ms");
    process_signal(&watched.server->process, SIGTERM);
    await_not_ready(watched.port);
    server_expect_end(watched.server, 5000);
}

E2E_TEST(admin, answers_while_responses_are_finished)
{
    struct watched watched;
    struct client client;
    begin(&watched, "--drain-grace 0");
    site_write_sparse(&watched.site, "large.bin", (off_t)64 << 20);
    client_connect_with(&client, &(struct client_setup){.port = watched.server->port,
                                                        .receive_buffer_bytes = 4096});
    client_queue_text(&client, request_text("GET", "/large.bin"));
    client_receive(&client, 1, deadline_after(5000));
    process_signal(&watched.server->process, SIGTERM);
    await_not_ready(watched.port);
    cr_expect_eq(ask(watched.port, "GET", "/healthz", NULL), 200);
    cr_expect_eq(metric(watched.port, "sluice_draining", ""), 1);
    uint64_t bytes;
    client_drain(&client, &bytes, deadline_after(30000));
    client_close(&client);
    server_expect_end(watched.server, 5000);
}

/* --- Clients ---------------------------------------------------------------------------------- */

E2E_TEST(admin, healthcheck_says_it_by_its_exit_status)
{
    struct watched watched;
    begin(&watched, "--drain-delay 60s");
    const char *check = text_format("healthcheck --admin 127.0.0.1:%u", (unsigned)watched.port);
    run("sluice", check, 0, NULL);
    run("sluice", text_format("%s --ready", check), 0, NULL);
    process_signal(&watched.server->process, SIGTERM);
    await_not_ready(watched.port);
    run("sluice", check, 0, NULL);
    run("sluice", text_format("%s --ready", check), 1, NULL);
    process_signal(&watched.server->process, SIGTERM);
    server_expect_end(watched.server, 5000);
    const char *errors = run("sluice", check, 1, NULL);
    cr_expect(strstr(errors, "no answer"), "%s", errors);
    run("sluice", "healthcheck", 1, NULL);
}

/* An address may be that of another program. */
E2E_TEST(admin, healthcheck_hands_no_control_bytes_to_a_terminal)
{
    struct site site;
    struct bytes output = {0};
    site_create(&site);
    site_write_text(&site, "healthz", "a\033[31mb\x9b\nc");
    struct server *server = server_start_with(
        &(struct server_setup){.kind = PIPELINED, .root = site.path, .own_tls = true});
    run("sluice", text_format("healthcheck --admin 127.0.0.1:%u", (unsigned)server->port), 0,
        &output);
    cr_expect_str_eq(bytes_text(&output), "a?[31mb?\n");
    site_write_text(&site, "404.html", "c\x9b\nd");
    const char *errors = run(
        "sluice", text_format("healthcheck --ready --admin 127.0.0.1:%u", (unsigned)server->port),
        1, NULL);
    cr_expect(strstr(errors, "/readyz answered 404: c?\n"), "%s", errors);
}

E2E_TEST(admin, top_prints_one_view_without_a_terminal)
{
    struct watched watched;
    struct bytes output = {0};
    begin(&watched, "");
    expect_fetch(watched.server, "a file", request_text("GET", "/index.html"), 200, NULL);
    run("sluice", text_format("top --admin 127.0.0.1:%u --interval 100ms", (unsigned)watched.port),
        0, &output);
    const char *text = bytes_text(&output);
    cr_expect(strstr(text, "\nworker "), "%s", text);
    cr_expect(strstr(text, "\nall "), "%s", text);
    cr_expect(strstr(text, "\n0 ") && strstr(text, "\n1 "), "a line for each worker: %s", text);
    cr_expect_null(strchr(text, '\033'), "no colours and no cursor");
}
