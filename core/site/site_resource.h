/* site_resource: makes the resource for a path out of what was fetched, or of another resource.
 *
 * Adds the header fields that the site's rules, its options and the defaults give the path. Pure:
 * no I/O, and the site is only read. */
#ifndef SLUICE_SITE_RESOURCE_H
#define SLUICE_SITE_RESOURCE_H

#include "http/resource.h"
#include "site/site.h"

/* Makes the resource for PATH out of FETCHED, which must not be FETCH_UNCHANGED. INDEX is the name
 * of the file that is served for a directory. Times are in seconds since 1970. *Gives* one
 * reference; NULL: out of memory. */
struct resource *site_resource_make(const struct site *site, const struct path *path,
                                    struct str index, const struct fetched *fetched,
                                    int64_t now_seconds);

/* Responses without content of the site's. */
enum site_bare {
    SITE_BARE_ERROR,
    SITE_BARE_REDIRECT,
    SITE_BARE_PREFLIGHT, /* the answer to OPTIONS */
};

/* Makes a resource that has page fields only: those of a response that is the same whatever exists
 * at PATH. *Gives* one reference; NULL: the site adds nothing to the defaults, or out of memory. */
struct resource *site_resource_make_bare(const struct site *site, const struct path *path,
                                         enum site_bare bare);

/* Makes the resource that sends the content of PAGE, the FILE of the site's fallback, for PATH, a
 * route: with the fields of PATH. It has the lease of PAGE. *Gives* one reference; NULL: out of
 * memory. */
struct resource *site_resource_make_route(const struct site *site, const struct path *path,
                                          const struct resource *page);

#endif
