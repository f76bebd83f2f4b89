/* session_driver, the site and what its answers look like: see session_driver.h. */
#include "support/session_driver.h"

#include "support/resources.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

const struct date_now driver_now = {
    .ms = 1000,
    .seconds = 784887151,
    .text = {'T', 'u', 'e', ',', ' ', '1', '5', ' ', 'N', 'o', 'v', ' ', '1', '9', '9',
             '4', ' ', '0', '8', ':', '1', '2', ':', '3', '1', ' ', 'G', 'M', 'T'},
};

void text_add(struct text *text, struct str more)
{
    cr_assert_leq(more.length, sizeof text->bytes - text->length, "a larger text is needed");
    str_put(text->bytes + text->length, more);
    text->length += more.length;
}

static void text_add_of(struct text *text, const char *more)
{
    text_add(text, str_of(more));
}

enum {
    SMALL,
    LARGE,
    FILE_ON_DISK,
    EMPTY,
    FILES,
    DIRECTORY = FILES,
    PRIVATE,
    BUSY,
    MISSING,
    ENTRIES
};

static struct entry {
    const char *path;
    struct resource *resource;
    size_t bytes;
    char content[3000];
} entries[ENTRIES] = {
    [SMALL] = {.path = "/small", .bytes = 20},
    [LARGE] = {.path = "/large", .bytes = 2000},
    [FILE_ON_DISK] = {.path = "/file", .bytes = 3000},
    [EMPTY] = {.path = "/empty"},
    [DIRECTORY] = {.path = "/dir"},
    [PRIVATE] = {.path = "/private"},
    [BUSY] = {.path = "/busy"},
    [MISSING] = {.path = "/missing"},
};

static struct blob_identity identity_of(size_t bytes)
{
    return (struct blob_identity){.bytes = bytes, .modified = {784111777, 5}};
}

static struct blob *body_of(const struct entry *entry, bool on_disk)
{
    struct blob_identity identity = identity_of(entry->bytes);
    struct blob *body;
    if (on_disk) {
        int fd = memfd_create("site", MFD_CLOEXEC);
        cr_assert_eq(write(fd, entry->content, entry->bytes), (ssize_t)entry->bytes);
        body = blob_create_file(fd, &identity);
    } else {
        body = blob_create_bytes(entry->bytes);
        str_put(body->bytes, (struct str){entry->content, entry->bytes});
    }
    return body;
}

struct h1_memos driver_memos;

void driver_site_create(void)
{
    struct path path;
    struct prng prng = {80};
    for (unsigned i = 0; i < FILES; i++) {
        struct blob_identity identity = identity_of(entries[i].bytes);
        for (size_t j = 0; j < entries[i].bytes; j++)
            entries[i].content[j] = (char)prng_next(&prng);
        struct blob *body = body_of(&entries[i], i == FILE_ON_DISK);
        entries[i].resource = plain_file(body, &identity, STR("text/plain"), INT64_MAX);
        blob_drop(body);
    }
    cr_assert_eq(path_decode(str_of(entries[DIRECTORY].path), &path), PATH_OK);
    entries[DIRECTORY].resource = resource_create_redirect(&path, NULL);
    entries[PRIVATE].resource = resource_create_refusal(HTTP_FORBIDDEN, NULL);
    entries[BUSY].resource = resource_create_refusal(HTTP_UNAVAILABLE, NULL);
    entries[MISSING].resource = resource_create_refusal(HTTP_NOT_FOUND, NULL);
    for (unsigned i = 0; i < ENTRIES; i++)
        entries[i].resource->lease->fresh_until_ms = UINT64_MAX;
    h1_memos_init(&driver_memos, 1 << 20);
}

void driver_site_destroy(void)
{
    h1_memos_fini(&driver_memos);
    for (unsigned i = 0; i < ENTRIES; i++) {
        struct resource *resource = entries[i].resource;
        cr_assert_eq(resource->references, 1, "%s", entries[i].path);
        if (resource->variant_count > 0)
            cr_assert_eq(resource->variants[0].body->references, 1, "%s", entries[i].path);
        resource_drop(resource);
    }
}

static const struct entry *find(struct str path)
{
    unsigned i = 0;
    while (i < MISSING && !str_equal(str_of(entries[i].path), path))
        i++;
    return &entries[i];
}

void driver_plan(struct plan *ret, const struct request *request, struct resource **ret_resource)
{
    static const struct plan_policy policy;
    struct found found = {.resource = NULL};
    if (plan_needs_resource(request))
        found.resource = find(request->path)->resource;
    *ret_resource = found.resource;
    plan_make(ret, request, &found, &policy, &driver_now);
}

/* The fields after Connection, the blank line, and the body of a file. */
static void add_file(struct text *text, const struct expected *expected)
{
    const struct entry *entry = find(str_of(expected->path));
    char lines[256];
    snprintf(lines, sizeof lines,
             "ETag: \"ae1b981bc490a05-%zx\"\r\n"
             "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
             entry->bytes);
    text_add_of(text, lines);
    if (expected->status == HTTP_OK) {
        snprintf(lines, sizeof lines,
                 "Content-Type: text/plain\r\nAccept-Ranges: bytes\r\nContent-Length: %zu\r\n",
                 entry->bytes);
        text_add_of(text, lines);
    }
    text_add_of(text, "\r\n");
    if (expected->status == HTTP_OK && !expected->head)
        text_add(text, (struct str){entry->content, entry->bytes});
}

/* The same of a page of Sluice's own. */
static void add_page(struct text *text, const struct expected *expected)
{
    struct str page = http_error_page(expected->status);
    const char *more = expected->more ? expected->more : "";
    char lines[256];
    text_add_of(text, "Content-Type: text/html; charset=utf-8\r\n"
                      "X-Content-Type-Options: nosniff\r\n");
    if (expected->status == HTTP_MOVED_PERMANENTLY) {
        snprintf(lines, sizeof lines, "Location: %s/%s\r\n", expected->path + 1, more);
        more = lines;
    }
    text_add_of(text, more);
    snprintf(lines, sizeof lines, "Content-Length: %zu\r\n\r\n", page.length);
    text_add_of(text, lines);
    if (!expected->head)
        text_add(text, page);
}

void expected_add(struct text *text, const struct expected *expected)
{
    char lines[256];
    snprintf(lines, sizeof lines,
             "HTTP/1.%u %s\r\nServer: Sluice\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\n",
             expected->minor, http_status_line(expected->status).at);
    text_add_of(text, lines);
    if (expected->connection) {
        snprintf(lines, sizeof lines, "Connection: %s\r\n", expected->connection);
        text_add_of(text, lines);
    }
    if (expected->status == HTTP_OK || expected->status == HTTP_NOT_MODIFIED)
        add_file(text, expected);
    else
        add_page(text, expected);
}
