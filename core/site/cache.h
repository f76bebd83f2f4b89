/* cache: (site, path) -> resource, bounded in bytes, entries and descriptors.
 *
 * Pins each resource. Eviction is SIEVE (Zhang et al., NSDI 2024): entries are kept in order of
 * arrival, a hit sets a mark, and a hand that moves from old to new clears marks and removes the
 * first entry without one. A hit moves nothing, and a flood of paths that are requested once can't
 * displace what is requested again. Refusals, of which clients can cause any number, have a small
 * bound of their own, the oldest out first: they neither hold memory nor displace content. The
 * entries of one site form a group and can be removed together. The lease of a resource ends when
 * its entry is removed. May use base, http and counters; does no I/O. One thread only. */
#ifndef SLUICE_CACHE_H
#define SLUICE_CACHE_H

#include "base/list.h"
#include "http/resource.h"
#include "observe/counters.h"

enum {
    CACHE_REFUSALS_SHARE = 64, /* refusals take at most one part in so many of bytes and entries */
    CACHE_REFUSALS_MIN = 32,   /* but so many of them are kept in any case */
};

struct cache_limits {
    uint64_t bytes_max; /* half of it for entries that hold descriptors; 0: nothing is kept */
    uint32_t entries_max;
    uint32_t files_max;        /* descriptors that content is kept in */
    struct counters *counters; /* of evictions, bytes and entries, *borrowed*; NULL: not counted */
};

/* Entries that can be removed together: those of one site. */
struct cache_group {
    struct list entries;
    uint64_t salt; /* makes equal paths of two groups different keys */
};

/* A path in a group. "a/b" and "a/b/" are two. */
struct cache_key {
    struct cache_group *group;
    struct str name;
    bool directory;
    uint64_t hash;
};

struct cache_entry {
    struct cache_entry *same_hash; /* the next in its bucket */
    struct list order;             /* among all entries, the oldest first */
    struct list in_group;
    struct list in_kind; /* among those that hold files of the site open, or among refusals */
    struct cache_group *group;
    struct resource *resource;
    struct blob_identity identity; /* of a file, when it was read */
    uint64_t siblings;             /* of a file: see fetch_state */
    uint64_t folder; /* state of the directory in which it has no siblings; 0: not known */
    uint64_t hash;
    uint32_t bytes; /* that count against the limit */
    uint16_t name_bytes;
    bool directory;
    uint8_t revalidations; /* counted modulo 256 */
    bool settled;          /* every later change of the file changes IDENTITY */
    bool hashed;           /* of a file: see fetch_state */
    bool hit;              /* since the hand last passed */
    bool used;             /* since cache_release_files last passed */
    char name[];
};

struct cache;

/* Hashes are keyed by SECRET, so that clients can't make paths collide. NULL: out of memory.
 * *Gives*: cache_destroy. */
struct cache *cache_create(const struct cache_limits *limits, uint64_t secret);
void cache_destroy(struct cache *cache);

/* Changes the limits of bytes and entries, and evicts what is beyond them. With many more entries
 * than at its creation, CACHE becomes slower. */
void cache_limit(struct cache *cache, uint64_t bytes_max, uint32_t entries_max);

/* An empty group, whose keys differ from those of a group with another ID. Must outlive its
 * entries. */
void cache_group_init(struct cache_group *group, uint32_t id);

/* The key for PATH, which it *borrows*, in GROUP. */
struct cache_key cache_key_of(const struct cache *cache, struct cache_group *group,
                              const struct path *path);

/* The entry for KEY, or NULL. *Borrowed* until an entry is put or removed. */
struct cache_entry *cache_find(struct cache *cache, const struct cache_key *key);

/* Puts RESOURCE, which it *pins*, in place of what KEY had, and makes room for it. Returns the
 * entry, *borrowed*; NULL when it can't be kept: too large, or out of memory. */
struct cache_entry *cache_put(struct cache *cache, const struct cache_key *key,
                              struct resource *resource);

void cache_remove(struct cache *cache, struct cache_entry *entry);

/* Removes all entries of GROUP. */
void cache_remove_group(struct cache *cache, struct cache_group *group);

/* Ends the lease of each entry of GROUP. The entries stay, so that they can be revalidated. */
void cache_expire_group(struct cache_group *group);

/* Whether an entry holds a file of the site open. */
bool cache_holds_files(const struct cache *cache);

/* Removes one entry that holds descriptors. False: no entry does. */
bool cache_shed_file(struct cache *cache);

/* Removes the entries that hold files of the site open and were not used since the last call: not
 * found here, nor used through a memo. */
void cache_release_files(struct cache *cache);

struct cache_usage {
    uint64_t bytes;
    uint32_t entries;
    uint32_t files;      /* descriptors */
    uint64_t file_bytes; /* of the entries that hold descriptors */
    uint32_t refusals;
    uint64_t refusal_bytes;
};

struct cache_usage cache_usage(const struct cache *cache);

/* How many bytes of large bodies can be put without displacing others. A copy that was made all the
 * same would cost more than sending its file, if there are more files than room. */
uint64_t cache_file_room(const struct cache *cache);

#endif
