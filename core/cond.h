/* cond: conditional requests, RFC 9110 section 13.
 *
 * Pure: validators and header values in, a verdict out. */
#ifndef SLUICE_COND_H
#define SLUICE_COND_H

#include "str.h"

/* What identifies the selected representation. */
struct cond_validators {
    struct str etag;       /* with quotes, and W/ if weak */
    int64_t last_modified; /* seconds */
};

/* The request's own fields; an absent one has a null pointer. */
struct cond_request {
    struct str if_none_match;
    struct str if_modified_since;
};

/* Whether a GET or HEAD is answered 304. If-None-Match (section 13.1.2: "*", or a list of entity
 * tags, compared weakly; what is malformed matches nothing, nor does what follows it) takes
 * precedence: with it, even empty, If-Modified-Since (13.1.3) is not looked at. An If-Modified-Since
 * that is no date is ignored. NOW_SECONDS: see date_parse. */
bool cond_not_modified(const struct cond_request *request, const struct cond_validators *current,
                       int64_t now_seconds);

#endif
