/* precompress_encoder: see precompress_encoder.h. */
#include "precompress/precompress_encoder.h"

#include <errno.h>
#include <stdlib.h>

/* A library. Functions of a row return as those of the encoder. */
struct codec {
    int (*create)(enum precompress_level level, uint64_t bytes, void **ret_state);
    int (*step)(void *state, struct precompress_flow *flow, bool last);
    void (*destroy)(void *state);
};

/* --- gzip ------------------------------------------------------------------------------------- */

#ifdef SLUICE_HAVE_ZLIB
#define ZLIB_CONST
#include <zlib.h>

enum {
    GZIP_WINDOW_BITS = 15 + 16, /* the largest window; 16: the gzip format */
    GZIP_MEMORY = 9,            /* 256 KiB */
};

/* zlib's own header has neither name nor time: the same file gives the same bytes. */
static int gzip_create(enum precompress_level level, uint64_t bytes, void **ret_state)
{
    static const int levels[] = {[PRECOMPRESS_BEST] = 9, [PRECOMPRESS_FAST] = 6};
    z_stream *stream = calloc(1, sizeof *stream);
    (void)bytes;
    if (!stream)
        return -ENOMEM;
    if (deflateInit2(stream, levels[level], Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(stream);
        return -ENOMEM;
    }
    *ret_state = stream;
    return 0;
}

static int gzip_step(void *state, struct precompress_flow *flow, bool last)
{
    z_stream *stream = state;
    const uInt in = (uInt)size_min(flow->in_bytes, UINT32_MAX);
    const uInt out = (uInt)size_min(flow->out_bytes, UINT32_MAX);
    stream->next_in = flow->in;
    stream->avail_in = in;
    stream->next_out = flow->out;
    stream->avail_out = out;
    const int result = deflate(stream, last && in == flow->in_bytes ? Z_FINISH : Z_NO_FLUSH);
    flow->in = stream->next_in;
    flow->in_bytes -= in - stream->avail_in;
    flow->out = stream->next_out;
    flow->out_bytes -= out - stream->avail_out;
    if (result == Z_STREAM_END)
        return 1;
    return result == Z_OK || result == Z_BUF_ERROR ? 0 : -EIO;
}

static void gzip_destroy(void *state)
{
    deflateEnd(state);
    free(state);
}
#define GZIP                                 \
    {                                        \
        gzip_create, gzip_step, gzip_destroy \
    }
#else
#define GZIP             \
    {                    \
        NULL, NULL, NULL \
    }
#endif

/* --- zstd ------------------------------------------------------------------------------------- */

#ifdef SLUICE_HAVE_LIBZSTD
#include <zstd.h>
#include <zstd_errors.h>

/* Browsers refuse windows over 8 MiB (RFC 9659 section 3). */
enum { ZSTD_WINDOW_BITS_MAX = 23 };

static int zstd_create(enum precompress_level level, uint64_t bytes, void **ret_state)
{
    static const int levels[] = {[PRECOMPRESS_BEST] = 19, [PRECOMPRESS_FAST] = 3};
    ZSTD_CCtx *context = ZSTD_createCCtx();
    if (!context)
        return -ENOMEM;
    size_t error = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, levels[level]);
    if (!ZSTD_isError(error) && bytes > UINT64_C(1) << ZSTD_WINDOW_BITS_MAX)
        error = ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, ZSTD_WINDOW_BITS_MAX);
    if (!ZSTD_isError(error))
        error = ZSTD_CCtx_setPledgedSrcSize(context, bytes);
    if (ZSTD_isError(error)) {
        ZSTD_freeCCtx(context);
        return -ENOMEM;
    }
    *ret_state = context;
    return 0;
}

