/* resource: RFC 9110 sections 8.8 (validators) and 10.2.2 (Location), and the prepared fields. */
#include "support/guard.h"
#include "support/resources.h"

#include <criterion/criterion.h>
#include <fcntl.h>

static const struct str text_plain = STR_INIT("text/plain; charset=utf-8");

/* A file's resource with a body of BYTES bytes, modified at SECONDS and NANOSECONDS. */
static struct resource *file_of(size_t bytes, int64_t seconds, long nanoseconds)
{
    struct blob *body = blob_create_bytes(bytes);
    struct blob_identity identity = {.bytes = bytes, .modified = {seconds, nanoseconds}};
    struct str type = guard_copy(text_plain);
    memset(body->bytes, 'x', bytes);
    struct resource *resource = plain_file(body, &identity, type, INT64_MAX);
    guard_drop(type); /* copied */
    cr_assert_not_null(resource);
    blob_drop(body); /* pinned */
    return resource;
}

Test(resource, gives_a_file_its_validators_and_fields)
{
    static const struct {
        const char *label;
        size_t bytes;
        int64_t seconds;
        long nanoseconds;
        const char *etag, *validator_lines, *other_lines;
    } rows[] = {
        {"RFC 9110's date", 5, 784111777, 5, "\"ae1b981bc490a05-5\"",
         "ETag: \"ae1b981bc490a05-5\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
         "Content-Type: text/plain; charset=utf-8\r\nAccept-Ranges: bytes\r\nContent-Length: 5\r\n"},
        {"the beginning of time", 0, 0, 0, "\"0-0\"",
         "ETag: \"0-0\"\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
         "Content-Type: text/plain; charset=utf-8\r\nAccept-Ranges: bytes\r\nContent-Length: 0\r\n"},
        {"the last nanosecond", 4096, 1, 999999999, "\"773593ff-1000\"",
         "ETag: \"773593ff-1000\"\r\nLast-Modified: Thu, 01 Jan 1970 00:00:01 GMT\r\n",
         "Content-Type: text/plain; charset=utf-8\r\nAccept-Ranges: bytes\r\nContent-Length: 4096\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct resource *resource = file_of(rows[i].bytes, rows[i].seconds, rows[i].nanoseconds);
        const struct variant *file = &resource->variants[0];
        struct str lines = field_block_lines(&file->fields);
        struct str validators = str_first(lines, file->validators.bytes);
        cr_expect_eq(resource->kind, RESOURCE_FILE, "%s", rows[i].label);
        cr_expect_eq(resource->references, 1, "%s", rows[i].label);
        cr_expect(str_equal(file->etag, str_of(rows[i].etag)), "%s: %.*s", rows[i].label,
                  (int)file->etag.length, file->etag.at);
        cr_expect_eq(file->last_modified, rows[i].seconds, "%s", rows[i].label);
        cr_expect(str_equal(file->media_type, text_plain), "%s", rows[i].label);
        cr_expect(str_equal(validators, str_of(rows[i].validator_lines)), "%s: %.*s", rows[i].label,
                  (int)lines.length, lines.at);
        cr_expect(str_equal(str_from(lines, validators.length), str_of(rows[i].other_lines)),
                  "%s: %.*s", rows[i].label, (int)lines.length, lines.at);
        resource_drop(resource);
    }
}

/* Section 8.8.1: a strong validator changes whenever the representation does. */
Test(resource, gives_different_entity_tags_for_other_times_and_sizes)
{
    struct resource *resources[] = {file_of(16, 1, 1), file_of(17, 1, 1), file_of(16, 1, 2),
                                    file_of(16, 2, 1), file_of(1, 1, 0),  file_of(1, 1, 16)};
    for (size_t i = 0; i < COUNT_OF(resources); i++) {
        struct str a = resources[i]->variants[0].etag;
        cr_expect(a.at[0] == '"' && a.at[a.length - 1] == '"', "strong");
        for (size_t j = 0; j < i; j++)
            cr_expect_not(str_equal(a, resources[j]->variants[0].etag), "%zu and %zu", i, j);
    }
    struct resource *again = file_of(16, 1, 1);
    cr_expect(str_equal(again->variants[0].etag, resources[0]->variants[0].etag),
              "and with nothing else");
    resource_drop(again);
    for (size_t i = 0; i < COUNT_OF(resources); i++)
        resource_drop(resources[i]);
}

Test(resource, has_room_for_times_of_any_size)
{
    static const int64_t times[] = {-1, INT64_MIN, INT64_MAX, 253402300800, -62167219201};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        struct resource *resource = file_of(3, times[i], 999999999);
        struct str lines = field_block_lines(&resource->variants[0].fields);
        cr_expect(str_ends_with(lines, STR("\r\nContent-Length: 3\r\n")), "%jd: %.*s",
                  (intmax_t)times[i], (int)lines.length, lines.at);
        resource_drop(resource);
    }
}

Test(resource, has_room_for_the_longest_fields)
{
    struct blob_identity identity = {.bytes = UINT64_MAX, .modified = {9000000000, 999999999}};
    struct blob *body = blob_create_file(open("/dev/null", O_RDONLY | O_CLOEXEC), &identity);
    struct resource *resource = plain_file(body, &identity, STR("a/b"), INT64_MAX);
    cr_assert_not_null(resource);
    struct str lines = field_block_lines(&resource->variants[0].fields);
    cr_expect(str_ends_with(lines, STR("\r\nContent-Length: 18446744073709551615\r\n")));
    cr_expect(str_ends_with(resource->variants[0].etag, STR("-ffffffffffffffff\"")));
    resource_drop(resource);
    blob_drop(body);
}

