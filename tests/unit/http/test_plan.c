/* plan: the response to a request, RFC 9110 sections 9 (methods), 13 (conditions), 15 (status). */
#include "support/plan_rig.h"
#include "support/resources.h"

#include <stdio.h>

static const char modified[] = "Sun, 06 Nov 1994 08:49:37 GMT";
static const char before[] = "Sun, 06 Nov 1994 08:49:36 GMT";
static const char etag[] = "\"ae1b981bc490a05-5\"";

static struct resource *file_of(struct str content)
{
    struct blob_identity identity = {.bytes = content.length, .modified = {784111777, 5}};
    struct blob *body = blob_create_bytes(content.length);
    str_put(body->bytes, content);
    struct resource *resource = plain_file(body, &identity, STR("text/html"), INT64_MAX);
    blob_drop(body);
    cr_assert_not_null(resource);
    return resource;
}

Test(plan, sends_a_file_whole)
{
    static const enum http_method methods[] = {HTTP_GET, HTTP_HEAD};
    struct resource *resource = file_of(STR("hello"));
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        struct request request = {.method = methods[i], .path = STR_INIT("/a")};
        struct plan plan;
        memset(&plan, 0x5a, sizeof plan);
        cr_expect(plan_needs_resource(&request));
        make(&plan, &request, resource);
        cr_expect_eq(plan.status, HTTP_OK);
        cr_expect_eq(plan.variant, &resource->variants[0]);
        cr_expect_eq(plan.prepared, PLAN_ALL);
        cr_expect_eq(plan.field_count, 0, "all are prepared");
        cr_expect_eq(plan.text.length, 0);
        cr_assert_eq(plan.part_count, 1);
        cr_expect_eq(plan.parts[0].blob, resource->variants[0].body);
        cr_expect(plan.parts[0].first == 0 && plan.parts[0].length == 5);
        plan_fini(&plan);
        cr_expect_eq(plan.body_omitted, methods[i] == HTTP_HEAD);
        cr_expect_eq(resource->references, 1, "borrowed");
        cr_expect_eq(resource->variants[0].body->references, 1, "borrowed");
    }
    resource_drop(resource);
}

Test(plan, evaluates_conditions)
{
    static const struct {
        const char *label;
        const char *if_none_match, *if_modified_since;
        enum http_status status;
    } rows[] = {
        {"none", NULL, NULL, HTTP_OK},
        {"our entity tag", etag, NULL, HTTP_NOT_MODIFIED},
        {"another", "\"x\"", NULL, HTTP_OK},
        {"any", "*", NULL, HTTP_NOT_MODIFIED},
        {"our date", NULL, modified, HTTP_NOT_MODIFIED},
        {"an earlier one", NULL, before, HTTP_OK},
        {"no date", NULL, "then", HTTP_OK},
        {"another tag weighs more than our date", "\"x\"", modified, HTTP_OK},
        {"our tag weighs more than an earlier date", etag, before, HTTP_NOT_MODIFIED},
        {"a list of nothing", "", modified, HTTP_OK},
        {"a date that was given twice", NULL, "", HTTP_OK},
    };
    struct resource *resource = file_of(STR("hello"));
    for (size_t i = 0; i < COUNT_OF(rows) * 2; i++) {
        size_t row = i / 2;
        struct request request = {.method = i % 2 ? HTTP_HEAD : HTTP_GET};
        if (rows[row].if_none_match)
            request.fields[HTTP_FIELD_IF_NONE_MATCH] = str_of(rows[row].if_none_match);
        if (rows[row].if_modified_since)
            request.fields[HTTP_FIELD_IF_MODIFIED_SINCE] = str_of(rows[row].if_modified_since);
        struct plan plan;
        make(&plan, &request, resource);
        bool same = rows[row].status == HTTP_NOT_MODIFIED;
        cr_expect_eq(plan.status, rows[row].status, "%s", rows[row].label);
        cr_expect_eq(plan.variant, &resource->variants[0], "%s", rows[row].label);
        cr_expect_eq(plan.prepared, same ? PLAN_VALIDATORS : PLAN_ALL, "%s", rows[row].label);
        cr_expect_eq(plan.part_count, same ? 0 : 1, "%s", rows[row].label);
        cr_expect_eq(plan.text.length, 0, "%s", rows[row].label);
        cr_expect_eq(plan.field_count, 0, "%s", rows[row].label);
    }
    resource_drop(resource);
}

