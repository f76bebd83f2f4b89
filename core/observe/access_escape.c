/* access_escape: see access_escape.h. */
#include "observe/access_escape.h"

#include "base/scan.h"
#include "base/utf8.h"

/* Moves the run of plain bytes at the beginning of *TEXT, which may be empty, to TO. Returns the
 * end. */
static inline char *put_plain(char *to, struct str *text)
{
    const char *end = scan_chosen(SCAN_PLAIN, text->at, text->at + text->length);
    const size_t length = (size_t)(end - text->at);
    memcpy(to, text->at, length);
    *text = (struct str){end, text->length - length};
    return to + length;
}

/* Writes BYTE as two hexadecimal digits. Returns the end. */
static char *put_hex(char *to, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    to[0] = digits[byte >> 4];
    to[1] = digits[byte & 15];
    return to + 2;
}

/* The letter of the escape sequence for BYTE, of those in KNOWN, such as "\bb\nn"; 0: none. */
static char letter_of(char byte, const char *known)
{
    for (; *known; known += 2) {
        if (known[0] == byte)
            return known[1];
    }
    return 0;
}

/* Writes BYTE, which is not plain. */
static char *put_httpd_byte(char *to, char byte)
{
    const char letter = letter_of(byte, "\"\"\\\\\bb\nn\rr\tt\vv");
    *to++ = '\\';
    *to++ = letter ? letter : 'x';
    return letter ? to : put_hex(to, (unsigned char)byte);
}

char *access_escape_httpd(char *to, struct str text)
{
    while (text.length > 0) {
        to = put_plain(to, &text);
        if (text.length > 0)
            to = put_httpd_byte(to, *text.at);
        text = str_from(text, 1);
    }
    return to;
}

/* Whether CHARACTER, in UTF-8, is DEL or a control of U+0080 to U+009F, which terminals obey. */
static bool is_late_control(struct str character)
{
    const unsigned char *at = (const unsigned char *)character.at;
    return at[0] == 0x7f || (character.length == 2 && at[0] == 0xc2 && at[1] < 0xa0);
}

/* Moves the first character of *TEXT, which is not plain, to TO. Returns the end. */
static char *put_json_character(char *to, struct str *text)
{
    const char c = *text->at;
    const struct str character = utf8_take(text);
    const char letter = letter_of(c, "\"\"\\\\\bb\nn\rr\tt\ff");
    if (letter) {
        *to++ = '\\';
        *to++ = letter;
        return to;
    }
    if ((unsigned char)c >= 0x20 && !is_late_control(character))
        return str_put(to, character);
    to = str_put(to, STR("\\u00"));
    return put_hex(to, (unsigned char)character.at[character.length - 1]);
}

char *access_escape_json(char *to, struct str text)
{
    while (text.length > 0) {
        to = put_plain(to, &text);
        if (text.length > 0)
            to = put_json_character(to, &text);
    }
    return to;
}
