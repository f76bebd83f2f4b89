/* prng: a small seeded generator (splitmix64), so that a random test fails the same way twice. */
#ifndef SLUICE_TESTS_PRNG_H
#define SLUICE_TESTS_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t state; /* any seed is valid */
};

static inline uint64_t prng_next(struct prng *prng)
{
    uint64_t z = prng->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* A number from 0 to LIMIT - 1; LIMIT is not 0. */
static inline uint64_t prng_below(struct prng *prng, uint64_t limit)
{
    return prng_next(prng) % limit;
}

#endif
