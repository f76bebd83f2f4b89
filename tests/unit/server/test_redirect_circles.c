/* redirect_circles: redirects of several sites that do not end, by scheme, host and port. */
#include "server/redirect_circles.h"

#include "config/command_line.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct tree tree;

static void set_up(void)
{
    tree_init(&tree);
}

static void tear_down(void)
{
    tree_fini(&tree);
}

TestSuite(redirect_circles, .init = set_up, .fini = tear_down);

/* What is wrong with the redirects of CONFIG; "": nothing. Kept until the next call. */
static const char *check(const char *config)
{
    static char text[PROBLEM_TEXT_BYTES];
    char word[512];
    char *argv[] = {(char *)(uintptr_t) "sluice", word};
    const struct command_line line = {
        .program = "sluice", .argc = 2, .argv = argv, .form = PROFILE_CONFIGURED};
    struct settings *settings = settings_create();
    struct problem problem = {.line = 0};
    enum command command;
    struct hosts *hosts = NULL;
    snprintf(word, sizeof word, "--config=%s/sluice.conf", tree.path);
    tree_write(&tree, "sluice.conf", str_of(config));
    cr_assert_eq(command_line_parse(&line, settings, &command, &problem), 0, "%s: %s", config,
                 problem.what);
    cr_assert_eq(settings_prepare(settings, &problem), 0, "%s: %s", config, problem.what);
    const struct hosts_sites sites = {(const struct site_settings *const *)settings->sites,
                                      settings->site_count, NULL};
    cr_assert_eq(hosts_create(&hosts, &sites, &problem), 0, "%s: %s", config, problem.what);
    text[0] = '\0';
    if (redirect_circles_check(settings, hosts, &problem) < 0)
        problem_text(&problem, text);
    hosts_destroy(hosts);
    settings_unref(settings);
    return text;
}

struct row {
    const char *config;
    const char *says; /* NULL: the redirects end */
};

static void expect(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = check(rows[i].config);
        if (rows[i].says)
            cr_expect(strstr(text, rows[i].says), "\"%s\": %s", rows[i].config, text);
        else
            cr_expect_str_eq(text, "", "\"%s\"", rows[i].config);
    }
}

Test(redirect_circles, are_found_through_several_sites_with_both_lines)
{
    static const struct row rows[] = {
        {"root = .\n[site a]\nredirect = /q /r\nredirect = /x http://b/y\n"
         "[site b]\nredirect = /y http://A:80/x\n",
         "line 4: redirect '/x' leads to more than 20 redirects, perhaps without an end; the next "
         "one is in line 6; let it lead"},
        {"root = .\n[site a]\nredirect = /x http://b/y\n[site b]\nredirect = /y http://a/z\n",
         NULL},
        {"root = .\n[site a]\nredirect = /* http://w.b/:splat\n"
         "[site *.b]\nredirect = /* http://a/:splat\n",
         "line 3: redirect '/*' leads to"},
        {"root = .\n[site a]\nredirect = /* http://a.b.c/:splat\n"
         "[site *.c]\nredirect = /* http://a/:splat\n",
         NULL},
        {"root = .\n[site a b]\ncanonical = a\nredirect = /x http://b/x\n",
         "line 4: redirect '/x' leads to"},
        {"root = .\nredirect = /x /y\nredirect = /y /x\n",
         "line 2: redirect '/x' leads to more than 20 redirects, perhaps without an end; the next "
         "one is in line 3; let it lead"},
        {"root = .\nredirect = /x /x\n", "perhaps without an end; let it lead"},
    };
    expect(rows, COUNT_OF(rows));
}

/* Any server may answer for a host that no site names. */
Test(redirect_circles, end_at_hosts_without_a_name)
{
    static const struct row rows[] = {
        {"root = .\nredirect = /* http://example.org/:splat\n", NULL},
        {"root = .\n[site *]\nredirect = /* http://example.org/:splat\n", NULL},
        {"root = .\n[site *]\nredirect = /* http://a/:splat\n[site a]\n", NULL},
    };
    expect(rows, COUNT_OF(rows));
}

/* The usual way from http to https, where another server speaks https. */
Test(redirect_circles, end_at_schemes_and_ports_of_other_servers)
{
    static const struct row rows[] = {
        {"listen = 80\nroot = .\n[site a]\nredirect = /* https://a/:splat\n", NULL},
        {"listen = 80\ntrusted-proxy = 10.0.0.1\nroot = .\n[site a]\n"
         "redirect = /* https://a/:splat\n",
         "line 5: redirect '/*' leads to more than 20 redirects, perhaps without an end; to lead "
         "clients from http to https, use http-port"},
        {"listen = unix:/nonexistent/s\nroot = .\n[site a]\nredirect = /* https://a/:splat\n",
         "line 4: "},
        {"listen = 80\nroot = .\n[site a]\nredirect = /app/* http://a:8080/app/:splat\n", NULL},
        {"listen = 8080\nroot = .\n[site a]\nredirect = /app/* http://a:8080/app/:splat\n",
         "line 4: "},
        {"listen = 8080\nroot = .\n[site a]\nredirect = /app/* http://a/app/:splat\n", "line 4: "},
#ifdef SLUICE_HAVE_OPENSSL
        {"listen = 80\nlisten = 443 tls\ncert = c\nroot = .\n[site a]\n"
         "redirect = /* https://a/:splat\n",
         "line 6: "},
        {"port = 443\nhttp-port = 80\ncert = c\nroot = .\n[site a]\nredirect = /* https://a/:splat\n",
         "line 6: "},
        {"port = 443\ncert = c\nroot = .\n[site a]\nredirect = /* http://a/:splat\n", NULL},
#endif
    };
    expect(rows, COUNT_OF(rows));
}
