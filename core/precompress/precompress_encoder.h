/* precompress_encoder: compresses a stream of bytes in one of the content codings.
 *
 * Three libraries as one interface: zlib (gzip, RFC 1952), libzstd (RFC 8878) and libbrotlienc
 * (RFC 7932). Each is optional when Sluice is built. An encoder owns the library's state; the bytes
 * at both ends are the caller's. The same bytes, level and size give the same output. Does no
 * input or output, and may be used on any thread, one at a time. */
#ifndef SLUICE_PRECOMPRESS_ENCODER_H
#define SLUICE_PRECOMPRESS_ENCODER_H

#include "http/content_coding.h"

enum precompress_level {
    PRECOMPRESS_BEST, /* brotli 11, zstd 19, gzip 9 */
    PRECOMPRESS_FAST, /* brotli 5, zstd 3, gzip 6 */
    PRECOMPRESS_LEVEL_COUNT,
};

/* Bytes on their way through an encoder: it moves the starts and takes off the lengths. */
struct precompress_flow {
    const uint8_t *in;
    size_t in_bytes;
    uint8_t *out;
    size_t out_bytes; /* room */
};

struct precompress_encoder {
    enum content_coding coding;
    void *state;
};

/* The codings that this build can make, as content_coding_bit. */
unsigned precompress_codings(void);

/* Begins a stream of BYTES bytes in CODING, one of precompress_codings. Returns 0 or -ENOMEM.
 * *Gives*: precompress_encoder_fini. */
int precompress_encoder_init(struct precompress_encoder *ret, enum content_coding coding,
                             enum precompress_level level, uint64_t bytes);
void precompress_encoder_fini(struct precompress_encoder *encoder);

/* Takes from FLOW's input and adds to its output, as far as both reach. Returns 0 if more input is
 * welcome or more room is needed, or a negative errno: -ENOMEM, or -EIO if there were more bytes
 * than announced. */
int precompress_encoder_feed(struct precompress_encoder *encoder, struct precompress_flow *flow);

/* The same, after which nothing follows the input of FLOW; to be repeated, with new room, until it
 * returns 1: the stream is whole. */
int precompress_encoder_finish(struct precompress_encoder *encoder, struct precompress_flow *flow);

#endif
