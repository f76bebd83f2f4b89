/* site: the fields of responses that are not just a file's: redirects, errors and their pages,
 * preflights, routes, hosts; the forms of a file. */
#include "support/site_rig.h"

TestSuite(site_responses, .init = set_up, .fini = tear_down);

Test(site_responses, give_redirects_and_errors_the_fields_of_the_site)
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

Test(site_responses, give_preflights_the_fields_of_their_path)
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
Test(site_responses, give_a_route_the_fields_of_its_path)
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
Test(site_responses, give_hosts_their_fields)
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
Test(site_responses, give_a_file_the_fields_of_its_errors)
{
    expect_error_lines("", STR_ABSENT);
    expect_error_lines("/*\n X-A: 1\n Cache-Control: max-age=9\n",
                       STR("X-A: 1\r\nX-Content-Type-Options: nosniff\r\n"));
    expect_error_lines("/*\n x-content-type-options: nosniff\n",
                       STR("x-content-type-options: nosniff\r\n"));
    expect_error_lines("/*\n ! X-Content-Type-Options\n", STR(""));
}

Test(site_responses, make_the_forms_of_a_file_variants)
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
