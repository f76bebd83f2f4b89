/* header_policy: the rules for response fields that a site's owner may set.
 *
 * Pure: one const table; includes str. It has the fields that no rule may set, because only Sluice
 * knows the message or its state; the fields that are not lists; and the fields that describe the
 * file, and so do not belong on an error page. Names are from RFC 9110 unless a comment says
 * otherwise. */
#ifndef SLUICE_HEADER_POLICY_H
#define SLUICE_HEADER_POLICY_H

#include "base/str.h"

/* The subject of a field. */
enum header_policy_subject {
    HEADER_POLICY_OF_ANY,          /* the site or the response: any response may have it */
    HEADER_POLICY_OF_FILE,         /* a file or its caching: wrong on an error page */
    HEADER_POLICY_OF_CONTENT_TYPE, /* wrong unless the content is the file */
};

struct header_policy {
    struct str name;     /* absent in a row for many names */
    const char *refusal; /* why rules must leave it out, for people; NULL: they may set it */
    bool single;         /* not a list, so it must be sent only once (RFC 9110 section 5.3) */
    enum header_policy_subject subject;
};

/* The policy of the field NAME, ignoring case. Never NULL; constant. */
const struct header_policy *header_policy_of(struct str name);

#endif
