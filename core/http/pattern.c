/* pattern: see pattern.h. */
#include "http/pattern.h"

/* A prepared pattern consists of the bytes it matches and, for each wildcard, MARK and its kind.
 * MARK is NUL, which no path contains. */
enum { MARK = '\0', ANYTHING = '*', SEGMENT = ':' };

/* --- Preparing -------------------------------------------------------------------------------- */

struct prepared {
    char *at;
    size_t length;
    unsigned wildcard_count;
};

static bool is_letter(char c)
{
    char lower = char_lower(c);
    return lower >= 'a' && lower <= 'z';
}

static bool ends_in_anything(const struct prepared *prepared)
{
    return prepared->length >= 2 && prepared->at[prepared->length - 2] == MARK &&
           prepared->at[prepared->length - 1] == ANYTHING;
}

static const char *put_wildcard(struct prepared *prepared, char kind)
{
    if (kind == ANYTHING && ends_in_anything(prepared)) /* "**" means "*" */
        return NULL;
    if (prepared->wildcard_count == PATTERN_WILDCARDS_MAX)
        return "the path has more than 8 wildcards; use fewer";
    prepared->wildcard_count++;
    prepared->at[prepared->length++] = MARK;
    prepared->at[prepared->length++] = kind;
    return NULL;
}

/* The length of the placeholder at the start of TEXT, which begins with ':'. 0: not a
 * placeholder. */
static size_t placeholder_bytes(struct str text)
{
    size_t length = 1;
    if (text.length < 2 || !is_letter(text.at[1]))
        return 0;
    while (length < text.length &&
           (is_letter(text.at[length]) || char_is_digit(text.at[length]) || text.at[length] == '_'))
        length++;
    return length;
}

static const char *put_escape(struct prepared *prepared, struct str text)
{
    int high = text.length >= 3 ? char_hex(text.at[1]) : -1;
    int low = text.length >= 3 ? char_hex(text.at[2]) : -1;
    if (high < 0 || low < 0)
        return "the path has a '%' without two hexadecimal digits; write it as %25";
    char byte = (char)(high * 16 + low);
    if (byte == MARK || byte == '/')
        return "the path has an escaped slash or NUL, which no file name contains; leave it out";
    prepared->at[prepared->length++] = byte;
    return NULL;
}

/* Prepares the first element of TEXT, *RET_LENGTH bytes long. BEFORE is the byte before TEXT.
 * Returns NULL, or the reason why it is malformed. */
static const char *put_next(struct prepared *prepared, struct str text, char before,
                            size_t *ret_length)
{
    uint8_t byte = (uint8_t)text.at[0];
    size_t name_bytes = byte == ':' && before == '/' ? placeholder_bytes(text) : 0;
    *ret_length = 1;
    if (name_bytes > 0) {
        *ret_length = name_bytes;
        return put_wildcard(prepared, SEGMENT);
    }
    switch (byte) {
    case '*':
        return put_wildcard(prepared, ANYTHING);
    case '%':
        *ret_length = 3;
        return put_escape(prepared, text);
    case '?':
    case '#':
        return "the path has a '?' or '#', but queries are ignored; write them as %3F and %23";
    default:
        if (byte <= ' ' || byte == 0x7f)
            return "the path has white space or a control character in it; write a space as %20";
        prepared->at[prepared->length++] = (char)byte;
        return NULL;
    }
}

bool pattern_prepare(struct str text, char to[static PATTERN_PREPARED_BYTES_MAX],
                     size_t *ret_length, const char **ret_reason)
{
    struct prepared prepared = {.at = to};
    const char *reason = NULL;
    if (text.length == 0 || text.at[0] != '/')
        reason = "the path does not begin with '/'; write it from the root of the site";
    else if (text.length > PATTERN_BYTES_MAX)
        reason = "the path is longer than 1024 bytes; use a wildcard";
    for (size_t i = 0, used; !reason && i < text.length; i += used)
        reason = put_next(&prepared, str_from(text, i), i > 0 ? text.at[i - 1] : '\0', &used);
    if (reason) {
        *ret_reason = reason;
        return false;
    }
    *ret_length = prepared.length;
    return true;
}

/* --- Matching --------------------------------------------------------------------------------- */

/* Where to continue when the bytes after a wildcard do not match: the wildcard then takes one more
 * byte. */
struct retry {
    bool set;
    size_t pattern_index; /* after the wildcard */
    size_t path_index;    /* after the bytes that the wildcard took */
};

static bool may_take(const struct retry *retry, struct str path, bool slashes)
{
    return retry->set && retry->path_index < path.length &&
           (slashes || path.at[retry->path_index] != '/');
}

/* Only the last `*`, and the last `:name` after it, are retried. Everything before a wildcard has
 * matched as early as possible, which leaves the most bytes for the rest, so a later match of it
 * cannot help. */
bool pattern_matches(struct str prepared, struct str path)
{
    struct retry anything = {0}, segment = {0};
    size_t i = 0, j = 0; /* indices in PREPARED and PATH */
    for (;;) {
        if (i == prepared.length && j == path.length)
            return true;
        if (i < prepared.length && prepared.at[i] == MARK) {
            bool slashes = prepared.at[i + 1] == ANYTHING;
            bool possible = slashes || (j < path.length && path.at[j] != '/');
            i += 2;
            if (slashes) {
                anything = (struct retry){true, i, j};
                segment.set = false;
            } else if (possible) {
                segment = (struct retry){true, i, ++j};
            }
            if (possible)
                continue;
        } else if (i < prepared.length && j < path.length && prepared.at[i] == path.at[j]) {
            i++, j++;
            continue;
        }
        struct retry *retry = may_take(&segment, path, false) ? &segment : &anything;
        if (!may_take(retry, path, retry == &anything))
            return false;
        if (retry == &anything)
            segment.set = false;
        retry->path_index++;
        i = retry->pattern_index;
        j = retry->path_index;
    }
}