static int zstd_step(void *state, struct precompress_flow *flow, bool last)
{
    ZSTD_inBuffer in = {flow->in, flow->in_bytes, 0};
    ZSTD_outBuffer out = {flow->out, flow->out_bytes, 0};
    const size_t left = ZSTD_compressStream2(state, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
    flow->in += in.pos;
    flow->in_bytes -= in.pos;
    flow->out += out.pos;
    flow->out_bytes -= out.pos;
    if (ZSTD_isError(left))
        return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation ? -ENOMEM : -EIO;
    return last && left == 0 ? 1 : 0;
}

static void zstd_destroy(void *state)
{
    ZSTD_freeCCtx(state);
}
#define ZSTD                                 \
    {                                        \
        zstd_create, zstd_step, zstd_destroy \
    }
#else
#define ZSTD             \
    {                    \
        NULL, NULL, NULL \
    }
#endif

/* --- brotli ----------------------------------------------------------------------------------- */

#ifdef SLUICE_HAVE_LIBBROTLIENC
#include <brotli/encode.h>

/* Memory grows with the window, at the best quality to about 25 times it. */
enum { BROTLI_BITS_MIN = 16, BROTLI_BITS_MAX = 22 };

/* Bits of the smallest window that holds all of a file of BYTES bytes, within the limits. */
static uint32_t brotli_window(uint64_t bytes)
{
    uint32_t bits = BROTLI_BITS_MIN;
    while (bits < BROTLI_BITS_MAX && (UINT64_C(1) << bits) - 16 < bytes)
        bits++;
    return bits;
}

static int brotli_create(enum precompress_level level, uint64_t bytes, void **ret_state)
{
    static const uint32_t levels[] = {[PRECOMPRESS_BEST] = 11, [PRECOMPRESS_FAST] = 5};
    BrotliEncoderState *state = BrotliEncoderCreateInstance(NULL, NULL, NULL);
    if (!state)
        return -ENOMEM;
    BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, levels[level]);
    BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, brotli_window(bytes));
    BrotliEncoderSetParameter(state, BROTLI_PARAM_SIZE_HINT,
                              bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes);
    *ret_state = state;
    return 0;
}

static int brotli_step(void *state, struct precompress_flow *flow, bool last)
{
    const BrotliEncoderOperation operation =
        last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS;
    if (!BrotliEncoderCompressStream(state, operation, &flow->in_bytes, &flow->in, &flow->out_bytes,
                                     &flow->out, NULL))
        return -ENOMEM;
    return BrotliEncoderIsFinished(state) ? 1 : 0;
}

static void brotli_destroy(void *state)
{
    BrotliEncoderDestroyInstance(state);
}
#define BROTLI                                     \
    {                                              \
        brotli_create, brotli_step, brotli_destroy \
    }
#else
#define BROTLI           \
    {                    \
        NULL, NULL, NULL \
    }
#endif

/* --- All -------------------------------------------------------------------------------------- */

static const struct codec codecs[] = {
    [CONTENT_CODING_IDENTITY] = {NULL, NULL, NULL},
    [CONTENT_CODING_GZIP] = GZIP,
    [CONTENT_CODING_ZSTD] = ZSTD,
    [CONTENT_CODING_BR] = BROTLI,
};
static_assert(COUNT_OF(codecs) == CONTENT_CODING_COUNT, "a row for each coding");

unsigned precompress_codings(void)
{
    unsigned codings = 0;
    for (unsigned i = 0; i < COUNT_OF(codecs); i++) {
        if (codecs[i].create)
            codings |= content_coding_bit((enum content_coding)i);
    }
    return codings;
}

int precompress_encoder_init(struct precompress_encoder *ret, enum content_coding coding,
                             enum precompress_level level, uint64_t bytes)
{
    void *state;
    assert(codecs[coding].create);
    const int error = codecs[coding].create(level, bytes, &state);
    if (!error)
        *ret = (struct precompress_encoder){coding, state};
    return error;
}

void precompress_encoder_fini(struct precompress_encoder *encoder)
{
    codecs[encoder->coding].destroy(encoder->state);
}

int precompress_encoder_feed(struct precompress_encoder *encoder, struct precompress_flow *flow)
{
    return codecs[encoder->coding].step(encoder->state, flow, false);
}

int precompress_encoder_finish(struct precompress_encoder *encoder, struct precompress_flow *flow)
{
    return codecs[encoder->coding].step(encoder->state, flow, true);
}
