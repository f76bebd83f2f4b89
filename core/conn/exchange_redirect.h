/* exchange_redirect: the answers that send a client elsewhere whatever the site's files are: to
 * https, to the canonical name of the site, and by its redirects, in this order. A part of
 * exchange.h.
 *
 * Challenges of certificate authorities (RFC 8555 section 8.3) are not redirected, except on a TLS
 * port that plain HTTP came to. Only names that are configured go into Location; for those on the
 * way to https see origin_https_prefix. */
#ifndef SLUICE_EXCHANGE_REDIRECT_H
#define SLUICE_EXCHANGE_REDIRECT_H

#include "conn/exchange.h"

/* Plans the redirect that REQUEST, which has no refusal, gets from its origin or from the site of
 * EXCHANGE. NONE: no redirect, or REQUEST is now refused, as it names no host to redirect to. */
enum exchange_redirect exchange_redirect(struct conn_context *context, struct exchange *exchange,
                                         struct request *request);

#endif
