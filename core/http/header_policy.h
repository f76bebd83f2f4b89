/* header_policy: what Sluice knows about the names of response fields that a site's owner may want sent.
 *
 * Pure: one const table; includes str. It says which fields no rule may have, because they are about
 * the message or its state and Sluice alone knows them, which are no lists, and which describe the file
 * and so don't belong on an error page. Names are RFC 9110's unless it says otherwise. */
#ifndef SLUICE_HEADER_POLICY_H
#define SLUICE_HEADER_POLICY_H

#include "base/str.h"

/* What a field is about. */
enum header_policy_subject {
    HEADER_POLICY_OF_ANY,          /* the site or the answer: any answer may have it */
    HEADER_POLICY_OF_FILE,         /* a file, or how long it may be stored: wrong with an error */
    HEADER_POLICY_OF_CONTENT_TYPE, /* wrong wherever the content is not the file */
};

struct header_policy {
    struct str name;     /* of a row for many names: absent */
    const char *refusal; /* why no rule may have it, in words for people; NULL: it may */
    bool single;         /* not defined as a list, so sent once (RFC 9110 section 5.3) */
    enum header_policy_subject subject;
};

/* What is known about the field NAME; letter case does not matter. Never NULL, and constant. */
const struct header_policy *header_policy_of(struct str name);

#endif
