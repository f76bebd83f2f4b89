/* qvalue: quality values, RFC 9110 section 12.4.2: how much a client likes what it lists.
 *
 * Pure; includes str. Shared by what reads Accept and what reads Accept-Encoding. */
#ifndef SLUICE_QVALUE_H
#define SLUICE_QVALUE_H

#include "base/str.h"

enum { QVALUE_MAX = 1000 }; /* a qvalue is kept in thousandths */

/* Reads a qvalue, "0.25" for example: "0" or "1", and a point with up to three digits, which are
 * zeros behind a 1. False, *RET untouched: not of this grammar. */
bool qvalue_parse(struct str text, uint16_t *ret);

/* Reads the parameter "q=" qvalue; the q in either case. False, *RET untouched: another one. */
bool qvalue_parse_parameter(struct str parameter, uint16_t *ret);

#endif
