/* The access log: one line for each request of which a head has come, whatever happens to the
 * request, the client and the file. RFC 9110; Apache's combined format. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

E2E_SUITE(access_log);

enum { BIG_BYTES = 16 << 20, LOAD_REQUESTS = 1500 };

static struct site site, logs; /* what is served; where the logs are */

static void create_sites(void)
{
    site_create(&site);
    site_create(&logs);
    site_write_text(&site, "index.html", "hello");
    site_write_text(&site, "health", "ok");
}

static const char *log_path(void)
{
    return site_path(&logs, "access.log");
}

static struct server *start(const char *options)
{
    const char *const words[] = {"--access-log", log_path(), NULL};
    const struct server_setup setup = {
        .kind = PIPELINED, .root = site.path, .options = options, .words = words};
    return server_start_with(&setup);
}

/* The content of the file PATH, with a NUL. Kept until the next call. */
static const char *content(const char *path)
{
    static struct bytes text;
    char piece[4096];
    ssize_t length;
    text.length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (length = read(fd, piece, sizeof piece)) > 0)
        bytes_append(&text, piece, (size_t)length);
    if (fd >= 0)
        close(fd);
    return bytes_text(&text);
}

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; (text = strchr(text, '\n')); text++)
        count++;
    return count;
}

/* Waits until the log has COUNT lines. Returns them. */
static const char *await_lines(size_t count)
{
    int64_t deadline = deadline_after(10000);
    while (count_lines(content(log_path())) < count && deadline_left_ms(deadline) > 0)
        poll(NULL, 0, 5);
    const char *text = content(log_path());
    cr_expect_eq(count_lines(text), count, "%zu lines:\n%s", count_lines(text), text);
    return text;
}

/* Whether line INDEX of TEXT has PART in it. */
static bool line_has(const char *text, size_t index, const char *part)
{
    while (index-- > 0 && text)
        text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL;
    const char *found = text ? strstr(text, part) : NULL;
    return found && found < text + strcspn(text, "\n");
}

E2E_TEST(access_log, has_a_line_for_each_status)
{
    static const struct {
        const char *request, *line;
        int status;
        bool no_body;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a \"b\"\r\n\r\n",
         "\"GET / HTTP/1.1\" 200 5 \"-\" \"a \\\"b\\\"\"", 200, false},
        {"GET /?q HTTP/1.1\r\nHost: localhost\r\nReferer: http://r/\r\n\r\n",
         "\"GET /?q HTTP/1.1\" 200 5 \"http://r/\" \"-\"", 200, false},
        {"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\"HEAD / HTTP/1.1\" 200 0 ", 200, true},
        {"GET / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: *\r\n\r\n",
         "\"GET / HTTP/1.1\" 304 0 ", 304, true},
        {"GET / HTTP/1.1\r\nHost: localhost\r\nRange: bytes=1-2\r\n\r\n",
         "\"GET / HTTP/1.1\" 206 2 ", 206, false},
        {"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n", "\"GET /none HTTP/1.1\" 404 ", 404,
         false},
        {"DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\"DELETE / HTTP/1.1\" 405 ", 405, false},
        {"GET / HTTP/3.0\r\n\r\n", "\"GET / HTTP/3.0\" 505 ", 505, false},
        {"GET / HTTP/1.1\r\n\r\n", "\"GET / HTTP/1.1\" 400 ", 400, false},
        {"nonsense\r\n\r\n", "\"nonsense\" 400 ", 400, false},
    };
    create_sites();
    struct server *server = start("--threads 1");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct client client;
        client_connect(&client, server);
        client_queue_text(&client, rows[i].request);
        expect_status(&client, rows[i].line, rows[i].no_body, rows[i].status, NULL);
        client_close(&client);
    }
    const char *text = await_lines(sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect(line_has(text, i, rows[i].line), "%s in line %zu of:\n%s", rows[i].line, i, text);
        cr_expect(line_has(text, i, "127.0.0.1 - - ["), "%s", text);
    }
}

