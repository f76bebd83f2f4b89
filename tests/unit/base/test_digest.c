/* digest: FIPS 180-4, by NIST's own examples. Every test runs with both implementations. */
#include "base/digest.h"
#include "support/guard.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const enum digest_implementation implementations[] = {DIGEST_FASTEST, DIGEST_PORTABLE};

struct hash_text {
    char text[2 * DIGEST_BYTES + 1];
};

static struct hash_text write_hash(const uint8_t hash[static DIGEST_BYTES])
{
    struct hash_text written;
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        sprintf(written.text + 2 * i, "%02x", hash[i]);
    return written;
}

/* The digest of CONTENT, hashed by one call. */
static struct hash_text hash_of(struct str content, enum digest_implementation implementation)
{
    struct digest digest;
    uint8_t hash[DIGEST_BYTES];
    struct str copy = guard_copy(content);
    digest_init(&digest, implementation);
    digest_update(&digest, copy.at, copy.length);
    digest_final(&digest, hash);
    guard_drop(copy);
    return write_hash(hash);
}

/* The examples of FIPS 180-2 appendix B and of NIST's "SHA-256" example document, in that order. */
Test(digest, agrees_with_the_published_examples)
{
    static const struct {
        const char *label;
        struct str unit;
        size_t count;
        const char *hash;
    } rows[] = {
        {"\"abc\"", STR_INIT("abc"), 1,
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"448 bits", STR_INIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), 1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"896 bits",
         STR_INIT("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                  "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
         1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
        {"a million times \"a\"", STR_INIT("a"), 1000000,
         "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {"nothing", STR_INIT(""), 0,
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"one byte", STR_INIT("\xbd"), 1,
         "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"},
        {"four bytes", STR_INIT("\xc9\x8c\x8e\x55"), 1,
         "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504"},
        {"55 zeros: the longest that fits one block", STR_INIT("\0"), 55,
         "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"},
        {"56 zeros", STR_INIT("\0"), 56,
         "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"},
        {"57 zeros", STR_INIT("\0"), 57,
         "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785"},
        {"64 zeros", STR_INIT("\0"), 64,
         "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"},
        {"1000 zeros", STR_INIT("\0"), 1000,
         "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53"},
        {"1000 times \"A\"", STR_INIT("A"), 1000,
         "c2e686823489ced2017f6059b8b239318b6364f6dcd835d0a519105a1eadd6e4"},
        {"1005 times \"U\"", STR_INIT("U"), 1005,
         "f4d62ddec0f3dd90ea1380fa16a5ff8dc4c54b21740650f24afc4120903552b0"},
        {"a million zeros", STR_INIT("\0"), 1000000,
         "d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t length = rows[i].unit.length * rows[i].count;
        char *bytes = malloc(length + 1), *at = bytes;
        for (size_t count = 0; count < rows[i].count; count++)
            at = str_put(at, rows[i].unit);
        for (size_t w = 0; w < COUNT_OF(implementations); w++) {
            struct hash_text got = hash_of((struct str){bytes, length}, implementations[w]);
            cr_expect_str_eq(got.text, rows[i].hash, "%s, implementation %zu: %s", rows[i].label, w,
                             got.text);
        }
        free(bytes);
    }
}

/* The digest of the digests of contents of 0 to 300 bytes. The expected value is from Python's
 * hashlib. */
Test(digest, agrees_with_another_implementation_at_every_length)
{
    for (size_t w = 0; w < COUNT_OF(implementations); w++) {
        struct digest all, one;
        uint8_t bytes[300], hash[DIGEST_BYTES];
        digest_init(&all, implementations[w]);
        for (unsigned length = 0; length <= sizeof bytes; length++) {
            for (unsigned i = 0; i < length; i++)
                bytes[i] = (uint8_t)(i * 7 + length);
            digest_init(&one, implementations[w]);
            digest_update(&one, bytes, length);
            digest_final(&one, hash);
            digest_update(&all, hash, sizeof hash);
        }
        digest_final(&all, hash);
        cr_expect_str_eq(write_hash(hash).text,
                         "60d63ff40b5558727a9b786ac0be9300f7ca58fd9ddd3b2f3681b369018a87dc",
                         "implementation %zu", w);
    }
}

Test(digest, does_not_depend_on_how_the_content_is_split)
{
    struct prng prng = {180};
    char bytes[600];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)prng_next(&prng);
    for (int round = 0; round < 3000; round++) {
        struct str content = {bytes, prng_below(&prng, sizeof bytes + 1)};
        struct hash_text whole = hash_of(content, DIGEST_PORTABLE);
        uint64_t step = 1 + prng_below(&prng, 200);
        for (size_t w = 0; w < COUNT_OF(implementations); w++) {
            struct digest digest;
            uint8_t hash[DIGEST_BYTES];
            struct str rest = content;
            digest_init(&digest, implementations[w]);
            while (rest.length > 0) {
                struct str part = str_first(rest, prng_below(&prng, step + 1));
                digest_update(&digest, part.at, part.length);
                rest = str_from(rest, part.length);
            }
            digest_update(&digest, NULL, 0);
            digest_final(&digest, hash);
            cr_assert_str_eq(write_hash(hash).text, whole.text,
                             "%zu bytes, step %ju, implementation %zu", content.length,
                             (uintmax_t)step, w);
        }
    }
}

/* Section 5.1.1: the length has 64 bits. Hashing 4 GiB would take seconds, so the test sets the
 * count of bytes instead. The expected value is from a model in Python. */
Test(digest, counts_beyond_32_bits)
{
    for (size_t w = 0; w < COUNT_OF(implementations); w++) {
        struct digest digest;
        uint8_t hash[DIGEST_BYTES];
        digest_init(&digest, implementations[w]);
        digest.bytes = (uint64_t)1 << 32;
        digest_final(&digest, hash);
        cr_expect_str_eq(write_hash(hash).text,
                         "7ccf0d399639597c6ac9bd868695ea3bdcba23e33da8cb4e089e20cdff2e3300");
    }
}

Test(digest, writes_entity_tags)
{
    uint8_t hash[DIGEST_BYTES];
    char tag[DIGEST_TAG_DIGITS + 1] = {[DIGEST_TAG_DIGITS] = '#'};
    for (size_t i = 0; i < sizeof hash; i++)
        hash[i] = (uint8_t)(i * 0x11 + 0x0a);
    digest_write_tag(tag, hash);
    cr_expect_eq(tag[DIGEST_TAG_DIGITS], '#', "one byte too many");
    tag[DIGEST_TAG_DIGITS] = '\0';
    cr_expect_str_eq(tag, "0a1b2c3d4e5f708192a3b4c5d6e7f809");
}
