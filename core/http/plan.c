/* plan: see plan.h. */
#include "http/plan_parts.h"

#include "base/num.h"
#include "http/accept_type.h"
#include "http/conditional.h"
#include "http/default_fields.h"
#include "http/negotiation.h"

void plan_put_field(struct plan *plan, struct str name, struct str value)
{
    assert(plan->field_count < PLAN_FIELDS_MAX);
    plan->fields[plan->field_count++] = (struct plan_field){.name = name, .value = value};
}

static const struct str allowed_methods = STR_INIT(DEFAULT_FIELDS_METHODS);

static void add_defaults(struct plan *plan, enum default_fields_part part, bool cors)
{
    const struct field *field;
    unsigned index = 0;
    while ((field = default_fields_next(&index, part, cors)))
        plan_put_field(plan, field->name, field->value);
}

/* Adds the defaults for a page, unless the page fields have them. A site with CORS has page
 * fields. */
static void add_page_defaults(struct plan *plan)
{
    if (!plan->page_fields)
        add_defaults(plan, DEFAULT_FIELDS_PAGE, false);
}

/* RESOURCE's page fields, or NULL if they are absent. */
static const struct field_block *page_fields_of(const struct resource *resource)
{
    return resource->page_fields.lines ? &resource->page_fields : NULL;
}

void plan_set_page(struct plan *plan, enum http_status status)
{
    plan->status = status;
    plan->text = http_error_page(status);
    plan->content_bytes = plan->text.length;
    plan_put_field(plan, STR("Content-Type"), STR("text/html; charset=utf-8"));
    add_page_defaults(plan);
    if (status == HTTP_METHOD_NOT_ALLOWED)
        plan_put_field(plan, STR("Allow"), allowed_methods); /* RFC 9110 section 15.5.6 */
    if (status == HTTP_UNAVAILABLE)
        plan_put_field(plan, STR("Retry-After"), STR("1")); /* section 15.6.4 */
}

/* Whether REQUEST has a condition besides If-Range, which is Range's. */
static inline bool has_conditions(const struct request *request)
{
    const struct str *fields = request->fields;
    return fields[HTTP_FIELD_IF_NONE_MATCH].at || fields[HTTP_FIELD_IF_MODIFIED_SINCE].at ||
           fields[HTTP_FIELD_IF_MATCH].at || fields[HTTP_FIELD_IF_UNMODIFIED_SINCE].at;
}

static enum conditional_verdict evaluate_conditions(const struct request *request,
                                                    const struct conditional_validators *current,
                                                    const struct date_now *now)
{
    char joined[2][REQUEST_JOINED_BYTES_MAX]; /* written only for fields that were repeated */
    struct conditional_request conditions = {
        .if_match = request_field(request, HTTP_FIELD_IF_MATCH, joined[0]),
        .if_none_match = request_field(request, HTTP_FIELD_IF_NONE_MATCH, joined[1]),
        .if_modified_since = request->fields[HTTP_FIELD_IF_MODIFIED_SINCE],
        .if_unmodified_since = request->fields[HTTP_FIELD_IF_UNMODIFIED_SINCE],
    };
    return conditional_evaluate(&conditions, current, now->seconds);
}

/* Makes RANGE of VARIANT the body. */
static void plan_part(struct plan *plan, const struct variant *variant, struct range range)
{
    plan->one =
        (struct outq_part){.blob = variant->body, .first = range.first, .length = range.length};
    plan->parts = &plan->one;
    plan->part_count = 1;
    plan->content_bytes = range.length;
}

static void plan_whole(struct plan *plan, const struct variant *variant)
{
    plan_part(plan, variant, (struct range){0, variant->body->length});
}

/* Section 15.3.7: a single range is the body by itself, several are multipart/byteranges. False:
 * out of memory; the caller then sends the whole file (a server MAY ignore Range, section 14.2). */
