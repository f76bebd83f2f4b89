/* qvalue: quality values, RFC 9110 section 12.4.2: the weight of an element in Accept and
 * Accept-Encoding.
 *
 * Pure; includes str. */
#ifndef SLUICE_QVALUE_H
#define SLUICE_QVALUE_H

#include "base/str.h"

enum { QVALUE_MAX = 1000 }; /* qvalues are stored in thousandths */

/* Parses a qvalue, such as "0.25": "0" or "1", then optionally a point and up to three digits, all
 * zeros after a 1. False, with *RET untouched: malformed. */
bool qvalue_parse(struct str text, uint16_t *ret);

/* Parses the parameter "q=" qvalue, the q in either case. False, with *RET untouched: another
 * parameter, or malformed. */
bool qvalue_parse_parameter(struct str parameter, uint16_t *ret);

#endif
