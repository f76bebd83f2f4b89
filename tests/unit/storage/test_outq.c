/* outq: bytes leave in the order in which they were pushed, in pieces of any size, and every
 * reference is dropped exactly once. */
#include "support/outq_model.h"

#include <criterion/criterion.h>

TestSuite(outq, .timeout = 120);

enum { SMALL = 1 << 10, FULL = 16 << 10 };

static const size_t storage_sizes[] = {OUTQ_STORAGE_MIN, SMALL, FULL};

Test(outq, is_empty_and_has_no_room_without_storage)
{
    struct outq queue = {0};
    struct iovec piece;
    struct outq_part part;
    struct outq_end end;
    bool file_follows = true;
    cr_expect(outq_empty(&queue));
    cr_expect_eq(outq_unsent(&queue), 0);
    cr_expect_eq(outq_storage_bytes(&queue), 0);
    cr_expect_null(outq_reserve(&queue, 1, 0));
    cr_expect_eq(outq_gather(&queue, &piece, 1, &file_follows), 0);
    cr_expect_not(file_follows);
    cr_expect_not(outq_next_file(&queue, &part));
    cr_expect_not(outq_next_end(&queue, &end));
    cr_expect_eq(outq_clear(&queue), 0);
}

Test(outq, returns_its_storage)
{
    static _Alignas(16) char storage[OUTQ_STORAGE_MIN];
    struct outq queue = {0};
    outq_lend(&queue, storage, sizeof storage);
    cr_expect_eq(outq_storage_bytes(&queue), sizeof storage);
    cr_expect(outq_empty(&queue));
    cr_expect_eq(outq_return(&queue), storage);
    cr_expect_eq(outq_storage_bytes(&queue), 0);
}

Test(outq, queues_nothing_by_a_reservation)
{
    struct model *model = model_create(1);
    model_lend(model, SMALL);
    cr_expect_not_null(outq_reserve(&model->queue, 100, 2));
    cr_expect_eq(outq_unsent(&model->queue), 0);
    cr_expect(outq_empty(&model->queue));
    model_push(model, 10, 0, 1);
    cr_expect_not_null(outq_reserve(&model->queue, 100, 1));
    model_drain(model);
    model_return(model);
    model_destroy(model);
}

/* Pushes a response of TEXT and one part to QUEUE. */
static void push(struct outq *queue, struct str text, struct outq_part part, uint32_t tag)
{
    char *to = outq_reserve(queue, text.length, 1);
    cr_assert_not_null(to);
    str_put(to, text);
    outq_push(queue, text.length, &part, 1);
    outq_tag(queue, tag);
}

Test(outq, merges_small_responses_into_few_pieces)
{
    struct model *model = model_create(2);
    struct iovec pieces[16];
    bool file_follows;
    model_lend(model, FULL);
    for (int i = 0; i < 16; i++)
        cr_assert(model_push(model, 200, 20, 0));
    unsigned count = outq_gather(&model->queue, pieces, 16, &file_follows);
    cr_expect_leq(count, 2, "16 texts in a row are %u pieces", count);
    cr_expect_not(file_follows);
    model_drain(model);
    model_return(model);
    model_destroy(model);
}

Test(outq, reports_a_file_only_directly_before_it)
{
    struct model *model = model_create(3);
    struct iovec pieces[4];
    bool file_follows;
    struct outq_part part, file = {model->blobs[3], 5, 10}, empty = {model->blobs[3], 5, 0};
    model_lend(model, SMALL);
    push(&model->queue, STR("one"), empty, 1);
    push(&model->queue, STR("two"), file, 2);
    push(&model->queue, STR("three"), (struct outq_part){model->blobs[2], 0, 700}, 3);
    cr_expect_eq(outq_gather(&model->queue, pieces, 4, &file_follows), 1, "onetwo");
    cr_expect(file_follows);
    cr_expect_not(outq_next_file(&model->queue, &part));
    outq_sent(&model->queue, 6);
    cr_expect_eq(outq_gather(&model->queue, pieces, 4, &file_follows), 0);
    cr_expect(file_follows);
    cr_assert(outq_next_file(&model->queue, &part));
    cr_expect(part.blob == file.blob && part.first == 5 && part.length == 10);
    outq_sent(&model->queue, 4);
    cr_assert(outq_next_file(&model->queue, &part));
    cr_expect(part.first == 9 && part.length == 6, "the rest");
    outq_sent(&model->queue, 6);
    cr_expect_not(outq_next_file(&model->queue, &part));
    cr_expect_eq(outq_gather(&model->queue, pieces, 4, &file_follows), 2);
    cr_expect_not(file_follows);
    outq_sent(&model->queue, 705);
    outq_released(&model->queue, 721);
    cr_expect(outq_empty(&model->queue));
    model_return(model);
    model_destroy(model);
}

