/* cache: see cache.h. */
#include "site/cache.h"

#include "base/hash.h"

#include <stdlib.h>

struct cache {
    struct cache_limits limits;
    struct cache_usage usage;
    struct list order;    /* all entries, the oldest first */
    struct list files;    /* the entries that hold files of the site open */
    struct list refusals; /* the entries of this kind, the oldest first */
    struct list *hand;    /* the next candidate; the list itself: start with the oldest */
    uint64_t secret;
    uint32_t bucket_mask;
    struct cache_entry *buckets[];
};

static struct cache_entry *entry_of(struct list *node)
{
    return CONTAINER_OF(node, struct cache_entry, order);
}

static void free_entry(struct cache_entry *entry)
{
    entry->resource->lease->fresh_until_ms = 0;
    resource_drop(entry->resource);
    free(entry);
}

static uint32_t round_up_to_power(uint32_t n)
{
    uint32_t power = 16;
    while (power < n && power < 1u << 20)
        power *= 2;
    return power;
}

struct cache *cache_create(const struct cache_limits *limits, uint64_t secret)
{
    uint32_t buckets = round_up_to_power(limits->entries_max);
    struct cache *cache = calloc(1, sizeof(*cache) + buckets * sizeof(cache->buckets[0]));
    if (!cache)
        return NULL;
    cache->limits = *limits;
    cache->bucket_mask = buckets - 1;
    list_init(&cache->order);
    list_init(&cache->files);
    list_init(&cache->refusals);
    cache->hand = &cache->order;
    cache->secret = secret;
    return cache;
}

void cache_destroy(struct cache *cache)
{
    if (!cache)
        return;
    struct list *node;
    while ((node = list_take_first(&cache->order)))
        free_entry(entry_of(node));
    free(cache);
}

void cache_group_init(struct cache_group *group, uint32_t id)
{
    list_init(&group->entries);
    group->salt = hash_bytes(0, (struct str){(const char *)&id, sizeof id});
}

struct cache_key cache_key_of(const struct cache *cache, struct cache_group *group,
                              const struct path *path)
{
    struct str name = path_view(path);
    return (struct cache_key){
        .group = group,
        .name = name,
        .directory = path->directory,
        .hash = hash_bytes(cache->secret ^ group->salt, name) ^ path->directory,
    };
}

static struct cache_entry **bucket_of(struct cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & cache->bucket_mask];
}

struct cache_entry *cache_find(struct cache *cache, const struct cache_key *key)
{
    struct cache_entry *entry = *bucket_of(cache, key->hash);
    for (; entry; entry = entry->same_hash) {
        struct str name = {entry->name, entry->name_bytes};
        if (entry->hash == key->hash && entry->group == key->group &&
            entry->directory == key->directory && str_equal(name, key->name)) {
            entry->hit = entry->used = true;
            return entry;
        }
    }
    return NULL;
}

static void unlink_from_bucket(struct cache *cache, struct cache_entry *entry)
{
    struct cache_entry **link = bucket_of(cache, entry->hash);
    while (*link != entry)
        link = &(*link)->same_hash;
    *link = entry->same_hash;
}

static bool is_refusal(const struct resource *resource)
{
    return resource->kind == RESOURCE_REFUSAL;
}

/* Adds ENTRY to what is counted in USAGE. */
static void usage_add(struct cache_usage *usage, const struct cache_entry *entry)
{
    unsigned descriptors = resource_descriptors(entry->resource);
    usage->bytes += entry->bytes;
    usage->entries++;
    usage->files += descriptors;
    if (descriptors > 0)
        usage->file_bytes += entry->bytes;
    if (is_refusal(entry->resource)) {
        usage->refusals++;
        usage->refusal_bytes += entry->bytes;
    }
}

/* Takes ENTRY from what is counted in USAGE. */
static void usage_subtract(struct cache_usage *usage, const struct cache_entry *entry)
{
    unsigned descriptors = resource_descriptors(entry->resource);
    usage->bytes -= entry->bytes;
    usage->entries--;
    usage->files -= descriptors;
    if (descriptors > 0)
        usage->file_bytes -= entry->bytes;
    if (is_refusal(entry->resource)) {
        usage->refusals--;
        usage->refusal_bytes -= entry->bytes;
    }
}

/* Publishes how much the cache holds. */
static void publish_usage(const struct cache *cache)
{
    struct counters *counters = cache->limits.counters;
    if (!counters)
        return;
    counters_set(counters, COUNTER_CACHE_BYTES, cache->usage.bytes);
    counters_set(counters, COUNTER_CACHE_ENTRIES, cache->usage.entries);
}

void cache_remove(struct cache *cache, struct cache_entry *entry)
{
    unlink_from_bucket(cache, entry);
    if (cache->hand == &entry->order)
        cache->hand = entry->order.next;
    list_unlink(&entry->order);
    list_unlink(&entry->in_group);
    list_remove(&entry->in_kind);
    usage_subtract(&cache->usage, entry);
    publish_usage(cache);
    free_entry(entry);
}

/* Removes ENTRY to make room. */
static void evict(struct cache *cache, struct cache_entry *entry)
{
    if (cache->limits.counters)
        counters_add(cache->limits.counters, COUNTER_CACHE_EVICTIONS, 1);
    cache_remove(cache, entry);
}

void cache_remove_group(struct cache *cache, struct cache_group *group)
{
    while (!list_is_empty(&group->entries))
        cache_remove(cache, CONTAINER_OF(group->entries.next, struct cache_entry, in_group));
}

void cache_expire_group(struct cache_group *group)
{
    struct list *node = group->entries.next;
    for (; node != &group->entries; node = node->next)
        CONTAINER_OF(node, struct cache_entry, in_group)->resource->lease->fresh_until_ms = 0;
}

