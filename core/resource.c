/* resource: see resource.h. */
#include "resource.h"

#include "date.h"
#include "num.h"

#include <stdlib.h>

enum {
    ETAG_BYTES_MAX = 2 + 1 + 2 * NUM_HEX_DIGITS_MAX,
    /* The names, colons, spaces and line ends of the field lines. */
    LINES_BYTES_FIXED = 110,
    LOCATION_BYTES_MAX = 3 * PATH_BYTES_MAX + 4,
};

static struct resource *create(enum resource_kind kind, size_t text_bytes)
{
    struct resource *resource = malloc(sizeof(*resource) + text_bytes);
    if (resource)
        *resource = (struct resource){.references = 1, .kind = kind};
    return resource;
}

/* RFC 9110 section 8.8.3. Modification time in nanoseconds and size, so that every node with the same
 * file says the same. */
static struct str write_etag(char *to, const struct blob_identity *identity)
{
    char *at = str_put(to, STR("\""));
    uint64_t nanoseconds =
        (uint64_t)identity->modified.tv_sec * 1000000000u + (uint64_t)identity->modified.tv_nsec;
    at += num_write_hex(at, nanoseconds);
    at = str_put(at, STR("-"));
    at += num_write_hex(at, identity->bytes);
    at = str_put(at, STR("\""));
    return (struct str){to, (size_t)(at - to)};
}

/* Writes the prepared lines of FILE, whose other values are set. */
static void write_lines(char *to, struct variant *file, uint64_t body_bytes)
{
    char *at = str_put(to, STR("ETag: "));
    at = str_put(at, file->etag);
    at = str_put(at, STR("\r\nLast-Modified: "));
    date_write(at, file->last_modified);
    at = str_put(at + DATE_BYTES, STR("\r\n"));
    file->validator_line_bytes = (size_t)(at - to);
    at = str_put(at, STR("Content-Type: "));
    at = str_put(at, file->media_type);
    at = str_put(at, STR("\r\nAccept-Ranges: bytes\r\n"));
    file->partial_line_bytes = (size_t)(at - to);
    at = str_put(at, STR("Content-Length: "));
    at += num_write_u64(at, body_bytes);
    at = str_put(at, STR("\r\n"));
    file->field_lines = (struct str){to, (size_t)(at - to)};
}

struct resource *resource_create_file(struct blob *body, const struct blob_identity *identity,
                                      struct str media_type, int64_t now_seconds)
{
    size_t lines_bytes =
        LINES_BYTES_FIXED + ETAG_BYTES_MAX + DATE_BYTES + media_type.length + NUM_U64_DIGITS_MAX;
    struct resource *resource =
        create(RESOURCE_FILE, media_type.length + ETAG_BYTES_MAX + lines_bytes);
    if (!resource)
        return NULL;
    struct variant *file = &resource->file;
    char *type_end = str_put(resource->text, media_type);
    *file = (struct variant){
        .body = blob_pin(body),
        .media_type = {resource->text, media_type.length},
        .etag = write_etag(type_end, identity),
        .last_modified =
            identity->modified.tv_sec < now_seconds ? identity->modified.tv_sec : now_seconds,
    };
    write_lines(type_end + file->etag.length, file, body->length);
    return resource;
}

struct resource *resource_create_redirect(const struct path *path)
{
    char location[LOCATION_BYTES_MAX];
    size_t length = path_write_redirect(path, location, sizeof location);
    struct resource *resource = create(RESOURCE_REDIRECT, length);
    if (!resource)
        return NULL;
    str_put(resource->text, (struct str){location, length});
    resource->location = (struct str){resource->text, length};
    return resource;
}

struct resource *resource_create_refusal(enum http_status status)
{
    struct resource *resource = create(RESOURCE_REFUSAL, 0);
    if (resource)
        resource->status = status;
    return resource;
}

void resource_drop(struct resource *resource)
{
    if (!resource)
        return;
    assert(resource->references > 0);
    if (--resource->references > 0)
        return;
    blob_drop(resource->file.body);
    free(resource);
}

size_t resource_bytes(const struct resource *resource)
{
    size_t bytes = sizeof(*resource) + resource->location.length + resource->file.etag.length +
                   resource->file.media_type.length + resource->file.field_lines.length;
    const struct blob *body = resource->file.body;
    if (body)
        bytes += sizeof(*body) + (body->fd < 0 ? body->length : 0);
    return bytes;
}