/* Two responses whose frames alternate. */
Test(outq, ends_frames_where_the_caller_says)
{
    struct model *model = model_create(4);
    struct outq_end end;
    struct outq_part file = {model->blobs[3], 0, 100};
    model_lend(model, SMALL);
    for (unsigned i = 0; i < 4; i++) {
        char *text = outq_reserve(&model->queue, 3, 1);
        cr_assert_not_null(text);
        str_put(text, STR("abc"));
        outq_push_frame(&model->queue, 3, &file, 1);
        if (i == 2)
            outq_push_end(&model->queue);
    }
    outq_push_end(&model->queue);
    outq_tag(&model->queue, 404);
    cr_expect_eq(outq_unsent(&model->queue), 4 * 103);
    outq_sent(&model->queue, 3 * 103 - 1);
    cr_expect_not(outq_next_end(&model->queue, &end), "frames alone have no end");
    outq_sent(&model->queue, 1);
    cr_assert(outq_next_end(&model->queue, &end));
    cr_expect(end.tag == OUTQ_UNTAGGED && end.position == 309);
    cr_expect_not(outq_next_end(&model->queue, &end));
    cr_expect_eq(outq_clear(&model->queue), 1, "one is cut");
    cr_expect_eq(model->blobs[3]->references, 1);
    model_return(model);
    model_destroy(model);
}

Test(outq, gives_an_end_mark_with_the_last_byte_sent)
{
    struct model *model = model_create(4);
    struct outq_end end;
    struct outq_part none = {model->blobs[0], 0, 0}, file = {model->blobs[3], 0, 4096};
    model_lend(model, SMALL);
    push(&model->queue, STR("HEAD"), file, 200);
    push(&model->queue, STR("HEAD"), none, 404);
    outq_sent(&model->queue, 4 + 4095);
    cr_expect_not(outq_next_end(&model->queue, &end));
    outq_sent(&model->queue, 1);
    cr_assert(outq_next_end(&model->queue, &end));
    cr_expect(end.tag == 200 && end.position == 4100);
    cr_expect_not(outq_next_end(&model->queue, &end));
    outq_sent(&model->queue, 4);
    cr_assert(outq_next_end(&model->queue, &end), "without waiting for the release");
    cr_expect(end.tag == 404 && end.position == 4104);
    cr_expect_not(outq_next_end(&model->queue, &end));
    cr_expect_eq(model->blobs[3]->references, 2, "not before its release");
    outq_released(&model->queue, 4099);
    cr_expect_eq(model->blobs[3]->references, 2);
    outq_released(&model->queue, 1);
    cr_expect_eq(model->blobs[3]->references, 1);
    outq_released(&model->queue, 4);
    model_return(model);
    model_destroy(model);
}

/* Less may be pushed than was reserved, because a head is bounded before it is written. If the end
 * of the text ring was too small for the reservation, the text is at the ring's beginning even when
 * it would have fitted at the end. */
Test(outq, pushes_text_from_where_it_was_reserved)
{
    struct model *model = model_create(5);
    for (size_t left = 0; left < 60; left++) {
        for (size_t slack = 0; slack < 60; slack += 3) {
            model_lend(model, SMALL);
            size_t room = model->text_room, half = room / 2;
            cr_assert(model_push(model, half, 0, 1));
            cr_assert(model_push(model, room - half - left, 0, 0));
            model_send(model, 1, true);
            model_release(model, model->sent);
            model_push(model, 30, slack, 0);
            model_drain(model);
            model_return(model);
        }
    }
    cr_expect_gt(model->laps, 0);
    model_destroy(model);
}

Test(outq, refuses_only_without_room)
{
    struct model *model = model_create(6);
    for (size_t i = 0; i < COUNT_OF(storage_sizes); i++) {
        model_lend(model, storage_sizes[i]);
        cr_expect_gt(model->text_room, storage_sizes[i] * 2 / 5, "%zu", model->text_room);
        cr_expect_geq(model->parts_room, 3);
        for (size_t text_bytes = 1; text_bytes <= model->text_room; text_bytes += 37) {
            uint64_t first = model->pushed;
            unsigned responses = 0;
            while (model_push(model, text_bytes, 0, 0))
                responses++;
            bool no_text_left = model->text_room - (model->pushed - first) < text_bytes;
            cr_assert(no_text_left || responses >= storage_sizes[i] / 256, "%zu: %u", text_bytes,
                      responses);
            model_drain(model);
        }
        cr_expect_null(outq_reserve(&model->queue, model->text_room + 1, 0));
        model_return(model);
    }
    model_destroy(model);
}

Test(outq, keeps_its_contents_when_moved_or_when_a_move_is_refused)
{
    struct model *model = model_create(7);
    model_lend(model, FULL);
    for (int i = 0; i < 10; i++)
        cr_assert(model_push(model, 300, 0, 1));
    cr_expect_not(model_move(model, SMALL), "3000 bytes of text");
    model_check(model);
    while (model->pushed - model->sent > 200)
        model_send(model, 1, false);
    model_release(model, model->sent);
    model_take_ends(model, 20);
    cr_expect(model_move(model, SMALL));
    model_check(model);
    cr_expect(model_push(model, 200, 0, 1));
    cr_expect(model_move(model, FULL));
    model_drain(model);
    model_return(model);
    model_destroy(model);
}

/* --- At random -------------------------------------------------------------------------------- */

