/* str: a view of bytes that someone else owns: pointer and length, no terminating NUL.
 *
 * A view is a borrow: it is valid as long as the memory it points into; a function that returns one
 * says for how long. An absent string has a null pointer; an empty one has length 0. Letter case
 * means A-Z and a-z only, in any locale, as RFC 9110 section 5.1 wants. */
#ifndef SLUICE_STR_H
#define SLUICE_STR_H

#include "base/base.h"

#include <string.h>

struct str {
    const char *at;
    size_t length; /* bytes */
};

/* A view of a string literal; STR_INIT is for constant initialisers. */
#define STR_INIT(literal)              \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }
#define STR(literal) ((struct str)STR_INIT(literal))

/* An absent string. */
#define STR_ABSENT ((struct str){NULL, 0})

static inline struct str str_of(const char *text)
{
    return (struct str){text, strlen(text)};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.at, b.at, a.length) == 0);
}

/* S without its first FIRST bytes; empty if it has no more. */
static inline struct str str_from(struct str s, size_t first)
{
    size_t skip = size_min(first, s.length);
    return skip > 0 ? (struct str){s.at + skip, s.length - skip}
                    : s; /* adding to a null pointer is undefined */
}

/* The first LENGTH bytes of S; all of it if it has fewer. */
static inline struct str str_first(struct str s, size_t length)
{
    return (struct str){s.at, size_min(length, s.length)};
}

/* Copies S to TO, which has room for it. Returns the end of the copy: TO itself if S is absent. */
static inline char *str_put(char *to, struct str s)
{
    if (!s.at)
        return to;
    memcpy(to, s.at, s.length);
    return to + s.length;
}

static inline char char_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Whether C is SP or HTAB. */
static inline bool char_is_space(char c)
{
    return c == ' ' || c == '\t';
}

static inline bool char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The value of a hexadecimal digit, or -1. */
static inline int char_hex(char c)
{
    if (char_is_digit(c))
        return c - '0';
    char lower = char_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Whether A and B are equal, ignoring the case of ASCII letters. */
bool str_equal_nocase(struct str a, struct str b);

bool str_starts_with(struct str s, struct str prefix);

bool str_ends_with(struct str s, struct str suffix);

/* The index of the first (last) BYTE in S, or S.length if S does not contain it. */
size_t str_find(struct str s, char byte);
size_t str_find_last(struct str s, char byte);

/* S without the spaces and tabs (OWS, RFC 9110 section 5.6.3) at both ends. */
static inline struct str str_trim(struct str s)
{
    while (s.length > 0 && char_is_space(s.at[s.length - 1]))
        s.length--;
    size_t first = 0;
    while (first < s.length && char_is_space(s.at[first]))
        first++;
    return str_from(s, first);
}

/* Whether S is a token, RFC 9110 section 5.6.2: one or more tchar. */
bool str_is_token(struct str s);

/* Takes the next element off *LIST, a comma-separated list (RFC 9110 section 5.6.1): trimmed, empty
 * elements skipped. A comma inside a quoted-string does not separate; an unterminated quoted-string
 * extends to the end. Not for entity tags, in which a backslash is an ordinary byte: see
 * conditional.c. False, with *RET_ITEM untouched: no element is left. */
bool str_next_item(struct str *list, struct str *ret_item);

/* Takes the next word off *TEXT, and the spaces and tabs before it. Empty: no word is left. */
struct str str_take_word(struct str *text);

/* Takes the next whole line off *TEXT, without its LF or CRLF. False, with *RET untouched: no whole
 * line is left. */
bool str_take_line(struct str *text, struct str *ret);

/* Whether the comma-separated LIST contains the token NAME, ignoring case. */
bool str_list_has(struct str list, struct str name);

#endif
