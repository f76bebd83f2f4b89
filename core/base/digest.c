/* digest: see digest.h. Section numbers are those of FIPS 180-4. */
#include "base/digest.h"

#include <endian.h>
#include <stdatomic.h>
#include <string.h>

#if defined __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

enum { ROUNDS = 64 };

/* Section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64
 * primes. */
/* clang-format off */
static const uint32_t constants[ROUNDS] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
/* clang-format on */

/* --- Portable C ------------------------------------------------------------------------------- */

static inline uint32_t rotate(uint32_t x, unsigned bits)
{
    return x >> bits | x << (32 - bits);
}

static inline uint32_t load(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return be32toh(word);
}

/* One round of section 6.2.2, step 3. The standard shifts all eight variables after each round;
 * here the caller passes them in rotated order instead, so only D and H change, and H is A of the
 * next round. KW is the sum of the round's constant and its word of the schedule. */
static inline void take_round(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e,
                              uint32_t f, uint32_t g, uint32_t *h, uint32_t kw)
{
    uint32_t sum_e = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    uint32_t sum_a = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    uint32_t choice = g ^ (e & (f ^ g));
    uint32_t majority = (a & b) | (c & (a | b));
    uint32_t t = *h + sum_e + choice + kw;
    *d += t;
    *h = t + sum_a + majority;
}

/* The message schedule, section 6.2.2, step 1. */
static void schedule_words(uint32_t w[static ROUNDS], const uint8_t *block)
{
    for (unsigned t = 0; t < 16; t++)
        w[t] = load(block + (size_t)t * 4);
    for (unsigned t = 16; t < ROUNDS; t++) {
        uint32_t x = w[t - 15], y = w[t - 2];
        uint32_t sigma_x = rotate(x, 7) ^ rotate(x, 18) ^ x >> 3;
        uint32_t sigma_y = rotate(y, 17) ^ rotate(y, 19) ^ y >> 10;
        w[t] = sigma_y + w[t - 7] + sigma_x + w[t - 16];
    }
}

static void take_blocks_portable(uint32_t state[static 8], const uint8_t *at, size_t count)
{
    for (; count > 0; count--, at += DIGEST_BLOCK_BYTES) {
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        uint32_t w[ROUNDS];
        schedule_words(w, at);
        for (unsigned t = 0; t < ROUNDS; t += 8) {
            const uint32_t *k = constants + t;
            take_round(a, b, c, &d, e, f, g, &h, k[0] + w[t]);
            take_round(h, a, b, &c, d, e, f, &g, k[1] + w[t + 1]);
            take_round(g, h, a, &b, c, d, e, &f, k[2] + w[t + 2]);
            take_round(f, g, h, &a, b, c, d, &e, k[3] + w[t + 3]);
            take_round(e, f, g, &h, a, b, c, &d, k[4] + w[t + 4]);
            take_round(d, e, f, &g, h, a, b, &c, k[5] + w[t + 5]);
            take_round(c, d, e, &f, g, h, a, &b, k[6] + w[t + 6]);
            take_round(b, c, d, &e, f, g, h, &a, k[7] + w[t + 7]);
        }
        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }
}

/* --- With the SHA instructions of x86-64 ------------------------------------------------------ */

#if defined __x86_64__
#define WITH_SHA __attribute__((target("sha,sse4.1")))

/* Not by __builtin_cpu_supports: some compiler versions do not know "sha". */
static bool ask_processor(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

/* CPUID is executed only once, because it traps under a hypervisor. Threads that race here store
 * the same value. */
static bool has_instructions(void)
{
    enum { UNKNOWN, YES, NO };
    static atomic_int answer = UNKNOWN;
    int known = atomic_load_explicit(&answer, memory_order_relaxed);
    if (known == UNKNOWN) {
        known = ask_processor() ? YES : NO;
        atomic_store_explicit(&answer, known, memory_order_relaxed);
    }
    return known == YES;
}

/* The state as the instructions expect it: in two halves, with the first-named variable in the
 * highest lane. */
struct halves {
    __m128i abef;
    __m128i cdgh;
};

/* The four words of the message at AT, one to a lane. */
WITH_SHA static inline __m128i load_words(const uint8_t *at)
{
    const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)at), order);
}

/* The four words of the schedule that follow the sixteen in W0 to W3. */
WITH_SHA static inline __m128i next_words(__m128i w0, __m128i w1, __m128i w2, __m128i w3)
{
    __m128i words = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
    return _mm_sha256msg2_epu32(words, w3);
}

/* Four rounds. Two rounds turn ABEF into CDGH; after four, each half is in its own variable
 * again. */
