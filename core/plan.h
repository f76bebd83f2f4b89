/* plan: the decision: (request, resource, now) -> status, fields, body.
 *
 * Pure, and of no version of HTTP: fields are names and values, a session puts them on the wire. A
 * plan *borrows* everything from the request and the resource, and holds no reference: it is made and
 * used inside one step. */
#ifndef SLUICE_PLAN_H
#define SLUICE_PLAN_H

#include "date.h"
#include "outq.h"
#include "resource.h"

enum { PLAN_FIELDS_MAX = 4 };

struct plan_field {
    struct str name;
    struct str value;
    struct str more; /* goes on with the value, without a separator: a redirect's query */
};

struct plan {
    enum http_status status;
    const struct variant *variant;             /* whose prepared fields are sent; NULL: none */
    bool validators_only;                      /* of these, only the validators: a 304 */
    struct plan_field fields[PLAN_FIELDS_MAX]; /* besides the prepared ones */
    unsigned field_count;
    struct str text;       /* a body that is static text; its length is in no field yet */
    struct outq_part part; /* or a body from the resource; blob NULL: none */
    bool body_omitted;     /* the answer to HEAD: fields as for GET, and no body */
};

/* Whether REQUEST can be answered only with the resource its path stands for. If not (it is refused,
 * or its method is none of ours), plan_make takes NULL for the resource. */
bool plan_needs_resource(const struct request *request);

void plan_make(struct plan *ret, const struct request *request, const struct resource *resource,
               const struct date_now *now);

#endif
