/* plan: the choice of a representation, RFC 9110 section 12, and responses without one. */
#include "http/plan.h"
#include "support/resources.h"
#include "support/rows.h"

#include <criterion/criterion.h>

static const struct date_now now = {.ms = 1, .seconds = 1750000000};

/* A resource with a variant for each of ITEMS, whose bodies it makes. */
static struct resource *resource_of(enum resource_kind kind, struct representation *items,
                                    unsigned count, const char *vary)
{
    struct resource_fields fields = {.vary = vary ? str_of(vary) : STR_ABSENT};
    for (unsigned i = 0; i < count; i++) {
        items[i].body = blob_create_bytes(10 + i);
        memset(items[i].body->bytes, 'a' + (int)i, 10 + i);
        items[i].modified.tv_sec = 784111777;
    }
    struct resource *resource = resource_create(kind, items, count, &fields, INT64_MAX);
    for (unsigned i = 0; i < count; i++)
        blob_drop(items[i].body);
    return resource;
}

static struct resource *coded_file(void)
{
    struct representation items[] = {
        {.media_type = STR("text/css"), .coding = CONTENT_CODING_IDENTITY},
        {.media_type = STR("text/css"), .coding = CONTENT_CODING_GZIP},
        {.media_type = STR("text/css"), .coding = CONTENT_CODING_BR},
    };
    return resource_of(RESOURCE_FILE, items, COUNT_OF(items), "Accept-Encoding");
}

static struct resource *listing(void)
{
    struct representation items[] = {
        {.media_type = STR("text/html; charset=utf-8")},
        {.media_type = STR("application/json")},
    };
    return resource_of(RESOURCE_LISTING, items, COUNT_OF(items), "Accept");
}

static struct resource *plain_page(void)
{
    struct representation item = {.media_type = STR("text/html")};
    return resource_of(RESOURCE_FILE, &item, 1, NULL);
}

/* A file of 10 bytes whose errors have the fields PAGE. */
static struct resource *file_with_page_fields(const struct fields *page)
{
    struct blob *body = blob_create_bytes(10);
    memset(body->bytes, 'a', 10);
    struct representation item = {.body = body, .media_type = STR("text/html")};
    struct resource_fields fields = {.page = page};
    struct resource *resource = resource_create(RESOURCE_FILE, &item, 1, &fields, INT64_MAX);
    blob_drop(body);
    return resource;
}

static struct str field_of(const struct plan *plan, const char *name)
{
    for (unsigned i = 0; i < plan->field_count; i++) {
        if (str_equal(plan->fields[i].name, str_of(name)))
            return plan->fields[i].value;
    }
    return STR_ABSENT;
}

/* Whether PLAN's field NAME is VALUE; NULL: it does not have the field. */
static bool field_is(const struct plan *plan, const char *name, const char *value)
{
    struct str found = field_of(plan, name);
    return value ? found.at && str_equal(found, str_of(value)) : !found.at;
}

static const struct {
    const char *section, *label, *accepted;
    int chosen; /* index of the variant; -1: 406 */
} coding_rows[] = {
    {"12.5.3", "no field", NULL, 0},
    {"12.5.3", "an empty field", "", 0},
    {"12.5.3", "one that is there", "gzip", 1},
    {"12.5.3", "one that isn't", "zstd", 0},
    {"12.5.3", "two as good", "gzip, br", 2},
    {"12.4.2", "weights", "gzip;q=0.9, br;q=0.8", 1},
    {"12.4.2", "a weight of zero", "br;q=0, gzip", 1},
    {"12.5.3", "anything", "*", 2},
    {"12.5.3", "identity refused", "identity;q=0, gzip", 1},
    {"12.5.3", "all codings refused except an available one", "*;q=0, br", 2},
    {"15.5.7", "nothing that is there", "identity;q=0, zstd", -1},
    {"15.5.7", "nothing", "*;q=0", -1},
};

