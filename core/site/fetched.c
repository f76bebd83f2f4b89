/* fetched: see fetched.h. */
#include "site/fetched.h"

#include "base/hash.h"

void fetched_refuse(struct fetched *ret, enum http_status status)
{
    *ret = (struct fetched){
        .kind = FETCH_REFUSED,
        .status = status,
        .cacheable = status == HTTP_NOT_FOUND, /* the other statuses may be temporary */
    };
}

void fetched_fini(struct fetched *fetched)
{
    if (fetched->kind == FETCH_FILE) {
        for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++) {
            if (fetched->available & content_coding_bit((enum content_coding)i))
                blob_drop(fetched->files[i].body);
        }
    } else if (fetched->kind == FETCH_LISTING) {
        for (unsigned i = 0; i < FETCH_PAGE_COUNT; i++)
            blob_drop(fetched->pages[i].body);
    }
    fetched_refuse(fetched, HTTP_UNAVAILABLE);
}

bool fetch_state_equal(const struct fetch_state *a, const struct fetch_state *b)
{
    return a->siblings == b->siblings && a->hashed == b->hashed &&
           blob_identity_equal(&a->plain, &b->plain);
}

/* Adds to HASH the content of forms that have just changed: the next change might leave their times
 * as they are. */
static uint64_t hash_fresh(uint64_t hash, const struct fetched *fetched)
{
    for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++) {
        const struct loaded *form = &fetched->files[i];
        bool there = fetched->available & content_coding_bit((enum content_coding)i);
        if (!there || form->settled)
            continue;
        /* Its entity tag may be weak, which it won't be later. */
        hash = hash_bytes(hash, (struct str){(const char *)&i, sizeof i});
        if (form->digested)
            hash = hash_bytes(hash, (struct str){form->digest, DIGEST_TAG_DIGITS});
    }
    return fetched->pending ? hash_bytes(hash, STR("pending")) : hash;
}

uint64_t fetched_hash_identity(uint64_t hash, const struct blob_identity *identity, uint64_t more)
{
    const uint64_t words[] = {
        identity->device,
        identity->inode,
        identity->bytes,
        (uint64_t)identity->modified.tv_sec,
        (uint64_t)identity->modified.tv_nsec,
        (uint64_t)identity->changed.tv_sec,
        (uint64_t)identity->changed.tv_nsec,
        more,
    };
    return hash_bytes(hash, (struct str){(const char *)words, sizeof words});
}

static uint64_t hash_state(uint64_t secret, const struct fetch_state *state)
{
    return fetched_hash_identity(secret, &state->plain, state->siblings);
}

static uint64_t hash_listing(uint64_t hash, const struct fetched *fetched)
{
    for (unsigned i = 0; i < FETCH_PAGE_COUNT; i++)
        hash = hash_bytes(hash, (struct str){fetched->pages[i].digest, DIGEST_TAG_DIGITS});
    return hash;
}

uint64_t fetched_fingerprint(const struct fetched *fetched, uint64_t secret)
{
    switch (fetched->kind) {
    case FETCH_UNCHANGED:
        return hash_state(secret, &fetched->state);
    case FETCH_FILE:
        return hash_fresh(hash_state(secret, &fetched->state), fetched);
    case FETCH_LISTING:
        return hash_listing(secret, fetched);
    case FETCH_DIRECTORY:
        return hash_bytes(secret, STR("directory"));
    case FETCH_REFUSED:
        break;
    }
    return hash_bytes(secret, STR("refused")) + (uint64_t)fetched->status +
           ((uint64_t)(fetched->page_directory + 1) << 16);
}
