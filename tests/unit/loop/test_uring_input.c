/* uring_input: in any sequence of adding, dropping and moving, the bytes come in order, and every
 * buffer is returned exactly once. Compared with a plain string, without a ring. */
#include "loop/uring_input.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#ifdef SLUICE_HAVE_LIBURING

enum { BUFFERS = 8, BUFFER_BYTES = 64, MODEL_BYTES = 64 << 10 };

/* A fake ring: its buffers, and the group to which they are returned. */
static struct uring uring;
static struct uring_note notes[BUFFERS];
static struct uring_input input;
static bool lent[BUFFERS];
static char model[MODEL_BYTES];
static size_t model_first, model_length;

static void set_up(void)
{
    uring.sizes = (struct uring_sizes){.buffers = BUFFERS, .buffer_bytes = BUFFER_BYTES};
    void *entries = calloc(BUFFERS, sizeof(struct io_uring_buf));
    uring.group = entries;
    uring.bytes = malloc((size_t)BUFFERS * BUFFER_BYTES);
    cr_assert(uring.group && uring.bytes);
}

static void tear_down(void)
{
    uring_input_clear(&input, &uring, notes);
    free(uring.group);
    free(uring.bytes);
}

TestSuite(uring_input, .init = set_up, .fini = tear_down, .timeout = 120);

/* Records the buffers that have been returned. */
static void collect(void)
{
    for (unsigned i = 0; i < uring.given_back; i++) {
        const struct io_uring_buf *back = &uring.group->bufs[i & (BUFFERS - 1)];
        cr_assert(lent[back->bid], "buffer %u was not lent", back->bid);
        lent[back->bid] = false;
    }
    uring.given_back = 0;
}

static unsigned lent_count(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < BUFFERS; i++)
        count += lent[i];
    return count;
}

/* Adds LENGTH random bytes in a free buffer; nothing if no buffer is free. */
static void add(struct prng *prng, uint32_t length)
{
    for (unsigned buffer = 0; buffer < BUFFERS; buffer++) {
        if (lent[buffer])
            continue;
        char *to = uring.bytes + (size_t)buffer * BUFFER_BYTES;
        for (uint32_t i = 0; i < length; i++)
            to[i] = model[model_length++] = (char)prng_below(prng, 256);
        lent[buffer] = true;
        uring_input_add(&input, notes, buffer, length);
        return;
    }
}

/* Compares the view with the model, and drops at most LENGTH bytes of it. */
static void take(size_t length)
{
    struct str view = uring_input_view(&input, &uring, notes);
    cr_assert_leq(view.length, model_length - model_first);
    cr_assert_eq(memcmp(view.at, model + model_first, view.length), 0);
    cr_assert_eq(view.length == 0, model_first == model_length);
    length = size_min(length, view.length);
    uring_input_drop(&input, &uring, notes, length);
    model_first += length;
    collect();
}

Test(uring_input, keeps_the_bytes_in_order)
{
    struct prng prng = {5};
    while (model_length < MODEL_BYTES - BUFFER_BYTES) {
        switch (prng_below(&prng, 8)) {
        case 0:
            cr_assert_eq(uring_input_spill(&input, &uring, notes), 0);
            collect();
            cr_assert_eq(lent_count(), 0);
            cr_assert_eq(uring_input_spilled(&input), model_length - model_first);
            break;
        case 1:
        case 2:
        case 3:
            add(&prng, 1 + (uint32_t)prng_below(&prng, BUFFER_BYTES));
            break;
        default:
            take(prng_below(&prng, BUFFER_BYTES + 20));
            break;
        }
        cr_assert_eq(uring_input_empty(&input), model_first == model_length);
    }
    while (!uring_input_empty(&input))
        take(BUFFER_BYTES);
    cr_expect_eq(lent_count(), 0);
    cr_expect_eq(model_first, model_length);
}

Test(uring_input, returns_all_buffers_when_cleared)
{
    struct prng prng = {6};
    for (unsigned spill = 0; spill < 2; spill++) {
        for (unsigned i = 0; i < BUFFERS; i++)
            add(&prng, 10);
        cr_assert_eq(lent_count(), BUFFERS);
        if (spill)
            cr_assert_eq(uring_input_spill(&input, &uring, notes), 0);
        collect();
        add(&prng, 10);
        uring_input_clear(&input, &uring, notes);
        collect();
        cr_expect_eq(lent_count(), 0);
        cr_expect(uring_input_empty(&input));
    }
}

#endif
