/* changes: see changes.h. */
#include "site/changes.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    LINE_BYTES = 64,
    BUCKET_WORDS = 7,
    BUCKET_PATHS = 4, /* that a bucket is planned for: few have to take the place of another */
    BUCKETS_MIN = 1 << 6,
    BUCKETS_MAX = 1 << 17, /* 8 MiB, of which those pages are used that have paths */
    LOCKS = 64,
};

/* A word is the upper half of the path's hash and a fingerprint that is never 0; with 0 in its
 * place it does not match any lease. A word of 0 is empty. */
struct changes_bucket {
    _Atomic uint64_t version;
    _Atomic uint64_t words[BUCKET_WORDS];
};
static_assert(sizeof(struct changes_bucket) == LINE_BYTES, "a bucket is one cache line");

struct changes {
    uint64_t secret;
    uint32_t bucket_mask;
    void *memory; /* that the buckets are in */
    struct changes_bucket *buckets;
    struct changes_bucket *sites; /* the word of each is the first */
    _Atomic uint64_t epoch;
    pthread_mutex_t locks[LOCKS];
};

static const _Atomic uint64_t unchanged; /* for what is not shared */

struct changes *changes_create(uint32_t paths_max, uint32_t site_count)
{
    uint32_t buckets = BUCKETS_MIN;
    while (buckets < BUCKETS_MAX && buckets < paths_max / BUCKET_PATHS)
        buckets *= 2;
    struct changes *changes = calloc(1, sizeof *changes);
    void *memory = calloc((size_t)buckets + site_count + 1, LINE_BYTES);
    if (!changes || !memory) {
        free(changes);
        free(memory);
        return NULL;
    }
    uintptr_t first = ((uintptr_t)memory + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    changes->secret = hash_secret(memory);
    changes->bucket_mask = buckets - 1;
    changes->memory = memory;
    changes->buckets = (struct changes_bucket *)first;
    changes->sites = changes->buckets + buckets;
    for (unsigned i = 0; i < LOCKS; i++)
        pthread_mutex_init(&changes->locks[i], NULL);
    return changes;
}

void changes_destroy(struct changes *changes)
{
    if (!changes)
        return;
    for (unsigned i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&changes->locks[i]);
    free(changes->memory);
    free(changes);
}

uint64_t changes_secret(const struct changes *changes)
{
    return changes->secret;
}

/* --- Tickets ---------------------------------------------------------------------------------- */

/* The acquire keeps the examination that follows after the load. */
static uint64_t version_of(const struct changes_bucket *bucket)
{
    return atomic_load_explicit(&bucket->version, memory_order_acquire);
}

static struct changes_ticket begin(struct changes *changes, struct changes_bucket *bucket)
{
    return (struct changes_ticket){changes, bucket, version_of(bucket)};
}

struct changes_ticket changes_begin(struct changes *changes, uint64_t hash)
{
    return changes ? begin(changes, &changes->buckets[hash & changes->bucket_mask])
                   : (struct changes_ticket){.changes = NULL};
}

struct changes_ticket changes_begin_site(struct changes *changes, uint32_t site)
{
    return changes ? begin(changes, &changes->sites[site])
                   : (struct changes_ticket){.changes = NULL};
}

bool changes_is_current(const struct changes_ticket *ticket)
{
    return !ticket->changes || version_of(ticket->bucket) == ticket->version;
}

/* --- Publishing ------------------------------------------------------------------------------- */

static uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void store(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
}

static pthread_mutex_t *lock_of(struct changes *changes, const struct changes_bucket *bucket)
{
    return &changes->locks[(size_t)(bucket - changes->buckets) % LOCKS];
}

/* The word of TAG in BUCKET. NULL: not found. */
static _Atomic uint64_t *find(struct changes_bucket *bucket, uint64_t tag)
{
    for (unsigned i = 0; i < BUCKET_WORDS; i++) {
        uint64_t word = load(&bucket->words[i]);
        if (word != 0 && word >> 32 == tag)
            return &bucket->words[i];
    }
    return NULL;
}

/* A place for another word: an empty one, else one that VERSION chooses. */
static _Atomic uint64_t *place_in(struct changes_bucket *bucket, uint64_t version)
{
    for (unsigned i = 0; i < BUCKET_WORDS; i++) {
        if (load(&bucket->words[i]) == 0)
            return &bucket->words[i];
    }
    return &bucket->words[version % BUCKET_WORDS];
}

enum outcome {
    KNOWN,   /* the state is the one that was published last */
    NEWS,    /* it is now */
    OUTDATED /* it may be older than that, whose leases are over now */
};

/* changes_publish for the word of TAG, under the lock. *RET_WORD: where it is; not if OUTDATED. */
static enum outcome publish_locked(const struct changes_ticket *ticket, uint64_t tag,
                                   uint64_t value, const _Atomic uint64_t **ret_word)
{
    struct changes_bucket *bucket = ticket->bucket;
    uint64_t version = load(&bucket->version);
    _Atomic uint64_t *word = find(bucket, tag);
    enum outcome outcome = NEWS;
    if (word && load(word) == value)
        outcome = KNOWN;
    else if (version != ticket->version)
        outcome = OUTDATED;
    if (outcome == OUTDATED && word)
        store(word, tag << 32);
    if (outcome == NEWS) {
        word = word ? word : place_in(bucket, version);
        store(word, value);
    }
    store(&bucket->version, version + 1);
    *ret_word = word;
    return outcome;
}

/* TAG is not 0. */
static enum outcome publish(const struct changes_ticket *ticket, uint64_t tag, uint64_t fingerprint,
                            struct changes_mark *ret)
{
    if (!ticket->changes) {
        *ret = (struct changes_mark){&unchanged, 0};
        return KNOWN;
    }
    pthread_mutex_t *lock = lock_of(ticket->changes, ticket->bucket);
    uint64_t value = tag << 32 | (uint32_t)fingerprint | 1;
    const _Atomic uint64_t *word;
    pthread_mutex_lock(lock);
    enum outcome outcome = publish_locked(ticket, tag, value, &word);
    pthread_mutex_unlock(lock);
    if (outcome != OUTDATED)
        *ret = (struct changes_mark){word, value};
    return outcome;
}

bool changes_publish(const struct changes_ticket *ticket, uint64_t hash, uint64_t fingerprint,
                     struct changes_mark *ret)
{
    return publish(ticket, hash >> 32 | 1, fingerprint, ret) != OUTDATED;
}

bool changes_publish_site(const struct changes_ticket *ticket, uint64_t fingerprint,
                          struct changes_mark *ret)
{
    enum outcome outcome = publish(ticket, 1, fingerprint, ret);
    if (outcome != KNOWN)
        atomic_fetch_add_explicit(&ticket->changes->epoch, 1, memory_order_acq_rel);
    return outcome != OUTDATED;
}

uint64_t changes_site_word(const struct changes *changes, uint32_t site)
{
    return changes ? atomic_load_explicit(&changes->sites[site].words[0], memory_order_acquire) : 0;
}

const _Atomic uint64_t *changes_epoch(const struct changes *changes)
{
    return changes ? &changes->epoch : &unchanged;
}
