/* fuzz: helpers of the fuzz targets. Each target is one file with one LLVMFuzzerTestOneInput. Its
 * input is text, so that seeds and regressions can be written and read by hand; targets that need
 * numbers have them in the first line. `make fuzz` builds and runs them (mk/fuzz.mk). */
#ifndef SLUICE_FUZZ_H
#define SLUICE_FUZZ_H

#include "base/num.h"
#include "support/prng.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct str fuzz_input(const uint8_t *data, size_t size)
{
    return (struct str){(const char *)data, size};
}

static inline void fuzz_check(bool holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

/* A property that every input must have. */
#define FUZZ_CHECK(condition) fuzz_check((condition), #condition, __FILE__, __LINE__)

/* Takes the first line off *INPUT. Returns the number in it, or FALLBACK if it has none. */
static inline uint64_t fuzz_take_number(struct str *input, uint64_t fallback)
{
    size_t end = str_find(*input, '\n');
    uint64_t number = fallback;
    num_parse_u64(str_first(*input, end), &number);
    *input = str_from(*input, end + 1);
    return number;
}

/* A seed derived from INPUT (FNV-1a), so that a crash is reproducible. */
static inline struct prng fuzz_prng(struct str input)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < input.length; i++)
        hash = (hash ^ (uint8_t)input.at[i]) * 0x100000001b3;
    return (struct prng){hash};
}

/* A copy in a block of exactly its size, so that AddressSanitizer reports any access beyond it; to
 * be freed. */
static inline char *fuzz_copy(struct str bytes)
{
    char *copy = malloc(bytes.length > 0 ? bytes.length : 1);
    FUZZ_CHECK(copy != NULL);
    str_put(copy, bytes);
    return copy;
}

#endif
