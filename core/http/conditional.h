/* conditional: evaluates conditional requests, RFC 9110 section 13.
 *
 * Pure: takes validators and field values, returns a verdict. */
#ifndef SLUICE_CONDITIONAL_H
#define SLUICE_CONDITIONAL_H

#include "base/str.h"

/* The validators of the selected representation, sections 8.8.2 and 8.8.3. */
struct conditional_validators {
    struct str etag;       /* with quotes, and with W/ if weak */
    bool dated;            /* last_modified is known */
    int64_t last_modified; /* POSIX seconds */
};

/* The conditions of the request; an absent field has a null pointer. */
struct conditional_request {
    struct str if_match;
    struct str if_none_match;
    struct str if_modified_since;
    struct str if_unmodified_since;
};

enum conditional_verdict {
    CONDITIONAL_PROCEED,      /* as if unconditional */
    CONDITIONAL_NOT_MODIFIED, /* 304; for GET and HEAD only */
    CONDITIONAL_FAILED,       /* 412 */
};

/* Evaluates the conditions of a GET or HEAD in the order of section 13.2.2: If-Match (strong
 * comparison), else If-Unmodified-Since; then If-None-Match (weak comparison), else
 * If-Modified-Since. A list of entity tags is read up to the first malformed element; "*" matches
 * any representation. A malformed date is ignored; all dates are ignored if the representation has
 * none. NOW_SECONDS settles two-digit years. */
enum conditional_verdict conditional_evaluate(const struct conditional_request *request,
                                              const struct conditional_validators *current,
                                              int64_t now_seconds);

/* Whether Range applies, given the VALUE of If-Range (section 13.1.5): an entity tag that matches
 * by strong comparison, or a date equal to the time of the last modification. DATE_SECONDS is the
 * Date of this response. A file modified less than a second before may be modified again in the
 * same second, so its date is not a strong validator (section 8.8.2.2). */
bool conditional_range_applies(struct str value, const struct conditional_validators *current,
                               int64_t date_seconds);

#endif
