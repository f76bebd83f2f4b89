/* hash: see hash.h. */
#include "base/hash.h"

#include <sys/random.h>

static const uint64_t odd_one = 0x9e3779b97f4a7c15u, odd_two = 0xd6e8feb86659fd93u;

uint64_t hash_secret(const void *address)
{
    uint64_t secret;
    if (getrandom(&secret, sizeof secret, GRND_NONBLOCK) != sizeof secret)
        secret = (uintptr_t)address * odd_one;
    return secret;
}

/* The high and low halves of the 128-bit product, XORed: every bit of A and B changes many bits of
 * the result. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word_at(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Packs a TEXT shorter than 8 bytes into a word: different texts of the same length give different
 * words. */
static uint64_t short_word(struct str text)
{
    if (text.length >= 4) {
        uint32_t first, last; /* they overlap or are adjacent */
        memcpy(&first, text.at, sizeof first);
        memcpy(&last, text.at + text.length - sizeof last, sizeof last);
        return (uint64_t)first << 32 | last;
    }
    uint64_t word = 0;
    for (size_t i = 0; i < text.length; i++)
        word = word << 8 | (uint8_t)text.at[i];
    return word;
}

/* Mixes in two words at a time. The last two end at the end of the text and may overlap those
 * before. */
uint64_t hash_bytes(uint64_t secret, struct str text)
{
    enum { WORD = sizeof(uint64_t), STEP = 2 * WORD };
    uint64_t hash = secret ^ (text.length * odd_two), other = secret ^ odd_one;
    const char *at = text.at;
    if (text.length < WORD) {
        hash = fold(hash ^ short_word(text), other);
    } else if (text.length < STEP) {
        hash = fold(hash ^ word_at(at), other ^ word_at(at + text.length - WORD));
    } else {
        const char *last = at + text.length - STEP;
        for (; at < last; at += STEP)
            hash = fold(hash ^ word_at(at), other ^ word_at(at + WORD));
        hash = fold(hash ^ word_at(last), other ^ word_at(last + WORD));
    }
    return fold(hash, odd_two);
}
