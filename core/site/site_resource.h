/* site_resource: makes the resource for a path out of what was fetched, or of another resource.
 *
 * Adds the header fields that the site's rules, its options and the defaults give the path. Pure:
 * no I/O, and the site is only read. */
#ifndef SLUICE_SITE_RESOURCE_H
#define SLUICE_SITE_RESOURCE_H

#include "http/resource.h"
#include "site/site.h"

/* Makes the resource for PATH, for every host, out of FETCHED, which must not be FETCH_UNCHANGED.
 * Times are in seconds since 1970. *Gives* one reference; NULL: out of memory. */
struct resource *site_resource_make(const struct site *site, const struct path *path,
                                    const struct fetched *fetched, int64_t now_seconds);

/* The path and the host that a request asks for. */
struct site_target {
    const struct path *path;
    struct str host; /* as from authority_host; empty: rules for hosts do not match */
};

/* Responses without content of the site's. */
enum site_bare {
    SITE_BARE_ERROR,
    SITE_BARE_REDIRECT,
    SITE_BARE_PREFLIGHT, /* the answer to OPTIONS */
};

/* Makes a resource that has page fields only: those of a response that is the same whatever exists
 * at the path of TARGET. *Gives* one reference; NULL: the site adds nothing to the defaults, or
 * out of memory. */
struct resource *site_resource_make_bare(const struct site *site, const struct site_target *target,
                                         enum site_bare bare);

/* Makes the resource that sends for TARGET what ORIGINAL, which was made for its path and every
 * host, sends, with the fields of TARGET's host. It has the lease of ORIGINAL. *Gives* one
 * reference; NULL: out of memory. */
struct resource *site_resource_make_for_host(const struct site *site,
                                             const struct site_target *target,
                                             const struct resource *original);

/* The same for a route: PAGE is the FILE of the site's fallback. */
struct resource *site_resource_make_route(const struct site *site, const struct site_target *target,
                                          const struct resource *page);

/* Calls NOTE with each rule of the site that counts for a response of KIND for TARGET; sets are
 * those of site_rule_sets. */
void site_resource_trace_rules(const struct site *site, const struct site_target *target,
                               enum rules_response_kind kind,
                               void (*note)(void *context, const struct rules_step *step),
                               void *context);

/* Whether the resource for TARGET is not the one that was made for every host. */
bool site_resource_depends_on_host(const struct site *site, const struct site_target *target);

#endif
