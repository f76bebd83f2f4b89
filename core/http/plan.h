/* plan: the decision: (request, what was found, policy, now) -> status, fields, body.
 *
 * Pure, and of no version of HTTP: fields are names and values, a session puts them on the wire. A
 * plan *borrows* from the request and the resource: it is made and used inside one step. */
#ifndef SLUICE_PLAN_H
#define SLUICE_PLAN_H

#include "base/date.h"
#include "http/multipart.h"
#include "http/request.h"
#include "http/resource.h"

enum { PLAN_FIELDS_MAX = 6 };

struct plan_field {
    struct str name;
    struct str value;
    struct str more; /* goes on with the value, without a separator: a redirect's query */
};

/* Which of a variant's prepared fields go along. */
enum plan_prepared {
    PLAN_NONE,
    PLAN_VALIDATORS, /* as with 304 */
    PLAN_PARTIAL,    /* all but Content-Length, which is another */
    PLAN_ALL,
};

/* What a site decides about all its answers. */
struct plan_policy {
    bool cors; /* scripts of other origins may read everything: their questions are answered so */
    bool fallback; /* there is a page for routes that only a script in the browser knows */
};

struct plan {
    enum http_status status;
    const struct variant *variant; /* whose prepared fields are sent */
    enum plan_prepared prepared;
    struct plan_field fields[PLAN_FIELDS_MAX]; /* besides the prepared ones */
    unsigned field_count;
    struct str site_lines;         /* prepared field lines of a page of our own; absent: none */
    struct str text;               /* a body that is static text */
    const struct outq_part *parts; /* or one of parts of blobs: at ONE, or of MULTIPART */
    unsigned part_count;
    uint64_t content_bytes; /* of the body; in no field yet, unless PREPARED is ALL */
    bool body_omitted;      /* the answer to HEAD: fields as for GET, and no body */
    struct outq_part one;
    struct multipart *multipart; /* owned */
    char content_range[MULTIPART_RANGE_BYTES];
};

/* Whether REQUEST can be answered only with what its path stands for. If not (it is refused, or its
 * method asks for none), plan_make takes NULL for that. */
bool plan_needs_resource(const struct request *request);

/* Whether REQUEST, if there is nothing at its path, is one for the fallback page: it would take HTML,
 * and its path doesn't look like a file's (no dot in its last segment, or .html). */
bool plan_takes_fallback(const struct request *request, const struct plan_policy *policy);

/* Decides. A plan borrows from itself, so it stays where it is. *Gives*: plan_fini. */
void plan_make(struct plan *ret, const struct request *request, const struct found *found,
               const struct plan_policy *policy, const struct date_now *now);

void plan_fini(struct plan *plan);

#endif
