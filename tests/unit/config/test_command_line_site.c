/* command_line: the options of the one site that a command line has. */
#include "support/command_line_rig.h"

TestSuite(command_line_site, .fini = drop_last);

Test(command_line_site, takes_the_options)
{
    static const char *const arguments[] = {
        "80",          "site",      "--index=home.htm", "--index",
        "index.php",   "--spa",     "/app/index.html",  "--cache-control",
        "max-age=60",  "--header",  "/*: X-A: 1",       "--header=/b: ! X-A",
        "--immutable", "/assets/*", "--immutable=none", "--listing",
        "--cors",      NULL};
    struct outcome outcome = parse(arguments);
    const struct site_settings *site = outcome.site;
    cr_assert(serves(&outcome), "%s", outcome.mistake);
    cr_assert_eq(site_settings_index_count(site), 2, "they replace the default");
    cr_expect_str_eq(site_settings_index(site, 0).at, "home.htm");
    cr_expect_str_eq(site_settings_index(site, 1).at, "index.php");
    cr_expect_str_eq(site->fallback.at, "app/index.html", "below ROOT");
    cr_expect_str_eq(site->cache_control.at, "max-age=60");
    cr_assert_eq(site->headers.count, 2);
    cr_expect_str_eq(site->headers.items[0], "/*: X-A: 1");
    cr_expect_str_eq(site->headers.items[1], "/b: ! X-A");
    cr_assert_eq(site->immutable.count, 3);
    cr_expect_str_eq(site->immutable.items[0], "auto");
    cr_expect_str_eq(site->immutable.items[1], "/assets/*");
    cr_expect_str_eq(site->immutable.items[2], "none");
    cr_expect(site->listing && site->cors);
}

Test(command_line_site, takes_64_patterns_of_immutable)
{
    const char *arguments[2 * 65 + 3] = {"8080", "site"};
    for (unsigned i = 0; i < 2 * 65; i += 2) {
        arguments[2 + i] = "--immutable";
        arguments[3 + i] = "/a/*";
    }
    struct outcome outcome = parse(arguments);
    cr_expect_not(serves(&outcome), "65");
    arguments[2 + 2 * 64] = NULL;
    outcome = parse(arguments);
    cr_expect(serves(&outcome), "%s", outcome.mistake);
}

Test(command_line_site, refuses_wrong_options)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"index", ""},
        {"index", "a/b"},
        {"index", ".hidden"},
        {"spa", ""},
        {"spa", "/"},
        {"spa", "dir/"},
        {"cache-control", "a\nb"},
        {"immutable", ""},
        {"immutable", "assets/*"},
        {"immutable", "https://example.org/*"},
        {"immutable", "None"},
        {"immutable", "/a%zz"},
        {"immutable", "/*/*/*/*/*/*/*/*/*"},
        {"header", ""},
        {"header", "X-A: 1"},
        {"header", "/a"},
        {"header", "/a: X A: 1"},
        {"header", "/a: Content-Length: 1"},
        {"header", "/a: X-A:"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char given[64];
        snprintf(given, sizeof given, "--%s=%s", rows[i].name, rows[i].value);
        const char *const arguments[] = {"80", "site", given, NULL};
        struct outcome outcome = parse(arguments);
        expect_mistake(&outcome, given);
    }
}