Test(plan_choices, chooses_a_content_coding)
{
    struct resource *resource = coded_file();
    rows_begin("negotiation", COUNT_OF(coding_rows));
    for (size_t i = 0; i < COUNT_OF(coding_rows); i++) {
        struct request request = {.method = HTTP_GET};
        static const struct plan_policy policy;
        struct found found = {.resource = resource};
        struct plan plan;
        rows_next(coding_rows[i].section, coding_rows[i].label);
        if (coding_rows[i].accepted)
            request_add_field(&request, HTTP_FIELD_ACCEPT_ENCODING,
                              str_of(coding_rows[i].accepted));
        plan_make(&plan, &request, &found, &policy, &now);
        bool good;
        if (coding_rows[i].chosen < 0)
            good = plan.status == HTTP_NOT_ACCEPTABLE && field_is(&plan, "Vary", "Accept-Encoding");
        else
            good = plan.status == HTTP_OK &&
                   plan.variant == &resource->variants[coding_rows[i].chosen];
        row_expect(good, "%d", plan.status);
        plan_fini(&plan);
    }
    rows_end();
    resource_drop(resource);
}

static const struct {
    const char *section, *label, *accepted, *query;
    int chosen;
} type_rows[] = {
    {"12.5.1", "no field", NULL, NULL, 0},
    {"12.5.1", "anything", "*/*", NULL, 0},
    {"12.5.1", "a browser's", "text/html,application/xhtml+xml,*/*;q=0.8", NULL, 0},
    {"12.5.1", "JSON", "application/json", NULL, 1},
    {"12.5.1", "JSON before anything", "application/json, */*;q=0.5", NULL, 1},
    {"12.5.1", "HTML refused", "text/html;q=0, */*", NULL, 1},
    {"15.5.7", "neither", "image/png", NULL, -1},
    {"12.1", "asked for by address", "text/html", "format=json", 1},
    {"12.1", "among other questions", NULL, "a=b&format=json&c", 1},
    {"12.1", "another question", NULL, "format=jsonp", 0},
    {"12.1", "part of another", NULL, "xformat=json", 0},
};

Test(plan_choices, chooses_a_media_type)
{
    struct resource *resource = listing();
    rows_begin("negotiation", COUNT_OF(type_rows));
    for (size_t i = 0; i < COUNT_OF(type_rows); i++) {
        struct request request = {.method = HTTP_GET};
        static const struct plan_policy policy;
        struct found found = {.resource = resource};
        struct plan plan;
        rows_next(type_rows[i].section, type_rows[i].label);
        if (type_rows[i].accepted)
            request_add_field(&request, HTTP_FIELD_ACCEPT, str_of(type_rows[i].accepted));
        if (type_rows[i].query)
            request.query = str_of(type_rows[i].query);
        plan_make(&plan, &request, &found, &policy, &now);
        bool good = type_rows[i].chosen < 0
                        ? plan.status == HTTP_NOT_ACCEPTABLE && field_is(&plan, "Vary", "Accept")
                        : plan.variant == &resource->variants[type_rows[i].chosen];
        row_expect(good, "%d", plan.status);
        plan_fini(&plan);
    }
    rows_end();
    resource_drop(resource);
}

/* Section 12.5.5: every response, including refusals, says what the choice depended on. */
Test(plan_choices, sends_vary_with_an_unsatisfiable_range)
{
    static const struct plan_policy policy;
    struct resource *resource = coded_file();
    struct found found = {.resource = resource};
    struct request request = {.method = HTTP_GET};
    struct plan plan;
    request.fields[HTTP_FIELD_RANGE] = STR("bytes=11-");
    request.fields[HTTP_FIELD_ACCEPT_ENCODING] = STR("gzip");
    plan_make(&plan, &request, &found, &policy, &now);
    cr_expect_eq(plan.status, HTTP_RANGE_NOT_SATISFIABLE);
    cr_expect(field_is(&plan, "Content-Range", "bytes */11"));
    cr_expect(field_is(&plan, "Vary", "Accept-Encoding"));
    plan_fini(&plan);
    resource_drop(resource);
}

/* The fields that a site adds to every error (CORS, framing) are sent with errors from conditions
 * and ranges, and with no response that has a variant's fields. */
