/* accept_type: how much a client wants a media type, RFC 9110 section 12.5.1.
 *
 * Pure: an Accept field's value and a media type in, a weight out. Includes qvalue. */
#ifndef SLUICE_ACCEPT_TYPE_H
#define SLUICE_ACCEPT_TYPE_H

#include "http/qvalue.h"

/* The weight that ACCEPT gives to MEDIA_TYPE ("text/html; charset=utf-8"): 0 (not acceptable) to
 * QVALUE_MAX. It is that of the most specific range which matches: type/subtype with parameters,
 * the more the better, then type/subtype, type/anything, anything. Of two as specific the lower
 * weight counts, so that the order of the list never matters.
 *
 * A range with a parameter that MEDIA_TYPE lacks ("application/json;charset=utf-8" is asked for
 * often, though the type has none) still stands for its type, as the weakest way to name it; only a
 * weight of 0 doesn't: it refuses something else. Names and values of parameters are compared
 * without regard to case.
 *
 * Strict as to the grammar, and to the element alone: a malformed one counts as not there. A field
 * that is absent (null) or lists nothing accepts everything: QVALUE_MAX. A MEDIA_TYPE that is none has 0. */
unsigned accept_type_weight(struct str accept, struct str media_type);

#endif