static bool plan_ranges(struct plan *plan, const struct variant *file,
                        const struct range_set *ranges)
{
    if (ranges->count == 1) {
        size_t length =
            multipart_write_range(plan->content_range, &ranges->items[0], file->body->length);
        plan_put_field(plan, STR("Content-Range"), (struct str){plan->content_range, length});
        plan_part(plan, file, ranges->items[0]);
        plan->prepared = PLAN_PARTIAL;
    } else {
        plan->multipart = multipart_create(file, ranges);
        if (!plan->multipart)
            return false;
        plan_put_field(plan, STR("Content-Type"), plan->multipart->media_type);
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
    plan_set_page(plan, HTTP_RANGE_NOT_SATISFIABLE);
    plan_put_field(plan, STR("Content-Range"),
                   (struct str){plan->content_range, (size_t)(end - plan->content_range)});
}

/* Plans the 206 or 416 that Range, which is present, leads to. False: ignore Range. Only GET has
 * ranges (section 14.2). */
static bool plan_range(struct plan *plan, const struct request *request, const struct variant *file,
                       const struct conditional_validators *current, const struct date_now *now)
{
    struct range_set ranges;
    struct str if_range = request->fields[HTTP_FIELD_IF_RANGE];
    if (request->method != HTTP_GET ||
        (if_range.at && !conditional_range_applies(if_range, current, now->seconds)))
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

/* Plans a response with VARIANT, as conditions and ranges require. */
static void plan_variant(struct plan *plan, const struct request *request,
                         const struct variant *variant, const struct date_now *now)
{
    struct conditional_validators current = {
        .etag = variant->etag,
        .dated = variant->dated,
        .last_modified = variant->last_modified,
    };
    plan->variant = variant;
    switch (has_conditions(request) ? evaluate_conditions(request, &current, now)
                                    : CONDITIONAL_PROCEED) {
    case CONDITIONAL_NOT_MODIFIED:
        plan->status = HTTP_NOT_MODIFIED;
        plan->prepared = PLAN_VALIDATORS;
        return;
    case CONDITIONAL_FAILED:
        plan_set_page(plan, HTTP_PRECONDITION_FAILED);
        return;
    case CONDITIONAL_PROCEED:
        break;
    }
    if (request->fields[HTTP_FIELD_RANGE].at && plan_range(plan, request, variant, &current, now))
        return;
    plan->status = HTTP_OK;
    plan->prepared = PLAN_ALL;
    plan_whole(plan, variant);
}

/* Plans a response with one of RESOURCE's variants, or the page for 406. */
static void plan_choice(struct plan *plan, const struct request *request,
                        const struct resource *resource, const struct date_now *now)
{
    const struct variant *variant = negotiation_choose(resource, request);
    plan->page_fields = page_fields_of(resource);
    if (variant)
        plan_variant(plan, request, variant, now);
    else
        plan_set_page(plan, HTTP_NOT_ACCEPTABLE);
    if (plan->prepared != PLAN_NONE)
        plan->page_fields = NULL;
    else if (resource->vary.at)
        plan_put_field(plan, STR("Vary"), resource->vary);
}

/* --- Missing files ---------------------------------------------------------------------------- */

/* Plans a 404 with the site's own page; in its first coding if the client accepts none. */
static void plan_error_page(struct plan *plan, const struct request *request,
                            const struct resource *page)
{
    const struct variant *variant = negotiation_choose(page, request);
    if (!variant)
        variant = &page->variants[0];
    plan->status = HTTP_NOT_FOUND;
    plan_put_field(plan, STR("Content-Type"), variant->media_type);
    add_page_defaults(plan);
    if (variant->coding != CONTENT_CODING_IDENTITY)
        plan_put_field(plan, STR("Content-Encoding"), content_coding_texts[variant->coding].name);
    if (page->vary.at)
        plan_put_field(plan, STR("Vary"), page->vary);
    plan_whole(plan, variant);
}

/* Whether PATH may be one of a script's routes, not a file. */
static bool is_route(struct str path)
{
    size_t slash = str_find_last(path, '/');
    struct str name = str_from(path, slash + 1);
    return str_find(name, '.') == name.length || str_ends_with(name, STR(".html")) ||
           str_ends_with(name, STR(".htm"));
}

/* Whether a browser makes REQUEST to show a page, not to get a part of one: Fetch Metadata Request
 * Headers (W3C), section 2.1. Old browsers do not send the field: Chrome before 80, Firefox before
 * 90, Safari before 16.4. */
static bool is_navigation(const struct request *request)
{
    static const struct str pages[] = {STR_INIT("document"), STR_INIT("iframe"), STR_INIT("frame")};
    const struct str destination = request->fields[HTTP_FIELD_SEC_FETCH_DEST];
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (str_equal(destination, pages[i]))
            return true;
    }
    return false;
}

bool plan_takes_fallback(const struct request *request, const struct plan_policy *policy)
{
    char joined[REQUEST_JOINED_BYTES_MAX];
    if (!policy->fallback || is_navigation(request))
        return policy->fallback;
    return is_route(request->path) &&
           accept_type_weight(request_field(request, HTTP_FIELD_ACCEPT, joined), STR("text/html")) >
               0;
}

static void plan_refusal(struct plan *plan, const struct request *request,
                         const struct found *found, const struct plan_policy *policy,
                         const struct date_now *now)
{
    const struct resource *page = found->page;
    bool has_page = page && page->kind == RESOURCE_FILE;
    if (has_page && found->fallback)
        plan_choice(plan, request, page, now);
    else if (has_page)
        plan_error_page(plan, request, page);
    else
        plan_set_page(plan, found->resource->status);
    if (policy->fallback && found->resource->status == HTTP_NOT_FOUND)
        plan_put_field(plan, STR("Vary"),
                       is_route(request->path) ? STR("Accept, Sec-Fetch-Dest")
                                               : STR("Sec-Fetch-Dest"));
}

/* --- The decision ----------------------------------------------------------------------------- */

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

/* RFC 9110 section 9.3.7: the same for every target, "*" included; and what a browser asks before a
 * script of another origin may (Fetch, CORS-preflight request). */
static void plan_options(struct plan *plan, const struct plan_policy *policy)
{
    plan->status = HTTP_NO_CONTENT;
    plan_put_field(plan, STR("Allow"), allowed_methods);
    if (!plan->page_fields)
        add_defaults(plan, DEFAULT_FIELDS_PREFLIGHT, policy->cors);
}

void plan_init(struct plan *ret, const struct request *request, const struct found *found)
{
    ret->body_omitted = request->method == HTTP_HEAD;
    ret->variant = NULL;
    ret->prepared = PLAN_NONE;
    ret->field_count = 0;
    ret->page_fields = found && found->resource ? page_fields_of(found->resource) : NULL;
    ret->text = STR_ABSENT;
    ret->parts = NULL;
    ret->part_count = 0;
    ret->content_bytes = 0;
    ret->multipart = NULL;
}

void plan_make(struct plan *ret, const struct request *request, const struct found *found,
               const struct plan_policy *policy, const struct date_now *now)
{
    plan_init(ret, request, found);
    enum http_status refusal = refusal_of(request);
    if (refusal) {
        plan_set_page(ret, refusal);
        return;
    }
    if (request->method == HTTP_OPTIONS) {
        plan_options(ret, policy);
        return;
    }
    assert(found && found->resource);
    switch (found->resource->kind) {
    case RESOURCE_FILE:
    case RESOURCE_LISTING:
        plan_choice(ret, request, found->resource, now);
        break;
    case RESOURCE_REDIRECT:
        plan_redirect(ret, request, found->resource);
        break;
    case RESOURCE_REFUSAL:
        plan_refusal(ret, request, found, policy, now);
        break;
    }
}

/* Whether BLOCK, which may be absent, has a field NAME. */
static bool block_has(struct field_block block, struct str name)
{
    struct field field;
    while (block.lines && field_block_next(&block, &field)) {
        if (str_equal_nocase(field.name, name))
            return true;
    }
    return false;
}

void plan_add_field(struct plan *plan, struct str name, struct str value)
{
    if (!block_has(plan_prepared(plan), name) &&
        !(plan->page_fields && block_has(*plan->page_fields, name)))
        plan_put_field(plan, name, value);
}

void plan_fini(struct plan *plan)
{
    multipart_destroy(plan->multipart);
}
