/* path: from the path of a request target (RFC 3986) to a path below ROOT.
 *
 * Pure; includes str and scan. One pass decodes and resolves: a segment is appended as it is read and judged
 * at its end, when "." and ".." (however they were spelled) take themselves and their parent away.
 * What is hidden or cannot be a name is judged in what remains, so "/.git/../x" is just "/x".
 *
 * An encoded slash stands as NUL in the text meanwhile: it must not be taken for a separator, and
 * no other byte is free, since an encoded NUL is malformed. */
#include "http/path.h"

#include "base/scan.h"

enum { SLASH_WITHIN = '\0' };

enum byte_class {
    REFUSED, /* control bytes, space, '#', '?' and everything beyond ASCII: must come encoded */
    PLAIN,   /* RFC 3986's pchar, and the rest of visible ASCII, which clients do send as it is */
    SLASH,
    PERCENT,
};

/* clang-format off */
static const uint8_t class_of[256] = {
    ['!' ... '"'] = PLAIN, ['$'] = PLAIN,         ['%'] = PERCENT, ['&' ... '.'] = PLAIN,
    ['/'] = SLASH,         ['0' ... '>'] = PLAIN, ['@' ... '~'] = PLAIN,
};
/* clang-format on */

/* Takes the escape that *REST begins with: its value, or -1 for a malformed one. */
static int take_escape(struct str *rest)
{
    if (rest->length < 3)
        return -1;
    int high = char_hex(rest->at[1]);
    int low = char_hex(rest->at[2]);
    if (high < 0 || low < 0 || (high | low) == 0)
        return -1;
    *rest = str_from(*rest, 3);
    return high << 4 | low;
}

/* Ends the segment that begins at FIRST in P: keeps it, or takes away what dot segments mean. After
 * it P->text is empty or ends in a slash; a slash in the text is always one of these. */
static void end_segment(struct path *p, size_t first)
{
    struct str segment = {p->text + first, p->length - first};
    p->directory = true;
    if (segment.length == 0)
        return;
    if (str_equal(segment, STR("."))) {
        p->length = first;
    } else if (str_equal(segment, STR(".."))) {
        struct str parent = {p->text, first > 0 ? first - 1 : 0};
        size_t slash = str_find_last(parent, '/');
        p->length = slash < parent.length ? slash + 1 : 0;
    } else {
        p->text[p->length++] = '/';
        p->directory = false;
    }
}

static enum path_result judge(struct str text)
{
    if (str_find(text, SLASH_WITHIN) < text.length)
        return PATH_UNNAMABLE;
    struct str well_known = STR(".well-known");
    bool exempt = str_starts_with(text, well_known) &&
                  (text.length == well_known.length || text.at[well_known.length] == '/');
    for (size_t first = exempt ? well_known.length + 1 : 0; first < text.length;) {
        struct str segment = str_from(text, first);
        if (segment.at[0] == '.')
            return PATH_HIDDEN;
        first += str_find(segment, '/') + 1;
    }
    return PATH_OK;
}

#if defined(__SSE2__)

/* Which of the 16 BYTES of a path, as a mask, make it more than plain: what must be decoded or refused, and
 * a slash or a dot that begins a segment. *SLASH_BEFORE: whether a slash comes before them; behind them
 * afterwards. */
static unsigned odd_bytes(__m128i bytes, unsigned *slash_before)
{
    __m128i visible = scan_in_range(bytes, '!', '~' - '!' + 1);
    __m128i marks = _mm_or_si128(scan_equal(bytes, '%'),
                                 _mm_or_si128(scan_equal(bytes, '#'), scan_equal(bytes, '?')));
    unsigned plain = (unsigned)_mm_movemask_epi8(_mm_andnot_si128(marks, visible));
    unsigned slashes = (unsigned)_mm_movemask_epi8(scan_equal(bytes, '/'));
    unsigned dots = (unsigned)_mm_movemask_epi8(scan_equal(bytes, '.'));
    unsigned firsts = slashes << 1 | *slash_before;
    *slash_before = slashes >> (SCAN_STEP - 1);
    return ~plain | (firsts & (slashes | dots));
}