WITH_SHA static inline void take_rounds(struct halves *s, __m128i words, const uint32_t *k)
{
    __m128i kw = _mm_add_epi32(words, _mm_load_si128((const __m128i *)(const void *)k));
    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, kw);
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(kw, 0x0e));
}

WITH_SHA static void take_blocks_sha(uint32_t state[static 8], const uint8_t *at, size_t count)
{
    struct halves s = {
        _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]),
        _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]),
    };
    for (; count > 0; count--, at += DIGEST_BLOCK_BYTES) {
        struct halves before = s;
        __m128i w0 = load_words(at), w1 = load_words(at + 16);
        __m128i w2 = load_words(at + 32), w3 = load_words(at + 48);
        for (const uint32_t *k = constants;; k += 16) {
            take_rounds(&s, w0, k);
            take_rounds(&s, w1, k + 4);
            take_rounds(&s, w2, k + 8);
            take_rounds(&s, w3, k + 12);
            if (k == constants + ROUNDS - 16)
                break;
            w0 = next_words(w0, w1, w2, w3);
            w1 = next_words(w1, w2, w3, w0);
            w2 = next_words(w2, w3, w0, w1);
            w3 = next_words(w3, w0, w1, w2);
        }
        s.abef = _mm_add_epi32(s.abef, before.abef);
        s.cdgh = _mm_add_epi32(s.cdgh, before.cdgh);
    }
    state[0] = (uint32_t)_mm_extract_epi32(s.abef, 3);
    state[1] = (uint32_t)_mm_extract_epi32(s.abef, 2);
    state[2] = (uint32_t)_mm_extract_epi32(s.cdgh, 3);
    state[3] = (uint32_t)_mm_extract_epi32(s.cdgh, 2);
    state[4] = (uint32_t)_mm_extract_epi32(s.abef, 1);
    state[5] = (uint32_t)_mm_extract_epi32(s.abef, 0);
    state[6] = (uint32_t)_mm_extract_epi32(s.cdgh, 1);
    state[7] = (uint32_t)_mm_extract_epi32(s.cdgh, 0);
}
#endif

/* --- The digest ------------------------------------------------------------------------------- */

void digest_init(struct digest *digest, enum digest_implementation implementation)
{
    /* Section 5.3.3. */
    *digest = (struct digest){
        .state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                  0x1f83d9ab, 0x5be0cd19},
        .take_blocks = take_blocks_portable,
    };
#if defined __x86_64__
    if (implementation == DIGEST_FASTEST && has_instructions())
        digest->take_blocks = take_blocks_sha;
#else
    (void)implementation; /* there is only one */
#endif
}

void digest_update(struct digest *digest, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    size_t held = digest->bytes % DIGEST_BLOCK_BYTES;
    if (length == 0)
        return;
    digest->bytes += length;
    if (held > 0) {
        size_t part = size_min(length, DIGEST_BLOCK_BYTES - held);
        memcpy(digest->block + held, at, part);
        if (held + part < DIGEST_BLOCK_BYTES)
            return;
        digest->take_blocks(digest->state, digest->block, 1);
        at += part;
        length -= part;
    }
    digest->take_blocks(digest->state, at, length / DIGEST_BLOCK_BYTES);
    at += length - length % DIGEST_BLOCK_BYTES;
    memcpy(digest->block, at, length % DIGEST_BLOCK_BYTES);
}

void digest_final(struct digest *digest, uint8_t ret[static DIGEST_BYTES])
{
    /* Section 5.1.1: the last block is padded with a one bit, zeros, and the length in bits. */
    static const uint8_t padding[DIGEST_BLOCK_BYTES] = {0x80};
    uint64_t bits = htobe64(digest->bytes * 8);
    size_t held = digest->bytes % DIGEST_BLOCK_BYTES;
    size_t end = DIGEST_BLOCK_BYTES - sizeof bits;

    digest_update(digest, padding, (held < end ? end : end + DIGEST_BLOCK_BYTES) - held);
    digest_update(digest, &bits, sizeof bits);
    for (unsigned i = 0; i < COUNT_OF(digest->state); i++) {
        uint32_t word = htobe32(digest->state[i]);
        memcpy(ret + i * sizeof word, &word, sizeof word);
    }
}

void digest_write_tag(char to[static DIGEST_TAG_DIGITS], const uint8_t hash[static DIGEST_BYTES])
{
    for (unsigned i = 0; i < DIGEST_TAG_DIGITS; i++)
        to[i] = "0123456789abcdef"[i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15];
}
