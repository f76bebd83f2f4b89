/* authority: who a request is for: Host, and the authority of a request target. RFC 3986 section 3.2,
 * RFC 9110 sections 4.2 and 7.2, RFC 9112 sections 3.2.2 and 3.2.3.
 *
 * Pure; includes str and scan. Only the form is judged; names are not looked up. */
#ifndef SLUICE_AUTHORITY_H
#define SLUICE_AUTHORITY_H

#include "base/str.h"

/* Whether TEXT is uri-host [ ":" port ], which Host holds: a name, an IPv4 address, an IPv6 address or
 * something later in brackets; may be empty, and so may the port. */
bool authority_is_host(struct str text);

/* Whether TEXT is uri-host ":" port, neither of them empty: authority-form, the target of CONNECT. */
bool authority_is_complete(struct str text);

/* Cuts scheme and authority off an absolute-form TARGET, which leaves "/path", "?query" or nothing. False,
 * with nothing changed, if it isn't http or https, or the authority is malformed or has no host. */
bool authority_cut(struct str *target);

#endif
