/* configuration_check: which mistakes `sluice check` and the start of a server report, and where
 * each one is. */
#include "certificate.h"
#include "e2e.h"
#include "sluice_command.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

E2E_SUITE(configuration_check);

/* Mistakes, one in each file: neither a start nor a check goes past it. */
static const struct {
    const char *config;
    const char *says;
} mistakes[] = {
    {"[site a]\nroot = root/one\n[site b a]\nroot = root/two\n",
     "line 3: host name 'a' is given twice: line 1 has it too"},
    {"[site *]\nroot = root/one\n[site *]\nroot = root/two\n",
     "line 3: host name '*' is given twice: line 1 has it too"},
    {"[site a a]\nroot = root/one\n[site b]\nroot = root/two\n", "line 1: host name 'a'"},
    {"[site A]\nroot = root/one\n[site a.]\nroot = root/two\n", "line 3: host name 'a.'"},
    {"[site a:80]\nroot = root/one\n", "line 1: host name 'a:80' has a port"},
    {"[site a]\nroot = root/none\n", "line 2: ROOT 'root/none' does not exist"},
    {"[site a]\nroot = root/one\nspa = no.html\n", "line 3: spa 'no.html' is not a file"},
    {"[site a]\nroot = root/one\nmime-types = none\n", "line 3: mime-types"},
    {"[site a]\nroot = root/one\ncanonical = c\n[site b]\nroot = root/two\n",
     "line 3: canonical 'c' is not a name of its site"},
    {"root = root/one\nthread = 2\n", "line 2: the key 'thread' is not known"},
    {"root = root/one\nredirect = /a /a\nindex = x\n",
     "line 2: redirect '/a' leads to more than 20 redirects"},
    {"root = root/one\nredirect = /a b\n", "line 2: redirect '/a b' is not a redirect: "},
    {"root = caf\xe9\n", "line 1: the line is not UTF-8"},
    {"", "no site is named"},
    {"root = root/one\naccess-log = none/a.log\n", "line 2: access-log"},
    {"error-log = none/e.log\nroot = root/one\n", "line 1: error-log"},
#ifdef SLUICE_HAVE_OPENSSL
    {"listen = 0 tls\ncert = none.pem\nroot = root/one\n", "none.pem"},
#endif
};

/* Runs sluice with WORDS, which must fail with one line that SAYS what is wrong with CONFIG. */
static void expect_refused(const struct site *site, const char *words, const char *config,
                           const char *says)
{
    struct outcome outcome = sluice_run(site, words);
    const char *end = strchr(outcome.errors, '\n');

    cr_expect(outcome.status == 1 || (outcome.status == 2 && strncmp(words, "check", 5) != 0),
              "\"%s\": status %d", config, outcome.status);
    cr_expect(strstr(outcome.errors, says) && end && end[1] == '\0', "\"%s\": %s", config,
              outcome.errors);
    cr_expect_str_empty(outcome.output);
}

enum { LINES_MAX = 6 };

