/* outq_model: an outq together with its expected contents, kept in the simplest way: all bytes ever
 * pushed, in one array.
 *
 * Each operation is applied to both and checked at once; a difference fails the running test. The
 * queue's storage ends at a guard page. The blobs belong to the model, which knows how many
 * references each should have. */
#ifndef SLUICE_TESTS_OUTQ_MODEL_H
#define SLUICE_TESTS_OUTQ_MODEL_H

#include "storage/outq.h"
#include "support/prng.h"

enum {
    MODEL_BLOBS = 6,
    MODEL_STREAM_MAX = 4 << 20, /* bytes that can be pushed from model_lend to model_return */
    MODEL_ITEMS_MAX = 8192,     /* parts and responses, likewise */
};

struct model_part {
    unsigned blob;
    uint64_t end; /* position after its last byte */
};

struct model {
    struct outq queue;
    struct prng prng;
    size_t storage_bytes;
    struct blob *blobs[MODEL_BLOBS]; /* those with odd indices are files */
    char *contents[MODEL_BLOBS];
    uint64_t pushed, sent, released;
    size_t part_count, end_count, end_first;
    size_t text_room; /* the longest text of a response in an empty queue */
    unsigned parts_room;
    unsigned pushes, refusals, moves, laps; /* to check that a test covers these */
    const char *newest_text;
    /* Text in the queue that a zero-copy send may be reading until it is released. */
    struct iovec lent[64];
    uint64_t lent_first[64];
    unsigned lent_count;
    char bytes[MODEL_STREAM_MAX];
    bool in_file[MODEL_STREAM_MAX];
    struct model_part parts[MODEL_ITEMS_MAX];
    struct outq_end ends[MODEL_ITEMS_MAX];
};

/* Makes a model with blobs and without storage. One at a time. *Borrowed* until model_destroy. */
struct model *model_create(uint64_t seed);

/* Drops the model's references, and checks that they are the last. */
void model_destroy(struct model *model);

void model_lend(struct model *model, size_t storage_bytes);

/* Returns the storage of an empty queue. */
void model_return(struct model *model);

/* Pushes a response of TEXT_BYTES, reserved with SLACK_BYTES more, and PART_COUNT random parts of
 * random blobs. False: no room. */
bool model_push(struct model *model, size_t text_bytes, size_t slack_bytes, unsigned part_count);

/* Gathers unsent output with room for ROOM pieces, checks it, and sends a random part of it; all of
 * it if ALL. */
void model_send(struct model *model, unsigned room, bool all);

void model_release(struct model *model, uint64_t length);

/* Takes the end marks that have come due, at most LIMIT. */
void model_take_ends(struct model *model, unsigned limit);

/* outq_drop_ends. */
void model_drop_ends(struct model *model);

/* Tries to move the queue to storage of STORAGE_BYTES. Returns whether it fitted. */
bool model_move(struct model *model, size_t storage_bytes);

/* Checks the queue's state and every reference count. */
void model_check(const struct model *model);

/* Sends, releases and takes everything. */
void model_drain(struct model *model);

#endif
