/* cache_rig: a cache, its keys, and resources to put into it, for the tests of cache. */
#ifndef SLUICE_TESTS_CACHE_RIG_H
#define SLUICE_TESTS_CACHE_RIG_H

#include "site/cache.h"
#include "support/paths.h"
#include "support/resources.h"

#include <fcntl.h>
#include <stdio.h>

enum { ANY = 1 << 20 };

static const struct cache_limits roomy = {.bytes_max = ANY, .entries_max = ANY, .files_max = ANY};

static struct cache_group group; /* of all entries, except in the tests of groups */

/* An empty cache, and an empty GROUP. */
static inline struct cache *cache_create_fresh(const struct cache_limits *limits)
{
    cache_group_init(&group, 0);
    return cache_create(limits, 1);
}

static inline struct path path_numbered(unsigned number)
{
    char text[16];
    snprintf(text, sizeof text, "p%u", number);
    return path_named(text);
}

/* A file's resource with LENGTH bytes of content in memory or, if FILE, in an open descriptor. */
static inline struct resource *make(size_t length, bool file)
{
    static const struct blob_identity identity = {.inode = 7};
    struct blob *body = file ? blob_create_file(open("/dev/null", O_RDONLY | O_CLOEXEC), &identity)
                             : blob_create_bytes(length);
    struct resource *resource = plain_file(body, &identity, STR("text/plain"), INT64_MAX);
    blob_drop(body);
    return resource;
}

/* Puts a new resource under TEXT and drops its own reference. */
static inline struct cache_entry *put(struct cache *cache, const char *text, size_t length,
                                      bool file)
{
    struct path path = path_named(text);
    struct cache_key key = cache_key_of(cache, &group, &path);
    struct resource *resource = make(length, file);
    struct cache_entry *entry = cache_put(cache, &key, resource);
    resource_drop(resource);
    return entry;
}

static inline struct cache_entry *find(struct cache *cache, const char *text)
{
    struct path path = path_named(text);
    struct cache_key key = cache_key_of(cache, &group, &path);
    return cache_find(cache, &key);
}

#endif
