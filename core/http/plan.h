/* plan: decides the response to a request: (request, what was found, policy, now) -> status,
 * fields, body.
 *
 * Pure, and of no version of HTTP: all fields are names and values, and a session encodes them. The
 * fields of a response are, in this order: those that the session adds to all responses (see
 * fields.h), plan_prepared, page_fields, FIELDS, and Content-Length if plan_needs_length. The first
 * two sets are blocks, which a session may keep encoded.
 *
 * A plan *borrows* from the request and the resource: it is made and used in one step. Uses
 * resource, default_fields, multipart and the modules that evaluate request fields. RFC 9110. */
#ifndef SLUICE_PLAN_H
#define SLUICE_PLAN_H

#include "base/date.h"
#include "http/multipart.h"
#include "http/request.h"
#include "http/resource.h"

enum { PLAN_FIELDS_MAX = 7 };

struct plan_field {
    struct str name;
    struct str value;
    struct str query; /* with its '?': the end of a redirect's value, written by path_put_query */
};

/* The fields of a variant that a response has. */
enum plan_prepared {
    PLAN_NONE,
    PLAN_VALIDATORS, /* those of a 304 */
    PLAN_PARTIAL,    /* all but Content-Length, which differs */
    PLAN_ALL,
};

/* Settings of a site for all its responses. */
struct plan_policy {
    bool cors;     /* scripts of every origin may read everything: preflight requests succeed */
    bool fallback; /* the site has a page for routes that only a script in the browser knows */
};

struct plan {
    enum http_status status;
    const struct variant *variant; /* whose prepared fields are sent */
    enum plan_prepared prepared;
    struct plan_field fields[PLAN_FIELDS_MAX]; /* besides the prepared ones and the page's */
    unsigned field_count;
    /* The site's fields for a page that Sluice makes; NULL: none. *Borrowed*. */
    const struct field_block *page_fields;
    struct str text;               /* a body that is static text; absent: parts */
    const struct outq_part *parts; /* a body of parts of blobs: ONE, or those of MULTIPART */
    unsigned part_count;
    uint64_t content_bytes; /* length of the body */
    bool body_omitted;      /* a response to HEAD: the fields of GET without the body */
    struct outq_part one;
    struct multipart *multipart; /* owned */
    char content_range[MULTIPART_RANGE_BYTES];
};

/* The bytes of content that PLAN sends. */
static inline uint64_t plan_body_bytes(const struct plan *plan)
{
    return plan->body_omitted ? 0 : plan->content_bytes;
}

/* Whether the response to REQUEST depends on the resource at its path. If not (the request is
 * refused, or its method is OPTIONS), plan_make needs of what was found only a resource's page
 * fields, which may be absent, and so may the resource. */
bool plan_needs_resource(const struct request *request);

/* Whether REQUEST, if its path is a 404, gets the fallback page: a browser makes it to show a page
 * (Sec-Fetch-Dest: document); or it accepts HTML, and its path does not look like a file's (no dot
 * in its last segment, or .html). */
bool plan_takes_fallback(const struct request *request, const struct plan_policy *policy);

/* Decides the response. A plan points into itself, so it must not move. *Gives*: plan_fini. */
void plan_make(struct plan *ret, const struct request *request, const struct found *found,
               const struct plan_policy *policy, const struct date_now *now);

/* Plans a redirect with status 308 (RFC 9110 section 15.4.9) to PREFIX ("https://example.org:8443")
 * and the path and query of REQUEST, whose path begins with a slash. Needs nothing else; PREFIX is
 * *borrowed*. A target that is too long for Location makes the status 414. */
void plan_make_redirect(struct plan *ret, const struct request *request, struct str prefix);

/* Plans a redirect of REQUEST with STATUS to LOCATION, which is *borrowed*; absent: it is too long,
 * and the status is 414. */
void plan_make_redirect_to(struct plan *ret, const struct request *request, enum http_status status,
                           struct str location);

/* Adds the fields by which scripts of every origin may follow PLAN, one of these redirects: the
 * Fetch standard checks them in each answer on the way (section 4.4). */
void plan_allow_origins(struct plan *plan);

/* Adds the field NAME to PLAN, unless it has one of that name by a rule of the site or otherwise.
 * Text is *borrowed*. For the caller of plan_make, once. */
void plan_add_field(struct plan *plan, struct str name, struct str value);

void plan_fini(struct plan *plan);

/* The prepared fields that the response has. *Borrowed* from the variant. */
static inline struct field_block plan_prepared(const struct plan *plan)
{
    if (plan->prepared == PLAN_NONE)
        return (struct field_block){.lines = NULL};
    struct field_block block = plan->variant->fields;
    if (plan->prepared == PLAN_VALIDATORS)
        block.cut = plan->variant->validators;
    else if (plan->prepared == PLAN_PARTIAL)
        block.cut = plan->variant->partial;
    return block;
}

/* Whether the session adds Content-Length to the fields: it is not prepared, and there is
 * content. */
static inline bool plan_needs_length(const struct plan *plan)
{
    return plan->prepared != PLAN_ALL && plan->content_bytes > 0;
}

#endif
