/* plan_redirect: answers with Location, which carries the request's query on (RFC 9110 section
 * 10.2.2). A target that is too long for Location makes the answer a 414 (section 15.5.15). */
#include "http/plan_parts.h"

#include "http/default_fields.h"

enum { LOCATION_TARGET_BYTES_MAX = 8 << 10 }; /* of the target, as it is written */

void plan_redirect(struct plan *plan, const struct request *request,
                   const struct resource *resource)
{
    if (path_query_bytes(request->query) > LOCATION_TARGET_BYTES_MAX) {
        plan_set_page(plan, HTTP_URI_TOO_LONG);
        return;
    }
    plan_set_page(plan, HTTP_MOVED_PERMANENTLY);
    plan_put_field(plan, STR("Location"), resource->location);
    if (request->query.at) /* with the '?' before it */
        plan->fields[plan->field_count - 1].query =
            (struct str){request->query.at - 1, request->query.length + 1};
}

void plan_make_redirect(struct plan *ret, const struct request *request, struct str prefix)
{
    /* The target as the client wrote it. Of an absolute target without a path, whose path is a "/"
     * from elsewhere, the query alone, which means the same (RFC 9110 section 4.2.3). */
    struct str target = request->path, query = request->query;
    plan_init(ret, request, NULL);
    if (query.at && query.at == target.at + target.length + 1)
        target.length += 1 + query.length;
    else if (query.at)
        target = (struct str){query.at - 1, query.length + 1};
    if (path_query_bytes(target) > LOCATION_TARGET_BYTES_MAX) {
        plan_set_page(ret, HTTP_URI_TOO_LONG);
        return;
    }
    plan_set_page(ret, HTTP_PERMANENT_REDIRECT);
    plan_put_field(ret, STR("Location"), prefix);
    ret->fields[ret->field_count - 1].query = target;
}

void plan_make_redirect_to(struct plan *ret, const struct request *request, enum http_status status,
                           struct str location)
{
    plan_init(ret, request, NULL);
    plan_set_page(ret, location.at ? status : HTTP_URI_TOO_LONG);
    if (location.at)
        plan_put_field(ret, STR("Location"), location);
}

/* Whether PLAN has a field called NAME. */
static bool has_field(const struct plan *plan, struct str name)
{
    for (unsigned i = 0; i < plan->field_count; i++) {
        if (str_equal(plan->fields[i].name, name))
            return true;
    }
    return false;
}

void plan_allow_origins(struct plan *plan)
{
    const struct field *field;
    unsigned index = 0;
    while ((field = default_fields_next(&index, DEFAULT_FIELDS_PAGE, true))) {
        if (!has_field(plan, field->name))
            plan_put_field(plan, field->name, field->value);
    }
}
