/* site: the fields of a resource, from all sources: defaults, rules, options. */
#include "base/digest.h"
#include "http/default_fields.h"
#include "site/site_resource.h"
#include "support/paths.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct mime *mime;
static struct rules *rules;
static struct site *site;
static unsigned complaints;
static unsigned last_line;

static void complain(void *context, const struct problem *problem)
{
    (void)context;
    complaints++;
    last_line = problem->line;
}

static struct site_settings settings; /* of SITE */

static void make(const struct site_settings *wanted)
{
    settings = *wanted;
    settings.mime = mime;
    settings.rules_name = STR("_headers");
    site_drop(site);
    struct site_share *share = site_share_create();
    cr_assert_not_null(share);
    site = site_create(&settings, share, (struct site_report){complain, NULL});
    site_share_unref(share);
    cr_assert_not_null(site);
}

static void set_up(void)
{
    mime = mime_create();
    rules = rules_create();
    make(&(struct site_settings){0});
}

static void tear_down(void)
{
    site_drop(site);
    rules_destroy(rules);
    mime_destroy(mime);
}

TestSuite(site, .init = set_up, .fini = tear_down);

/* A file of CONTENT, as from fetch. */
static struct fetched file_of(struct str content)
{
    struct fetched fetched = {
        .kind = FETCH_FILE,
        .available = content_coding_bit(CONTENT_CODING_IDENTITY),
        .settled = true,
        .cacheable = true,
    };
    struct loaded *file = &fetched.files[CONTENT_CODING_IDENTITY];
    file->body = blob_create_bytes(content.length);
    str_put(file->body->bytes, content);
    file->identity.modified.tv_sec = 784111777;
    return fetched;
}

/* Sets TEXT as the site's rules. Returns whether they have changed. */
static bool take(const char *text)
{
    struct fetched fetched = file_of(str_of(text));
    bool changed = site_take_rules(site, &fetched);
    fetched_fini(&fetched);
    return changed;
}

static bool take_none(void)
{
    struct fetched fetched = {.kind = FETCH_REFUSED, .status = HTTP_NOT_FOUND, .cacheable = true};
    return site_take_rules(site, &fetched);
}

/* All field lines of the file at NAME, as a string until the next call. HASHED: its name means its
 * content for ever. */
static const char *lines_of_file(const char *name, bool hashed)
{
    static char text[8192];
    struct path path = path_named(name);
    struct fetched fetched = file_of(STR("12345"));
    fetched.state.hashed = hashed;
    struct resource *resource = site_resource_make(site, &path, &fetched, INT64_MAX);
    cr_assert_not_null(resource);
    snprintf(text, sizeof text, "%.*s", (int)resource->variants[0].fields.cut.bytes,
             resource->variants[0].fields.lines);
    resource_drop(resource);
    fetched_fini(&fetched);
    return text;
}

static const char *lines_of(const char *name)
{
    return lines_of_file(name, false);
}

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

Test(site, gives_redirects_and_errors_the_site_s_fields)
{
    struct path path = path_named("gone.js");
    struct fetched fetched = {.kind = FETCH_REFUSED, .status = HTTP_NOT_FOUND};
    take("/*\n X-A: 1\n Cache-Control: max-age=9\n Content-Type: text/x\n");
    struct resource *resource = site_resource_make(site, &path, &fetched, 0);
    cr_expect(str_equal(field_block_lines(&resource->page_fields),
                        STR("X-A: 1\r\nX-Content-Type-Options: nosniff\r\n")),
              "%.*s", (int)resource->page_fields.cut.bytes, resource->page_fields.lines);
    resource_drop(resource);
    fetched.kind = FETCH_DIRECTORY;
    resource = site_resource_make(site, &path, &fetched, 0);
    cr_expect(str_equal(field_block_lines(&resource->page_fields),
                        STR("X-A: 1\r\nCache-Control: max-age=9\r\n"
                            "X-Content-Type-Options: nosniff\r\n")));
    cr_expect(str_equal(resource->location, STR("gone.js/")));
    resource_drop(resource);
}

