/* pattern: matches request paths and hosts against those of a rule, in the syntax of the large
 * hosts' _headers files.
 *
 * Pure: allocates nothing, keeps no state; includes str and problem. A pattern is checked and
 * unescaped once by pattern_prepare, and then compared with whole decoded paths, such as "/a b.css"
 * or "/dir/". In a pattern, `*` matches any bytes, including slashes; `:name` directly after a
 * slash (a letter, then letters, digits and `_`) matches one or more bytes other than slashes.
 * Every other byte matches itself, including letter case. Percent-encoded bytes (RFC 3986 section
 * 2.1) are decoded once; an encoded `*` or `:` is an ordinary byte. In the pattern of a host the
 * separator is a dot, not a slash; hosts are compared in lower case. */
#ifndef SLUICE_PATTERN_H
#define SLUICE_PATTERN_H

#include "base/problem.h"
#include "base/str.h"

enum {
    PATTERN_BYTES_MAX = 1024,  /* of a pattern as written */
    PATTERN_WILDCARDS_MAX = 8, /* `*` and `:name` in a pattern */
    PATTERN_PREPARED_BYTES_MAX = PATTERN_BYTES_MAX + PATTERN_WILDCARDS_MAX,
};

/* Writes the prepared form of TEXT to TO and its length to *RET_LENGTH. False, with *RET_LENGTH
 * untouched and *RET_PROBLEM set: TEXT is malformed, or could not match any path. */
bool pattern_prepare(struct str text, char to[static PATTERN_PREPARED_BYTES_MAX],
                     size_t *ret_length, struct problem *ret_problem);

/* The same for the pattern of a host: labels and wildcards, without a port. */
bool pattern_prepare_host(struct str text, char to[static PATTERN_PREPARED_BYTES_MAX],
                          size_t *ret_length, struct problem *ret_problem);

/* The index of the first wildcard that is called NAME in TEXT, a valid pattern of a path or a host;
 * `*` is called "splat". PATTERN_WILDCARDS_MAX: none is. */
unsigned pattern_find_wildcard(struct str text, struct str name);

/* The length of the `:name` that TEXT begins with; 0: it does not begin with one. */
size_t pattern_placeholder_bytes(struct str text);

enum pattern_subject { PATTERN_PATH, PATTERN_HOST };

/* Whether PREPARED matches the whole of TEXT, which is of SUBJECT. If it does, CAPTURES has what
 * each wildcard matched, *borrowed* from TEXT. The time is at most proportional to the product of
 * their lengths. Needs no memory. */
bool pattern_matches(struct str prepared, struct str text, enum pattern_subject subject,
                     struct str captures[static PATTERN_WILDCARDS_MAX]);

#endif
