/* conn_addresses: see conn_addresses.h. */
#include "conn/conn_addresses.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>

enum { NO_ENTRY = 0 };

/* An address with connections is in the list of its bucket; others are in the list of free
 * entries. */
struct entry {
    uint64_t key;
    uint32_t count;
    uint32_t next; /* index + 1; NO_ENTRY: the last one */
};

struct conn_addresses {
    pthread_mutex_t mutex;
    uint64_t secret;
    uint32_t limit;
    uint32_t bucket_mask;
    uint32_t *buckets;   /* the first entry of each: index + 1 */
    struct entry *items; /* the first ones are used first, so that the others take no memory */
    uint32_t item_max;
    uint32_t used_count; /* entries that have been used */
    uint32_t first_free; /* of these: index + 1 */
};

struct conn_addresses *conn_addresses_create(uint32_t connections_max, uint32_t limit)
{
    assert(connections_max > 0 && limit > 0);
    struct conn_addresses *addresses = calloc(1, sizeof *addresses);
    if (!addresses)
        return NULL;
    uint32_t bucket_count = 1;
    while (bucket_count < connections_max)
        bucket_count *= 2;
    *addresses = (struct conn_addresses){
        .secret = hash_secret(addresses),
        .limit = limit,
        .bucket_mask = bucket_count - 1,
        .buckets = calloc(bucket_count, sizeof addresses->buckets[0]),
        .items = calloc(connections_max, sizeof addresses->items[0]),
        .item_max = connections_max,
    };
    pthread_mutex_init(&addresses->mutex, NULL);
    if (addresses->buckets && addresses->items)
        return addresses;
    conn_addresses_destroy(addresses);
    return NULL;
}

void conn_addresses_destroy(struct conn_addresses *addresses)
{
    if (!addresses)
        return;
    pthread_mutex_destroy(&addresses->mutex);
    free(addresses->items);
    free(addresses->buckets);
    free(addresses);
}

void conn_addresses_set_limit(struct conn_addresses *addresses, uint32_t limit)
{
    pthread_mutex_lock(&addresses->mutex);
    addresses->limit = limit > 0 ? limit : UINT32_MAX;
    pthread_mutex_unlock(&addresses->mutex);
}

/* --- Keys ------------------------------------------------------------------------------------- */

/* The LENGTH bytes at BYTES, at most 8, as a number. */
static uint64_t number_of(const uint8_t *bytes, unsigned length)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < length; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* The key of an IPv4 address. No interface has an address in this /64 (0::/16 is reserved). */
static uint64_t key_of_v4(const uint8_t address[static 4])
{
    return (uint64_t)0xffff << 32 | number_of(address, 4);
}

uint64_t conn_addresses_key(const struct endpoint *peer)
{
    static const uint8_t translated[12] = {0x00, 0x64, 0xff, 0x9b};
    const uint8_t *address = peer->address;
    if (!endpoint_is_ip(peer))
        return CONN_ADDRESS_NONE;
    if (peer->version == 4)
        return key_of_v4(address);
    if (memcmp(address, translated, sizeof translated) == 0)
        return key_of_v4(address + sizeof translated);
    bool link_local = address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
    return number_of(link_local ? address + 8 : address, 8);
}

/* --- Counting --------------------------------------------------------------------------------- */

/* Where the index of KEY's entry is, or would be. */
static uint32_t *find(struct conn_addresses *addresses, uint64_t key)
{
    uint64_t hash = hash_bytes(addresses->secret, (struct str){(const char *)&key, sizeof key});
    uint32_t *link = &addresses->buckets[hash & addresses->bucket_mask];
    while (*link != NO_ENTRY && addresses->items[*link - 1].key != key)
        link = &addresses->items[*link - 1].next;
    return link;
}

/* Takes an entry that is not in use. Returns its index + 1, or NO_ENTRY. */
static uint32_t take_entry(struct conn_addresses *addresses)
{
    uint32_t entry = addresses->first_free;
    if (entry != NO_ENTRY)
        addresses->first_free = addresses->items[entry - 1].next;
    else if (addresses->used_count < addresses->item_max)
        entry = ++addresses->used_count;
    return entry;
}

static bool count_one(struct conn_addresses *addresses, uint64_t key)
{
    uint32_t *link = find(addresses, key);
    if (*link == NO_ENTRY) {
        uint32_t entry = take_entry(addresses);
        if (entry == NO_ENTRY)
            return false;
        addresses->items[entry - 1] = (struct entry){.key = key, .next = NO_ENTRY};
        *link = entry;
    }
    struct entry *found = &addresses->items[*link - 1];
    if (found->count >= addresses->limit)
        return false;
    found->count++;
    return true;
}

static void uncount_one(struct conn_addresses *addresses, uint64_t key)
{
    uint32_t *link = find(addresses, key);
    uint32_t entry = *link;
    assert(entry != NO_ENTRY && addresses->items[entry - 1].count > 0);
    struct entry *found = &addresses->items[entry - 1];
    if (--found->count > 0)
        return;
    *link = found->next;
    found->next = addresses->first_free;
    addresses->first_free = entry;
}

bool conn_addresses_take(struct conn_addresses *addresses, uint64_t key)
{
    if (key == CONN_ADDRESS_NONE)
        return true;
    pthread_mutex_lock(&addresses->mutex);
    bool counted = count_one(addresses, key);
    pthread_mutex_unlock(&addresses->mutex);
    return counted;
}

void conn_addresses_give(struct conn_addresses *addresses, uint64_t key)
{
    if (key == CONN_ADDRESS_NONE)
        return;
    pthread_mutex_lock(&addresses->mutex);
    uncount_one(addresses, key);
    pthread_mutex_unlock(&addresses->mutex);
}
