/* upgrade_settings: an upgrade to a process whose configuration has changed, before it or
 * meanwhile. */
#include "client.h"
#include "e2e.h"
#include "server_process.h"
#include "successor.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

E2E_SUITE(upgrade_settings);

static void create_site(struct site *site)
{
    site_create(site);
    site_write_text(site, "index.html", "x");
}

static void configure(const struct site *site, unsigned threads, const char *more)
{
    site_write_text(site, "../sluice.conf",
                    text_format("root = %s\nthreads = %u\n%s", site->path, threads, more));
}

static size_t count_threads(const struct server *server)
{
    DIR *tasks = opendir(text_format("/proc/%d/task", (int)server->process.pid));
    size_t count = 0;
    while (tasks && readdir(tasks))
        count++;
    if (tasks)
        closedir(tasks);
    return count;
}

/* Connections are spread over all sockets of the port; each must be accepted. */
E2E_TEST(upgrade_settings, hands_over_every_socket_whatever_the_number_of_threads)
{
    static const unsigned threads[] = {1, 4, 2, 3, 1, 2};
    struct site site;
    create_site(&site);
    configure(&site, 4, "");
    struct server *server =
        server_start_with(&(struct server_setup){.config = site_path(&site, "../sluice.conf")});
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        configure(&site, threads[i], "");
        size_t before = count_threads(server);
        successor_upgrade(server);
        cr_expect(before != count_threads(server) || i == 0 || threads[i] == threads[i - 1]);
        for (unsigned j = 0; j < 40; j++)
            server_expect_alive(server, text_format("with %u threads", threads[i]));
    }
    server_stop(server);
}

E2E_TEST(upgrade_settings, reads_the_configuration_anew_and_survives_a_bad_one)
{
    struct site site;
    struct response response;
    create_site(&site);
    configure(&site, 2, "");
    struct server *server =
        server_start_with(&(struct server_setup){.config = site_path(&site, "../sluice.conf")});
    configure(&site, 2, "treads = 3\n");
    process_signal(&server->process, SIGUSR2);
    successor_await(server, "the upgrade failed: the new process ended with status 2");
    server_expect_alive(server, "after a bad configuration");
    configure(&site, 2, "header = /*: X-New: yes\n");
    successor_upgrade(server);
    if (expect_fetch(server, "the new one", request_text("GET", "/"), 200, &response))
        cr_expect_str_eq(response_field(&response, "X-New"), "yes");
    server_stop(server);
}

static void await_file(const char *path)
{
    for (int64_t deadline = deadline_after(5000); access(path, F_OK) < 0;)
        cr_assert(poll(NULL, 0, 2) == 0 && deadline_left_ms(deadline) > 0, "%s", path);
}

E2E_TEST(upgrade_settings, move_the_pid_file)
{
    struct site site;
    create_site(&site);
    const char *const paths[] = {site_path(&site, "../1.pid"), site_path(&site, "../2.pid")};
    configure(&site, 1, text_format("pid-file = %s\n", paths[0]));
    struct server *server =
        server_start_with(&(struct server_setup){.config = site_path(&site, "../sluice.conf")});
    await_file(paths[0]);
    configure(&site, 1, text_format("pid-file = %s\n", paths[1]));
    successor_upgrade(server);
    await_file(paths[1]);
    cr_expect_lt(access(paths[0], F_OK), 0, "that of the old process is left");
    server_stop(server);
    cr_expect_lt(access(paths[1], F_OK), 0, "that of the new process is left");
}

/* --- A reload meanwhile ----------------------------------------------------------------------- */

/* Has the next upgrade of a server that was started from ../server run the program NAME once GO is
 * a file, or end with a status if NAME is NULL. */
static void delay_program(const struct site *site, const char *go, const char *name)
{
    const char *then = name ? text_format("exec %s \"$@\"", name) : "exit 3";
    site_replace_text(
        site, "../server",
        text_format("#!/bin/sh\nwhile test -e $0 && ! test -e %s; do sleep 0.01; done\n%s\n",
                    site_path(site, go), then));
    site_chmod(site, "../server", 0755);
}

static size_t count_lines(const struct server *server, const char *text)
{
    size_t count = 0;
    for (const char *at = process_errors(&server->process); (at = strstr(at, text)); at++)
        count++;
    return count;
}

static void await_lines(const struct server *server, const char *text, size_t wanted)
{
    for (int64_t deadline = deadline_after(10000); count_lines(server, text) < wanted;)
        cr_assert(poll(NULL, 0, 2) == 0 && deadline_left_ms(deadline) > 0, "not %zu \"%s\": %s",
                  wanted, text, process_errors(&server->process));
}

static void begin_upgrade(const struct server *server)
{
    static const char started[] = "the upgrade has started";
    const size_t before = count_lines(server, started);
    process_signal(&server->process, SIGUSR2);
    await_lines(server, started, before + 1);
}

static const char *tls(void)
{
    return e2e_uses_tls() ? " tls" : "";
}

