/* range: which bytes of a representation a Range header field asks for, RFC 9110 section 14.
 *
 * Pure: the field's value and a length in, byte ranges out. Whatever a client asks for, the ranges
 * given lie inside the representation and have no byte in common, so that an answer never carries
 * more than the whole of it. Includes str and num. */
#ifndef SLUICE_RANGE_H
#define SLUICE_RANGE_H

#include "base/str.h"

enum { RANGE_MAX = 32 }; /* range-specs in one field; more are an attack, or not worth it */

struct range {
    uint64_t first;  /* byte; below the representation's length */
    uint64_t length; /* bytes; at least 1 */
};

struct range_set {
    struct range items[RANGE_MAX]; /* in the order in which they were asked for */
    unsigned count;
};

enum range_result {
    RANGE_IGNORED,       /* 200, as if the field were not there */
    RANGE_SATISFIABLE,   /* 206: one item as a single part, more as multipart/byteranges */
    RANGE_UNSATISFIABLE, /* 416 */
};

/* Reads VALUE, a Range field's (absent: null), for a representation of BYTES bytes. *RET is written for
 * SATISFIABLE alone.
 *
 * Ignored (section 14.2): another unit than bytes, an element that is no byte range, a range that
 * ends before it begins, no range at all, more than RANGE_MAX. The unit's case doesn't matter. White
 * space may surround any element and elements may be empty (section 5.6.1.2). Positions and suffix
 * lengths of any number of digits are valid (14.1.2): what is over UINT64_MAX is as good as that.
 *
 * Unsatisfiable ranges among others are dropped. Ranges that overlap or touch become one, in the
 * place of the earliest of them; the rest keep their order (15.3.7.2).
 *
 * An empty representation: first-last and "-0" are unsatisfiable; a suffix is satisfied by the whole
 * of it (14.1.2), which no Content-Range can say, and is ignored. */
enum range_result range_parse(struct str value, uint64_t bytes, struct range_set *ret);

#endif
