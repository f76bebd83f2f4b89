/* path: see path.h.
 *
 * Includes str, scan and utf8. One pass decodes and resolves: each segment is appended as it is
 * read. At its end, "." and ".." (also percent-encoded) are removed, with their parent in the
 * second case. Whether the path is hidden or not a possible name is decided on the result, so
 * "/.git/../x" is just "/x".
 *
 * During that pass an encoded slash is a NUL in the text, so that it is not taken for a separator.
 * NUL is the only byte that is free for this, because an encoded NUL is malformed. */
#include "http/path.h"

#include "base/scan.h"
#include "base/utf8.h"

enum { SLASH_WITHIN = '\0' };

enum byte_class {
    REFUSED, /* must be encoded: control bytes, space, '#', '?' */
    PLAIN,   /* pchar of RFC 3986; other visible ASCII and UTF-8, which clients do send */
    SLASH,
    PERCENT,
};

/* clang-format off */
static const uint8_t class_of[256] = {
    ['!' ... '"'] = PLAIN, ['$'] = PLAIN,         ['%'] = PERCENT, ['&' ... '.'] = PLAIN,
    ['/'] = SLASH,         ['0' ... '>'] = PLAIN, ['@' ... '~'] = PLAIN, [0x80 ... 0xff] = PLAIN,
};
/* clang-format on */

/* Takes the percent-encoded byte at the start of *REST. Returns its value, or -1: malformed, or a
 * NUL. */
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

/* Ends the segment of P that begins at FIRST: keeps it, or carries out a dot segment. Afterwards
 * P->text is empty or ends in a slash; every slash in the text was written here. */
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

/* Whether the decoded TEXT, which ends without a slash, may be served. */
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

/* A mask of those of the 16 BYTES that the fast path cannot take: bytes to be decoded or refused,
 * and slashes and dots at the start of a segment. *SLASH_BEFORE: whether a slash precedes BYTES;
 * updated for the next 16. */
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

/* The fast path: nearly all targets need no decoding and have no dot segments, so the text is a
 * copy. False, with *RET written but meaningless: TARGET is not so simple, or is long. */
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
        if (odd & ((1u << count) - 1)) /* bytes after the text are stale and do not count */
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
    size_t first = 0; /* start of the current segment */
    bool too_long = false;
    if (target.length == 0 || target.at[0] != '/')
        return PATH_MALFORMED;
    if (take_plain(target, ret))
        return PATH_OK;
    if (!utf8_is_valid(target))
        return PATH_MALFORMED;
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
        ret->length--; /* without the slash that end_segment appended */
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

char *path_put_rooted(const struct path *p, char *to)
{
    to = str_put(str_put(to, STR("/")), path_view(p));
    return p->directory && p->length > 0 ? str_put(to, STR("/")) : to;
}

static bool is_ascii(char c)
{
    return (uint8_t)c < 0x80;
}

static char *put_escape(char *to, char c)
{
    *to++ = '%';
    *to++ = "0123456789ABCDEF"[(uint8_t)c >> 4];
    *to++ = "0123456789ABCDEF"[(uint8_t)c & 15];
    return to;
}

/* The length of TEXT when every byte is escaped but those that KEEPS is true of. */
static inline size_t bytes_of(struct str text, bool (*keeps)(char c))
{
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++)
        length += keeps(text.at[i]) ? 1 : 3;
    return length;
}

/* Writes TEXT to TO; bytes that KEEPS does not accept are percent-encoded. Returns the end. */
static inline char *put_text(char *to, struct str text, bool (*keeps)(char c))
{
    for (size_t i = 0; i < text.length; i++) {
        if (keeps(text.at[i]))
            *to++ = text.at[i];
        else
            to = put_escape(to, text.at[i]);
    }
    return to;
}

size_t path_encoded_bytes(struct str text)
{
    return bytes_of(text, is_unreserved);
}

char *path_put_encoded(char *to, struct str text)
{
    return put_text(to, text, is_unreserved);
}

size_t path_query_bytes(struct str query)
{
    return bytes_of(query, is_ascii);
}

char *path_put_query(char *to, struct str query)
{
    return put_text(to, query, is_ascii);
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

bool path_is_challenge(const struct path *p)
{
    struct str folder = STR(".well-known/acme-challenge/");
    return !p->closed && p->length > folder.length &&
           memcmp(p->text, folder.at, folder.length) == 0;
}
