/* cache: the bound of refusals, of which clients can cause any number. */
#include "site/cache.h"
#include "support/paths.h"
#include "support/resources.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { ANY = 1 << 20 };

static struct cache_group group; /* of all entries */

static struct cache *cache_create_fresh(const struct cache_limits *limits)
{
    cache_group_init(&group, 0);
    return cache_create(limits, 1);
}

static struct cache_entry *find(struct cache *cache, const char *text)
{
    struct path path = path_named(text);
    struct cache_key key = cache_key_of(cache, &group, &path);
    return cache_find(cache, &key);
}

/* Puts RESOURCE under TEXT and drops the caller's reference. */
static void put(struct cache *cache, const char *text, struct resource *resource)
{
    struct path path = path_named(text);
    struct cache_key key = cache_key_of(cache, &group, &path);
    cr_expect_not_null(cache_put(cache, &key, resource));
    resource_drop(resource);
}

/* Puts a refusal under a path of PATH_BYTES bytes that ends in NUMBER. */
static void put_refusal(struct cache *cache, unsigned number, int path_bytes)
{
    char text[PATH_BYTES_MAX];
    snprintf(text, sizeof text, "%0*u", path_bytes, number);
    put(cache, text, resource_create_refusal(HTTP_NOT_FOUND, NULL));
}

/* Puts COUNT files under names of their own, none of which is found again. */
static void put_content(struct cache *cache, unsigned count)
{
    static const struct blob_identity identity = {.inode = 7};
    for (unsigned i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof name, "content%u", i);
        struct blob *body = blob_create_bytes(100);
        put(cache, name, plain_file(body, &identity, STR("text/plain"), INT64_MAX));
        blob_drop(body);
    }
}

Test(cache, keeps_refusals_within_a_small_part_of_its_bytes)
{
    static const int path_bytes[] = {8, 200, 1000};
    for (size_t row = 0; row < COUNT_OF(path_bytes); row++) {
        struct cache_limits limits = {.bytes_max = 16 << 20, .entries_max = ANY, .files_max = 0};
        struct cache *cache = cache_create_fresh(&limits);
        put_content(cache, 100);
        uint64_t before = cache_usage(cache).bytes;
        for (unsigned i = 0; i < 20000; i++)
            put_refusal(cache, i, path_bytes[row]);
        struct cache_usage usage = cache_usage(cache);
        cr_expect_leq(usage.bytes - before, limits.bytes_max / 64);
        cr_expect_eq(usage.bytes - before, usage.refusal_bytes);
        cr_expect_geq(usage.refusal_bytes, limits.bytes_max / 64 - 2000, "the part is used");
        cr_expect_eq(usage.entries, 100 + usage.refusals);
        cache_remove_group(cache, &group);
        cr_expect_eq(cache_usage(cache).refusals, 0);
        cr_expect_eq(cache_usage(cache).refusal_bytes, 0);
        cache_destroy(cache);
    }
}

Test(cache, displaces_no_content_for_a_flood_of_refusals)
{
    enum { CONTENT = 1000, ROOM = 64 };
    struct cache_limits limits = {.bytes_max = ANY, .entries_max = CONTENT + ROOM, .files_max = 0};
    struct cache *cache = cache_create_fresh(&limits);
    put_content(cache, CONTENT);
    for (unsigned i = 0; i < 10000; i++)
        put_refusal(cache, i, 8);
    unsigned missing = 0;
    for (unsigned i = 0; i < CONTENT; i++) {
        char name[24];
        snprintf(name, sizeof name, "content%u", i);
        missing += find(cache, name) == NULL;
    }
    cr_expect_eq(missing, 0, "%u", missing);
    cache_destroy(cache);
}

/* A page may ask for a few files that are missing. */
Test(cache, keeps_some_refusals_in_a_small_cache)
{
    enum { SOME = 32 };
    struct cache_limits limits = {.bytes_max = 32 << 10, .entries_max = 100, .files_max = 0};
    struct cache *cache = cache_create_fresh(&limits);
    for (unsigned i = 0; i < 100; i++)
        put_refusal(cache, i, 8);
    cr_expect_eq(cache_usage(cache).refusals, SOME);
    cr_expect_null(find(cache, "00000067"), "the oldest are removed first");
    cr_expect_not_null(find(cache, "00000068"));
    cr_expect_not_null(find(cache, "00000099"));
    put_refusal(cache, 68, 8); /* in place of itself */
    cr_expect_eq(cache_usage(cache).refusals, SOME);
    cr_expect_not_null(find(cache, "00000069"));
    cache_destroy(cache);
}
