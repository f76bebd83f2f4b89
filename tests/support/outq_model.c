/* outq_model: see outq_model.h. */
#include "support/outq_model.h"

#include "support/guard.h"

#include <criterion/criterion.h>
#include <fcntl.h>

static const size_t blob_bytes[MODEL_BLOBS] = {1, 1, 700, 4096, 5000, 3000};

static void *storage_of(size_t bytes)
{
    static const char blank[UINT16_MAX];
    return (void *)(uintptr_t)guard_copy((struct str){blank, bytes}).at;
}

static void storage_drop(const void *storage, size_t bytes)
{
    guard_drop((struct str){storage, bytes});
}

struct model *model_create(uint64_t seed)
{
    static struct model model;
    model = (struct model){.prng = {seed}};
    for (unsigned i = 0; i < MODEL_BLOBS; i++) {
        size_t bytes = blob_bytes[i];
        cr_assert_not_null(model.contents[i] = malloc(bytes));
        for (size_t j = 0; j < bytes; j++)
            model.contents[i][j] = (char)prng_next(&model.prng);
        if (i % 2 == 0) {
            cr_assert_not_null(model.blobs[i] = blob_create_bytes(bytes));
            memcpy(model.blobs[i]->bytes, model.contents[i], bytes);
        } else {
            struct blob_identity identity = {.bytes = bytes};
            int fd = open("/dev/null", O_RDONLY | O_CLOEXEC); /* the queue itself reads no file */
            cr_assert_not_null(model.blobs[i] = blob_create_file(fd, &identity));
        }
    }
    return &model;
}

void model_destroy(struct model *model)
{
    for (unsigned i = 0; i < MODEL_BLOBS; i++) {
        cr_assert_eq(model->blobs[i]->references, 1, "blob %u is still referenced", i);
        blob_drop(model->blobs[i]);
        free(model->contents[i]);
    }
}

/* Finds out how much fits into an empty queue. */
static void measure_room(struct model *model)
{
    model->text_room = 0;
    model->parts_room = 0;
    while (outq_reserve(&model->queue, model->text_room + 1, 0))
        model->text_room++;
    while (model->parts_room < OUTQ_PARTS_MAX &&
           outq_reserve(&model->queue, 1, model->parts_room + 1))
        model->parts_room++;
}

void model_lend(struct model *model, size_t storage_bytes)
{
    outq_lend(&model->queue, storage_of(storage_bytes), storage_bytes);
    model->storage_bytes = storage_bytes;
    model->pushed = model->sent = model->released = 0;
    model->part_count = model->end_count = model->end_first = 0;
    model->newest_text = NULL;
    model->lent_count = 0;
    measure_room(model);
    model_check(model);
}

void model_return(struct model *model)
{
    storage_drop(outq_return(&model->queue), model->storage_bytes);
    cr_assert_eq(outq_storage_bytes(&model->queue), 0);
    model->storage_bytes = 0;
}

/* --- Pushing ---------------------------------------------------------------------------------- */

static void add_bytes(struct model *model, const char *bytes, size_t length, bool in_file)
{
    cr_assert_leq(model->pushed + length, MODEL_STREAM_MAX, "a larger model is needed");
    memcpy(model->bytes + model->pushed, bytes, length);
    memset(model->in_file + model->pushed, in_file, length);
    model->pushed += length;
}

static struct outq_part random_part(struct model *model, unsigned blob)
{
    size_t bytes = blob_bytes[blob];
    uint64_t first = prng_below(&model->prng, bytes);
    uint64_t length =
        prng_below(&model->prng, 8) == 0 ? 0 : 1 + prng_below(&model->prng, bytes - first);
    return (struct outq_part){model->blobs[blob], first, length};
}

/* A refusal is right only if the queue is not empty, or if the response could never fit. */
static void check_refusal(const struct model *model, size_t text_bytes, unsigned part_count)
{
    bool nothing_there = model->released == model->pushed && model->end_first == model->end_count;
    cr_assert_not(nothing_there && text_bytes <= model->text_room &&
                      part_count <= model->parts_room,
                  "an empty queue refuses %zu bytes and %u parts", text_bytes, part_count);
}