/* Files with all that is to be reported of each, in order: nothing else is. */
static const struct {
    const char *config;
    size_t length; /* of CONFIG; 0: to its NUL */
    const char *lines[LINES_MAX];
} bad_files[] = {
    {"", 0, {"sluice.conf: no site is named"}},
    {"root = root/one\0\nthread = 2\n",
     28,
     {"line 1: the line has a NUL", "line 2: the key 'thread' is not known"}},
    {"[site a]\nroot = caf\xe9\nindex = caf\xe9\n",
     0,
     {"line 2: the line is not UTF-8", "line 3: the line is not UTF-8"}},
    {"[site a]\r\nroot = root/one\r\nthread = 2\r\nspa = no\r\n",
     0,
     {"line 3: the key 'thread' is not known", "line 4: spa 'no'"}},
    {"\xef\xbb\xbfthread = 2\n[site a]\nroot = none\n"
     "[site a]\nroot = root/one\ncanonical = b\n",
     0,
     {"line 1: the key 'thread' is not known", "line 3: ROOT 'none' does not exist",
      "line 4: host name 'a' is given twice: line 2 has it too",
      "line 6: canonical 'b' is not a name of its site"}},
    /* The values of a section that is wrong are of no site, and their names are checked. */
    {"[ste a]\nroot = none\nthread = 2\n[site]\n[site b\n[site c]\nroot = root/one\n",
     0,
     {"line 1: the section is not known", "line 3: the key 'thread' is not known",
      "line 4: the section names no host", "line 5: the section has no ]"}},
    /* A value for all sites is one mistake. */
    {"header = x\naccess-log = none/a.log\n"
     "[site a]\nroot = root/one\n[site b]\nroot = root/two\n",
     0,
     {"line 1: header 'x'", "line 2: access-log 'none/a.log' cannot be opened: No such file"}},
    /* A line that may have been the root is the only mistake. */
    {"[site a]\nthread = 2\n[site b]\nrot = x\n[site c]\nroot\n",
     0,
     {"line 2: the key 'thread' is not known", "line 4: the key 'rot' is not known",
      "line 6: the line has no =", "line 1: the site has no root"}},
    {"[site a]\nroot = none\nindex = _headers\nmime-types = none\nerror-log = 1\n",
     0,
     {"line 5: error-log is for the whole server", "line 2: ROOT 'none' does not exist",
      "line 3: index '_headers' is never served", "line 4: mime-types"}},
    {"root =\n", 0, {"line 1: root is empty; name a directory"}},
    {"root = \"\"\n[site a]\nindex = x\n", 0, {"line 1: root is empty"}},
    {"root = root/one\nredirect = /a /b/:splat\n", 0, {"line 2: redirect '/a /b/:splat' is not"}},
    {"error-log = root\nroot = root/one\n",
     0,
     {"line 1: error-log 'root' cannot be opened: Is a directory"}},
    {"root = root/one\nredirect = /a /b\nredirect = /b /a\nredirect = /c /c\n",
     0,
     {"line 2: redirect '/a' leads to", "line 3: redirect '/b' leads to",
      "line 4: redirect '/c' leads to"}},
    {"[site a]\nroot = root/one\ncanonical = b\n[site b]\nroot = root/two\ncanonical = a\n",
     0,
     {"line 3: canonical 'b' is not a name of its site",
      "line 6: canonical 'a' is not a name of its site"}},
    {"listen = 127.0.0.1:81\nlisten = 127.0.0.1:81\nlisten = 127.0.0.1:82\n"
     "listen = 127.0.0.1:82\nroot = root/one\n",
     0,
     {"line 2: listen '127.0.0.1:81' is where", "line 4: listen '127.0.0.1:82' is where"}},
    {"pid-file = root/one\nlisten = 127.0.0.1:0\nlisten = unix:sluice.conf\n"
     "admin = unix:sluice.conf\nroot = root/one\n",
     0,
     {"line 1: pid-file", "line 4: admin 'sluice.conf' is a file that is not a socket",
      "line 3: listen 'sluice.conf' is a file that is not a socket"}},
    {"admin = 81\nlisten = 127.0.0.1:81\nroot = root/one\n",
     0,
     {"line 1: admin port 81 is one that files are served on"}},
    {"root = root/one\n[site a]\nredirect = /x http://b/y\n[site b]\nredirect = /y http://a/x\n",
     0,
     {"line 3: redirect '/x' leads to more than 20 redirects, perhaps without an end; the next one "
      "is in line 5",
      "line 5: redirect '/y' leads to more than 20 redirects, perhaps without an end; the next one "
      "is in line 3"}},
#ifdef SLUICE_HAVE_OPENSSL
    {"listen = 127.0.0.1:0 tls\ncert = none.pem\ncert = root/one/index.html\n[site a]\n"
     "root = root/one\n",
     0,
     {"none.pem", "root/one/index.html: "}},
#endif
};

/* Expects that ERRORS is one line for each of LINES, which has it as a part. */
static void expect_lines(const char *errors, const char *const lines[static LINES_MAX])
{
    const char *at = errors;
    for (size_t i = 0; i < LINES_MAX && lines[i]; i++) {
        const size_t length = strcspn(at, "\n");
        const char *found = strstr(at, lines[i]);
        cr_expect(found && found < at + length, "'%s' is not in its line of: %s", lines[i], errors);
        at += length + (at[length] == '\n');
    }
    cr_expect(*at == '\0', "more is reported: %s", errors);
}

