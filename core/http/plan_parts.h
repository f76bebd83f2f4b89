/* plan_parts: the steps of which plans are made; for plan.c and plan_redirect.c alone. */
#ifndef SLUICE_PLAN_PARTS_H
#define SLUICE_PLAN_PARTS_H

#include "http/plan.h"

/* Begins the plan for REQUEST, for which FOUND was found; NULL: nothing. Members that are not used
 * yet are not initialised, because this runs for every request. */
void plan_init(struct plan *ret, const struct request *request, const struct found *found);

/* Adds a field. Text is *borrowed*. */
void plan_put_field(struct plan *plan, struct str name, struct str value);

/* Makes PLAN the page for STATUS that Sluice makes: an error or a redirect. */
void plan_set_page(struct plan *plan, enum http_status status);

/* Plans the redirect RESOURCE (section 15.4.2). Location is relative, so it is right with any proxy
 * in front. */
void plan_redirect(struct plan *plan, const struct request *request,
                   const struct resource *resource);

#endif
