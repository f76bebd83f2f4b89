/* scan: how far a run of bytes of one class goes: the inner loop of every parser here.
 *
 * Pure. The classes are those of RFC 9110, 9112 and 3986. There are several implementations, of which
 * the fastest that this machine has is chosen once, before main: AVX2, SSE4.2, or portable C. All give
 * the same for all bytes, and none reads a byte outside what it is given (tests/unit/base/test_scan.c).
 *
 * Most runs are short, and a call costs more than to look at 16 bytes: the functions below do that on the
 * spot, with what every x86-64 has (SSE2), and call only for what goes on. */
#ifndef SLUICE_SCAN_H
#define SLUICE_SCAN_H

#include "base/str.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum scan_class {
    SCAN_TOKEN,  /* tchar, RFC 9110 section 5.6.2 */
    SCAN_PATH,   /* VCHAR but '#' and '?': a request target up to its query, before a closer look */
    SCAN_TARGET, /* VCHAR but '#': a whole one */
    SCAN_VALUE,  /* field-content and white space in it: VCHAR, obs-text, SP, HTAB; section 5.5 */
    SCAN_NAME,   /* reg-name and IPv4address without escapes: RFC 3986 section 3.2.2 */
    SCAN_ETAG, /* etagc: what stands between the quotes of an entity tag, RFC 9110 section 8.8.3 */
    SCAN_CLASS_COUNT,
};

/* Where the run of CLASS that begins at AT ends, at END at the latest. */
typedef const char *scan_function(enum scan_class class, const char *at, const char *end);

/* The one that has been chosen. */
extern scan_function *scan_chosen;

/* Whether BYTE is of CLASS. */
bool scan_is(enum scan_class class, char byte);

/* All that this machine can run, the best last: at least the portable one. */
struct scan_implementation {
    const char *name;
    scan_function *run;
};
size_t scan_implementations(const struct scan_implementation **ret);

/* The length of the head that TEXT begins with, up to its first CR LF CR LF, or 0 if that is not there. */
size_t scan_head(struct str text);

#if defined(__SSE2__)

enum { SCAN_STEP = 16 };

/* Which of BYTES are in FIRST to FIRST + COUNT - 1. */
static inline __m128i scan_in_range(__m128i bytes, char first, int count)
{
    __m128i offset = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(offset, _mm_set1_epi8((char)(count - 1))), offset);
}

static inline __m128i scan_equal(__m128i bytes, char byte)
{
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte));
}

/* How many of the 16 bytes at AT begin a run, by the mask of those that belong to it. */
static inline unsigned scan_count(__m128i members)
{
    return (unsigned)__builtin_ctz(~(unsigned)_mm_movemask_epi8(members));
}

static inline __m128i scan_load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* Letters, digits and '-', which is nearly all that there is in names of fields and hosts. */
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
    /* To the end of most values: a longer run of vectors has to begin before it is worth its call. Tabs are
     * rare, and left to that. */
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