E2E_TEST(configuration_check, check_reports_all_mistakes_and_nothing_else)
{
    struct site site;

    sluice_sites(&site);
    for (size_t i = 0; i < COUNT_OF(bad_files); i++) {
        const char *config = bad_files[i].config;
        const size_t length = bad_files[i].length ? bad_files[i].length : strlen(config);
        site_write(&site, "../sluice.conf", config, length);
        struct outcome outcome = sluice_run(&site, "check --config sluice.conf");
        cr_expect_eq(outcome.status, 1, "\"%s\": status %d", config, outcome.status);
        expect_lines(outcome.errors, bad_files[i].lines);
        cr_expect_str_empty(outcome.output);
    }
}

/* 2,000 mistakes. */
E2E_TEST(configuration_check, check_reports_the_first_50_of_many_mistakes)
{
    struct site site;
    struct bytes config = {0};
    unsigned lines = 0;

    sluice_sites(&site);
    for (unsigned i = 0; i < 1000; i++)
        bytes_append_text(&config, text_format("[site s%u]\nroot = none\ncanonical = x\n", i));
    site_write(&site, "../sluice.conf", config.data, config.length);
    struct outcome outcome = sluice_run(&site, "check --config sluice.conf");
    cr_expect_eq(outcome.status, 1);
    for (const char *c = outcome.errors; *c; c++)
        lines += *c == '\n';
    cr_expect_eq(lines, 51, "%u lines: %s", lines, outcome.errors);
    cr_expect(strstr(outcome.errors, "line 2: ROOT") && strstr(outcome.errors, "line 149: ROOT"),
              "%s", outcome.errors);
    cr_expect(strstr(outcome.errors, "and more mistakes"), "%s", outcome.errors);
}

E2E_TEST(configuration_check, check_creates_no_log)
{
    struct site site;
    struct stat status;

    sluice_sites(&site);
    site_write_text(&site, "../sluice.conf",
                    "root = root/one\naccess-log = a.log\nerror-log = e.log\n");
    struct outcome outcome = sluice_run(&site, "check --config sluice.conf");
    cr_expect(outcome.status == 0, "%s", outcome.errors);
    cr_expect(stat(site_path(&site, "../a.log"), &status) < 0);
    cr_expect(stat(site_path(&site, "../e.log"), &status) < 0);
    cr_assert_eq(mkfifo(site_path(&site, "../fifo"), 0600), 0);
    site_write_text(&site, "../sluice.conf", "root = root/one\naccess-log = fifo\n");
    outcome = sluice_run(&site, "check --config sluice.conf");
    cr_expect(outcome.status == 0, "a FIFO may get a reader later: %s", outcome.errors);
}

E2E_TEST(configuration_check, check_reports_each_mistake_with_its_line)
{
    struct site site;

    sluice_sites(&site);
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        site_write_text(&site, "../sluice.conf", mistakes[i].config);
        expect_refused(&site, "check --config sluice.conf", mistakes[i].config, mistakes[i].says);
        expect_refused(&site, "--config sluice.conf", mistakes[i].config, mistakes[i].says);
    }
}

E2E_TEST(configuration_check, check_says_that_all_is_well)
{
    static const char verdict[] = "sluice: no mistakes found; 1 site\n";
    struct site site;

    sluice_sites(&site);
    site_write_text(&site, "../sluice.conf", "[site a]\nroot = root/one\n");
    struct outcome outcome = sluice_run(&site, "check --strict --config sluice.conf");
    cr_expect(outcome.status == 0, "%s", outcome.errors);
    cr_expect_str_empty(outcome.errors);
    cr_expect(strncmp(outcome.output, verdict, sizeof(verdict) - 1) == 0, "%s", outcome.output);
    const char *rights = strstr(outcome.output, "files were tried with the rights of root; ");
    cr_expect_eq(rights != NULL, geteuid() == 0, "%s", outcome.output);
}

/* A server skips these lines, so a reload, before which check runs, must not be refused for them.
 * Two sites have one root: each mistake is reported once. */
