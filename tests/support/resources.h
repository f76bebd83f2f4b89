/* resources: a resource with one representation and no fields of a site; and lists of fields. */
#ifndef SLUICE_TESTS_RESOURCES_H
#define SLUICE_TESTS_RESOURCES_H

#include "http/resource.h"

static inline struct resource *plain_file(struct blob *body, const struct blob_identity *identity,
                                          struct str media_type, int64_t now_seconds)
{
    struct representation item = {
        .body = body,
        .media_type = media_type,
        .modified = identity->modified,
    };
    struct resource_fields fields = {.shared = NULL};
    return resource_create(RESOURCE_FILE, &item, 1, &fields, now_seconds);
}

/* The list of the one field NAME, until the next call. NULL: an empty list. */
static inline const struct fields *list_of(const char *name, const char *value)
{
    static struct fields list;
    fields_init(&list);
    if (name)
        fields_add(&list, str_of(name), str_of(value));
    return &list;
}

#endif
