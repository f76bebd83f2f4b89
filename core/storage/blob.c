/* blob: see blob.h. */
#include "storage/blob.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GROWTH_TRIES = 16 }; /* some microseconds, which an append takes that is not held up */

struct blob *blob_create_bytes(size_t length)
{
    if (length > SIZE_MAX - sizeof(struct blob))
        return NULL;
    struct blob *blob = malloc(sizeof *blob + length);
    if (blob)
        *blob = (struct blob){.references = 1, .fd = -1, .length = length};
    return blob;
}

struct blob *blob_create_file(int fd, const struct blob_identity *identity)
{
    struct blob *blob = malloc(sizeof *blob);
    if (blob) {
        *blob = (struct blob){.references = 1,
                              .fd = fd,
                              .length = identity->bytes,
                              .identity = *identity,
                              .seen_turn = 0};
    }
    return blob;
}

bool blob_account_take(struct blob_account *account, uint64_t bytes)
{
    uint64_t before = atomic_fetch_add_explicit(&account->bytes, bytes, memory_order_relaxed);
    if (before + bytes <= account->bytes_max)
        return true;
    blob_account_return(account, bytes);
    return false;
}

void blob_account_return(struct blob_account *account, uint64_t bytes)
{
    atomic_fetch_sub_explicit(&account->bytes, bytes, memory_order_relaxed);
}

struct blob *blob_create_copy(int fd, size_t length, struct blob_account *account)
{
    struct blob *blob = malloc(sizeof *blob);
    if (blob)
        *blob = (struct blob){.references = 1, .fd = fd, .account = account, .length = length};
    return blob;
}

/* Reserves a mapping of ACCOUNT. False: there are too many. */
static bool take_mapping(struct blob_account *account)
{
    if (atomic_fetch_add_explicit(&account->mappings, 1, memory_order_relaxed) < BLOB_MAPPINGS_MAX)
        return true;
    atomic_fetch_sub_explicit(&account->mappings, 1, memory_order_relaxed);
    return false;
}

static void return_mapping(struct blob_account *account)
{
    atomic_fetch_sub_explicit(&account->mappings, 1, memory_order_relaxed);
}

/* The pages are there already: one call maps them all, and none is missed later. */
static const char *map(struct blob *blob)
{
    if (!blob_is_copy(blob) || blob->length == 0 || !take_mapping(blob->account))
        return NULL;
    void *at = mmap(NULL, blob->length, PROT_READ, MAP_SHARED | MAP_POPULATE, blob->fd, 0);
    if (at != MAP_FAILED)
        return blob->mapped = at;
    return_mapping(blob->account);
    return NULL;
}

const char *blob_map(struct blob *blob)
{
    return blob->mapped ? blob->mapped : map(blob);
}

/* Not part of blob_drop, which is small enough to be inlined then. */
__attribute__((cold, noinline)) static void destroy(struct blob *blob)
{
    if (blob->mapped) {
        munmap((void *)(uintptr_t)blob->mapped, blob->length);
        return_mapping(blob->account);
    }
    if (blob->fd >= 0)
        close(blob->fd); /* Linux frees the descriptor even if close fails */
    if (blob->account)
        blob_account_return(blob->account, blob->length);
    free(blob);
}

void blob_drop(struct blob *blob)
{
    if (!blob)
        return;
    assert(blob->references > 0);
    if (--blob->references == 0)
        destroy(blob);
}

void blob_identify(const struct stat *status, struct blob_identity *ret)
{
    *ret = (struct blob_identity){
        .device = status->st_dev,
        .inode = status->st_ino,
        .bytes = (uint64_t)status->st_size,
        .modified = status->st_mtim,
        .changed = status->st_ctim,
    };
}

static bool timespec_equal(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool blob_identity_equal(const struct blob_identity *a, const struct blob_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           timespec_equal(a->modified, b->modified) && timespec_equal(a->changed, b->changed);
}

enum blob_change blob_identity_change(const struct blob_identity *then,
                                      const struct blob_identity *now)
{
    if (now->bytes > then->bytes)
        return BLOB_GROWN;
    if (now->bytes < then->bytes)
        return BLOB_REWRITTEN;
    return timespec_equal(now->modified, then->modified) ? BLOB_UNCHANGED : BLOB_UNDECIDED;
}

/* Compares BLOB's file with its identity, once. *RET_NOW is set unless that fails. */
static enum blob_change compare(const struct blob *blob, struct blob_identity *ret_now)
{
    struct stat status;
    if (fstat(blob->fd, &status) < 0)
        return BLOB_REWRITTEN;
    blob_identify(&status, ret_now);
    return blob_identity_change(&blob->identity, ret_now);
}

/* Decides about a file that is undecided with the mtime MODIFIED. */
static enum blob_change decide(struct blob *blob, const struct timespec *modified, uint64_t now_ms,
                               uint64_t patience_ms)
{
    if (blob->doubt_ms == 0) {
        blob->doubt_ms = now_ms;
        blob->doubt = *modified;
    }
    const bool over = now_ms - blob->doubt_ms >= patience_ms;
    return over || !timespec_equal(blob->doubt, *modified) ? BLOB_REWRITTEN : BLOB_UNDECIDED;
}

enum blob_change blob_check_file(struct blob *blob, uint64_t now_ms, uint64_t patience_ms)
{
    if (blob_is_copy(blob))
        return BLOB_UNCHANGED;
    struct blob_identity now;
    enum blob_change change = compare(blob, &now);
    for (unsigned i = 1; change == BLOB_UNDECIDED && blob->doubt_ms == 0 && i < GROWTH_TRIES; i++)
        change = compare(blob, &now);
    return change == BLOB_UNDECIDED ? decide(blob, &now.modified, now_ms, patience_ms) : change;
}

/* Not part of blob_file_unchanged: most calls need no room for an identity. */
__attribute__((noinline)) static bool is_unchanged(const struct blob *blob)
{
    struct blob_identity now;
    return compare(blob, &now) == BLOB_UNCHANGED;
}

bool blob_file_unchanged(struct blob *blob, uint64_t turn)
{
    if (blob->seen_turn == turn || blob_is_copy(blob))
        return true;
    const bool unchanged = is_unchanged(blob);
    if (unchanged)
        blob->seen_turn = turn;
    return unchanged;
}