/* The new process would not have the listeners that the reload opens. */
E2E_TEST(upgrade_settings, of_a_reload_take_effect_after_the_upgrade)
{
    struct site site;
    create_site(&site);
    const char *path = site_path(&site, "../server"), *other = site_path(&site, "../sluice");
    successor_copy_program("sluice", path);
    successor_copy_program("sluice", other);
    const char *first = text_format("listen = 127.0.0.1:0%s\n", tls());
    configure(&site, 1, first);
    struct server *server = server_start_with(&(struct server_setup){
        .config = site_path(&site, "../sluice.conf"), .no_bind = true, .path = path});
    successor_adopt();
    delay_program(&site, "../go1", NULL);
    begin_upgrade(server);
    configure(&site, 1, text_format("%slisten = unix:%s\n", first, site_path(&site, "../a")));
    process_signal(&server->process, SIGHUP);
    successor_await(server, "SIGHUP takes effect at the end of the upgrade");
    cr_expect_eq(count_lines(server, "reloaded "), 0, "during the upgrade");
    site_write_text(&site, "../go1", "");
    await_lines(server, "reloaded ", 1); /* by the old process, as the upgrade has failed */
    cr_expect_eq(access(site_path(&site, "../a"), F_OK), 0, "%s", strerror(errno));

    delay_program(&site, "../go2", other);
    begin_upgrade(server);
    process_signal(&server->process, SIGHUP);
    await_lines(server, "SIGHUP takes effect at the end of the upgrade", 2);
    site_write_text(&site, "../go2", "");
    successor_await(server, "serves from now on");
    successor_take(server);
    await_lines(server, "reloaded ", 2); /* by the new one, which has been sent the signal */
    server_expect_alive(server, "after both");
    server_stop(server);
}

/* --- Listeners -------------------------------------------------------------------------------- */

static mode_t mode_of(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0 ? state.st_mode & ALLPERMS : 0;
}

E2E_TEST(upgrade_settings, remove_the_files_of_unix_sockets_that_they_do_not_name_any_more)
{
    struct site site;
    create_site(&site);
    const char *a = site_path(&site, "../a"), *b = site_path(&site, "../b"),
               *admin = site_path(&site, "../admin");
    const char *first =
        text_format("listen = 127.0.0.1:0%s\nlisten = unix:%s mode=0600\n", tls(), a);
    const char *more = text_format("listen = unix:%s\nadmin = unix:%s\n", b, admin);
    configure(&site, 2, text_format("%s%s", first, more));
    struct server *server = server_start_with(
        &(struct server_setup){.config = site_path(&site, "../sluice.conf"), .no_bind = true});
    cr_expect_eq(mode_of(a), 0600);
    configure(&site, 2, text_format("%spid-file = /nonexistent/sluice.pid\n", first));
    process_signal(&server->process, SIGUSR2);
    successor_await(server, "the upgrade failed");
    cr_expect(access(b, F_OK) == 0 && access(admin, F_OK) == 0, "gone, though it has failed");
    configure(&site, 2, first);
    successor_upgrade(server);
    server_expect_alive(server, "after an upgrade");
    cr_expect_eq(access(a, F_OK), 0, "the file of a listener is gone");
    cr_expect_neq(access(b, F_OK), 0, "the file of a former listener is left");
    cr_expect_neq(access(admin, F_OK), 0, "the file of the former admin listener is left");
    server_stop(server);
    cr_expect_neq(access(a, F_OK), 0, "it is left");
}

E2E_TEST(upgrade_settings, give_unix_sockets_their_mode_anew)
{
    struct site site;
    create_site(&site);
    const char *a = site_path(&site, "../a"), *admin = site_path(&site, "../admin");
    static const unsigned modes[] = {0600, 0666, 0666};
    struct server *server = NULL;
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        configure(&site, 2,
                  text_format("listen = 127.0.0.1:0%s\nlisten = unix:%s mode=%04o\n"
                              "admin = unix:%s mode=%04o\n",
                              tls(), a, modes[i], admin, modes[i]));
        if (i > 0)
            successor_upgrade(server);
        else
            server = server_start_with(&(struct server_setup){
                .config = site_path(&site, "../sluice.conf"), .no_bind = true});
        for (int64_t deadline = deadline_after(10000);
             mode_of(a) != modes[i] || mode_of(admin) != modes[i];)
            cr_assert(poll(NULL, 0, 2) == 0 && deadline_left_ms(deadline) > 0, "%zu: %04o, %04o", i,
                      mode_of(a), mode_of(admin));
    }
    server_stop(server);
}

/* The old process listens on the port until the new one is ready. */
E2E_TEST(upgrade_settings, move_listeners_to_other_addresses_of_their_ports)
{
    static const char *const addresses[] = {"127.0.0.1", "0.0.0.0", "127.0.0.1"};
    struct site site;
    create_site(&site);
    const uint16_t port = server_free_port(), admin = server_free_port();
    struct server *server = NULL;
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        configure(&site, 2,
                  text_format("listen = %s:%u%s\nadmin = %s:%u\n", addresses[i], port, tls(),
                              addresses[i], admin));
        if (i > 0)
            successor_upgrade(server);
        else
            server = server_start_with(&(struct server_setup){
                .config = site_path(&site, "../sluice.conf"), .no_bind = true});
        for (unsigned j = 0; j < 10; j++)
            server_expect_alive(server, addresses[i]);
    }
    server_stop(server);
}
