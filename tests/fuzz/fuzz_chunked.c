/* fuzz_chunked: first line: the limit of content; then a chunked body and any bytes after it. The
 * result does not depend on how it is split. */
#include "fuzz.h"
#include "h1/chunked.h"

struct outcome {
    enum chunked_result result;
    size_t consumed;
    struct chunked state;
};

/* Gives INPUT in pieces of 1 to PIECE_MAX bytes; 0: whole. */
static struct outcome skip(struct str input, uint64_t content_bytes_max, size_t piece_max)
{
    struct prng prng = fuzz_prng(input);
    struct outcome outcome = {.result = CHUNKED_MORE};
    chunked_init(&outcome.state);
    do {
        size_t length = piece_max > 0 ? 1 + prng_below(&prng, piece_max) : input.length;
        struct str piece = str_first(str_from(input, outcome.consumed), length);
        char *copy = fuzz_copy(piece);
        size_t consumed = SIZE_MAX;
        outcome.result = chunked_skip(&outcome.state, (struct str){copy, piece.length},
                                      content_bytes_max, &consumed);
        free(copy);
        FUZZ_CHECK(consumed <= piece.length);
        FUZZ_CHECK(outcome.result != CHUNKED_MORE || consumed == piece.length);
        outcome.consumed += consumed;
    } while (outcome.result == CHUNKED_MORE && outcome.consumed < input.length);
    return outcome;
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
    FUZZ_CHECK(a->result == b->result && a->consumed == b->consumed);
    FUZZ_CHECK(a->state.state == b->state.state && a->state.left == b->state.left &&
               a->state.content_bytes == b->state.content_bytes &&
               a->state.overhead_bytes == b->state.overhead_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t piece_maxima[] = {1, 2, 7, 100};
    struct str input = fuzz_input(data, size);
    uint64_t content_bytes_max = fuzz_take_number(&input, 1000);
    struct outcome whole = skip(input, content_bytes_max, 0);
    for (size_t i = 0; i < COUNT_OF(piece_maxima); i++) {
        struct outcome split = skip(input, content_bytes_max, piece_maxima[i]);
        check_same(&whole, &split);
    }
    FUZZ_CHECK(whole.state.content_bytes <= content_bytes_max);
    FUZZ_CHECK(whole.state.content_bytes + whole.state.overhead_bytes == whole.consumed);
    FUZZ_CHECK(whole.state.overhead_bytes <=
               whole.state.content_bytes + CHUNKED_OVERHEAD_BYTES_MAX);
    if (whole.result == CHUNKED_DONE)
        FUZZ_CHECK(whole.consumed >= 5 && memcmp(input.at + whole.consumed - 2, "\r\n", 2) == 0);
    return 0;
}
