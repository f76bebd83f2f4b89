/* utf8: RFC 3629 sections 3 and 4; Unicode 15 section 3.9 for ill-formed bytes. */
#include "base/utf8.h"
#include "support/guard.h"
#include "support/prng.h"

#include <criterion/criterion.h>

#define FFFD UTF8_REPLACEMENT

/* TEXT with every invalid byte sequence replaced, at TO, which has room for three times its
 * length. */
static struct str repair(struct str text, char *to)
{
    struct str copy = guard_copy(text), rest = copy;
    char *end = to;
    while (rest.length > 0) {
        struct str before = rest, character = utf8_take(&rest);
        size_t taken = before.length - rest.length;
        cr_assert(taken >= 1 && taken <= 4 && rest.at == before.at + taken);
        cr_assert(str_equal(character, str_first(before, taken)) ||
                  (str_equal(character, STR(FFFD)) && taken <= 3));
        end = str_put(end, character);
    }
    guard_drop(copy);
    return (struct str){to, (size_t)(end - to)};
}

Test(utf8, replaces_invalid_sequences)
{
    static const struct {
        const char *label;
        struct str text, expected;
    } rows[] = {
        {"ASCII", STR_INIT("a\0\x7f"), STR_INIT("a\0\x7f")},
        {"RFC 3629 section 7", STR_INIT("A\xe2\x89\xa2\xce\x91."),
         STR_INIT("A\xe2\x89\xa2\xce\x91.")},
        {"section 7, beyond the BMP", STR_INIT("\xf0\xa3\x8e\xb4"), STR_INIT("\xf0\xa3\x8e\xb4")},
        {"a continuation alone",
         STR_INIT("\x80"
                  "a\xbf"),
         STR_INIT(FFFD "a" FFFD)},
        {"a start alone", STR_INIT("\xc3"), STR_INIT(FFFD)},
        {"a start, then ASCII",
         STR_INIT("\xc3"
                  "a"),
         STR_INIT(FFFD "a")},
        {"a start, then a character", STR_INIT("\xe2\xc3\xbc"), STR_INIT(FFFD "\xc3\xbc")},
        {"two of three", STR_INIT("\xe2\x89"), STR_INIT(FFFD)},
        {"two of three, then ASCII", STR_INIT("\xe2\x89/"), STR_INIT(FFFD "/")},
        {"three of four", STR_INIT("\xf0\xa3\x8e"), STR_INIT(FFFD)},
        {"an overlong slash", STR_INIT("\xc0\xaf"), STR_INIT(FFFD FFFD)},
        {"in three bytes", STR_INIT("\xe0\x80\xaf"), STR_INIT(FFFD FFFD FFFD)},
        {"in four bytes", STR_INIT("\xf0\x80\x80\xaf"), STR_INIT(FFFD FFFD FFFD FFFD)},
        {"a surrogate", STR_INIT("\xed\xa0\x80"), STR_INIT(FFFD FFFD FFFD)},
        {"beyond U+10FFFF", STR_INIT("\xf4\x90\x80\x80"), STR_INIT(FFFD FFFD FFFD FFFD)},
        {"bytes that cannot come first", STR_INIT("\xf5\xff\xfe"), STR_INIT(FFFD FFFD FFFD)},
        {"Unicode table 3-8", STR_INIT("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"),
         STR_INIT(FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A")},
        {"Unicode table 3-11", STR_INIT("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"),
         STR_INIT(FFFD FFFD FFFD FFFD "A")},
        {"the replacement itself", STR_INIT(FFFD), STR_INIT(FFFD)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[64];
        cr_expect(str_equal(repair(rows[i].text, to), rows[i].expected), "%s", rows[i].label);
    }
}

/* Encodes CODE in LENGTH bytes by the table of section 3. Returns LENGTH. */
static size_t encode(char to[static 4], uint32_t code, size_t length)
{
    static const uint8_t marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)(marks[length] | code);
    return length;
}

/* Every number in every length that can encode it: valid in one of them, or in none. */
Test(utf8, accepts_exactly_the_valid_encodings)
{
    static const uint32_t beyond[] = {0, 0x80, 0x800, 0x10000, 0x200000};
    for (size_t length = 1; length <= 4; length++) {
        for (uint32_t code = 0; code < beyond[length]; code++) {
            char bytes[4];
            struct str text = {bytes, encode(bytes, code, length)}, rest = text;
            bool surrogate = code >= 0xd800 && code <= 0xdfff;
            bool is_character = code >= beyond[length - 1] && code <= 0x10ffff && !surrogate;
            cr_assert_eq(utf8_is_valid(text), is_character, "U+%04X in %zu bytes", code, length);
            struct str taken = utf8_take(&rest);
            cr_assert_eq(taken.at == text.at && taken.length == length && rest.length == 0,
                         is_character, "U+%04X in %zu bytes", code, length);
            if (!is_character)
                cr_assert(str_equal(taken, STR(FFFD)) && rest.length == length - 1,
                          "U+%04X in %zu bytes", code, length);
        }
    }
}

Test(utf8, gives_well_formed_text_for_any_bytes)
{
    struct prng prng = {3629};
    for (int round = 0; round < 20000; round++) {
        char bytes[24], once[3 * sizeof bytes], twice[9 * sizeof bytes];
        struct str text = {bytes, prng_below(&prng, sizeof bytes + 1)};
        for (size_t i = 0; i < text.length; i++)
            bytes[i] = (char)(prng_below(&prng, 4) > 0 ? 0x80 | prng_next(&prng) : 'a');
        struct str repaired = repair(text, once);
        cr_assert(str_equal(repair(repaired, twice), repaired));
        cr_assert(utf8_is_valid(repaired));
        cr_assert_eq(utf8_is_valid(text), str_equal(repaired, text));
    }
}
