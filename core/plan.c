/* plan: see plan.h. */
#include "plan.h"

#include "cond.h"
#include "num.h"

static void add_field(struct plan *plan, struct str name, struct str value)
{
    assert(plan->field_count < PLAN_FIELDS_MAX);
    plan->fields[plan->field_count++] = (struct plan_field){.name = name, .value = value};
}

static const struct str allowed_methods = STR_INIT("GET, HEAD, OPTIONS");

/* An answer that is a page of our own: an error or a redirect. */
static void plan_page(struct plan *plan, enum http_status status)
{
    plan->status = status;
    plan->text = http_error_page(status);
    plan->content_bytes = plan->text.length;
    add_field(plan, STR("Content-Type"), STR("text/html; charset=utf-8"));
    if (status == HTTP_METHOD_NOT_ALLOWED)
        add_field(plan, STR("Allow"), allowed_methods); /* RFC 9110 section 15.5.6 */
    if (status == HTTP_UNAVAILABLE)
        add_field(plan, STR("Retry-After"), STR("1")); /* section 15.6.4 */
}

/* Section 15.4.2. The query goes along; a relative Location works behind any proxy. */
static void plan_redirect(struct plan *plan, const struct request *request,
                          const struct resource *resource)
{
    plan_page(plan, HTTP_MOVED_PERMANENTLY);
    add_field(plan, STR("Location"), resource->location);
    if (request->query.at) /* with the '?' before it */
        plan->fields[plan->field_count - 1].more =
            (struct str){request->query.at - 1, request->query.length + 1};
}

static enum cond_verdict evaluate_conditions(const struct request *request,
                                             const struct cond_validators *current,
                                             const struct date_now *now)
{
    char joined[2][HTTP_JOINED_BYTES_MAX]; /* written only for fields that were repeated */
    struct cond_request conditions = {
        .if_match = http_field_value(request, HTTP_FIELD_IF_MATCH, joined[0]),
        .if_none_match = http_field_value(request, HTTP_FIELD_IF_NONE_MATCH, joined[1]),
        .if_modified_since = request->fields[HTTP_FIELD_IF_MODIFIED_SINCE],
        .if_unmodified_since = request->fields[HTTP_FIELD_IF_UNMODIFIED_SINCE],
    };
    return cond_evaluate(&conditions, current, now->seconds);
}

/* A body that is LENGTH bytes of FILE, from FIRST. */
static void plan_part(struct plan *plan, const struct variant *file, struct range range)
{
    plan->one =
        (struct outq_part){.blob = file->body, .first = range.first, .length = range.length};
    plan->parts = &plan->one;
    plan->part_count = 1;
    plan->content_bytes = range.length;
}

/* Section 15.3.7: one range is a body of its own, more are multipart/byteranges. Without the memory for
 * that, the whole file will do (a server MAY ignore Range, section 14.2). */
static bool plan_ranges(struct plan *plan, const struct variant *file,
                        const struct range_set *ranges)
{
    if (ranges->count == 1) {
        size_t length =
            multipart_write_range(plan->content_range, &ranges->items[0], file->body->length);
        add_field(plan, STR("Content-Range"), (struct str){plan->content_range, length});
        plan_part(plan, file, ranges->items[0]);
        plan->prepared = PLAN_PARTIAL;
    } else {
        plan->multipart = multipart_create(file, ranges);
        if (!plan->multipart)
            return false;
        add_field(plan, STR("Content-Type"), plan->multipart->media_type);
        plan->parts = plan->multipart->parts;
        plan->part_count = plan->multipart->part_count;
        for (unsigned i = 0; i < plan->part_count; i++)
            plan->content_bytes += plan->parts[i].length;
        plan->prepared = PLAN_VALIDATORS;
    }
    plan->status = HTTP_PARTIAL_CONTENT;
    return true;
}

/* Section 15.5.17. */
static void plan_unsatisfiable(struct plan *plan, const struct variant *file)
{
    char *end = str_put(plan->content_range, STR("bytes */"));
    end += num_write_u64(end, file->body->length);
    plan_page(plan, HTTP_RANGE_NOT_SATISFIABLE);
    add_field(plan, STR("Content-Range"),
              (struct str){plan->content_range, (size_t)(end - plan->content_range)});
}