/* Section 5.3: several lines of If-Match and If-None-Match are one list. */
Test(plan, joins_conditions_in_several_lines)
{
    static const struct {
        const char *label;
        enum http_field field;
        const char *first, *second;
        enum http_status status;
    } rows[] = {
        {"If-None-Match, ours first", HTTP_FIELD_IF_NONE_MATCH, etag, "\"x\"", HTTP_NOT_MODIFIED},
        {"If-None-Match, ours second", HTTP_FIELD_IF_NONE_MATCH, "\"x\"", etag, HTTP_NOT_MODIFIED},
        {"If-None-Match, neither", HTTP_FIELD_IF_NONE_MATCH, "\"x\"", "\"y\"", HTTP_OK},
        {"If-Match, ours first", HTTP_FIELD_IF_MATCH, etag, "\"x\"", HTTP_OK},
        {"If-Match, ours second", HTTP_FIELD_IF_MATCH, "\"x\"", etag, HTTP_OK},
        {"If-Match, neither", HTTP_FIELD_IF_MATCH, "\"x\"", "\"y\"", HTTP_PRECONDITION_FAILED},
    };
    struct resource *resource = file_of(STR("hello"));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct request request = {.method = HTTP_GET};
        struct plan plan;
        request_add_field(&request, rows[i].field, str_of(rows[i].first));
        request_add_field(&request, HTTP_FIELD_ACCEPT, STR("a/b"));
        request_add_field(&request, HTTP_FIELD_ACCEPT, str_of(etag));
        request_add_field(&request, rows[i].field, str_of(rows[i].second));
        make(&plan, &request, resource);
        cr_expect_eq(plan.status, rows[i].status, "%s: %d", rows[i].label, plan.status);
        plan_fini(&plan);
    }
    resource_drop(resource);
}

/* These need no resource: other methods, and refused messages, whatever else is in them. */
Test(plan, decides_methods_and_refusals_without_the_resource)
{
    static const struct {
        const char *label;
        enum http_method method;
        enum http_status refusal, status;
    } rows[] = {
        {"POST", HTTP_POST, HTTP_NONE, HTTP_METHOD_NOT_ALLOWED},
        {"PUT", HTTP_PUT, HTTP_NONE, HTTP_METHOD_NOT_ALLOWED},
        {"DELETE", HTTP_DELETE, HTTP_NONE, HTTP_METHOD_NOT_ALLOWED},
        {"PATCH", HTTP_PATCH, HTTP_NONE, HTTP_METHOD_NOT_ALLOWED},
        {"TRACE", HTTP_TRACE, HTTP_NONE, HTTP_METHOD_NOT_ALLOWED},
        {"CONNECT", HTTP_CONNECT, HTTP_NONE, HTTP_METHOD_NOT_ALLOWED},
        {"BREW", HTTP_METHOD_OTHER, HTTP_NONE, HTTP_NOT_IMPLEMENTED},
        {"refused GET", HTTP_GET, HTTP_BAD_REQUEST, HTTP_BAD_REQUEST},
        {"refused POST", HTTP_POST, HTTP_CONTENT_TOO_LARGE, HTTP_CONTENT_TOO_LARGE},
        {"refused BREW", HTTP_METHOD_OTHER, HTTP_URI_TOO_LONG, HTTP_URI_TOO_LONG},
        {"late", HTTP_METHOD_OTHER, HTTP_REQUEST_TIMEOUT, HTTP_REQUEST_TIMEOUT},
        {"long", HTTP_GET, HTTP_FIELDS_TOO_LARGE, HTTP_FIELDS_TOO_LARGE},
        {"coded", HTTP_POST, HTTP_NOT_IMPLEMENTED, HTTP_NOT_IMPLEMENTED},
        {"new", HTTP_GET, HTTP_VERSION_NOT_SUPPORTED, HTTP_VERSION_NOT_SUPPORTED},
        {"out of memory", HTTP_GET, HTTP_UNAVAILABLE, HTTP_UNAVAILABLE},
        {"refused HEAD", HTTP_HEAD, HTTP_BAD_REQUEST, HTTP_BAD_REQUEST},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct request request = {.method = rows[i].method, .refusal = rows[i].refusal};
        struct plan plan;
        cr_expect_not(plan_needs_resource(&request), "%s", rows[i].label);
        make(&plan, &request, NULL);
        expect_page(rows[i].label, &plan, rows[i].status);
        cr_expect_eq(plan.body_omitted, rows[i].method == HTTP_HEAD, "%s", rows[i].label);
    }
}

