/* chunked_model: finds the end of a chunked body in the simplest way, by recursive descent in a
 * whole text. Also makes random texts for it. */
#ifndef SLUICE_TESTS_CHUNKED_MODEL_H
#define SLUICE_TESTS_CHUNKED_MODEL_H

#include "h1/chunked.h"
#include "support/prng.h"

enum { CHUNKED_MODEL_BYTES_MAX = 1024 };

struct chunked_outcome {
    enum chunked_result result;
    size_t consumed;
};

/* The expected result of chunked_skip for INPUT, which is too short to exceed the limit of
 * overhead. */
struct chunked_outcome chunked_model_skip(struct str input, uint64_t content_bytes_max);

/* Writes a chunked body, often followed by other bytes, and in two of three cases with a byte
 * changed, removed or added, or with its end cut off. Returns its length. */
size_t chunked_model_write(struct prng *prng, char to[static CHUNKED_MODEL_BYTES_MAX]);

#endif
