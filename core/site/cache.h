/* cache: path -> resource, bounded in bytes, entries and open files.
 *
 * Holds a reference on each resource. What to throw out is decided as in SIEVE (Zhang et al., NSDI
 * 2024): entries stand in order of arrival, a hit sets a mark, and a hand that walks from old to new
 * removes the first entry without one. A hit moves nothing, and a flood of paths that are asked for
 * once can't push out what is asked for again. What is no longer here is no longer good
 * (fresh_until_ms). Does no I/O. One thread only. */
#ifndef SLUICE_CACHE_H
#define SLUICE_CACHE_H

#include "base/list.h"
#include "http/resource.h"

struct cache_limits {
    uint64_t bytes_max; /* 0: nothing is kept */
    uint32_t entries_max;
    uint32_t files_max; /* descriptors that content is kept in */
};

/* PATH as a key: "a/b" and "a/b/" are two. */
struct cache_key {
    struct str name;
    bool directory;
    uint64_t hash;
};

struct cache_entry {
    struct cache_entry *same_hash; /* the next in its bucket */
    struct list order;             /* among all entries, the oldest first */
    struct resource *resource;
    struct blob_identity identity; /* of a file: what it was when it was read */
    uint64_t siblings;             /* and what lay beside it, see fetch_state */
    uint64_t folder; /* nothing does while its directory is in this state; 0: who knows */
    uint64_t hash;
    uint32_t bytes; /* what it counts for */
    uint16_t name_bytes;
    bool directory;
    uint8_t looks; /* that it had, to find it unchanged */
    bool settled;  /* IDENTITY tells every later change */
    bool hit;      /* since the hand came by */
    char name[];
};

struct cache;

/* NULL: out of memory. *Gives*: cache_destroy. */
struct cache *cache_create(const struct cache_limits *limits);
void cache_destroy(struct cache *cache);

/* The key for PATH, which it *borrows*. Keyed by a secret of this cache, so that nobody outside can make
 * paths collide. */
struct cache_key cache_key_of(const struct cache *cache, const struct path *path);

/* The entry for KEY, or NULL. *Borrowed* until the next cache_put or cache_remove. */
struct cache_entry *cache_find(struct cache *cache, const struct cache_key *key);

/* Puts RESOURCE, which it *pins*, in place of what KEY had, and makes room for it. Returns the entry,
 * *borrowed*; NULL when it can't be kept: too large, or out of memory. */
struct cache_entry *cache_put(struct cache *cache, const struct cache_key *key,
                              struct resource *resource);

void cache_remove(struct cache *cache, struct cache_entry *entry);

/* Removes all entries. */
void cache_clear(struct cache *cache);

/* Throws out one entry that holds descriptors. False if there is none. */
bool cache_shed_file(struct cache *cache);

struct cache_usage {
    uint64_t bytes;
    uint32_t entries;
    uint32_t files; /* descriptors */
};

struct cache_usage cache_usage(const struct cache *cache);

#endif