/* RFC 9110 section 9.3.7. */
Test(plan, answers_options_without_content)
{
    struct request request = {.method = HTTP_OPTIONS};
    struct plan plan;
    cr_expect_not(plan_needs_resource(&request));
    make(&plan, &request, NULL);
    cr_expect_eq(plan.status, HTTP_NO_CONTENT);
    expect_field("OPTIONS", &plan, STR("Allow"), "GET, HEAD, OPTIONS");
    cr_expect_eq(plan.content_bytes, 0);
    cr_expect_eq(plan.part_count, 0);
    cr_expect_eq(plan.text.length, 0);
    plan_fini(&plan);
}

Test(plan, answers_a_refused_path_with_a_page)
{
    static const enum http_status statuses[] = {HTTP_FORBIDDEN, HTTP_NOT_FOUND, HTTP_INTERNAL_ERROR,
                                                HTTP_UNAVAILABLE};
    for (size_t i = 0; i < COUNT_OF(statuses) * 2; i++) {
        struct resource *resource = resource_create_refusal(statuses[i / 2], NULL);
        struct request request = {.method = i % 2 ? HTTP_HEAD : HTTP_GET};
        /* Section 13.2.1: conditions count only if the response would be a success. */
        request.fields[HTTP_FIELD_IF_NONE_MATCH] = STR("*");
        struct plan plan;
        make(&plan, &request, resource);
        expect_page(http_status_line(statuses[i / 2]).at, &plan, statuses[i / 2]);
        cr_expect_eq(plan.body_omitted, i % 2 == 1);
        resource_drop(resource);
    }
}

/* --- Ranges, sections 13.1.5, 14, 15.3.7, 15.5.17 --------------------------------------------- */

static const struct range_row {
    const char *label;
    enum http_method method;
    const char *range, *if_range;
    enum http_status status;
    const char *content_range; /* of a single part */
    uint64_t content_bytes;
} range_rows[] = {
    {"first bytes", HTTP_GET, "bytes=0-1", NULL, HTTP_PARTIAL_CONTENT, "bytes 0-1/5", 2},
    {"open", HTTP_GET, "bytes=3-", NULL, HTTP_PARTIAL_CONTENT, "bytes 3-4/5", 2},
    {"suffix", HTTP_GET, "bytes=-1", NULL, HTTP_PARTIAL_CONTENT, "bytes 4-4/5", 1},
    {"all of it", HTTP_GET, "bytes=0-", NULL, HTTP_PARTIAL_CONTENT, "bytes 0-4/5", 5},
    {"touching: one part", HTTP_GET, "bytes=0-1,2-3", NULL, HTTP_PARTIAL_CONTENT, "bytes 0-3/5", 4},
    {"after the end", HTTP_GET, "bytes=5-", NULL, HTTP_RANGE_NOT_SATISFIABLE, "bytes */5", 0},
    {"malformed", HTTP_GET, "bytes=1-0", NULL, HTTP_OK, NULL, 5},
    {"given twice", HTTP_GET, "", NULL, HTTP_OK, NULL, 5},
    {"HEAD has no ranges", HTTP_HEAD, "bytes=0-1", NULL, HTTP_OK, NULL, 5},
    {"HEAD, after the end", HTTP_HEAD, "bytes=5-", NULL, HTTP_OK, NULL, 5},
    {"if it is this", HTTP_GET, "bytes=0-1", etag, HTTP_PARTIAL_CONTENT, "bytes 0-1/5", 2},
    {"if it is another", HTTP_GET, "bytes=0-1", "\"x\"", HTTP_OK, NULL, 5},
    {"if it is of then", HTTP_GET, "bytes=0-1", modified, HTTP_PARTIAL_CONTENT, "bytes 0-1/5", 2},
    {"if it is of before", HTTP_GET, "bytes=0-1", before, HTTP_OK, NULL, 5},
    {"another, after the end", HTTP_GET, "bytes=5-", "\"x\"", HTTP_OK, NULL, 5},
    {"If-Range alone", HTTP_GET, NULL, etag, HTTP_OK, NULL, 5},
};

