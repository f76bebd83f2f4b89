/* scan: see scan.h.
 *
 * The vector code looks up a class by nibbles (the idea is in Langdale and Lemire, "Parsing
 * gigabytes of JSON per second", 2019, section 3.1.2). The low nibble of a byte selects a set of
 * high nibbles with which the byte is a member, one bit for each; the high nibble selects its own
 * bit. The byte is a member if both have a bit in common. Eight bits suffice for the eight high
 * nibbles of ASCII; of the bytes above ASCII, a class has all or none. */
#include "base/scan.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define SCAN_VECTORS 1
#endif

enum {
    TOKEN = 1 << SCAN_TOKEN,
    PATH = 1 << SCAN_PATH,
    TARGET = 1 << SCAN_TARGET,
    VALUE = 1 << SCAN_VALUE,
    NAME = 1 << SCAN_NAME,
    ETAG = 1 << SCAN_ETAG,
    PLAIN = 1 << SCAN_PLAIN,
};

#define VISIBLE (PATH | TARGET | VALUE | ETAG | PLAIN)
#define ALNUM   (TOKEN | VISIBLE | NAME)

/* clang-format off */
static const uint8_t classes_of[256] = {
    ['\t'] = VALUE, [' '] = VALUE | PLAIN,
    ['0' ... '9'] = ALNUM, ['A' ... 'Z'] = ALNUM, ['a' ... 'z'] = ALNUM,
    ['!'] = ALNUM, ['$'] = ALNUM, ['&'] = ALNUM, ['\''] = ALNUM, ['*'] = ALNUM, ['+'] = ALNUM,
    ['-'] = ALNUM, ['.'] = ALNUM, ['_'] = ALNUM, ['~'] = ALNUM,
    ['%'] = TOKEN | VISIBLE, ['^'] = TOKEN | VISIBLE, ['`'] = TOKEN | VISIBLE,
    ['|'] = TOKEN | VISIBLE,
    ['('] = VISIBLE | NAME, [')'] = VISIBLE | NAME, [','] = VISIBLE | NAME, [';'] = VISIBLE | NAME,
    ['='] = VISIBLE | NAME,
    ['"'] = PATH | TARGET | VALUE, ['/'] = VISIBLE, [':'] = VISIBLE, ['<'] = VISIBLE,
    ['>'] = VISIBLE, ['@'] = VISIBLE, ['['] = VISIBLE, ['\\'] = VISIBLE & ~PLAIN, [']'] = VISIBLE,
    ['{'] = VISIBLE, ['}'] = VISIBLE,
    ['?'] = TARGET | VALUE | ETAG | PLAIN,
    ['#'] = TOKEN | VALUE | ETAG | PLAIN, /* begins a fragment, which a client must not send */
    [0x80 ... 0xff] = VALUE | ETAG,
};
/* clang-format on */

static_assert(SCAN_CLASS_COUNT <= 8, "a bit for each class");

bool scan_is(enum scan_class class, char byte)
{
    return classes_of[(uint8_t)byte] >> class & 1;
}

static const char *run_portable(enum scan_class class, const char *at, const char *end)
{
    while (at < end && (classes_of[(uint8_t)*at] >> class & 1))
        at++;
    return at;
}

#if SCAN_VECTORS

/* The table of a class, filled once before main. */
static struct {
    _Alignas(16) uint8_t low[16];
    uint8_t beyond_ascii; /* 0x80 if the class includes bytes above ASCII, else 0 */
} nibbles[SCAN_CLASS_COUNT];

static const _Alignas(16) uint8_t high_bits[16] = {1, 2, 4, 8, 16, 32, 64, 128};

static void make_nibbles(void)
{
    for (unsigned class = 0; class < SCAN_CLASS_COUNT; class ++) {
        for (unsigned byte = 0; byte < 0x80; byte++) {
            if (classes_of[byte] >> class & 1)
                nibbles[class].low[byte & 15] |= (uint8_t)(1 << (byte >> 4));
        }
        nibbles[class].beyond_ascii = classes_of[0x80] >> class & 1 ? 0x80 : 0;
    }
}

/* A mask of the bytes that end the run. For a byte over 0x7f, pshufb gives 0 from either table. */
__attribute__((target("sse4.2"))) static inline unsigned strangers_16(__m128i bytes, __m128i low,
                                                                      __m128i beyond)
{
    __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
    __m128i bits = _mm_load_si128((const __m128i *)(const void *)high_bits);
    __m128i members = _mm_and_si128(_mm_shuffle_epi8(low, bytes), _mm_shuffle_epi8(bits, high));
    members = _mm_or_si128(members, _mm_and_si128(bytes, beyond));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(members, _mm_setzero_si128()));
}

