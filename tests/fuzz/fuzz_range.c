/* fuzz_range: first line: bytes of the representation; then the value of a Range field. */
#include "fuzz.h"
#include "http/range.h"

/* The ranges are inside the representation, do not touch, and add up to no more than its length. */
static void check_set(const struct range_set *set, uint64_t bytes)
{
    uint64_t total = 0;
    FUZZ_CHECK(set->count >= 1 && set->count <= RANGE_MAX);
    for (unsigned i = 0; i < set->count; i++) {
        const struct range *range = &set->items[i];
        FUZZ_CHECK(range->length >= 1 && range->length <= bytes);
        FUZZ_CHECK(range->first <= bytes - range->length);
        FUZZ_CHECK(!__builtin_add_overflow(total, range->length, &total) && total <= bytes);
        for (unsigned j = 0; j < i; j++) {
            const struct range *other = &set->items[j];
            FUZZ_CHECK(range->first + range->length < other->first ||
                       other->first + other->length < range->first);
        }
    }
}

/* A field that asks for exactly this set gives the same set. */
static void check_again(const struct range_set *set, uint64_t bytes)
{
    char text[16 + (size_t)RANGE_MAX * (2 * (size_t)NUM_U64_DIGITS_MAX + 2)];
    struct range_set again;
    char *at = str_put(text, STR("bytes="));
    for (unsigned i = 0; i < set->count; i++) {
        at += num_write_u64(at, set->items[i].first);
        *at++ = '-';
        at += num_write_u64(at, set->items[i].first + (set->items[i].length - 1));
        *at++ = ',';
    }
    struct str value = {text, (size_t)(at - text)};
    FUZZ_CHECK(range_parse(value, bytes, &again) == RANGE_SATISFIABLE);
    FUZZ_CHECK(again.count == set->count);
    for (unsigned i = 0; i < set->count; i++)
        FUZZ_CHECK(again.items[i].first == set->items[i].first &&
                   again.items[i].length == set->items[i].length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str value = fuzz_input(data, size);
    uint64_t bytes = fuzz_take_number(&value, 1000);
    struct range_set set = {.count = UINT32_MAX};
    if (range_parse(value, bytes, &set) == RANGE_SATISFIABLE) {
        check_set(&set, bytes);
        check_again(&set, bytes);
    } else {
        FUZZ_CHECK(set.count == UINT32_MAX);
    }
    return 0;
}
