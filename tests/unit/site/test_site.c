/* site: the fields of a file, from all sources: defaults, rules, options. */
#include "http/default_fields.h"
#include "support/site_rig.h"

TestSuite(site, .init = set_up, .fini = tear_down);

Test(site, gives_a_file_its_fields)
{
    cr_expect_str_eq(lines_of("a.txt"), "ETag: \"ae1b981bc490a00-5\"\r\n"
                                        "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                        "Cache-Control: no-cache\r\n"
                                        "Content-Type: text/plain; charset=utf-8\r\n"
                                        "X-Content-Type-Options: nosniff\r\n"
                                        "Accept-Ranges: bytes\r\n"
                                        "Content-Length: 5\r\n");
    cr_expect(strstr(lines_of("app.3f2a9c1b.js"), "Cache-Control: no-cache"));
    cr_expect(strstr(lines_of_file("app.3f2a9c1b.js", true),
                     "Cache-Control: public, max-age=31536000, immutable\r\n"));
    cr_expect(strstr(lines_of("dir/"), "Content-Type: text/html"), "its index");
}

Test(site, takes_cache_control_from_options)
{
    make(&(struct site_settings){.cache_control = STR("max-age=7")});
    cr_expect(strstr(lines_of("app.3f2a9c1b.js"), "Cache-Control: max-age=7\r\n"));
    make(&(struct site_settings){.cache_control = STR("")});
    cr_expect_null(strstr(lines_of("a.txt"), "Cache-Control"));
}

static const char year[] = "Cache-Control: public, max-age=31536000, immutable\r\n";

Test(site, gives_a_year_to_paths_that_an_option_names)
{
    static const struct field field = {STR_INIT("Cache-Control"),
                                       STR_INIT(DEFAULT_FIELDS_IMMUTABLE)};
    struct problem problem;
    struct rules *immutable = rules_create();
    cr_assert_eq(rules_add_field(immutable, STR("/assets/*"), &field, &problem), 0);
    make(&(struct site_settings){.cache_control = STR("max-age=7"), .immutable_rules = immutable});
    cr_expect(strstr(lines_of("assets/a.txt"), year));
    cr_expect(strstr(lines_of("assets/"), year), "its index");
    cr_expect(strstr(lines_of("a.txt"), "Cache-Control: max-age=7\r\n"));
    take("/assets/b.txt\n Cache-Control: max-age=1\n");
    cr_expect(strstr(lines_of("assets/b.txt"), "Cache-Control: max-age=1\r\n"), "a rule wins");
    cr_expect_null(strstr(lines_of("assets/b.txt"), "immutable"));
    rules_destroy(immutable);
}

Test(site, gives_a_year_to_copies_for_a_host_but_not_for_a_route)
{
    struct path path = path_named("app.3f2a9c1b.js"), other = path_named("users/1");
    struct site_target target = {&path, STR("example.org")}, route = {&other, STR("example.org")};
    struct fetched fetched = file_of(STR("12345"));
    fetched.state.hashed = true;
    make(&(struct site_settings){.fallback = STR("app.3f2a9c1b.js")});
    struct resource *file = site_resource_make(site, &path, &fetched, INT64_MAX);
    struct resource *copies[] = {site_resource_make_for_host(site, &target, file),
                                 site_resource_make_route(site, &route, file)};
    for (size_t i = 0; i < COUNT_OF(copies); i++) {
        struct str lines = field_block_lines(&copies[i]->variants[0].fields);
        cr_expect_eq(memmem(lines.at, lines.length, year, strlen(year)) != NULL, i == 0, "%zu", i);
        resource_drop(copies[i]);
    }
    resource_drop(file);
    fetched_fini(&fetched);
}

Test(site, lets_rules_replace_and_remove_defaults)
{
    cr_expect(take("/a.txt\n Cache-Control: max-age=1\n Content-Type: text/x\n"
                   "/b.txt\n ! Cache-Control\n ! Content-Type\n ! X-Content-Type-Options\n"));
    const char *lines = lines_of("a.txt");
    cr_expect(strstr(lines, "Cache-Control: max-age=1\r\n") && !strstr(lines, "no-cache"));
    cr_expect(strstr(lines, "Content-Type: text/x\r\n") && !strstr(lines, "text/plain"));
    lines = lines_of("b.txt");
    cr_expect_null(strstr(lines, "Cache-Control"));
    cr_expect_null(strstr(lines, "Content-Type"));
    cr_expect_null(strstr(lines, "nosniff"));
    cr_expect(strstr(lines_of("c.txt"), "nosniff"));
}

