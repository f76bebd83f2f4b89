/* str: the functions of str.h that are too long to inline.
 *
 * Every function reads only inside the view it is given. An absent view (null pointer, length 0) is
 * treated as empty: the C library's functions never get a null pointer. Lists: RFC 9110 section
 * 5.6. */
#include "base/str.h"

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        if (char_lower(a.at[i]) != char_lower(b.at[i]))
            return false;
    }
    return true;
}

bool str_starts_with(struct str s, struct str prefix)
{
    return prefix.length <= s.length && str_equal(str_first(s, prefix.length), prefix);
}

bool str_ends_with(struct str s, struct str suffix)
{
    return suffix.length <= s.length && str_equal(str_from(s, s.length - suffix.length), suffix);
}

size_t str_find(struct str s, char byte)
{
    const char *found = s.length > 0 ? memchr(s.at, byte, s.length) : NULL;
    return found != NULL ? (size_t)(found - s.at) : s.length;
}

size_t str_find_last(struct str s, char byte)
{
    const char *found = s.length > 0 ? memrchr(s.at, byte, s.length) : NULL;
    return found != NULL ? (size_t)(found - s.at) : s.length;
}

bool str_is_token(struct str s)
{
    for (size_t i = 0; i < s.length; i++) {
        char c = s.at[i];
        char lower = char_lower(c);
        if (!(lower >= 'a' && lower <= 'z') && !char_is_digit(c) &&
            (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return s.length > 0;
}

/* The length of the first element of LIST: up to a comma outside quotes, or all of it. */
static size_t element_length(struct str list)
{
    bool quoted = false;
    for (size_t i = 0; i < list.length; i++) {
        char c = list.at[i];
        if (c == '"')
            quoted = !quoted;
        else if (c == ',' && !quoted)
            return i;
        else if (c == '\\' && quoted)
            i++; /* quoted-pair, section 5.6.4 */
    }
    return list.length;
}

bool str_next_item(struct str *list, struct str *ret_item)
{
    while (list->length > 0) {
        size_t length = element_length(*list);
        struct str item = str_trim(str_first(*list, length));
        *list = str_from(*list, length + 1); /* clamped: the last element has no comma */
        if (item.length > 0) {
            *ret_item = item;
            return true;
        }
    }
    return false;
}

struct str str_take_word(struct str *text)
{
    size_t end = 0;
    *text = str_trim(*text);
    while (end < text->length && !char_is_space(text->at[end]))
        end++;
    struct str word = str_first(*text, end);
    *text = str_from(*text, end);
    return word;
}

bool str_take_line(struct str *text, struct str *ret)
{
    const size_t end = str_find(*text, '\n');
    if (end == text->length)
        return false;
    *ret = str_first(*text, end);
    if (end > 0 && ret->at[end - 1] == '\r')
        ret->length--;
    *text = str_from(*text, end + 1);
    return true;
}

bool str_list_has(struct str list, struct str name)
{
    struct str item;
    while (str_next_item(&list, &item)) {
        if (str_equal_nocase(item, name))
            return true;
    }
    return false;
}
