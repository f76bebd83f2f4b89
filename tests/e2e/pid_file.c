/* pid_file: --pid-file names a file that has the number of the process while it serves. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"
#include "successor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

E2E_SUITE(pid_file);

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
}

/* The content of the file at PATH; "" if it does not exist. Kept. */
static const char *content(const char *path)
{
    char text[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    return text_format("%.*s", (int)length, text);
}

static struct server *start(const struct site *site, const char *path)
{
    return server_start(PIPELINED, site, text_format("--pid-file %s", path));
}

/* The start screen comes before the file. */
static void await_number(const char *path, pid_t pid)
{
    const char *wanted = text_format("%d\n", (int)pid);
    for (int64_t deadline = deadline_after(5000); strcmp(content(path), wanted) != 0;)
        cr_assert(deadline_left_ms(deadline) > 0, "\"%s\", not \"%s\"", content(path), wanted);
}

E2E_TEST(pid_file, has_the_number_of_the_process_while_it_serves)
{
    struct site site;
    create_site(&site);
    const char *path = site_path(&site, "../sluice.pid");
    site_write_text(&site, "../sluice.pid", "12\n"); /* of a process that crashed */
    struct server *server = start(&site, path);
    pid_t pid = server->process.pid;
    await_number(path, pid);
    cr_expect_str_eq(content(text_format("%s.%d", path, (int)pid)), "");
    server_stop(server);
    cr_expect_neq(access(path, F_OK), 0, "it is left");
}

E2E_TEST(pid_file, of_another_process_is_left_alone)
{
    struct site site;
    create_site(&site);
    const char *path = site_path(&site, "../sluice.pid");
    struct server *server = start(&site, path);
    await_number(path, server->process.pid);
    site_write_text(&site, "../sluice.pid", "12\n");
    server_stop(server);
    cr_expect_str_eq(content(path), "12\n");
}

E2E_TEST(pid_file, is_removed_by_a_second_signal_too)
{
    struct site site;
    struct client client;
    server_allow_unjoined_threads();
    create_site(&site);
    site_write_sparse(&site, "huge.mp4", (off_t)1 << 30);
    const char *path = site_path(&site, "../sluice.pid");
    struct server *server = start(&site, path);
    await_number(path, server->process.pid);
    client_connect_with(&client, &(struct client_setup){.port = server->port,
                                                        .receive_buffer_bytes = KIB(64),
                                                        .read_bytes_max = KIB(64)});
    client_queue_text(&client, "GET /huge.mp4 HTTP/1.1\r\nHost: x\r\n\r\n");
    client_receive(&client, 1000, deadline_after(5000));
    process_signal(&server->process, SIGTERM);
    for (int64_t deadline = deadline_after(10000);
         !strstr(process_errors(&server->process), "in flight");)
        cr_assert(deadline_left_ms(deadline) > 0);
    process_signal(&server->process, SIGTERM);
    cr_assert(process_wait(&server->process, deadline_after(10000)));
    cr_expect_eq(WEXITSTATUS(server->process.status), 1);
    cr_expect_neq(access(path, F_OK), 0, "it is left");
}

/* The old process removes the file that the new one has prepared. */
E2E_TEST(pid_file, of_an_upgrade_that_is_killed_is_not_left)
{
    struct site site;
    create_site(&site);
    const char *path = site_path(&site, "../sluice.pid"), *program = site_path(&site, "../server");
    successor_copy_program("pipelined-server", program);
    struct server *server =
        server_start_with(&(struct server_setup){.kind = PIPELINED,
                                                 .root = site.path,
                                                 .options = text_format("--pid-file %s", path),
                                                 .path = program});
    await_number(path, server->process.pid);
    site_replace_text(&site, "../server",
                      text_format("#!/bin/sh\necho $$ > %s.$$\nkill -9 $$\n", path));
    site_chmod(&site, "../server", 0755);
    process_signal(&server->process, SIGUSR2);
    successor_await(server, "signal 9 ended the new process");
    const pid_t next = successor_named(server, "the upgrade has started");
    const char *left = text_format("%s.%d", path, (int)next);
    for (int64_t deadline = deadline_after(5000); access(left, F_OK) == 0;)
        cr_assert(poll(NULL, 0, 2) == 0 && deadline_left_ms(deadline) > 0, "%s is left", left);
    await_number(path, server->process.pid);
    server_stop(server);
}

E2E_TEST(pid_file, that_cannot_be_written_ends_the_start)
{
    struct site site;
    create_site(&site);
    site_fifo(&site, "../fifo");
    const char *const paths[] = {site_path(&site, "../none/sluice.pid"), site.path,
                                 site_path(&site, "../fifo"), "/dev/null"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct process process;
        struct process_setup setup = {.program = server_program(PIPELINED),
                                      .arguments = {"0", site.path, "--pid-file", paths[i]}};
        process_add_words(&setup, "--bind 127.0.0.1");
        process_start(&process, &setup);
        cr_expect(process_wait(&process, deadline_after(10000)), "%s: it serves", paths[i]);
        process_kill(&process);
        cr_expect(WIFEXITED(process.status) && WEXITSTATUS(process.status) == 1, "%s: %s", paths[i],
                  status_text(process.status));
        cr_expect(strstr(process_errors(&process), paths[i]), "%s", process_errors(&process));
    }
}
