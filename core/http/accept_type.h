/* accept_type: the weight that a client gives a media type, RFC 9110 section 12.5.1.
 *
 * Pure: takes the value of an Accept field and a media type, returns a weight. Includes qvalue. */
#ifndef SLUICE_ACCEPT_TYPE_H
#define SLUICE_ACCEPT_TYPE_H

#include "http/qvalue.h"

/* The weight that ACCEPT gives MEDIA_TYPE ("text/html; charset=utf-8"): 0 (not acceptable) to
 * QVALUE_MAX. It is the weight of the most specific media range that matches: type/subtype with
 * parameters, where more matching parameters are more specific, then type/subtype, then type and
 * any subtype, then any type. Of ranges that are equally specific the lower weight counts, so the
 * order of the list never matters.
 *
 * A range with a parameter that MEDIA_TYPE lacks still matches its type, as the least specific way
 * to name it: "application/json;charset=utf-8" is often requested, though the type has no such
 * parameter. With weight 0 it does not match, because it refuses something else. Names and values
 * of parameters are compared ignoring case.
 *
 * The grammar is strict, for each element by itself: a malformed element is skipped. A field that
 * is absent (null) or without a valid element accepts everything: QVALUE_MAX. A malformed
 * MEDIA_TYPE has weight 0. */
unsigned accept_type_weight(struct str accept, struct str media_type);

#endif