/* The last 8 to 15 bytes, as a vector of two overlapping words: a head that is alone in its buffer
 * always ends in this case. Fewer bytes are checked one by one. */
__attribute__((target("sse4.2"))) static inline const char *run_tail(enum scan_class class,
                                                                     const char *at,
                                                                     const char *end, __m128i low,
                                                                     __m128i beyond)
{
    enum { WORD = sizeof(uint64_t) };
    size_t length = (size_t)(end - at);
    if (length < WORD)
        return run_portable(class, at, end);
    uint64_t first, last;
    memcpy(&first, at, WORD);
    memcpy(&last, end - WORD, WORD);
    last = last >> (2 * WORD - length) * 4 >>
           (2 * WORD - length) * 4; /* in two shifts: a LENGTH of one word needs 64 bits in all */
    unsigned strangers =
        strangers_16(_mm_set_epi64x((long long)last, (long long)first), low, beyond);
    return at + __builtin_ctz(strangers | 1u << length);
}

__attribute__((target("sse4.2"))) static const char *run_sse42(enum scan_class class,
                                                               const char *at, const char *end)
{
    __m128i low = _mm_load_si128((const __m128i *)(const void *)nibbles[class].low);
    __m128i beyond = _mm_set1_epi8((char)nibbles[class].beyond_ascii);
    while (end - at >= 16) {
        unsigned strangers = strangers_16(scan_load(at), low, beyond);
        if (strangers)
            return at + __builtin_ctz(strangers);
        at += 16;
    }
    return run_tail(class, at, end, low, beyond);
}

__attribute__((target("avx2"))) static inline unsigned strangers_32(const char *at, __m256i low,
                                                                    __m256i beyond)
{
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
    __m256i bits =
        _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)(const void *)high_bits));
    __m256i members =
        _mm256_and_si256(_mm256_shuffle_epi8(low, bytes), _mm256_shuffle_epi8(bits, high));
    members = _mm256_or_si256(members, _mm256_and_si256(bytes, beyond));
    return (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(members, _mm256_setzero_si256()));
}

__attribute__((target("avx2"))) static const char *run_avx2(enum scan_class class, const char *at,
                                                            const char *end)
{
    if (end - at >= 32) {
        __m256i low = _mm256_broadcastsi128_si256(
            _mm_load_si128((const __m128i *)(const void *)nibbles[class].low));
        __m256i beyond = _mm256_set1_epi8((char)nibbles[class].beyond_ascii);
        do {
            unsigned strangers = strangers_32(at, low, beyond);
            if (strangers)
                return at + __builtin_ctz(strangers);
            at += 32;
        } while (end - at >= 32);
    }
    return run_sse42(class, at, end);
}

#endif

static struct scan_implementation implementations[3] = {{"portable", run_portable}};
static size_t implementation_count = 1;

scan_function *scan_chosen = run_portable;

/* Runs before main: no thread exists yet, and no caller sees another implementation. */
__attribute__((constructor)) static void choose(void)
{
#if SCAN_VECTORS
    make_nibbles();
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse4.2"))
        implementations[implementation_count++] = (struct scan_implementation){"sse4.2", run_sse42};
    if (__builtin_cpu_supports("avx2"))
        implementations[implementation_count++] = (struct scan_implementation){"avx2", run_avx2};
#endif
    scan_chosen = implementations[implementation_count - 1].run;
}

size_t scan_implementations(const struct scan_implementation **ret)
{
    *ret = implementations;
    return implementation_count;
}

/* --- The end of a head ------------------------------------------------------------------------ */

/* Whether the line feed at INDEX of TEXT is the last byte of CR LF CR LF. */
static bool ends_head(struct str text, size_t index)
{
    return index >= 3 && memcmp(text.at + index - 3, "\r\n\r", 3) == 0;
}

/* scan_head for the line feeds from FIRST on, without vectors. */
static size_t scan_head_from(struct str text, size_t first)
{
    const char *lf;
    while (first < text.length && (lf = memchr(text.at + first, '\n', text.length - first))) {
        first = (size_t)(lf - text.at) + 1;
        if (ends_head(text, first - 1))
            return first;
    }
    return 0;
}

size_t scan_head(struct str text)
{
    size_t at = 0;
#if defined(__SSE2__)
    for (; at + SCAN_STEP <= text.length; at += SCAN_STEP) {
        __m128i feeds = scan_equal(scan_load(text.at + at), '\n');
        for (unsigned mask = (unsigned)_mm_movemask_epi8(feeds); mask; mask &= mask - 1) {
            size_t index = at + (unsigned)__builtin_ctz(mask);
            if (ends_head(text, index))
                return index + 1;
        }
    }
#endif
    return scan_head_from(text, at);
}
