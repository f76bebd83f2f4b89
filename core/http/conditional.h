/* conditional: conditional requests, RFC 9110 section 13.
 *
 * Pure: validators and header values in, a verdict out. */
#ifndef SLUICE_CONDITIONAL_H
#define SLUICE_CONDITIONAL_H

#include "base/str.h"

/* What identifies the selected representation. */
struct conditional_validators {
    struct str etag;       /* with quotes, and W/ if weak */
    bool dated;            /* LAST_MODIFIED is known */
    int64_t last_modified; /* seconds */
};

/* The request's own fields; an absent one has a null pointer. */
struct conditional_request {
    struct str if_match;
    struct str if_none_match;
    struct str if_modified_since;
    struct str if_unmodified_since;
};

enum conditional_verdict {
    CONDITIONAL_PROCEED,      /* as if there were no condition */
    CONDITIONAL_NOT_MODIFIED, /* 304, for GET and HEAD */
    CONDITIONAL_FAILED,       /* 412 */
};

/* Evaluates the conditions of a GET or HEAD in the order of section 13.2.2: If-Match (compared
 * strongly), else If-Unmodified-Since; then If-None-Match (compared weakly), else If-Modified-Since. A
 * list of entity tags is read up to the first element that is none; "*" matches whatever there is. A
 * date that is no date is ignored, and so is every date where the representation has none. */
enum conditional_verdict conditional_evaluate(const struct conditional_request *request,
                                              const struct conditional_validators *current,
                                              int64_t now_seconds);

/* Whether a Range applies, given the If-Range VALUE that came with it (section 13.1.5): an entity tag
 * that matches strongly, or a date that is exactly the time of the last modification. DATE_SECONDS is
 * this answer's Date: a modification less than a second before it may have been followed by another in
 * the same second, so such a date is no strong validator (section 8.8.2.2). */
bool conditional_range_applies(struct str value, const struct conditional_validators *current,
                               int64_t date_seconds);

#endif
