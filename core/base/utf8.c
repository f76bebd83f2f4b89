/* utf8: see utf8.h.
 *
 * The syntax of RFC 3629 section 4 as a table: the first byte gives the length and the range of the
 * second byte; all later bytes are 80 to BF. */
#include "base/utf8.h"

static const struct {
    uint8_t first, last; /* of the first byte */
    uint8_t length;
    uint8_t second_min, second_max;
} forms[] = {
    {0x00, 0x7f, 1, 0, 0},       {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

/* The number of bytes at the start of S that are a valid character or the beginning of one; 0: the
 * first byte is not valid. *RET_LENGTH is the length of the whole character. */
static size_t matching(struct str s, size_t *ret_length)
{
    uint8_t first = (uint8_t)s.at[0];
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (first < forms[i].first || first > forms[i].last)
            continue;
        uint8_t min = forms[i].second_min, max = forms[i].second_max;
        size_t length = 1;
        while (length < size_min(forms[i].length, s.length)) {
            uint8_t byte = (uint8_t)s.at[length];
            if (byte < min || byte > max)
                break;
            min = 0x80;
            max = 0xbf;
            length++;
        }
        *ret_length = forms[i].length;
        return length;
    }
    return 0;
}

struct str utf8_take(struct str *rest)
{
    size_t length = 0;
    size_t matched = matching(*rest, &length);
    struct str character = str_first(*rest, length);
    *rest = str_from(*rest, matched > 0 ? matched : 1);
    return matched > 0 && matched == length ? character : STR(UTF8_REPLACEMENT);
}

bool utf8_is_valid(struct str s)
{
    while (s.length > 0) {
        size_t length = 0;
        if (matching(s, &length) != length || length == 0)
            return false;
        s = str_from(s, length);
    }
    return true;
}
