/* range: parses the Range field into byte ranges of a representation, RFC 9110 section 14.
 *
 * Pure: takes the field's value and a length, returns ranges. For any input, the ranges are inside
 * the representation and do not overlap, so a response never carries more than the whole of it.
 * Includes str and num. */
#ifndef SLUICE_RANGE_H
#define SLUICE_RANGE_H

#include "base/str.h"

enum { RANGE_MAX = 32 }; /* range-specs in one field; more are an attack, or not worth it */

struct range {
    uint64_t first;  /* index of a byte, less than the representation's length */
    uint64_t length; /* bytes; at least 1 */
};

struct range_set {
    struct range items[RANGE_MAX]; /* in the order requested */
    unsigned count;
};

enum range_result {
    RANGE_IGNORED,       /* 200, as if the field were absent */
    RANGE_SATISFIABLE,   /* 206; one item: a single part; more: multipart/byteranges */
    RANGE_UNSATISFIABLE, /* 416 */
};

/* Parses VALUE of a Range field (absent: null) for a representation of BYTES bytes. *RET is written
 * only for RANGE_SATISFIABLE.
 *
 * Ignored (section 14.2): a unit other than bytes, an element that is not a byte range, a range
 * that ends before it begins, a field without ranges or with more than RANGE_MAX. The unit's case
 * is ignored. White space may surround any element, and elements may be empty (section 5.6.1.2).
 * Positions and suffix lengths may have any number of digits (14.1.2): values over UINT64_MAX count
 * as UINT64_MAX.
 *
 * Unsatisfiable ranges among others are dropped. Ranges that overlap or are adjacent become one, in
 * the position of the earliest of them; the others keep their order (15.3.7.2).
 *
 * If the representation is empty, first-last and "-0" are unsatisfiable. A suffix is satisfied by
 * the whole of it (14.1.2), but no Content-Range can express that, so it is ignored. */
enum range_result range_parse(struct str value, uint64_t bytes, struct range_set *ret);

#endif
