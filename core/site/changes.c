/* changes: see changes.h. */
#include "site/changes.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    LINE_BYTES = 64,
    BUCKET_WORDS = 5,
    BUCKET_PATHS = 2, /* that a bucket is planned for: few have to take the place of another */
    BUCKETS_MIN = 1 << 6,
    BUCKETS_MAX = 1 << 17, /* 8 MiB, of which those pages are used that have paths */
    LOCKS = 64,
    SITE_TAG = 1,
};

/* A word is the upper half of the path's hash and a fingerprint that is never 0; with 0 in its
 * place it does not match any lease. A word of 0 is empty. VERSION counts what changes a word,
 * CONFIRMED for each word how often its state was published again. */
struct changes_bucket {
    _Atomic uint32_t version;
    _Atomic uint32_t confirmed[BUCKET_WORDS];
    _Atomic uint64_t words[BUCKET_WORDS];
};
static_assert(sizeof(struct changes_bucket) == LINE_BYTES, "a bucket is one cache line");

struct changes_site {
    struct changes_bucket bucket; /* its first word is the site's */
};

struct changes {
    uint64_t secret;
    uint32_t bucket_mask;
    void *memory; /* that the buckets are in */
    struct changes_bucket *buckets;
    _Atomic uint64_t epoch;
    pthread_mutex_t locks[LOCKS];
};

static const _Atomic uint64_t unchanged; /* for what is not shared */

struct changes *changes_create(uint32_t paths_max)
{
    uint32_t buckets = BUCKETS_MIN;
    while (buckets < BUCKETS_MAX && buckets < paths_max / BUCKET_PATHS)
        buckets *= 2;
    struct changes *changes = calloc(1, sizeof *changes);
    void *memory = calloc((size_t)buckets + 1, LINE_BYTES);
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

struct changes_site *changes_site_create(void)
{
    struct changes_site *site = aligned_alloc(LINE_BYTES, sizeof *site);
    if (site)
        *site = (struct changes_site){0};
    return site;
}

void changes_site_destroy(struct changes_site *site)
{
    free(site);
}

uint64_t changes_secret(const struct changes *changes)
{
    return changes->secret;
}

/* --- Tickets ---------------------------------------------------------------------------------- */

static uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

/* The acquire keeps the examination that follows after the load. */
static uint32_t count_of(const _Atomic uint32_t *count)
{
    return atomic_load_explicit(count, memory_order_acquire);
}

/* The index of TAG's word in BUCKET; BUCKET_WORDS: it has none. */
static unsigned index_of(const struct changes_bucket *bucket, uint64_t tag)
{
    unsigned i = 0;
    while (i < BUCKET_WORDS &&
           (load(&bucket->words[i]) == 0 || load(&bucket->words[i]) >> 32 != tag))
        i++;
    return i;
}

/* TAG is not 0. */
static struct changes_ticket begin(struct changes *changes, struct changes_bucket *bucket,
                                   uint64_t tag)
{
    struct changes_ticket ticket = {changes, bucket, .version = count_of(&bucket->version)};
    ticket.word = index_of(bucket, tag);
    if (ticket.word < BUCKET_WORDS)
        ticket.confirmed = count_of(&bucket->confirmed[ticket.word]);
    return ticket;
}

static uint64_t tag_of(uint64_t hash)
{
    return hash >> 32 | 1;
}

struct changes_ticket changes_begin(struct changes *changes, uint64_t hash)
{
    return changes ? begin(changes, &changes->buckets[hash & changes->bucket_mask], tag_of(hash))
                   : (struct changes_ticket){.changes = NULL};
}

struct changes_ticket changes_begin_site(struct changes *changes, struct changes_site *site)
{
    return changes ? begin(changes, &site->bucket, SITE_TAG)
                   : (struct changes_ticket){.changes = NULL};
}

/* As long as the version is the same, each word is in its place. */
bool changes_is_current(const struct changes_ticket *ticket)
{
    const struct changes_bucket *bucket = ticket->bucket;
    if (!ticket->changes)
        return true;
    return count_of(&bucket->version) == ticket->version &&
           (ticket->word == BUCKET_WORDS ||
            count_of(&bucket->confirmed[ticket->word]) == ticket->confirmed);
}

/* --- Publishing ------------------------------------------------------------------------------- */

static void store(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
}

static pthread_mutex_t *lock_of(struct changes *changes, const struct changes_bucket *bucket)
{
    return &changes->locks[(uintptr_t)bucket / LINE_BYTES % LOCKS];
}

static void count(_Atomic uint32_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_release);
}

/* A place for another word: an empty one, else one that the version chooses. */
static unsigned place_in(const struct changes_bucket *bucket)
{
    for (unsigned i = 0; i < BUCKET_WORDS; i++) {
        if (load(&bucket->words[i]) == 0)
            return i;
    }
    return count_of(&bucket->version) % BUCKET_WORDS;
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
    unsigned i = index_of(bucket, tag);
    bool has_word = i < BUCKET_WORDS;
    enum outcome outcome = changes_is_current(ticket) ? NEWS : OUTDATED;
    if (has_word && load(&bucket->words[i]) == value)
        outcome = KNOWN;
    if (outcome == NEWS && !has_word)
        i = place_in(bucket);
    if (outcome == NEWS)
        store(&bucket->words[i], value);
    if (outcome == OUTDATED && has_word)
        store(&bucket->words[i], tag << 32);
    count(outcome == KNOWN ? &bucket->confirmed[i] : &bucket->version);
    *ret_word = outcome == OUTDATED ? NULL : &bucket->words[i];
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
    return publish(ticket, tag_of(hash), fingerprint, ret) != OUTDATED;
}

bool changes_publish_site(const struct changes_ticket *ticket, uint64_t fingerprint,
                          struct changes_mark *ret)
{
    enum outcome outcome = publish(ticket, SITE_TAG, fingerprint, ret);
    if (outcome != KNOWN)
        atomic_fetch_add_explicit(&ticket->changes->epoch, 1, memory_order_acq_rel);
    return outcome != OUTDATED;
}

uint64_t changes_site_word(const struct changes *changes, const struct changes_site *site)
{
    return changes ? atomic_load_explicit(&site->bucket.words[0], memory_order_acquire) : 0;
}

const _Atomic uint64_t *changes_epoch(const struct changes *changes)
{
    return changes ? &changes->epoch : &unchanged;
}
