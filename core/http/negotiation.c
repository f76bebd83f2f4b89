/* negotiation: see negotiation.h. */
#include "http/negotiation.h"

#include "http/accept_type.h"

/* The variant of a file whose coding has the greatest weight (section 12.5.3). NULL: none is
 * acceptable. */
static const struct variant *choose_coding(const struct resource *resource, struct str accepted)
{
    /* Without a weight nothing is refused, and there is only one variant. */
    bool weighed = str_find(accepted, ';') < accepted.length;
    if (resource->variant_count == 1 && !weighed)
        return &resource->variants[0];
    unsigned available = 0;
    for (unsigned i = 0; i < resource->variant_count; i++)
        available |= content_coding_bit(resource->variants[i].coding);
    enum content_coding coding;
    if (!content_coding_choose(accepted, available, &coding))
        return NULL;
    unsigned i = 0;
    while (resource->variants[i].coding != coding)
        i++;
    return &resource->variants[i];
}

/* The variant of a listing whose media type has the greatest weight (section 12.5.1), the first of
 * equals; "?format=json" chooses JSON. NULL: none is acceptable. */
static const struct variant *choose_type(const struct resource *resource, struct str accepted,
                                         struct str query)
{
    struct str item, format = STR("format=json");
    while (query.length > 0) {
        size_t end = str_find(query, '&');
        item = str_first(query, end);
        if (str_equal(item, format))
            return &resource->variants[resource->variant_count - 1];
        query = str_from(query, end + 1);
    }
    const struct variant *best = NULL;
    unsigned best_weight = 0;
    for (unsigned i = 0; i < resource->variant_count; i++) {
        unsigned weight = accept_type_weight(accepted, resource->variants[i].media_type);
        if (weight > best_weight) {
            best = &resource->variants[i];
            best_weight = weight;
        }
    }
    return best;
}

const struct variant *negotiation_choose(const struct resource *resource,
                                         const struct request *request)
{
    char joined[REQUEST_JOINED_BYTES_MAX];
    if (resource->kind == RESOURCE_LISTING)
        return choose_type(resource, request_field(request, HTTP_FIELD_ACCEPT, joined),
                           request->query);
    return choose_coding(resource, request_field(request, HTTP_FIELD_ACCEPT_ENCODING, joined));
}
