/* listing_rig: helpers for the tests of listings: random entries, and resolving references. */
#ifndef SLUICE_TESTS_LISTING_RIG_H
#define SLUICE_TESTS_LISTING_RIG_H

#include "http/listing.h"
#include "support/guard.h"
#include "support/prng.h"

enum { RIG_ENTRIES_MAX = 12, RIG_NAME_BYTES_MAX = 24 };

struct listing_rig {
    struct listing_entry entries[RIG_ENTRIES_MAX];
    size_t count;
    char names[RIG_ENTRIES_MAX][RIG_NAME_BYTES_MAX];
};

/* The bytes that a file's name may contain: all except the slash and NUL. */
static inline char rig_byte(struct prng *prng)
{
    static const char likely[] =
        "ab012<>&\"'\\%:. \n\x7f\xc2\x85\xc3\xbc\xe2\x82\xac\xf0\x9f\xed\xa0";
    char byte = likely[prng_below(prng, sizeof likely - 1)];
    if (prng_below(prng, 4) == 0)
        byte = (char)prng_next(prng);
    return byte == '/' || byte == '\0' ? '_' : byte;
}

/* Up to RIG_ENTRIES_MAX entries. */
static inline void rig_fill(struct listing_rig *rig, struct prng *prng)
{
    rig->count = prng_below(prng, RIG_ENTRIES_MAX + 1);
    for (size_t i = 0; i < rig->count; i++) {
        size_t length = 1 + prng_below(prng, RIG_NAME_BYTES_MAX);
        for (size_t j = 0; j < length; j++)
            rig->names[i][j] = rig_byte(prng);
        rig->entries[i] = (struct listing_entry){
            .name = {rig->names[i], length},
            .kind = prng_below(prng, 3) == 0 ? LISTING_DIRECTORY : LISTING_FILE,
            .bytes = prng_next(prng) >> prng_below(prng, 64),
            .modified_seconds = (int64_t)prng_next(prng) >> prng_below(prng, 64),
        };
    }
}

static inline void rig_shuffle(struct listing_entry *entries, size_t count, struct prng *prng)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = prng_below(prng, i);
        struct listing_entry other = entries[j];
        entries[j] = entries[i - 1];
        entries[i - 1] = other;
    }
}

/* Decodes the relative reference TEXT to TO, which has room for it. A length of 0: not one segment
 * of unreserved and encoded bytes. */
static inline struct str rig_decode(struct str text, char *to)
{
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        if (c == '%' && i + 2 < text.length) {
            int high = char_hex(text.at[i + 1]), low = char_hex(text.at[i + 2]);
            if (high < 0 || low < 0)
                return (struct str){to, 0};
            c = (char)(high << 4 | low);
            i += 2;
        } else if (!(char_lower(c) >= 'a' && char_lower(c) <= 'z') && !char_is_digit(c) &&
                   (c == '\0' || !strchr("-._~", c))) {
            return (struct str){to, 0};
        }
        to[length++] = c;
    }
    return (struct str){to, length};
}

/* Whether the reference TEXT leads to ENTRY. */
static inline bool rig_leads_to(struct str text, const struct listing_entry *entry)
{
    char decoded[256];
    if (entry->kind == LISTING_DIRECTORY) {
        if (!str_ends_with(text, STR("/")))
            return false;
        text.length--;
    }
    return str_equal(rig_decode(text, decoded), entry->name);
}

#endif