Test(resource, pins_its_body_until_the_last_drop)
{
    struct blob_identity identity = {.bytes = 4};
    struct blob *body = blob_create_bytes(4);
    struct resource *resource = plain_file(body, &identity, text_plain, INT64_MAX);
    cr_expect_eq(resource->variants[0].body, body);
    cr_expect_eq(body->references, 2);
    cr_expect_eq(resource_pin(resource), resource);
    resource_drop(resource);
    cr_expect_eq(body->references, 2);
    resource_drop(resource);
    cr_expect_eq(body->references, 1);
    blob_drop(body);
    resource_drop(NULL);
}

Test(resource, gives_refusals_their_status)
{
    struct resource *resource = resource_create_refusal(HTTP_FORBIDDEN, NULL);
    cr_assert_not_null(resource);
    cr_expect_eq(resource->kind, RESOURCE_REFUSAL);
    cr_expect_eq(resource->status, HTTP_FORBIDDEN);
    cr_expect_eq(resource->references, 1);
    resource_drop(resource);
}

/* RFC 3986 section 4.2: a relative reference must look like neither "//host" nor "scheme:". */
Test(resource, makes_relative_encoded_redirects)
{
    static const struct {
        struct str target;
        const char *location;
    } rows[] = {
        {STR_INIT("/guide"), "guide/"},
        {STR_INIT("/a/b"), "b/"},
        {STR_INIT("//guide"), "guide/"},
        {STR_INIT("//evil.example/x"), "x/"},
        {STR_INIT("/x//evil.example"), "evil.example/"},
        {STR_INIT("/a%20b"), "a%20b/"},
        {STR_INIT("/a%3fb%23c"), "a%3Fb%23c/"},
        {STR_INIT("/javascript:x"), "javascript%3Ax/"},
        {STR_INIT("/100%25"), "100%25/"},
        {STR_INIT("/%5c%5cevil"), "%5C%5Cevil/"},
        {STR_INIT("/a%0d%0aSet-Cookie%3ab"), "a%0D%0ASet-Cookie%3Ab/"},
        {STR_INIT("/%c3%bc"), "%C3%BC/"},
        {STR_INIT("/%3cscript%3e"), "%3Cscript%3E/"},
    };
    static struct path path;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_assert_eq(path_decode(rows[i].target, &path), PATH_OK);
        struct resource *resource = resource_create_redirect(&path, NULL);
        cr_assert_not_null(resource);
        memset(&path, '#', sizeof path); /* copied */
        cr_expect_eq(resource->kind, RESOURCE_REDIRECT);
        cr_expect(str_equal(resource->location, str_of(rows[i].location)), "%s: %.*s",
                  rows[i].target.at, (int)resource->location.length, resource->location.at);
        resource_drop(resource);
    }
}

Test(resource, has_room_for_the_longest_redirect)
{
    static struct path path;
    path.length = PATH_BYTES_MAX;
    memset(path.text, '\xff', PATH_BYTES_MAX);
    struct resource *resource = resource_create_redirect(&path, NULL);
    cr_assert_not_null(resource);
    cr_expect_eq(resource->location.length, 3 * PATH_BYTES_MAX + 1);
    cr_expect(str_ends_with(resource->location, STR("%FF/")));
    resource_drop(resource);
}

Test(resource, counts_its_memory)
{
    struct resource *small = file_of(10, 1, 1), *large = file_of(10010, 1, 1);
    cr_expect_geq(resource_bytes(small),
                  sizeof *small + sizeof(struct blob) + 10 + small->variants[0].fields.cut.bytes);
    cr_expect_geq(resource_bytes(large), resource_bytes(small) + 10000);
    cr_expect_leq(resource_bytes(large), resource_bytes(small) + 10010);
    struct blob_identity identity = {.bytes = 1 << 30};
    struct blob *body = blob_create_file(open("/dev/null", O_RDONLY | O_CLOEXEC), &identity);
    struct resource *open_file = plain_file(body, &identity, text_plain, INT64_MAX);
    cr_expect_lt(resource_bytes(open_file), 2000, "a file's content is not in memory");
    struct resource *refusal = resource_create_refusal(HTTP_NOT_FOUND, NULL);
    cr_expect_geq(resource_bytes(refusal), sizeof *refusal);
    resource_drop(small);
    resource_drop(large);
    resource_drop(open_file);
    resource_drop(refusal);
    blob_drop(body);
}

/* Section 8.8.2.1: a date in the future is replaced by the present. The entity tag still shows
 * it. */
Test(resource, is_never_modified_in_the_future)
{
    struct blob *body = blob_create_bytes(0);
    struct blob_identity identity = {.modified = {1000, 0}};
    struct resource *now = plain_file(body, &identity, text_plain, 999);
    struct resource *later = plain_file(body, &identity, text_plain, 1001);
    cr_expect_eq(now->variants[0].last_modified, 999);
    cr_expect_eq(later->variants[0].last_modified, 1000);
    cr_expect(str_equal(now->variants[0].etag, later->variants[0].etag));
    cr_expect_not(str_equal(field_block_lines(&now->variants[0].fields),
                            field_block_lines(&later->variants[0].fields)));
    resource_drop(now);
    resource_drop(later);
    blob_drop(body);
}