Test(plan_choices, sends_the_site_s_fields_with_errors_in_place_of_a_file)
{
    static const struct plan_policy policy;
    static const struct {
        enum http_field field;
        const char *value;
        enum http_status status;
    } rows[] = {
        {HTTP_FIELD_RANGE, "bytes=10-", HTTP_RANGE_NOT_SATISFIABLE},
        {HTTP_FIELD_IF_MATCH, "\"x\"", HTTP_PRECONDITION_FAILED},
        {HTTP_FIELD_ACCEPT_ENCODING, "identity;q=0", HTTP_NOT_ACCEPTABLE},
        {HTTP_FIELD_RANGE, "bytes=1-2", HTTP_PARTIAL_CONTENT},
        {HTTP_FIELD_IF_NONE_MATCH, "*", HTTP_NOT_MODIFIED},
        {HTTP_FIELD_ACCEPT, "*/*", HTTP_OK},
    };
    enum { LISTS = 3 };
    for (size_t i = 0; i < COUNT_OF(rows) * LISTS; i++) {
        const struct fields *lists[LISTS] = {NULL, list_of(NULL, NULL), NULL};
        if (i % LISTS == 2)
            lists[2] = list_of("X-A", "1");
        const struct fields *page = lists[i % LISTS];
        enum http_status status = rows[i / LISTS].status;
        bool error = status >= HTTP_BAD_REQUEST;
        struct resource *resource = file_with_page_fields(page);
        struct found found = {.resource = resource};
        struct request request = {.method = HTTP_GET};
        struct plan plan;
        request.fields[rows[i / LISTS].field] = str_of(rows[i / LISTS].value);
        plan_make(&plan, &request, &found, &policy, &now);
        cr_expect_eq(plan.status, status);
        cr_expect_eq(plan.page_fields, error && page ? &resource->page_fields : NULL, "%d", status);
        cr_expect_eq(resource->page_fields.cut.count, page ? page->count : 0);
        cr_expect(field_is(&plan, "X-Content-Type-Options", error && !page ? "nosniff" : NULL),
                  "%d: a site's page fields include the default, or omit it on purpose", status);
        plan_fini(&plan);
        resource_drop(resource);
    }
}

Test(plan_choices, sends_the_error_page_with_404)
{
    static const struct plan_policy policy;
    struct resource *refusal = resource_create_refusal(HTTP_NOT_FOUND, list_of("X-A", "1"));
    struct resource *page = plain_page();
    struct found found = {.resource = refusal, .page = page};
    struct request request = {.method = HTTP_HEAD, .path = STR("/x")};
    struct plan plan;
    request.fields[HTTP_FIELD_IF_NONE_MATCH] = STR("*");
    plan_make(&plan, &request, &found, &policy, &now);
    cr_expect_eq(plan.status, HTTP_NOT_FOUND);
    cr_expect_eq(plan.prepared, PLAN_NONE, "no validators: they would be the page's");
    cr_expect(field_is(&plan, "Content-Type", "text/html"));
    cr_expect(field_is(&plan, "Vary", NULL));
    cr_expect(str_equal(field_block_lines(plan.page_fields), STR("X-A: 1\r\n")));
    cr_expect(field_is(&plan, "X-Content-Type-Options", NULL), "the page fields would have it");
    cr_expect_eq(plan.content_bytes, 10);
    cr_expect(plan.body_omitted);
    cr_assert_eq(plan.part_count, 1);
    cr_expect_eq(plan.parts[0].blob, page->variants[0].body);
    plan_fini(&plan);
    found.page = refusal; /* the site has no such page */
    plan_make(&plan, &request, &found, &policy, &now);
    cr_expect(str_equal(plan.text, http_error_page(HTTP_NOT_FOUND)));
    plan_fini(&plan);
    resource_drop(refusal);
    resource_drop(page);
}

static const struct {
    const char *label, *path, *accepted;
    bool taken;
    const char *destination; /* of Sec-Fetch-Dest */
} fallback_rows[] = {
    {"a route", "/users/7", "text/html", true, NULL},
    {"a route that ends in a slash", "/users/", "text/html", true, NULL},
    {"a page", "/users/list.html", "text/html", true, NULL},
    {"no wish", "/users", NULL, true, NULL},
    {"any wish", "/users", "*/*", true, NULL},
    {"another wish", "/users", "application/json", false, NULL},
    {"an asset", "/users/a.js", "*/*", false, NULL},
    {"a directory with a dot", "/v1.2/users", "text/html", true, NULL},
    {"a navigation with a dot", "/users/jane.doe", "text/html", true, "document"},
    {"a navigation to what may be an asset", "/users/a.js", "text/html", true, "document"},
    {"a navigation that wants anything", "/v1.2", "*/*", true, "document"},
    {"a frame", "/users/jane.doe", "text/html", true, "iframe"},
    {"a script", "/users/a.js", "*/*", false, "script"},
    {"an image", "/users/jane.doe", "image/avif,*/*", false, "image"},
    {"fetch", "/users/jane.doe", "*/*", false, "empty"},
    {"fetch of a route", "/users/7", "*/*", true, "empty"},
    {"not a word that is known", "/jane.doe", "text/html", false, "Document"},
    {"an empty word", "/jane.doe", "text/html", false, ""},
};

