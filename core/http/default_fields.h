/* default_fields: the header fields that Sluice sends by default, and to which responses.
 *
 * The one home of the defaults: a site's rules replace or remove each of them by its name. One
 * const table has all of them but Cache-Control, whose value depends on the file. Server and
 * Date are not defaults: the session adds these (see fields.h), and no rule changes them.
 *
 * Pure; uses fields and rules. X-Content-Type-Options and the Access-Control fields
 * are those of the Fetch standard (sections 3.3 and 3.6). */
#ifndef SLUICE_DEFAULT_FIELDS_H
#define SLUICE_DEFAULT_FIELDS_H

#include "http/rules.h"

/* The methods that every target allows, as the value of Allow (RFC 9110 section 10.2.1). */
#define DEFAULT_FIELDS_METHODS "GET, HEAD, OPTIONS"

/* Cache-Control of what never changes. */
#define DEFAULT_FIELDS_IMMUTABLE "public, max-age=31536000, immutable"

/* A site's settings for its defaults, and what is known of a file. */
struct default_fields_settings {
    struct str cache_control; /* absent: no-cache; "": no such field */
    bool cors;                /* scripts of every origin may read everything */
};

/* A part of a response that defaults belong to. */
enum default_fields_part {
    DEFAULT_FIELDS_SHARED,    /* a file or listing: every response by it, a 304 too */
    DEFAULT_FIELDS_CONTENT,   /* a file or listing: responses with content only */
    DEFAULT_FIELDS_PAGE,      /* an error or a redirect */
    DEFAULT_FIELDS_PREFLIGHT, /* the answer to OPTIONS */
};

/* The next default for PART, starting at row *INDEX, which moves on; begin with 0. NULL: there are
 * no more. Static. */
const struct field *default_fields_next(unsigned *index, enum default_fields_part part, bool cors);

/* Adds to FIELDS the defaults for PART that the rules of QUERY do not mention. */
void default_fields_add(struct fields *fields, enum default_fields_part part, bool cors,
                        const struct rules_query *query);

/* Adds a file's Cache-Control (RFC 9111 section 5.2.2) to FIELDS, unless the rules of QUERY mention
 * it. What is immutable need not be revalidated (RFC 8246); all other files are each time. */
void default_fields_add_cache_control(struct fields *fields,
                                      const struct default_fields_settings *settings,
                                      const struct rules_query *query);

#endif
