/* server_process: see server_process.h. */
#include "server_process.h"

#include "certificate.h"
#include "client.h"
#include "e2e.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct server servers[32];
static size_t server_count;

const char *server_program(enum server_kind kind)
{
    static const char *const names[] = {
        [SIMPLE] = "simple-server",
        [PERSISTENT] = "persistent-server",
        [PIPELINED] = "pipelined-server",
    };

    _Static_assert(COUNT_OF(names) == SERVER_KIND_COUNT, "a name for each");
    return names[kind];
}

/* --- Starting --------------------------------------------------------------------------------- */

/* The port of the first whole line with an address of SCHEME ("http://"), or 0. */
static uint16_t port_on_screen(struct bytes *screen, const char *scheme)
{
    const char *text = bytes_text(screen);
    const char *address = strstr(text, scheme);
    const char *end = address ? strchr(address, '\n') : NULL;
    const char *colon = end ? memrchr(address, ':', (size_t)(end - address)) : NULL;

    return colon && colon > address + strlen(scheme) ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

/* Takes the ports from the start screen, once they are there. */
static void read_ports(struct server *server)
{
    uint16_t secure = port_on_screen(&server->screen, "https://");
    uint16_t plain = port_on_screen(&server->screen, "http://");
    server->secure = secure != 0;
    server->port = secure ? secure : plain;
    server->plain_port = secure ? plain : 0;
}

static void await_start_screen(struct server *server)
{
    int64_t deadline = deadline_after(10000);
    struct pollfd output = {.fd = server->process.output_fd, .events = POLLIN};

    while (server->port == 0) {
        int ready = poll(&output, 1, deadline_left_ms(deadline));

        process_read_output(&server->process, &server->screen);
        read_ports(server);
        if (server->port == 0 && (ready == 0 || (output.revents & POLLHUP)))
            cr_assert_fail("%s did not start; it said \"%s\" and \"%s\"", server->name,
                           bytes_text(&server->screen), process_errors(&server->process));
    }
}

struct server *server_start_with(const struct server_setup *setup)
{
    static const size_t shadow_bytes_min = (size_t)1
                                           << 40; /* a mapping that only sanitizers make */
    const bool configured = setup->config || setup->program;
    struct process_setup process = {
        .program = setup->path  ? setup->path
                   : configured ? "sluice"
                                : server_program(setup->kind),
        .directory = setup->directory,
        .as_nobody = setup->as_nobody,
        .files_max = setup->files_max,
        .uring_errno = setup->uring_errno,
        .terminal_fd = setup->terminal_fd,
        .ignores_hangup = setup->ignores_hangup,
        .inherited_fd = setup->inherited_fd,
        .first_process = setup->first_process,
        .sockets = setup->sockets,
        .socket_count = setup->socket_count,
        .socket_names = setup->socket_names,
        .foreign_sockets = setup->foreign_sockets,
    };
    struct server *server = &servers[server_count];

    memcpy(process.environment, setup->environment, sizeof(process.environment));
    cr_assert(server_count < COUNT_OF(servers), "too many servers in one test");
    if (setup->config) {
        process_add_word(&process, "--config");
        process_add_word(&process, setup->config);
    }
    if (!configured)
        process_add_word(&process, setup->port ? setup->port : "0");
    else if (setup->config && !setup->no_bind)
        process_add_words(&process, "--port 0");
    if (setup->root)
        process_add_word(&process, setup->root);
    process_add_words(&process, setup->no_bind ? NULL : "--bind 127.0.0.1");
    process_add_words(&process, e2e_backend_options());
    if (e2e_uses_tls() && !setup->own_tls) {
        process_add_word(&process, "--cert");
        process_add_word(&process, certificate_of_test());
    }
    process_add_words(&process, setup->options);
    for (size_t i = 0; setup->words && setup->words[i]; i++)
        process_add_word(&process, setup->words[i]);
    *server = (struct server){.kind = setup->kind, .name = process.program};
    process_start(&server->process, &process);
    server_count++;
    await_start_screen(server);
    if (process_usage(&server->process).virtual_bytes >= shadow_bytes_min) {
        server->instrumented = true;
        e2e_set_slow();
    }
    return server;
}

struct server *server_start(enum server_kind kind, const struct site *site, const char *options)
{
    return server_start_with(&(struct server_setup){
        .kind = kind,
        .root = site->path,
        .options = options,
    });
}

struct server *server_start_words(const struct site *site, const char *const *words)
{
    return server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site->path,
        .options = "--threads 1",
        .words = words,
    });
}

