/* configuration: the program sluice: its defaults, its file, its environment, its commands. How
 * mistakes in a file are reported is in configuration_check. */
#include "certificate.h"
#include "client.h"
#include "e2e.h"
#include "server_process.h"
#include "sluice_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

E2E_SUITE(configuration);

static void expect_body(const struct server *server, const char *host, const char *body)
{
    struct response response;
    const char *request =
        text_format("GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);

    if (expect_fetch(server, host, request, 200, &response))
        cr_expect(response.body.length == strlen(body) &&
                      memcmp(response.body.data, body, response.body.length) == 0,
                  "%s: %.*s", host, (int)response.body.length, response.body.data);
}

E2E_TEST(configuration, help_shows_how_commands_are_called)
{
    struct site site;

    site_create(&site);
    struct outcome all = sluice_run(&site, "help"), check = sluice_run(&site, "help check");
    cr_expect(all.status == 0 && strstr(all.output, "\n  check  "), "%s", all.output);
    cr_expect(check.status == 0 && strncmp(check.output, "Usage: sluice check ", 20) == 0, "%s",
              check.output);
    cr_expect_str_eq(sluice_run(&site, "check --help").output, check.output);
    cr_expect_eq(sluice_run(&site, "help nothing").status, 2);
}

#ifdef SLUICE_HAVE_OPENSSL

/* Each listener says for itself whether it speaks TLS; plain HTTP on a TLS port leads to that
 * port. */
E2E_TEST(configuration, listeners_speak_tls_or_not)
{
    struct site site;
    struct certificate certificate;
    struct response response;

    sluice_sites(&site);
    certificate_make(&certificate, &(struct certificate_setup){.names = "DNS:localhost"});
    certificate_write(&certificate, &site, "../a.pem");
    site_write_text(&site, "../sluice.conf",
                    "listen = 127.0.0.1:0 tls\nlisten = 127.0.0.1:0\nlisten = 127.0.0.2:0 tls\n"
                    "cert = a.pem\nroot = root/one\n");
    struct server *server = server_start_with(&(struct server_setup){
        .config = site_path(&site, "../sluice.conf"), .no_bind = true, .own_tls = true});
    expect_body(server, "localhost", "one");
    const char *screen = bytes_text(&server->screen);
    const char *plain = strstr(screen, "http://127.0.0.1:");
    const char *second = strstr(screen, "https://127.0.0.2:");
    cr_assert(plain && second, "%s", screen);
    struct server other = *server;
    other.secure = false;
    other.port = (uint16_t)strtoul(plain + 17, NULL, 10);
    expect_body(&other, "localhost", "one");
    other.port = (uint16_t)strtoul(second + 18, NULL, 10);
    struct client client;
    cr_assert(client_try_connect(&client,
                                 &(struct client_setup){.port = other.port, .host = "127.0.0.2"}));
    client_queue_text(&client, "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n");
    if (expect_status(&client, "plain HTTP", false, 308, &response)) {
        const char *field = response_field(&response, "Location");
        cr_expect(field && strcmp(field, text_format("https://localhost:%u/x", other.port)) == 0,
                  "%s", field ? field : "(none)");
    }
    client_close(&client);
}

#endif

E2E_TEST(configuration, serves_the_current_directory_to_this_machine)
{
    struct site site;

    sluice_sites(&site);
    struct server *server = server_start_with(&(struct server_setup){
        .program = "sluice",
        .directory = site_path(&site, "one"),
        .options = "-p 0",
        .no_bind = true,
    });
    expect_body(server, "localhost", "one");
    cr_expect(strstr(bytes_text(&server->screen), "127.0.0.1"), "%s", bytes_text(&server->screen));
    server_stop(server);
    cr_expect(strstr(bytes_text(&server->screen), "for this machine only"), "%s",
              bytes_text(&server->screen));
}

E2E_TEST(configuration, serves_the_sites_of_a_file_and_lists_them)
{
    struct site site;

    sluice_sites(&site);
    site_write_text(&site, "../sluice.conf",
                    "[site a.example w.example]\nroot = root/one\n"
                    "[site *]\nroot = root/two\n");
    struct server *server =
        server_start_with(&(struct server_setup){.config = site_path(&site, "../sluice.conf")});
    expect_body(server, "w.example", "one");
    expect_body(server, "b.example", "two");
    server_stop(server);
    const char *screen = bytes_text(&server->screen);
    cr_expect(strstr(screen, "serves 2 sites\n  a.example w.example: "), "%s", screen);
    cr_expect(strstr(screen, "\n  *: /") && strstr(screen, "/two\n"), "%s", screen);
}

E2E_TEST(configuration, listens_where_the_file_says)
{
    struct site site;

    if (e2e_uses_tls())
        e2e_skip("its listeners are plain");
    sluice_sites(&site);
    site_write_text(&site, "../sluice.conf",
                    "listen = 127.0.0.1:0\nlisten = 127.0.0.2:0\nroot = root/one\n");
    struct server *server = server_start_with(
        &(struct server_setup){.config = site_path(&site, "../sluice.conf"), .no_bind = true});
    expect_body(server, "localhost", "one");
    server_stop(server);
    cr_expect(strstr(bytes_text(&server->screen), "http://127.0.0.1:") &&
                  strstr(bytes_text(&server->screen), "http://127.0.0.2:"),
              "%s", bytes_text(&server->screen));
}

E2E_TEST(configuration, prints_where_each_setting_comes_from)
{
    struct site site;

    sluice_sites(&site);
    site_write_text(&site, "../sluice.conf", "threads = 2\n[site a]\nroot = root/one\n");
    struct outcome outcome = sluice_run(&site, "--config sluice.conf --print-config --backlog 9");
    cr_expect(outcome.status == 0, "%s", outcome.errors);
    cr_expect(strstr(outcome.output, "# sluice.conf, line 1\n"), "%s", outcome.output);
    cr_expect(strstr(outcome.output, "[site a] # sluice.conf, line 2\n"), "%s", outcome.output);
    cr_expect(strstr(outcome.output, "# command line\n"), "%s", outcome.output);
}

E2E_TEST(configuration, helps)
{
    struct site site;

    sluice_sites(&site);
    struct outcome outcome = sluice_run(&site, "help");
    cr_expect(outcome.status == 0, "%s", outcome.errors);
    cr_expect(strstr(outcome.output, "Usage: sluice [ROOT] [options]\n") &&
                  strstr(outcome.output, "--config FILE"),
              "%s", outcome.output);
}

/* Expects that the file PATH in SITE has one line, of a request that got 200 and 3 bytes. */
static void expect_one_line(const struct site *site, const char *path)
{
    char line[512] = "", more[512];
    FILE *log = fopen(site_path(site, path), "re");

    cr_assert(log && fgets(line, sizeof(line), log), "%s has no line", path);
    cr_expect(strstr(line, "\"GET / HTTP/1.1\" 200 3 "), "%s: %s", path, line);
    cr_expect(!fgets(more, sizeof(more), log), "%s: %s", path, more);
    fclose(log);
}

E2E_TEST(configuration, a_site_may_have_its_own_access_log)
{
    struct site site;

    sluice_sites(&site);
    site_write_text(&site, "../sluice.conf",
                    "access-log = all.log\n"
                    "[site a.example]\nroot = root/one\naccess-log = a.log\n"
                    "[site b.example]\nroot = root/two\n");
    struct server *server =
        server_start_with(&(struct server_setup){.config = site_path(&site, "../sluice.conf")});
    expect_body(server, "a.example", "one");
    expect_body(server, "b.example", "two");
    server_stop(server);
    expect_one_line(&site, "../a.log");
    expect_one_line(&site, "../all.log");
}

/* The first is a Service of Kubernetes called "sluice". */
E2E_TEST(configuration, starts_with_foreign_variables)
{
    struct site site;

    sluice_sites(&site);
    struct server *server = server_start_with(&(struct server_setup){
        .program = "sluice",
        .root = site_path(&site, "one"),
        .options = "--port 0",
        .environment = {"SLUICE_PORT=tcp://10.0.0.1:80", "SLUICE_SERVICE_HOST=10.0.0.1",
                        "SLUICE_THREDS=3", "SLUICE_LISTING=yes"},
    });
    expect_body(server, "localhost", "one");
    const char *errors = process_errors(&server->process);
    cr_expect(strstr(errors, "did you mean SLUICE_THREADS?"), "%s", errors);
    cr_expect(strstr(errors, "Kubernetes"), "%s", errors);
}