/* Whether the answer is made by what Range asks for. Only GET has ranges (section 14.2). */
static bool plan_range(struct plan *plan, const struct request *request, const struct variant *file,
                       const struct cond_validators *current, const struct date_now *now)
{
    struct range_set ranges;
    struct str if_range = request->fields[HTTP_FIELD_IF_RANGE];
    if (request->method != HTTP_GET || !request->fields[HTTP_FIELD_RANGE].at ||
        (if_range.at && !cond_range_applies(if_range, current, now->seconds)))
        return false;
    switch (range_parse(request->fields[HTTP_FIELD_RANGE], file->body->length, &ranges)) {
    case RANGE_SATISFIABLE:
        return plan_ranges(plan, file, &ranges);
    case RANGE_UNSATISFIABLE:
        plan_unsatisfiable(plan, file);
        return true;
    case RANGE_IGNORED:
        break;
    }
    return false;
}

static void plan_file(struct plan *plan, const struct request *request, const struct variant *file,
                      const struct date_now *now)
{
    struct cond_validators current = {.etag = file->etag, .last_modified = file->last_modified};
    plan->variant = file;
    switch (evaluate_conditions(request, &current, now)) {
    case COND_NOT_MODIFIED:
        plan->status = HTTP_NOT_MODIFIED;
        plan->prepared = PLAN_VALIDATORS;
        return;
    case COND_FAILED:
        plan_page(plan, HTTP_PRECONDITION_FAILED);
        return;
    case COND_PROCEED:
        break;
    }
    if (plan_range(plan, request, file, &current, now))
        return;
    plan->status = HTTP_OK;
    plan->prepared = PLAN_ALL;
    plan_part(plan, file, (struct range){0, file->body->length});
}

/* The status that REQUEST gets whatever its path, or HTTP_NONE. */
static enum http_status refusal_of(const struct request *request)
{
    if (request->refusal)
        return request->refusal;
    switch (request->method) {
    case HTTP_GET:
    case HTTP_HEAD:
    case HTTP_OPTIONS:
        return HTTP_NONE;
    case HTTP_METHOD_OTHER:
        return HTTP_NOT_IMPLEMENTED; /* RFC 9110 section 9.1 */
    default:
        return HTTP_METHOD_NOT_ALLOWED;
    }
}

bool plan_needs_resource(const struct request *request)
{
    return refusal_of(request) == HTTP_NONE && request->method != HTTP_OPTIONS;
}

/* RFC 9110 section 9.3.7: the same for every target, "*" included. */
static void plan_options(struct plan *plan)
{
    plan->status = HTTP_NO_CONTENT;
    add_field(plan, STR("Allow"), allowed_methods);
}

void plan_make(struct plan *ret, const struct request *request, const struct resource *resource,
               const struct date_now *now)
{
    /* Members that mean nothing yet stay as they are: this is done for every request. */
    ret->body_omitted = request->method == HTTP_HEAD;
    ret->variant = NULL;
    ret->prepared = PLAN_NONE;
    ret->field_count = 0;
    ret->text = (struct str){0};
    ret->parts = NULL;
    ret->part_count = 0;
    ret->content_bytes = 0;
    ret->multipart = NULL;
    enum http_status refusal = refusal_of(request);
    if (refusal) {
        plan_page(ret, refusal);
        return;
    }
    if (request->method == HTTP_OPTIONS) {
        plan_options(ret);
        return;
    }
    switch (resource->kind) {
    case RESOURCE_FILE:
        plan_file(ret, request, &resource->file, now);
        break;
    case RESOURCE_REDIRECT:
        plan_redirect(ret, request, resource);
        break;
    case RESOURCE_REFUSAL:
        plan_page(ret, resource->status);
        break;
    }
}

void plan_fini(struct plan *plan)
{
    multipart_destroy(plan->multipart);
}
