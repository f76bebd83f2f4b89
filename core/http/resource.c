/* resource: see resource.h. */
#include "http/resource.h"

#include "base/date.h"
#include "base/digest.h"
#include "base/num.h"

#include <stdlib.h>

enum {
    ETAG_BYTES_MAX = 3 + 2 * NUM_HEX_DIGITS_MAX + 1 + 6, /* W/"time-size-code" */
    LOCATION_BYTES_MAX = 3 * PATH_BYTES_MAX + 4,
};
static_assert(DIGEST_TAG_DIGITS <= 2 * NUM_HEX_DIGITS_MAX, "a digest has room in an entity tag");

/* What a lease refers to until the store publishes its resource. */
static const _Atomic uint64_t unpublished;

/* Memory for a resource of KIND and BYTES more after its variants. NULL: out of memory. */
static struct resource *create(enum resource_kind kind, unsigned variant_count, size_t bytes)
{
    struct resource *resource =
        malloc(sizeof *resource + variant_count * sizeof(struct variant) + bytes);
    struct lease *lease = malloc(sizeof *lease);
    if (!resource || !lease) {
        free(resource);
        free(lease);
        return NULL;
    }
    *lease = (struct lease){.references = 1, .published = &unpublished};
    *resource = (struct resource){
        .references = 1,
        .kind = kind,
        .lease = lease,
        .variant_count = variant_count,
    };
    return resource;
}

/* The bytes after RESOURCE's variants. */
static char *memory_of(struct resource *resource)
{
    return (char *)&resource->variants[resource->variant_count];
}

/* The bytes of memory of a block of FIELDS; NULL: none. */
static size_t page_bytes(const struct fields *fields)
{
    return fields ? field_block_bytes(fields) : 0;
}

/* Writes the page fields of RESOURCE at AT. Returns the end. */
static char *write_page(struct resource *resource, char *at, const struct fields *fields)
{
    return fields ? field_block_write(&resource->page_fields, at, fields) : at;
}

/* --- Variants --------------------------------------------------------------------------------- */

/* RFC 9110 section 8.8.3. The coding is part of it because two coded forms may have one size. */
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

/* The fields of one variant, in their order, and the text that their values point to. */
struct description {
    struct fields fields;
    unsigned validator_count; /* a 304 carries the first so many */
    unsigned partial_count;   /* a 206 of one part carries the first so many */
    bool dated;
    int64_t last_modified; /* seconds */
    struct str etag;
    char etag_text[ETAG_BYTES_MAX];
    char date[DATE_BYTES];
    char length[NUM_U64_DIGITS_MAX];
};

static void append(struct fields *fields, const struct fields *more)
{
    if (more)
        fields_append(fields, more);
}

/* Sets the validators of RET to those of ITEM. */
static void describe_validators(struct description *ret, const struct representation *item,
                                int64_t now_seconds)
{
    const struct variant *original = item->original;
    int64_t modified = item->modified.tv_sec;
    assert(item->digest.length <= DIGEST_TAG_DIGITS);
    if (original) {
        ret->dated = original->dated;
        ret->last_modified = original->last_modified;
        ret->etag = original->etag;
        return;
    }
    ret->dated = !item->undated && !item->unverified;
    ret->last_modified = modified < now_seconds ? modified : now_seconds;
    ret->etag = STR_ABSENT;
    if (!item->unverified)
        ret->etag =
            (struct str){ret->etag_text, (size_t)(put_etag(ret->etag_text, item) - ret->etag_text)};
}

/* Describes the variant for ITEM. *RET points into itself, so it must not move. */
static void describe(struct description *ret, const struct representation *item,
                     const struct resource_fields *fields, int64_t now_seconds)
{
    struct fields *list = &ret->fields;
    describe_validators(ret, item, now_seconds);
    fields_init(list);
    fields_add(list, STR("ETag"), ret->etag);
    date_write(ret->date, ret->last_modified);
    if (ret->dated)
        fields_add(list, STR("Last-Modified"), (struct str){ret->date, DATE_BYTES});
    append(list, fields->shared);
    fields_add(list, STR("Vary"), fields->vary);
    ret->validator_count = list->count;
    fields_add(list, STR("Content-Type"), item->media_type);
    append(list, fields->content);
    if (item->coding != CONTENT_CODING_IDENTITY)
        fields_add(list, STR("Content-Encoding"), content_coding_texts[item->coding].name);
    if (ret->etag.at)
        fields_add(list, STR("Accept-Ranges"), STR("bytes"));
    ret->partial_count = list->count;
    fields_add(list, STR("Content-Length"),
               (struct str){ret->length, num_write_u64(ret->length, item->body->length)});
}

