/* url: the http and https URLs that subcommands take (RFC 9110 section 4.2, RFC 3986). */
#ifndef SLUICE_URL_H
#define SLUICE_URL_H

#include "base/problem.h"
#include "base/str.h"

struct url {
    bool secure;          /* https */
    struct str authority; /* host[:port]; absent: the URL is a path */
    struct str host;      /* of AUTHORITY, as it is written; an IPv6 address has its brackets */
    uint16_t port;        /* of AUTHORITY, or the scheme's */
    struct str target;    /* path and query: empty or with a slash, or a '?' in front */
};

/* Splits TEXT, from which RET borrows: a URL, or a path that begins with a slash. A fragment is
 * left out, as clients do. Returns 0, or -EINVAL with *RET_PROBLEM set. */
int url_parse(struct url *ret, const char *text, struct problem *ret_problem);

#endif