Test(plan_choices, sends_the_fallback_only_for_routes)
{
    static const struct plan_policy policies[] = {{.fallback = true}, {.fallback = false}};
    for (size_t i = 0; i < COUNT_OF(fallback_rows); i++) {
        struct request request = {.method = HTTP_GET, .path = str_of(fallback_rows[i].path)};
        if (fallback_rows[i].accepted)
            request.fields[HTTP_FIELD_ACCEPT] = str_of(fallback_rows[i].accepted);
        if (fallback_rows[i].destination)
            request.fields[HTTP_FIELD_SEC_FETCH_DEST] = str_of(fallback_rows[i].destination);
        cr_expect_eq(plan_takes_fallback(&request, &policies[0]), fallback_rows[i].taken, "%s",
                     fallback_rows[i].label);
        cr_expect_not(plan_takes_fallback(&request, &policies[1]), "%s", fallback_rows[i].label);
    }
}

Test(plan_choices, answers_the_fallback_like_any_file)
{
    static const struct plan_policy policy = {.fallback = true};
    struct resource *refusal = resource_create_refusal(HTTP_NOT_FOUND, NULL);
    struct resource *page = plain_page();
    struct found found = {.resource = refusal, .page = page, .fallback = true};
    struct request request = {.method = HTTP_GET, .path = STR("/users")};
    struct plan plan;
    plan_make(&plan, &request, &found, &policy, &now);
    cr_expect_eq(plan.status, HTTP_OK);
    cr_expect_eq(plan.prepared, PLAN_ALL);
    cr_expect(field_is(&plan, "Vary", "Accept, Sec-Fetch-Dest"));
    plan_fini(&plan);
    found.fallback = false; /* a client that does not accept it: the response varies as well */
    found.page = NULL;
    plan_make(&plan, &request, &found, &policy, &now);
    cr_expect_eq(plan.status, HTTP_NOT_FOUND);
    cr_expect(field_is(&plan, "Vary", "Accept, Sec-Fetch-Dest"));
    plan_fini(&plan);
    request.path = STR("/a.js"); /* which a navigation would get, whatever it accepts */
    plan_make(&plan, &request, &found, &policy, &now);
    cr_expect(field_is(&plan, "Vary", "Sec-Fetch-Dest"));
    plan_fini(&plan);
    resource_drop(refusal);
    resource_drop(page);
}

Test(plan_choices, answers_preflight_requests_if_cors_is_on)
{
    static const struct plan_policy open = {.cors = true}, closed = {.cors = false};
    struct request request = {.method = HTTP_OPTIONS};
    struct plan plan;
    plan_make(&plan, &request, NULL, &open, &now);
    cr_expect(field_is(&plan, "Access-Control-Allow-Origin", "*"));
    cr_expect(field_is(&plan, "Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"));
    plan_make(&plan, &request, NULL, &closed, &now);
    cr_expect(field_is(&plan, "Access-Control-Allow-Origin", NULL));
    cr_expect(field_is(&plan, "Allow", "GET, HEAD, OPTIONS"));
}

/* They include the defaults, or the site's rules have removed these. */
Test(plan_choices, prefers_page_fields_to_the_defaults_of_preflights)
{
    static const struct plan_policy open = {.cors = true};
    static const enum http_method methods[] = {HTTP_OPTIONS, HTTP_POST};
    struct fields page;
    fields_init(&page);
    fields_add(&page, STR("X-A"), STR("1"));
    struct resource *resource = resource_create_refusal(HTTP_NONE, &page);
    struct found found = {.resource = resource};
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        struct request request = {.method = methods[i]};
        struct plan plan;
        plan_make(&plan, &request, &found, &open, &now);
        cr_expect_eq(plan.status, i == 0 ? HTTP_NO_CONTENT : HTTP_METHOD_NOT_ALLOWED);
        cr_expect_eq(plan.page_fields, &resource->page_fields);
        cr_expect(field_is(&plan, "Access-Control-Allow-Origin", NULL));
        cr_expect(field_is(&plan, "X-Content-Type-Options", NULL));
        cr_expect(field_is(&plan, "Allow", "GET, HEAD, OPTIONS"));
    }
    resource_drop(resource);
}