Test(site, prefers_rules_of_the_command_line)
{
    struct problem problem;
    cr_assert_eq(rules_add(rules, STR("/*: Content-Type: text/y"), &problem), 0);
    cr_assert_eq(rules_add(rules, STR("/*: ! X-A"), &problem), 0);
    make(&(struct site_settings){.rules = rules});
    take("/*\n Content-Type: text/x\n X-A: 1\n X-B: 1\n");
    const char *lines = lines_of("a.txt");
    cr_expect(strstr(lines, "Content-Type: text/y\r\n") && !strstr(lines, "text/x"));
    cr_expect(strstr(lines, "X-B: 1\r\n") && !strstr(lines, "X-A"));
}

Test(site, allows_other_origins_unless_rules_forbid_it)
{
    make(&(struct site_settings){.cors = true});
    cr_expect(strstr(lines_of("a.txt"), "Access-Control-Allow-Origin: *\r\n"));
    take("/a.txt\n Access-Control-Allow-Origin: https://example.org\n/b.txt\n "
         "! Access-Control-Allow-Origin\n");
    const char *lines = lines_of("a.txt");
    cr_expect(strstr(lines, "Access-Control-Allow-Origin: https://example.org\r\n"));
    cr_expect_null(strstr(lines, "Access-Control-Allow-Origin: *"));
    cr_expect_null(strstr(lines_of("b.txt"), "Access-Control-Allow-Origin"));
}

Test(site, takes_over_changed_rules)
{
    cr_expect_not(take_none(), "there were none");
    cr_expect_not(site_has_rules(site));
    cr_expect(take("/*\n X-A: 1\n"));
    cr_expect(site_has_rules(site));
    cr_expect_not(take("/*\n X-A: 1\n"), "the same");
    cr_expect(take("/*\n X-A: 2\n"));
    cr_expect(strstr(lines_of("a"), "X-A: 2\r\n"));
    cr_expect(take_none());
    cr_expect_null(strstr(lines_of("a"), "X-A"));
    cr_expect_not(site_has_rules(site));
}

Test(site, reports_mistakes_in_the_rules)
{
    take("/*\n X-A: 1\nnonsense\n");
    cr_expect_eq(complaints, 1);
    cr_expect_eq(last_line, 3);
    struct fetched fetched = {.kind = FETCH_REFUSED, .status = HTTP_FORBIDDEN};
    cr_expect(site_take_rules(site, &fetched), "a file that can't be read has none");
    cr_expect_eq(complaints, 2);
    cr_expect_eq(last_line, 0);
}

/* The file is checked again every second, or for every request. */
Test(site, reports_an_unreadable_rules_file_once)
{
    struct fetched locked = {.kind = FETCH_REFUSED, .status = HTTP_FORBIDDEN};
    struct fetched large = file_of(STR("/*\n X-A: 1\n"));
    int fd = large.files[CONTENT_CODING_IDENTITY].body->fd;
    for (unsigned i = 0; i < 3; i++)
        site_take_rules(site, &locked);
    cr_expect_eq(complaints, 1);
    large.files[CONTENT_CODING_IDENTITY].body->fd = 0; /* so large that it stays a file */
    for (unsigned i = 0; i < 3; i++)
        site_take_rules(site, &large);
    cr_expect_eq(complaints, 2, "something else is wrong");
    large.files[CONTENT_CODING_IDENTITY].body->fd = fd;
    fetched_fini(&large);
    take_none();
    site_take_rules(site, &locked);
    cr_expect_eq(complaints, 3, "wrong again");
    struct fetched fifo = {.kind = FETCH_REFUSED, .status = HTTP_NOT_FOUND, .occupied = true};
    take_none();
    site_take_rules(site, &fifo);
    cr_expect_eq(complaints, 4, "not a file");
}

Test(site, keeps_files_that_configure_it_private)
{
    static const struct {
        const char *name;
        bool private;
    } rows[] = {
        {"_headers", true},    {"_HEADERS", true},      {"_headers/", true},  {"a/_headers", false},
        {"headers", false},    {"_headers.txt", false}, {"_redirects", true}, {"_Redirects", true},
        {"_redirects/", true}, {"a/_redirects", false}, {"redirects", false}, {"", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct path path = path_named(rows[i].name);
        cr_expect_eq(site_is_private(site, &path), rows[i].private, "%s", rows[i].name);
    }
}