static void random_push(struct model *model)
{
    struct prng *prng = &model->prng;
    uint64_t longest = prng_below(prng, 4) == 0 ? 900 : 150;
    size_t slack = prng_below(prng, 2) == 0 ? prng_below(prng, 60) : 0;
    unsigned parts = prng_below(prng, 2) == 0 ? (unsigned)prng_below(prng, OUTQ_PARTS_MAX + 1) : 0;
    model_push(model, 1 + prng_below(prng, longest), slack, parts);
}

/* One random step. It sends with a probability of (16 - LAZY) / 16. */
static void random_step(struct model *model, uint64_t lazy)
{
    struct prng *prng = &model->prng;
    uint64_t unreleased = model->sent - model->released;
    uint64_t dice = prng_below(prng, 16);
    if (dice < lazy)
        random_push(model);
    else if (dice < 13)
        model_send(model, 1 + (unsigned)prng_below(prng, 6), prng_below(prng, 4) == 0);
    else if (dice == 13 && prng_below(prng, 2) == 0)
        model_drop_ends(model);
    else if (dice == 13)
        model_take_ends(model, (unsigned)prng_below(prng, 3));
    else if (prng_below(prng, 4) == 0)
        model_move(model, storage_sizes[prng_below(prng, COUNT_OF(storage_sizes))]);
    if (prng_below(prng, 3) == 0)
        model_release(model,
                      prng_below(prng, 2) == 0 ? unreleased : prng_below(prng, unreleased + 1));
    model_check(model);
}

/* A run from outq_lend to outq_return. */
static void random_life(struct model *model, size_t storage_bytes, bool cut)
{
    uint64_t lazy = 2 + prng_below(&model->prng, 9);
    model_lend(model, storage_bytes);
    for (int step = 0; step < 300; step++)
        random_step(model, lazy);
    model_take_ends(model, MODEL_ITEMS_MAX);
    if (cut) {
        unsigned expected = (unsigned)(model->end_count - model->end_first);
        cr_assert_eq(outq_clear(&model->queue), expected);
        model->released = model->sent = model->pushed;
        model->end_first = model->end_count;
        model->lent_count = 0;
        model_check(model);
        cr_assert(model_push(model, 100, 0, 2), "as good as new");
    }
    model_drain(model);
    model_return(model);
}

Test(outq, agrees_with_a_model_under_random_use)
{
    struct model *model = model_create(8);
    for (int life = 0; life < 1500; life++)
        random_life(model, storage_sizes[life % COUNT_OF(storage_sizes)], life % 4 == 0);
    cr_expect_gt(model->pushes, 50000, "%u", model->pushes);
    cr_expect_gt(model->refusals, 5000, "%u", model->refusals);
    cr_expect_gt(model->laps, 500, "%u", model->laps);
    cr_expect_gt(model->moves, 2000, "%u", model->moves);
    model_destroy(model);
}

Test(outq, counts_unfinished_responses_when_cleared)
{
    struct model *model = model_create(9);
    struct outq_part none = {model->blobs[0], 0, 0}, part = {model->blobs[2], 0, 700};
    struct outq_end end;
    model_lend(model, FULL);
    for (unsigned i = 0; i < 5; i++)
        push(&model->queue, STR("12345"), i == 3 ? part : none, 200 + i);
    outq_sent(&model->queue, 5 + 5);
    cr_assert(outq_next_end(&model->queue, &end));
    cr_expect_eq(outq_clear(&model->queue), 3, "two were sent whole, one of them is still marked");
    cr_expect_eq(model->blobs[2]->references, 1);
    cr_expect(outq_empty(&model->queue));
    cr_expect_eq(outq_unsent(&model->queue), 0);
    cr_expect_not(outq_next_end(&model->queue, &end));
    cr_expect_eq(outq_clear(&model->queue), 0);
    model_return(model);
    model_destroy(model);
}

Test(outq, lists_the_ends_that_were_not_reached)
{
    struct model *model = model_create(10);
    struct outq_part none = {model->blobs[0], 0, 0}, part = {model->blobs[2], 0, 700};
    struct outq_end end;
    uint64_t unsent;
    model_lend(model, SMALL);
    cr_expect_not(outq_unsent_end(&model->queue, 0, &end, &unsent));
    push(&model->queue, STR("12345"), none, 7);
    push(&model->queue, STR("12345"), part, 8);
    outq_push(&model->queue, 0, &part, 1);
    outq_sent(&model->queue, 5 + 5 + 100);
    cr_assert(outq_next_end(&model->queue, &end));
    cr_expect_eq(end.tag, 7);
    cr_assert(outq_unsent_end(&model->queue, 0, &end, &unsent));
    cr_expect(end.tag == 8 && unsent == 600);
    cr_assert(outq_unsent_end(&model->queue, 1, &end, &unsent));
    cr_expect(end.tag == OUTQ_UNTAGGED && unsent == 1300);
    cr_expect_not(outq_unsent_end(&model->queue, 2, &end, &unsent));
    cr_expect_eq(outq_clear(&model->queue), 2);
    cr_expect_not(outq_unsent_end(&model->queue, 0, &end, &unsent));
    model_return(model);
    model_destroy(model);
}