Test(site, gives_preflights_the_fields_of_their_path)
{
    static const struct {
        const char *label, *rules;
        bool cors;
        enum site_bare bare;
        const char *expected; /* NULL: no resource */
    } rows[] = {
        {"nothing", "", false, SITE_BARE_PREFLIGHT, NULL},
        {"a rule", "/a\n X-A: 1\n Content-Type: a/b\n", false, SITE_BARE_PREFLIGHT, "X-A: 1\r\n"},
        {"another path's", "/b\n X-A: 1\n", false, SITE_BARE_PREFLIGHT, ""},
        {"rules and defaults",
         "/a\n Access-Control-Max-Age: 600\n ! Access-Control-Allow-Headers\n", true,
         SITE_BARE_PREFLIGHT,
         "Access-Control-Max-Age: 600\r\nAccess-Control-Allow-Origin: *\r\n"
         "Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"},
        {"a refusal", "/a\n X-A: 1\n Cache-Control: max-age=9\n", false, SITE_BARE_ERROR,
         "X-A: 1\r\nX-Content-Type-Options: nosniff\r\n"},
    };
    struct path path = path_named("a");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        make(&(struct site_settings){.cors = rows[i].cors});
        if (rows[i].rules[0])
            take(rows[i].rules);
        struct site_target target = {.path = &path};
        struct resource *resource = site_resource_make_bare(site, &target, rows[i].bare);
        cr_expect_eq(resource != NULL, rows[i].expected != NULL, "%s", rows[i].label);
        if (!resource)
            continue;
        struct str lines = field_block_lines(&resource->page_fields);
        cr_expect(str_equal(lines, str_of(rows[i].expected)), "%s: %.*s", rows[i].label,
                  (int)lines.length, lines.at);
        resource_drop(resource);
    }
}

/* A route has the content, the validators and the lease of the page, and the fields of its own
 * path. */
Test(site, gives_a_route_the_fields_of_its_path)
{
    struct path page_path = path_named("index.html"), path = path_named("users/7");
    struct fetched fetched = file_of(STR("12345"));
    make(&(struct site_settings){.fallback = STR("index.html")});
    take("/index.html\n X-A: page\n/users/*\n X-A: route\n");
    struct resource *page = site_resource_make(site, &page_path, &fetched, INT64_MAX);
    fetched_fini(&fetched);
    page->lease->fresh_until_ms = 7;
    struct site_target target = {.path = &path};
    struct resource *route = site_resource_make_route(site, &target, page);
    cr_assert_not_null(route);
    struct str lines = field_block_lines(&route->variants[0].fields);
    cr_expect(str_equal(lines, STR("ETag: \"ae1b981bc490a00-5\"\r\n"
                                   "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                   "Cache-Control: no-cache\r\n"
                                   "X-A: route\r\n"
                                   "Content-Type: text/html; charset=utf-8\r\n"
                                   "X-Content-Type-Options: nosniff\r\n"
                                   "Accept-Ranges: bytes\r\n"
                                   "Content-Length: 5\r\n")),
              "%.*s", (int)lines.length, lines.at);
    cr_expect(str_equal(route->variants[0].etag, page->variants[0].etag));
    cr_expect_eq(route->variants[0].dated, page->variants[0].dated);
    cr_expect_eq(route->variants[0].last_modified, page->variants[0].last_modified);
    cr_expect_eq(route->variants[0].body, page->variants[0].body);
    cr_expect_eq(route->lease, page->lease);
    resource_drop(route);
    cr_expect_eq(page->lease->fresh_until_ms, 7, "not ended with the route");
    resource_drop(page);
}

/* Every kind of resource, with the lease of the one for every host. */
Test(site, gives_hosts_their_fields)
{
    struct path path = path_named("a.txt");
    struct site_target target = {.path = &path, .host = STR("example.org")};
    struct fetched file = file_of(STR("12345"));
    struct fetched missing = {.kind = FETCH_REFUSED, .status = HTTP_NOT_FOUND};
    struct fetched directory = {.kind = FETCH_DIRECTORY};
    const struct fetched *all[] = {&file, &missing, &directory};
    take("https://example.org/*\n X-A: :splat\n Content-Type: text/x\n/*\n X-B: 1\n");
    cr_expect(site_has_host_rules(site));
    cr_expect(site_resource_depends_on_host(site, &target));
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        struct resource *original = site_resource_make(site, &path, all[i], INT64_MAX);
        struct resource *resource = site_resource_make_for_host(site, &target, original);
        cr_expect_eq(resource->lease, original->lease);
        cr_expect_eq(resource->kind, original->kind);
        cr_expect_eq(resource->status, original->status);
        cr_expect(str_equal(resource->location, original->location));
        const struct field_block *block =
            i == 0 ? &resource->variants[0].fields : &resource->page_fields;
        struct str lines = field_block_lines(block);
        cr_expect(memmem(lines.at, lines.length, "X-A: a.txt\r\nX-B: 1\r\n", 20), "%zu", i);
        if (i == 0)
            cr_expect(str_equal(resource->variants[0].media_type, STR("text/x")));
        resource_drop(resource);
        resource_drop(original);
    }
    fetched_fini(&file);
    target.host = STR("example.com");
    cr_expect_not(site_resource_depends_on_host(site, &target));
    target.host = STR("");
    cr_expect_not(site_resource_depends_on_host(site, &target));
}

