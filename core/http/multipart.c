/* multipart: see multipart.h. */
#include "http/multipart.h"

#include "base/num.h"

#include <stdlib.h>

enum {
    BOUNDARY_BYTES = 16,
    /* line ends, dashes and field names in a part's head */
    HEAD_BYTES_FIXED = 96,
};

static_assert((unsigned)MULTIPART_PARTS_MAX <= OUTQ_PARTS_MAX, "an answer can be queued whole");

size_t multipart_write_range(char to[static MULTIPART_RANGE_BYTES], const struct range *range,
                             uint64_t bytes)
{
    char *at = str_put(to, STR("bytes "));
    at += num_write_u64(at, range->first);
    at = str_put(at, STR("-"));
    at += num_write_u64(at, range->first + range->length - 1);
    at = str_put(at, STR("/"));
    at += num_write_u64(at, bytes);
    return (size_t)(at - to);
}

/* Derives the boundary from the entity tag (FNV-1a), so that equal requests have equal answers. The
 * chance that it occurs in the content is 1 in 2^64 per byte. */
static void write_boundary(char to[static BOUNDARY_BYTES], struct str etag)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < etag.length; i++)
        hash = (hash ^ (uint8_t)etag.at[i]) * 0x100000001b3u;
    for (unsigned i = 0; i < BOUNDARY_BYTES; i++, hash = hash << 4 | hash >> 60)
        to[i] = "0123456789abcdef"[hash >> 60];
}

static char *put_part_head(char *at, bool first, struct str boundary, const struct variant *file,
                           const struct range *range)
{
    at = str_put(at, first ? STR("--") : STR("\r\n--"));
    at = str_put(at, boundary);
    if (file->media_type.at) {
        at = str_put(at, STR("\r\nContent-Type: "));
        at = str_put(at, file->media_type);
    }
    if (file->coding != CONTENT_CODING_IDENTITY) {
        at = str_put(at, STR("\r\nContent-Encoding: "));
        at = str_put(at, content_coding_texts[file->coding].name);
    }
    at = str_put(at, STR("\r\nContent-Range: "));
    at += multipart_write_range(at, range, file->body->length);
    return str_put(at, STR("\r\n\r\n"));
}

static void add_part(struct multipart *multipart, struct blob *blob, uint64_t first,
                     uint64_t length)
{
    assert(multipart->part_count < MULTIPART_PARTS_MAX);
    multipart->parts[multipart->part_count++] =
        (struct outq_part){.blob = blob, .first = first, .length = length};
}

/* Writes the heads of all RANGES and appends the parts: each head, then its range of FILE. */
static void line_up(struct multipart *multipart, struct str boundary, const struct variant *file,
                    const struct range_set *ranges)
{
    struct blob *heads = multipart->heads;
    char *at = heads->bytes;
    for (unsigned i = 0; i < ranges->count; i++) {
        const struct range *range = &ranges->items[i];
        char *end = put_part_head(at, i == 0, boundary, file, range);
        add_part(multipart, heads, (uint64_t)(at - heads->bytes), (uint64_t)(end - at));
        add_part(multipart, file->body, range->first, range->length);
        at = end;
    }
    char *end = str_put(at, STR("\r\n--"));
    end = str_put(end, boundary);
    end = str_put(end, STR("--\r\n"));
    add_part(multipart, heads, (uint64_t)(at - heads->bytes), (uint64_t)(end - at));
}

struct multipart *multipart_create(const struct variant *file, const struct range_set *ranges)
{
    size_t head_bytes =
        HEAD_BYTES_FIXED + BOUNDARY_BYTES + file->media_type.length + MULTIPART_RANGE_BYTES;
    struct multipart *multipart = malloc(sizeof *multipart);
    struct blob *heads = blob_create_bytes((ranges->count + 1) * head_bytes);
    if (!multipart || !heads) {
        free(multipart);
        blob_drop(heads);
        return NULL;
    }
    multipart->heads = heads;
    multipart->part_count = 0;
    char *end = str_put(multipart->type, STR("multipart/byteranges; boundary="));
    struct str boundary = {end, BOUNDARY_BYTES};
    write_boundary(end, file->etag);
    multipart->media_type =
        (struct str){multipart->type, (size_t)(end - multipart->type) + BOUNDARY_BYTES};
    line_up(multipart, boundary, file, ranges);
    return multipart;
}

void multipart_destroy(struct multipart *multipart)
{
    if (!multipart)
        return;
    blob_drop(multipart->heads);
    free(multipart);
}