Test(plan, sends_the_requested_ranges)
{
    struct resource *resource = file_of(STR("hello"));
    for (size_t i = 0; i < COUNT_OF(range_rows); i++) {
        const struct range_row *row = &range_rows[i];
        struct request request = {.method = row->method};
        struct plan plan;
        if (row->range)
            request.fields[HTTP_FIELD_RANGE] = str_of(row->range);
        if (row->if_range)
            request.fields[HTTP_FIELD_IF_RANGE] = str_of(row->if_range);
        make(&plan, &request, resource);
        cr_expect_eq(plan.status, row->status, "%s: %d", row->label, plan.status);
        expect_field(row->label, &plan, STR("Content-Range"), row->content_range);
        if (row->status != HTTP_RANGE_NOT_SATISFIABLE)
            cr_expect_eq(plan.content_bytes, row->content_bytes, "%s", row->label);
        if (row->status == HTTP_PARTIAL_CONTENT)
            cr_expect_eq(plan.prepared, PLAN_PARTIAL, "%s", row->label);
        plan_fini(&plan);
    }
    resource_drop(resource);
}

Test(plan, evaluates_conditions_before_ranges)
{
    struct resource *resource = file_of(STR("hello"));
    struct request request = {.method = HTTP_GET};
    struct plan plan;
    request.fields[HTTP_FIELD_RANGE] = STR("bytes=0-1");
    request.fields[HTTP_FIELD_IF_NONE_MATCH] = str_of(etag);
    make(&plan, &request, resource);
    cr_expect_eq(plan.status, HTTP_NOT_MODIFIED);
    plan_fini(&plan);
    request.fields[HTTP_FIELD_IF_NONE_MATCH] = (struct str){0};
    request.fields[HTTP_FIELD_IF_MATCH] = STR("\"x\"");
    make(&plan, &request, resource);
    cr_expect_eq(plan.status, HTTP_PRECONDITION_FAILED);
    cr_expect(str_equal(plan.text, http_error_page(HTTP_PRECONDITION_FAILED)));
    plan_fini(&plan);
    resource_drop(resource);
}

/* Section 14.6 and RFC 2046: the whole body, byte for byte. */
Test(plan, sends_several_ranges_as_multipart)
{
    struct resource *resource = file_of(STR("0123456789"));
    struct request request = {.method = HTTP_GET};
    struct plan plan;
    char body[2048], expected[2048];
    size_t length = 0;
    request.fields[HTTP_FIELD_RANGE] = STR("bytes=7-8, 0-0, -1");
    make(&plan, &request, resource);
    cr_assert_eq(plan.status, HTTP_PARTIAL_CONTENT);
    cr_expect_eq(plan.prepared, PLAN_VALIDATORS);
    struct str type = field_of(&plan, STR("Content-Type"));
    struct str prefix = STR("multipart/byteranges; boundary=");
    cr_assert(type.at && str_starts_with(type, prefix));
    struct str boundary = str_from(type, prefix.length);
    for (unsigned i = 0; i < plan.part_count; i++) {
        const struct outq_part *part = &plan.parts[i];
        memcpy(body + length, part->blob->bytes + part->first, part->length);
        length += part->length;
    }
    int wanted = snprintf(expected, sizeof expected,
                          "--%.*s\r\nContent-Type: text/html\r\nContent-Range: bytes 7-9/10\r\n"
                          "\r\n789\r\n--%.*s\r\nContent-Type: text/html\r\n"
                          "Content-Range: bytes 0-0/10\r\n\r\n0\r\n--%.*s--\r\n",
                          (int)boundary.length, boundary.at, (int)boundary.length, boundary.at,
                          (int)boundary.length, boundary.at);
    cr_expect(str_equal((struct str){body, length}, (struct str){expected, (size_t)wanted}), "%.*s",
              (int)length, body);
    cr_expect_eq(plan.content_bytes, length);
    plan_fini(&plan);
    cr_expect_eq(resource->variants[0].body->references, 1);
    resource_drop(resource);
}

Test(plan, adds_a_field_only_where_there_is_none_of_its_name)
{
    struct resource *resource = file_of(STR("hello"));
    struct request request;
    struct plan plan;
    request_init(&request);
    request.method = HTTP_GET;
    make(&plan, &request, resource);
    plan_add_field(&plan, STR("last-modified"), STR("never"));
    plan_add_field(&plan, STR("X-A"), STR("b"));
    expect_field("prepared", &plan, STR("last-modified"), NULL);
    expect_field("new", &plan, STR("X-A"), "b");
    plan_fini(&plan);
    resource_drop(resource);
}
