/* resources: a file's resource with one representation and nothing of a site's own. */
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
    struct resource_fields fields = {.nosniff = false};
    return resource_create(RESOURCE_FILE, &item, 1, &fields, now_seconds);
}

#endif
