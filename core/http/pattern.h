/* pattern: which request paths a rule is about, in the language of the big hosts' _headers files.
 *
 * Pure: no allocation, no state; includes str. A pattern is prepared once, checked and unescaped, and
 * then matched against whole decoded paths, "/a b.css" or "/dir/". In it `*` stands for any bytes,
 * slashes too, and `:name` right behind a slash (a letter, then letters, digits and `_`) for one byte
 * or more without a slash. All else stands for itself, letter case included. Percent-escapes (RFC 3986
 * section 2.1) are decoded once, and an escaped `*` or `:` is a plain one. */
#ifndef SLUICE_PATTERN_H
#define SLUICE_PATTERN_H

#include "base/str.h"

enum {
    PATTERN_BYTES_MAX = 1024,  /* of a pattern as it is written */
    PATTERN_WILDCARDS_MAX = 8, /* `*` and `:name` in one pattern */
    PATTERN_PREPARED_BYTES_MAX = PATTERN_BYTES_MAX + PATTERN_WILDCARDS_MAX,
};

/* Writes the prepared form of TEXT to TO and its length to *RET_LENGTH. False, with *RET_LENGTH
 * untouched and *RET_REASON set to words for people: TEXT is no pattern, or none that could match. */
bool pattern_prepare(struct str text, char to[static PATTERN_PREPARED_BYTES_MAX],
                     size_t *ret_length, const char **ret_reason);

/* Whether PREPARED, which pattern_prepare has written, matches the whole of PATH. Takes time in
 * proportion to the product of their lengths at most, and no memory. */
bool pattern_matches(struct str prepared, struct str path);

#endif
