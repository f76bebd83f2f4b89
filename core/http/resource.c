/* resource: see resource.h. */
#include "http/resource.h"

#include "base/date.h"
#include "base/num.h"

#include <stdlib.h>

enum {
    ETAG_BYTES_MAX = 2 + 2 + 1 + 2 * NUM_HEX_DIGITS_MAX + 1 + 4, /* W/"time-size-code" */
    /* The names, colons, spaces and line ends of the field lines. */
    LINES_BYTES_FIXED = 200,
    LOCATION_BYTES_MAX = 3 * PATH_BYTES_MAX + 4,
};

static struct resource *create(enum resource_kind kind, unsigned variant_count, size_t text_bytes)
{
    struct resource *resource =
        malloc(sizeof(*resource) + variant_count * sizeof(struct variant) + text_bytes);
    struct lease *lease = malloc(sizeof(*lease));
    if (!resource || !lease) {
        free(resource);
        free(lease);
        return NULL;
    }
    *lease = (struct lease){.references = 1};
    *resource = (struct resource){
        .references = 1,
        .kind = kind,
        .lease = lease,
        .variant_count = variant_count,
    };
    return resource;
}

/* Where the text of RESOURCE begins. */
static char *text_of(struct resource *resource)
{
    return (char *)&resource->variants[resource->variant_count];
}

/* Copies S to *AT and moves that on. Returns the copy. */
static struct str keep(char **at, struct str s)
{
    struct str copy = {s.at ? *at : NULL, s.length};
    *at = str_put(*at, s);
    return copy;
}

/* --- Variants ------------------------------------------------------------------------------------- */

/* RFC 9110 section 8.8.3. The coding is in it because two coded forms may by chance be of one size. */
static char *put_etag(char *at, const struct representation *item)
{
    at = str_put(at, item->weak ? STR("W/\"") : STR("\""));
    if (item->digest.at) {
        at = str_put(at, item->digest);
    } else {
        uint64_t nanoseconds =
            (uint64_t)item->modified.tv_sec * 1000000000u + (uint64_t)item->modified.tv_nsec;
        at += num_write_hex(at, nanoseconds);
        at = str_put(at, STR("-"));
        at += num_write_hex(at, item->body->length);
    }
    if (item->coding != CONTENT_CODING_IDENTITY) {
        at = str_put(at, STR("-"));
        at = str_put(at, content_coding_texts[item->coding].name);
    }
    return str_put(at, STR("\""));
}

/* "NAME: VALUE", if there is a value. NAME has the colon and the space. */
static char *put_line(char *at, struct str name, struct str value)
{
    if (!value.at)
        return at;
    return str_put(str_put(str_put(at, name), value), STR("\r\n"));
}

/* Writes the field lines of VARIANT, of so many BYTES, whose other values are set. Returns the place behind
 * them. */
static char *put_lines(char *to, struct variant *variant, uint64_t bytes,
                       const struct resource_fields *fields)
{
    bool coded = variant->coding != CONTENT_CODING_IDENTITY;
    char date[DATE_BYTES];
    char *at = put_line(to, STR("ETag: "), variant->etag);
    date_write(date, variant->last_modified);
    at = put_line(at, STR("Last-Modified: "),
                  variant->dated ? (struct str){date, DATE_BYTES} : STR_ABSENT);
    at = put_line(at, STR("Cache-Control: "), fields->cache_control);
    at = str_put(at, fields->site_lines);
    at = put_line(at, STR("Vary: "), fields->vary);
    variant->validator_line_bytes = (size_t)(at - to);
    at = put_line(at, STR("Content-Type: "), variant->media_type);
    at = put_line(at, STR("X-Content-Type-Options: "),
                  fields->nosniff ? STR("nosniff") : STR_ABSENT);
    at = put_line(at, STR("Content-Encoding: "),
                  coded ? content_coding_texts[variant->coding].name : STR_ABSENT);
    at = put_line(at, STR("Accept-Ranges: "), STR("bytes"));
    variant->partial_line_bytes = (size_t)(at - to);
    at = str_put(at, STR("Content-Length: "));
    at += num_write_u64(at, bytes);
    at = str_put(at, STR("\r\n"));
    variant->field_lines = (struct str){to, (size_t)(at - to)};
    return at;
}

