/* authority: validates the host that a request is for, in Host and in a request target. RFC 3986
 * section 3.2, RFC 9110 sections 4.2 and 7.2, RFC 9112 sections 3.2.2 and 3.2.3.
 *
 * Pure; includes str and scan. Checks only the syntax; names are not looked up. User info is
 * refused: a request has none (RFC 9110 section 4.2.4). */
#ifndef SLUICE_AUTHORITY_H
#define SLUICE_AUTHORITY_H

#include "base/str.h"

/* Whether TEXT is uri-host [ ":" port ], the syntax of Host: a name, an IPv4 address, or in
 * brackets an IPv6 address or an IPvFuture. TEXT may be empty, and so may the port. */
bool authority_is_host(struct str text);

/* Whether TEXT is uri-host ":" port, neither of them empty: authority-form, the target of
 * CONNECT. */
bool authority_is_complete(struct str text);

enum { AUTHORITY_HOST_BYTES_MAX = 255 }; /* RFC 1035 section 2.3.4 */

/* The host of AUTHORITY, host[:port], in lower case: without its port and one trailing dot; an IPv6
 * address keeps its brackets. Written to TO. Empty: there is no host, or it is longer than
 * AUTHORITY_HOST_BYTES_MAX. */
struct str authority_host(struct str authority, char to[static AUTHORITY_HOST_BYTES_MAX]);

enum { AUTHORITY_PORT_BYTES_MAX = 6 }; /* ":65535" */

/* The port of AUTHORITY, host[:port], with the colon before it. Empty: AUTHORITY has no port, or a
 * longer one than AUTHORITY_PORT_BYTES_MAX. *Borrowed*. */
struct str authority_port(struct str authority);

/* The user info (RFC 3986 section 3.2.1) in TEXT, an absolute URI or an authority, well-formed or
 * not, without the "@" after it. A path that begins with "/" has none. Absent: TEXT has none.
 * *Borrowed*. */
struct str authority_user_info(struct str text);

/* Removes the scheme and the authority from an absolute-form TARGET; "/path", "?query" or nothing
 * is left. *RET_AUTHORITY, host[:port], *borrows* from TARGET. False, with nothing changed: the
 * scheme is not http or https, or the authority is malformed or has no host. */
bool authority_cut(struct str *target, struct str *ret_authority);

#endif