bool model_push(struct model *model, size_t text_bytes, size_t slack_bytes, unsigned part_count)
{
    struct outq_part parts[OUTQ_PARTS_MAX];
    char *text = outq_reserve(&model->queue, text_bytes + slack_bytes, part_count);
    if (!text) {
        check_refusal(model, text_bytes + slack_bytes, part_count);
        model->refusals++;
        return false;
    }
    for (size_t i = 0; i < text_bytes; i++)
        text[i] = (char)prng_next(&model->prng);
    memset(text + text_bytes, '#', slack_bytes);
    add_bytes(model, text, text_bytes, false);
    for (unsigned i = 0; i < part_count; i++) {
        unsigned blob = (unsigned)prng_below(&model->prng, MODEL_BLOBS);
        parts[i] = random_part(model, blob);
        if (parts[i].length == 0)
            continue;
        add_bytes(model, model->contents[blob] + parts[i].first, parts[i].length, blob % 2 == 1);
        model->parts[model->part_count++] = (struct model_part){blob, model->pushed};
    }
    struct outq_end end = {
        .position = model->pushed,
        .tag = (uint32_t)prng_next(&model->prng),
    };
    outq_push(&model->queue, text_bytes, parts, part_count);
    outq_tag(&model->queue, end.tag);
    model->ends[model->end_count++] = end;
    model->laps += text < model->newest_text;
    model->newest_text = text;
    model->pushes++;
    return true;
}

/* --- Sending ---------------------------------------------------------------------------------- */

/* Records that AT holds LENGTH bytes from POSITION on, which must not change until they are
 * released. */
static void lend_to_kernel(struct model *model, const char *at, size_t length, uint64_t position)
{
    if (model->lent_count == COUNT_OF(model->lent))
        return;
    model->lent[model->lent_count] = (struct iovec){(void *)(uintptr_t)at, length};
    model->lent_first[model->lent_count++] = position;
}

/* Checks PIECES against the model and lends the first LENGTH bytes. Returns the bytes in all
 * pieces. */
static uint64_t check_pieces(struct model *model, const struct iovec *pieces, unsigned count)
{
    uint64_t position = model->sent;
    for (unsigned i = 0; i < count; i++) {
        cr_assert_gt(pieces[i].iov_len, 0, "an empty piece");
        cr_assert_leq(position + pieces[i].iov_len, model->pushed);
        cr_assert_eq(memcmp(pieces[i].iov_base, model->bytes + position, pieces[i].iov_len), 0,
                     "bytes %ju to %ju of %ju, unsent from %ju", (uintmax_t)position,
                     (uintmax_t)(position + pieces[i].iov_len), (uintmax_t)model->pushed,
                     (uintmax_t)model->sent);
        cr_assert_not(memchr(model->in_file + position, true, pieces[i].iov_len));
        position += pieces[i].iov_len;
    }
    return position - model->sent;
}

static void sent(struct model *model, uint64_t length, const struct iovec *pieces, unsigned count)
{
    uint64_t left = length;
    for (unsigned i = 0; i < count && left > 0; i++) {
        size_t bytes = size_min(left, pieces[i].iov_len);
        lend_to_kernel(model, pieces[i].iov_base, bytes, model->sent + length - left);
        left -= bytes;
    }
    outq_sent(&model->queue, length);
    model->sent += length;
}

/* The first bytes of a file, by the model. */
static const char *file_bytes(const struct model *model, const struct outq_part *part)
{
    unsigned i = 0;
    while (i < MODEL_BLOBS && model->blobs[i] != part->blob)
        i++;
    cr_assert_lt(i, MODEL_BLOBS, "a blob that nobody pushed");
    return model->contents[i] + part->first;
}

static void send_file(struct model *model, bool all)
{
    struct outq_part part;
    cr_assert(outq_next_file(&model->queue, &part));
    cr_assert_gt(part.length, 0);
    cr_assert_leq(model->sent + part.length, model->pushed);
    cr_assert_eq(memcmp(file_bytes(model, &part), model->bytes + model->sent, part.length), 0);
    sent(model, all ? part.length : 1 + prng_below(&model->prng, part.length), NULL, 0);
}

