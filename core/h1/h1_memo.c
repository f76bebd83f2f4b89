/* h1_memo: see h1_memo.h.
 *
 * A table of sets, each one cache line long: a head may be in any slot of the set that its hash
 * selects. A slot with a hash and without a memo records that such a head has come once. */
#include "h1/h1_memo.h"

#include "base/hash.h"
#include "base/scan.h"

#include <stdlib.h>

enum {
    LINE_BYTES = 64,
    SET_SLOTS = 4,
    SET_COUNT = 2048,
    SLOT_COUNT = SET_COUNT * SET_SLOTS,
    UNUSED_SECONDS = 2,  /* an unused memo may be replaced after this time */
    DETACHED_CHECKS = 4, /* detached memos to check for each new one */
    CLEARED_MAX = 16,    /* slots to clear to make room for one */
};

struct h1_memo_slot {
    uint64_t hash; /* 0 and no memo: empty */
    struct h1_memo *memo;
};
static_assert(SET_SLOTS * sizeof(struct h1_memo_slot) == LINE_BYTES, "a set is one cache line");

static_assert(offsetof(struct blob, bytes) % _Alignof(struct h1_memo) == 0, "a memo begins a blob");

/* --- One memo --------------------------------------------------------------------------------- */

struct h1_memo *h1_memo_create(struct str head, size_t answer_bytes_max,
                               const struct outq_part *body, struct resource *resource,
                               struct h1_memo_end end, const struct date_now *now)
{
    struct blob *blob = blob_create_bytes(sizeof(struct h1_memo) + head.length + answer_bytes_max);
    if (!blob)
        return NULL;
    struct h1_memo *memo = (struct h1_memo *)(void *)blob->bytes;
    *memo = (struct h1_memo){
        .parts = {{.blob = blob, .first = offsetof(struct h1_memo, text) + head.length}},
        .part_count = 1,
        .head_bytes = (uint32_t)head.length,
        .end = end,
        .second = now->seconds,
        .lease = resource_lease(resource),
    };
    str_put(memo->text, head);
    if (body)
        memo->parts[memo->part_count++] = *body;
    return memo;
}

/* Frees MEMO, of which nothing is queued. */
static void destroy(struct h1_memo *memo)
{
    assert(memo->parts[0].blob->references == 1);
    list_remove(&memo->detached);
    lease_drop(memo->lease);
    access_text_drop(memo->log);
    blob_drop(memo->parts[0].blob);
}

static uint64_t bytes_of(const struct h1_memo *memo)
{
    const size_t log = memo->log ? sizeof *memo->log + memo->log->length : 0;
    return sizeof(struct blob) + memo->parts[0].blob->length + log;
}

/* Whether INPUT, from the origin of KEY, begins with the head of MEMO. No head is the beginning of
 * another. */
static bool is_for(const struct h1_memo *memo, const struct h1_memo_key *key, struct str input)
{
    return memo->origin == key->origin && input.length >= memo->head_bytes &&
           memcmp(input.at, memo->text, memo->head_bytes) == 0;
}

/* Updates Date to NOW. False: the response depends on the time, or the old Date is still queued. */
static bool renew_date(struct h1_memo *memo, const struct date_now *now)
{
    struct blob *text = memo->parts[0].blob;
    if (memo->second == now->seconds)
        return true;
    if (memo->date_at == 0 || text->references > 1)
        return false;
    memcpy(text->bytes + memo->date_at, now->text, DATE_BYTES);
    memo->second = now->seconds;
    return true;
}

/* Whether MEMO is the response to give now; updates its Date. */
static bool is_good(struct h1_memo *memo, const struct date_now *now)
{
    if (!lease_is_fresh(memo->lease, now->ms) || !renew_date(memo, now))
        return false;
    memo->lease->marks = LEASE_MARKS;
    struct blob *body = memo->parts[1].blob; /* the resource's body */
    return memo->part_count == 1 || body->fd < 0 || blob_file_unchanged(body, now->turn);
}

/* --- All memos -------------------------------------------------------------------------------- */