/* The entry that the hand stops at; the cache is not empty. With FILES_ONLY, one that holds a
 * descriptor; there must be one. Each step clears a mark, so it ends in the second lap. */
static struct cache_entry *choose_victim(struct cache *cache, bool files_only)
{
    for (;;) {
        struct list *node = cache->hand == &cache->order ? cache->order.next : cache->hand;
        struct cache_entry *entry = entry_of(node);
        cache->hand = node->next;
        if (files_only && resource_descriptors(entry->resource) == 0)
            continue;
        struct lease *lease = entry->resource->lease;
        if (!entry->hit && !(lease->marks & LEASE_HIT))
            return entry;
        entry->hit = false;
        lease->marks &= (uint8_t)~LEASE_HIT;
    }
}

bool cache_holds_files(const struct cache *cache)
{
    return !list_is_empty(&cache->files);
}

bool cache_shed_file(struct cache *cache)
{
    if (cache->usage.files == 0)
        return false;
    evict(cache, choose_victim(cache, true));
    return true;
}

void cache_release_files(struct cache *cache)
{
    struct list *next;
    for (struct list *node = cache->files.next; node != &cache->files; node = next) {
        struct cache_entry *entry = CONTAINER_OF(node, struct cache_entry, in_kind);
        struct lease *lease = entry->resource->lease;
        next = node->next;
        if (!entry->used && !(lease->marks & LEASE_RECENT)) {
            cache_remove(cache, entry);
            continue;
        }
        entry->used = false;
        lease->marks &= (uint8_t)~LEASE_RECENT;
    }
}

/* How many bytes the entries that hold descriptors may take: a few large copies must not displace
 * many small files. */
static uint64_t file_bytes_max(const struct cache *cache)
{
    return cache->limits.bytes_max / 2;
}

uint64_t cache_file_room(const struct cache *cache)
{
    const uint64_t most = file_bytes_max(cache), used = cache->usage.file_bytes;
    return used < most ? most - used : 0;
}

/* Makes room for a refusal of BYTES among the refusals. */
static void make_room_for_refusal(struct cache *cache, uint64_t bytes)
{
    const struct cache_limits *limits = &cache->limits;
    const struct cache_usage *usage = &cache->usage;
    while (usage->refusals >= CACHE_REFUSALS_MIN &&
           (usage->refusals >= limits->entries_max / CACHE_REFUSALS_SHARE ||
            usage->refusal_bytes + bytes > limits->bytes_max / CACHE_REFUSALS_SHARE))
        evict(cache, CONTAINER_OF(cache->refusals.next, struct cache_entry, in_kind));
}

/* Makes room for an entry of BYTES that holds DESCRIPTORS. */
static void make_room(struct cache *cache, uint64_t bytes, unsigned descriptors)
{
    const struct cache_limits *limits = &cache->limits;
    while (descriptors > 0 && (cache->usage.files + descriptors > limits->files_max ||
                               cache->usage.file_bytes + bytes > file_bytes_max(cache)))
        cache_shed_file(cache);
    while (cache->usage.entries > 0 && (cache->usage.entries >= limits->entries_max ||
                                        cache->usage.bytes + bytes > limits->bytes_max))
        evict(cache, choose_victim(cache, false));
}

void cache_limit(struct cache *cache, uint64_t bytes_max, uint32_t entries_max)
{
    const struct cache_usage *usage = &cache->usage;
    cache->limits.bytes_max = bytes_max;
    cache->limits.entries_max = entries_max;
    while (usage->file_bytes > file_bytes_max(cache))
        cache_shed_file(cache);
    while (usage->entries > entries_max || usage->bytes > bytes_max)
        evict(cache, choose_victim(cache, false));
}

static void link_newest(struct cache *cache, struct cache_entry *entry)
{
    struct cache_entry **bucket = bucket_of(cache, entry->hash);
    entry->same_hash = *bucket;
    *bucket = entry;
    list_append(&cache->order, &entry->order);
    list_append(&entry->group->entries, &entry->in_group);
    usage_add(&cache->usage, entry);
    if (resource_holds_file(entry->resource))
        list_append(&cache->files, &entry->in_kind);
    else if (is_refusal(entry->resource))
        list_append(&cache->refusals, &entry->in_kind);
    publish_usage(cache);
}

struct cache_entry *cache_put(struct cache *cache, const struct cache_key *key,
                              struct resource *resource)
{
    struct cache_entry *before = cache_find(cache, key);
    if (before)
        cache_remove(cache, before);
    uint64_t bytes = sizeof(struct cache_entry) + key->name.length + resource_bytes(resource);
    unsigned descriptors = resource_descriptors(resource);
    if (bytes > cache->limits.bytes_max || cache->limits.entries_max == 0 ||
        descriptors > cache->limits.files_max || (descriptors > 0 && bytes > file_bytes_max(cache)))
        return NULL;
    struct cache_entry *entry = malloc(sizeof(*entry) + key->name.length);
    if (!entry)
        return NULL;
    if (is_refusal(resource))
        make_room_for_refusal(cache, bytes);
    make_room(cache, bytes, descriptors);
    *entry = (struct cache_entry){
        .group = key->group,
        .resource = resource_pin(resource),
        .hash = key->hash,
        .bytes = (uint32_t)bytes,
        .name_bytes = (uint16_t)key->name.length,
        .directory = key->directory,
        .used = true,
    };
    str_put(entry->name, key->name);
    link_newest(cache, entry);
    return entry;
}

struct cache_usage cache_usage(const struct cache *cache)
{
    return cache->usage;
}
