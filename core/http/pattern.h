/* pattern: matches request paths against the path of a rule, in the syntax of the large hosts'
 * _headers files.
 *
 * Pure: allocates nothing, keeps no state; includes str. A pattern is checked and unescaped once by
 * pattern_prepare, and then compared with whole decoded paths, such as "/a b.css" or "/dir/". In a
 * pattern, `*` matches any bytes, including slashes; `:name` directly after a slash (a letter, then
 * letters, digits and `_`) matches one or more bytes other than slashes. Every other byte matches
 * itself, including letter case. Percent-encoded bytes (RFC 3986 section 2.1) are decoded once; an
 * encoded `*` or `:` is an ordinary byte. */
#ifndef SLUICE_PATTERN_H
#define SLUICE_PATTERN_H

#include "base/str.h"

enum {
    PATTERN_BYTES_MAX = 1024,  /* of a pattern as written */
    PATTERN_WILDCARDS_MAX = 8, /* `*` and `:name` in a pattern */
    PATTERN_PREPARED_BYTES_MAX = PATTERN_BYTES_MAX + PATTERN_WILDCARDS_MAX,
};

/* Writes the prepared form of TEXT to TO and its length to *RET_LENGTH. False, with *RET_LENGTH
 * untouched and *RET_REASON set to a message for people: TEXT is malformed, or could not match any
 * path. */
bool pattern_prepare(struct str text, char to[static PATTERN_PREPARED_BYTES_MAX],
                     size_t *ret_length, const char **ret_reason);

/* Whether PREPARED, from pattern_prepare, matches the whole of PATH. The time is at most
 * proportional to the product of their lengths. Needs no memory. */
bool pattern_matches(struct str prepared, struct str path);

#endif