void model_send(struct model *model, unsigned room, bool all)
{
    struct iovec pieces[160];
    bool file_follows;
    struct outq_part part;
    unsigned count = outq_gather(&model->queue, pieces, room, &file_follows);
    cr_assert_leq(count, room);
    uint64_t bytes = check_pieces(model, pieces, count);
    uint64_t next = model->sent + bytes;
    bool at_file = next < model->pushed && model->in_file[next];
    cr_assert_eq(file_follows, at_file, "a file follows at %ju", (uintmax_t)next);
    cr_assert(count == room || at_file || next == model->pushed, "pieces were left out");
    if (model->sent == model->pushed)
        cr_assert_not(outq_next_file(&model->queue, &part));
    else if (bytes == 0 && at_file)
        send_file(model, all);
    else if (bytes > 0) {
        cr_assert_not(outq_next_file(&model->queue, &part), "memory comes first");
        sent(model, all ? bytes : 1 + prng_below(&model->prng, bytes), pieces, count);
    }
}

/* Bytes that the kernel may still be reading must be unchanged. */
static void check_lent(const struct model *model)
{
    for (unsigned i = 0; i < model->lent_count; i++) {
        uint64_t first = model->lent_first[i];
        size_t released = first < model->released ? model->released - first : 0;
        if (released >= model->lent[i].iov_len)
            continue;
        const char *at = model->lent[i].iov_base;
        cr_assert_eq(memcmp(at + released, model->bytes + first + released,
                            model->lent[i].iov_len - released),
                     0, "sent and not released, and written over");
    }
}

void model_release(struct model *model, uint64_t length)
{
    unsigned kept = 0;
    check_lent(model);
    outq_released(&model->queue, length);
    model->released += length;
    for (unsigned i = 0; i < model->lent_count; i++) {
        if (model->lent_first[i] + model->lent[i].iov_len <= model->released)
            continue;
        model->lent[kept] = model->lent[i];
        model->lent_first[kept++] = model->lent_first[i];
    }
    model->lent_count = kept;
}

void model_take_ends(struct model *model, unsigned limit)
{
    for (unsigned i = 0; i < limit; i++) {
        struct outq_end end;
        const struct outq_end *expected = &model->ends[model->end_first];
        bool due = model->end_first < model->end_count && expected->position <= model->sent;
        cr_assert_eq(outq_next_end(&model->queue, &end), due);
        if (!due)
            return;
        cr_assert_eq(end.position, expected->position);
        cr_assert_eq(end.tag, expected->tag);
        model->end_first++;
    }
}

void model_drop_ends(struct model *model)
{
    unsigned due = 0;
    while (model->end_first < model->end_count &&
           model->ends[model->end_first].position <= model->sent) {
        model->end_first++;
        due++;
    }
    cr_assert_eq(outq_drop_ends(&model->queue), due);
}

/* --- The whole -------------------------------------------------------------------------------- */

bool model_move(struct model *model, size_t storage_bytes)
{
    void *storage = storage_of(storage_bytes);
    void *old = outq_move(&model->queue, storage, storage_bytes);
    if (!old) {
        storage_drop(storage, storage_bytes);
        cr_assert_eq(outq_storage_bytes(&model->queue), model->storage_bytes);
        return false;
    }
    storage_drop(old, model->storage_bytes);
    model->storage_bytes = storage_bytes;
    model->text_room = model->parts_room = 0; /* unknown while it is in use */
    model->newest_text = NULL;
    model->lent_count = 0;
    model->moves++;
    return true;
}

void model_check(const struct model *model)
{
    unsigned references[MODEL_BLOBS] = {0};
    for (size_t i = 0; i < model->part_count; i++)
        references[model->parts[i].blob] += model->parts[i].end > model->released;
    for (unsigned i = 0; i < MODEL_BLOBS; i++)
        cr_assert_eq(model->blobs[i]->references, 1 + references[i], "blob %u", i);
    cr_assert_eq(outq_unsent(&model->queue), model->pushed - model->sent);
    cr_assert_eq(outq_empty(&model->queue), model->pushed == model->released);
    cr_assert_eq(outq_storage_bytes(&model->queue), model->storage_bytes);
}

void model_drain(struct model *model)
{
    while (model->sent < model->pushed)
        model_send(model, 160, true);
    model_release(model, model->sent - model->released);
    model_take_ends(model, MODEL_ITEMS_MAX);
    model_check(model);
}