/* The value of BLOCK's field INDEX; absent if that is not called NAME. */
static struct str value_at(struct field_block block, unsigned index, struct str name)
{
    struct field field;
    for (unsigned i = 0; i <= index; i++) {
        if (!field_block_next(&block, &field))
            return STR_ABSENT;
    }
    return str_equal(field.name, name) ? field.value : STR_ABSENT;
}

/* Makes *RET of ITEM and its DESCRIPTION, with its fields at AT. Returns the end of these. */
static char *init_variant(struct variant *ret, char *at, const struct representation *item,
                          const struct description *description)
{
    *ret = (struct variant){
        .body = blob_pin(item->body),
        .coding = item->coding,
        .dated = description->dated,
        .last_modified = description->last_modified,
    };
    at = field_block_write(&ret->fields, at, &description->fields);
    ret->validators = field_block_cut(&ret->fields, description->validator_count);
    ret->partial = field_block_cut(&ret->fields, description->partial_count);
    ret->etag = value_at(ret->fields, 0, STR("ETag"));
    ret->media_type = value_at(ret->fields, description->validator_count, STR("Content-Type"));
    return at;
}

struct resource *resource_create(enum resource_kind kind, const struct representation *items,
                                 unsigned count, const struct resource_fields *fields,
                                 int64_t now_seconds)
{
    struct description description;
    size_t bytes = page_bytes(fields->page);
    for (unsigned i = 0; i < count; i++) {
        describe(&description, &items[i], fields, now_seconds);
        bytes += field_block_bytes(&description.fields);
    }
    struct resource *resource = create(kind, count, bytes);
    if (!resource)
        return NULL;
    char *at = memory_of(resource);
    for (unsigned i = 0; i < count; i++) {
        struct variant *variant = &resource->variants[i];
        describe(&description, &items[i], fields, now_seconds);
        at = init_variant(variant, at, &items[i], &description);
        if (fields->vary.at)
            resource->vary = value_at(variant->fields, variant->validators.count - 1, STR("Vary"));
    }
    write_page(resource, at, fields->page);
    return resource;
}

void resource_derive(struct resource *resource, const struct resource *original)
{
    lease_drop(resource->lease);
    resource->lease = original->lease;
    resource->lease->references++;
    resource->derived = true;
}

/* --- Redirects and refusals ------------------------------------------------------------------- */

struct resource *resource_create_redirect(const struct path *path, const struct fields *page)
{
    char text[LOCATION_BYTES_MAX];
    struct str location = {text, path_write_redirect(path, text, sizeof text)};
    struct resource *resource = create(RESOURCE_REDIRECT, 0, page_bytes(page) + location.length);
    if (!resource)
        return NULL;
    char *at = write_page(resource, memory_of(resource), page);
    resource->location = (struct str){at, location.length};
    str_put(at, location);
    return resource;
}

struct resource *resource_create_refusal(enum http_status status, const struct fields *page)
{
    struct resource *resource = create(RESOURCE_REFUSAL, 0, page_bytes(page));
    if (!resource)
        return NULL;
    resource->status = status;
    write_page(resource, memory_of(resource), page);
    return resource;
}

/* --- Life and size ---------------------------------------------------------------------------- */

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
    if (!resource->derived)
        resource->lease->fresh_until_ms = 0;
    lease_drop(resource->lease);
    for (unsigned i = 0; i < resource->variant_count; i++)
        blob_drop(resource->variants[i].body);
    free(resource);
}

static size_t block_bytes(const struct field_block *block)
{
    return block->cut.count * sizeof(struct field_lengths) + block->cut.bytes;
}

size_t resource_bytes(const struct resource *resource)
{
    size_t bytes = sizeof *resource + sizeof(struct lease) + resource->location.length +
                   block_bytes(&resource->page_fields);
    for (unsigned i = 0; i < resource->variant_count; i++) {
        const struct variant *variant = &resource->variants[i];
        const struct blob *body = variant->body;
        bytes += sizeof *variant + block_bytes(&variant->fields);
        bytes += sizeof *body + (body->fd < 0 || blob_is_copy(body) ? body->length : 0);
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

bool resource_holds_file(const struct resource *resource)
{
    for (unsigned i = 0; i < resource->variant_count; i++) {
        const struct blob *body = resource->variants[i].body;
        if (body->fd >= 0 && !blob_is_copy(body))
            return true;
    }
    return false;
}

void found_drop(struct found *found)
{
    resource_drop(found->resource);
    resource_drop(found->page);
}
