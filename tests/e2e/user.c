/* user: --user gives up root's rights, all of them and for good, once everything is open; what the
 * user may not open later is named at the start. Needs root. */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "server_process.h"
#include "successor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

E2E_SUITE(user);

static void create_site(struct site *site)
{
    if (geteuid() != 0)
        e2e_skip("it needs root");
    site_create(site);
    site_write_text(site, "index.html", "x");
    cr_assert_eq(chmod(site->parent, 0755), 0);
}

/* The value of NAME in /proc/PID/status, with single spaces. Kept. */
static const char *status_of(const struct server *server, const char *name)
{
    char line[256];
    const char *value = "";
    FILE *file = fopen(text_format("/proc/%d/status", (int)server->process.pid), "re");
    cr_assert(file != NULL);
    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, strlen(name)) != 0)
            continue;
        for (char *at = line; *at; at++)
            *at = *at == '\t' || *at == '\n' ? ' ' : *at;
        value = text_format("%s", line + strlen(name) + 2);
    }
    fclose(file);
    return value;
}

static void expect_nobody(const struct server *server)
{
    cr_expect_str_eq(status_of(server, "Uid"), "65534 65534 65534 65534 ");
    cr_expect_str_eq(status_of(server, "Gid"), "65534 65534 65534 65534 ");
    cr_expect(strncmp(status_of(server, "Groups"), "65534 ", 6) == 0 ||
                  strspn(status_of(server, "Groups"), " ") == strlen(status_of(server, "Groups")),
              "%s", status_of(server, "Groups"));
    cr_expect_str_eq(status_of(server, "CapPrm"), "0000000000000000 ");
    cr_expect_str_eq(status_of(server, "NoNewPrivs"), "1 ");
}

/* The port needs root, and the new process has not got that any more. */
E2E_TEST(user, has_no_rights_of_root_left_and_keeps_its_port)
{
    struct site site;
    create_site(&site);
    const char *path = site_path(&site, "../server");
    successor_copy_program("pipelined-server", path);
    struct server *server = NULL;
    for (unsigned port = 987; !server; port--) {
        struct client client;
        if (client_try_connect(&client, &(struct client_setup){.port = (uint16_t)port})) {
            client_close(&client);
            continue;
        }
        server = server_start_with(&(struct server_setup){
            .kind = PIPELINED,
            .root = site.path,
            .port = text_format("%u", port),
            .path = path,
            .options = "--threads 2 --user nobody:65534",
        });
    }
    expect_nobody(server);
    server_expect_alive(server, "as nobody");
    successor_upgrade(server);
    expect_nobody(server);
    server_expect_alive(server, "after an upgrade");
    server_stop(server);
}

/* Sockets of root and of that user do not share a port. */
E2E_TEST(user, that_cannot_move_a_listener_of_root_has_to_restart)
{
    struct site site;
    create_site(&site);
    const char *path = site_path(&site, "../server"), *file = site_path(&site, "../sluice.conf");
    const uint16_t port = server_free_port();
    successor_copy_program("sluice", path);
    const char *rest = text_format("root = %s\nuser = nobody:65534\nthreads = 1\n", site.path);
    site_write_text(&site, "../sluice.conf", text_format("%slisten = 127.0.0.1:%u\n", rest, port));
    struct server *server =
        server_start_with(&(struct server_setup){.config = file, .no_bind = true, .path = path});
    site_write_text(&site, "../sluice.conf", text_format("%slisten = %u\n", rest, port));
    process_signal(&server->process, SIGUSR2);
    successor_await(server, "restart the server: its listener on this port was opened by another "
                            "user");
    successor_await(server, "the upgrade failed");
    server_expect_alive(server, "on the former address");
    server_stop(server);
}

/* Starts a program with SETUP, which must end with STATUS. Returns its errors. */
static const char *expect_refused(const struct process_setup *setup, int status)
{
    struct process process;
    process_start(&process, setup);
    cr_expect(process_wait(&process, deadline_after(10000)), "it serves");
    process_kill(&process);
    const char *errors = process_errors(&process);
    cr_expect(WIFEXITED(process.status) && WEXITSTATUS(process.status) == status, "%s: %s",
              status_text(process.status), errors);
    return errors;
}

E2E_TEST(user, that_does_not_exist_is_reported)
{
    static const char *const names[] = {"sluice-e2e-none", "nobody:sluice-e2e-none", "nobody:", ""};
    struct site site;
    create_site(&site);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct process_setup setup = {.program = server_program(PIPELINED),
                                            .arguments = {"0", site.path, "--user", names[i]}};
        const char *errors = expect_refused(&setup, 2);
        cr_expect(strstr(errors, "is not a user of this machine"), "'%s': %s", names[i], errors);
    }
}

