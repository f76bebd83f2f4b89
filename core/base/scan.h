/* scan: finds the end of a run of bytes of one class: the inner loop of every parser here.
 *
 * Pure. The classes are those of RFC 9110, 9112 and 3986, and one of logs. The fastest
 * implementation that the processor supports (AVX2, SSE4.2 or portable C) is chosen once, before
 * main. All give the same result for all bytes, and none reads a byte outside the given range
 * (tests/unit/base/test_scan.c).
 *
 * Most runs are short, and a call costs more than checking 16 bytes. The inline functions below
 * check the first 16 with SSE2, which every x86-64 processor has, and call only for longer runs. */
#ifndef SLUICE_SCAN_H
#define SLUICE_SCAN_H

#include "base/str.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum scan_class {
    SCAN_TOKEN,  /* tchar, RFC 9110 section 5.6.2 */
    SCAN_PATH,   /* VCHAR except '#' and '?': a request target up to its query, not yet validated */
    SCAN_TARGET, /* VCHAR except '#': a whole request target */
    SCAN_VALUE,  /* a field value with its white space, section 5.5: VCHAR, obs-text, SP, HTAB */
    SCAN_NAME,   /* reg-name and IPv4address without percent-encoding, RFC 3986 section 3.2.2 */
    SCAN_ETAG,   /* etagc: the bytes between the quotes of an entity tag, RFC 9110 section 8.8.3 */
    SCAN_PLAIN,  /* what strings of logs and of JSON hold as it is: VCHAR and SP, no '"', no '\\' */
    SCAN_CLASS_COUNT,
};

/* The end of the run of CLASS bytes that begins at AT: the first byte of another class, or END. */
typedef const char *scan_function(enum scan_class class, const char *at, const char *end);

/* The chosen implementation. */
extern scan_function *scan_chosen;

/* Whether BYTE is in CLASS. */
bool scan_is(enum scan_class class, char byte);

/* The implementations that this processor supports, slowest first; there is at least the portable
 * one. Sets *RET to the first and returns their number. For tests and benchmarks. */
struct scan_implementation {
    const char *name;
    scan_function *run;
};
size_t scan_implementations(const struct scan_implementation **ret);

/* The length of the head at the start of TEXT, including the CR LF CR LF that ends it. 0: there is
 * no CR LF CR LF yet. */
size_t scan_head(struct str text);

#if defined(__SSE2__)

enum { SCAN_STEP = 16 };

/* All ones in the lanes of BYTES that are in FIRST to FIRST + COUNT - 1. */
static inline __m128i scan_in_range(__m128i bytes, char first, int count)
{
    __m128i offset = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8((char)(count - 1))), offset);
}

static inline __m128i scan_equal(__m128i bytes, char byte)
{
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte));
}

/* The number of leading lanes that are set in MEMBERS: the length of the run. All 16 set: 16 or
 * more. */
static inline unsigned scan_count(__m128i members)
{
    return (unsigned)__builtin_ctz(~(unsigned)_mm_movemask_epi8(members));
}

static inline __m128i scan_load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* Letters, digits and '-': nearly all bytes in names of fields and hosts. */
static inline __m128i scan_words(__m128i bytes)
{
    __m128i letters = scan_in_range(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 26);
    __m128i digits = scan_in_range(bytes, '0', 10);
    return _mm_or_si128(letters, _mm_or_si128(digits, scan_equal(bytes, '-')));
}

#endif

static inline const char *scan_token(const char *at, const char *end)
{
#if defined(__SSE2__)
    if (end - at >= SCAN_STEP) {
        unsigned count = scan_count(scan_words(scan_load(at)));
        if (count < SCAN_STEP && at[count] == ':')
            return at + count;
        at += count;
    }
#endif
    return scan_chosen(SCAN_TOKEN, at, end);
}

static inline const char *scan_path(const char *at, const char *end)
{
#if defined(__SSE2__)
    if (end - at >= SCAN_STEP) {
        __m128i bytes = scan_load(at);
        __m128i marks = _mm_or_si128(scan_equal(bytes, '#'), scan_equal(bytes, '?'));
        unsigned count =
            scan_count(_mm_andnot_si128(marks, scan_in_range(bytes, '!', '~' - '!' + 1)));
        if (count < SCAN_STEP)
            return at + count;
        at += SCAN_STEP;
    }
#endif
    return scan_chosen(SCAN_PATH, at, end);
}

static inline const char *scan_value(const char *at, const char *end)
{
#if defined(__SSE2__)
    /* Goes on to the end of most values: a longer run of vectors pays for a call only if the value
     * is still longer. Tabs are rare and left to the call. */
    for (; end - at >= SCAN_STEP; at += SCAN_STEP) {
        __m128i bytes = scan_load(at);
        unsigned strangers = (unsigned)_mm_movemask_epi8(
            _mm_or_si128(scan_in_range(bytes, '\0', ' '), scan_equal(bytes, 0x7f)));
        if (strangers) {
            at += __builtin_ctz(strangers);
            if (*at != '\t')
                return at;
            break;
        }
    }
#endif
    return scan_chosen(SCAN_VALUE, at, end);
}

static inline const char *scan_name(const char *at, const char *end)
{
#if defined(__SSE2__)
    if (end - at >= SCAN_STEP) {
        __m128i bytes = scan_load(at);
        unsigned count = scan_count(_mm_or_si128(scan_words(bytes), scan_equal(bytes, '.')));
        if (count < SCAN_STEP && (at[count] == ':' || at[count] == '\r'))
            return at + count;
        at += count;
    }
#endif
    return scan_chosen(SCAN_NAME, at, end);
}

#endif