static void expect_error_lines(const char *text, struct str expected)
{
    struct path path = path_named("a.txt");
    struct fetched fetched = file_of(STR("12345"));
    if (text[0])
        take(text);
    struct resource *resource = site_resource_make(site, &path, &fetched, 0);
    cr_expect_eq(resource->page_fields.lines == NULL, expected.at == NULL, "'%s'", text);
    cr_expect(str_equal(field_block_lines(&resource->page_fields), expected), "%s: %.*s", text,
              (int)resource->page_fields.cut.bytes, resource->page_fields.lines);
    resource_drop(resource);
    fetched_fini(&fetched);
}

/* An error in place of a file, such as 416, has the fields of every error; nosniff once, or not at
 * all. */
Test(site, gives_a_file_the_fields_of_its_errors)
{
    expect_error_lines("", STR_ABSENT);
    expect_error_lines("/*\n X-A: 1\n Cache-Control: max-age=9\n",
                       STR("X-A: 1\r\nX-Content-Type-Options: nosniff\r\n"));
    expect_error_lines("/*\n x-content-type-options: nosniff\n",
                       STR("x-content-type-options: nosniff\r\n"));
    expect_error_lines("/*\n ! X-Content-Type-Options\n", STR(""));
}

Test(site, makes_the_forms_of_a_file_variants)
{
    struct path path = path_named("a.css");
    struct fetched fetched = file_of(STR("12345"));
    fetched.available |=
        content_coding_bit(CONTENT_CODING_BR) | content_coding_bit(CONTENT_CODING_GZIP);
    fetched.files[CONTENT_CODING_BR] = fetched.files[CONTENT_CODING_GZIP] =
        fetched.files[CONTENT_CODING_IDENTITY];
    blob_pin(fetched.files[CONTENT_CODING_BR].body);
    blob_pin(fetched.files[CONTENT_CODING_BR].body);
    fetched.files[CONTENT_CODING_GZIP].fresh = true;
    fetched.files[CONTENT_CODING_BR].digested = fetched.files[CONTENT_CODING_BR].undated = true;
    memset(fetched.files[CONTENT_CODING_BR].digest, 'd', DIGEST_TAG_DIGITS);
    struct resource *resource = site_resource_make(site, &path, &fetched, INT64_MAX);
    fetched_fini(&fetched);
    cr_assert_eq(resource->variant_count, 3);
    static const struct {
        enum content_coding coding;
        const char *tag;
        bool dated;
    } rows[] = {
        {CONTENT_CODING_IDENTITY, "\"ae1b981bc490a00-5\"", true},
        {CONTENT_CODING_GZIP, "W/\"ae1b981bc490a00-5-gzip\"", true},
        {CONTENT_CODING_BR, "\"dddddddddddddddddddddddddddddddd-br\"", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct variant *variant = &resource->variants[i];
        struct str lines = field_block_lines(&variant->fields);
        struct str validators = str_first(lines, variant->validators.bytes);
        cr_expect_eq(variant->coding, rows[i].coding);
        cr_expect(str_equal(variant->etag, str_of(rows[i].tag)), "%.*s", (int)variant->etag.length,
                  variant->etag.at);
        cr_expect_eq(variant->dated, rows[i].dated);
        cr_expect(memmem(validators.at, validators.length, "Vary: Accept-Encoding\r\n", 23));
        cr_expect_eq(memmem(lines.at, lines.length, "Last-Modified", 13) != NULL, rows[i].dated);
        cr_expect_eq(memmem(lines.at, lines.length, "Content-Encoding", 16) != NULL, i > 0);
        cr_expect(str_equal(variant->media_type, STR("text/css; charset=utf-8")));
    }
    resource_drop(resource);
}
