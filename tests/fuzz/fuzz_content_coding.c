/* fuzz_content_coding: the value of an Accept-Encoding field. */
#include "fuzz.h"
#include "http/content_coding.h"

static void check_choice(struct str value, unsigned available, const uint16_t *weights)
{
    enum content_coding coding = CONTENT_CODING_COUNT;
    if (content_coding_choose(value, available, &coding)) {
        FUZZ_CHECK(coding < CONTENT_CODING_COUNT && (available & content_coding_bit(coding)) != 0);
        FUZZ_CHECK(weights[coding] > 0);
    } else {
        FUZZ_CHECK(coding == CONTENT_CODING_COUNT);
    }
    for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++) {
        if (available & content_coding_bit((enum content_coding)i))
            FUZZ_CHECK(weights[i] == 0 || weights[i] < weights[coding] ||
                       (weights[i] == weights[coding] && i <= coding));
    }
}

/* The order of elements has no meaning, so the first may come last. */
static void check_order(struct str value, const uint16_t *weights)
{
    size_t comma = str_find(value, ',');
    uint16_t again[CONTENT_CODING_COUNT];
    if (comma == value.length || str_find(value, '"') < value.length)
        return;
    char *rotated = malloc(value.length);
    FUZZ_CHECK(rotated != NULL);
    char *at = str_put(rotated, str_from(value, comma + 1));
    *at++ = ',';
    str_put(at, str_first(value, comma));
    content_coding_weigh((struct str){rotated, value.length}, again);
    FUZZ_CHECK(memcmp(again, weights, sizeof again) == 0);
    free(rotated);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str value = fuzz_input(data, size);
    uint16_t weights[CONTENT_CODING_COUNT];
    content_coding_weigh(value, weights);
    for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++)
        FUZZ_CHECK(weights[i] <= QVALUE_MAX);
    for (unsigned available = 0; available < 1u << CONTENT_CODING_COUNT; available++)
        check_choice(value, available, weights);
    check_order(value, weights);
    return 0;
}
