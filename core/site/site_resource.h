/* site_resource: makes the resource for a path out of what was fetched.
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

#endif
