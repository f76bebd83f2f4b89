/* plan: see plan.h. */
#include "plan.h"

#include "cond.h"

static void add_field(struct plan *plan, struct str name, struct str value)
{
    assert(plan->field_count < PLAN_FIELDS_MAX);
    plan->fields[plan->field_count++] = (struct plan_field){.name = name, .value = value};
}

/* An answer that is a page of our own: an error or a redirect. */
static void plan_page(struct plan *plan, enum http_status status)
{
    plan->status = status;
    plan->text = http_error_page(status);
    add_field(plan, STR("Content-Type"), STR("text/html; charset=utf-8"));
    if (status == HTTP_METHOD_NOT_ALLOWED)
        add_field(plan, STR("Allow"), STR("GET, HEAD")); /* RFC 9110 section 15.5.6 */
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

static void plan_file(struct plan *plan, const struct request *request, const struct variant *file,
                      const struct date_now *now)
{
    struct cond_request conditions = {
        .if_none_match = request->fields[HTTP_FIELD_IF_NONE_MATCH],
        .if_modified_since = request->fields[HTTP_FIELD_IF_MODIFIED_SINCE],
    };
    struct cond_validators current = {.etag = file->etag, .last_modified = file->last_modified};
    plan->variant = file;
    if (cond_not_modified(&conditions, &current, now->seconds)) {
        plan->status = HTTP_NOT_MODIFIED;
        plan->validators_only = true;
        return;
    }
    plan->status = HTTP_OK;
    plan->part = (struct outq_part){.blob = file->body, .first = 0, .length = file->body->length};
}

/* The status that REQUEST gets whatever its path, or HTTP_NONE. */
static enum http_status refusal_of(const struct request *request)
{
    if (request->refusal)
        return request->refusal;
    switch (request->method) {
    case HTTP_GET:
    case HTTP_HEAD:
        return HTTP_NONE;
    case HTTP_METHOD_OTHER:
        return HTTP_NOT_IMPLEMENTED; /* RFC 9110 section 9.1 */
    default:
        return HTTP_METHOD_NOT_ALLOWED;
    }
}

bool plan_needs_resource(const struct request *request)
{
    return refusal_of(request) == HTTP_NONE;
}

void plan_make(struct plan *ret, const struct request *request, const struct resource *resource,
               const struct date_now *now)
{
    *ret = (struct plan){.body_omitted = request->method == HTTP_HEAD};
    enum http_status refusal = refusal_of(request);
    if (refusal) {
        plan_page(ret, refusal);
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