/* Makes *RET of ITEM, with its text at *AT, which moves on. */
static void init_variant(struct variant *ret, char **at, const struct representation *item,
                         const struct resource_fields *fields, int64_t now_seconds)
{
    int64_t modified = item->modified.tv_sec;
    uint64_t bytes = item->body->length;
    *ret = (struct variant){
        .body = blob_pin(item->body),
        .coding = item->coding,
        .media_type = keep(at, item->media_type),
        .dated = !item->digest.at,
        .last_modified = modified < now_seconds ? modified : now_seconds,
    };
    char *etag = *at;
    *at = put_etag(etag, item);
    ret->etag = (struct str){etag, (size_t)(*at - etag)};
    *at = put_lines(*at, ret, bytes, fields);
}

/* An upper bound of the text of a variant made of ITEM. */
static size_t variant_bytes(const struct representation *item, const struct resource_fields *fields)
{
    return LINES_BYTES_FIXED + 2 * (ETAG_BYTES_MAX + item->digest.length) +
           2 * item->media_type.length + fields->cache_control.length + fields->vary.length +
           fields->site_lines.length + DATE_BYTES + NUM_U64_DIGITS_MAX;
}

struct resource *resource_create(enum resource_kind kind, const struct representation *items,
                                 unsigned count, const struct resource_fields *fields,
                                 int64_t now_seconds)
{
    size_t text_bytes = fields->vary.length + fields->error_lines.length;
    for (unsigned i = 0; i < count; i++)
        text_bytes += variant_bytes(&items[i], fields);
    struct resource *resource = create(kind, count, text_bytes);
    if (!resource)
        return NULL;
    char *at = text_of(resource);
    resource->vary = keep(&at, fields->vary);
    resource->field_lines = keep(&at, fields->error_lines);
    for (unsigned i = 0; i < count; i++)
        init_variant(&resource->variants[i], &at, &items[i], fields, now_seconds);
    return resource;
}

/* --- What has no content -------------------------------------------------------------------------- */

struct resource *resource_create_redirect(const struct path *path, struct str site_lines)
{
    char text[LOCATION_BYTES_MAX];
    struct str location = {text, path_write_redirect(path, text, sizeof text)};
    struct resource *resource = create(RESOURCE_REDIRECT, 0, location.length + site_lines.length);
    if (!resource)
        return NULL;
    char *at = text_of(resource);
    resource->location = keep(&at, location);
    resource->field_lines = keep(&at, site_lines);
    return resource;
}

struct resource *resource_create_refusal(enum http_status status, struct str site_lines)
{
    struct resource *resource = create(RESOURCE_REFUSAL, 0, site_lines.length);
    if (!resource)
        return NULL;
    char *at = text_of(resource);
    resource->status = status;
    resource->field_lines = keep(&at, site_lines);
    return resource;
}

/* --- Life and size -------------------------------------------------------------------------------- */

void lease_drop(struct lease *lease)
{
    if (lease && --lease->references == 0)
        free(lease);
}

void resource_drop(struct resource *resource)
{
    if (!resource)
        return;
    assert(resource->references > 0);
    if (--resource->references > 0)
        return;
    resource->lease->fresh_until_ms = 0;
    lease_drop(resource->lease);
    for (unsigned i = 0; i < resource->variant_count; i++)
        blob_drop(resource->variants[i].body);
    free(resource);
}

size_t resource_bytes(const struct resource *resource)
{
    size_t bytes = sizeof(*resource) + sizeof(struct lease) + resource->location.length +
                   resource->field_lines.length + resource->vary.length;
    for (unsigned i = 0; i < resource->variant_count; i++) {
        const struct variant *variant = &resource->variants[i];
        const struct blob *body = variant->body;
        bytes += sizeof(*variant) + variant->etag.length + variant->media_type.length +
                 variant->field_lines.length;
        bytes += sizeof(*body) + (body->fd < 0 ? body->length : 0);
    }
    return bytes;
}

unsigned resource_descriptors(const struct resource *resource)
{
    unsigned count = 0;
    for (unsigned i = 0; i < resource->variant_count; i++)
        count += resource->variants[i].body->fd >= 0;
    return count;
}

void found_drop(struct found *found)
{
    resource_drop(found->resource);
    resource_drop(found->page);
}
