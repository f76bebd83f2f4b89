/* chunked_model: the end of a chunked body found in the plainest way: by descent, in a text that is
 * there as a whole. And texts at random for it. */
#ifndef SLUICE_TESTS_CHUNKED_MODEL_H
#define SLUICE_TESTS_CHUNKED_MODEL_H

#include "h1/chunked.h"
#include "support/prng.h"

enum { CHUNKED_MODEL_BYTES_MAX = 1024 };

struct chunked_outcome {
    enum chunked_result result;
    size_t consumed;
};

/* What chunked_skip should say of INPUT, which is too short to exceed the limit of overhead. */
struct chunked_outcome chunked_model_skip(struct str input, uint64_t content_bytes_max);

/* Writes a chunked body, often with something behind it, and in two of three cases with a byte
 * changed, removed, added or the end cut off. Returns its length. */
size_t chunked_model_write(struct prng *prng, char to[static CHUNKED_MODEL_BYTES_MAX]);

#endif