bool server_port_is_secure(uint16_t port)
{
    for (size_t i = 0; i < server_count; i++)
        if (servers[i].port == port && servers[i].process.pid != 0)
            return servers[i].secure;
    return false;
}

/* --- Ending ----------------------------------------------------------------------------------- */

static void judge(const struct server *server)
{
    const char *errors = process_errors(&server->process);
    int status = server->process.status;

    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0,
              "%s ended with %s, not 0; it said:\n%s", server->name, status_text(status), errors);
    cr_expect(sanitizer_report(errors) == NULL, "%s was reported by a sanitizer:\n%s", server->name,
              errors);
}

void server_expect_end(struct server *server, int64_t ms)
{
    if (process_wait(&server->process, deadline_after(ms))) {
        process_read_output(&server->process, &server->screen);
        judge(server);
        return;
    }
    process_kill(&server->process);
    cr_expect_fail("%s did not end within %d ms; it said:\n%s", server->name, (int)ms,
                   process_errors(&server->process));
}

uint16_t server_free_port(void)
{
    enum { FIRST = 20000, COUNT = 12000 };
    static uint64_t state;
    if (state == 0)
        state = (uint64_t)getpid() << 32 | (uint64_t)clock_ms();
    for (;;) {
        const uint16_t port = (uint16_t)(FIRST + random_next(&state) % COUNT);
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons(port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int error = bind(fd, (struct sockaddr *)&address, sizeof address);
        close(fd);
        if (error == 0)
            return port;
    }
}

void server_stop(struct server *server)
{
    /* It may have died before: then its status shows that. */
    if (!process_wait(&server->process, clock_ms()))
        process_signal(&server->process, SIGTERM);
    server_expect_end(server, 10000);
}

void server_expect_alive(const struct server *server, const char *what)
{
    struct client client;
    enum answer answer;

    client_connect(&client, server);
    client_queue_text(&client, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    answer = client_read_response(&client, false, NULL);
    cr_expect(answer == ANSWER_WHOLE, "%s: %s does not serve any more: %s", what, server->name,
              answer_text(&client, answer));
    client_close(&client);
}

void server_await_sleep(const struct server *server)
{
    int64_t deadline = deadline_after(10000);
    while (!process_sleeps(&server->process) && deadline_left_ms(deadline) > 0)
        poll(NULL, 0, 1);
    if (deadline_left_ms(deadline) == 0)
        e2e_lose_patience();
    cr_expect(deadline_left_ms(deadline) > 0, "%s never sleeps", server->name);
}

size_t server_settled_descriptors(const struct server *server)
{
    enum { STILL_MS = 150 };
    int64_t deadline = deadline_after(10000);
    size_t count = process_usage(&server->process).descriptors;

    for (int64_t still = clock_ms() + STILL_MS; clock_ms() < still;) {
        size_t now = process_usage(&server->process).descriptors;

        if (now != count && deadline_left_ms(deadline) > 0)
            still = clock_ms() + STILL_MS;
        count = now;
        poll(NULL, 0, 10);
    }
    return count;
}

void server_expect_descriptors(const struct server *server, size_t count, const char *what)
{
    int64_t deadline = deadline_after(10000);
    size_t now = process_usage(&server->process).descriptors;

    while (now > count && deadline_left_ms(deadline) > 0) {
        poll(NULL, 0, 20);
        now = process_usage(&server->process).descriptors;
    }
    if (now > count)
        e2e_lose_patience();
    cr_expect(now <= count, "%s: %s has %zu descriptors open, not %zu", what, server->name, now,
              count);
}

void servers_stop_all(void)
{
    for (size_t i = 0; i < server_count; i++)
        if (servers[i].process.pid != 0)
            server_stop(&servers[i]);
}

void servers_abandon_all(void)
{
    for (size_t i = 0; i < server_count; i++) {
        const char *errors;

        if (servers[i].process.pid == 0)
            continue;
        process_kill(&servers[i].process);
        errors = process_errors(&servers[i].process);
        if (*errors)
            fprintf(stderr, "%s, killed after a failure, had said:\n%s", servers[i].name, errors);
    }
    server_count = 0;
}

void server_allow_unjoined_threads(void)
{
    const char *options = getenv("TSAN_OPTIONS");
    setenv("TSAN_OPTIONS", text_format("%s:report_thread_leaks=0", options ? options : ""), 1);
}