E2E_TEST(user, that_the_process_may_not_become_ends_the_start)
{
    struct site site;
    create_site(&site);
    struct process_setup setup = {.program = server_program(PIPELINED),
                                  .as_nobody = true,
                                  .arguments = {"0", site.path, "--user", "root"}};
    process_add_words(&setup, "--bind 127.0.0.1");
    const char *errors = expect_refused(&setup, 1);
    cr_expect(strstr(errors, "cannot become user 'root'"), "%s", errors);
}

/* Files that will be opened again are tried as that user. */
E2E_TEST(user, that_may_not_open_a_file_again_is_named_at_the_start)
{
    struct site site;
    create_site(&site);
    site_write_text(&site, "../types", "text/x-e2e e2e\n");
    site_chmod(&site, "../types", 0600);
    site_write_text(&site, "../sluice.conf", text_format("root = %s\n", site.path));
    site_chmod(&site, "../sluice.conf", 0600);
    struct server *server = server_start_with(&(struct server_setup){
        .config = site_path(&site, "../sluice.conf"),
        .options = text_format("--user nobody:65534 --mime-types %s --access-log %s --error-log %s",
                               site_path(&site, "../types"), site_path(&site, "../log"),
                               site_path(&site, "../errors")),
    });
    server_expect_alive(server, "as nobody");
    const char *errors = process_errors(&server->process);
    cr_expect(strstr(errors, "types': changes of it will have no effect"), "%s", errors);
    cr_expect(strstr(errors, "sluice.conf': changes of it will have no effect"), "%s", errors);
    cr_expect(strstr(errors, "log' cannot be created again"), "%s", errors);
    cr_expect(strstr(errors, "errors' cannot be created again"), "%s", errors);
    server_stop(server);
}

/* Starts a server for a user that owns the directory of its logs. EXISTS: one of them does, and is
 * root's. */
static struct server *start_with_logs(struct site *site, bool exists)
{
    create_site(site);
    cr_assert_eq(mkdir(site_path(site, "../logs"), 0755), 0);
    cr_assert_eq(chown(site_path(site, "../logs"), 65534, 65534), 0);
    if (exists)
        site_write_text(site, "../logs/log", "");
    return server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site->path,
        .options = text_format("--user nobody:65534 --access-log %s --error-log %s",
                               site_path(site, "../logs/log"), site_path(site, "../logs/errors")),
    });
}

/* Whether the file NAME belongs to the user OWNER. */
static bool belongs_to(const struct site *site, const char *name, uid_t owner)
{
    struct stat status;
    return stat(site_path(site, name), &status) == 0 && status.st_uid == owner &&
           status.st_gid == owner;
}

/* Root makes them at the start; an upgrade, or SIGUSR1, opens them again. */
E2E_TEST(user, owns_the_logs_that_were_made_for_it)
{
    struct site site;
    struct server *server = start_with_logs(&site, false);
    const char *errors = process_errors(&server->process);
    cr_expect(belongs_to(&site, "../logs/log", 65534));
    cr_expect(belongs_to(&site, "../logs/errors", 65534));
    cr_expect(!strstr(errors, "again"), "%s", errors);
    server_stop(server);
}

E2E_TEST(user, that_may_not_write_to_a_log_is_named_at_the_start)
{
    struct site site;
    struct server *server = start_with_logs(&site, true);
    const char *errors = process_errors(&server->process);
    cr_expect(belongs_to(&site, "../logs/log", 0), "it is not given away");
    cr_expect(strstr(errors, "log' cannot be opened again"), "%s", errors);
    server_stop(server);
}

E2E_TEST(user, that_may_not_read_root_ends_the_start)
{
    struct site site;
    create_site(&site);
    site_chmod(&site, ".", 0700);
    struct process_setup setup = {.program = server_program(PIPELINED),
                                  .arguments = {"0", site.path, "--user", "nobody:65534"}};
    process_add_words(&setup, "--bind 127.0.0.1");
    expect_refused(&setup, 1);
}

#ifdef SLUICE_HAVE_OPENSSL

E2E_TEST(user, that_may_not_read_a_key_is_named_at_the_start)
{
    struct site site;
    create_site(&site);
    const char *certificate = certificate_of_test();
    cr_assert_eq(chmod(certificate, 0600), 0);
    struct server *server = server_start_with(&(struct server_setup){
        .kind = PIPELINED,
        .root = site.path,
        .own_tls = true,
        .options = text_format("--user nobody:65534 --cert %s", certificate),
    });
    const char *errors = process_errors(&server->process);
    cr_expect(strstr(errors, "cannot renew certificates: "), "%s", errors);
    server_expect_alive(server, "with the key that root has read");
    server_stop(server);
}

#endif