void h1_memos_init(struct h1_memos *memos, uint64_t bytes_max)
{
    *memos = (struct h1_memos){.bytes_max = bytes_max};
    list_init(&memos->detached);
    if (bytes_max == 0)
        return;
    memos->memory = calloc(1, SLOT_COUNT * sizeof(struct h1_memo_slot) + LINE_BYTES);
    if (!memos->memory)
        return;
    uintptr_t first = ((uintptr_t)memos->memory + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    memos->slots = (struct h1_memo_slot *)first;
    memos->secret = hash_secret(memos->memory);
}

/* Frees MEMO, which has no slot; detaches it if some of it is still queued. */
static void release(struct h1_memos *memos, struct h1_memo *memo)
{
    if (memo->parts[0].blob->references > 1) {
        list_append(&memos->detached, &memo->detached);
        return;
    }
    memos->bytes -= bytes_of(memo);
    destroy(memo);
}

/* Frees those of at most COUNT detached memos that are no longer queued. */
static void free_detached(struct h1_memos *memos, unsigned count)
{
    struct list *node;
    while (count-- > 0 && (node = list_take_first(&memos->detached)))
        release(memos, CONTAINER_OF(node, struct h1_memo, detached));
}

/* Empties SLOT. */
static void clear_slot(struct h1_memos *memos, struct h1_memo_slot *slot)
{
    struct h1_memo *memo = slot->memo;
    *slot = (struct h1_memo_slot){0};
    if (!memo)
        return;
    if (memos->latest == memo)
        memos->latest = NULL;
    release(memos, memo);
}

void h1_memos_clear(struct h1_memos *memos)
{
    for (unsigned i = 0; memos->slots && i < SLOT_COUNT; i++)
        clear_slot(memos, &memos->slots[i]);
}

void h1_memos_fini(struct h1_memos *memos)
{
    h1_memos_clear(memos);
    struct list *node;
    while ((node = list_take_first(&memos->detached)))
        destroy(CONTAINER_OF(node, struct h1_memo, detached));
    free(memos->memory);
}

static struct h1_memo_slot *set_of(const struct h1_memos *memos, uint64_t hash)
{
    return &memos->slots[hash / 2 % SET_COUNT * SET_SLOTS]; /* its lowest bit is always set */
}

/* The slot for HASH. NULL: none. */
static struct h1_memo_slot *find_slot(const struct h1_memos *memos, uint64_t hash)
{
    struct h1_memo_slot *set = set_of(memos, hash);
    for (unsigned i = 0; i < SET_SLOTS; i++) {
        if (set[i].hash == hash)
            return &set[i];
    }
    return NULL;
}

struct h1_memo *h1_memos_find(struct h1_memos *memos, struct str input, const struct date_now *now,
                              struct h1_memo_key *key)
{
    key->head_bytes = 0;
    if (!memos->slots)
        return NULL;
    struct h1_memo *memo = memos->latest;
    if (memo && is_for(memo, key, input)) {
        key->hash = memo->hash;
        key->head_bytes = memo->head_bytes;
        return is_good(memo, now) ? memo : NULL;
    }
    key->head_bytes = scan_head(str_first(input, H1_MEMO_HEAD_BYTES_MAX));
    if (key->head_bytes == 0)
        return NULL;
    uint64_t seed = memos->secret + key->origin;
    key->hash = hash_bytes(seed, str_first(input, key->head_bytes)) | 1; /* 0: an empty slot */
    const struct h1_memo_slot *slot = find_slot(memos, key->hash);
    memo = slot ? slot->memo : NULL;
    if (!memo || !is_for(memo, key, input) || !is_good(memo, now))
        return NULL;
    memos->latest = memo;
    return memo;
}

/* Whether the slot of MEMO may be reused. */
static bool is_over(const struct h1_memo *memo, const struct date_now *now)
{
    uint64_t unused_seconds = (uint64_t)(now->seconds - memo->second);
    return !lease_is_fresh(memo->lease, now->ms) || unused_seconds >= UNUSED_SECONDS;
}

/* The slot of SET for a new head: an empty one, else the first from FIRST on without a memo or with
 * one whose slot may be reused. NULL: the memos of all slots are in use. */
static struct h1_memo_slot *slot_to_take(struct h1_memo_slot *set, unsigned first,
                                         const struct date_now *now)
{
    struct h1_memo_slot *taken = NULL;
    for (unsigned i = 0; i < SET_SLOTS; i++) {
        struct h1_memo_slot *slot = &set[(first + i) % SET_SLOTS];
        if (slot->hash == 0)
            return slot;
        if (!taken && (!slot->memo || is_over(slot->memo, now)))
            taken = slot;
    }
    return taken;
}

bool h1_memos_wants(struct h1_memos *memos, const struct h1_memo_key *key,
                    const struct date_now *now)
{
    if (key->head_bytes == 0)
        return false;
    struct h1_memo_slot *slot = find_slot(memos, key->hash);
    if (slot)
        return !slot->memo || !is_good(slot->memo, now);
    slot = slot_to_take(set_of(memos, key->hash), (unsigned)(key->hash >> 32), now);
    if (slot) {
        clear_slot(memos, slot);
        slot->hash = key->hash;
    }
    return false;
}

/* Removes memos until BYTES more fit, at most CLEARED_MAX. Returns whether they fit. */
static bool make_room(struct h1_memos *memos, uint64_t bytes)
{
    unsigned cleared = 0;
    free_detached(memos, DETACHED_CHECKS);
    for (unsigned i = 0; i < SLOT_COUNT && memos->bytes + bytes > memos->bytes_max; i++) {
        struct h1_memo_slot *slot = &memos->slots[memos->hand];
        if (slot->memo && cleared++ == CLEARED_MAX)
            break;
        if (slot->memo)
            clear_slot(memos, slot);
        memos->hand = (memos->hand + 1) % SLOT_COUNT;
    }
    return memos->bytes + bytes <= memos->bytes_max;
}

struct h1_memo *h1_memos_put(struct h1_memos *memos, const struct h1_memo_key *key,
                             struct h1_memo *memo)
{
    struct h1_memo_slot *slot = find_slot(memos, key->hash);
    uint64_t bytes = bytes_of(memo);
    if (slot)
        clear_slot(memos, slot);
    if (!slot || bytes > memos->bytes_max || !make_room(memos, bytes)) {
        destroy(memo);
        return NULL;
    }
    memo->hash = key->hash;
    memo->origin = key->origin;
    *slot = (struct h1_memo_slot){key->hash, memo};
    memos->bytes += bytes;
    memos->latest = memo;
    return memo;
}