/* Nearly all paths are plain: what they say is what they mean, but for the slash at the end. False, with
 * *RET written and meaning nothing, if TARGET isn't, or is long. */
static bool take_plain(struct str target, struct path *ret)
{
    size_t length = target.length - 1;
    if (length > PATH_BYTES_MAX - SCAN_STEP)
        return false;
    memcpy(ret->text, target.at + 1, length);
    unsigned slash_before = 1;
    for (size_t i = 0; i < length; i += SCAN_STEP) {
        unsigned odd = odd_bytes(scan_load(ret->text + i), &slash_before);
        size_t left = length - i;
        unsigned count = left < SCAN_STEP ? (unsigned)left : SCAN_STEP;
        if (odd & ((1u << count) - 1)) /* what is behind the text is old, and doesn't count */
            return false;
    }
    ret->directory = length == 0 || ret->text[length - 1] == '/';
    ret->closed = false;
    ret->length = length - (ret->directory && length > 0);
    ret->text[ret->length] = '\0';
    return true;
}

#else

static bool take_plain(struct str target, struct path *ret)
{
    (void)target, (void)ret;
    return false;
}

#endif

enum path_result path_decode(struct str target, struct path *ret)
{
    size_t first = 0; /* of the segment being read */
    bool too_long = false;

    if (target.length == 0 || target.at[0] != '/')
        return PATH_MALFORMED;
    if (take_plain(target, ret))
        return PATH_OK;
    ret->length = 0;
    ret->directory = true;
    while (target.length > 0) {
        uint8_t byte = (uint8_t)target.at[0];
        int value = byte;
        switch ((enum byte_class)class_of[byte]) {
        case REFUSED:
            return PATH_MALFORMED;
        case SLASH:
            end_segment(ret, first);
            first = ret->length;
            target = str_from(target, 1);
            continue;
        case PERCENT:
            value = take_escape(&target);
            if (value < 0)
                return PATH_MALFORMED;
            if (value == '/')
                value = SLASH_WITHIN;
            break;
        case PLAIN:
            target = str_from(target, 1);
            break;
        }
        if (ret->length < PATH_BYTES_MAX)
            ret->text[ret->length++] = (char)value;
        else
            too_long = true;
    }
    end_segment(ret, first);
    if (ret->length > 0)
        ret->length--; /* the slash that end_segment left */
    ret->text[ret->length] = '\0';
    enum path_result result = too_long ? PATH_UNNAMABLE : judge(path_view(ret));
    ret->closed = result != PATH_OK;
    return result;
}

static bool is_unreserved(char c)
{
    char lower = char_lower(c);
    return (lower >= 'a' && lower <= 'z') || char_is_digit(c) || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

size_t path_encoded_bytes(struct str text)
{
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++)
        length += is_unreserved(text.at[i]) ? 1 : 3;
    return length;
}

char *path_put_encoded(char *to, struct str text)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        if (is_unreserved(c)) {
            *to++ = c;
        } else {
            *to++ = '%';
            *to++ = "0123456789ABCDEF"[(uint8_t)c >> 4];
            *to++ = "0123456789ABCDEF"[(uint8_t)c & 15];
        }
    }
    return to;
}

size_t path_write_redirect(const struct path *p, char *to, size_t room)
{
    struct str text = path_view(p);
    size_t slash = str_find_last(text, '/');
    struct str segment = slash < text.length ? str_from(text, slash + 1) : text;

    if (segment.length == 0 || path_encoded_bytes(segment) >= room)
        return 0;
    char *end = path_put_encoded(to, segment);
    *end++ = '/';
    return (size_t)(end - to);
}
