/* hash: distinguishes texts, depends on the secret, reads nothing outside the text. */
#include "base/hash.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { LENGTH_MAX = 100 };

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A text of every length, and each of them with one bit changed: all hashes differ, under any
 * secret. */
Test(hash, differs_for_texts_that_differ_in_one_bit, .timeout = 120)
{
    static uint64_t hashes[2 * (LENGTH_MAX + 1) * (8 * LENGTH_MAX + 1)];
    for (unsigned round = 0; round < 4; round++) {
        char text[LENGTH_MAX];
        memset(text, (int)('a' + round), sizeof text);
        uint64_t secret = round < 2 ? round : hash_secret(text);
        size_t count = 0;
        for (size_t length = 0; length <= LENGTH_MAX; length++) {
            hashes[count++] = hash_bytes(secret, (struct str){text, length});
            for (size_t bit = 0; bit < 8 * length; bit++) {
                text[bit / 8] ^= (char)(1 << bit % 8);
                hashes[count++] = hash_bytes(secret, (struct str){text, length});
                text[bit / 8] ^= (char)(1 << bit % 8);
            }
        }
        qsort(hashes, count, sizeof hashes[0], compare);
        for (size_t i = 1; i < count; i++)
            cr_assert_neq(hashes[i - 1], hashes[i]);
    }
}

/* Tables use the low bits, so these must be spread evenly: numbered names must fill most of a
 * table. */
Test(hash, spreads_low_bits, .timeout = 120)
{
    enum { PLACES = 1 << 12 };
    static bool taken[PLACES];
    unsigned places = 0;
    for (unsigned i = 0; i < PLACES; i++) {
        char text[32];
        int length = snprintf(text, sizeof text, "assets/image-%u.png", i);
        uint64_t place = hash_bytes(7, (struct str){text, (size_t)length}) % PLACES;
        places += !taken[place];
        taken[place] = true;
    }
    cr_expect_gt(places, PLACES * 6 / 10, "at random it would be 63 %% of them, not %u", places);
}

Test(hash, depends_on_the_secret, .timeout = 120)
{
    cr_expect_neq(hash_bytes(1, STR("a name")), hash_bytes(2, STR("a name")));
    cr_expect_neq(hash_secret(NULL), hash_secret(NULL));
}

Test(hash, reads_only_the_text, .timeout = 120)
{
    char text[LENGTH_MAX] = {0};
    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        struct str copy = guard_copy((struct str){text, length});
        cr_expect_eq(hash_bytes(3, copy), hash_bytes(3, (struct str){text, length}));
        guard_drop(copy);
    }
}