E2E_TEST(access_log, has_a_line_for_each_pipelined_request_in_order)
{
    enum { REQUESTS = 200 };
    create_sites();
    struct server *server = start("--log-format json");
    struct client client;
    client_connect(&client, server);
    for (unsigned i = 0; i < REQUESTS; i++)
        client_queue_text(&client,
                          text_format("GET /?%u HTTP/1.1\r\nHost: localhost\r\n\r\n", i % 100));
    for (unsigned i = 0; i < REQUESTS; i++)
        cr_assert(expect_status(&client, "pipelined", false, 200, NULL));
    client_close(&client);
    const char *text = await_lines(REQUESTS);
    for (unsigned i = 0; i < REQUESTS; i++)
        cr_expect(line_has(text, i, text_format("\"target\":\"/?%u\",", i % 100)), "line %u", i);
    cr_expect(line_has(text, 0, e2e_uses_tls() ? "\"tls\":\"TLSv1." : "\"tls\":null"), "%s", text);
}

E2E_TEST(access_log, says_how_much_of_a_download_was_sent_before_the_client_left)
{
    create_sites();
    site_write_sparse(&site, "big", BIG_BYTES);
    struct server *server = start("--log-format json");
    struct client client;
    client_connect(&client, server);
    client_queue_text(&client, "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client_receive(&client, 1000, deadline_after(10000));
    client_abort(&client);
    const char *text = await_lines(1);
    cr_expect(line_has(text, 0, "\"status\":200,") && line_has(text, 0, "\"complete\":false,"),
              "%s", text);
    cr_expect_not(line_has(text, 0, "\"bytes\":0,"), "%s", text);
}

/* RLIMIT_FSIZE: a write beyond it raises SIGXFSZ, which ends a process by default. */
E2E_TEST(access_log, serves_on_when_its_file_may_not_grow)
{
    enum { REQUESTS = 50 };
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct rlimit limit;
    create_sites();
    struct server *server = start(NULL);
    cr_assert_eq(prlimit(server->process.pid, RLIMIT_FSIZE, NULL, &limit), 0);
    const struct rlimit small = {.rlim_cur = 100, .rlim_max = limit.rlim_max};
    cr_assert_eq(prlimit(server->process.pid, RLIMIT_FSIZE, &small, NULL), 0);
    for (unsigned i = 0; i < REQUESTS; i++)
        expect_fetch(server, "within the limit", request, 200, NULL);
    int64_t deadline = deadline_after(10000);
    while (strlen(content(log_path())) < small.rlim_cur && deadline_left_ms(deadline) > 0)
        poll(NULL, 0, 5);
    expect_fetch(server, "at the limit", request, 200, NULL);
    cr_assert_eq(prlimit(server->process.pid, RLIMIT_FSIZE, &limit, NULL), 0);
    await_lines(REQUESTS + 1);
}

E2E_TEST(access_log, has_no_line_for_a_connection_without_a_request)
{
    create_sites();
    struct server *server = start(NULL);
    struct client client;
    client_connect(&client, server);
    client_close(&client);
    client_connect(&client, server);
    client_queue_text(&client, "GET / HT");
    client_flush(&client);
    client_close(&client);
    expect_fetch(server, "a request", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, NULL);
    await_lines(1);
    server_stop(server);
    await_lines(1);
}

E2E_TEST(access_log, leaves_out_queries_and_excluded_paths_and_credentials)
{
    create_sites();
    struct server *server = start("--log-query off --log-exclude /health");
    for (unsigned i = 0; i < 3; i++) {
        expect_fetch(server, "excluded", "GET /health?x HTTP/1.1\r\nHost: localhost\r\n\r\n", 200,
                     NULL);
        expect_fetch(
            server, "a secret",
            "GET /?token=secret HTTP/1.1\r\nHost: localhost\r\nReferer: http://r/?secret\r\n"
            "Authorization: Bearer secret\r\nCookie: secret\r\n\r\n",
            200, NULL);
    }
    const char *text = await_lines(3);
    cr_expect(line_has(text, 0, "\"GET / HTTP/1.1\" 200 5 \"http://r/\" "), "%s", text);
    cr_expect_null(strstr(text, "secret"), "%s", text);
}

/* --- Rotation --------------------------------------------------------------------------------- */

static atomic_uint answered;

/* Asks again and again, on one connection. */
static void *make_load(void *argument)
{
    struct client client;
    client_connect(&client, argument);
    for (unsigned i = 0; i < LOAD_REQUESTS; i++) {
        client_queue_text(&client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        if (client_read_response(&client, false, NULL) != ANSWER_WHOLE)
            break;
        atomic_fetch_add(&answered, 1);
    }
    client_close(&client);
    return NULL;
}

E2E_TEST(access_log, loses_no_line_when_it_is_rotated_under_load)
{
    enum { ROTATIONS = 10 };
    pthread_t thread;
    create_sites();
    struct server *server = start("--threads 2");
    cr_assert_eq(pthread_create(&thread, NULL, make_load, server), 0);
    for (unsigned i = 0; i < ROTATIONS; i++) {
        const int64_t patience = deadline_after(30000);
        while (atomic_load(&answered) < (i + 1) * LOAD_REQUESTS / (ROTATIONS + 1)) {
            cr_assert(deadline_left_ms(patience) > 0, "requests are not answered");
            poll(NULL, 0, 1);
        }
        rename(log_path(), site_path(&logs, text_format("access.log.%u", i)));
        process_signal(&server->process, SIGUSR1);
        for (int64_t deadline = deadline_after(10000); access(log_path(), F_OK) != 0;) {
            cr_assert(deadline_left_ms(deadline) > 0, "it was not opened again");
            poll(NULL, 0, 1);
        }
    }
    pthread_join(thread, NULL);
    cr_assert_eq(atomic_load(&answered), LOAD_REQUESTS);
    server_stop(server);
    size_t lines = count_lines(content(log_path()));
    for (unsigned i = 0; i < ROTATIONS; i++)
        lines += count_lines(content(site_path(&logs, text_format("access.log.%u", i))));
    cr_expect_eq(lines, LOAD_REQUESTS);
}

/* --- Where it goes ---------------------------------------------------------------------------- */

/* Starts a server with its log on standard output. Returns its port. */
static uint16_t start_with_output(struct process *process)
{
    struct process_setup setup = {.program = server_program(PIPELINED),
                                  .arguments = {"0", site.path}};
    process_add_words(&setup, "--bind 127.0.0.1 --access-log -");
    process_add_words(&setup, e2e_backend_options());
    process_start(process, &setup);
    const char *at;
    for (int64_t deadline = deadline_after(10000);
         !(at = strstr(process_errors(process), "http://127.0.0.1:"));) {
        cr_assert(deadline_left_ms(deadline) > 0 && !process_wait(process, clock_ms()),
                  "it did not start: %s", process_errors(process));
        poll(NULL, 0, 5);
    }
    return (uint16_t)strtoul(at + strlen("http://127.0.0.1:"), NULL, 10);
}

static void request_of(uint16_t port)
{
    struct client client;
    client_connect_with(&client, &(struct client_setup){.port = port, .plain = true});
    client_queue_text(&client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_status(&client, "a request", false, 200, NULL);
    client_close(&client);
}

E2E_TEST(access_log, has_standard_output_for_itself)
{
    struct process process;
    create_sites();
    request_of(start_with_output(&process));
    process_signal(&process, SIGTERM);
    cr_expect(process_wait(&process, deadline_after(10000)));
    struct bytes output = {0};
    process_read_output(&process, &output);
    process_kill(&process);
    const char *text = bytes_text(&output);
    cr_expect_eq(count_lines(text), 1, "%s", text);
    cr_expect(line_has(text, 0, "\"GET / HTTP/1.1\" 200 5 "), "%s", text);
}

E2E_TEST(access_log, serves_on_when_the_reader_of_its_output_has_gone)
{
    struct process process;
    create_sites();
    const uint16_t port = start_with_output(&process);
    close(process.output_fd);
    for (unsigned i = 0; i < 10; i++)
        request_of(port);
    process_signal(&process, SIGTERM);
    cr_expect(process_wait(&process, deadline_after(10000)));
    cr_expect_eq(process.status, 0, "%s", status_text(process.status));
    cr_expect(strstr(process_errors(&process), "lines are lost"), "%s", process_errors(&process));
    process_kill(&process);
}

/* A socket like that of syslog, at PATH. */
static int listen_as_syslog(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_lt(strlen(path), sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "%s", path);
    return fd;
}

/* Waits for a line with PART in it. */
static void await_datagram(int fd, const char *part)
{
    char text[1024];
    for (int64_t deadline = deadline_after(10000);;) {
        struct pollfd event = {.fd = fd, .events = POLLIN};
        cr_assert_eq(poll(&event, 1, deadline_left_ms(deadline)), 1, "no line with %s", part);
        ssize_t length = recv(fd, text, sizeof text - 1, 0);
        text[length > 0 ? length : 0] = '\0';
        if (strstr(text, part))
            return;
    }
}

E2E_TEST(access_log, serves_on_when_syslog_vanishes_and_comes_back)
{
    create_sites();
    const char *path = site_path(&logs, "syslog");
    const char *const words[] = {"--access-log", text_format("syslog:%s", path), NULL};
    const struct server_setup setup = {.kind = PIPELINED, .root = site.path, .words = words};
    int syslog = listen_as_syslog(path);
    struct server *server = server_start_with(&setup);
    expect_fetch(server, "the first", request_text("GET", "/?first"), 200, NULL);
    await_datagram(syslog, "\"GET /?first HTTP/1.1\" 200 5");
    close(syslog);
    unlink(path);
    for (unsigned i = 0; i < 10; i++)
        expect_fetch(server, "a request", request_text("GET", "/"), 200, NULL);
    syslog = listen_as_syslog(path);
    expect_fetch(server, "the last", request_text("GET", "/?last"), 200, NULL);
    await_datagram(syslog, "\"GET /?last HTTP/1.1\" 200 5");
    server_stop(server);
    close(syslog);
}

E2E_TEST(access_log, serves_on_with_a_full_disk_and_says_what_is_lost)
{
    create_sites();
    const struct server_setup setup = {
        .kind = PIPELINED, .root = site.path, .options = "--access-log /dev/full"};
    struct server *server = server_start_with(&setup);
    for (unsigned i = 0; i < 10; i++)
        expect_fetch(server, "a request", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, NULL);
    server_stop(server);
    const char *errors = process_errors(&server->process);
    cr_expect(strstr(errors, "access log '/dev/full': ") && strstr(errors, "lines are lost"), "%s",
              errors);
}

E2E_TEST(access_log, serves_on_with_a_fifo_that_nobody_reads)
{
    create_sites();
    site_fifo(&logs, "access.log");
    struct server *server = start(NULL);
    for (unsigned i = 0; i < 10; i++)
        expect_fetch(server, "a request", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, NULL);
    int reader = open(log_path(), O_RDONLY | O_CLOEXEC); /* waits for the server to open it */
    char text[4096];
    size_t length = 0;
    ssize_t got = 1;
    while (length < sizeof text - 1 && got > 0) {
        got = read(reader, text + length, sizeof text - 1 - length);
        length += got > 0 ? (size_t)got : 0;
        text[length] = '\0';
        if (count_lines(text) == 10)
            break;
    }
    cr_expect_eq(count_lines(text), 10, "%s", text);
    close(reader);
    for (unsigned i = 0; i < 10; i++)
        expect_fetch(server, "a request", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, NULL);
}

E2E_TEST(access_log, refuses_to_start_with_a_file_that_cannot_be_opened)
{
    create_sites();
    struct process process;
    struct process_setup setup = {.program = server_program(SIMPLE), .arguments = {"0", site.path}};
    process_add_words(&setup, "--bind 127.0.0.1 --access-log /nonexistent/access.log");
    process_start(&process, &setup);
    cr_expect(process_wait(&process, deadline_after(10000)));
    cr_expect(strstr(process_errors(&process),
                     "--access-log cannot write to '/nonexistent/access.log': No such file"),
              "%s", process_errors(&process));
    process_kill(&process);
}