E2E_TEST(configuration_check, check_warns_of_header_rules)
{
    static const char *const lines[LINES_MAX] = {
        "/root/bad/_headers, line 2: the line has no colon",
        "/root/bad/_headers, line 3: no header lines follow this path"};
    const char *const strict[LINES_MAX] = {lines[0], lines[1],
                                           "--strict does not accept warnings; there are 2"};
    struct site site;

    sluice_sites(&site);
    site_write_text(&site, "bad/_headers", "/*\n  X-A\n/x\n");
    site_write_text(&site, "../sluice.conf",
                    "log-level = error\n[site a]\nroot = root/bad\n[site b]\nroot = root/bad\n");
    struct outcome outcome = sluice_run(&site, "check --config sluice.conf");
    cr_expect_eq(outcome.status, 0);
    expect_lines(outcome.errors, lines);
    cr_expect(strstr(outcome.output, "no mistakes found; 2 sites; 2 warnings\n"), "%s",
              outcome.output);
    outcome = sluice_run(&site, "check --strict --config sluice.conf");
    cr_expect_eq(outcome.status, 1);
    expect_lines(outcome.errors, strict);
    cr_expect_str_empty(outcome.output);
    site_write(&site, "bad/_headers", text_format("%32769d", 1), 32769);
    outcome = sluice_run(&site, "check --config sluice.conf");
    cr_expect(outcome.status == 0 && strstr(outcome.errors, "the file is too large"), "%s",
              outcome.errors);
}

/* As the start does, which opens everything before it becomes the user. */
E2E_TEST(configuration_check, check_tries_roots_as_the_user_of_the_server)
{
    struct site site;

    if (geteuid() != 0)
        e2e_skip("it needs root");
    sluice_sites(&site);
    cr_assert_eq(chmod(site.parent, 0755), 0);
    cr_assert_eq(chmod(site_path(&site, "one"), 0700), 0);
    site_write_text(&site, "../sluice.conf", "user = nobody\nroot = root/one\n");
    struct outcome outcome = sluice_run(&site, "check --config sluice.conf");
    cr_expect(outcome.status == 1 && strstr(outcome.errors, "user 'nobody' may not open ROOT"),
              "%s", outcome.errors);
    cr_assert_eq(chmod(site_path(&site, "one"), 0755), 0);
    outcome = sluice_run(&site, "check --config sluice.conf");
    cr_expect(outcome.status == 0, "%s", outcome.errors);
    cr_expect(!strstr(outcome.output, "rights"), "%s", outcome.output);
}

#ifdef SLUICE_HAVE_OPENSSL

E2E_TEST(configuration_check, check_reports_names_without_a_certificate)
{
    struct site site;
    struct certificate certificate;

    sluice_sites(&site);
    certificate_make(&certificate,
                     &(struct certificate_setup){.names = "DNS:a.example,DNS:*.b.example"});
    certificate_write(&certificate, &site, "../a.pem");
    site_write_text(&site, "../sluice.conf",
                    "listen = 127.0.0.1:0 tls\ncert = a.pem\n"
                    "[site a.example *.b.example]\nroot = root/one\n"
                    "[site w.a.example c.example *]\nroot = root/two\n");
    struct outcome outcome = sluice_run(&site, "check --config sluice.conf");
    cr_expect(outcome.status == 0, "%s", outcome.errors);
    cr_expect(strstr(outcome.errors, "line 5: no certificate is for the host name 'w.a.example' "
                                     "and 1 more; add one"),
              "%s", outcome.errors);
}

/* It is served, so a reload must not be refused for it. */
E2E_TEST(configuration_check, check_only_warns_of_an_expired_certificate)
{
    struct site site;
    struct certificate certificate;

    sluice_sites(&site);
    certificate_make(&certificate, &(struct certificate_setup){.names = "DNS:a.example",
                                                               .begins_s = -2 * 86400,
                                                               .ends_s = -86400});
    certificate_write(&certificate, &site, "../a.pem");
    site_write_text(&site, "../sluice.conf",
                    "listen = 127.0.0.1:0 tls\ncert = a.pem\nroot = root/one\n");
    struct outcome outcome = sluice_run(&site, "check --config sluice.conf");
    cr_expect(outcome.status == 0, "%s", outcome.errors);
    cr_expect(strstr(outcome.errors, "a.pem: expired at "), "%s", outcome.errors);
}

#endif
