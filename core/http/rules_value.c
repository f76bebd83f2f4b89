/* rules_value: see rules_value.h. A prepared value has in place of each name MARK, which no value
 * contains, and the number of a capture. */
#include "http/rules_value.h"

#include "http/path.h"

enum { MARK = '\0', HOST_FIRST = PATTERN_WILDCARDS_MAX, NO_CAPTURE = 2 * PATTERN_WILDCARDS_MAX };

/* The number of the capture called NAME; those of the host come after those of the path. */
static unsigned find_capture(const struct rules_names *names, struct str name)
{
    unsigned number = pattern_find_wildcard(names->path, name);
    if (number < PATTERN_WILDCARDS_MAX)
        return number;
    number = names->host.at ? pattern_find_wildcard(names->host, name) : PATTERN_WILDCARDS_MAX;
    return HOST_FIRST + number;
}

size_t rules_value_prepare(struct str value, const struct rules_names *names, char *to,
                           bool *ret_filled)
{
    char *end = to;
    *ret_filled = false;
    while (value.length > 0) {
        size_t bytes = pattern_placeholder_bytes(value);
        unsigned number =
            bytes > 0 ? find_capture(names, str_from(str_first(value, bytes), 1)) : NO_CAPTURE;
        if (number < NO_CAPTURE) {
            *end++ = MARK;
            *end++ = (char)number;
            *ret_filled = true;
        } else {
            bytes = 1;
            *end++ = value.at[0];
        }
        value = str_from(value, bytes);
    }
    return (size_t)(end - to);
}

/* Whether the `:name` after the byte BEFORE is a part of a word. */
static bool continues_word(char before)
{
    const char lower = char_lower(before);
    return (lower >= 'a' && lower <= 'z') || char_is_digit(before) || before == '_' ||
           before == ':';
}

struct str rules_value_unknown(struct str value, const struct rules_names *names)
{
    for (size_t i = 0; i < value.length; i++) {
        const struct str rest = str_from(value, i);
        const struct str found = str_first(rest, pattern_placeholder_bytes(rest));
        if (found.length == 0 || find_capture(names, str_from(found, 1)) < NO_CAPTURE)
            continue;
        if (str_equal(found, STR(":splat")) || i == 0 || !continues_word(value.at[i - 1]))
            return found;
    }
    return STR_ABSENT;
}

/* Text that is being written. */
struct filling {
    char *at;
    size_t room;
    bool full;
};

static void put(struct filling *filling, struct str text)
{
    filling->full |= text.length > filling->room;
    if (filling->full)
        return;
    filling->at = str_put(filling->at, text);
    filling->room -= text.length;
}

/* Puts TEXT percent-encoded, but for its slashes. A NUL is an encoded slash, see path_decode. */
static void put_capture(struct filling *filling, struct str text)
{
    while (text.length > 0) {
        size_t length = size_min(str_find(text, '/'), str_find(text, '\0'));
        struct str segment = str_first(text, length);
        size_t bytes = path_encoded_bytes(segment);
        filling->full |= bytes > filling->room;
        if (filling->full)
            return;
        filling->at = path_put_encoded(filling->at, segment);
        filling->room -= bytes;
        if (length < text.length)
            put(filling, text.at[length] == '/' ? STR("/") : STR("%2F"));
        text = str_from(text, length + 1);
    }
}

struct str rules_value_fill(struct str prepared, const struct rules_captures *captures,
                            struct rules_values *values)
{
    char *text = values->bytes + values->used;
    struct filling filling = {.at = text, .room = sizeof values->bytes - values->used};
    for (size_t i = 0; i < prepared.length; i++) {
        if (prepared.at[i] != MARK) {
            put(&filling, (struct str){prepared.at + i, 1});
            continue;
        }
        unsigned number = (unsigned char)prepared.at[++i];
        put_capture(&filling, number < HOST_FIRST ? captures->path[number]
                                                  : captures->host[number - HOST_FIRST]);
    }
    struct str value = str_trim((struct str){text, (size_t)(filling.at - text)});
    if (filling.full || value.length == 0)
        return STR_ABSENT;
    values->used = (size_t)(filling.at - values->bytes);
    return value;
}
