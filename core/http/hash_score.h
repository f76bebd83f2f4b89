/* hash_score: how much more like a random string than like something that people write a part of a
 * name is.
 *
 * The score is a logarithm of the ratio of two likelihoods: that of the string if each character
 * was drawn from the alphabet with equal chances, and that of the string as a word, a number or a
 * word in camel case. Scores of independent strings add up. Pure; includes str. */
#ifndef SLUICE_HASH_SCORE_H
#define SLUICE_HASH_SCORE_H

#include "base/str.h"

enum { HASH_LENGTH_MAX = 64 };

/* The characters of a hash, each alphabet before those that contain it. */
enum hash_alphabet {
    HASH_HEXADECIMAL, /* lower case: webpack, Parcel, Next.js, Rollup, Django, Hugo */
    HASH_BASE32,      /* A-Z and 2-7 (RFC 4648 section 6): esbuild, Angular */
    HASH_BASE36,      /* a-z and digits: Rollup, Bun */
    HASH_BASE38,      /* these, '-' and '_': Turbopack */
    HASH_BASE64URL,   /* RFC 4648 section 5: Vite, Rollup, Astro, SvelteKit */
    HASH_ALPHABET_COUNT,
};

/* Whether all characters of TOKEN are in ALPHABET. */
bool hash_is_of(struct str token, enum hash_alphabet alphabet);

/* The score of TOKEN, which is of ALPHABET and not longer than HASH_LENGTH_MAX, in eighths of a
 * natural logarithm. Positive: a random string is likelier. A date of 8 digits has a very low
 * score. */
int hash_score(struct str token, enum hash_alphabet alphabet);

/* How often each character is at each position of some tokens of equal length. Zeros: no tokens. */
struct hash_spread {
    unsigned count;
    unsigned length;
    uint16_t counts[HASH_LENGTH_MAX][64];
};

/* Adds TOKEN, which is of some alphabet. */
void hash_spread_add(struct hash_spread *spread, struct str token);

/* Whether the tokens differ at nearly all positions. Identifiers of devices of one maker, or of
 * objects made at about the same time, begin alike. */
bool hash_spread_is_random(const struct hash_spread *spread);

#endif
