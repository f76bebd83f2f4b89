/* access_escape: each byte as Apache's httpd and RFC 8259 section 7 write it, wherever it is. */
#include "observe/access_escape.h"

#include "base/utf8.h"
#include "support/guard.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { LENGTH_MAX = 70 }; /* more than two vectors */

TestSuite(access_escape, .timeout = 120);

/* TEXT, byte by byte. */
static size_t escape_httpd(char *to, struct str text)
{
    static const char *const letters[256] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\n'] = "\\n",
        ['\r'] = "\\r", ['\t'] = "\\t",  ['\v'] = "\\v",
    };
    char *at = to;
    for (size_t i = 0; i < text.length; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        if (letters[c])
            at += sprintf(at, "%s", letters[c]);
        else
            at += sprintf(at, c >= 0x20 && c <= 0x7e ? "%c" : "\\x%02x", c);
    }
    return (size_t)(at - to);
}

/* TEXT, character by character. */
static size_t escape_json(char *to, struct str text)
{
    static const char *const letters[256] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\n'] = "\\n",
        ['\r'] = "\\r", ['\t'] = "\\t",  ['\f'] = "\\f",
    };
    char *at = to;
    while (text.length > 0) {
        const struct str character = utf8_take(&text);
        const unsigned char c = (unsigned char)character.at[0];
        const unsigned char last = (unsigned char)character.at[character.length - 1];
        if (letters[c])
            at += sprintf(at, "%s", letters[c]);
        else if (c < 0x20 || c == 0x7f || (c == 0xc2 && last < 0xa0))
            at += sprintf(at, "\\u00%02x", last);
        else
            at += sprintf(at, "%.*s", (int)character.length, character.at);
    }
    return (size_t)(at - to);
}

static void expect_same(struct str text)
{
    static char got[LENGTH_MAX * ACCESS_ESCAPE_BYTES_MAX], wanted[sizeof got + 1];
    size_t length = escape_httpd(wanted, text);
    cr_assert_eq((size_t)(access_escape_httpd(got, text) - got), length);
    cr_assert_arr_eq(got, wanted, length);
    length = escape_json(wanted, text);
    cr_assert_eq((size_t)(access_escape_json(got, text) - got), length);
    cr_assert_arr_eq(got, wanted, length);
}

/* Nothing is read beyond the end, which is that of a page. */
Test(access_escape, writes_every_byte_alike_at_every_place)
{
    for (size_t length = 1; length <= LENGTH_MAX; length++) {
        char bytes[LENGTH_MAX];
        memset(bytes, 'a', sizeof bytes);
        const struct str text = guard_copy((struct str){bytes, length});
        char *place = (char *)(uintptr_t)text.at;
        const size_t step = length % 16 < 2 ? 1 : 7; /* all places of some lengths */
        for (size_t i = 0; i < length; i += step) {
            for (unsigned byte = 0; byte < 256; byte++) {
                place[i] = (char)byte;
                expect_same(text);
            }
            place[i] = 'a';
        }
        guard_drop(text);
    }
}

Test(access_escape, writes_any_sequence_alike)
{
    static const char likely[] = "\"\\\n\x7f\xc2\x85\xe2\x82\xac\xed\xf0\x9f";
    struct prng prng = {1};
    expect_same(STR(""));
    for (unsigned round = 0; round < 20000; round++) {
        char bytes[LENGTH_MAX];
        const size_t length = prng_below(&prng, sizeof bytes + 1);
        const uint64_t plain = prng_below(&prng, 8);
        for (size_t i = 0; i < length; i++)
            bytes[i] = prng_below(&prng, 8) < plain ? (char)(' ' + prng_below(&prng, 0x60))
                                                    : likely[prng_below(&prng, sizeof likely - 1)];
        expect_same((struct str){bytes, length});
    }
}
